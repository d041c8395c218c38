"""The figures of a backtest are those of independent computations, and what does not exist is none."""

import math
from decimal import Decimal
from fractions import Fraction

import numpy as np
import polars as pl
import pytest
from counts import examples
from hypothesis import given, settings
from hypothesis import strategies as st
from traded import BUY, ETH, SELL, Bar, heard, price_bars

from functions.domain.backtest.account import account, hold
from functions.domain.backtest.facts import PriceBars, Terms, Trade
from functions.domain.backtest.figures import (
    Curve,
    Figures,
    confidence_of,
    curve_of,
    figures_of,
    in_market,
    times_of,
)
from functions.domain.decisions import Side
from functions.domain.market import NS_PER_S
from functions.domain.portfolio.measures import YEAR_S, sharpe, simple_returns

TERMS = Terms(Decimal(10), Decimal(1), 100_000_000)
CAPITAL = Decimal(1000)
DAY_S = 86_400


def walk(seed: int, seconds: int) -> list[Bar]:
    """Make bars of a random walk, one a second."""
    closes = 10_000 + np.random.default_rng(seed).integers(-15, 16, seconds).cumsum()
    return [Bar(at, (int(c), int(c) + 3, int(c) - 3, int(c))) for at, c in enumerate(closes.tolist())]


def some_trades(seed: int, seconds: int = 400) -> tuple[tuple[Trade, ...], dict[str, PriceBars], list[Bar]]:
    """Trade a random walk by signals that come every twenty seconds, each the other way, with near stops."""
    bars = walk(seed, seconds)
    closes = [bar.ohlc[3] if bar.ohlc else 0 for bar in bars]
    signals = []
    for number, second in enumerate(range(5, seconds - 10, 20)):
        close = closes[second]
        way = 1 if (number + seed) % 3 else -1
        near = {"stop_loss": close - way * 40, "take_profit": close + way * 60, "confidence": 50.0 + number % 5 * 10}
        signals.append(heard(BUY if way == 1 else SELL, second, **near))
    books = {ETH.instrument_id: price_bars(bars)}
    return account(signals, books, TERMS, capital=CAPITAL).trades, books, bars


def curve_and_figures(trades: tuple[Trade, ...], books: dict[str, PriceBars], seconds: int) -> tuple[Curve, Figures]:
    """Value and judge trades over a tape of so many seconds."""
    times, step_s = times_of(0, seconds * NS_PER_S)
    curve = curve_of(trades, books, capital=CAPITAL, times=times, step_s=step_s)
    return curve, figures_of(trades, curve, capital=CAPITAL)


@settings(max_examples=examples(100), deadline=None)
@given(st.integers(0, 10_000))
def test_equity_is_cash_and_holdings_at_every_second(seed: int) -> None:
    """At each second the equity is the capital plus what closed trades made plus what open ones are worth, exactly."""
    trades, books, bars = some_trades(seed)
    curve, figures = curve_and_figures(trades, books, len(bars))
    closes = [bar.ohlc[3] if bar.ohlc else 0 for bar in bars]
    for second, equity in enumerate(curve.equity):
        value = Fraction(CAPITAL)
        for one in trades:
            if one.exit_ns <= second * NS_PER_S:
                value += Fraction(one.profit)
            elif one.entry_ns <= second * NS_PER_S:
                inside = second * NS_PER_S > one.entry_ns
                price = Fraction(closes[second - 1], 100) if inside else Fraction(one.entry_price)
                way = 1 if one.side is Side.BUY else -1
                value += way * (price - Fraction(one.entry_price)) * Fraction(one.quantity) - Fraction(one.entry_fee)
        assert Fraction(equity) == value
    assert Fraction(curve.equity[-1]) == Fraction(CAPITAL) + Fraction(figures.profit)


def number(told: object) -> float:
    """Take what polars computed for the number it is."""
    assert isinstance(told, int | float)
    return float(told)


@settings(max_examples=examples(100), deadline=None)
@given(st.integers(0, 10_000))
def test_figures_equal_polars(seed: int) -> None:
    """Return, drawdown, Sharpe, hit rate, profit factor, fees, turnover and exposure equal those polars computes."""
    trades, books, bars = some_trades(seed)
    curve, figures = curve_and_figures(trades, books, len(bars))
    equity = pl.Series([float(one) for one in curve.equity])
    returns = equity.pct_change().drop_nulls()
    assert figures.total_return == pytest.approx(equity[-1] / equity[0] - 1)
    assert figures.max_drawdown == pytest.approx((1 - equity / equity.cum_max()).max())
    mean, deviation = (number(one) for one in (returns.mean(), returns.std()))
    assert sharpe(simple_returns(curve.values), periods_per_year=YEAR_S) == pytest.approx(
        mean / deviation * math.sqrt(YEAR_S)
    )
    columns = ("entry_ns", "exit_ns", "entry_price", "exit_price", "quantity", "fees", "profit")
    table = pl.DataFrame(
        {name: [float(getattr(one, name)) for one in trades] for name in columns}
        | {"closed": [one.closed for one in trades]}
    )
    closed = table.filter("closed")
    won, lost = (number(closed.filter(pl.col("profit") * way > 0)["profit"].sum()) for way in (1, -1))
    assert figures.hit_rate == pytest.approx((closed["profit"] > 0).mean())
    assert (figures.profit_factor or 0.0) == pytest.approx(won / -lost if lost else 0.0)
    assert float(figures.fees) == pytest.approx(table["fees"].sum())
    fills = [(table["entry_price"] * table["quantity"]).sum(), (closed["exit_price"] * closed["quantity"]).sum()]
    assert figures.turnover == pytest.approx(sum(map(number, fills)) / 1000)
    lasted = table["exit_ns"] - table["entry_ns"]
    span = len(bars) * NS_PER_S
    assert figures.in_market == pytest.approx(lasted.sum() / span)  # one instrument: trades do not overlap
    assert figures.exposure == pytest.approx((table["entry_price"] * table["quantity"] * lasted).sum() / 1000 / span)


