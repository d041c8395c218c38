"""Watch what a connection says: which books broke, and which trades are missing. Pure; the connection acts on it."""

from dataclasses import dataclass
from typing import TypeAlias

from functions.adapters.venues._profile import UNIT_DIGITS, Glance, Missing, Subscription, Trades
from functions.domain.books import Applied, Book, Broken, Held, Reason, Rule

Key: TypeAlias = tuple[str, str]
"""Symbol and channel."""


@dataclass(frozen=True, slots=True)
class Breach:
    """Say which book broke and why."""

    symbol: str
    reason: Reason


class Books:
    """Keep a copy of each book as far as its venue's rule needs one.

    Args:
        rule: The venue's rule.
        depth: Levels a side that the venue keeps up to date; 0 is all of them.
    """

    def __init__(self, rule: Rule, depth: int) -> None:
        """Begin without a book."""
        self._rule = rule
        self._depth = depth
        self._books: dict[str, Book] = {}
        self._digits: dict[str, tuple[int, int]] = {}

    def see(self, glance: Glance) -> Breach | None:
        """Take note of a message; say whether its symbol's book broke by it."""
        if glance.crossed:
            book = self._book(glance.symbol)
            return self._breach(glance.symbol, book.distrust(Reason.CROSSED) if book.valid else None)
        if glance.book is None:
            return None
        book = self._book(glance.symbol)
        if self._rule is Rule.CHECKSUM:
            self._scale(book, glance)
        return self._breach(glance.symbol, book.apply(glance.book))

    def waits(self, symbol: str) -> bool:
        """Tell whether a symbol's book waits for a snapshot."""
        return not self._book(symbol).valid

    def forget(self) -> None:
        """Begin anew with a new connection: nobody knows what was missed."""
        self._books.clear()

    def _book(self, symbol: str) -> Book:
        if symbol not in self._books:
            self._books[symbol] = Book(self._rule, depth=self._depth)
        return self._books[symbol]

    def _scale(self, book: Book, glance: Glance) -> None:
        """Learn the instrument's decimals: the most that were ever written, for the venue leaves no zeros out."""
        known = self._digits.get(glance.symbol, (0, 0))
        price, size = max(known[0], glance.digits[0]), max(known[1], glance.digits[1])
        self._digits[glance.symbol] = price, size
        book.scale(UNIT_DIGITS - price, UNIT_DIGITS - size)

    @staticmethod
    def _breach(symbol: str, outcome: Applied | Held | Broken | None) -> Breach | None:
        return Breach(symbol, outcome.reason) if isinstance(outcome, Broken) else None


class Marks:
    """Remember the last trade of every channel, to see which are missing.

    Args:
        known: Last ids of an earlier run.
    """

    def __init__(self, known: dict[Key, int] | None = None) -> None:
        """Begin with what an earlier run knew."""
        self._last: dict[Key, int] = dict(known or {})

    @property
    def known(self) -> dict[Key, int]:
        """Give the last id of every channel."""
        return self._last

    def see(self, symbol: str, trades: Trades) -> Missing | None:
        """Take note of trades; say which are missing before them."""
        key = symbol, trades.channel
        known = self._last.get(key)
        self._last[key] = trades.last if known is None else max(known, trades.last)
        if known is None or trades.first <= known + 1:
            return None
        return Missing(symbol, trades.channel, known + 1, trades.first - 1)

    def since(self, wanted: Subscription) -> list[Missing]:
        """Say what may be missing after a break: whatever came after the last trade of each channel listened to."""
        return [
            Missing(symbol, channel, last + 1)
            for (symbol, channel), last in self._last.items()
            if symbol in wanted.symbols and channel in wanted.channels
        ]
