"""Keep an order book right: its levels, and the rules by which each venue lets a copy be checked.

A message is a snapshot or a delta of absolute sizes: size 0 removes, and removing a level that is not there is normal.
Prices and sizes are mantissas; the units are the instrument's and mean nothing here. What cannot be right is never
mended: the book says why it broke, holds what comes after, and is right again from its next snapshot on.

| rule | a delta follows when | source |
|---|---|---|
| `SPOT_CHAIN` | it begins right behind the last update id | Binance, "How to manage a local order book correctly" |
| `FUTURES_CHAIN` | it names the last update id as its predecessor | the same page of USD-M and COIN-M futures |
| `CHECKSUM` | the ten best of both sides have the CRC32 it tells | Kraken, "Calculate Book Checksum" |
| `UNNUMBERED` | it arrives: nothing else can be checked | Coinbase Exchange, channel `level2` |

On every rule a bid above an ask is corruption, for this is one venue's own book.
"""

import zlib
from bisect import bisect_left, insort
from collections import deque
from collections.abc import Iterable
from dataclasses import dataclass
from enum import Enum
from typing import Final, TypeAlias

HELD_MAX: Final = 10_000
"""Deltas kept while a snapshot is waited for; Binance sends ten a second and symbol."""
CHECKSUM_LEVELS: Final = 10

Level: TypeAlias = tuple[int, int]
"""Price and size mantissas."""


class Rule(Enum):
    """Say how a venue lets a copy of its book be checked."""

    SPOT_CHAIN = "spot_chain"
    FUTURES_CHAIN = "futures_chain"
    CHECKSUM = "checksum"
    UNNUMBERED = "unnumbered"


class Reason(Enum):
    """Say why a book cannot be right any more."""

    GAP = "gap"
    STALE_SNAPSHOT = "stale_snapshot"
    CHECKSUM = "checksum"
    CROSSED = "crossed"


@dataclass(frozen=True, slots=True)
class BookMessage:
    """Hold what one message says of one book.

    Args:
        bids: Levels that changed, or all of them in a snapshot; in any order.
        asks: The same of the other side.
        snapshot: Whether it says the whole book.
        first: First update id inside; 0 where the venue numbers none.
        last: Last update id inside, or the snapshot's own.
        previous: Last update id of the message before (futures); None where the venue tells none.
        checksum: CRC32 of the ten best of both sides after this message; None where the venue tells none.
    """

    bids: tuple[Level, ...] = ()
    asks: tuple[Level, ...] = ()
    snapshot: bool = False
    first: int = 0
    last: int = 0
    previous: int | None = None
    checksum: int | None = None


@dataclass(frozen=True, slots=True)
class Applied:
    """The book is right; so many messages went into it, 0 for one that it had already."""

    messages: int = 1


@dataclass(frozen=True, slots=True)
class Held:
    """The book waits for a snapshot; the message is kept for then."""


@dataclass(frozen=True, slots=True)
class Broken:
    """The book is not right any more, and says why; it needs a snapshot."""

    reason: Reason


Outcome: TypeAlias = Applied | Held | Broken

_HELD: Final = Held()
_KNOWN: Final = Applied(0)
_APPLIED: Final = Applied()


