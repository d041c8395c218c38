"""Say what an account held and was worth at a time, how it did over time, and which trades it made.

All of it is a fold of the account's fills and of the closes of bars, and knows nothing of after the time it is asked
for; corrections known by then stand where what they correct stood. Money is exact, in the account's currency. What was
traded in another one, what it cost and earned with it, is converted at the rate of each time that it is told for, as
the risk table does; where there is no rate it is left out of every figure, and named.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from decimal import Decimal
from types import MappingProxyType
from typing import Any, Final, NamedTuple, TypeAlias

import numpy as np

from functions.domain.backtest.figures import times_of
from functions.domain.market import NS_PER_S, Float64, Int64
from functions.domain.money import EXACT
from functions.domain.portfolio import measures
from functions.domain.portfolio.books import BookRules, Position, Trade, currency_of, part_of
from functions.domain.portfolio.history import FOREVER, Folded, History, Trip, average, quotient, total

PERCENT_PLACES: Final = 8
"""Decimals of a percentage."""

_ZERO: Final = Decimal(0)
_PERCENT: Final = Decimal(100)


class Mark(NamedTuple):
    """Hold a price and when it was there, UTC nanoseconds; `fill` when it is the account's own, for want of a bar."""

    price: Decimal
    at_ns: int
    fill: bool = False


Marks: TypeAlias = Mapping[str, Sequence[Mark | None]]
"""By instrument, the close known at each time; None where no bar had ended."""

Rates: TypeAlias = Mapping[str, Sequence[Decimal | None]]
"""By currency, what a unit of it was worth in the account's at each time; None where nobody knew."""

NO_RATES: Final[Mapping[str, Any]] = MappingProxyType({})  # of nothing, so of whatever is asked for
_ONE: Final = Decimal(1)


@dataclass(frozen=True, slots=True)
class Holding:
    """Hold one position that is not flat, what a unit of it was worth, and what its currency is worth in the account's.

    Prices are in its own currency, what it is worth and would earn in the account's.
    """

    position: Position
    mark: Mark
    rate: Decimal = _ONE

    @property
    def worth(self) -> Decimal:
        """Give what it was worth; negative when short."""
        return EXACT.multiply(self.position.worth(self.position.quantity, self.mark.price), self.rate)

    @property
    def unrealised(self) -> Decimal:
        """Give what it would earn, before fees."""
        return EXACT.subtract(self.worth, EXACT.multiply(self.position.cost, self.rate))

    @property
    def entry_price(self) -> Decimal:
        """Give the average cost of a unit, without fees."""
        return average(self.position.cost, EXACT.multiply(self.position.quantity, self.position.multiplier))

    @property
    def gain_pct(self) -> Decimal:
        """Give what it would earn in percent of what it cost."""
        return percent(self.unrealised, EXACT.multiply(self.position.cost, self.rate).copy_abs())


@dataclass(frozen=True, slots=True)
class Standing:
    """Hold what an account held at a time; cash + worth of the holdings = capital + realised + unrealised.

    Args:
        as_of_ns: The time, UTC nanoseconds.
        capital: What it was opened with.
        cash: In its own currency and in those with a rate.
        booked: Every position, flat ones too, by instrument.
        holdings: Those that are not flat.
        realised: Earned by what was closed, at average cost, after all fees.
        fees: Paid.
        left_out: Instruments of currencies without a rate, which no figure counts.
    """

    as_of_ns: int
    capital: Decimal
    cash: Decimal
    booked: tuple[Position, ...]
    holdings: tuple[Holding, ...]
    realised: Decimal
    fees: Decimal
    left_out: tuple[str, ...]

    @property
    def worth(self) -> Decimal:
        """Give what the holdings are worth."""
        return total(one.worth for one in self.holdings)

    @property
    def unrealised(self) -> Decimal:
        """Give what the holdings would earn."""
        return total(one.unrealised for one in self.holdings)

    @property
    def value(self) -> Decimal:
        """Give what the account is worth."""
        return EXACT.add(self.cash, self.worth)

    @property
    def return_pct(self) -> Decimal:
        """Give all profit in percent of the capital."""
        return percent(EXACT.subtract(self.value, self.capital), self.capital)


