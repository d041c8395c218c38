"""Say how a live venue is heard: rows come in as they were sent, and a symbol's book can be asked for anew."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Protocol, TypeAlias


@dataclass(frozen=True, slots=True)
class Received:
    """Hold one message as it came in.

    Args:
        row: Its bytes.
        ts_receive: When it came in, UTC nanoseconds.
        symbol: Symbol it is about when it names none itself (a book snapshot); else empty.
    """

    row: bytes
    ts_receive: int
    symbol: str = ""


Put: TypeAlias = Callable[[Received], Awaitable[None]]


class Venue(Protocol):
    """Listen to a venue, whatever its connections do."""

    async def run(self, put: Put) -> None:
        """Hand over every message in the order it came, connecting again when it must; ends only by cancelling."""
        ...

    def resync(self, symbol: str) -> None:
        """Ask for a snapshot of a symbol's book soon; it comes as a message. Asking twice is asking once."""
        ...
