"""Feedback survives the wire exactly, is named by signal and user, and what cannot be is refused."""

from decimal import Decimal

import pytest
from counts import examples
from hypothesis import given, settings
from hypothesis import strategies as st
from tickloom.signals.v1 import feedback_pb2

from functions.domain.feedback import Feedback, FeedbackOutcome
from functions.wire.codecs.feedback import FEEDBACK, decode_feedback, encode_feedback
from functions.wire.errors import Malformed
from functions.wire.feedback import feedback_event, feedback_id

WON = Feedback("s-1", "u-7", FeedbackOutcome.WIN, 5, Decimal("2301.25"), Decimal("2340.5"), Decimal("1.6"), "ok")
TEXT = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), max_size=12)
PRICES = st.none() | st.decimals("0.00000001", "99999999", places=8)
SAID = st.builds(
    Feedback,
    signal_id=TEXT.filter(bool),
    who=TEXT.filter(bool),
    outcome=st.just(FeedbackOutcome.SCRATCH),
    as_of_ns=st.integers(1, 2**63 - 1),
    actual_entry_price=PRICES.filter(bool),
    actual_exit_price=PRICES,
    profit_loss_pct=st.none() | st.decimals(-100, 1000, places=4),
    notes=TEXT,
)


@given(SAID)
@settings(max_examples=examples(500), deadline=None)
def test_round_trip(said: Feedback) -> None:
    """What is decoded is what was encoded, and encodes to the same bytes."""
    data = encode_feedback(said)
    assert decode_feedback(data) == said
    assert encode_feedback(decode_feedback(data)) == data


@pytest.mark.parametrize("outcome", FeedbackOutcome)
def test_outcomes(outcome: FeedbackOutcome) -> None:
    """Every outcome has its own number; figures that were not told stay untold."""
    said = Feedback("s-1", "u-7", outcome, 5)
    assert decode_feedback(encode_feedback(said)) == said


@given(st.binary(max_size=100))
@settings(max_examples=examples(1000), deadline=None)
def test_any_bytes(data: bytes) -> None:
    """Any bytes are read or refused as malformed, and nothing else happens."""
    try:
        decode_feedback(data)
    except Malformed:
        return


@pytest.mark.parametrize(
    ("field", "value", "found"),
    [
        ("outcome", 0, "outcome 0 is unknown"),
        ("outcome", 9, "outcome 9 is unknown"),
        ("actual_entry_price", "1e3", "'1e3' is no plain decimal"),
        ("profit_loss_pct", "-2", "win and -2 % contradict each other"),
        ("signal_id", "", "names no signal"),
    ],
)
def test_refused(field: str, value: object, found: str) -> None:
    """An unknown outcome, a figure that is no decimal, and feedback that cannot be are malformed."""
    message = feedback_pb2.Feedback.FromString(encode_feedback(WON))
    setattr(message, field, value)
    with pytest.raises(Malformed, match=found):
        decode_feedback(message.SerializeToString())


def test_event() -> None:
    """What one user says of one signal has one name, whatever is said; its cause is the signal."""
    event = feedback_event(WON, origin="cli")
    assert event == feedback_event(WON, origin="cli")
    assert feedback_id("s-1", "u-7") == f"fb_{event.id}"
    assert len({feedback_id(*key) for key in (("s-1", "u-7"), ("s-1", "u-8"), ("s-2", "u-7"))}) == 3
    assert (event.type, event.time_ns, event.source) == (FEEDBACK, 5, "/tickloom/services/cli/feedback")
    assert event.extensions["causationid"] == event.extensions["correlationid"] == "s-1"
    assert decode_feedback(event.data or b"") == WON
