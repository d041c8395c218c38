"""Compute a dozen common indicators of the same bars by TA-Lib's streaming handles and by talipp.

Both are asked for the same twelve, which together give the values in `VALUES`; ours computes those among all others.
Both are libraries that nothing here needs at run time, so they are loaded when asked for. A bar comes as (open, high,
low, close, volume) in floats.
"""

import importlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Final, TypeAlias

import numpy as np

from functions.domain.market import BarBatch, Float64

Candle: TypeAlias = tuple[float, float, float, float, float]
"""(open, high, low, close, volume)."""
Step: TypeAlias = Callable[[Candle], object]
"""Takes the next bar of one instrument through every indicator."""

INDICATORS: Final = 12
VALUES: Final = (
    "sma_20",
    "ema_20",
    "wma_20",
    "rsi_14",
    "macd",
    "macd_signal",
    "macd_hist",
    "bb_upper",
    "bb_lower",
    "atr_14",
    "adx_14",
    "stochf_k",
    "stochf_d",
    "cci_20",
    "willr_14",
    "roc_10",
)
"""What the dozen gives, by our names; the middle Bollinger band is sma_20 once more."""


@dataclass(frozen=True, slots=True)
class Instrument:
    """Hold what computes one instrument's indicators.

    Args:
        step: Takes a bar.
        values: Gives what the last bar came to, in the order of `VALUES`.
    """

    step: Step
    values: Callable[[], Sequence[float]]


@dataclass(frozen=True, slots=True)
class IndicatorPeer:
    """Say who computes.

    Args:
        name: What it is.
        library: Its distribution.
        start: Makes an instrument's indicators, given the bars that came before.
    """

    name: str
    library: str
    start: Callable[[Sequence[Candle]], Instrument]


def candles_of(batch: BarBatch) -> list[Candle]:
    """Give a batch's bars in floats, one of each row."""
    ref = batch.instruments[0]
    price, size = 10.0**ref.price_exponent, 10.0**ref.size_exponent
    prices = [(column * price).tolist() for column in (batch.open, batch.high, batch.low, batch.close)]
    return list(zip(*prices, (batch.volume * size).tolist(), strict=True))


# --- TA-Lib -----------------------------------------------------------------------------------------------------------


def start_talib(history: Sequence[Candle]) -> Instrument:
    """Open one handle for each indicator on the bars that came before; a handle is O(1) a bar since TA-Lib 0.8."""
    stream = importlib.import_module("talib.stream")
    _, high, low, close, _ = (np.array(column, np.float64) for column in zip(*history, strict=True))
    closes = _talib_of_closes(stream, close)
    ranges = _talib_of_ranges(stream, (high, low, close))

    def step(candle: Candle) -> None:
        _, top, bottom, last, _ = candle
        for handle in closes:
            handle.update(last)
        for handle in ranges:
            handle.update(top, bottom, last)

    def values() -> list[float]:
        sma, ema, wma, rsi, macd, bands, roc = (handle.value for handle in closes)
        atr, adx, stochastic, cci, willr = (handle.value for handle in ranges)
        return [sma, ema, wma, rsi, *macd, bands[0], bands[2], atr, adx, *stochastic, cci, willr, roc]

    return Instrument(step, values)


def _talib_of_closes(stream: Any, close: Float64) -> tuple[Any, ...]:  # noqa: ANN401 - a library without types
    return (
        stream.SMA(close, timeperiod=20),
        stream.EMA(close, timeperiod=20),
        stream.WMA(close, timeperiod=20),
        stream.RSI(close, timeperiod=14),
        stream.MACD(close, fastperiod=12, slowperiod=26, signalperiod=9),
        stream.BBANDS(close, timeperiod=20, nbdevup=2.0, nbdevdn=2.0),
        stream.ROC(close, timeperiod=10),
    )


def _talib_of_ranges(stream: Any, bars: Sequence[Float64]) -> tuple[Any, ...]:  # noqa: ANN401 - see above
    return (
        stream.ATR(*bars, timeperiod=14),
        stream.ADX(*bars, timeperiod=14),
        stream.STOCHF(*bars, fastk_period=14, fastd_period=3),
        stream.CCI(*bars, timeperiod=20),
        stream.WILLR(*bars, timeperiod=14),
    )


# --- talipp -----------------------------------------------------------------------------------------------------------


def start_talipp(history: Sequence[Candle]) -> Instrument:
    """Make talipp's indicators and add the bars that came before."""
    library = importlib.import_module("talipp.indicators")
    candle_of = importlib.import_module("talipp.ohlcv").OHLCV
    closes = (
        *(library.SMA(20), library.EMA(20), library.WMA(20), library.RSI(14)),
        *(library.MACD(12, 26, 9), library.BB(20, 2.0), library.ROC(10)),
    )
    ranges = (library.ATR(14), library.ADX(14, 14), library.Stoch(14, 3), library.CCI(20), library.Williams(14))

    def step(candle: Candle) -> None:
        for indicator in closes:
            indicator.add(candle[3])
        bar = candle_of(*candle)
        for indicator in ranges:
            indicator.add(bar)

    def values() -> list[float]:
        sma, ema, wma, rsi, macd, bands, roc = (indicator[-1] for indicator in closes)
        atr, adx, stochastic, cci, willr = (indicator[-1] for indicator in ranges)
        lines = (macd.macd, macd.signal, macd.histogram, bands.ub, bands.lb)
        return [sma, ema, wma, rsi, *lines, atr, adx.adx, stochastic.k, stochastic.d, cci, willr, roc]

    for candle in history:
        step(candle)
    return Instrument(step, values)


PEERS: Final = (
    IndicatorPeer("TA-Lib streaming", "ta-lib", start_talib),
    IndicatorPeer("talipp", "talipp", start_talipp),
)
