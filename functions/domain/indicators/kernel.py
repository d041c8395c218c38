"""Compute every feature of a bar from the bar and what came before: the registry and the loops, and nothing else.

The loops are plain statements over arrays that also compile, as in `functions.domain.bars.kernel`; the registry stands
in the same file because compiled code is kept by file. Windows are summed anew over a ring at each bar, oldest first,
so no sum drifts and both forms give the same bits. Callers go through `fold.py`.

Where TA-Lib has the indicator, seeds and alignment are TA-Lib's (0.8 with default settings).
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from functions.domain.indicators.layout import Bars, Output, State
    from functions.domain.market import Float64, Int64, UInt8


@dataclass(frozen=True, slots=True)
class Feature:
    """Name a column of features.

    Args:
        name: Column name.
        family: What it measures: trend, momentum, volatility, volume, market.
        window: Bars until it is first valid.
        text: Formula, unit and source.
    """

    name: str
    family: str
    window: int
    text: str


FEATURES: Final = (
    Feature("return_1", "momentum", 2, "close / previous close - 1, dimensionless."),
    Feature(
        "ema_12", "trend", 12, "e += 2/13 (close - e), seeded with the mean of the first 12; price. Source: TA-Lib EMA."
    ),
    Feature("ema_20", "trend", 20, "As ema_12 over 20 bars, factor 2/21; price. Source: TA-Lib EMA."),
    Feature("ema_26", "trend", 26, "As ema_12 over 26 bars, factor 2/27; price. Source: TA-Lib EMA."),
    Feature("sma_20", "trend", 20, "Mean of the last 20 closes; price. Source: TA-Lib SMA."),
    Feature(
        "macd",
        "trend",
        34,
        "Fast less slow EMA (12, 26) of closes, the fast one seeded with closes 15 to 26 so that both start together; "
        "price. Shown with its first signal. Source: TA-Lib MACD.",
    ),
    Feature(
        "macd_signal",
        "trend",
        34,
        "EMA of macd over 9 bars, seeded with the mean of the first 9; price. Source: TA-Lib MACD.",
    ),
    Feature("macd_hist", "trend", 34, "macd - macd_signal; price. Source: TA-Lib MACD."),
    Feature(
        "rsi_14",
        "momentum",
        15,
        "100 gain / (gain + loss), both smoothed by Wilder over 14 bars and seeded with their mean; 0 to 100, "
        "degenerate in a flat market. Source: Wilder 1978; TA-Lib RSI.",
    ),
    Feature(
        "bb_upper",
        "volatility",
        20,
        "sma_20 + 2 population standard deviations of the same closes; price. Source: TA-Lib BBANDS.",
    ),
    Feature("bb_lower", "volatility", 20, "sma_20 - 2 population standard deviations; price. Source: TA-Lib BBANDS."),
    Feature(
        "bb_percent",
        "volatility",
        20,
        "(close - bb_lower) / (bb_upper - bb_lower), dimensionless; degenerate when flat.",
    ),
    Feature(
        "atr_14",
        "volatility",
        15,
        "True range smoothed by Wilder over 14 bars, seeded with the mean of bars 2 to 15; price. Source: TA-Lib ATR.",
    ),
    Feature("vwap", "volume", 1, "Notional / volume of all bars since UTC midnight, from exact sums; price."),
    Feature(
        "zscore_20",
        "momentum",
        20,
        "(close - mean) / population deviation of the last 20 closes with this one; degenerate when flat.",
    ),
    Feature("volume_zscore_20", "volume", 20, "As zscore_20, of volumes."),
    Feature(
        "spread_bps",
        "market",
        1,
        "10,000 (ask - bid) / mid of the closing quote, basis points; cold without one, degenerate when crossed.",
    ),
    Feature(
        "depth_imbalance",
        "market",
        1,
        "(bid - ask) / (bid + ask) of the ten-level depth sums, -1 to 1; cold while the book is invalid.",
    ),
    Feature("buy_ratio", "volume", 1, "Volume bought by aggressors / volume, 0 to 1."),
    Feature("range_bps", "volatility", 1, "10,000 (high - low) / close, basis points."),
)
"""Every feature; its place here is its column."""

NAMES: Final = tuple(feature.name for feature in FEATURES)

RETURN_1: Final = NAMES.index("return_1")
EMA_12: Final = NAMES.index("ema_12")
EMA_20: Final = NAMES.index("ema_20")
EMA_26: Final = NAMES.index("ema_26")
SMA_20: Final = NAMES.index("sma_20")
MACD: Final = NAMES.index("macd")
MACD_SIGNAL: Final = NAMES.index("macd_signal")
MACD_HIST: Final = NAMES.index("macd_hist")
RSI_14: Final = NAMES.index("rsi_14")
BB_UPPER: Final = NAMES.index("bb_upper")
BB_LOWER: Final = NAMES.index("bb_lower")
BB_PERCENT: Final = NAMES.index("bb_percent")
ATR_14: Final = NAMES.index("atr_14")
VWAP: Final = NAMES.index("vwap")
ZSCORE_20: Final = NAMES.index("zscore_20")
VOLUME_ZSCORE_20: Final = NAMES.index("volume_zscore_20")
SPREAD_BPS: Final = NAMES.index("spread_bps")
DEPTH_IMBALANCE: Final = NAMES.index("depth_imbalance")
BUY_RATIO: Final = NAMES.index("buy_ratio")
RANGE_BPS: Final = NAMES.index("range_bps")

INLINED: Final = ("_set", "_lack", "_price", "_ema")
"""Functions on the path of every bar: a compiler should not call them."""

INTERVALS_S: Final = (1, 5, 60, 300, 900, 3600)
INTERVALS: Final = 6
DAY_NS: Final = 86_400_000_000_000
WINDOW: Final = 20

# Columns of counts.
COUNT: Final = 0  # bars since the last reset
LAST_START: Final = 1
DAY: Final = 2
DAY_VOLUME: Final = 3
DAY_HI: Final = 4  # notional, in units of 2**62
DAY_LO: Final = 5  # below 2**62
DAY_LOST: Final = 6  # the day's sums have left their range
COUNTS: Final = 7
NO_START: Final = -(1 << 62)

# Columns of memory: an average under way holds the sum of its seed until it has enough.
PREVIOUS: Final = 0  # close
FAST: Final = 1
MIDDLE: Final = 2
SLOW: Final = 3
MACD_FAST: Final = 4
SIGNAL: Final = 5
GAIN: Final = 6
LOSS: Final = 7
RANGE: Final = 8
CLOSES: Final = 9
VOLUMES: Final = CLOSES + WINDOW
MEMORY: Final = VOLUMES + WINDOW

_COLD: Final = 0
_VALID: Final = 1
_DEGENERATE: Final = 2
_FINAL: Final = 2
_QUOTED: Final = 1
_CROSSED: Final = 2
_BOOK_VALID: Final = 4

_FAST_BARS: Final = 12
_SLOW_BARS: Final = 26
_SIGNAL_BARS: Final = 9
_WILDER_BARS: Final = 14
_SUM_MAX: Final = (1 << 62) - 1
_LOW_62: Final = (1 << 62) - 1
_TWO_62: Final = 4611686018427387904.0
_NOTHING: Final = 1e-14  # TA-Lib's TA_EPSILON: what RSI takes for no movement at all
_BPS: Final = 10_000.0


def fold_bars(state: State, output: Output, bars: Bars, mapping: Int64) -> int:
    """Compute a row for each bar that is final for the first time and not out of order.

    Args:
        state: (counts, memory), by instrument and interval.
        output: (picked, values, states): index of each row's bar, and its features.
        bars: Columns of a batch.
        mapping: (instruments, 3) of the batch: place in the state, and the powers of ten one price is multiplied and
            divided by, so that a mantissa becomes the nearest float.

    Returns:
        How many rows there are.
    """
    instrument, interval_s, start, finality = bars[0], bars[1], bars[2], bars[3]
    counts, memory = state
    picked, values, states = output
    rows = 0
    for n in range(len(start)):
        i = mapping[instrument[n], 0]
        k = _interval(interval_s[n])
        if finality[n] != _FINAL or start[n] <= counts[i, k, LAST_START]:
            continue
        counts[i, k, LAST_START] = start[n]
        counts[i, k, COUNT] += 1
        scale_up = float(mapping[instrument[n], 1])
        scale_down = float(mapping[instrument[n], 2])
        picked[rows] = n
        values[rows, :] = 0.0
        states[rows, :] = _COLD
        _prices(counts, memory, values, states, bars, rows, n, i, k, scale_up, scale_down)
        _session(counts, values, states, bars, rows, n, i, k, scale_up, scale_down)
        _market(values, states, bars, rows, n)
        rows += 1
    return rows


def forget(state: State) -> None:
    """Make every indicator cold: bars are missing, and an average over a hole is wrong."""
    counts, memory = state
    counts[:, :, COUNT] = 0
    counts[:, :, DAY_LOST] = 1
    memory[:, :, :] = 0.0


def _interval(seconds: int) -> int:
    for k in range(INTERVALS):
        if INTERVALS_S[k] == seconds:
            return k
    return -1


def _price(mantissa: int, scale_up: float, scale_down: float) -> float:
    return float(mantissa) * scale_up / scale_down


def _set(values: Float64, states: UInt8, row: int, name: int, value: float) -> None:
    values[row, name] = value
    states[row, name] = _VALID


def _lack(states: UInt8, row: int, name: int) -> None:
    states[row, name] = _DEGENERATE


def _prices(
    counts: Int64,
    memory: Float64,
    values: Float64,
    states: UInt8,
    bars: Bars,
    row: int,
    n: int,
    i: int,
    k: int,
    scale_up: float,
    scale_down: float,
) -> None:
    """Compute what needs the closes, highs and lows before."""
    count = counts[i, k, COUNT]
    high = _price(bars[4][n], scale_up, scale_down)
    low = _price(bars[5][n], scale_up, scale_down)
    close = _price(bars[6][n], scale_up, scale_down)
    place = (count - 1) % WINDOW
    memory[i, k, CLOSES + place] = close
    memory[i, k, VOLUMES + place] = float(bars[7][n])
    previous = memory[i, k, PREVIOUS]
    memory[i, k, PREVIOUS] = close
    _set(values, states, row, RANGE_BPS, _BPS * (high - low) / close)
    _ema(memory, i, k, FAST, close, count, _FAST_BARS)
    _ema(memory, i, k, MIDDLE, close, count, WINDOW)
    _ema(memory, i, k, SLOW, close, count, _SLOW_BARS)
    if count >= _FAST_BARS:
        _set(values, states, row, EMA_12, memory[i, k, FAST])
    if count >= WINDOW:
        _set(values, states, row, EMA_20, memory[i, k, MIDDLE])
        _window(memory, values, states, row, i, k, count, close)
    if count >= _SLOW_BARS:
        _set(values, states, row, EMA_26, memory[i, k, SLOW])
    _macd(memory, values, states, row, i, k, close, count)
    if count > 1:
        _set(values, states, row, RETURN_1, close / previous - 1.0)
        _wilder(memory, values, states, row, i, k, close - previous, count - 1)
        _true_range(
            memory, values, states, row, i, k, max(high - low, abs(previous - high), abs(previous - low)), count - 1
        )


def _ema(memory: Float64, i: int, k: int, which: int, value: float, count: int, window: int) -> None:
    """Take the count-th value into an average: summed up to the window, its mean there, smoothed behind."""
    if count > window:
        memory[i, k, which] += 2.0 / (window + 1) * (value - memory[i, k, which])
    else:
        memory[i, k, which] += value
        if count == window:
            memory[i, k, which] /= window


def _macd(memory: Float64, values: Float64, states: UInt8, row: int, i: int, k: int, close: float, count: int) -> None:
    # The fast average starts late, so that its seed ends with the slow one's.
    skipped = _SLOW_BARS - _FAST_BARS
    if count <= skipped:
        return
    _ema(memory, i, k, MACD_FAST, close, count - skipped, _FAST_BARS)
    if count < _SLOW_BARS:
        return
    macd = memory[i, k, MACD_FAST] - memory[i, k, SLOW]
    since = count - _SLOW_BARS + 1
    _ema(memory, i, k, SIGNAL, macd, since, _SIGNAL_BARS)
    if since >= _SIGNAL_BARS:
        _set(values, states, row, MACD, macd)
        _set(values, states, row, MACD_SIGNAL, memory[i, k, SIGNAL])
        _set(values, states, row, MACD_HIST, macd - memory[i, k, SIGNAL])


def _wilder(
    memory: Float64, values: Float64, states: UInt8, row: int, i: int, k: int, change: float, count: int
) -> None:
    gain = max(0.0, change)
    loss = max(0.0, -change)
    _smooth(memory, i, k, GAIN, gain, count)
    _smooth(memory, i, k, LOSS, loss, count)
    if count >= _WILDER_BARS:
        both = memory[i, k, GAIN] + memory[i, k, LOSS]
        if both < _NOTHING:
            _lack(states, row, RSI_14)
        else:
            _set(values, states, row, RSI_14, 100.0 * (memory[i, k, GAIN] / both))


def _true_range(
    memory: Float64, values: Float64, states: UInt8, row: int, i: int, k: int, value: float, count: int
) -> None:
    _smooth(memory, i, k, RANGE, value, count)
    if count >= _WILDER_BARS:
        _set(values, states, row, ATR_14, memory[i, k, RANGE])


def _smooth(memory: Float64, i: int, k: int, which: int, value: float, count: int) -> None:
    """Take the count-th value into one of Wilder's averages."""
    if count > _WILDER_BARS:
        memory[i, k, which] = (memory[i, k, which] * (_WILDER_BARS - 1) + value) / _WILDER_BARS
    else:
        memory[i, k, which] += value
        if count == _WILDER_BARS:
            memory[i, k, which] /= _WILDER_BARS


