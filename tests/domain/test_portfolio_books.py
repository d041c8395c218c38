"""Books are exact: cash and costs follow from fills, and both methods earn the same in all."""

from collections import deque
from dataclasses import replace
from decimal import Decimal
from fractions import Fraction

import pytest
from counts import examples
from hypothesis import given, settings
from hypothesis import strategies as st

from functions.domain.money import EXACT
from functions.domain.portfolio.books import (
    COST_PLACES,
    LOTS_MAX,
    BookRules,
    Books,
    Position,
    Trade,
    book,
    currency_of,
    effective,
    open_books,
)

ETH = "ETH-USDT.BINANCE"
PERP = "BTC-USD-PERP.BITMEX"
RULES = BookRules()
CAPITAL = Decimal(100_000)


def trades(*figures: tuple[str, str]) -> list[Trade]:
    """Make trades of signed quantities and prices."""
    return [Trade(n, n, ETH, Decimal(quantity), Decimal(price)) for n, (quantity, price) in enumerate(figures)]


def booked(given_trades: list[Trade], rules: BookRules = RULES) -> Books:
    """Book trades into new books."""
    books = open_books(CAPITAL, (), rules)
    for trade in given_trades:
        books = book(books, trade, rules)
    return books


def eth(*figures: tuple[str, str]) -> Position:
    """Give the position after trades."""
    return booked(trades(*figures)).positions[ETH]


# (trades, quantity, cost, realised at average cost, realised first in first out); worked out by hand
TABLE = [
    ([("10", "100")], "10", "1000", "0", "0"),
    ([("10", "100"), ("10", "120")], "20", "2200", "0", "0"),
    ([("10", "100"), ("10", "120"), ("-5", "130")], "15", "1650", "100", "150"),
    ([("10", "100"), ("10", "120"), ("-15", "130")], "5", "550", "300", "350"),
    ([("10", "100"), ("10", "120"), ("-20", "130")], "0", "0", "400", "400"),
    ([("-4", "50"), ("1", "40")], "-3", "-150", "10", "10"),
    ([("-4", "50"), ("4", "60")], "0", "0", "-40", "-40"),
    ([("3", "10"), ("-5", "12")], "-2", "-24", "6", "6"),
    ([("-3", "10"), ("5", "12")], "2", "24", "-6", "-6"),
    ([("1", "10"), ("1", "11"), ("1", "12"), ("-2", "20")], "1", "11", "18", "19"),
]


@pytest.mark.parametrize(("figures", "quantity", "cost", "average", "fifo"), TABLE)
def test_by_hand(figures: list[tuple[str, str]], quantity: str, cost: str, average: str, fifo: str) -> None:
    """Positions, costs and profits are those worked out by hand, through zero too."""
    found = eth(*figures)
    assert (found.quantity, found.cost) == (Decimal(quantity), Decimal(cost))
    assert (found.realised, found.realised_fifo) == (Decimal(average), Decimal(fifo))


def test_opening() -> None:
    """What is held from the start is booked at its price, and cash is what capital is left."""
    books = open_books(CAPITAL, [(ETH, Decimal(10), Decimal(2500))], RULES)
    assert (books.cash["USDT"], books.positions[ETH].cost) == (Decimal(75_000), Decimal(25_000))


def test_taken_back_without_figures() -> None:
    """What takes an execution back need tell neither price nor multiplier: what is held is worth what it was."""
    for inverse, price in ((frozenset(), 5000), (frozenset({ETH}), 5000)):
        rules = BookRules(inverse=inverse)
        first = Trade(0, 0, ETH, Decimal(2), Decimal(price), currency="USDT", multiplier=Decimal(50))
        books = book(open_books(Decimal(0), (), rules), first, rules)
        after = book(books, Trade(1, 1, ETH, Decimal(0), Decimal(0), currency="USDT"), rules)
        assert after.positions[ETH].worth(Decimal(2), Decimal(price)) == books.positions[ETH].cost


