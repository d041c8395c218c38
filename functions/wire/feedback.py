"""Write what users say of signals as events; the one place that says how feedback is named (design R6)."""

from typing import Final

from functions.domain.feedback import Feedback
from functions.wire.codecs.feedback import FEEDBACK, encode_feedback
from functions.wire.envelope import Event
from functions.wire.facts import PROTOBUF, fact_id, source_of
from functions.wire.raw import trace_of

_EDGE: Final = "fb_"
"""What a feedback id begins with where people see it."""


def feedback_id(signal_id: str, who: str) -> str:
    """Name what a user says of a signal, as people see it: what is said again has the same name.

    >>> feedback_id("s-1", "u-7") == feedback_id("s-1", "u-7"), feedback_id("s-1", "u-8")[:3]
    (True, 'fb_')
    """
    return _EDGE + fact_id(FEEDBACK, signal_id, who)


def feedback_event(feedback: Feedback, *, origin: str) -> Event:
    """Write feedback as the event a door publishes; it has no sequence, for doors scale out and keep no count.

    Args:
        feedback: What was said; the signal it is of is its cause.
        origin: The door it came in by.
    """
    name = fact_id(FEEDBACK, feedback.signal_id, feedback.who)
    return Event(
        id=name,
        source=source_of("services", origin, "feedback"),
        type=FEEDBACK,
        data=encode_feedback(feedback),
        time_ns=feedback.as_of_ns,
        datacontenttype=PROTOBUF,
        extensions={
            "partitionkey": feedback.signal_id,
            "causationid": feedback.signal_id,
            "correlationid": feedback.signal_id,
            "traceparent": trace_of(name),
        },
    )