@dataclass(frozen=True, slots=True, eq=False)
class Performance:
    """Say how an account did from the first point of a curve to the last.

    Args:
        step_s: Seconds between two points; the last may be nearer, and then its return counts in no ratio.
        times: When, UTC nanoseconds (n,).
        equity: What the account was worth then.
        fees: Paid meanwhile.
        fills: Booked meanwhile.
        trips: Closed meanwhile.
        left_out: Instruments of currencies without a rate at some point, which no figure counts.
    """

    step_s: int
    times: Int64
    equity: tuple[Decimal, ...]
    fees: Decimal
    fills: int
    trips: tuple[Trip, ...]
    left_out: tuple[str, ...]

    @property
    def values(self) -> Float64:
        """Give the equity as floats (n,)."""
        return np.array([float(one) for one in self.equity])

    @property
    def profit(self) -> Decimal:
        """Give what was earned, after fees."""
        return EXACT.subtract(self.equity[-1], self.equity[0])

    @property
    def return_pct(self) -> Decimal | None:
        """Give the profit in percent of the first point; None where the account was worth nothing."""
        return percent(self.profit, self.equity[0]) if self.equity[0] > 0 else None

    @property
    def drawdown(self) -> Float64:
        """Give each point's fall from the highest so far, a positive share (n,); 0 where nothing was ever there."""
        values = self.values
        return measures.drawdown(values) if values[0] > 0 else np.zeros(len(values))

    @property
    def win_rate(self) -> float | None:
        """Give the share of the trips that won."""
        return measures.win_rate([one.profit for one in self.trips])

    @property
    def sharpe(self) -> float | None:
        """Give the Sharpe ratio of the curve."""
        return measures.sharpe_of_curve(self._whole, step_s=self.step_s)

    @property
    def sortino(self) -> float | None:
        """Give the Sortino ratio of the curve; as its Sharpe ratio, only of a day or more."""
        returns = self._returns
        return None if returns is None else measures.sortino(returns, periods_per_year=measures.YEAR_S / self.step_s)

    @property
    def volatility(self) -> float | None:
        """Give the annualised volatility of the curve; as its Sharpe ratio, only of a day or more."""
        returns = self._returns
        return None if returns is None else measures.volatility(returns, periods_per_year=measures.YEAR_S / self.step_s)

    @property
    def _whole(self) -> Float64:
        """Give the points that whole steps lead to."""
        short = len(self.times) > 1 and int(self.times[-1] - self.times[-2]) < self.step_s * NS_PER_S
        return self.values[:-1] if short else self.values

    @property
    def _returns(self) -> Float64 | None:
        values = self._whole
        long = (len(values) - 1) * self.step_s >= measures.SHARPE_SPAN_S_MIN
        return measures.simple_returns(values) if long and (values > 0.0).all() else None


def percent(part: Decimal, whole: Decimal) -> Decimal:
    """Give a part in percent of a whole, rounded half to even at `PERCENT_PLACES`; 0 of nothing.

    >>> percent(Decimal(1), Decimal(3))
    Decimal('33.33333333')
    """
    return quotient(EXACT.multiply(part, _PERCENT), whole, PERCENT_PLACES)


def times_between(begin_ns: int, end_ns: int) -> tuple[Int64, int]:
    """Lay a curve's times out as `times_of` does, but never beyond the end: the last step may be shorter.

    >>> times_between(0, 3_500_000_000)[0].tolist()[-2:]
    [3000000000, 3500000000]
    """
    times, step_s = times_of(begin_ns, end_ns)
    return np.minimum(times, max(begin_ns, end_ns)), step_s


def rates_at(marks: Marks, names: Sequence[str], currency: str) -> Rates:
    """Read rates into a currency from the closes of pairs; where two pairs tell one, the first that has a close.

    Args:
        marks: Closes of at least these instruments.
        names: Instruments whose price is a rate, for example `EUR-USD.X`.
        currency: The currency that is converted into.

    >>> marks = {"EUR-USD.X": [None, Mark(Decimal("1.25"), 5)]}
    >>> rates_at(marks, ["EUR-USD.X"], "USD"), rates_at(marks, ["EUR-USD.X"], "EUR")
    ({'EUR': [None, Decimal('1.25')]}, {'USD': [None, Decimal('0.8')]})
    """
    found: dict[str, list[Decimal | None]] = {}
    for name in names:
        one, _, other = name.rpartition(".")[0].partition("-")
        if currency not in {one, other} or one == other:
            continue
        told = [_rate(mark, direct=other == currency) for mark in marks[name]]
        foreign = one if other == currency else other
        known = found.get(foreign, [None] * len(told))
        found[foreign] = [new if had is None else had for had, new in zip(known, told, strict=True)]
    return found


def _rate(mark: Mark | None, *, direct: bool) -> Decimal | None:
    if mark is None or mark.price <= 0:
        return None
    return mark.price if direct else part_of(_ONE, _ONE, mark.price)


def rates_throughout(rates: Rates, history: History, times: Int64, rules: BookRules) -> dict[str, tuple[Decimal, ...]]:
    """Keep the currencies whose rate is known at each time from the first trade in them on; before it counts nothing.

    Args:
        rates: What is known.
        history: The account's.
        times: When it is to be valued, UTC nanoseconds (n,).
        rules: How books are kept.
    """
    began: dict[str, int] = {}
    for trade in (*(Trade(-1, 0, *one) for one in history.held), *history.trades):
        currency = currency_of(trade.instrument_id, trade.currency, inverse=trade.instrument_id in rules.inverse)
        began[currency] = min(trade.as_of_ns, began.get(currency, trade.as_of_ns))
    return {
        currency: tuple(_ZERO if rate is None else rate for rate in told)
        for currency, told in rates.items()
        if all(
            rate is not None or at < began.get(currency, FOREVER) for rate, at in zip(told, times.tolist(), strict=True)
        )
    }


