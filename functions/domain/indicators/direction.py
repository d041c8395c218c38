"""Direction: trend's second half, what highs and lows say: directional movement, stops, clouds and middles."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from functions.domain.indicators import columns, loops
from functions.domain.indicators.feature import Feature

if TYPE_CHECKING:
    from functions.domain.market import Float64, UInt8

INLINED: Final[tuple[str, ...]] = ("_reach",)

_WILDER: Final = "Wilder 1978"
_STILL: Final = "degenerate when the sum of true ranges is below 1e-14"
_14: Final = (("period", 14.0),)
_SAR: Final = (("acceleration", 0.02), ("maximum", 0.2))
_SUPERTREND: Final = (("period", 10.0), ("multiple", 3.0))
_ICHIMOKU: Final = (("tenkan", 9.0), ("kijun", 26.0), ("senkou", 52.0), ("shift", 26.0))

FEATURES: Final = (
    Feature(
        "plus_dm_14",
        14,
        "price",
        "Rises of the high above the last one, where they exceed the falls of the low: sum s of the first n - 1, then "
        "s += rise - s/n.",
        f"{_WILDER}; TA-Lib PLUS_DM",
        _14,
    ),
    Feature("minus_dm_14", 14, "price", "As plus_dm_14, of falls of the low.", f"{_WILDER}; TA-Lib MINUS_DM", _14),
    Feature(
        "plus_di_14",
        15,
        "percent",
        f"100 plus_dm / true ranges summed alike; {_STILL}.",
        f"{_WILDER}; TA-Lib PLUS_DI",
        _14,
    ),
    Feature("minus_di_14", 15, "percent", f"100 minus_dm / true ranges; {_STILL}.", f"{_WILDER}; TA-Lib MINUS_DI", _14),
    Feature(
        "dx_14",
        15,
        "percent",
        f"100 |plus_di - minus_di| / (plus_di + minus_di); {_STILL}, or that of both.",
        f"{_WILDER}; TA-Lib DX",
        _14,
    ),
    Feature(
        "adx_14",
        28,
        "percent",
        "dx smoothed by Wilder, seeded with the sum of the first n / n; a bar without dx adds nothing and leaves it as "
        "it is, degenerate.",
        f"{_WILDER}; TA-Lib ADX",
        _14,
    ),
    Feature(
        "adxr_14",
        41,
        "percent",
        "Mean of adx now and n - 1 bars ago; degenerate with that of now.",
        f"{_WILDER}; TA-Lib ADXR",
        _14,
    ),
    Feature(
        "sar",
        2,
        "price",
        "Stop that moves by a (extreme - stop), a from 0.02 by 0.02 at each new extreme to 0.2, never into the last "
        "two bars, and turns when touched; it begins short if the second bar has minus_dm, else long.",
        f"{_WILDER}; TA-Lib SAR",
        _SAR,
    ),
    Feature(
        "supertrend",
        11,
        "price",
        "(high + low) / 2 + 3 ATR in a fall, - 3 ATR in a rise, which only tightens until the close before is beyond "
        "it; the close turns it. Degenerate while the ATR is 0.",
        "Seban 2008",
        _SUPERTREND,
    ),
    Feature(
        "supertrend_direction",
        11,
        "1 or -1",
        "1 in a rise, -1 in a fall of supertrend; it begins with close against (high + low) / 2.",
        "Seban 2008",
        _SUPERTREND,
    ),
    Feature("tenkan_9", 9, "price", "(greatest high + least low) / 2 of n bars.", "Hosoda 1969", (("period", 9.0),)),
    Feature("kijun_26", 26, "price", "(greatest high + least low) / 2 of n bars.", "Hosoda 1969", (("period", 26.0),)),
    Feature(
        "senkou_a",
        52,
        "price",
        "Mean of tenkan and kijun of 26 bars ago: what is plotted at this bar, nothing ahead of it.",
        "Hosoda 1969",
        _ICHIMOKU,
    ),
    Feature(
        "senkou_b",
        78,
        "price",
        "(greatest high + least low) / 2 of the 52 bars that ended 26 bars ago: what is plotted at this bar.",
        "Hosoda 1969",
        _ICHIMOKU,
    ),
    Feature(
        "chikou_26",
        27,
        "price",
        "close - close 26 bars ago: how the lagging line lies to the price it is plotted at; the line itself would say "
        "the future of that bar.",
        "Hosoda 1969",
        (("shift", 26.0),),
    ),
    Feature("midpoint_14", 14, "price", "(greatest + least close) / 2 of n bars.", "TA-Lib MIDPOINT", _14),
    Feature("midprice_14", 14, "price", "(greatest high + least low) / 2 of n bars.", "TA-Lib MIDPRICE", _14),
    Feature(
        "vortex_plus_14",
        15,
        "ratio",
        "Sum of |high - previous low| of n bars / that of true ranges; degenerate when that is 0.",
        "Botes and Siepman 2010",
        _14,
    ),
    Feature(
        "vortex_minus_14", 15, "ratio", "As vortex_plus_14, of |low - previous high|.", "Botes and Siepman 2010", _14
    ),
)
(
    PLUS_DM_14,
    MINUS_DM_14,
    PLUS_DI_14,
    MINUS_DI_14,
    DX_14,
    ADX_14,
    ADXR_14,
    SAR,
    SUPERTREND,
    SUPERTREND_DIRECTION,
    TENKAN_9,
    KIJUN_26,
    SENKOU_A,
    SENKOU_B,
    CHIKOU_26,
    MIDPOINT_14,
    MIDPRICE_14,
    VORTEX_PLUS_14,
    VORTEX_MINUS_14,
) = range(19)

# Memory.
PLUS: Final = 0
MINUS: Final = 1
SPAN: Final = 2
ADX: Final = 3
ADXS: Final = 4  # a ring of the 13 before
STOP: Final = 17
EXTREME: Final = 18
PACE: Final = 19
LONG: Final = 20  # 1 or -1
RANGE_10: Final = 21
ABOVE: Final = 22
BELOW: Final = 23
SIDE: Final = 24  # 1 or -1
KIJUN: Final = 25  # greatest high, then least low of 26 bars
KIJUN_AGO: Final = 27  # of 26 bars, 26 bars ago
SENKOU: Final = 29  # of 52 bars, 26 bars ago
MEMORY: Final = 31

_STEP: Final = 0.02
_STEP_MAX: Final = 0.2


def update(x: Float64, count: int, rings: Float64, memory: Float64, values: Float64, states: UInt8) -> None:
    """Take the count-th bar; see `momentum.update`."""
    _middles(count, rings, memory, values, states)
    if count >= 14:
        _midpoint(count, rings, values, states)
    if count > 26:
        ago = loops.back(rings, columns.CLOSES, columns.CLOSES_KEPT, count, 26)
        loops.tell(values, states, CHIKOU_26, x[columns.CLOSE] - ago)
    if count >= 52:
        _cloud(count, rings, memory, values, states)
    if count == 1:
        return
    high, low = x[columns.HIGH], x[columns.LOW]
    high_before = loops.back(rings, columns.HIGHS, columns.RANGES_KEPT, count, 1)
    low_before = loops.back(rings, columns.LOWS, columns.RANGES_KEPT, count, 1)
    rise, fall = high - high_before, low_before - low
    true_range = max(high, x[columns.PREVIOUS]) - min(low, x[columns.PREVIOUS])
    if count == 2:
        _start_stop(high, low, high_before, low_before, memory)
        high_before, low_before = high, low
    _stop(high, low, high_before, low_before, memory, values, states)
    rising = rise if rise > 0.0 and rise > fall else 0.0
    falling = fall if fall > 0.0 and fall > rise else 0.0
    _movement(rising, falling, true_range, count - 1, memory, values, states)
    _supertrend(x, true_range, count - 1, memory, values, states)
    if count >= 15:
        _vortex(count, rings, values, states)


def _reach(rings: Float64, count: int, age: int, window: int) -> tuple[float, float]:
    return loops.reach(rings, columns.HIGHS, columns.LOWS, columns.RANGES_KEPT, count, age, window)


def _follow(memory: Float64, which: int, rings: Float64, count: int, age: int, window: int) -> float:
    """Keep the greatest high and least low of the `window` bars that end `age` bars ago, and halve their range.

    The windows are long, and are scanned only when an extreme has left them.
    """
    left = (count - 1 - age - window) % columns.RANGES_KEPT
    came = (count - 1 - age) % columns.RANGES_KEPT
    lost = rings[columns.HIGHS + left] >= memory[which] or rings[columns.LOWS + left] <= memory[which + 1]
    if lost or count - age == window:
        memory[which], memory[which + 1] = _reach(rings, count, age, window)
    else:
        memory[which] = max(memory[which], rings[columns.HIGHS + came])
        memory[which + 1] = min(memory[which + 1], rings[columns.LOWS + came])
    return (memory[which] + memory[which + 1]) / 2.0  # type: ignore[no-any-return]  # numpy types scalars as Any


def _middles(count: int, rings: Float64, memory: Float64, values: Float64, states: UInt8) -> None:
    """Halve the ranges of 9, 14 and 26 bars, the second going on from the first."""
    if count < 9:
        return
    high, low = _reach(rings, count, 0, 9)
    loops.tell(values, states, TENKAN_9, (high + low) / 2.0)
    if count < 14:
        return
    older_high, older_low = _reach(rings, count, 9, 5)
    loops.tell(values, states, MIDPRICE_14, (max(high, older_high) + min(low, older_low)) / 2.0)
    if count >= 26:
        loops.tell(values, states, KIJUN_26, _follow(memory, KIJUN, rings, count, 0, 26))


def _cloud(count: int, rings: Float64, memory: Float64, values: Float64, states: UInt8) -> None:
    """Halve the ranges of 9, 26 and 52 bars that ended 26 bars ago."""
    high, low = _reach(rings, count, 26, 9)
    kijun = _follow(memory, KIJUN_AGO, rings, count, 26, 26)
    loops.tell(values, states, SENKOU_A, ((high + low) / 2.0 + kijun) / 2.0)
    if count >= 78:
        loops.tell(values, states, SENKOU_B, _follow(memory, SENKOU, rings, count, 26, 52))


def _midpoint(count: int, rings: Float64, values: Float64, states: UInt8) -> None:
    most, least = loops.reach(rings, columns.CLOSES, columns.CLOSES, columns.CLOSES_KEPT, count, 0, 14)
    loops.tell(values, states, MIDPOINT_14, (most + least) / 2.0)


def _movement(
    rising: float, falling: float, span: float, count: int, memory: Float64, values: Float64, states: UInt8
) -> None:
    if count >= 14:
        memory[PLUS] -= memory[PLUS] / 14.0
        memory[MINUS] -= memory[MINUS] / 14.0
        memory[SPAN] -= memory[SPAN] / 14.0
    memory[PLUS] += rising
    memory[MINUS] += falling
    memory[SPAN] += span
    if count >= 13:
        loops.tell(values, states, PLUS_DM_14, memory[PLUS])
        loops.tell(values, states, MINUS_DM_14, memory[MINUS])
    if count < 14:
        return
    dx = loops.NONE
    if memory[SPAN] < loops.NOTHING:
        loops.lack(states, PLUS_DI_14)
        loops.lack(states, MINUS_DI_14)
    else:
        plus, minus = 100.0 * (memory[PLUS] / memory[SPAN]), 100.0 * (memory[MINUS] / memory[SPAN])
        loops.tell(values, states, PLUS_DI_14, plus)
        loops.tell(values, states, MINUS_DI_14, minus)
        if plus + minus >= loops.NOTHING:
            dx = 100.0 * (abs(plus - minus) / (plus + minus))
    if dx < 0.0:
        loops.lack(states, DX_14)
    else:
        loops.tell(values, states, DX_14, dx)
    _adx(dx, count - 13, memory, values, states)


def _adx(dx: float, count: int, memory: Float64, values: Float64, states: UInt8) -> None:
    if dx >= 0.0 or count <= 14:
        loops.wilder(memory, ADX, max(dx, 0.0), count, 14)
    if count < 14:
        return
    before = memory[ADXS + (count - 14) % 13]
    memory[ADXS + (count - 14) % 13] = memory[ADX]
    if dx < 0.0:
        loops.lack(states, ADX_14)
        if count >= 27:
            loops.lack(states, ADXR_14)
        return
    loops.tell(values, states, ADX_14, memory[ADX])
    if count >= 27:
        loops.tell(values, states, ADXR_14, (memory[ADX] + before) / 2.0)


def _start_stop(high: float, low: float, high_before: float, low_before: float, memory: Float64) -> None:
    fall = low_before - low
    memory[PACE] = _STEP
    if fall > 0.0 and fall > high - high_before:
        memory[LONG], memory[STOP], memory[EXTREME] = -1.0, high_before, low
    else:
        memory[LONG], memory[STOP], memory[EXTREME] = 1.0, low_before, high


def _stop(
    high: float, low: float, high_before: float, low_before: float, memory: Float64, values: Float64, states: UInt8
) -> None:
    """Say the stop of this bar, which was known with the last, and move it on; touched, it turns at the extreme."""
    long = memory[LONG] > 0.0
    touched = low <= memory[STOP] if long else high >= memory[STOP]
    if touched:
        long = not long
        memory[LONG] = -memory[LONG]
        stop = min(memory[EXTREME], low_before, low) if long else max(memory[EXTREME], high_before, high)
        memory[PACE] = _STEP
        memory[EXTREME] = high if long else low
    else:
        stop = memory[STOP]
        extreme = max(memory[EXTREME], high) if long else min(memory[EXTREME], low)
        if extreme != memory[EXTREME]:
            memory[EXTREME] = extreme
            memory[PACE] = min(memory[PACE] + _STEP, _STEP_MAX)
    loops.tell(values, states, SAR, stop)
    stop += memory[PACE] * (memory[EXTREME] - stop)
    memory[STOP] = min(stop, low_before, low) if long else max(stop, high_before, high)


def _supertrend(x: Float64, span: float, count: int, memory: Float64, values: Float64, states: UInt8) -> None:
    loops.wilder(memory, RANGE_10, span, count, 10)
    if count < 10:
        return
    close, previous = x[columns.CLOSE], x[columns.PREVIOUS]
    middle = (x[columns.HIGH] + x[columns.LOW]) / 2.0
    above, below = middle + 3.0 * memory[RANGE_10], middle - 3.0 * memory[RANGE_10]
    if count == 10:
        memory[SIDE] = 1.0 if close >= middle else -1.0
    if count == 10 or above < memory[ABOVE] or previous > memory[ABOVE]:
        memory[ABOVE] = above
    if count == 10 or below > memory[BELOW] or previous < memory[BELOW]:
        memory[BELOW] = below
    memory[SIDE] = -1.0 if close <= (memory[BELOW] if memory[SIDE] > 0.0 else memory[ABOVE]) else 1.0
    if memory[RANGE_10] > 0.0:
        loops.tell(values, states, SUPERTREND, memory[BELOW] if memory[SIDE] > 0.0 else memory[ABOVE])
        loops.tell(values, states, SUPERTREND_DIRECTION, memory[SIDE])
    else:
        loops.lack(states, SUPERTREND)
        loops.lack(states, SUPERTREND_DIRECTION)


def _vortex(count: int, rings: Float64, values: Float64, states: UInt8) -> None:
    plus, minus, span = 0.0, 0.0, 0.0
    at = (count - 1) % columns.RANGES_KEPT
    high, low = rings[columns.HIGHS + at], rings[columns.LOWS + at]
    for age in range(1, 15):
        at = at - 1 if at > 0 else columns.RANGES_KEPT - 1
        close = loops.back(rings, columns.CLOSES, columns.CLOSES_KEPT, count, age)
        plus += abs(high - rings[columns.LOWS + at])
        minus += abs(low - rings[columns.HIGHS + at])
        span += max(high, close) - min(low, close)
        high, low = rings[columns.HIGHS + at], rings[columns.LOWS + at]
    if span > 0.0:
        loops.tell(values, states, VORTEX_PLUS_14, plus / span)
        loops.tell(values, states, VORTEX_MINUS_14, minus / span)
    else:
        loops.lack(states, VORTEX_PLUS_14)
        loops.lack(states, VORTEX_MINUS_14)
