"""Oscillators: momentum's composites, which smooth, compare or rank movements over several periods."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Final

from functions.domain.indicators import columns, loops
from functions.domain.indicators.feature import Feature

if TYPE_CHECKING:
    from functions.domain.market import Float64, UInt8

INLINED: Final[tuple[str, ...]] = ("_ratio", "_close", "_typical", "_sum")

_CCI: Final = (
    "(t - mean) / (0.015 mean distance from it) of t = high + low + close over n bars; degenerate when their mean "
    "distance is below 1e-14 closes."
)
_TSI: Final = (("first", 25.0), ("second", 13.0), ("signal", 7.0))
_KST: Final = (
    ("change_1", 10.0),
    ("change_2", 15.0),
    ("change_3", 20.0),
    ("change_4", 30.0),
    ("mean_1", 10.0),
    ("mean_2", 10.0),
    ("mean_3", 10.0),
    ("mean_4", 15.0),
    ("signal", 9.0),
)
_CONNORS: Final = (("rsi", 3.0), ("streak", 2.0), ("rank", 20.0))
_13: Final = (("period", 13.0),)
_10: Final = (("period", 10.0),)

FEATURES: Final = (
    Feature("cci_14", 14, "ratio", _CCI, "Lambert 1980; TA-Lib CCI", (("period", 14.0),)),
    Feature("cci_20", 20, "ratio", _CCI, "Lambert 1980; TA-Lib CCI", (("period", 20.0),)),
    Feature(
        "ultosc",
        29,
        "percent",
        "100 (4 a + 2 b + c) / 7, each the sum of close - true low over that of true ranges, of 7, 14 and 28 bars; "
        "degenerate when one of the ranges is 0.",
        "Williams 1985; TA-Lib ULTOSC",
        (("first", 7.0), ("second", 14.0), ("third", 28.0)),
    ),
    Feature("bop", 1, "ratio", "(close - open) / (high - low), -1 to 1; degenerate without range.", "TA-Lib BOP"),
    Feature(
        "awesome",
        34,
        "price",
        "Mean of the last 5 medians (high + low) / 2 less that of the last 34.",
        "Williams 1998, awesome oscillator",
        (("fast", 5.0), ("slow", 34.0)),
    ),
    Feature(
        "accelerator",
        38,
        "price",
        "awesome less the mean of its last 5.",
        "Williams 1998, accelerator oscillator",
        (("fast", 5.0), ("slow", 34.0), ("mean", 5.0)),
    ),
    Feature(
        "coppock",
        24,
        "percent",
        "Mean, weighted 1 to 10, of the sums of the changes in percent over 14 and over 11 bars; degenerate after a "
        "close of 0.",
        "Coppock 1962",
        (("mean", 10.0), ("long", 14.0), ("short", 11.0)),
    ),
    Feature(
        "kst",
        45,
        "percent",
        "Sum, weighted 1 to 4, of means of the changes in percent over 10, 15, 20 and 30 bars; degenerate after a "
        "close of 0.",
        "Pring 1992, know sure thing",
        _KST,
    ),
    Feature("kst_signal", 53, "percent", "Mean of the last 9 kst; degenerate with one of them.", "Pring 1992", _KST),
    Feature(
        "fisher_10",
        10,
        "ratio",
        "f = ln((1 + v) / (1 - v)) / 2 + f' / 2 with v = 0.66 (p - 1/2) + 0.67 v' held within 0.999, where p is the "
        "place of (high + low) / 2 between the least and greatest of n; degenerate when they are equal, and v and f "
        "stay.",
        "Ehlers 2002",
        _10,
    ),
    Feature("fisher_trigger_10", 11, "ratio", "The fisher_10 before; degenerate with it.", "Ehlers 2002", _10),
    Feature(
        "trix_15",
        44,
        "percent",
        "Change in percent of the EMA of the EMA of the EMA of closes; degenerate after 0.",
        "Hutson 1983; TA-Lib TRIX",
        (("period", 15.0),),
    ),
    Feature(
        "tsi",
        38,
        "percent",
        "100 a / b, a the change of closes and b its size, both smoothed by an EMA of 25 and one of 13; degenerate "
        "when b is below 1e-12 of the close.",
        "Blau 1991, true strength index",
        _TSI,
    ),
    Feature("tsi_signal", 44, "percent", "EMA of the tsi there were; degenerate with it.", "Blau 1991", _TSI),
    Feature("elder_bull_13", 13, "price", "high less the EMA of closes.", "Elder 1993", _13),
    Feature("elder_bear_13", 13, "price", "low less the EMA of closes.", "Elder 1993", _13),
    Feature(
        "pgo_14",
        15,
        "ratio",
        "(close - mean close of n bars) / EMA of true ranges; degenerate when that is below 1e-12 of the close.",
        "Johnson, pretty good oscillator",
        (("period", 14.0),),
    ),
    Feature("qstick_10", 10, "price", "EMA of close - open.", "Chande and Kroll 1994, form with an EMA", _10),
    Feature(
        "connors_rsi",
        22,
        "percent",
        "Mean of the RSI of closes over 3 bars, the RSI over 2 of the streak (bars closes have risen, or minus those "
        "they have fallen), and the percentage of the 20 changes before that are less than this one; degenerate with "
        "an RSI, or after a close of 0.",
        "Connors 2012, with rank 20 where he has 100",
        _CONNORS,
    ),
)
(
    CCI_14,
    CCI_20,
    ULTOSC,
    BOP,
    AWESOME,
    ACCELERATOR,
    COPPOCK,
    KST,
    KST_SIGNAL,
    FISHER_10,
    FISHER_TRIGGER_10,
    TRIX_15,
    TSI,
    TSI_SIGNAL,
    ELDER_BULL_13,
    ELDER_BEAR_13,
    PGO_14,
    QSTICK_10,
    CONNORS_RSI,
) = range(19)

# Memory.
AWESOMES: Final = 0  # a ring of the 4 before
KSTS: Final = 4  # a ring of the 8 before
PLACE: Final = 12
TRANSFORM: Final = 13
THRICE: Final = 14  # three averages, one of the other
THRICE_BEFORE: Final = 17
MOVE: Final = 18  # two averages, one of the other
SIZE: Final = 20
SIGNAL: Final = 22
SIGNALS: Final = 23  # how many values the signal has
MEAN_13: Final = 24
RANGE_14: Final = 25
BODY: Final = 26
MOVED_3: Final = 27  # rises, then falls
STREAK: Final = 29
STREAK_MOVED: Final = 30
MEMORY: Final = 32

_SAME: Final = 1e-14  # what rounding may make of equal prices, as a share of them
_UNPLACED: Final = 2.0  # outside what a place may be: there was none yet


def update(x: Float64, count: int, rings: Float64, memory: Float64, values: Float64, states: UInt8) -> None:
    """Take the count-th bar; see `momentum.update`."""
    close, high, low = x[columns.CLOSE], x[columns.HIGH], x[columns.LOW]
    _ratio(values, states, BOP, close - x[columns.OPEN], high - low)
    loops.ema(memory, MEAN_13, close, count, 13)
    loops.ema(memory, BODY, close - x[columns.OPEN], count, 10)
    if count >= 10:
        loops.tell(values, states, QSTICK_10, memory[BODY])
        _fisher(count, rings, memory, values, states)
    if count >= 13:
        loops.tell(values, states, ELDER_BULL_13, high - memory[MEAN_13])
        loops.tell(values, states, ELDER_BEAR_13, low - memory[MEAN_13])
    if count >= 14:
        _channel(CCI_14, count, 14, rings, values, states)
    if count >= 20:
        _channel(CCI_20, count, 20, rings, values, states)
    _trix(close, count, memory, values, states)
    if count > 1:
        _pretty_good(x, count, rings, memory, values, states)
        _tsi(close, close - x[columns.PREVIOUS], count - 1, memory, values, states)
        _connors(close - x[columns.PREVIOUS], count, rings, memory, values, states)
    if count >= 24:
        loops.tell(values, states, COPPOCK, _coppock(count, rings))
    if count >= 29:
        _ultimate(count, rings, values, states)
    if count >= 34:
        _awesome(count, rings, memory, values, states)
    if count >= 45:
        _kst(count, rings, memory, values, states)


def _ratio(values: Float64, states: UInt8, name: int, top: float, bottom: float) -> None:
    if bottom > 0.0:
        loops.tell(values, states, name, top / bottom)
    else:
        loops.lack(states, name)


def _close(rings: Float64, count: int, age: int) -> float:
    return rings[columns.CLOSES + (count - 1 - age) % columns.CLOSES_KEPT]  # type: ignore[no-any-return]  # numpy types scalars as Any


def _sum(ring: Float64, at: int, kept: int, count: int, window: int) -> float:
    """Sum the last `window` values, oldest first, with one division for all of them."""
    place = (count - window) % kept
    found = 0.0
    for _ in range(window):
        found += ring[at + place]
        place = place + 1 if place + 1 < kept else 0
    return found


def _typical(rings: Float64, close: int, reach: int, level: float) -> float:
    """Add up what a bar's high, low and close are above a level near them; such differences are exact."""
    above = (rings[columns.HIGHS + reach] - level) + (rings[columns.LOWS + reach] - level)
    return above + (rings[columns.CLOSES + close] - level)  # type: ignore[no-any-return]  # numpy types scalars as Any