def _window(
    memory: Float64, values: Float64, states: UInt8, row: int, i: int, k: int, count: int, close: float
) -> None:
    """Compute what looks at the last 20 closes and volumes; a window of equal values has no deviation to divide by."""
    mean, deviation = _moments(memory, i, k, CLOSES, count)
    _set(values, states, row, SMA_20, mean)
    _set(values, states, row, BB_UPPER, mean + 2.0 * deviation)
    _set(values, states, row, BB_LOWER, mean - 2.0 * deviation)
    if deviation > 0.0:
        _set(values, states, row, BB_PERCENT, (close - (mean - 2.0 * deviation)) / (4.0 * deviation))
        _set(values, states, row, ZSCORE_20, (close - mean) / deviation)
    else:
        _lack(states, row, BB_PERCENT)
        _lack(states, row, ZSCORE_20)
    volume = memory[i, k, VOLUMES + (count - 1) % WINDOW]
    mean, deviation = _moments(memory, i, k, VOLUMES, count)
    if deviation > 0.0:
        _set(values, states, row, VOLUME_ZSCORE_20, (volume - mean) / deviation)
    else:
        _lack(states, row, VOLUME_ZSCORE_20)


def _moments(memory: Float64, i: int, k: int, ring: int, count: int) -> tuple[float, float]:
    """Compute mean and population deviation of a full ring, oldest first; equal values deviate by exactly 0."""
    total = 0.0
    least = memory[i, k, ring]
    most = least
    for n in range(WINDOW):
        value = memory[i, k, ring + (count + n) % WINDOW]
        total += value
        least = min(least, value)
        most = max(most, value)
    if least == most:
        return least, 0.0
    mean = total / WINDOW
    squares = 0.0
    for n in range(WINDOW):
        away = memory[i, k, ring + (count + n) % WINDOW] - mean
        squares += away * away
    return mean, math.sqrt(squares / WINDOW)