class Side:
    """Keep the levels of one side, best first.

    Args:
        bids: Whether the greatest price is the best.
    """

    __slots__ = ("_keys", "_sign", "_sizes")

    def __init__(self, *, bids: bool) -> None:
        """Begin empty."""
        self._sign = -1 if bids else 1
        self._sizes: dict[int, int] = {}
        self._keys: list[int] = []  # prices in ascending order of sign * price, so the best is always first

    def __len__(self) -> int:
        """Count the levels."""
        return len(self._keys)

    def replace(self, levels: Iterable[Level]) -> None:
        """Forget every level and take these; sizes of 0 are none."""
        self._sizes = {price: size for price, size in levels if size}
        self._keys = sorted(self._sign * price for price in self._sizes)

    def set(self, price: int, size: int) -> None:
        """Set the size at a price; 0 removes it, and removing what is not there does nothing."""
        key = self._sign * price
        if size:
            if price not in self._sizes:
                insort(self._keys, key)
            self._sizes[price] = size
        elif self._sizes.pop(price, 0):
            del self._keys[bisect_left(self._keys, key)]

    def truncate(self, depth: int) -> None:
        """Forget what lies behind the best `depth` levels."""
        for key in self._keys[depth:]:
            del self._sizes[self._sign * key]
        del self._keys[depth:]

    def top(self, count: int) -> tuple[Level, ...]:
        """Give the best levels, the best first; fewer where there are fewer."""
        prices = (self._sign * key for key in self._keys[:count])
        return tuple((price, self._sizes[price]) for price in prices)

    @property
    def best(self) -> Level | None:
        """Give the best level; None when there is none."""
        if not self._keys:
            return None
        price = self._sign * self._keys[0]
        return price, self._sizes[price]