def test_fee_and_multiplier() -> None:
    """A fee leaves the cash and no profit; a multiplier counts in cost and profit."""
    bought = Trade(0, 0, ETH, Decimal(2), Decimal(100), Decimal("0.5"), multiplier=Decimal(10))
    sold = bought._replace(quantity=Decimal(-2), price=Decimal(101))
    books = booked([bought, sold])
    found = books.positions[ETH]
    assert (found.realised, found.fees) == (Decimal(20), Decimal(1))
    assert books.cash["USDT"] == CAPITAL + 19


def test_inverse() -> None:
    """An inverse contract earns contracts * (1 / entry - 1 / exit) coins, long and short."""
    rules = BookRules(currency="BTC", inverse=frozenset((PERP,)))
    for sign in (1, -1):
        entry = Trade(0, 0, PERP, Decimal(sign * 1000), Decimal(50_000))
        books = booked([entry, entry._replace(quantity=Decimal(-sign * 1000), price=Decimal(62_500))], rules)
        assert books.positions[PERP].currency == "BTC"
        assert books.positions[PERP].realised == sign * Decimal("0.004")


def test_thirds() -> None:
    """A part of a cost without an end in decimals is rounded once, and the rest is the exact difference."""
    found = eth(("3", "0.01"), ("4", "0.02"), ("-1", "1"))
    released = Decimal(1) - found.realised
    assert found.cost + released == Decimal("0.11")
    assert abs(Fraction(released) - Fraction(11, 700)) < Fraction(1, 10**COST_PLACES)


def test_lots_are_bounded() -> None:
    """Of more lots than are kept the oldest two are joined at their average, and the position says so."""
    found = eth(*[("1", str(100 + n)) for n in range(LOTS_MAX + 1)])
    assert len(found.lots) == LOTS_MAX
    assert found.lots[0] == (Decimal(2), Decimal(201))
    assert found.lots_joined
    assert not eth(("1", "100")).lots_joined


def test_currencies() -> None:
    """Cash is kept by currency: as the fill says, else as the symbol does."""
    euro = Trade(0, 0, "SAP.XETR", Decimal(1), Decimal(200), currency="EUR")
    books = booked([euro, *trades(("1", "100"))])
    assert dict(books.cash) == {"USDT": CAPITAL - 100, "EUR": Decimal(-200)}
    assert currency_of(PERP, inverse=True) == "BTC"
    skipped = book(books, euro._replace(currency="USD"), RULES)
    assert (skipped.skipped, skipped.cash) == (1, books.cash)


def test_places_are_bounded() -> None:
    """A flat position makes place for a new one and leaves what it earned; without one a trade is not booked."""
    rules = BookRules(positions_max=2)
    opened = [Trade(0, 0, f"{name}-USDT.X", Decimal(1), Decimal(100)) for name in "ABC"]
    full = booked(opened, rules)
    assert (sorted(full.positions), full.skipped) == (["A-USDT.X", "B-USDT.X"], 1)
    closing = opened[0]._replace(quantity=Decimal(-1), price=Decimal(107), fee=Decimal(2))
    turned = booked([*opened[:2], closing, opened[2]], rules)
    assert (sorted(turned.positions), turned.skipped) == (["B-USDT.X", "C-USDT.X"], 0)
    assert (turned.closed["USDT"].realised, turned.closed["USDT"].fees) == (Decimal(7), Decimal(2))


def test_corrections() -> None:
    """A correction stands where the fill stood that it corrects, one of nothing takes it back; unknown ones count."""
    first, second, third = (
        one._replace(key=f"e{n}") for n, one in enumerate(trades(("1", "10"), ("2", "11"), ("3", "12")))
    )
    corrected = first._replace(sequence=3, quantity=Decimal(5), key="c0", replaces="e0")
    again = corrected._replace(sequence=4, quantity=Decimal(6), key="c1", replaces="c0")
    busted = second._replace(sequence=5, quantity=Decimal(0), key="c2", replaces="e1")
    stray = second._replace(sequence=6, key="c3", replaces="e9")
    assert effective([first, second, third, corrected, again, busted, stray]) == ((again, busted, third), 1)
    assert booked([again, busted, third]).positions[ETH].quantity == Decimal(9)


