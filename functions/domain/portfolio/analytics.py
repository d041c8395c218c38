"""Say what an account held and was worth at a time, how it did over time, and which trades it made.

All of it is a fold of the account's fills and of the closes of bars, and knows nothing of after the time it is asked
for; corrections known by then stand where what they correct stood. Money is exact, in the account's currency; what is
traded in another one is left out of every figure and named, for here is no rate to convert it.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from decimal import Decimal
from typing import Final, NamedTuple, TypeAlias

import numpy as np

from functions.domain.backtest.figures import times_of
from functions.domain.market import NS_PER_S, Float64, Int64
from functions.domain.money import EXACT
from functions.domain.portfolio import measures
from functions.domain.portfolio.books import Position, Trade
from functions.domain.portfolio.history import Folded, Trip, average, quotient, total

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


@dataclass(frozen=True, slots=True)
class Holding:
    """Hold one position that is not flat, and what a unit of it was worth."""

    position: Position
    mark: Mark

    @property
    def worth(self) -> Decimal:
        """Give what it was worth; negative when short."""
        return self.position.worth(self.position.quantity, self.mark.price)

    @property
    def unrealised(self) -> Decimal:
        """Give what it would earn, before fees."""
        return EXACT.subtract(self.worth, self.position.cost)

    @property
    def entry_price(self) -> Decimal:
        """Give the average cost of a unit, without fees."""
        return average(self.position.cost, EXACT.multiply(self.position.quantity, self.position.multiplier))

    @property
    def gain_pct(self) -> Decimal:
        """Give what it would earn in percent of what it cost."""
        return percent(self.unrealised, self.position.cost.copy_abs())


@dataclass(frozen=True, slots=True)
class Standing:
    """Hold what an account held at a time; cash + worth of the holdings = capital + realised + unrealised.

    Args:
        as_of_ns: The time, UTC nanoseconds.
        capital: What it was opened with.
        cash: In its own currency.
        booked: Every position, flat ones too, by instrument.
        holdings: Those that are not flat.
        realised: Earned by what was closed, at average cost, after all fees.
        fees: Paid.
        left_out: Instruments of other currencies, which no figure counts.
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
        left_out: Instruments of other currencies, which no figure counts.
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


def standing(folded: Folded, marks: Mapping[str, Mark | None]) -> Standing:
    """Say what an account held.

    Args:
        folded: Its history, as it was known then.
        marks: By instrument, the close known then; None takes the account's own last fill.
    """
    own = folded.own
    fees = total(one.fees for one in own)
    return Standing(
        as_of_ns=folded.as_of_ns,
        capital=folded.history.capital,
        cash=folded.cash,
        booked=own,
        holdings=tuple(
            Holding(one, marks.get(one.instrument_id) or Mark(one.price, folded.filled[one.instrument_id], fill=True))
            for one in own
            if one.quantity
        ),
        realised=EXACT.subtract(total(one.realised for one in own), fees),
        fees=fees,
        left_out=folded.left_out,
    )


def performance(folded: Folded, marks: Marks, *, times: Int64, step_s: int) -> Performance:
    """Say how an account did.

    Args:
        folded: Its history, as it was known at the last time; corrections hold for the whole curve.
        marks: By instrument, the close known at each of the times.
        times: When to value it, ascending, UTC nanoseconds (n,), n at least 1.
        step_s: Seconds between two of them.
    """
    begin_ns = int(times[0])
    booked = [one for one in folded.booked if one.as_of_ns > begin_ns]
    return Performance(
        step_s=step_s,
        times=times,
        equity=tuple(_equity(folded, marks, times.tolist())),
        fees=total(one.fee for one in booked),
        fills=sum(bool(one.quantity) for one in booked),
        trips=tuple(one for one in folded.trips if one.closed and one.exit_ns > begin_ns),
        left_out=folded.left_out,
    )


def _equity(folded: Folded, marks: Marks, times: Sequence[int]) -> Iterator[Decimal]:
    """Value an account at times: what it is worth needs no cost, and does not mind the order of fills."""
    cash = folded.history.capital
    held: dict[str, tuple[Decimal, Decimal]] = {}  # quantity, price of the last fill
    waiting = iter(sorted(folded.booked, key=lambda trade: trade.as_of_ns))
    following = next(waiting, None)
    for at, time_ns in enumerate(times):
        while following is not None and following.as_of_ns <= time_ns:
            quantity, price = held.get(following.instrument_id, (_ZERO, _ZERO))
            held[following.instrument_id] = EXACT.add(quantity, following.quantity), following.price or price
            cash = EXACT.subtract(cash, _paid(folded, following))
            following = next(waiting, None)
        value = cash
        for name, (quantity, price) in held.items():
            if quantity:
                mark = marks[name][at] if name in marks else None
                value = EXACT.add(value, folded.books.positions[name].worth(quantity, mark.price if mark else price))
        yield value


def _paid(folded: Folded, trade: Trade) -> Decimal:
    """Give what a trade took out of cash."""
    position = folded.books.positions[trade.instrument_id]
    if position.multiplier != trade.multiplier:
        position = replace(position, multiplier=trade.multiplier)
    return EXACT.add(position.worth(trade.quantity, trade.price) if trade.quantity else _ZERO, trade.fee)
