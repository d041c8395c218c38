"""Give a simulated venue something to say: a made-up market that trades in real time, or a capture played again."""

import itertools
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Final, Protocol, TypeAlias

from functions.domain.simulation import STEP_NS, Listing, Market, Message, Shock, Snapshot
from functions.wire.tape import read_line

BEHIND_NS_MAX: Final = 1_000_000_000
LEVELS_MAX: Final = 5_000
HEAD_LINES_MAX: Final = 100_000
"""Lines of a capture that are searched for its first books."""


@dataclass(frozen=True, slots=True)
class Said:
    """Hold one thing a venue says.

    Args:
        ts_ns: When it is due, UTC nanoseconds.
        happened: What it tells.
        key: Who hears `text`; empty when the dialect writes the message itself.
        text: The message as it was captured; empty when the dialect writes it.
    """

    ts_ns: int
    happened: tuple[Message | Snapshot, ...]
    key: str = ""
    text: str = ""


class Source(Protocol):
    """Say what happens at a venue, in order of time."""

    ended: bool

    def listings(self) -> Mapping[str, Listing]:
        """Give what is traded, by venue symbol."""
        ...

    def snapshot(self, symbol: str) -> Snapshot | None:
        """Give a symbol's whole book as it is now; None where only what was told is known."""
        ...

    def begin(self, now_ns: int) -> None:
        """Take note that somebody listens for the first time."""
        ...

    def due(self, now_ns: int) -> Iterator[Said]:
        """Give what happens up to a step behind now; each has its time."""
        ...

    def next_ns(self) -> int:
        """Say when to ask again."""
        ...


class MarketSource:
    """Trade a made-up market by the wall clock.

    Args:
        market: What is traded; its clock stands still until `begin`.
        shocks: Moves to come, `at_ns` counted from the beginning.
    """

    def __init__(self, market: Market, shocks: Iterable[Shock] = ()) -> None:
        """Begin nothing yet."""
        self.market = market
        self.ended = False
        self._shocks = tuple(shocks)

    def listings(self) -> Mapping[str, Listing]:
        """Give what is traded, by venue symbol."""
        return {name: one.listing for name, one in self.market.symbols.items()}

    def snapshot(self, symbol: str) -> Snapshot | None:
        """Give a symbol's whole book as it is now."""
        return self.market.snapshot(symbol, LEVELS_MAX)

    def begin(self, now_ns: int) -> None:
        """Start the market's clock."""
        self.market.jump(now_ns)
        at = self.market.now_ns
        self.market.shocks += [replace(one, at_ns=at + one.at_ns) for one in self._shocks]

    def due(self, now_ns: int) -> Iterator[Said]:
        """Trade up to a step behind now; a market that fell behind, as on a machine that slept, goes on from now."""
        market = self.market
        if now_ns - market.now_ns > BEHIND_NS_MAX:
            market.jump(now_ns)
        for message in market.advance(max(now_ns, market.now_ns + 1) + STEP_NS):
            yield Said(message.ts_event, (message,))

    def next_ns(self) -> int:
        """Say when to ask again: half a step before what has been traded is told."""
        return self.market.now_ns - STEP_NS // 2


@dataclass(frozen=True, slots=True)
class Reading:
    """Say what a captured row is to a venue.

    Args:
        key: Who hears it; empty for a REST reply, which nobody hears.
        text: What they hear.
        happened: What it tells; nothing for a message that changes neither trades nor books.
    """

    key: str = ""
    text: str = ""
    happened: tuple[Message | Snapshot, ...] = ()


ReadCapture: TypeAlias = Callable[[bytes, str], Reading]
"""Read one captured row; the second argument is the symbol that a REST reply's address names."""


class CaptureSource:
    """Play a capture's messages again, byte for byte, at the pace at which they came in.

    Args:
        lines: The capture's lines.
        read: Reads a row in the venue's dialect.
        listings: What is traded.
        speed: How many times faster than it was recorded.
    """

    def __init__(
        self, lines: Iterable[bytes], read: ReadCapture, *, listings: Mapping[str, Listing], speed: float = 1.0
    ) -> None:
        """Read nothing yet."""
        if speed <= 0:
            msg = f"speed is {speed}; a capture is played at a positive speed"
            raise ValueError(msg)
        self._lines = iter(lines)
        self._read = read
        self._listings = listings
        self._speed = speed
        self._held: deque[tuple[int, str, bytes]] = deque(maxlen=1)
        self._began_ns = self._first_ns = self._last_ns = 0
        self.ended = False

    def listings(self) -> Mapping[str, Listing]:
        """Give what is traded, by venue symbol."""
        return self._listings

    def snapshot(self, symbol: str) -> Snapshot | None:  # noqa: ARG002 - the port's shape
        """Give None: only what was told is known."""
        return None

    def begin(self, now_ns: int) -> None:
        """Take the time of the first row for now."""
        self._began_ns = now_ns
        if self._hold():
            self._first_ns = self._held[0][0]
        self._last_ns = now_ns

    def due(self, now_ns: int) -> Iterator[Said]:
        """Give the rows that are due up to a step behind now."""
        while self._hold():
            ts, symbol, row = self._held[0]
            at = self._began_ns + int((ts - self._first_ns) / self._speed)
            self._last_ns = at
            if at > now_ns + STEP_NS:
                return
            self._held.clear()
            read = self._read(row, symbol)
            yield Said(at, read.happened, read.key, read.text)
        self.ended = True

    def next_ns(self) -> int:
        """Say when to ask again."""
        return self._last_ns

    def _hold(self) -> bool:
        """Have the next row at hand; False at the capture's end."""
        while not self._held:
            line = next(self._lines, None)
            if line is None:
                return False
            line = line.rstrip(b"\r\n")
            found = read_line(line)
            if not found.control and found.ts_receive >= 0:
                self._held.append((found.ts_receive, found.symbol, line[found.start :]))
        return True


def first_snapshots(lines: Iterable[bytes], read: ReadCapture) -> dict[str, Snapshot]:
    """Find each symbol's first book in a capture's head: what its REST interface would have answered at its start."""
    found: dict[str, Snapshot] = {}
    for line in itertools.islice(lines, HEAD_LINES_MAX):
        bare = line.rstrip(b"\r\n")
        row = read_line(bare)
        if row.control:
            continue
        for one in read(bare[row.start :], row.symbol).happened:
            if isinstance(one, Snapshot):
                found.setdefault(one.symbol, one)
    return found