def _channel(name: int, count: int, window: int, rings: Float64, values: Float64, states: UInt8) -> None:
    """Compare a typical price with its mean; three times it, and less a level, serves as well, for it is a ratio."""
    level = _close(rings, count, 0)
    close, reach = (count - window) % columns.CLOSES_KEPT, (count - window) % columns.RANGES_KEPT
    found = 0.0
    newest = 0.0
    for _ in range(window):
        newest = _typical(rings, close, reach, level)
        found += newest
        close = close + 1 if close + 1 < columns.CLOSES_KEPT else 0
        reach = reach + 1 if reach + 1 < columns.RANGES_KEPT else 0
    mean = found / window
    close, reach = (count - window) % columns.CLOSES_KEPT, (count - window) % columns.RANGES_KEPT
    away = 0.0
    for _ in range(window):
        away += abs(_typical(rings, close, reach, level) - mean)
        close = close + 1 if close + 1 < columns.CLOSES_KEPT else 0
        reach = reach + 1 if reach + 1 < columns.RANGES_KEPT else 0
    if away / window > _SAME * abs(level):
        loops.tell(values, states, name, (newest - mean) / (0.015 * (away / window)))
    else:
        loops.lack(states, name)


def _fisher(count: int, rings: Float64, memory: Float64, values: Float64, states: UInt8) -> None:
    at = (count - 1) % columns.RANGES_KEPT
    newest = (rings[columns.HIGHS + at] + rings[columns.LOWS + at]) / 2.0
    least, most = newest, newest
    for _ in range(9):
        at = at - 1 if at > 0 else columns.RANGES_KEPT - 1
        median = (rings[columns.HIGHS + at] + rings[columns.LOWS + at]) / 2.0
        least, most = min(least, median), max(most, median)
    if count == 10:
        memory[PLACE] = _UNPLACED
    if most <= least:
        loops.lack(states, FISHER_10)
        if count > 10:
            loops.lack(states, FISHER_TRIGGER_10)
        return
    first = memory[PLACE] == _UNPLACED
    before = 0.0 if first else memory[PLACE]
    place = 0.66 * ((newest - least) / (most - least) - 0.5) + 0.67 * before
    memory[PLACE] = min(0.999, max(-0.999, place))
    if not first:
        loops.tell(values, states, FISHER_TRIGGER_10, memory[TRANSFORM])
    elif count > 10:
        loops.lack(states, FISHER_TRIGGER_10)
    memory[TRANSFORM] = 0.5 * math.log((1.0 + memory[PLACE]) / (1.0 - memory[PLACE])) + 0.5 * memory[TRANSFORM]
    loops.tell(values, states, FISHER_10, memory[TRANSFORM])


