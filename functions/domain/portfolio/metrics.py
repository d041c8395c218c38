"""Value an account's books at the end of a window: equity, exposure, drawdown, value at risk; and find broken limits.

Money is exact, in the account's currency; only measures of risk are floats. A currency without a rate leaves every sum
unknown, never taken for one to one, and a position that no bar has priced yet stands at its last fill's price, flagged.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from decimal import ROUND_HALF_EVEN, Context, Decimal
from typing import Final

import numpy as np

from functions.domain.money import EXACT, scaled
from functions.domain.portfolio.books import BookRules, Books, Earned, Position
from functions.domain.portfolio.marks import MARK_NS, MARK_S, Marks
from functions.domain.portfolio.measures import expected_shortfall, var_historical, var_parametric

NO_RATE: Final = 1
"""A currency has no rate to the account's: sums are unknown."""
FROM_FILL: Final = 2
"""A position that no bar has priced stands at its last fill's price."""
STALE_MARK: Final = 4
"""A mark is older than it may be."""
FILLS_MISSING: Final = 8
"""Events of the account's stream were lost: positions may be others."""
CORRECTION_LOST: Final = 16
"""A fill was corrected that the books no longer know by itself."""
NOT_BOOKED: Final = 32
"""A fill had no place in the books."""
LOTS_JOINED: Final = 64
"""Old lots of a position were joined, so that FIFO figures are near."""

CAPITAL: Final = "capital"
EXPOSURE_RATIO: Final = "exposure_ratio"
DRAWDOWN: Final = "drawdown"
VAR: Final = "var_95"

RATE_DIGITS: Final = 18
"""Digits of a rate that was turned round; one that is quoted the right way is exact."""
VAR_HORIZON_S: Final = MARK_S

_RATE: Final = Context(prec=RATE_DIGITS, rounding=ROUND_HALF_EVEN)
_ZERO: Final = Decimal(0)


@dataclass(frozen=True, slots=True)
class MetricRules:
    """Say how books are valued and what they are held to.

    Args:
        books: How they are kept.
        rates: Instruments whose prices are rates between currencies, `EUR-USD.X`: the first that fits is taken.
        exposure_ratio_max: Greatest gross exposure, as a share of the capital.
        drawdown_max: Greatest loss from the peak of equity, as a share of the peak; None for no bound.
        var_ratio_max: Greatest historical value at risk at 95 %, as a share of the capital; None for no bound.
        returns_window: Most returns behind a value at risk.
        returns_min: Returns below which there is none.
        mark_minutes_max: Age of a mark, minutes, beyond which it is flagged.
    """

    books: BookRules = field(default_factory=BookRules)
    rates: tuple[str, ...] = ()
    exposure_ratio_max: Decimal = Decimal("0.95")
    drawdown_max: Decimal | None = Decimal("0.20")
    var_ratio_max: Decimal | None = None
    returns_window: int = 120
    returns_min: int = 30
    mark_minutes_max: int = 5


@dataclass(frozen=True, slots=True)
class Window:
    """Name a window of an account: half-open, event time; `part` counts those that fills closed before its end."""

    start_ns: int
    end_ns: int
    part: int = 0

    @property
    def is_minute(self) -> bool:
        """Tell whether marks closed it, not fills."""
        return self.end_ns - self.start_ns == MARK_NS


@dataclass(frozen=True, slots=True)
class Holding:
    """Hold a position as a row tells it, in its own currency.

    `mark` is the price it was valued at; `value` what it is worth there, `cost` what it had cost at average cost.
    """

    instrument_id: str
    currency: str
    quantity: Decimal
    cost: Decimal
    mark: Decimal
    value: Decimal
    realised: Decimal
    unrealised: Decimal
    fees: Decimal


@dataclass(frozen=True, slots=True)
class Totals:
    """Sum an account up in its own currency.

    `cash` and `positions_value` add up to `equity`; either realised with its unrealised, less `fees`, to what equity
    is above the capital. Exposures are absolute (`gross`) and signed (`net`) values of positions.
    """

    cash: Decimal
    positions_value: Decimal
    equity: Decimal
    gross: Decimal
    net: Decimal
    realised: Decimal
    unrealised: Decimal
    realised_fifo: Decimal
    unrealised_fifo: Decimal
    fees: Decimal


@dataclass(frozen=True, slots=True)
class Tail:
    """Hold what the held positions may lose within `VAR_HORIZON_S`, positive, account currency.

    Today's positions are revalued over the last `returns_count` returns of their marks, rates as they are today.
    """

    returns_count: int
    var_95: float
    var_99: float
    var_95_parametric: float
    var_99_parametric: float
    shortfall_95: float
    shortfall_99: float


