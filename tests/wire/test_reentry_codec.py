"""Decisions on re-entries are written and read back without loss; what cannot be is refused."""

from dataclasses import replace
from decimal import Decimal
from typing import Any

import pytest
from counts import examples
from hypothesis import given, settings
from hypothesis import strategies as st
from reentered import DECISION, WAITING
from tickloom.signals.v1 import reentry_pb2

from functions.domain.decisions import Action
from functions.domain.reentry import ENTERING, Cap, Case, Ending, Near, Proximity, Reaction, Ruling, Scheduled
from functions.wire.codecs.reentry import REENTRY_DECISION, decode_reentry_decision, encode_reentry_decision
from functions.wire.errors import Malformed

FACTORS = st.decimals("0.001", "1000", places=3).map(Decimal)


def test_type() -> None:
    """The type on events is the message's full name."""
    assert reentry_pb2.ReentryDecision.DESCRIPTOR.full_name == REENTRY_DECISION


@given(
    st.sampled_from(Ending), st.sampled_from(Proximity), st.sampled_from(Reaction), st.integers(0, 16), FACTORS, FACTORS
)
@settings(max_examples=examples(200), deadline=None)
def test_round_trip(  # noqa: PLR0913, PLR0917 - parts of a decision
    ending: Ending, proximity: Proximity, reaction: Reaction, generation: int, factor: Decimal, notional: Decimal
) -> None:
    """Every decision comes back as it was, and equal ones give equal bytes."""
    size = factor if reaction in ENTERING else Decimal(0)
    event = None if proximity is Proximity.NONE else Scheduled("e", "CPI m/m \u0153", "USD", 7)
    ruling = Ruling(Case(ending, "quick", proximity, generation), reaction, size, Cap(generation, notional), 3, "when")
    told = replace(DECISION, ruling=ruling, near=Near(proximity, event, 9 if event else 0))
    data = encode_reentry_decision(told)
    assert decode_reentry_decision(data) == told
    assert encode_reentry_decision(decode_reentry_decision(data)) == data


@pytest.mark.parametrize("side", Action)
def test_sides(side: Action) -> None:
    """Each side comes back."""
    told = replace(DECISION, side=side)
    assert decode_reentry_decision(encode_reentry_decision(told)) == told


def message(**changes: Any) -> bytes:  # noqa: ANN401 - any field
    """Write a decision with fields changed."""
    value = reentry_pb2.ReentryDecision.FromString(encode_reentry_decision(DECISION))
    for name, change in changes.items():
        setattr(value, name, change)
    return value.SerializeToString()


@pytest.mark.parametrize(
    ("changes", "fault"),
    [
        ({"shard": ""}, "names no shard"),
        ({"decision_id": ""}, "has no decision_id"),
        ({"signal_id": ""}, "has no signal_id"),
        ({"instrument_id": ""}, "has no instrument_id"),
        ({"interval_s": 0}, "interval 0 s is not positive"),
        ({"as_of_ns": 0}, "time is not positive"),
        ({"ending": 0}, "ending 0 is unknown"),
        ({"proximity": 9}, "proximity 9 is unknown"),
        ({"reaction": 0}, "reaction 0 is unknown"),
        ({"side": 0}, "side 0 is unknown"),
        ({"event_id": "e"}, "an event without being near"),
        ({"proximity": 2}, "near without an event"),
        ({"size_factor": "0"}, "it enters without a size"),
        ({"reaction": 4}, "has a size and enters nothing"),
        ({"size_factor": "1e3"}, "size factor is no plain decimal"),
        ({"size_factor": "-0.5"}, "size factor is no plain decimal"),
        ({"notional_factor_max": "NaN"}, "bound of notional is no plain decimal"),
        ({"notional_factor_max": "0"}, "bound of notional is no plain decimal"),
        ({"generation": -1}, "a generation is negative"),
        ({"generation_max": -1}, "a generation is negative"),
    ],
)
def test_what_cannot_be(changes: dict[str, Any], fault: str) -> None:
    """What no decision can say is refused, and the message says what it was."""
    with pytest.raises(Malformed, match=fault):
        decode_reentry_decision(message(**changes))


@given(st.binary(max_size=200))
@settings(max_examples=examples(500), deadline=None)
def test_any_bytes(data: bytes) -> None:
    """Bytes that are no decision are malformed, whatever they are."""
    with pytest.raises(Malformed):
        decode_reentry_decision(data)


def test_cut_off() -> None:
    """A decision that was cut off anywhere is refused: its last field is the shard."""
    data = encode_reentry_decision(WAITING)
    for end in range(len(data)):
        with pytest.raises(Malformed):
            decode_reentry_decision(data[:end])
