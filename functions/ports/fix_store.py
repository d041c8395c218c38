"""Say how a FIX session remembers its numbers and messages, and that one session has one keeper."""

from collections.abc import Callable
from contextlib import AbstractContextManager
from dataclasses import dataclass
from typing import Protocol, TypeAlias

from functions.ports.errors import PortError
from functions.wire.fix.actions import Numbers
from functions.wire.fix.rules import Identity


class SessionTaken(PortError):  # noqa: N818 - it says what was found
    """Another socket or process keeps this session; there is never a second one."""


@dataclass(frozen=True, slots=True)
class Staged:
    """Hold what was about to be published, and the inbound number that is expected once it is; None moves none."""

    data: bytes
    next_in: int | None


@dataclass(frozen=True, slots=True)
class Remembered:
    """Hold all a session remembers.

    Args:
        numbers: Next numbers both ways, and what may be resent.
        memo: What the application settled last; empty at first.
        staged: What was staged and never settled, or None.
    """

    numbers: Numbers
    memo: bytes = b""
    staged: Staged | None = None


class FixStore(Protocol):
    """Remember one session; what a call keeps is still there after the process was killed.

    Every method raises `Unavailable` when the store cannot be written or read.
    """

    def load(self) -> Remembered:
        """Give what is remembered."""
        ...

    def keep_sent(self, number: int, data: bytes | None) -> None:
        """Remember that a number is used: the next one is one more. Data that may be resent is kept, bounded."""
        ...

    def keep_next_in(self, number: int) -> None:
        """Remember the inbound number that is expected next."""
        ...

    def reset(self, next_in: int, next_out: int) -> None:
        """Remember both numbers and forget what was sent; memo and staged stay."""
        ...

    def stage(self, staged: Staged) -> None:
        """Remember what is about to be published; it replaces what was staged before."""
        ...

    def settle(self, next_in: int | None, memo: bytes) -> None:
        """Remember, in one step, that what was staged is published: number (None stays) and memo move."""
        ...

    def close(self) -> None:
        """Let go of the session, so that another may keep it."""
        ...


class FixStores(Protocol):
    """Open the stores of sessions."""

    def open(self, identity: Identity) -> FixStore:
        """Take a session and give its store.

        Raises:
            SessionTaken: Somebody keeps it already.
            Unavailable: The store cannot be opened.
        """
        ...


Lease: TypeAlias = Callable[[], AbstractContextManager[FixStore]]
"""Take one session's store for the time of a connection; entering raises `SessionTaken` when another one has it."""