@dataclass(frozen=True, slots=True)
class RiskMetrics:
    """Say how an account stands at the end of a window; (account, window) is its natural key.

    Args:
        account: Which account.
        window: Which window.
        revision: How many facts it rests on, fills of the account and marks of what it traded; the highest one holds.
        fills: Fills of the account before the window's end.
        currency: Account currency.
        capital: What the account was opened with; 0 for one that nobody opened.
        balances: Cash by currency, sorted.
        holdings: Open positions by instrument, sorted.
        totals: Their sums; None when a rate is missing.
        peak: Greatest equity so far; None as long as it is unknown.
        tail: Value at risk; None when sums are unknown, nothing is held or returns are too few.
        flags: NO_RATE and its neighbours.
        broken: Names of the limits that are broken.
    """

    account: str
    window: Window
    revision: int
    fills: int
    currency: str
    capital: Decimal
    balances: tuple[tuple[str, Decimal], ...]
    holdings: tuple[Holding, ...]
    totals: Totals | None
    peak: Decimal
    tail: Tail | None
    flags: int
    broken: tuple[str, ...] = ()

    @property
    def drawdown(self) -> float | None:
        """Give the loss from the peak as a share of it, positive; None while the peak or the equity gives none."""
        if self.totals is None or self.peak <= 0:
            return None
        return float(EXACT.subtract(self.peak, self.totals.equity) / self.peak)

    @property
    def exposure_ratio(self) -> float | None:
        """Give gross exposure as a share of the capital, for people; limits are compared without dividing."""
        if self.totals is None or self.capital <= 0:
            return None
        return float(self.totals.gross / self.capital)


@dataclass(frozen=True, slots=True)
class LimitBreach:
    """Say that an account is beyond a limit at the end of a window, or no longer was when the window was known better.

    Args:
        account: Which account.
        limit: Which limit.
        window: Which window.
        revision: That of the row.
        found: What was found, account currency.
        allowed: What is allowed, account currency.
        withdrawn: True when a later revision of the row is within the limit.
    """

    account: str
    limit: str
    window: Window
    revision: int
    found: Decimal
    allowed: Decimal
    withdrawn: bool = False


@dataclass(frozen=True, slots=True)
class Valued:
    """Hold what books are worth, before they are told of."""

    balances: tuple[tuple[str, Decimal], ...]
    holdings: tuple[Holding, ...]
    totals: Totals | None
    tail: Tail | None
    flags: int


def value(books: Books, marks: Marks, minute: int, rules: MetricRules) -> Valued:
    """Value books at the marks of a minute."""
    held = [one for _, one in sorted(books.positions.items()) if one.quantity]
    flags = NOT_BOOKED if books.skipped else 0
    holdings = []
    for position in held:
        mark, flag = _mark(position, marks, minute, rules)
        flags |= flag | (LOTS_JOINED if position.lots_joined else 0)
        holdings.append(_holding(position, mark))
    rates, rates_flag = _rates(books, marks, minute, rules)
    totals = _totals(books, holdings, rates) if rates is not None else None
    tail = None if rates is None else _tail(holdings, rates, marks, minute, rules)
    balances = tuple(sorted((name, amount) for name, amount in books.cash.items() if amount))
    return Valued(balances, tuple(holdings), totals, tail, flags | rates_flag)


def breaches(row: RiskMetrics, rules: MetricRules) -> tuple[LimitBreach, ...]:
    """Find the limits that a row breaks, compared exactly; what is unknown breaks nothing, and is flagged in the row.

    Capital that is not positive is a breach of its own, for there is nothing that exposure could be a share of.
    """
    found: list[tuple[str, Decimal, Decimal]] = []
    if row.capital <= 0:
        found.append((CAPITAL, row.capital, _ZERO))
    elif row.totals is not None:
        found.append((EXPOSURE_RATIO, row.totals.gross, EXACT.multiply(rules.exposure_ratio_max, row.capital)))
        if rules.drawdown_max is not None:
            lost = EXACT.subtract(row.peak, row.totals.equity)
            found.append((DRAWDOWN, lost, EXACT.multiply(rules.drawdown_max, row.peak)))
        if rules.var_ratio_max is not None and row.tail is not None:
            found.append((VAR, Decimal(repr(row.tail.var_95)), EXACT.multiply(rules.var_ratio_max, row.capital)))
    return tuple(
        LimitBreach(row.account, limit, row.window, row.revision, one, allowed)
        for limit, one, allowed in found
        if one > allowed or limit == CAPITAL
    )


def needed(books: Books, rules: MetricRules) -> tuple[str, ...]:
    """Give the instruments whose marks decide what books are worth: what is held, and what rates convert."""
    held = tuple(name for name, one in books.positions.items() if one.quantity)
    return held + tuple(name for name in rules.rates if _converts(name, _foreign(books, rules), rules.books.currency))


def _mark(position: Position, marks: Marks, minute: int, rules: MetricRules) -> tuple[Decimal, int]:
    found = marks.mark(position.instrument_id, minute)
    if found is None:
        return position.price, FROM_FILL
    exponent = marks.instruments[position.instrument_id].ref.price_exponent
    return scaled(found.price, exponent), STALE_MARK if minute - found.minute > rules.mark_minutes_max else 0


