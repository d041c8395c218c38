"""Say how a live venue is heard: rows come in as they were sent, whatever its connections do."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Protocol, TypeAlias


@dataclass(frozen=True, slots=True)
class Mark:
    """Hold the last trade of a channel: its symbol, the channel whose ids these are, and the id."""

    symbol: str
    channel: str
    trade_id: int


@dataclass(frozen=True, slots=True)
class Received:
    """Hold one message as it came in.

    Args:
        row: Its bytes.
        ts_receive: When it came in, UTC nanoseconds.
        symbol: Symbol it is about when it names none itself (an answer over REST); else empty.
        quote_of: Symbol whose best bid and offer it tells, and nothing else; empty for what must never be lost.
        url: Where it was asked for over REST; empty for a stream.
        marks: Trades up to which nothing is missing once this message is published.
    """

    row: bytes
    ts_receive: int
    symbol: str = ""
    quote_of: str = ""
    url: str = ""
    marks: tuple[Mark, ...] = ()


Put: TypeAlias = Callable[[Received], Awaitable[None]]


class Venue(Protocol):
    """Listen to a venue, whatever its connections do."""

    async def run(self, put: Put) -> None:
        """Hand over every message in the order it came, connecting again when it must; ends only by cancelling."""
        ...


class Report(Protocol):
    """Take what an operator should know: an event in the past tense, ids and units as keys."""

    def __call__(self, event: str, **keys: object) -> None:
        """Write it down."""


class Wiretap(Protocol):
    """Take note of what passes beside the messages, for a tape."""

    def connected(self, url: str, ts: int) -> None:
        """Note that a connection was made, at UTC nanoseconds."""

    def sent(self, url: str, ts: int, text: str) -> None:
        """Note what was sent to the venue, at UTC nanoseconds."""