def _session(
    counts: Int64,
    values: Float64,
    states: UInt8,
    bars: Bars,
    row: int,
    n: int,
    i: int,
    k: int,
    scale_up: float,
    scale_down: float,
) -> None:
    """Compute the average price since UTC midnight from exact sums; none while a day's sums are incomplete."""
    day = bars[2][n] // DAY_NS
    if day != counts[i, k, DAY] or counts[i, k, DAY_VOLUME] == 0:
        # After a hole the rest of the day has no average; a day that begins behind it has.
        counts[i, k, DAY_LOST] = counts[i, k, DAY_LOST] if day == counts[i, k, DAY] else 0
        counts[i, k, DAY] = day
        counts[i, k, DAY_VOLUME] = 0
        counts[i, k, DAY_HI] = 0
        counts[i, k, DAY_LO] = 0
    volume = bars[7][n]
    low = counts[i, k, DAY_LO] + (bars[10][n] & _LOW_62)
    high = counts[i, k, DAY_HI] + ((bars[9][n] << 2) | ((bars[10][n] >> 62) & 3))
    if counts[i, k, DAY_VOLUME] > _SUM_MAX - volume or high < 0 or high >= _SUM_MAX:
        counts[i, k, DAY_LOST] = 1
    if counts[i, k, DAY_LOST] == 0:
        counts[i, k, DAY_VOLUME] += volume
        counts[i, k, DAY_LO] = low & _LOW_62
        counts[i, k, DAY_HI] = high + (low >> 62)
        notional = float(counts[i, k, DAY_HI]) * _TWO_62 + float(counts[i, k, DAY_LO])
        _set(values, states, row, VWAP, notional / float(counts[i, k, DAY_VOLUME]) * scale_up / scale_down)


def _market(values: Float64, states: UInt8, bars: Bars, row: int, n: int) -> None:
    """Compute what needs this bar alone."""
    flags = bars[17][n]
    bid = float(bars[11][n])
    ask = float(bars[13][n])
    if flags & _QUOTED:
        if flags & _CROSSED or bid <= 0.0 or ask <= 0.0:
            _lack(states, row, SPREAD_BPS)
        else:
            _set(values, states, row, SPREAD_BPS, _BPS * (ask - bid) / ((ask + bid) / 2.0))
    bid_depth = float(bars[15][n])
    ask_depth = float(bars[16][n])
    if flags & _BOOK_VALID:
        if bid_depth + ask_depth > 0.0:
            _set(values, states, row, DEPTH_IMBALANCE, (bid_depth - ask_depth) / (bid_depth + ask_depth))
        else:
            _lack(states, row, DEPTH_IMBALANCE)
    volume = float(bars[7][n])
    if volume > 0.0:
        _set(values, states, row, BUY_RATIO, float(bars[8][n]) / volume)
    else:
        _lack(states, row, BUY_RATIO)