def _trix(close: float, count: int, memory: Float64, values: Float64, states: UInt8) -> None:
    loops.ema(memory, THRICE, close, count, 15)
    if count >= 15:
        loops.ema(memory, THRICE + 1, memory[THRICE], count - 14, 15)
    if count >= 29:
        loops.ema(memory, THRICE + 2, memory[THRICE + 1], count - 28, 15)
    if count >= 44:
        before = memory[THRICE_BEFORE]
        if before == 0.0:
            loops.lack(states, TRIX_15)
        else:
            loops.tell(values, states, TRIX_15, 100.0 * (memory[THRICE + 2] / before - 1.0))
    memory[THRICE_BEFORE] = memory[THRICE + 2]


def _pretty_good(x: Float64, count: int, rings: Float64, memory: Float64, values: Float64, states: UInt8) -> None:
    previous = x[columns.PREVIOUS]
    true_range = max(x[columns.HIGH], previous) - min(x[columns.LOW], previous)
    loops.ema(memory, RANGE_14, true_range, count - 1, 14)
    if count >= 15:
        mean = _sum(rings, columns.CLOSES, columns.CLOSES_KEPT, count, 14) / 14.0
        if memory[RANGE_14] > loops.STILL * x[columns.CLOSE]:
            loops.tell(values, states, PGO_14, (x[columns.CLOSE] - mean) / memory[RANGE_14])
        else:
            loops.lack(states, PGO_14)


