"""Keep what both of Kraken's WebSocket forms share: names, depths, the checksum, and who is owed which levels.

A subscriber to a book of depth n holds the best n levels. It hears every change of them, the levels that come into
its view when a better one goes (in v1 marked `r`), and nothing of levels that fall out of it: those it drops itself.

Source: Kraken's documentation, "Spot WebSockets v1/v2: book", "How to: book checksum", and real captures of v1.
"""

import zlib
from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from typing import Final, NamedTuple

from functions.domain.simulation import LISTINGS, UNIT, Depth, Level, Listing
from functions.local.venues.ledger import ToldBook
from functions.local.venues.texts import decimal_text, places_of

DEPTHS: Final = (10, 25, 100, 500, 1000)
CHECKED_LEVELS: Final = 10
SIZE_PLACES: Final = 8
FORMER_NAMES: Final = {"BTC": "XBT", "DOGE": "XDG"}
"""Assets whose name in REST and v1 is the venue's own; v2 took the usual ones."""
_V1_PLACES: Final = (5, 8)
"""v1 pads prices: five digits behind the point, or eight where the tick is finer."""


def listing(symbol: str) -> Listing:
    """Say how a pair (`XBT/USD` in v1, `BTC/USD` in v2) is priced, from the simulated market's own.

    Raises:
        ValueError: Its base asset is not simulated.

    >>> listing("XBT/USD").tick == UNIT // 10
    True
    """
    usual = {former: name for name, former in FORMER_NAMES.items()}
    known = {one.symbol.removesuffix("USDT"): one for one in LISTINGS}
    base, slash, quote = symbol.partition("/")
    found = known.get(usual.get(base, base))
    if found is None or not (slash and quote):
        msg = f"pair {symbol!r} is not simulated; write BASE/QUOTE, bases are {', '.join(known)}"
        raise ValueError(msg)
    tick = UNIT // 10 if found.symbol == "BTCUSDT" else found.tick
    return replace(found, symbol=symbol, tick=tick, lot=1)


def v1_places(found: Listing) -> int:
    """Count the digits that v1 writes behind a price's point."""
    usual, fine = _V1_PLACES
    return usual if places_of(found.tick) <= usual else fine


def checksum(bids: Iterable[Level], asks: Iterable[Level], price_places: int) -> int:
    """Sum the ten best asks, then the ten best bids, each best first: digits of price and size without leading zeros.

    Args:
        bids: (price, size) in units of 1e-8, best first; fewer than ten are summed as they are.
        asks: The same for the other side.
        price_places: Digits behind the point of a price as it is written.

    Returns:
        CRC32. Source: Kraken's documentation, "How to: book checksum".

    >>> checksum([(4_528_350_000_000, 10_000_000)], [], 1) == zlib.crc32(b"45283510000000")
    True
    """
    text = "".join(
        _digits(decimal_text(price, price_places)) + _digits(decimal_text(size, SIZE_PLACES))
        for side in (asks, bids)
        for price, size in tuple(side)[:CHECKED_LEVELS]
    )
    return zlib.crc32(text.encode())


def _digits(text: str) -> str:
    return text.replace(".", "").lstrip("0")


class Change(NamedTuple):
    """A level a subscriber has to hear of; `republished` when it only came into view."""

    price: int
    size: int
    republished: bool


@dataclass(slots=True)
class View:
    """Hold what subscribers to a book of one depth have.

    Args:
        depth: Levels a side.
        bids: Best first.
        asks: Best first.
    """

    depth: int
    bids: tuple[Level, ...] = ()
    asks: tuple[Level, ...] = ()

    def follow(self, book: ToldBook, message: Depth) -> tuple[list[Change], list[Change]]:
        """Go along with a book that has taken a message; give what must be told, bids and asks."""
        bids, asks = book.best(self.depth)
        found = (
            _changes(self.bids, bids, book.bids, dict(message.bids)),
            _changes(self.asks, asks, book.asks, dict(message.asks)),
        )
        self.bids, self.asks = bids, asks
        return found


def _changes(
    old: tuple[Level, ...], new: tuple[Level, ...], book: dict[int, int], told: dict[int, int]
) -> list[Change]:
    had = dict(old)
    gone = [Change(price, 0, republished=False) for price in had if price not in book]
    return gone + [Change(*level, level[0] not in told) for level in new if had.get(level[0]) != level[1]]


@dataclass(slots=True)
class Views:
    """Keep a view for each book and depth that anyone hears."""

    views: dict[tuple[str, int], View] = field(default_factory=dict)

    def begin(self, symbol: str, depth: int, book: ToldBook) -> View:
        """Give a view as it is now."""
        view = View(depth, *book.best(depth))
        self.views[symbol, depth] = view
        return view

    def of(self, symbol: str, depth: int, book: ToldBook) -> View:
        """Give the view that goes along with a book."""
        return self.views.get((symbol, depth)) or self.begin(symbol, depth, book)