def standing(folded: Folded, marks: Mapping[str, Mark | None], rates: Mapping[str, Decimal] = NO_RATES) -> Standing:
    """Say what an account held.

    Args:
        folded: Its history, as it was known then.
        marks: By instrument, the close known then; None takes the account's own last fill.
        rates: What a unit of each other currency that was folded was worth then.
    """
    own = folded.own

    def told(amount: Decimal, currency: str) -> Decimal:
        return EXACT.multiply(amount, rates.get(currency, _ONE))

    fees = total(told(one.fees, one.currency) for one in own)
    foreign = {one.currency for one in own} & set(rates)
    return Standing(
        as_of_ns=folded.as_of_ns,
        capital=folded.history.capital,
        cash=total((folded.cash, *(told(folded.books.cash[name], name) for name in sorted(foreign)))),
        booked=own,
        holdings=tuple(
            Holding(
                one,
                marks.get(one.instrument_id) or Mark(one.price, folded.filled[one.instrument_id], fill=True),
                rates.get(one.currency, _ONE),
            )
            for one in own
            if one.quantity
        ),
        realised=EXACT.subtract(total(told(one.realised, one.currency) for one in own), fees),
        fees=fees,
        left_out=folded.left_out,
    )


def performance(
    folded: Folded,
    marks: Marks,
    *,
    times: Int64,
    step_s: int,
    rates: Mapping[str, Sequence[Decimal]] = NO_RATES,
) -> Performance:
    """Say how an account did.

    Args:
        folded: Its history, as it was known at the last time; corrections hold for the whole curve.
        marks: By instrument, the close known at each of the times.
        times: When to value it, ascending, UTC nanoseconds (n,), n at least 1.
        step_s: Seconds between two of them.
        rates: What a unit of each other currency that was folded was worth at each of the times; fees count at the
            last.
    """
    begin_ns = int(times[0])
    worth = {currency: told[-1] for currency, told in rates.items()}
    booked = [one for one in folded.booked if one.as_of_ns > begin_ns]
    return Performance(
        step_s=step_s,
        times=times,
        equity=tuple(_equity(folded, marks, times.tolist(), rates)),
        fees=total(EXACT.multiply(one.fee, worth.get(_currency(folded, one), _ONE)) for one in booked),
        fills=sum(bool(one.quantity) for one in booked),
        trips=tuple(one for one in folded.trips if one.closed and one.exit_ns > begin_ns),
        left_out=folded.left_out,
    )


def _equity(
    folded: Folded, marks: Marks, times: Sequence[int], rates: Mapping[str, Sequence[Decimal]]
) -> Iterator[Decimal]:
    """Value an account at times: what it is worth needs no cost, and does not mind the order of fills."""
    cash = dict.fromkeys(rates, _ZERO)  # of other currencies
    own = folded.history.capital
    held: dict[str, tuple[Decimal, Decimal]] = {}  # quantity, price of the last fill
    waiting = iter(sorted(folded.booked, key=lambda trade: trade.as_of_ns))
    following = next(waiting, None)
    for at, time_ns in enumerate(times):
        while following is not None and following.as_of_ns <= time_ns:
            quantity, price = held.get(following.instrument_id, (_ZERO, _ZERO))
            held[following.instrument_id] = EXACT.add(quantity, following.quantity), following.price or price
            currency, paid = _currency(folded, following), _paid(folded, following)
            if currency in cash:
                cash[currency] = EXACT.subtract(cash[currency], paid)
            else:
                own = EXACT.subtract(own, paid)
            following = next(waiting, None)
        value = total((own, *(EXACT.multiply(amount, rates[name][at]) for name, amount in cash.items())))
        for name, (quantity, price) in held.items():
            if quantity:
                mark, position = marks[name][at] if name in marks else None, folded.books.positions[name]
                worth = position.worth(quantity, mark.price if mark else price)
                rated = rates.get(position.currency)
                value = EXACT.add(value, worth if rated is None else EXACT.multiply(worth, rated[at]))
        yield value


def _currency(folded: Folded, trade: Trade) -> str:
    return folded.books.positions[trade.instrument_id].currency


def _paid(folded: Folded, trade: Trade) -> Decimal:
    """Give what a trade took out of cash."""
    position = folded.books.positions[trade.instrument_id]
    if position.multiplier != trade.multiplier:
        position = replace(position, multiplier=trade.multiplier)
    return EXACT.add(position.worth(trade.quantity, trade.price) if trade.quantity else _ZERO, trade.fee)
