"""Sum up trades: the equity curve, and the figures by which a strategy is judged; each says what it means.

Money is added up exactly and divided last; ratios are floats. A figure that does not exist (no trade, no loss, no
variance) is None, never zero.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal, localcontext
from typing import Final

import numpy as np

from functions.domain.backtest.facts import PriceBars, Trade, gain
from functions.domain.evaluation import Reliability, brier, reliability
from functions.domain.market import INTERVALS_S, NS_PER_S, Float64, Int64
from functions.domain.money import EXACT, scaled
from functions.domain.portfolio.measures import max_drawdown, sharpe_of_curve, win_rate

POINTS_MAX: Final = 2000
"""Most points of an equity curve; the step is the shortest bar interval that stays below, the longest beyond."""

RELIABILITY_TRADES_MIN: Final = 20
"""Closed trades below which confidence is not held against outcomes: ten bins of two say nothing."""


@dataclass(frozen=True, slots=True, eq=False)
class Curve:
    """Hold an account's value at n times, `step_s` apart; the first stands before any trade."""

    step_s: int
    times: Int64  # (n,)
    equity: tuple[Decimal, ...]

    @property
    def values(self) -> Float64:
        """Give the equity as floats (n,)."""
        return np.array([float(value) for value in self.equity])


@dataclass(frozen=True, slots=True)
class Figures:
    """Judge one way to use the capital.

    Args:
        profit: Net of fees, open trades at the last close.
        fees: Paid in all.
        total_return: Profit over capital.
        max_drawdown: Greatest fall of the curve from a peak before, as a positive share of the peak.
        sharpe: Annualised mean over standard deviation (ddof 1) of the returns of the curve's steps, at a risk-free
            rate of 0; None for less than a day, without variance, or after the account was worth nothing.
        trades: How many, open ones too.
        closed: How many of them ended.
        hit_rate: Share of the closed trades with a profit above 0; None without one.
        profit_factor: Profits of the closed trades that won over losses of those that lost; None without a loss.
        in_market: Share of the time in which something was held.
        exposure: Mean value of what was held, at entry prices, over the capital.
        turnover: Value of all fills over the capital.
    """

    profit: Decimal
    fees: Decimal
    total_return: float
    max_drawdown: float
    sharpe: float | None
    trades: int
    closed: int
    hit_rate: float | None
    profit_factor: float | None
    in_market: float
    exposure: float
    turnover: float


@dataclass(frozen=True, slots=True)
class Confidence:
    """Hold the confidence of closed trades against whether they won: the curve, and its Brier score."""

    curve: Reliability
    brier: float
    trades: int


