"""Momentum: how fast prices move, how much of the movement goes one way, and where in its range a price stands.

Every family is one function `update` that is given a bar, the rings of those before it (`columns`), its own memory of
the instrument and interval, and where its values and states go; all views, written in place. `oscillators` is the rest
of this family.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Final

from functions.domain.indicators import columns, loops
from functions.domain.indicators.feature import Feature

if TYPE_CHECKING:
    from functions.domain.market import Float64, UInt8

INLINED: Final[tuple[str, ...]] = ("_strengths", "_stochastic", "_mean", "_share", "_relative")

_RSI: Final = (
    "100 gain / (gain + loss), each smoothed by Wilder and seeded with its mean; degenerate below 1e-14 in all."
)
_FLAT: Final = "degenerate when the greatest high is the least low"
_STOCHASTIC: Final = (("fast", 14.0), ("slow", 3.0), ("signal", 3.0))
_FAST: Final = (("fast", 14.0), ("signal", 3.0))
_STOCH_RSI: Final = (("period", 14.0), ("fast", 14.0), ("signal", 3.0))
_SMI: Final = (("period", 13.0), ("first", 25.0), ("second", 2.0), ("signal", 3.0))
_14: Final = (("period", 14.0),)
_10: Final = (("period", 10.0),)

FEATURES: Final = (
    Feature("return_1", 2, "ratio", "close / previous close - 1; degenerate after a close of 0.", "definition"),
    Feature("return_5", 6, "ratio", "As return_1, over n bars.", "definition", (("period", 5.0),)),
    Feature("return_20", 21, "ratio", "As return_1, over n bars.", "definition", (("period", 20.0),)),
    Feature(
        "log_return_1", 2, "ratio", "ln(close / previous close); degenerate unless both are above 0.", "definition"
    ),
    Feature("rsi_14", 15, "percent", _RSI, "Wilder 1978; TA-Lib RSI", _14),
    Feature("rsi_7", 8, "percent", _RSI, "Wilder 1978; TA-Lib RSI", (("period", 7.0),)),
    Feature("rsi_2", 3, "percent", _RSI, "Wilder 1978, period of Connors 2004; TA-Lib RSI", (("period", 2.0),)),
    Feature(
        "cmo_14",
        15,
        "percent",
        "100 (gain - loss) / (gain + loss), -100 to 100, smoothed as rsi_14 and degenerate with it.",
        "Chande 1994; TA-Lib CMO, which smooths as Wilder where Chande sums",
        _14,
    ),
    Feature("roc_10", 11, "percent", "100 (close / close n bars ago - 1); degenerate after 0.", "TA-Lib ROC", _10),
    Feature("rocp_10", 11, "ratio", "close / close n bars ago - 1; degenerate after 0.", "TA-Lib ROCP", _10),
    Feature("rocr_10", 11, "ratio", "close / close n bars ago; degenerate after 0.", "TA-Lib ROCR", _10),
    Feature("mom_10", 11, "price", "close - close n bars ago.", "TA-Lib MOM", _10),
    Feature(
        "stoch_k",
        18,
        "percent",
        f"Mean of the last 3 of 100 (close - least low) / (greatest high - least low) over 14 bars; {_FLAT} at one of "
        "them. Shown with its first d.",
        "Lane 1984; TA-Lib STOCH, slow k by SMA",
        _STOCHASTIC,
    ),
    Feature(
        "stoch_d",
        18,
        "percent",
        "Mean of the last 3 stoch_k; degenerate with one of them.",
        "Lane 1984; TA-Lib STOCH, slow d by SMA",
        _STOCHASTIC,
    ),
    Feature(
        "stochf_k",
        16,
        "percent",
        f"100 (close - least low) / (greatest high - least low) over 14 bars; {_FLAT}. Shown with its first d.",
        "Lane 1984; TA-Lib STOCHF",
        _FAST,
    ),
    Feature(
        "stochf_d",
        16,
        "percent",
        "Mean of the last 3 stochf_k; degenerate with one of them. It is stoch_k, two bars sooner.",
        "Lane 1984; TA-Lib STOCHF, fast d by SMA",
        _FAST,
    ),
    Feature(
        "stochrsi_k",
        30,
        "percent",
        "Where rsi_14 stands between the least and the greatest of the last 14; degenerate when they are equal to "
        "1e-10 or one of them has no value. Shown with its first d.",
        "Chande and Kroll 1994; TA-Lib STOCHRSI",
        _STOCH_RSI,
    ),
    Feature(
        "stochrsi_d",
        30,
        "percent",
        "Mean of the last 3 stochrsi_k; degenerate with one of them.",
        "Chande and Kroll 1994; TA-Lib STOCHRSI, fast d by SMA",
        _STOCH_RSI,
    ),
    Feature(
        "willr_14",
        14,
        "percent",
        f"-100 (greatest high - close) / (greatest high - least low), -100 to 0; {_FLAT}.",
        "Williams 1979; TA-Lib WILLR",
        _14,
    ),
    Feature(
        "aroon_up_14",
        15,
        "percent",
        f"100 (n - bars since the greatest high of n + 1 bars, the newest of equal ones) / n; {_FLAT}.",
        "Chande 1995; TA-Lib AROON",
        _14,
    ),
    Feature("aroon_down_14", 15, "percent", "As aroon_up_14, of the least low.", "Chande 1995; TA-Lib AROON", _14),
    Feature(
        "aroon_osc_14",
        15,
        "percent",
        "aroon_up - aroon_down, -100 to 100; degenerate with them.",
        "Chande 1995; TA-Lib AROONOSC",
        _14,
    ),
    Feature(
        "smi_13",
        38,
        "percent",
        "100 a / (b / 2), where a is close less the middle of the range of n bars, b that range, both smoothed by an "
        "EMA of 25 and one of 2; degenerate when b is below 1e-12 of the close.",
        "Blau 1995",
        _SMI,
    ),
    Feature("smi_signal_13", 40, "percent", "EMA of the smi_13 there were; degenerate with it.", "Blau 1995", _SMI),
)
(
    RETURN_1,
    RETURN_5,
    RETURN_20,
    LOG_RETURN_1,
    RSI_14,
    RSI_7,
    RSI_2,
    CMO_14,
    ROC_10,
    ROCP_10,
    ROCR_10,
    MOM_10,
    STOCH_K,
    STOCH_D,
    STOCHF_K,
    STOCHF_D,
    STOCHRSI_K,
    STOCHRSI_D,
    WILLR_14,
    AROON_UP_14,
    AROON_DOWN_14,
    AROON_OSC_14,
    SMI_13,
    SMI_SIGNAL_13,
) = range(24)

# Memory.
MOVED_14: Final = 0  # rises, then falls
MOVED_7: Final = 2
MOVED_2: Final = 4
FAST: Final = 6  # the last value, then the one before it
SLOW: Final = 8
FAST_RSI: Final = 10
RSIS: Final = 12  # a ring of 14
AWAY: Final = 26  # two averages, one of the other
RANGE: Final = 28
SIGNAL: Final = 30
SIGNALS: Final = 31  # how many values the signal has
MEMORY: Final = 32

_RSI_STILL: Final = 1e-10  # an RSI whose averages only decay stands still but for rounding
_RSI_SAME: Final = 1e-12  # what rounding may put between two that are equal


def update(x: Float64, count: int, rings: Float64, memory: Float64, values: Float64, states: UInt8) -> None:
    """Take the count-th bar.

    Args:
        x: (columns.INPUTS,) the bar.
        count: Bars since the last reset, this one among them.
        rings: (columns.RINGS,) closes, highs, lows and volumes, this bar's among them.
        memory: (MEMORY,) of the instrument and interval.
        values: (features of the family,) zeros, to be filled.
        states: (features of the family,) cold, to be filled.
    """
    if count > 1:
        _changes(x[columns.CLOSE], count, rings, values, states)
        _strengths(x[columns.CLOSE] - x[columns.PREVIOUS], count - 1, memory, values, states)
    if count > 12:
        _places(x[columns.CLOSE], count, rings, memory, values, states)


def _changes(close: float, count: int, rings: Float64, values: Float64, states: UInt8) -> None:
    previous = loops.back(rings, columns.CLOSES, columns.CLOSES_KEPT, count, 1)
    _relative(values, states, RETURN_1, 1.0, close, previous)
    if close > 0.0 and previous > 0.0:
        loops.tell(values, states, LOG_RETURN_1, math.log(close / previous))
    else:
        loops.lack(states, LOG_RETURN_1)
    if count > 5:
        _relative(
            values, states, RETURN_5, 1.0, close, loops.back(rings, columns.CLOSES, columns.CLOSES_KEPT, count, 5)
        )
    if count > 10:
        ago = loops.back(rings, columns.CLOSES, columns.CLOSES_KEPT, count, 10)
        _relative(values, states, ROC_10, 100.0, close, ago)
        _relative(values, states, ROCP_10, 1.0, close, ago)
        loops.tell(values, states, MOM_10, close - ago)
        if ago == 0.0:
            loops.lack(states, ROCR_10)
        else:
            loops.tell(values, states, ROCR_10, close / ago)
    if count > 20:
        ago = loops.back(rings, columns.CLOSES, columns.CLOSES_KEPT, count, 20)
        _relative(values, states, RETURN_20, 1.0, close, ago)


def _relative(values: Float64, states: UInt8, name: int, scale: float, now: float, ago: float) -> None:
    if ago == 0.0:
        loops.lack(states, name)
    else:
        loops.tell(values, states, name, scale * (now / ago - 1.0))


def _strengths(change: float, count: int, memory: Float64, values: Float64, states: UInt8) -> None:
    index = loops.strength(memory, MOVED_2, change, count, 2)
    if count >= 2:
        _share(values, states, RSI_2, index)
    index = loops.strength(memory, MOVED_7, change, count, 7)
    if count >= 7:
        _share(values, states, RSI_7, index)
    index = loops.strength(memory, MOVED_14, change, count, 14)
    if count >= 14:
        _share(values, states, RSI_14, index)
        if index < 0.0:
            loops.lack(states, CMO_14)
        else:
            both = memory[MOVED_14] + memory[MOVED_14 + 1]
            loops.tell(values, states, CMO_14, 100.0 * ((memory[MOVED_14] - memory[MOVED_14 + 1]) / both))
        _stochastic_rsi(index, count - 13, memory, values, states)


def _stochastic_rsi(index: float, count: int, memory: Float64, values: Float64, states: UInt8) -> None:
    loops.push(memory, RSIS, 14, count, index)
    if count < 14:
        return
    least = memory[RSIS]
    most = memory[RSIS]
    for n in range(1, 14):
        least = min(least, memory[RSIS + n])
        most = max(most, memory[RSIS + n])
    known = least >= 0.0 and most - least > _RSI_STILL
    away = index - least if index - least > _RSI_SAME else 0.0
    fast = 100.0 * (away / (most - least)) if known else loops.NONE
    if count >= 16:
        _share(values, states, STOCHRSI_K, fast)
        _share(values, states, STOCHRSI_D, _mean(memory, FAST_RSI, fast))
    memory[FAST_RSI + 1] = memory[FAST_RSI]
    memory[FAST_RSI] = fast


def _places(close: float, count: int, rings: Float64, memory: Float64, values: Float64, states: UInt8) -> None:
    """Say where a close stands between the extremes of 13, 14 and 15 bars, which one scan finds, newest first."""
    at = (count - 1) % columns.RANGES_KEPT
    high, low = rings[columns.HIGHS + at], rings[columns.LOWS + at]
    high_age, low_age = 0, 0
    high_14, low_14 = high, low
    for age in range(1, min(count, 15)):
        at = at - 1 if at > 0 else columns.RANGES_KEPT - 1
        if rings[columns.HIGHS + at] > high:
            high, high_age = rings[columns.HIGHS + at], age
        if rings[columns.LOWS + at] < low:
            low, low_age = rings[columns.LOWS + at], age
        if age == 12:
            _smi(close, (high + low) / 2.0, high - low, count - 12, memory, values, states)
        elif age == 13:
            high_14, low_14 = high, low
    if count >= 14:
        _stochastic(close, high_14, low_14, count - 13, memory, values, states)
    if count >= 15:
        _aroon(high_age, low_age, values, states, high > low)


def _smi(
    close: float, middle: float, reach: float, count: int, memory: Float64, values: Float64, states: UInt8
) -> None:
    loops.ema(memory, AWAY, close - middle, count, 25)
    loops.ema(memory, RANGE, reach, count, 25)
    if count < 25:
        return
    loops.ema(memory, AWAY + 1, memory[AWAY], count - 24, 2)
    loops.ema(memory, RANGE + 1, memory[RANGE], count - 24, 2)
    if count < 26:
        return
    if memory[RANGE + 1] > loops.STILL * close:
        index = 100.0 * (memory[AWAY + 1] / (memory[RANGE + 1] / 2.0))
        loops.tell(values, states, SMI_13, index)
        memory[SIGNALS] += 1.0
        loops.ema(memory, SIGNAL, index, int(memory[SIGNALS]), 3)
        if memory[SIGNALS] >= 3.0:
            loops.tell(values, states, SMI_SIGNAL_13, memory[SIGNAL])
    else:
        loops.lack(states, SMI_13)
        if count >= 28:
            loops.lack(states, SMI_SIGNAL_13)


def _stochastic(
    close: float, high: float, low: float, count: int, memory: Float64, values: Float64, states: UInt8
) -> None:
    fast = 100.0 * ((close - low) / (high - low)) if high > low else loops.NONE
    if high > low:
        loops.tell(values, states, WILLR_14, -100.0 * ((high - close) / (high - low)))
    else:
        loops.lack(states, WILLR_14)
    if count >= 3:
        slow = _mean(memory, FAST, fast)
        _share(values, states, STOCHF_K, fast)
        _share(values, states, STOCHF_D, slow)
        if count >= 5:
            _share(values, states, STOCH_K, slow)
            _share(values, states, STOCH_D, _mean(memory, SLOW, slow))
        memory[SLOW + 1] = memory[SLOW]
        memory[SLOW] = slow
    memory[FAST + 1] = memory[FAST]
    memory[FAST] = fast


def _mean(memory: Float64, which: int, newest: float) -> float:
    """Average a value with the two before it, unless one of the three is none."""
    if min(newest, memory[which], memory[which + 1]) < 0.0:
        return loops.NONE
    return (memory[which + 1] + memory[which] + newest) / 3.0  # type: ignore[no-any-return]  # numpy types scalars as Any


def _share(values: Float64, states: UInt8, name: int, value: float) -> None:
    if value < 0.0:
        loops.lack(states, name)
    else:
        loops.tell(values, states, name, value)


def _aroon(high_age: int, low_age: int, values: Float64, states: UInt8, moved: bool) -> None:
    if moved:
        loops.tell(values, states, AROON_UP_14, 100.0 * (14 - high_age) / 14.0)
        loops.tell(values, states, AROON_DOWN_14, 100.0 * (14 - low_age) / 14.0)
        loops.tell(values, states, AROON_OSC_14, 100.0 * (low_age - high_age) / 14.0)
    else:
        loops.lack(states, AROON_UP_14)
        loops.lack(states, AROON_DOWN_14)
        loops.lack(states, AROON_OSC_14)