def _holding(position: Position, mark: Decimal) -> Holding:
    worth = position.worth(position.quantity, mark)
    return Holding(
        instrument_id=position.instrument_id,
        currency=position.currency,
        quantity=position.quantity,
        cost=position.cost,
        mark=mark,
        value=worth,
        realised=position.realised,
        unrealised=EXACT.subtract(worth, position.cost),
        fees=position.fees,
    )


def _rates(books: Books, marks: Marks, minute: int, rules: MetricRules) -> tuple[Mapping[str, Decimal] | None, int]:
    """Give each foreign currency's rate, and flags; None when one has none."""
    rates, flags = {rules.books.currency: Decimal(1)}, 0
    for currency in sorted(_foreign(books, rules)):
        found = _rate(currency, marks, minute, rules)
        if found is None:
            return None, NO_RATE
        rates[currency], flag = found
        flags |= flag
    return rates, flags


def _rate(currency: str, marks: Marks, minute: int, rules: MetricRules) -> tuple[Decimal, int] | None:
    for name in rules.rates:
        mark = marks.mark(name, minute) if _converts(name, {currency}, rules.books.currency) else None
        if mark is not None:
            price = scaled(mark.price, marks.instruments[name].ref.price_exponent)
            direct = name.startswith(f"{currency}-")
            flag = STALE_MARK if minute - mark.minute > rules.mark_minutes_max else 0
            return price if direct else _RATE.divide(Decimal(1), price), flag
    return None


def _converts(name: str, currencies: set[str], currency: str) -> bool:
    """Tell whether an instrument's price is a rate between one of some currencies and another."""
    ends = name.rpartition(".")[0].split("-")
    return len(ends) == 2 and any({one, currency} == set(ends) for one in currencies)  # noqa: PLR2004 - a pair


def _foreign(books: Books, rules: MetricRules) -> set[str]:
    """Give the other currencies in which an account has, owes, holds or earned something."""
    used = {name for name, amount in books.cash.items() if amount}
    used |= {one.currency for one in books.positions.values()} | set(books.closed)
    return used - {rules.books.currency}


def _totals(books: Books, holdings: Sequence[Holding], rates: Mapping[str, Decimal]) -> Totals:
    worth = {one.instrument_id: one.value for one in holdings}
    sums = dict.fromkeys(Totals.__slots__, _ZERO)

    def add(name: str, amount: Decimal, currency: str) -> None:
        if amount:
            sums[name] = EXACT.add(sums[name], EXACT.multiply(amount, rates[currency]))

    for currency, amount in books.cash.items():
        add("cash", amount, currency)
    for currency, closed in books.closed.items():
        _add_earned(add, closed, currency)
    for name, position in books.positions.items():
        currency, now = position.currency, worth.get(name, _ZERO)
        add("positions_value", now, currency)
        add("gross", now.copy_abs(), currency)
        add("net", now.copy_abs().copy_sign(position.quantity), currency)
        add("unrealised", EXACT.subtract(now, position.cost), currency)
        add("unrealised_fifo", EXACT.subtract(now, position.cost_fifo), currency)
        _add_earned(add, Earned(position.realised, position.realised_fifo, position.fees), currency)
    sums["equity"] = EXACT.add(sums["cash"], sums["positions_value"])
    return Totals(**sums)


def _add_earned(add: Callable[[str, Decimal, str], None], earned: Earned, currency: str) -> None:
    add("realised", earned.realised, currency)
    add("realised_fifo", earned.realised_fifo, currency)
    add("fees", earned.fees, currency)


def _tail(
    holdings: Sequence[Holding], rates: Mapping[str, Decimal], marks: Marks, minute: int, rules: MetricRules
) -> Tail | None:
    """Revalue what is held over past returns; a position without marks has none, and does not move."""
    moving = [one for one in holdings if one.instrument_id in marks.instruments]
    worth = np.array([float(EXACT.multiply(one.value, rates[one.currency])) for one in moving])
    inverse = np.array([one.instrument_id in rules.books.inverse for one in moving], bool)
    returns = marks.returns([one.instrument_id for one in moving], minute, rules.returns_window)
    if not moving or len(returns) < rules.returns_min:
        return None
    returns = np.where(inverse, 1.0 / (1.0 + returns) - 1.0, returns)  # worth goes with 1 / price
    gains = (returns * worth).sum(axis=1)
    return Tail(
        returns_count=len(gains),
        var_95=var_historical(gains, 0.95),
        var_99=var_historical(gains, 0.99),
        var_95_parametric=var_parametric(gains, 0.95),
        var_99_parametric=var_parametric(gains, 0.99),
        shortfall_95=expected_shortfall(gains, 0.95),
        shortfall_99=expected_shortfall(gains, 0.99),
    )