def test_no_trades() -> None:
    """Without a trade the account stays what it was, and ratios of trades do not exist."""
    books = {ETH.instrument_id: price_bars(walk(1, 100))}
    curve, figures = curve_and_figures((), books, 100)
    assert set(curve.equity) == {CAPITAL}
    assert (float(figures.profit), figures.total_return, figures.max_drawdown) == (0.0, 0.0, 0.0)
    assert (figures.sharpe, figures.hit_rate, figures.profit_factor) == (None, None, None)
    assert (figures.in_market, figures.exposure, figures.turnover) == (0.0, 0.0, 0.0)


def test_no_time() -> None:
    """A tape without bars has a curve of one point."""
    times, step_s = times_of(5, 5)
    curve = curve_of((), {}, capital=CAPITAL, times=times, step_s=step_s)
    figures = figures_of((), curve, capital=CAPITAL)
    assert (len(curve.equity), figures.max_drawdown, figures.in_market) == (1, 0.0, 0.0)


def test_the_first_point_is_before_any_trade() -> None:
    """What is bought at the very beginning costs its fee behind the curve's first point, so drawdown holds it."""
    books = {ETH.instrument_id: price_bars([Bar(second) for second in range(10)])}
    trades = hold(books, TERMS, capital=CAPITAL)
    curve, figures = curve_and_figures(trades, books, 10)
    assert trades[0].entry_ns == curve.times[0]
    assert curve.equity[0] == CAPITAL
    assert figures.max_drawdown == pytest.approx(-figures.total_return)


def test_one_trade_that_won() -> None:
    """One trade that won has a hit rate of 1, and no profit factor: nothing was lost."""
    bars = [*(Bar(at) for at in range(5)), Bar(5, (11_000, 11_000, 11_000, 11_000))]
    books = {ETH.instrument_id: price_bars(bars)}
    trades = account([heard(BUY, 1)], books, TERMS, capital=CAPITAL).trades
    _, figures = curve_and_figures(trades, books, 6)
    assert (figures.trades, figures.closed, figures.hit_rate, figures.profit_factor) == (1, 1, 1.0, None)


def test_all_losses() -> None:
    """Where every trade lost, hit rate and profit factor are 0 and the drawdown is all that was lost."""
    fallen = Bar(5, (9_000, 9_000, 9_000, 9_000))
    books = {ETH.instrument_id: price_bars([*(Bar(at) for at in range(5)), fallen, Bar(6)])}
    trades = account([heard(BUY, 1)], books, TERMS, capital=CAPITAL).trades
    _, figures = curve_and_figures(trades, books, 7)
    assert (figures.hit_rate, figures.profit_factor) == (0.0, 0.0)
    assert figures.max_drawdown == pytest.approx(-figures.total_return) == pytest.approx(float(-figures.profit) / 1000)


def test_sharpe_needs_a_day() -> None:
    """There is no Sharpe ratio of minutes."""
    minutes = Curve(60, np.arange(4) * 60 * NS_PER_S, tuple(map(Decimal, (10, 11, 10, 12))))
    days = Curve(DAY_S, np.arange(4) * DAY_S * NS_PER_S, tuple(map(Decimal, (10, 11, 10, 12))))
    assert figures_of((), minutes, capital=CAPITAL).sharpe is None
    assert figures_of((), days, capital=CAPITAL).sharpe is not None


@pytest.mark.parametrize(("seconds", "step_s"), [(0, 1), (2000, 1), (2001, 5), (DAY_S, 60), (100 * DAY_S, 14_400)])
def test_curves_have_a_bounded_length(seconds: int, step_s: int) -> None:
    """A curve's step is the shortest bar interval that needs at most 2,000 steps, and its end covers the tape's."""
    times, step = times_of(7, 7 + seconds * NS_PER_S)
    assert (step, int(times[0])) == (step_s, 7)
    assert seconds * NS_PER_S <= int(times[-1]) - 7 < (seconds + step_s) * NS_PER_S


def test_time_in_the_market_counts_once() -> None:
    """Time in which two instruments were held counts once."""
    trades, _, _ = some_trades(1)
    assert in_market([*trades, *trades], begin_ns=0, end_ns=400 * NS_PER_S) == in_market(
        trades, begin_ns=0, end_ns=400 * NS_PER_S
    )


def test_confidence_needs_trades() -> None:
    """Confidence is held against outcomes for twenty closed trades or more; bins count them all."""
    trades, _, _ = some_trades(3, 1200)
    found = confidence_of(trades)
    closed = [one for one in trades if one.closed]
    assert found is not None
    assert found.trades == len(closed) == int(found.curve.count.sum())
    brier = sum((one.confidence / 100 - (one.profit > 0)) ** 2 for one in closed) / len(closed)
    assert found.brier == pytest.approx(brier)
    assert confidence_of(closed[:19]) is None
