"""Hold what an account traded: its fills with their corrections, and the trades from flat to flat that they make.

A profit is in the currency of its instrument; only trades of the account's own currency are told.
"""

from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass
from decimal import ROUND_HALF_EVEN, Context, Decimal
from typing import Final

from functions.domain.errors import Rejected
from functions.domain.money import EXACT
from functions.domain.portfolio.books import BookRules, Books, Position, Trade, book, effective, open_books, part_of

PRICE_PLACES: Final = 12
"""Decimals of an average price, which may have no end."""

FOREVER: Final = 2**63 - 1

_ROUNDED: Final = Context(prec=200, rounding=ROUND_HALF_EVEN)
_ZERO: Final = Decimal(0)
_NOTHING: Final = (_ZERO,) * 4


@dataclass(frozen=True, slots=True)
class History:
    """Hold all that is known of an account.

    Args:
        account: Its name.
        capital: What it was opened with.
        held: (instrument, signed quantity, price) of each opening position.
        trades: Its fills and their corrections, in the order of its stream.
    """

    account: str
    capital: Decimal
    held: tuple[tuple[str, Decimal, Decimal], ...]
    trades: tuple[Trade, ...]

    @property
    def instruments(self) -> tuple[str, ...]:
        """Give every instrument that was ever held."""
        return tuple(sorted({one for one, _, _ in self.held} | {one.instrument_id for one in self.trades}))

    @property
    def begin_ns(self) -> int:
        """Give the last nanosecond before the first fill, UTC; beyond all times without one."""
        return min((one.as_of_ns for one in self.trades), default=FOREVER) - 1

    def known(self, as_of_ns: int) -> tuple[Trade, ...]:
        """Give the trades to book as they were known at a time, in the order of the stream."""
        return effective(trade for trade in self.trades if trade.as_of_ns <= as_of_ns)[0]


@dataclass(frozen=True, slots=True)
class Trip:
    """Hold the life of a position from flat to flat; a fill that crosses zero ends one and begins the next.

    Args:
        instrument_id: What was held.
        long: Whether it was bought first.
        entered: All that was added to it, positive, in units of quantity * multiplier.
        cost: What that cost, positive.
        left: What was taken off it, positive, in the same units.
        received: What that brought, positive.
        entry_ns: Time of its first fill, UTC nanoseconds; 0 where the account was opened with it.
        exit_ns: Time of its last fill.
        fees: Of its fills, or of their parts that belong to it.
        profit: Realised by it so far, after fees.
        closed: Whether it is flat again.
    """

    instrument_id: str
    long: bool
    entered: Decimal
    cost: Decimal
    left: Decimal
    received: Decimal
    entry_ns: int
    exit_ns: int
    fees: Decimal
    profit: Decimal
    closed: bool

    @property
    def entry_price(self) -> Decimal:
        """Give the average price of what was added."""
        return average(self.cost, self.entered)

    @property
    def exit_price(self) -> Decimal | None:
        """Give the average price of what was taken off; None before anything was."""
        return average(self.received, self.left) if self.left else None


@dataclass(frozen=True, slots=True, eq=False)
class Folded:
    """Hold an account's history as it was known at a time.

    Args:
        history: Of which account.
        as_of_ns: The time, UTC nanoseconds.
        cash: In the account's currency.
        books: After all that was known.
        booked: Opening positions and trades in currencies that count, corrections in the place of what they correct.
        filled: Time of the last fill, by instrument.
        trips: Every trade from flat to flat in the account's currency, by its last fill; those that are held come with.
    """

    history: History
    as_of_ns: int
    cash: Decimal
    books: Books
    booked: tuple[Trade, ...]
    filled: Mapping[str, int]
    trips: tuple[Trip, ...]

    @property
    def own(self) -> tuple[Position, ...]:
        """Give every position in a currency that counts, flat ones too, by instrument."""
        return tuple(self.books.positions[name] for name in sorted(self.filled))

    @property
    def left_out(self) -> tuple[str, ...]:
        """Give the instruments of other currencies, to which there is no rate."""
        return tuple(sorted(set(self.books.positions).difference(self.filled)))


