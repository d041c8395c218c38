"""Statistics: where a close stands among those before it, and what their distribution is like."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Final

from functions.domain.indicators import columns, loops
from functions.domain.indicators.feature import Feature

if TYPE_CHECKING:
    from functions.domain.market import Float64, UInt8

INLINED: Final[tuple[str, ...]] = ("_close", "_return")

_14: Final = (("period", 14.0),)
_20: Final = (("period", 20.0),)
_60: Final = (("period", 60.0),)
_BPS: Final = 10_000.0

FEATURES: Final = (
    Feature(
        "zscore_20",
        20,
        "ratio",
        "(close - mean) / population deviation of the last n closes with this one; degenerate when they are equal.",
        "definition",
        _20,
    ),
    Feature("zscore_60", 60, "ratio", "As zscore_20.", "definition", _60),
    Feature(
        "mean_absolute_deviation_20", 20, "price", "Mean distance of the closes from their mean.", "definition", _20
    ),
    Feature("median_20", 20, "price", "Median of the last n closes.", "definition", _20),
    Feature(
        "quantile_10_20",
        20,
        "price",
        "Quantile 0.1 of the last n closes, interpolated linearly between order statistics.",
        "Hyndman, Fan 1996, type 7",
        _20,
    ),
    Feature("quantile_90_20", 20, "price", "As quantile_10_20, quantile 0.9.", "Hyndman, Fan 1996, type 7", _20),
    Feature(
        "interquartile_20", 20, "price", "Quantile 0.75 less quantile 0.25, type 7.", "Hyndman, Fan 1996, type 7", _20
    ),
    Feature(
        "percentile_rank_20",
        20,
        "percent",
        "100 (closes below + half of those equal, this one among them) / n.",
        "definition, mid-rank",
        _20,
    ),
    Feature(
        "skewness_20",
        20,
        "ratio",
        "Third central moment / cube of the population deviation; degenerate when the closes are equal.",
        "Fisher, Pearson",
        _20,
    ),
    Feature(
        "kurtosis_20",
        20,
        "ratio",
        "Fourth central moment / fourth power of the population deviation - 3; degenerate when equal.",
        "Fisher",
        _20,
    ),
    Feature(
        "linearreg_14", 14, "price", "Least squares line through the closes, at this bar.", "TA-Lib LINEARREG", _14
    ),
    Feature("linearreg_slope_14", 14, "price per bar", "Slope of that line.", "TA-Lib LINEARREG_SLOPE", _14),
    Feature(
        "linearreg_intercept_14", 14, "price", "That line at the first of its bars.", "TA-Lib LINEARREG_INTERCEPT", _14
    ),
    Feature("linearreg_angle_14", 14, "degrees", "atan of the slope.", "TA-Lib LINEARREG_ANGLE", _14),
    Feature("tsf_14", 14, "price", "That line one bar ahead.", "TA-Lib TSF", _14),
    Feature(
        "r_squared_14",
        14,
        "ratio",
        "Share of the closes' variance that the line explains; degenerate when they are equal.",
        "definition",
        _14,
    ),
    Feature(
        "standard_error_14",
        14,
        "price",
        "Square root of the squared residuals of that line / (n - 2).",
        "definition",
        _14,
    ),
    Feature(
        "correl_close_volume_20",
        20,
        "ratio",
        "Pearson's correlation of closes and volumes; degenerate when either are all equal.",
        "TA-Lib CORREL",
        _20,
    ),
    Feature(
        "autocorrelation_20",
        22,
        "ratio",
        "Correlation of n returns (close / previous - 1) with those one bar before; degenerate when equal.",
        "definition, lag 1",
        _20,
    ),
    Feature(
        "variance_ratio_20",
        21,
        "ratio",
        "Variance of overlapping sums of 4 log returns / 4 times that of one, about the mean of n, unbiased; "
        "degenerate when they are equal.",
        "Lo, MacKinlay 1988",
        (("period", 20.0), ("lag", 4.0)),
    ),
    Feature(
        "efficiency_10",
        11,
        "ratio",
        "|close - close n bars ago| / sum of |changes|; degenerate when nothing changed.",
        "Kaufman 1995",
        (("period", 10.0),),
    ),
    Feature(
        "max_drawdown_60", 60, "ratio", "Greatest fall of a close below a close before it, 0 to 1.", "definition", _60
    ),
    Feature("max_runup_60", 60, "ratio", "Greatest rise of a close above a close before it.", "definition", _60),
    Feature(
        "return_to_risk_20",
        21,
        "ratio",
        "Mean / sample deviation of n returns, of one bar; degenerate when they are equal.",
        "Sharpe 1994",
        _20,
    ),
    Feature("up_share_20", 21, "ratio", "Share of the last n changes that are above 0.", "definition", _20),
    Feature(
        "streak",
        2,
        "bars",
        "Changes of one sign in a row, with that sign; 0 after none.",
        "Connors 2012",
    ),
    Feature(
        "bars_since_high_60",
        60,
        "bars",
        "Age of the greatest of the last n highs, the newest if equal.",
        "definition",
        _60,
    ),
    Feature(
        "bars_since_low_60", 60, "bars", "Age of the least of the last n lows, the newest if equal.", "definition", _60
    ),
    Feature("below_high_60_bps", 60, "bps", "10,000 (greatest high of n bars - close) / close.", "definition", _60),
    Feature("above_low_60_bps", 60, "bps", "10,000 (close - least low of n bars) / close.", "definition", _60),
)
_NAMES: Final = tuple(feature.name for feature in FEATURES)
ZSCORE_20: Final = _NAMES.index("zscore_20")
ZSCORE_60: Final = _NAMES.index("zscore_60")
ABSOLUTE: Final = _NAMES.index("mean_absolute_deviation_20")
MEDIAN: Final = _NAMES.index("median_20")
QUANTILE_10: Final = _NAMES.index("quantile_10_20")
QUANTILE_90: Final = _NAMES.index("quantile_90_20")
INTERQUARTILE: Final = _NAMES.index("interquartile_20")
RANK: Final = _NAMES.index("percentile_rank_20")
SKEWNESS: Final = _NAMES.index("skewness_20")
KURTOSIS: Final = _NAMES.index("kurtosis_20")
LINEARREG: Final = _NAMES.index("linearreg_14")
SLOPE: Final = _NAMES.index("linearreg_slope_14")
INTERCEPT: Final = _NAMES.index("linearreg_intercept_14")
ANGLE: Final = _NAMES.index("linearreg_angle_14")
TSF: Final = _NAMES.index("tsf_14")
R_SQUARED: Final = _NAMES.index("r_squared_14")
STANDARD_ERROR: Final = _NAMES.index("standard_error_14")
CORREL: Final = _NAMES.index("correl_close_volume_20")
AUTOCORRELATION: Final = _NAMES.index("autocorrelation_20")
VARIANCE_RATIO: Final = _NAMES.index("variance_ratio_20")
EFFICIENCY: Final = _NAMES.index("efficiency_10")
MAX_DRAWDOWN: Final = _NAMES.index("max_drawdown_60")
MAX_RUNUP: Final = _NAMES.index("max_runup_60")
RETURN_TO_RISK: Final = _NAMES.index("return_to_risk_20")
UP_SHARE: Final = _NAMES.index("up_share_20")
STREAK: Final = _NAMES.index("streak")
SINCE_HIGH: Final = _NAMES.index("bars_since_high_60")
SINCE_LOW: Final = _NAMES.index("bars_since_low_60")
BELOW_HIGH: Final = _NAMES.index("below_high_60_bps")
ABOVE_LOW: Final = _NAMES.index("above_low_60_bps")

# Memory.
RUN: Final = 0
MEMORY: Final = 1

# Room to think, in the bar.
SORTED: Final = columns.SCRATCH  # the last 20 closes in order
LOGS: Final = columns.SCRATCH + 20  # the last 20 log returns, newest first

_DEGREES: Final = 57.29577951308232


def update(x: Float64, count: int, rings: Float64, memory: Float64, values: Float64, states: UInt8) -> None:
    """Take the count-th bar; see `momentum.update`."""
    if count > 1:
        _run(x, memory, values, states)
    if count >= 11:
        _efficiency(count, rings, values, states)
    if count >= 14:
        _line(count, rings, values, states)
    if count >= 20:
        _shape(x[columns.CLOSE], count, rings, values, states)
        _order(x, count, rings, values, states)
        _with_volume(count, rings, values, states)
    if count >= 21:
        _changes(count, rings, values, states)
        _variance_ratio(x, count, rings, values, states)
    if count >= 60:
        _far(x, count, rings, values, states)


def _close(rings: Float64, count: int, age: int) -> float:
    return loops.back(rings, columns.CLOSES, columns.CLOSES_KEPT, count, age)


def _return(rings: Float64, count: int, age: int) -> float:
    return _close(rings, count, age) / _close(rings, count, age + 1) - 1.0


def _run(x: Float64, memory: Float64, values: Float64, states: UInt8) -> None:
    change = x[columns.CLOSE] - x[columns.PREVIOUS]
    if change > 0.0:
        memory[RUN] = max(memory[RUN], 0.0) + 1.0
    elif change < 0.0:
        memory[RUN] = min(memory[RUN], 0.0) - 1.0
    else:
        memory[RUN] = 0.0
    loops.tell(values, states, STREAK, memory[RUN])


def _efficiency(count: int, rings: Float64, values: Float64, states: UInt8) -> None:
    way = 0.0
    for age in range(9, -1, -1):
        way += abs(_close(rings, count, age) - _close(rings, count, age + 1))
    if way > 0.0:
        loops.tell(values, states, EFFICIENCY, abs(_close(rings, count, 0) - _close(rings, count, 10)) / way)
    else:
        loops.lack(states, EFFICIENCY)


def _line(count: int, rings: Float64, values: Float64, states: UInt8) -> None:
    """Fit a line to 14 closes about their mean, which loses less than sums about zero do."""
    mean, deviation = loops.moments(rings, columns.CLOSES, columns.CLOSES_KEPT, count, 14)
    product = 0.0
    for age in range(13, -1, -1):
        product += (6.5 - age) * (_close(rings, count, age) - mean)
    slope = product / 227.5  # the sum of squares of -6.5, -5.5, ... 6.5
    residuals = 0.0
    for age in range(13, -1, -1):
        away = _close(rings, count, age) - mean - slope * (6.5 - age)
        residuals += away * away
    loops.tell(values, states, LINEARREG, mean + 6.5 * slope)
    loops.tell(values, states, SLOPE, slope)
    loops.tell(values, states, INTERCEPT, mean - 6.5 * slope)
    loops.tell(values, states, ANGLE, math.atan(slope) * _DEGREES)
    loops.tell(values, states, TSF, mean + 7.5 * slope)
    loops.tell(values, states, STANDARD_ERROR, math.sqrt(residuals / 12))
    if deviation > 0.0:
        loops.tell(values, states, R_SQUARED, slope * slope * 227.5 / (14 * deviation * deviation))
    else:
        loops.lack(states, R_SQUARED)


def _shape(close: float, count: int, rings: Float64, values: Float64, states: UInt8) -> None:
    mean, deviation = loops.moments(rings, columns.CLOSES, columns.CLOSES_KEPT, count, 20)
    distances = 0.0
    cubes = 0.0
    fourths = 0.0
    for age in range(19, -1, -1):
        away = _close(rings, count, age) - mean
        distances += abs(away)
        cubes += away * away * away
        fourths += away * away * away * away
    loops.tell(values, states, ABSOLUTE, distances / 20)
    if deviation > 0.0:
        square = deviation * deviation
        loops.tell(values, states, ZSCORE_20, (close - mean) / deviation)
        loops.tell(values, states, SKEWNESS, cubes / 20 / (square * deviation))
        loops.tell(values, states, KURTOSIS, fourths / 20 / (square * square) - 3.0)
    else:
        loops.lack(states, ZSCORE_20)
        loops.lack(states, SKEWNESS)
        loops.lack(states, KURTOSIS)


def _order(x: Float64, count: int, rings: Float64, values: Float64, states: UInt8) -> None:
    """Sort the last 20 closes by insertion, and read quantiles off."""
    close = x[columns.CLOSE]
    below = 0.0
    for n in range(20):
        value = _close(rings, count, n)
        at = n
        while at > 0 and x[SORTED + at - 1] > value:
            x[SORTED + at] = x[SORTED + at - 1]
            at -= 1
        x[SORTED + at] = value
        below += 1.0 if value < close else 0.5 if value == close else 0.0
    loops.tell(values, states, MEDIAN, (x[SORTED + 9] + x[SORTED + 10]) / 2.0)
    loops.tell(values, states, QUANTILE_10, _quantile(x, 0.1))
    loops.tell(values, states, QUANTILE_90, _quantile(x, 0.9))
    loops.tell(values, states, INTERQUARTILE, _quantile(x, 0.75) - _quantile(x, 0.25))
    loops.tell(values, states, RANK, 5.0 * below)


def _quantile(x: Float64, share: float) -> float:
    place = 19.0 * share
    whole = int(place)
    low = x[SORTED + whole]
    return low + (place - whole) * (x[SORTED + min(whole + 1, 19)] - low)  # type: ignore[no-any-return]  # numpy types scalars as Any


def _with_volume(count: int, rings: Float64, values: Float64, states: UInt8) -> None:
    price, price_deviation = loops.moments(rings, columns.CLOSES, columns.CLOSES_KEPT, count, 20)
    volume, volume_deviation = loops.moments(rings, columns.VOLUMES, columns.VOLUMES_KEPT, count, 20)
    if price_deviation == 0.0 or volume_deviation == 0.0:
        loops.lack(states, CORREL)
        return
    both = 0.0
    for age in range(19, -1, -1):
        other = loops.back(rings, columns.VOLUMES, columns.VOLUMES_KEPT, count, age) - volume
        both += (_close(rings, count, age) - price) * other
    loops.tell(values, states, CORREL, both / 20 / (price_deviation * volume_deviation))


def _changes(count: int, rings: Float64, values: Float64, states: UInt8) -> None:
    """Compute what the last 20 returns say."""
    found = 0.0
    ups = 0.0
    for age in range(19, -1, -1):
        one = _return(rings, count, age)
        found += one
        ups += 1.0 if one > 0.0 else 0.0
    mean = found / 20
    squares = 0.0
    for age in range(19, -1, -1):
        away = _return(rings, count, age) - mean
        squares += away * away
    loops.tell(values, states, UP_SHARE, ups / 20)
    if squares > 0.0:
        loops.tell(values, states, RETURN_TO_RISK, mean / math.sqrt(squares / 19))
    else:
        loops.lack(states, RETURN_TO_RISK)
    if count >= 22:
        _autocorrelation(count, rings, mean, squares, values, states)


def _autocorrelation(count: int, rings: Float64, mean: float, squares: float, values: Float64, states: UInt8) -> None:
    before = mean + (_return(rings, count, 20) - _return(rings, count, 0)) / 20
    both = 0.0
    earlier = 0.0
    for age in range(19, -1, -1):
        away = _return(rings, count, age + 1) - before
        both += (_return(rings, count, age) - mean) * away
        earlier += away * away
    if squares > 0.0 and earlier > 0.0:
        loops.tell(values, states, AUTOCORRELATION, both / math.sqrt(squares * earlier))
    else:
        loops.lack(states, AUTOCORRELATION)


def _far(x: Float64, count: int, rings: Float64, values: Float64, states: UInt8) -> None:
    """Compute what looks at the last 60 bars."""
    close = x[columns.CLOSE]
    mean, deviation = loops.moments(rings, columns.CLOSES, columns.CLOSES_KEPT, count, 60)
    if deviation > 0.0:
        loops.tell(values, states, ZSCORE_60, (close - mean) / deviation)
    else:
        loops.lack(states, ZSCORE_60)
    most = _close(rings, count, 59)
    fewest = most
    fall = 0.0
    rise = 0.0
    high_age = 0
    low_age = 0
    high = loops.back(rings, columns.HIGHS, columns.RANGES_KEPT, count, 59)
    low = loops.back(rings, columns.LOWS, columns.RANGES_KEPT, count, 59)
    for age in range(59, -1, -1):
        one = _close(rings, count, age)
        most = max(most, one)
        fewest = min(fewest, one)
        fall = max(fall, (most - one) / most)
        rise = max(rise, (one - fewest) / fewest)
        if loops.back(rings, columns.HIGHS, columns.RANGES_KEPT, count, age) >= high:
            high = loops.back(rings, columns.HIGHS, columns.RANGES_KEPT, count, age)
            high_age = age
        if loops.back(rings, columns.LOWS, columns.RANGES_KEPT, count, age) <= low:
            low = loops.back(rings, columns.LOWS, columns.RANGES_KEPT, count, age)
            low_age = age
    loops.tell(values, states, MAX_DRAWDOWN, fall)
    loops.tell(values, states, MAX_RUNUP, rise)
    loops.tell(values, states, SINCE_HIGH, float(high_age))
    loops.tell(values, states, SINCE_LOW, float(low_age))
    loops.tell(values, states, BELOW_HIGH, _BPS * (high - close) / close)
    loops.tell(values, states, ABOVE_LOW, _BPS * (close - low) / close)


def _variance_ratio(x: Float64, count: int, rings: Float64, values: Float64, states: UInt8) -> None:
    """Compare how far four bars go with how far one does."""
    mean = 0.0
    for age in range(20):
        x[LOGS + age] = loops.back(rings, columns.RETURNS, columns.RETURNS_KEPT, count, age)
        mean += x[LOGS + age] / 20
    one = 0.0
    four = 0.0
    for age in range(20):
        away = x[LOGS + age] - mean
        one += away * away
        if age < 17:
            away = x[LOGS + age] + x[LOGS + age + 1] + x[LOGS + age + 2] + x[LOGS + age + 3] - 4.0 * mean
            four += away * away
    # Unbiased: 19 for the mean; 4 (20 - 4 + 1)(1 - 4/20) for the overlapping sums.
    if one > 0.0:
        loops.tell(values, states, VARIANCE_RATIO, (four / 54.4) / (one / 19.0))
    else:
        loops.lack(states, VARIANCE_RATIO)