class Book:
    """Fold one instrument's book messages.

    Args:
        rule: How the venue lets it be checked.
        depth: Levels a side that the venue keeps up to date; 0 is all of them.
        price_shift: Decimals that prices here have beyond those the venue checks sums of.
        size_shift: The same of sizes.
        held_max: Deltas kept while a snapshot is waited for; the oldest goes first, and is found missing.

    >>> book = Book(Rule.SPOT_CHAIN)
    >>> book.apply(BookMessage(bids=((99, 5),), asks=((101, 5),), snapshot=True, last=7))
    Applied(messages=1)
    >>> book.apply(BookMessage(bids=((100, 1),), first=6, last=9)), book.bids.best
    (Applied(messages=1), (100, 1))
    >>> book.apply(BookMessage(first=11, last=12))
    Broken(reason=<Reason.GAP: 'gap'>)
    """

    def __init__(
        self, rule: Rule, *, depth: int = 0, price_shift: int = 0, size_shift: int = 0, held_max: int = HELD_MAX
    ) -> None:
        """Begin without a snapshot."""
        self.bids = Side(bids=True)
        self.asks = Side(bids=False)
        self.last = 0
        self._rule = rule
        self._depth = depth
        self._shifts = price_shift, size_shift
        self._held: deque[BookMessage] = deque(maxlen=held_max)
        self._valid = False
        self._joined = False

    @property
    def valid(self) -> bool:
        """Tell whether the book is right: it has a snapshot, and nothing was missed since."""
        return self._valid

    def apply(self, message: BookMessage) -> Outcome:
        """Take a message in the order it came.

        Returns:
            Applied when the book is right; Held while it waits for a snapshot; Broken when this message showed that
            it is not right, which is said once.
        """
        if message.snapshot:
            return self._restart(message)
        if not self._valid:
            self._held.append(message)
            return _HELD
        return self._step(message)

    def distrust(self, reason: Reason) -> Broken:
        """Break the book for what was seen elsewhere, for example a crossed quote of the same venue."""
        self._valid = False
        return Broken(reason)

    def scale(self, price_shift: int, size_shift: int) -> None:
        """Say anew how many decimals prices and sizes have beyond the venue's."""
        self._shifts = price_shift, size_shift

    def crossed(self) -> bool:
        """Tell whether the best bid is above the best ask."""
        bid, ask = self.bids.best, self.asks.best
        return bid is not None and ask is not None and bid[0] > ask[0]

    def checksum(self) -> int:
        """Give the CRC32 of the ten best asks, then bids: prices and sizes as whole numbers, without a separator.

        Source: Kraken, "Calculate Book Checksum". Text without the point and leading zeros is the mantissa itself.
        """
        return book_checksum(self.asks.top(CHECKSUM_LEVELS), self.bids.top(CHECKSUM_LEVELS), shifts=self._shifts)

    def _restart(self, snapshot: BookMessage) -> Outcome:
        self.bids.replace(snapshot.bids)
        self.asks.replace(snapshot.asks)
        self.last = snapshot.last
        self._valid, self._joined = True, False
        held = self._waiting(snapshot)
        self._held.clear()
        broken = self._check(snapshot)
        if broken:
            return broken
        for number, message in enumerate(held):
            if isinstance(outcome := self._step(message, held=True), Broken):
                self._held.extend(held[number:])
                return outcome
        return Applied(1 + len(held))

    def _waiting(self, snapshot: BookMessage) -> list[BookMessage]:
        """Give the held messages that may follow a snapshot; without numbers it is said after all of them."""
        if self._rule in {Rule.CHECKSUM, Rule.UNNUMBERED}:
            return []
        return sorted((one for one in self._held if one.last > snapshot.last), key=lambda one: one.last)

    def _step(self, message: BookMessage, *, held: bool = False) -> Outcome:
        reason = self._follows(message)
        if reason is None:
            return _KNOWN
        if isinstance(reason, Reason):
            stale = held and not self._joined
            if not held:
                self._held.append(message)
            return self.distrust(Reason.STALE_SNAPSHOT if stale else reason)
        self._change(message)
        return self._check(message) or _APPLIED

    def _follows(self, message: BookMessage) -> Reason | bool | None:
        """Say whether a delta is the next: True, None for one that the book has already, or what is wrong."""
        if self._rule in {Rule.CHECKSUM, Rule.UNNUMBERED}:
            return True
        futures = self._rule is Rule.FUTURES_CHAIN
        # The futures rule drops u < lastUpdateId, so its first event may end where the snapshot does.
        if message.last < self.last + (0 if futures and not self._joined else 1):
            return None
        if not self._joined:
            return message.first <= self.last + (0 if futures else 1) or self._previous_is_last(message) or Reason.GAP
        follows = message.previous == self.last if futures else message.first == self.last + 1
        return follows or Reason.GAP

    def _previous_is_last(self, message: BookMessage) -> bool:
        """Tell whether a delta names the snapshot as its predecessor: nothing can lie between."""
        return self._rule is Rule.FUTURES_CHAIN and message.previous == self.last

    def _change(self, message: BookMessage) -> None:
        self._joined = True
        self.last = message.last
        for side, levels in ((self.bids, message.bids), (self.asks, message.asks)):
            for price, size in levels:
                side.set(price, size)

    def _check(self, message: BookMessage) -> Broken | None:
        if self._depth:
            self.bids.truncate(self._depth)
            self.asks.truncate(self._depth)
        if message.checksum is not None and message.checksum != self.checksum():
            return self.distrust(Reason.CHECKSUM)
        return self.distrust(Reason.CROSSED) if self.crossed() else None


def book_checksum(asks: Iterable[Level], bids: Iterable[Level], *, shifts: tuple[int, int] = (0, 0)) -> int:
    """Give Kraken's CRC32 of the ten best levels of both sides.

    Args:
        asks: Best ten, lowest first.
        bids: Best ten, highest first.
        shifts: Decimals of prices and sizes beyond those that the venue writes; they are zeros.

    The example of Kraken's page, prices of five decimals, each size 0.00000500:

    >>> asks = [5005, 5010, 5015, 5020, 5025, 5030, 5035, 5040, 5045, 5050]
    >>> bids = [5000, 4995, 4990, 4980, 4975, 4970, 4965, 4960, 4955, 4950]
    >>> book_checksum([(price, 500) for price in asks], [(price, 500) for price in bids])
    974947235
    """
    price_unit, size_unit = 10 ** shifts[0], 10 ** shifts[1]
    text = "".join([f"{price // price_unit}{size // size_unit}" for side in (asks, bids) for price, size in side])
    return zlib.crc32(text.encode("ascii"))
