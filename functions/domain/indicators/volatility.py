"""Volatility: how far prices swing.

Deviations and variances are of one bar, not annualised: what a year has of bars is the reader's to say.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Final

from functions.domain.indicators import columns, loops
from functions.domain.indicators.feature import Feature

if TYPE_CHECKING:
    from functions.domain.market import Float64, UInt8

INLINED: Final[tuple[str, ...]] = ("_log_return",)

_BPS: Final = 10_000.0
_20: Final = (("period", 20.0),)
_BANDS: Final = (("period", 20.0), ("deviations", 2.0))
_KELTNER: Final = (("average", 20.0), ("range", 10.0), ("multiple", 2.0))
_CHANDELIER: Final = (("period", 22.0), ("multiple", 3.0))

FEATURES: Final = (
    Feature("range_bps", 1, "bps", "10,000 (high - low) / close.", "definition"),
    Feature(
        "true_range",
        2,
        "price",
        "max(high, previous close) - min(low, previous close).",
        "Wilder 1978; TA-Lib TRANGE",
    ),
    Feature(
        "atr_14",
        15,
        "price",
        "True range smoothed by Wilder, seeded with the mean of bars 2 to 15.",
        "Wilder 1978; TA-Lib ATR",
        (("period", 14.0),),
    ),
    Feature("natr_14", 15, "percent", "100 atr_14 / close.", "TA-Lib NATR", (("period", 14.0),)),
    Feature("bb_upper", 20, "price", "sma + 2 population deviations of the same closes.", "TA-Lib BBANDS", _BANDS),
    Feature("bb_lower", 20, "price", "sma - 2 population deviations of the same closes.", "TA-Lib BBANDS", _BANDS),
    Feature(
        "bb_percent",
        20,
        "ratio",
        "(close - bb_lower) / (bb_upper - bb_lower); degenerate when the closes are equal.",
        "Bollinger 2001, %b",
        _BANDS,
    ),
    Feature("bb_width", 20, "ratio", "(bb_upper - bb_lower) / sma.", "Bollinger 2001, BandWidth", _BANDS),
    Feature("stddev_20", 20, "price", "Population deviation of the last n closes.", "TA-Lib STDDEV", _20),
    Feature("variance_20", 20, "price squared", "Population variance of the last n closes.", "TA-Lib VAR", _20),
    Feature(
        "keltner_upper",
        20,
        "price",
        "EMA of closes + 2 Wilder averages of true range over 10 bars: the modern form, not Keltner's of 1960.",
        "Raschke 1980s",
        _KELTNER,
    ),
    Feature("keltner_lower", 20, "price", "As keltner_upper, below the EMA.", "Raschke 1980s", _KELTNER),
    Feature(
        "keltner_percent",
        20,
        "ratio",
        "(close - keltner_lower) / (keltner_upper - keltner_lower); degenerate when half of that is below 1e-12 of the "
        "close.",
        "definition",
        _KELTNER,
    ),
    Feature(
        "squeeze",
        20,
        "ratio",
        "Width of the Bollinger bands / width of the Keltner channel, below 1 in a squeeze; degenerate with "
        "keltner_percent.",
        "Carter 2005",
        _BANDS,
    ),
    Feature("donchian_upper_20", 20, "price", "Greatest high of the last n bars.", "Donchian; TA-Lib MAX", _20),
    Feature("donchian_lower_20", 20, "price", "Least low of the last n bars.", "Donchian; TA-Lib MIN", _20),
    Feature(
        "donchian_percent_20",
        20,
        "ratio",
        "(close - least low) / (greatest high - least low); degenerate without a range.",
        "definition",
        _20,
    ),
    Feature(
        "accbands_upper_20",
        20,
        "price",
        "Mean of high (1 + 4 (high - low) / (high + low)).",
        "Headley 2002; TA-Lib ACCBANDS",
        _20,
    ),
    Feature(
        "accbands_lower_20",
        20,
        "price",
        "Mean of low (1 - 4 (high - low) / (high + low)).",
        "Headley 2002; TA-Lib ACCBANDS",
        _20,
    ),
    Feature(
        "chandelier_long_22",
        23,
        "price",
        "Greatest high less 3 Wilder averages of true range, both over n bars.",
        "Le Beau; Elder 2002",
        _CHANDELIER,
    ),
    Feature("chandelier_short_22", 23, "price", "Least low plus 3 such averages.", "Le Beau; Elder 2002", _CHANDELIER),
    Feature(
        "realised_volatility_20",
        21,
        "ratio",
        "Square root of the sum of squares of the last n log returns.",
        "Andersen, Bollerslev 1998",
        _20,
    ),
    Feature(
        "return_deviation_20",
        21,
        "ratio",
        "Sample deviation (n - 1) of the last n log returns.",
        "historical volatility of one bar",
        _20,
    ),
    Feature(
        "downside_deviation_20",
        21,
        "ratio",
        "Square root of the mean square of the last n log returns, those above 0 taken as 0.",
        "Sortino 1994",
        _20,
    ),
    Feature(
        "bipower_variation_20",
        22,
        "ratio squared",
        "pi/2 times the sum of n products of neighbouring absolute log returns: what jumps do not move.",
        "Barndorff-Nielsen, Shephard 2004",
        _20,
    ),
    Feature(
        "parkinson_20",
        20,
        "ratio",
        "Square root of an EMA of ln(high/low)^2 / (4 ln 2), seeded with the mean of its first n.",
        "Parkinson 1980",
        _20,
    ),
    Feature(
        "garman_klass_20",
        20,
        "ratio",
        "Square root of an EMA of ln(high/low)^2 / 2 - (2 ln 2 - 1) ln(close/open)^2, seeded likewise; never below 0.",
        "Garman, Klass 1980",
        _20,
    ),
    Feature(
        "rogers_satchell_20",
        20,
        "ratio",
        "Square root of an EMA of ln(h/c) ln(h/o) + ln(l/c) ln(l/o), seeded likewise.",
        "Rogers, Satchell 1991",
        _20,
    ),
    Feature(
        "ewma_volatility",
        21,
        "ratio",
        "Square root of v += 0.06 (r^2 - v) over log returns, seeded with the mean of the first 20 squares.",
        "RiskMetrics 1996",
        (("lambda", 0.94), ("seed", 20.0)),
    ),
    Feature(
        "ulcer_14",
        27,
        "percent",
        "Root mean square of the last n drawdowns, each in percent of the greatest of the n closes up to it.",
        "Martin 1987",
        (("period", 14.0),),
    ),
    Feature(
        "choppiness_14",
        15,
        "percent",
        "100 log10(sum of true ranges / (greatest high - least low)) / log10 n; degenerate without a range.",
        "Dreiss 1992",
        (("period", 14.0),),
    ),
)
_NAMES: Final = tuple(feature.name for feature in FEATURES)
RANGE_BPS: Final = _NAMES.index("range_bps")
TRUE_RANGE: Final = _NAMES.index("true_range")
ATR_14: Final = _NAMES.index("atr_14")
NATR_14: Final = _NAMES.index("natr_14")
BB_UPPER: Final = _NAMES.index("bb_upper")
BB_LOWER: Final = _NAMES.index("bb_lower")
BB_PERCENT: Final = _NAMES.index("bb_percent")
BB_WIDTH: Final = _NAMES.index("bb_width")
STDDEV_20: Final = _NAMES.index("stddev_20")
VARIANCE_20: Final = _NAMES.index("variance_20")
KELTNER_UPPER: Final = _NAMES.index("keltner_upper")
KELTNER_LOWER: Final = _NAMES.index("keltner_lower")
KELTNER_PERCENT: Final = _NAMES.index("keltner_percent")
SQUEEZE: Final = _NAMES.index("squeeze")
DONCHIAN_UPPER: Final = _NAMES.index("donchian_upper_20")
DONCHIAN_LOWER: Final = _NAMES.index("donchian_lower_20")
DONCHIAN_PERCENT: Final = _NAMES.index("donchian_percent_20")
ACCBANDS_UPPER: Final = _NAMES.index("accbands_upper_20")
ACCBANDS_LOWER: Final = _NAMES.index("accbands_lower_20")
CHANDELIER_LONG: Final = _NAMES.index("chandelier_long_22")
CHANDELIER_SHORT: Final = _NAMES.index("chandelier_short_22")
REALISED_VOLATILITY: Final = _NAMES.index("realised_volatility_20")
RETURN_DEVIATION: Final = _NAMES.index("return_deviation_20")
DOWNSIDE_DEVIATION: Final = _NAMES.index("downside_deviation_20")
BIPOWER_VARIATION: Final = _NAMES.index("bipower_variation_20")
PARKINSON: Final = _NAMES.index("parkinson_20")
GARMAN_KLASS: Final = _NAMES.index("garman_klass_20")
ROGERS_SATCHELL: Final = _NAMES.index("rogers_satchell_20")
EWMA_VOLATILITY: Final = _NAMES.index("ewma_volatility")
ULCER_14: Final = _NAMES.index("ulcer_14")
CHOPPINESS_14: Final = _NAMES.index("choppiness_14")

# Memory.
RANGE_10: Final = 0
RANGE_14: Final = 1
RANGE_22: Final = 2
AVERAGE_20: Final = 3
SQUARES: Final = 4
HIGH_LOW: Final = 5
OPEN_CLOSE: Final = 6
DRIFTLESS: Final = 7
MEMORY: Final = 8

_LN_2: Final = 0.6931471805599453
_HALF_PI: Final = 1.5707963267948966
_LOG10_14: Final = 1.146128035678238
_DECAY: Final = 0.06  # 1 - lambda of RiskMetrics' daily set


def update(x: Float64, count: int, rings: Float64, memory: Float64, values: Float64, states: UInt8) -> None:
    """Take the count-th bar; see `momentum.update`."""
    loops.tell(values, states, RANGE_BPS, _BPS * (x[columns.HIGH] - x[columns.LOW]) / x[columns.CLOSE])
    loops.ema(memory, AVERAGE_20, x[columns.CLOSE], count, 20)
    _extremes(x, count, memory, values, states)
    if count > 1:
        _true_range(x, count - 1, memory, values, states)
        _returns(count - 1, rings, memory, values, states)
    if count >= 20:
        _bands(x[columns.CLOSE], count, rings, memory, values, states)
        _channel(x[columns.CLOSE], count, rings, values, states)
    if count >= 15:
        _choppiness(count, rings, values, states)
    if count >= 23:
        _chandelier(count, rings, memory, values, states)
    if count >= 27:
        _ulcer(count, rings, values, states)


def _true_range(x: Float64, count: int, memory: Float64, values: Float64, states: UInt8) -> None:
    found = max(x[columns.HIGH], x[columns.PREVIOUS]) - min(x[columns.LOW], x[columns.PREVIOUS])
    loops.tell(values, states, TRUE_RANGE, found)
    loops.wilder(memory, RANGE_10, found, count, 10)
    loops.wilder(memory, RANGE_14, found, count, 14)
    loops.wilder(memory, RANGE_22, found, count, 22)
    if count >= 14:
        loops.tell(values, states, ATR_14, memory[RANGE_14])
        loops.tell(values, states, NATR_14, 100.0 * memory[RANGE_14] / x[columns.CLOSE])


def _bands(close: float, count: int, rings: Float64, memory: Float64, values: Float64, states: UInt8) -> None:
    """Compute Bollinger's bands, Keltner's channel, and how one lies in the other."""
    mean, deviation = loops.moments(rings, columns.CLOSES, columns.CLOSES_KEPT, count, 20)
    loops.tell(values, states, BB_UPPER, mean + 2.0 * deviation)
    loops.tell(values, states, BB_LOWER, mean - 2.0 * deviation)
    loops.tell(values, states, BB_WIDTH, 4.0 * deviation / mean)
    loops.tell(values, states, STDDEV_20, deviation)
    loops.tell(values, states, VARIANCE_20, deviation * deviation)
    if deviation > 0.0:
        loops.tell(values, states, BB_PERCENT, (close - (mean - 2.0 * deviation)) / (4.0 * deviation))
    else:
        loops.lack(states, BB_PERCENT)
    middle, away = memory[AVERAGE_20], 2.0 * memory[RANGE_10]
    loops.tell(values, states, KELTNER_UPPER, middle + away)
    loops.tell(values, states, KELTNER_LOWER, middle - away)
    if away > loops.STILL * close:
        loops.tell(values, states, KELTNER_PERCENT, (close - (middle - away)) / (2.0 * away))
        loops.tell(values, states, SQUEEZE, 4.0 * deviation / (2.0 * away))
    else:
        loops.lack(states, KELTNER_PERCENT)
        loops.lack(states, SQUEEZE)


def _channel(close: float, count: int, rings: Float64, values: Float64, states: UInt8) -> None:
    """Compute Donchian's channel and Headley's bands."""
    upper = loops.greatest(rings, columns.HIGHS, columns.RANGES_KEPT, count, 20)
    lower = loops.least(rings, columns.LOWS, columns.RANGES_KEPT, count, 20)
    loops.tell(values, states, DONCHIAN_UPPER, upper)
    loops.tell(values, states, DONCHIAN_LOWER, lower)
    if upper > lower:
        loops.tell(values, states, DONCHIAN_PERCENT, (close - lower) / (upper - lower))
    else:
        loops.lack(states, DONCHIAN_PERCENT)
    above = 0.0
    below = 0.0
    for age in range(19, -1, -1):
        high = loops.back(rings, columns.HIGHS, columns.RANGES_KEPT, count, age)
        low = loops.back(rings, columns.LOWS, columns.RANGES_KEPT, count, age)
        stretch = 4.0 * (high - low) / (high + low)
        above += high * (1.0 + stretch)
        below += low * (1.0 - stretch)
    loops.tell(values, states, ACCBANDS_UPPER, above / 20)
    loops.tell(values, states, ACCBANDS_LOWER, below / 20)


def _chandelier(count: int, rings: Float64, memory: Float64, values: Float64, states: UInt8) -> None:
    upper = loops.greatest(rings, columns.HIGHS, columns.RANGES_KEPT, count, 22)
    lower = loops.least(rings, columns.LOWS, columns.RANGES_KEPT, count, 22)
    loops.tell(values, states, CHANDELIER_LONG, upper - 3.0 * memory[RANGE_22])
    loops.tell(values, states, CHANDELIER_SHORT, lower + 3.0 * memory[RANGE_22])


def _returns(count: int, rings: Float64, memory: Float64, values: Float64, states: UInt8) -> None:
    """Compute what the last log returns say; `count` is the number of returns there have been."""
    latest = _log_return(rings, count, 0)
    square = latest * latest
    if count > 20:
        memory[SQUARES] += _DECAY * (square - memory[SQUARES])
    else:
        loops.ema(memory, SQUARES, square, count, 20)
    if count < 20:
        return
    squares = 0.0
    falls = 0.0
    for age in range(19, -1, -1):
        one = _log_return(rings, count, age)
        squares += one * one
        falls += min(one, 0.0) * min(one, 0.0)
    _, deviation = loops.moments(rings, columns.RETURNS, columns.RETURNS_KEPT, count + 1, 20)
    loops.tell(values, states, REALISED_VOLATILITY, math.sqrt(squares))
    loops.tell(values, states, RETURN_DEVIATION, deviation * math.sqrt(20.0 / 19.0))
    loops.tell(values, states, DOWNSIDE_DEVIATION, math.sqrt(falls / 20))
    loops.tell(values, states, EWMA_VOLATILITY, math.sqrt(memory[SQUARES]))
    if count >= 21:
        neighbours = 0.0
        for age in range(19, -1, -1):
            neighbours += abs(_log_return(rings, count, age)) * abs(_log_return(rings, count, age + 1))
        loops.tell(values, states, BIPOWER_VARIATION, _HALF_PI * neighbours)


def _log_return(rings: Float64, count: int, age: int) -> float:
    """Give the log return `age` bars before the count-th; the first bar had none, so it is that of bar count + 1."""
    return loops.back(rings, columns.RETURNS, columns.RETURNS_KEPT, count + 1, age)


def _extremes(x: Float64, count: int, memory: Float64, values: Float64, states: UInt8) -> None:
    """Compute what the extremes of bars say of their variance."""
    high = math.log(x[columns.HIGH] / x[columns.OPEN])
    low = math.log(x[columns.LOW] / x[columns.OPEN])
    close = math.log(x[columns.CLOSE] / x[columns.OPEN])
    width = (high - low) * (high - low)
    loops.ema(memory, HIGH_LOW, width / (4.0 * _LN_2), count, 20)
    loops.ema(memory, OPEN_CLOSE, width / 2.0 - (2.0 * _LN_2 - 1.0) * close * close, count, 20)
    loops.ema(memory, DRIFTLESS, (high - close) * high + (low - close) * low, count, 20)
    if count >= 20:
        loops.tell(values, states, PARKINSON, math.sqrt(memory[HIGH_LOW]))
        loops.tell(values, states, GARMAN_KLASS, math.sqrt(max(memory[OPEN_CLOSE], 0.0)))
        loops.tell(values, states, ROGERS_SATCHELL, math.sqrt(max(memory[DRIFTLESS], 0.0)))


def _choppiness(count: int, rings: Float64, values: Float64, states: UInt8) -> None:
    upper = loops.greatest(rings, columns.HIGHS, columns.RANGES_KEPT, count, 14)
    lower = loops.least(rings, columns.LOWS, columns.RANGES_KEPT, count, 14)
    ranges = 0.0
    for age in range(13, -1, -1):
        previous = loops.back(rings, columns.CLOSES, columns.CLOSES_KEPT, count, age + 1)
        high = loops.back(rings, columns.HIGHS, columns.RANGES_KEPT, count, age)
        low = loops.back(rings, columns.LOWS, columns.RANGES_KEPT, count, age)
        ranges += max(high, previous) - min(low, previous)
    if upper > lower:
        loops.tell(values, states, CHOPPINESS_14, 100.0 * math.log10(ranges / (upper - lower)) / _LOG10_14)
    else:
        loops.lack(states, CHOPPINESS_14)


def _ulcer(count: int, rings: Float64, values: Float64, states: UInt8) -> None:
    squares = 0.0
    for age in range(13, -1, -1):
        most = loops.greatest(rings, columns.CLOSES, columns.CLOSES_KEPT, count - age, 14)
        fall = 100.0 * (loops.back(rings, columns.CLOSES, columns.CLOSES_KEPT, count, age) - most) / most
        squares += fall * fall
    loops.tell(values, states, ULCER_14, math.sqrt(squares / 14))