figure = st.integers(1, 10**7).map(lambda number: Decimal(number).scaleb(-3))
drawn = st.lists(st.tuples(st.booleans(), figure, figure, figure), min_size=1, max_size=20)


@settings(max_examples=examples(400), deadline=None)
@given(drawn, figure)
def test_identities(lines: list[tuple[bool, Decimal, Decimal, Decimal]], mark: Decimal) -> None:
    """After every trade, cash and costs are capital, profits and fees, and both methods earn the same in all."""
    books, flow = open_books(CAPITAL, (), RULES), CAPITAL
    for n, (buys, quantity, price, fee) in enumerate(lines):
        signed = quantity if buys else -quantity
        books = book(books, Trade(n, n, ETH, signed, price, fee), RULES)
        found = books.positions[ETH]
        flow = EXACT.subtract(flow, EXACT.add(EXACT.multiply(signed, price), fee))
        assert books.cash["USDT"] == flow
        for realised, cost in ((found.realised, found.cost), (found.realised_fifo, found.cost_fifo)):
            assert EXACT.add(EXACT.subtract(flow, CAPITAL), cost) == EXACT.subtract(realised, found.fees)
        worth = found.worth(found.quantity, mark)
        in_all = EXACT.add(found.realised, EXACT.subtract(worth, found.cost))
        assert in_all == EXACT.add(found.realised_fifo, EXACT.subtract(worth, found.cost_fifo))
        assert sum((lot.quantity for lot in found.lots), Decimal(0)) == found.quantity


@settings(max_examples=examples(300), deadline=None)
@given(drawn)
def test_reference(lines: list[tuple[bool, Decimal, Decimal, Decimal]]) -> None:
    """FIFO profits are those of a queue of single lots in fractions; at average cost they stay within rounding."""
    lots: deque[tuple[Fraction, Fraction]] = deque()
    fifo = average = held = cost = Fraction(0)
    few = lines[:LOTS_MAX]
    for buys, quantity, price, _ in few:
        left = Fraction(quantity if buys else -quantity)
        while left and lots and lots[0][0] * left < 0:
            size, entry = lots.popleft()
            taken = min(abs(size), abs(left)) * (1 if size > 0 else -1)
            fifo += taken * (Fraction(price) - entry)
            average += taken * (Fraction(price) - cost / held)
            cost, held = cost - cost / held * taken, held - taken
            left += taken
            if size != taken:
                lots.appendleft((size - taken, entry))
        if left:
            lots.append((left, Fraction(price)))
            cost, held = cost + left * Fraction(price), held + left
    found = eth(*[(str(q if buys else -q), str(p)) for buys, q, p, _ in few])
    assert (found.realised_fifo, found.quantity) == (fifo, held)
    assert abs(Fraction(found.realised) - average) < Fraction(len(few), 10 ** (COST_PLACES - 12))


def test_unknown_currency() -> None:
    """Where neither the fill nor the symbol says a currency, it is none."""
    assert booked([Trade(0, 0, "AAPL.XNAS", Decimal(1), Decimal(100))]).positions["AAPL.XNAS"].currency == ""


def test_flat_again() -> None:
    """A position that is flat again has no cost left, whatever was rounded on the way."""
    found = eth(("3", "0.01"), ("4", "0.02"), ("-1", "1"), ("-6", "1"))
    assert (found.quantity, found.cost, found.lots) == (0, 0, ())
    assert replace(found, realised=Decimal(0)).realised_fifo == Decimal("6.89")