def times_of(begin_ns: int, end_ns: int) -> tuple[Int64, int]:
    """Lay a curve's times out: from a beginning in equal steps until the end is reached, at most some 2,000.

    Returns:
        The times (n,) and the step in seconds; one time alone when there is no time between.

    >>> times_of(0, 3_500_000_000)[0].tolist()[-1]
    4000000000
    """
    span = max(end_ns - begin_ns, 0)
    fitting = (step_s for step_s in INTERVALS_S if span <= step_s * NS_PER_S * POINTS_MAX)
    step_s = next(fitting, INTERVALS_S[-1])
    steps = -(-span // (step_s * NS_PER_S))
    return begin_ns + np.arange(steps + 1, dtype=np.int64) * step_s * NS_PER_S, step_s


def curve_of(
    trades: Sequence[Trade], bars: Mapping[str, PriceBars], *, capital: Decimal, times: Int64, step_s: int
) -> Curve:
    """Value an account over time: what trades have left behind, and open positions at the last close known then.

    Args:
        trades: Trades of any strategies and instruments.
        bars: Bars by instrument.
        capital: What the account starts with.
        times: When to value it, ascending (n,).
        step_s: Seconds between two of them.
    """
    with localcontext(EXACT):
        change = [Decimal(0)] * (len(times) + 1)
        marks = [Decimal(0)] * len(times)
        for trade in trades:
            first, end = (max(int(times.searchsorted(at)), 1) for at in (trade.entry_ns, trade.exit_ns))
            change[end] += trade.profit
            for at, price in zip(range(first, end), _closes(trade, bars, times[first:end]), strict=True):
                marks[at] += gain(trade, price) - trade.entry_fee
        equity, value = [], capital
        for step, mark in zip(change, marks, strict=False):
            value += step
            equity.append(value + mark)
    return Curve(step_s, times, tuple(equity))


def _closes(trade: Trade, bars: Mapping[str, PriceBars], times: Int64) -> list[Decimal]:
    """Give the last close at each time, the entry's own price until there is one behind it."""
    its = bars[trade.instrument_id]
    kept = np.flatnonzero(its.traded)
    ends, closes = its.start_ns[kept] + its.interval_ns, its.close[kept]
    at = ends.searchsorted(times, side="right") - 1
    known = (at >= 0) & (ends[np.maximum(at, 0)] > trade.entry_ns) if len(ends) else np.zeros(len(times), np.bool_)
    exponent = its.instrument.price_exponent
    return [
        scaled(int(closes[i]), exponent) if there else trade.entry_price
        for i, there in zip(at.tolist(), known.tolist(), strict=True)
    ]


def figures_of(trades: Sequence[Trade], curve: Curve, *, capital: Decimal) -> Figures:
    """Judge trades and the curve they made."""
    with localcontext(EXACT):
        profit = sum((trade.profit for trade in trades), Decimal(0))
        fees = sum((trade.fees for trade in trades), Decimal(0))
        turned = sum((_turned(trade) for trade in trades), Decimal(0))
        won = sum((max(trade.profit, Decimal(0)) for trade in trades if trade.closed), Decimal(0))
        lost = sum((min(trade.profit, Decimal(0)) for trade in trades if trade.closed), Decimal(0))
    closed = [trade for trade in trades if trade.closed]
    begin_ns, end_ns = int(curve.times[0]), int(curve.times[-1])
    return Figures(
        profit=profit,
        fees=fees,
        total_return=float(profit) / float(capital),
        max_drawdown=max_drawdown(curve.values),
        sharpe=sharpe_of_curve(curve.values, step_s=curve.step_s),
        trades=len(trades),
        closed=len(closed),
        hit_rate=win_rate([trade.profit for trade in closed]),
        profit_factor=float(won) / -float(lost) if lost else None,
        in_market=in_market(trades, begin_ns=begin_ns, end_ns=end_ns),
        exposure=_exposure(trades, capital, span_ns=end_ns - begin_ns),
        turnover=float(turned) / float(capital),
    )


def in_market(trades: Sequence[Trade], *, begin_ns: int, end_ns: int) -> float:
    """Give the share of a time in which at least one trade was under way; 0 of no time."""
    covered, until = 0, begin_ns
    for trade in sorted(trades, key=lambda one: one.entry_ns):
        first, last = max(trade.entry_ns, until), min(trade.exit_ns, end_ns)
        covered += max(last - first, 0)
        until = max(until, last)
    return covered / (end_ns - begin_ns) if end_ns > begin_ns else 0.0


def _exposure(trades: Sequence[Trade], capital: Decimal, *, span_ns: int) -> float:
    with localcontext(EXACT):
        held = sum((t.entry_price * t.quantity * (t.exit_ns - t.entry_ns) for t in trades), Decimal(0))
    return float(held) / (float(capital) * span_ns) if span_ns > 0 else 0.0


def _turned(trade: Trade) -> Decimal:
    prices = trade.entry_price + trade.exit_price if trade.closed else trade.entry_price
    return prices * trade.quantity


def confidence_of(trades: Sequence[Trade]) -> Confidence | None:
    """Hold the confidence of closed trades against whether they won; None where there are too few to say."""
    closed = [trade for trade in trades if trade.closed]
    if len(closed) < RELIABILITY_TRADES_MIN:
        return None
    said = np.clip(np.array([trade.confidence for trade in closed]) / 100.0, 0.0, 1.0)
    won = np.array([float(trade.profit > 0) for trade in closed])
    return Confidence(reliability(said, won), brier(said, won), len(closed))
