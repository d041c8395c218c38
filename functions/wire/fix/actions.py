"""Say what a FIX session is made of: roles and phases, its terms, what it remembers, and the actions it asks for.

What must be remembered is an action of its own and stands before what relies on it.
"""

from dataclasses import dataclass, field
from enum import Enum
from typing import TypeAlias

from functions.wire.fix.codec import MESSAGE_BYTES_MAX, Message, masked


class Role(Enum):
    """Say who connects."""

    INITIATOR = "initiator"
    ACCEPTOR = "acceptor"


class Phase(Enum):
    """Say where a connection stands."""

    CLOSED = "closed"
    LOGGING_ON = "logging on"
    ACTIVE = "active"
    LOGGING_OUT = "logging out"  # we asked
    LOGGED_OUT = "logged out"  # they asked, we answered


@dataclass(frozen=True, slots=True)
class Terms:
    """Say by what limits a session is kept.

    Args:
        heartbeat_s: Heartbeat interval an initiator asks for, seconds; 0 is none. An acceptor takes what is asked.
        reset_on_logon: Whether an initiator begins every connection at 1.
        username: User name of the Logon, sent by an initiator and asked for by an acceptor; empty for none.
        password: Password of the Logon.
        latency_s_max: How far SendingTime may be from our clock, seconds.
        logon_s: Longest wait for a Logon, seconds.
        logout_s: Longest wait for an answer to a Logout, seconds.
        resend_s: Longest wait for what was asked for again before it is asked for anew, seconds.
        queued_max: Messages that are held behind a gap; more are dropped, since the resend brings them.
        sent_max: Sent messages that are kept for a resend; older ones are covered by a gap fill.
        message_bytes_max: Longest message that is taken.
        accepts: Application MsgTypes that are taken; None takes all of FIX 4.4's and the two sides' own.
    """

    heartbeat_s: int = 30
    reset_on_logon: bool = False
    username: str = field(default="", repr=False)
    password: str = field(default="", repr=False)
    latency_s_max: float = 120.0
    logon_s: float = 10.0
    logout_s: float = 10.0
    resend_s: float = 10.0
    queued_max: int = 2_000
    sent_max: int = 10_000
    message_bytes_max: int = MESSAGE_BYTES_MAX
    accepts: frozenset[str] | None = None

    def __post_init__(self) -> None:
        """Refuse limits that would hold nothing."""
        for name in ("latency_s_max", "logon_s", "logout_s", "resend_s", "queued_max", "sent_max", "message_bytes_max"):
            if getattr(self, name) <= 0:
                msg = f"{name} must be more than 0"
                raise ValueError(msg)
        if self.heartbeat_s < 0:
            msg = "heartbeat_s must not be negative"
            raise ValueError(msg)


@dataclass(slots=True)
class Numbers:
    """Hold what a session remembers from one connection to the next."""

    next_in: int = 1
    next_out: int = 1
    sent: dict[int, bytes] = field(default_factory=dict)
    """Application messages by number, for a resend; oldest first."""


@dataclass(frozen=True, slots=True)
class Send:
    """Write these bytes; `repr` masks secrets."""

    data: bytes = field(repr=False)

    def __repr__(self) -> str:
        """Show the message without secrets."""
        return f"Send({masked(self.data)!r})"


@dataclass(frozen=True, slots=True)
class KeepSent:
    """Remember that a number is used, with its message where that may be resent."""

    number: int
    data: bytes | None = field(repr=False)


@dataclass(frozen=True, slots=True)
class KeepNextIn:
    """Remember the number that is expected next."""

    number: int


@dataclass(frozen=True, slots=True)
class KeepReset:
    """Forget everything sent, and remember both numbers."""

    next_in: int
    next_out: int


@dataclass(frozen=True, slots=True)
class Deliver:
    """Hand a message to the application; `refused` says why the session rejected it, empty when it did not."""

    message: Message
    refused: str = ""


@dataclass(frozen=True, slots=True)
class LoggedOn:
    """Say that the session is active."""


@dataclass(frozen=True, slots=True)
class Disconnect:
    """End the connection."""

    reason: str


@dataclass(frozen=True, slots=True)
class Note:
    """Tell an operator: an event in the past tense, and what was found."""

    event: str
    text: str


Action: TypeAlias = Send | KeepSent | KeepNextIn | KeepReset | Deliver | LoggedOn | Disconnect | Note


class NotLoggedOn(RuntimeError):  # noqa: N818 - it says what was found
    """The session is not active; nothing was sent, and nothing will be."""
