"""Remember what a simulated venue has said: every print, and each book as its depth messages made it.

The ledger answers for the venue's REST history, and tells a test what a perfect feed would hold.
"""

import bisect
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from operator import attrgetter
from typing import Final, NamedTuple

from functions.domain.simulation import Depth, Level, Print, Snapshot

PRINTS_MAX: Final = 1_000_000
_SLACK: Final = 8  # an eighth more than allowed is kept before the oldest are let go, all at once
_ID: Final = attrgetter("trade_id")
_TIME: Final = attrgetter("ts_event")


class Ledger:
    """Keep the prints of each symbol in the order in which they happened.

    Args:
        prints_max: Prints of one symbol that are kept; the oldest go first and are counted in `forgotten`.
    """

    def __init__(self, prints_max: int = PRINTS_MAX) -> None:
        """Begin empty."""
        self._prints: dict[str, list[Print]] = {}
        self._max = prints_max
        self.forgotten = 0

    def add(self, one: Print) -> None:
        """Remember a print; ids and times of a symbol never go back."""
        prints = self._prints.setdefault(one.symbol, [])
        prints.append(one)
        if len(prints) > self._max + self._max // _SLACK:
            self.forgotten += len(prints) - self._max
            del prints[: len(prints) - self._max]

    def __len__(self) -> int:
        """Count what is remembered."""
        return sum(map(len, self._prints.values()))

    def trades(self, symbol: str) -> tuple[Print, ...]:
        """Give a symbol's prints, oldest first; none for a symbol that never traded."""
        return tuple(self._prints.get(symbol, ()))

    def last(self, symbol: str) -> Print | None:
        """Give the newest print; None before any."""
        prints = self._prints.get(symbol)
        return prints[-1] if prints else None

    def newest(self, symbol: str, limit: int) -> list[Print]:
        """Give the newest prints, oldest of them first."""
        return self._prints.get(symbol, [])[-limit:] if limit > 0 else []

    def from_id(self, symbol: str, trade_id: int, limit: int) -> list[Print]:
        """Give prints from an id on, that one included, oldest first."""
        prints = self._prints.get(symbol, [])
        at = bisect.bisect_left(prints, trade_id, key=_ID)
        return prints[at : at + limit]

    def before_id(self, symbol: str, trade_id: int, limit: int) -> list[Print]:
        """Give the newest prints whose id is less than this one, oldest first."""
        prints = self._prints.get(symbol, [])
        at = bisect.bisect_left(prints, trade_id, key=_ID)
        return prints[max(0, at - limit) : at]

    def between(self, symbol: str, start_ns: int, end_ns: int, *, limit: int) -> list[Print]:
        """Give prints with start <= time < end, UTC nanoseconds, oldest first and at most `limit`."""
        prints = self._prints.get(symbol, [])
        at = bisect.bisect_left(prints, start_ns, key=_TIME)
        end = bisect.bisect_left(prints, end_ns, key=_TIME)
        return prints[at : min(end, at + limit)]


@dataclass(slots=True)
class ToldBook:
    """Keep a book as everyone who heard each depth message must have it.

    Args:
        update_id: Id of the last change; 0 where the venue numbers none.
        bids: Size by price, both in units of 1e-8.
        asks: The same for the other side.
    """

    update_id: int = 0
    bids: dict[int, int] = field(default_factory=dict)
    asks: dict[int, int] = field(default_factory=dict)

    def begin(self, snapshot: Snapshot) -> None:
        """Take a whole book."""
        self.update_id = snapshot.last_update_id
        self.bids, self.asks = dict(snapshot.bids), dict(snapshot.asks)

    def apply(self, depth: Depth) -> bool:
        """Take a depth message; say whether it was news. Numbered messages that are older than the book are none."""
        if depth.last_update_id and depth.last_update_id <= self.update_id:
            return False
        self.update_id = depth.last_update_id
        _put(self.bids, depth.bids)
        _put(self.asks, depth.asks)
        return True

    def best(self, limit: int) -> tuple[tuple[Level, ...], tuple[Level, ...]]:
        """Give the best levels of both sides, best first."""
        bids = sorted(self.bids.items(), reverse=True)[:limit]
        return tuple(bids), tuple(sorted(self.asks.items())[:limit])


def _put(side: dict[int, int], levels: Iterable[Level]) -> None:
    for price, size in levels:
        if size:
            side[price] = size
        else:
            side.pop(price, None)


class Candle(NamedTuple):
    """A bar made of prints: `start_ns` is its opening; prices and sizes are in units of 1e-8, notional of 1e-16."""

    start_ns: int
    open: int
    high: int
    low: int
    close: int
    volume: int
    notional: int
    trades: int
    buy_volume: int
    buy_notional: int


def candles(prints: Iterable[Print], interval_ns: int) -> Iterator[Candle]:
    """Make bars of prints in order of time; an interval without prints has none."""
    now: Candle | None = None
    for one in prints:
        start = one.ts_event - one.ts_event % interval_ns
        if now is not None and now.start_ns == start:
            now = _grown(now, one)
            continue
        if now is not None:
            yield now
        now = _grown(Candle(start, one.price, one.price, one.price, one.price, 0, 0, 0, 0, 0), one)
    if now is not None:
        yield now


def _grown(candle: Candle, one: Print) -> Candle:
    notional = one.price * one.size
    bought = not one.buyer_is_maker
    return Candle(
        candle.start_ns,
        candle.open,
        max(candle.high, one.price),
        min(candle.low, one.price),
        one.price,
        candle.volume + one.size,
        candle.notional + notional,
        candle.trades + 1,
        candle.buy_volume + one.size * bought,
        candle.buy_notional + notional * bought,
    )
