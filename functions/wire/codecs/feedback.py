"""Write users' feedback as `tickloom.signals.v1` messages and read it back."""

from decimal import Decimal
from types import MappingProxyType
from typing import Final

from tickloom.signals.v1 import feedback_pb2

from functions.domain.errors import Rejected
from functions.domain.feedback import Feedback, FeedbackOutcome
from functions.domain.money import plain, plain_decimal
from functions.wire.codecs.messages import parse
from functions.wire.errors import Malformed

FEEDBACK: Final = "tickloom.signals.v1.Feedback"

_OUTCOMES: Final = MappingProxyType(
    {
        FeedbackOutcome.WIN: feedback_pb2.FEEDBACK_OUTCOME_WIN,
        FeedbackOutcome.LOSS: feedback_pb2.FEEDBACK_OUTCOME_LOSS,
        FeedbackOutcome.SCRATCH: feedback_pb2.FEEDBACK_OUTCOME_SCRATCH,
        FeedbackOutcome.DISMISSED: feedback_pb2.FEEDBACK_OUTCOME_DISMISSED,
    }
)
_OUTCOME_OF: Final = MappingProxyType({number: one for one, number in _OUTCOMES.items()})


def encode_feedback(value: Feedback) -> bytes:
    """Write feedback; equal feedback gives equal bytes."""
    message = feedback_pb2.Feedback(
        signal_id=value.signal_id,
        who=value.who,
        outcome=_OUTCOMES[value.outcome],
        actual_entry_price=_text(value.actual_entry_price),
        actual_exit_price=_text(value.actual_exit_price),
        profit_loss_pct=_text(value.profit_loss_pct),
        notes=value.notes,
        as_of_ns=value.as_of_ns,
    )
    return message.SerializeToString(deterministic=True)


def decode_feedback(data: bytes) -> Feedback:
    """Read feedback.

    Raises:
        Malformed: The bytes are no Feedback, its outcome is unknown, a figure is no decimal, or it cannot be.
    """
    message = parse(feedback_pb2.Feedback, data)
    if message.outcome not in _OUTCOME_OF:
        detail = f"feedback on signal {message.signal_id!r}: outcome {message.outcome} is unknown"
        raise Malformed(detail)
    try:
        return Feedback(
            signal_id=message.signal_id,
            who=message.who,
            outcome=_OUTCOME_OF[message.outcome],
            as_of_ns=message.as_of_ns,
            actual_entry_price=_decimal(message.actual_entry_price),
            actual_exit_price=_decimal(message.actual_exit_price),
            profit_loss_pct=_decimal(message.profit_loss_pct),
            notes=message.notes,
        )
    except (Rejected, ValueError) as error:  # what comes over the wire is not what it claims to be
        raise Malformed(str(error)) from error


def _text(value: Decimal | None) -> str:
    return "" if value is None else plain(value)


def _decimal(text: str) -> Decimal | None:
    return plain_decimal(text) if text else None