def _tsi(close: float, change: float, count: int, memory: Float64, values: Float64, states: UInt8) -> None:
    loops.ema(memory, MOVE, change, count, 25)
    loops.ema(memory, SIZE, abs(change), count, 25)
    if count < 25:
        return
    loops.ema(memory, MOVE + 1, memory[MOVE], count - 24, 13)
    loops.ema(memory, SIZE + 1, memory[SIZE], count - 24, 13)
    if count < 37:
        return
    if memory[SIZE + 1] > loops.STILL * close:
        index = 100.0 * (memory[MOVE + 1] / memory[SIZE + 1])
        loops.tell(values, states, TSI, index)
        memory[SIGNALS] += 1.0
        loops.ema(memory, SIGNAL, index, int(memory[SIGNALS]), 7)
        if memory[SIGNALS] >= 7.0:
            loops.tell(values, states, TSI_SIGNAL, memory[SIGNAL])
    else:
        loops.lack(states, TSI)
        if count >= 43:
            loops.lack(states, TSI_SIGNAL)


def _connors(change: float, count: int, rings: Float64, memory: Float64, values: Float64, states: UInt8) -> None:
    strength = loops.strength(memory, MOVED_3, change, count - 1, 3)
    before = memory[STREAK]
    if change > 0.0:
        memory[STREAK] = max(before, 0.0) + 1.0
    elif change < 0.0:
        memory[STREAK] = min(before, 0.0) - 1.0
    else:
        memory[STREAK] = 0.0
    # The streak of the first bar is 0, so its changes begin with the second.
    streak = loops.strength(memory, STREAK_MOVED, memory[STREAK] - before, count - 1, 2)
    if count >= 22:
        rank = _rank(count, rings)
        if min(strength, streak, rank) < 0.0:
            loops.lack(states, CONNORS_RSI)
        else:
            loops.tell(values, states, CONNORS_RSI, (strength + streak + rank) / 3.0)


