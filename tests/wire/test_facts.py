"""Ids are functions of facts, and sequence numbers are whole numbers that fit 64 bits."""

import uuid

import pytest
from counts import examples
from hypothesis import given, settings
from hypothesis import strategies as st

from functions.wire import facts
from functions.wire.envelope import Event
from functions.wire.errors import Malformed

SOURCE = "/tickloom/feeds/replay/BINANCE-0.replay"


@given(st.text(max_size=60), st.integers(0, facts.SEQUENCE_MAX))
@settings(max_examples=examples(500), deadline=None)
def test_batch_id_is_uuid5(source: str, number: int) -> None:
    """A batch's id is the version 5 UUID of its source and number in our namespace."""
    assert facts.batch_id(source, number) == str(uuid.uuid5(facts.NAMESPACE, f"{source}#{number}"))


@given(st.text(max_size=60), st.integers())
@settings(max_examples=examples(500), deadline=None)
def test_fact_id_is_uuid5(instrument_id: str, start_ns: int) -> None:
    """A fact's id is the version 5 UUID of its type and natural key in our namespace."""
    assert facts.fact_id("t", instrument_id, start_ns) == str(
        uuid.uuid5(facts.NAMESPACE, f"t|{instrument_id}|{start_ns}")
    )


@given(st.integers(0, facts.SEQUENCE_MAX))
@settings(max_examples=examples(500), deadline=None)
def test_sequence_read_back(number: int) -> None:
    """A sequence number is written as 20 digits and read back as it was."""
    text = facts.sequence_text(number)
    assert len(text) == facts.SEQUENCE_DIGITS
    assert facts.sequence_of(Event("1", SOURCE, "t", extensions={"sequence": text})) == number


def test_no_sequence() -> None:
    """An event without a sequence counts as the first of its source."""
    assert facts.sequence_of(Event("1", SOURCE, "t")) == 0


@pytest.mark.parametrize("text", ["1" * 21, "-1", "+1", "1.0", "1_0", " 1", "x", "\u0661", "9223372036854775808"])
def test_sequence_malformed(text: str) -> None:
    """A sequence that is not 1 to 20 ASCII digits, or does not fit 64 bits with a sign, is malformed."""
    with pytest.raises(Malformed, match="sequence of"):
        facts.sequence_of(Event("1", SOURCE, "t", extensions={"sequence": text}))
