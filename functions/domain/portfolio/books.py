"""Keep an account's books: cash by currency, positions at average cost and in FIFO lots, and what was earned by each.

Money is exact, in `EXACT` throughout: even a minus sign would round in the ambient context. What a trade costs is split
among what it closes and opens; a part of a cost that has no end in decimals is rounded once, half to even at
`COST_PLACES`, and what is left is the exact difference. So whatever is rounded, in each currency

    cash - capital + cost of what is held = realised - fees      (at average cost, and in lots)

and both methods earn the same in all: realised + unrealised. Realised profits are before fees, which stand beside them.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from decimal import ROUND_HALF_EVEN, Context, Decimal, DivisionByZero, InvalidOperation, Overflow
from functools import reduce
from types import MappingProxyType
from typing import Final, NamedTuple

from functions.domain.money import EXACT

COST_PLACES: Final = 24
"""Decimals of a part of a cost: a price of twelve times a quantity of twelve is never rounded."""
LOTS_MAX: Final = 16
"""Lots of a position; of more the oldest two are joined at their average, which the position says of itself."""

_ROUNDED: Final = Context(prec=200, rounding=ROUND_HALF_EVEN, traps=[InvalidOperation, Overflow, DivisionByZero])
_STEP: Final = Decimal(1).scaleb(-COST_PLACES)
_ZERO: Final = Decimal(0)


class Trade(NamedTuple):
    """Hold what the books need of a fill.

    Args:
        sequence: Its number on the account's stream.
        as_of_ns: When it was filled, UTC nanoseconds.
        instrument_id: What was traded.
        quantity: How much, bought positive; 0 for one that was taken back.
        price: At which price.
        fee: What the venue took, in `currency`.
        currency: Of price and fee; that in which an inverse contract is settled.
        multiplier: Underlying units in one unit of quantity; quote units in one contract of an inverse one.
        key: Names its execution; empty when it cannot be corrected.
        replaces: Names the execution that it takes back or corrects; empty for one of its own.
    """

    sequence: int
    as_of_ns: int
    instrument_id: str
    quantity: Decimal
    price: Decimal
    fee: Decimal = _ZERO
    currency: str = ""
    multiplier: Decimal = Decimal(1)
    key: str = ""
    replaces: str = ""


class Lot(NamedTuple):
    """Hold what was opened at once: signed quantity, and what it cost with the same sign."""

    quantity: Decimal
    cost: Decimal


@dataclass(frozen=True, slots=True)
class Position:
    """Hold what an account owns of an instrument, or what it earned with it once it is flat.

    Args:
        instrument_id: Which instrument.
        currency: Currency of its costs.
        multiplier: Of the last trade.
        inverse: Whether it is settled in its base currency, at 1 / price.
        quantity: Signed; negative when short.
        cost: What is held cost at average cost, signed as the quantity (an inverse contract's the other way).
        lots: The same, oldest first, as it was opened.
        realised: Earned by what was closed, at average cost, before fees.
        realised_fifo: The same when the oldest lot is closed first.
        fees: Paid.
        price: Of the last trade.
        lots_joined: Whether there were more than `LOTS_MAX` lots.
    """

    instrument_id: str
    currency: str
    multiplier: Decimal = Decimal(1)
    inverse: bool = False
    quantity: Decimal = _ZERO
    cost: Decimal = _ZERO
    lots: tuple[Lot, ...] = ()
    realised: Decimal = _ZERO
    realised_fifo: Decimal = _ZERO
    fees: Decimal = _ZERO
    price: Decimal = _ZERO
    lots_joined: bool = False

    def worth(self, quantity: Decimal, price: Decimal) -> Decimal:
        """Value a quantity at a price, in the position's currency.

        A linear contract is worth quantity * multiplier * price; an inverse one -(quantity * multiplier) / price, for
        who buys it owes coins, and fewer of them the dearer they are.

        Source:
            BitMEX, "Inverse contracts": profit = contracts * multiplier * (1 / entry - 1 / exit).

        >>> Position("XBTUSD.BITMEX", "XBT", inverse=True).worth(Decimal(100), Decimal(50_000))
        Decimal('-0.002')
        """
        amount = EXACT.multiply(quantity, self.multiplier)
        if self.inverse:
            return part_of(Decimal(1), amount, price).copy_negate()
        return EXACT.multiply(amount, price)

    @property
    def cost_fifo(self) -> Decimal:
        """Sum what the lots cost."""
        return reduce(EXACT.add, (lot.cost for lot in self.lots), _ZERO)


@dataclass(frozen=True, slots=True)
class Earned:
    """Sum what was earned in a currency by positions that are no longer kept."""

    realised: Decimal = _ZERO
    realised_fifo: Decimal = _ZERO
    fees: Decimal = _ZERO


@dataclass(frozen=True, slots=True)
class Books:
    """Hold an account's books.

    Args:
        cash: By currency.
        positions: By instrument, the longest untouched first; flat ones too, while there is place.
        closed: What flat positions earned that had to go, by currency.
        skipped: Trades that could not be booked: no place for another position, or another currency than before.
    """

    cash: Mapping[str, Decimal]
    positions: Mapping[str, Position]
    closed: Mapping[str, Earned]
    skipped: int = 0


@dataclass(frozen=True, slots=True)
class BookRules:
    """Say how books are kept.

    Args:
        currency: Currency of the account.
        inverse: Instruments that are settled in their base currency.
        positions_max: Most positions of an account.
    """

    currency: str = "USDT"
    inverse: frozenset[str] = frozenset()
    positions_max: int = 12


def currency_of(instrument_id: str, told: str = "", *, inverse: bool = False) -> str:
    """Give the currency of an instrument's costs: as told, else as its symbol says; empty when neither does.

    >>> [currency_of(name) for name in ("ETH-USDT.BINANCE", "ETH-USDT-PERP.BINANCEUSDM", "AAPL.XNAS")]
    ['USDT', 'USDT', '']
    """
    parts = instrument_id.rpartition(".")[0].split("-")
    if told or len(parts) == 1:
        return told
    return parts[0] if inverse else parts[1]


def open_books(capital: Decimal, held: Iterable[tuple[str, Decimal, Decimal]], rules: BookRules) -> Books:
    """Open books: what is held from the start is booked at its price, so that cash and costs add up to the capital.

    Args:
        capital: In the account's currency.
        held: (instrument, signed quantity, price) of each opening position.
        rules: How books are kept.

    >>> books = open_books(Decimal(1000), [("X-USDT.Y", Decimal(2), Decimal(100))], BookRules())
    >>> books.cash["USDT"], books.positions["X-USDT.Y"].cost
    (Decimal('800'), Decimal('200'))
    """
    books = Books(MappingProxyType({rules.currency: capital}), MappingProxyType({}), MappingProxyType({}))
    for instrument_id, quantity, price in held:
        books = book(books, Trade(-1, 0, instrument_id, quantity, price), rules)
    return books


def book(books: Books, trade: Trade, rules: BookRules) -> Books:
    """Book one trade; one of quantity 0 books its fee alone."""
    inverse = trade.instrument_id in rules.inverse
    currency = currency_of(trade.instrument_id, trade.currency, inverse=inverse)
    held = books.positions.get(trade.instrument_id) or Position(trade.instrument_id, currency, inverse=inverse)
    positions, closed = _with_place(books, trade.instrument_id, rules)
    if held.currency != currency or len(positions) >= rules.positions_max:
        return replace(books, skipped=books.skipped + 1)
    told = held if not trade.quantity and held.quantity else replace(held, multiplier=trade.multiplier)
    after, paid = _trade(told, trade)  # one that is taken back may not tell what a unit stands for
    positions[trade.instrument_id] = after
    cash = {**books.cash, currency: EXACT.subtract(books.cash.get(currency, _ZERO), EXACT.add(paid, trade.fee))}
    return replace(books, cash=MappingProxyType(cash), positions=MappingProxyType(positions), closed=closed)


def effective(trades: Iterable[Trade]) -> tuple[tuple[Trade, ...], int]:
    """Let corrections stand where what they correct stood, and at its time: when they were told moves no fill.

    Args:
        trades: In the order of the account's stream.

    Returns:
        The trades to book, in order, and how many corrections are of an execution that is not among them.
    """
    slots: list[Trade] = []
    places: dict[str, int] = {}
    lost = 0
    for trade in trades:
        place = places.get(trade.replaces) if trade.replaces else len(slots)
        if place is None:
            lost += 1
            continue
        stands = trade._replace(as_of_ns=slots[place].as_of_ns) if trade.replaces else trade
        slots[place : place + 1] = [stands]
        if trade.key:
            places[trade.key] = place
    return tuple(slots), lost


def part_of(cost: Decimal, part: Decimal, whole: Decimal) -> Decimal:
    """Give cost * part / whole, rounded half to even at `COST_PLACES`.

    >>> part_of(Decimal("0.30"), Decimal(1), Decimal(3))
    Decimal('0.1')
    """
    return _ROUNDED.divide(EXACT.multiply(cost, part), whole).quantize(_STEP, context=_ROUNDED).normalize(EXACT)


def _with_place(books: Books, instrument_id: str, rules: BookRules) -> tuple[dict[str, Position], Mapping[str, Earned]]:
    """Take an instrument out of the positions, and let the longest flat one go when the books are full."""
    positions = {name: one for name, one in books.positions.items() if name != instrument_id}
    flat = next((one for one in positions.values() if not one.quantity), None)
    if len(positions) < rules.positions_max or flat is None:
        return positions, books.closed
    del positions[flat.instrument_id]
    had = books.closed.get(flat.currency, Earned())
    sums = Earned(
        EXACT.add(had.realised, flat.realised),
        EXACT.add(had.realised_fifo, flat.realised_fifo),
        EXACT.add(had.fees, flat.fees),
    )
    return positions, MappingProxyType({**books.closed, flat.currency: sums})


def _trade(held: Position, trade: Trade) -> tuple[Position, Decimal]:
    """Close what a trade is against, open what is left of it; give the position after it, and what was paid."""
    closing = _ZERO
    if held.quantity and trade.quantity and held.quantity.is_signed() != trade.quantity.is_signed():
        closing = min(trade.quantity.copy_abs(), held.quantity.copy_abs()).copy_sign(trade.quantity)
    opening = EXACT.subtract(trade.quantity, closing)
    position, received = _close(held, closing, trade.price) if closing else (held, _ZERO)
    spent = position.worth(opening, trade.price) if opening else _ZERO  # one taken back may have no price
    position = replace(
        position if not opening else _open(position, opening, spent),
        fees=EXACT.add(held.fees, trade.fee),
        price=trade.price or held.price,
    )
    return position, EXACT.subtract(spent, received)


def _close(held: Position, closing: Decimal, price: Decimal) -> tuple[Position, Decimal]:
    """Close some of a position (`closing` has the other sign); what it cost leaves it, and the difference is earned."""
    received = held.worth(closing, price).copy_negate()
    released = part_of(held.cost, closing.copy_abs(), held.quantity.copy_abs())
    quantity = EXACT.add(held.quantity, closing)
    released = released if quantity else held.cost
    lots, released_fifo = _take(held.lots, closing.copy_abs())
    after = replace(
        held,
        quantity=quantity,
        cost=EXACT.subtract(held.cost, released),
        lots=lots,
        realised=EXACT.add(held.realised, EXACT.subtract(received, released)),
        realised_fifo=EXACT.add(held.realised_fifo, EXACT.subtract(received, released_fifo)),
    )
    return after, received


def _take(lots: tuple[Lot, ...], size: Decimal) -> tuple[tuple[Lot, ...], Decimal]:
    """Take a size from the oldest lots; give those that are left, and what was taken had cost."""
    cost = _ZERO
    for place, lot in enumerate(lots):
        whole = lot.quantity.copy_abs()
        if whole > size:
            part = part_of(lot.cost, size, whole)
            left = Lot(EXACT.subtract(lot.quantity, size.copy_sign(lot.quantity)), EXACT.subtract(lot.cost, part))
            return (left, *lots[place + 1 :]), EXACT.add(cost, part)
        size = EXACT.subtract(size, whole)
        cost = EXACT.add(cost, lot.cost)
    return (), cost


def _open(held: Position, opening: Decimal, cost: Decimal) -> Position:
    lots = (*held.lots, Lot(opening, cost))
    joined = len(lots) > LOTS_MAX
    if joined:
        first, second, *rest = lots
        lots = (Lot(EXACT.add(first.quantity, second.quantity), EXACT.add(first.cost, second.cost)), *rest)
    return replace(
        held,
        quantity=EXACT.add(held.quantity, opening),
        cost=EXACT.add(held.cost, cost),
        lots=lots,
        lots_joined=held.lots_joined or joined,
    )