def fold(history: History, *, rules: BookRules, as_of_ns: int, rated: Collection[str] = ()) -> Folded:
    """Fold what was known of an account at a time; opening positions began at time 0.

    Args:
        history: Of which account.
        rules: How books are kept.
        as_of_ns: The time, UTC nanoseconds.
        rated: Currencies that count beside the account's own, for there is a rate.

    Raises:
        Rejected: It traded more instruments than books have positions.
    """
    if len(history.instruments) > rules.positions_max:
        message = f"account {history.account!r} traded more than {rules.positions_max} instruments"
        raise Rejected(message)
    books = open_books(history.capital, (), rules)
    booked: list[Trade] = []
    filled: dict[str, int] = {}
    under_way: dict[str, Trip] = {}
    ended: list[Trip] = []
    opening = (Trade(-1, 0, *one) for one in history.held)
    for trade in (*opening, *history.known(as_of_ns)):
        name = trade.instrument_id
        before = books.positions.get(name)
        books = book(books, trade, rules)
        after = books.positions.get(name)
        if after is None or after is before or after.currency not in {rules.currency, *rated}:
            continue
        booked.append(trade)
        filled[name] = max(trade.as_of_ns, filled.get(name, 0))
        if after.currency != rules.currency:
            continue
        for trip in _steps(under_way.pop(name, None), before, after, trade):
            if trip.closed:
                ended.append(trip)
            else:
                under_way[name] = trip
    made = sorted((*ended, *under_way.values()), key=lambda one: (one.exit_ns, one.entry_ns, one.instrument_id))
    return Folded(history, as_of_ns, books.cash[rules.currency], books, tuple(booked), filled, tuple(made))


def _steps(trip: Trip | None, before: Position | None, after: Position, trade: Trade) -> Iterator[Trip]:
    """Go on with a trip by one trade; where it crosses zero, what closes ends this one and the rest begins another."""
    if not trade.quantity:
        if trip is not None:
            yield trip
        return
    had = before.quantity if before else _ZERO
    closing = min(trade.quantity.copy_abs(), had.copy_abs()) if had * trade.quantity < 0 else _ZERO
    opening = EXACT.subtract(trade.quantity.copy_abs(), closing)
    fee = part_of(trade.fee, closing, trade.quantity.copy_abs()) if opening else trade.fee
    if closing and trip is not None:
        earned = EXACT.subtract(after.realised, before.realised if before else _ZERO)
        trip = _left(trip, trade, closing, fee, earned=earned, closed=closing == had.copy_abs())
        yield trip
    if opening:
        rest = EXACT.subtract(trade.fee, fee) if closing else trade.fee
        yield _entered(None if closing else trip, trade, opening, rest)


def _left(trip: Trip, trade: Trade, closing: Decimal, fee: Decimal, *, earned: Decimal, closed: bool) -> Trip:  # noqa: PLR0913 - a step has this many figures
    units = EXACT.multiply(closing, trade.multiplier)
    return Trip(
        instrument_id=trip.instrument_id,
        long=trip.long,
        entered=trip.entered,
        cost=trip.cost,
        left=EXACT.add(trip.left, units),
        received=EXACT.add(trip.received, EXACT.multiply(units, trade.price)),
        entry_ns=trip.entry_ns,
        exit_ns=max(trade.as_of_ns, trip.exit_ns),
        fees=EXACT.add(trip.fees, fee),
        profit=EXACT.add(trip.profit, EXACT.subtract(earned, fee)),
        closed=closed,
    )


def _entered(trip: Trip | None, trade: Trade, opening: Decimal, fee: Decimal) -> Trip:
    units = EXACT.multiply(opening, trade.multiplier)
    cost = EXACT.multiply(units, trade.price)
    if trip is None:
        begun = (trade.as_of_ns, trade.as_of_ns)
        trip = Trip(trade.instrument_id, trade.quantity > 0, *_NOTHING, *begun, _ZERO, _ZERO, closed=False)
    return Trip(
        instrument_id=trip.instrument_id,
        long=trip.long,
        entered=EXACT.add(trip.entered, units),
        cost=EXACT.add(trip.cost, cost),
        left=trip.left,
        received=trip.received,
        entry_ns=trip.entry_ns,
        exit_ns=max(trade.as_of_ns, trip.exit_ns),
        fees=EXACT.add(trip.fees, fee),
        profit=EXACT.subtract(trip.profit, fee),
        closed=False,
    )


def average(cost: Decimal, quantity: Decimal) -> Decimal:
    """Give the price of a unit, rounded half to even at `PRICE_PLACES`; 0 of nothing.

    >>> average(Decimal("0.2"), Decimal(3))
    Decimal('0.066666666667')
    """
    return quotient(cost, quantity, PRICE_PLACES)


def quotient(part: Decimal, whole: Decimal, places: int) -> Decimal:
    """Give part / whole, rounded half to even at so many places; 0 of nothing."""
    return _ROUNDED.divide(part, whole).quantize(Decimal(1).scaleb(-places), context=_ROUNDED) if whole else _ZERO


def total(parts: Iterable[Decimal]) -> Decimal:
    """Add up exactly.

    >>> total([Decimal("0.1")] * 3)
    Decimal('0.3')
    """
    whole = _ZERO
    for part in parts:
        whole = EXACT.add(whole, part)
    return whole