def _rank(count: int, rings: Float64) -> float:
    """Give the percentage of the 20 relative changes before the newest that are less; none after a close of 0."""
    later, earlier = _close(rings, count, 0), _close(rings, count, 1)
    if earlier == 0.0:
        return loops.NONE
    newest = later / earlier
    less = 0
    for age in range(2, 22):
        later, earlier = earlier, _close(rings, count, age)
        if earlier == 0.0:
            return loops.NONE
        if later / earlier < newest:
            less += 1
    return 100.0 * less / 20.0


def _coppock(count: int, rings: Float64) -> float:
    """Average the sums of two changes, the newest heaviest; not finite after a close of 0."""
    found = 0.0
    for age in range(10):
        close = _close(rings, count, age)
        long, short = _close(rings, count, age + 14), _close(rings, count, age + 11)
        if long == 0.0 or short == 0.0:
            return math.inf
        found += (10 - age) * ((close / long - 1.0) + (close / short - 1.0))
    return 100.0 * (found / 55.0)


def _ultimate(count: int, rings: Float64, values: Float64, states: UInt8) -> None:
    pressure, span = 0.0, 0.0
    found, still = 0.0, False
    close = _close(rings, count, 0)
    at = (count - 1) % columns.RANGES_KEPT
    for age in range(1, 29):
        previous = _close(rings, count, age)
        low = min(rings[columns.LOWS + at], previous)
        pressure += close - low
        span += max(rings[columns.HIGHS + at], previous) - low
        close = previous
        at = at - 1 if at > 0 else columns.RANGES_KEPT - 1
        if age in (7, 14, 28):
            if span <= 0.0:
                still = True
            else:
                found += pressure / span * (28.0 / age)
    if still:
        loops.lack(states, ULTOSC)
    else:
        loops.tell(values, states, ULTOSC, 100.0 * (found / 7.0))


def _awesome(count: int, rings: Float64, memory: Float64, values: Float64, states: UInt8) -> None:
    at = (count - 1) % columns.RANGES_KEPT
    found, newest = 0.0, 0.0
    for age in range(34):
        found += rings[columns.HIGHS + at] + rings[columns.LOWS + at]
        if age == 4:
            newest = found
        at = at - 1 if at > 0 else columns.RANGES_KEPT - 1
    awesome = newest / 10.0 - found / 68.0
    loops.tell(values, states, AWESOME, awesome)
    had = count - 33
    if had >= 5:
        mean = (_sum(memory, AWESOMES, 4, had - 1, 4) + awesome) / 5.0
        loops.tell(values, states, ACCELERATOR, awesome - mean)
    loops.push(memory, AWESOMES, 4, had, awesome)


def _kst(count: int, rings: Float64, memory: Float64, values: Float64, states: UInt8) -> None:
    found = _changes(count, rings)
    had = count - 44
    loops.tell(values, states, KST, found)
    if had >= 9:
        loops.tell(values, states, KST_SIGNAL, (_sum(memory, KSTS, 8, had - 1, 8) + found) / 9.0)
    loops.push(memory, KSTS, 8, had, found)


def _changes(count: int, rings: Float64) -> float:
    """Sum the weighted means of KST; not finite after a close of 0."""
    found, slow = 0.0, 0.0
    for age in range(15):
        close = _close(rings, count, age)
        last = _close(rings, count, age + 30)
        if last == 0.0:
            return math.inf
        slow += close / last - 1.0
        if age < 10:
            first, second, third = (
                _close(rings, count, age + 10),
                _close(rings, count, age + 15),
                _close(rings, count, age + 20),
            )
            if min(abs(first), abs(second), abs(third)) == 0.0:
                return math.inf
            found += (close / first - 1.0) + 2.0 * (close / second - 1.0) + 3.0 * (close / third - 1.0)
    return 100.0 * (found / 10.0 + 4.0 * slow / 15.0)
