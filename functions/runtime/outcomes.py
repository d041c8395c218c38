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
    EXPIRED = "expired"
    MALFORMED = "malformed"
    UNAUTHENTICATED = "unauthenticated"
    FORBIDDEN = "forbidden"
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


class Unauthenticated(Exception):  # noqa: N818 - the status's own word
    """Nobody knows who calls. Its text is the caller's to read; `because` is for our log only.

    Attributes:
        because: What was found, more exactly than a forger should learn.
        challenge: What the caller should show, as `WWW-Authenticate` says it (RFC 6750 section 3).
    """

    def __init__(self, text: str, because: str = "", *, shown: bool = True) -> None:
        """Say it; `shown` is False where the caller showed nothing."""
        super().__init__(text)
        self.because = because or text
        self.challenge = f'Bearer error="invalid_token", error_description="{text}"' if shown else "Bearer"


class Forbidden(Exception):  # noqa: N818 - the status's own word
    """We know who calls, and it may not do this; the text names neither accounts nor what there is.

    Attributes:
        because: Who wanted what, for our log only.
        challenge: As above.
    """

    challenge = 'Bearer error="insufficient_scope"'

    def __init__(self, text: str, because: str) -> None:
        """Say it."""
        super().__init__(text)
        self.because = because


class TooLate(Unavailable):
    """The caller's deadline has passed; nothing was done."""


OK: Final = 200
NO_CONTENT: Final = 204
INTERNAL_ERROR: Final = 500

# Read from the top: the first class that fits decides, so a narrower error stands above its root.
# Error, HTTP status for deliverers, gRPC status for callers, name.
_TABLE: Final[tuple[tuple[type[Exception], int, str, Outcome], ...]] = (
    (Unauthenticated, 401, "UNAUTHENTICATED", Outcome.UNAUTHENTICATED),
    (Forbidden, 403, "PERMISSION_DENIED", Outcome.FORBIDDEN),
    (TooLarge, 413, "INVALID_ARGUMENT", Outcome.TOO_LARGE),
    (Unsupported, 415, "INVALID_ARGUMENT", Outcome.UNSUPPORTED),
    (Malformed, 400, "INVALID_ARGUMENT", Outcome.MALFORMED),
    (Rejected, 422, "FAILED_PRECONDITION", Outcome.REJECTED),
    (Overloaded, 429, "RESOURCE_EXHAUSTED", Outcome.OVERLOADED),
    (TooLate, 504, "DEADLINE_EXCEEDED", Outcome.UNAVAILABLE),
    (Unavailable, 503, "UNAVAILABLE", Outcome.UNAVAILABLE),
    (Exception, INTERNAL_ERROR, "INTERNAL", Outcome.FAILED),
)

_BY_STATUS: Final = {OK: Outcome.REPLIED, NO_CONTENT: Outcome.CONSUMED} | {
    status: outcome for _, status, _, outcome in _TABLE
}

RETRIED: Final = frozenset((Outcome.OVERLOADED, Outcome.UNAVAILABLE, Outcome.FAILED))
RETRY_AFTER_S: Final = 1  # least wait a client is asked for; brokers keep their own backoff
WAITED_FOR: Final = frozenset((Outcome.OVERLOADED, Outcome.UNAVAILABLE))  # answered with Retry-After


def status_of(error: BaseException) -> int:
    """Give the HTTP status that tells a deliverer what to do about an error.

    >>> status_of(Malformed("no type")), status_of(ZeroDivisionError())
    (400, 500)
    """
    return _row(error)[1]


def code_of(error: BaseException) -> str:
    """Give the name of the gRPC status that tells a caller what to do about an error.

    >>> code_of(Rejected("kill switch"))
    'FAILED_PRECONDITION'
    """
    return _row(error)[2]


def outcome_of(error: BaseException) -> Outcome:
    """Give the name of what became of an event that raised this error."""
    return _row(error)[3]


def outcome_at(status: int) -> Outcome:
    """Give the name of what a status says became of an event.

    >>> outcome_at(204).value, outcome_at(413).value
    ('consumed', 'too_large')
    """
    return _BY_STATUS.get(status, Outcome.MALFORMED if status < INTERNAL_ERROR else Outcome.FAILED)


def _row(error: BaseException) -> tuple[type[Exception], int, str, Outcome]:
    return next((row for row in _TABLE if isinstance(error, row[0])), _TABLE[-1])
