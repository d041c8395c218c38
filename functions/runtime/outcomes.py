"""Own the one table from what went wrong to what the deliverer should do (design R8); nothing else repeats it.

Deliverers dead-letter 400, 413, 415 and 422 at once and retry 429, 500 and 503 (knative.md section 2.2).
"""

from enum import Enum
from typing import Final

from functions.domain.errors import Rejected
from functions.ports.errors import Overloaded, Unavailable
from functions.wire.errors import Malformed


class Outcome(Enum):
    """Name what became of an event; the value labels metrics, logs and problem documents."""

    REPLIED = "replied"
    CONSUMED = "consumed"
    MALFORMED = "malformed"
    TOO_LARGE = "too_large"
    UNSUPPORTED = "unsupported"
    REJECTED = "rejected"
    OVERLOADED = "overloaded"
    FAILED = "failed"
    UNAVAILABLE = "unavailable"


class Unread(Malformed):
    """The message is refused before its bytes are read."""


class TooLarge(Unread):
    """The bytes are more than the named limit allows."""


class Unsupported(Unread):
    """The bytes are in an encoding that is not taken."""


OK: Final = 200
NO_CONTENT: Final = 204
INTERNAL_ERROR: Final = 500

# Read from the top: the first class that fits decides, so a narrower error stands above its root.
_TABLE: Final[tuple[tuple[type[Exception], int, Outcome], ...]] = (
    (TooLarge, 413, Outcome.TOO_LARGE),
    (Unsupported, 415, Outcome.UNSUPPORTED),
    (Malformed, 400, Outcome.MALFORMED),
    (Rejected, 422, Outcome.REJECTED),
    (Overloaded, 429, Outcome.OVERLOADED),
    (Unavailable, 503, Outcome.UNAVAILABLE),
    (Exception, INTERNAL_ERROR, Outcome.FAILED),
)

_BY_STATUS: Final = {OK: Outcome.REPLIED, NO_CONTENT: Outcome.CONSUMED} | {
    status: outcome for _, status, outcome in _TABLE
}

RETRIED: Final = frozenset((Outcome.OVERLOADED, Outcome.UNAVAILABLE, Outcome.FAILED))
WAITED_FOR: Final = frozenset((Outcome.OVERLOADED, Outcome.UNAVAILABLE))  # answered with Retry-After


def status_of(error: BaseException) -> int:
    """Give the HTTP status that tells a deliverer what to do about an error.

    >>> status_of(Malformed("no type")), status_of(ZeroDivisionError())
    (400, 500)
    """
    return _row(error)[0]


def outcome_of(error: BaseException) -> Outcome:
    """Give the name of what became of an event that raised this error."""
    return _row(error)[1]


def outcome_at(status: int) -> Outcome:
    """Give the name of what a status says became of an event.

    >>> outcome_at(204).value, outcome_at(413).value
    ('consumed', 'too_large')
    """
    return _BY_STATUS.get(status, Outcome.MALFORMED if status < INTERNAL_ERROR else Outcome.FAILED)


def _row(error: BaseException) -> tuple[int, Outcome]:
    for kind, status, outcome in _TABLE:
        if isinstance(error, kind):
            return status, outcome
    return INTERNAL_ERROR, Outcome.FAILED
