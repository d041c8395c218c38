"""Indicators say what their usual rules say, at the very edges too, and nothing about what is not valid."""

import numpy as np
import pytest

from functions.domain.features import FeatureKey, FeatureRow, all_names, choose
from functions.domain.market import STATE_COLD, STATE_DEGENERATE, STATE_VALID
from functions.domain.verdicts import Indicator, Verdict, bollinger, ema, macd, rsi, sma


def row(states: dict[str, int] | None = None, **features: float) -> FeatureRow:
    """Make a row of these features, valid unless said otherwise."""
    given = states or {}
    return FeatureRow(
        key=FeatureKey("BTC-USDT.BINANCE", 60),
        start_ns=0,
        revision=0,
        available_ns=60_000_000_000,
        close=100,
        price_exponent=0,
        names=tuple(features),
        values=np.array(list(features.values()), np.float64),
        states=np.array([given.get(name, STATE_VALID) for name in features], np.uint8),
    )


@pytest.mark.parametrize(
    ("value", "verdict"),
    [
        (70.0, Verdict.OVERBOUGHT),
        (69.999, Verdict.NEUTRAL),
        (30.001, Verdict.NEUTRAL),
        (30.0, Verdict.OVERSOLD),
        (0.0, Verdict.OVERSOLD),
    ],
)
def test_rsi(value: float, verdict: Verdict) -> None:
    """RSI is overbought from 70 and oversold to 30, both included."""
    assert rsi(row(rsi_14=value)) == Indicator(STATE_VALID, 14, (value,), verdict)


@pytest.mark.parametrize(("hist", "bias"), [(0.5, "bullish"), (-0.5, "bearish"), (0.0, "neutral")])
def test_macd(hist: float, bias: str) -> None:
    """MACD leans with its histogram."""
    found = macd(row(macd=1.0, macd_signal=1.0 - hist, macd_hist=hist), 100.0)
    assert (found.lines, found.verdict.value) == ((1.0, 1.0 - hist, hist), bias)


@pytest.mark.parametrize(
    ("close", "verdict"),
    [(111.0, Verdict.ABOVE_BANDS), (110.0, Verdict.NEUTRAL), (90.0, Verdict.NEUTRAL), (89.0, Verdict.BELOW_BANDS)],
)
def test_bollinger(close: float, verdict: Verdict) -> None:
    """A close on a band is within the bands."""
    assert bollinger(row(bb_upper=110.0, sma_20=100.0, bb_lower=90.0), close).verdict is verdict


@pytest.mark.parametrize(("close", "bias"), [(101.0, "bullish"), (99.0, "bearish"), (100.0, "neutral")])
def test_averages(close: float, bias: str) -> None:
    """A close above its average is bullish, below it bearish."""
    given = row(sma_20=100.0, ema_20=100.0)
    assert [sma(given, close).verdict.value, ema(given, close).verdict.value] == [bias, bias]


@pytest.mark.parametrize("average", [0.010000000000000002, 0.009999999999999998])
def test_flat_market(average: float) -> None:
    """An average of equal closes, which rounding moves by some of their last bits, says nothing."""
    given = row(sma_20=average, ema_20=average)
    assert {sma(given, 0.01).verdict, ema(given, 0.01).verdict} == {Verdict.NEUTRAL}


@pytest.mark.parametrize("hist", [4.0e-28, -1.6e-27])
def test_still_market(hist: float) -> None:
    """What rounding leaves between MACD and its signal in a market that has long stood still says nothing."""
    assert macd(row(macd=0.0, macd_signal=-hist, macd_hist=hist), 2684.1).verdict is Verdict.NEUTRAL


@pytest.mark.parametrize("state", [STATE_COLD, STATE_DEGENERATE])
@pytest.mark.parametrize("name", ["macd", "macd_signal", "macd_hist"])
def test_one_line_spoils_all(name: str, state: int) -> None:
    """An indicator with one line that is not valid shows no line and gives no verdict."""
    found = macd(row({name: state}, macd=1.0, macd_signal=1.0, macd_hist=0.0), 100.0)
    assert found == Indicator(state, 0, (), Verdict.NONE)


def test_columns_chosen() -> None:
    """Columns are laid out in the order asked; what a row does not have is 0 and absent; the row stays as it was."""
    given = row({"b": STATE_COLD}, a=1.5, b=0.0)
    values, states = choose(given, ("none", "b", "a"))
    assert (values.tolist(), states.tolist()) == ([0.0, 0.0, 1.5], [3, STATE_COLD, STATE_VALID])
    assert choose(given, given.names)[0] is given.values
    assert [part.tolist() for part in choose(row(), ("a",))] == [[0.0], [3]]
    assert all_names([None, given, row(c=1.0, a=2.0)]) == ("a", "b", "c")
