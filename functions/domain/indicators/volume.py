"""Volume: how much was traded, at which prices, and by whom."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Final

from functions.domain.indicators import columns, loops
from functions.domain.indicators.feature import Feature

if TYPE_CHECKING:
    from functions.domain.market import Float64, UInt8

INLINED: Final[tuple[str, ...]] = ("_typical",)

_BPS: Final = 10_000.0
_14: Final = (("period", 14.0),)
_20: Final = (("period", 20.0),)
_PROFILE: Final = (("bins", 24.0), ("share", 0.7))

FEATURES: Final = (
    Feature(
        "vwap",
        1,
        "price",
        "Notional / volume of all bars since UTC midnight, from exact sums; on the day of the first bar ever since it.",
        "definition",
    ),
    Feature("vwap_distance_bps", 1, "bps", "10,000 (close - vwap) / vwap; degenerate at a vwap of 0.", "definition"),
    Feature("bar_vwap", 1, "price", "Notional / volume of the bar; degenerate without volume.", "definition"),
    Feature("volume", 1, "size", "Volume of the bar.", "definition"),
    Feature("trades", 1, "trades", "Trades of the bar.", "definition"),
    Feature("trade_size", 1, "size", "volume / trades; degenerate without trades.", "definition"),
    Feature("volume_sma_20", 20, "size", "Mean of the last n volumes.", "TA-Lib SMA", _20),
    Feature("volume_ratio_20", 20, "ratio", "volume / volume_sma_20; degenerate without volume.", "definition", _20),
    Feature(
        "volume_zscore_20",
        20,
        "ratio",
        "(volume - mean) / population deviation of the last n volumes with this one; degenerate when equal.",
        "definition",
        _20,
    ),
    Feature("buy_ratio", 1, "ratio", "Volume bought by aggressors / volume, 0 to 1.", "definition"),
    Feature(
        "buy_ratio_20",
        20,
        "ratio",
        "EMA of volume bought / EMA of volume; degenerate without volume.",
        "definition",
        _20,
    ),
    Feature("net_volume", 1, "size", "Volume bought less volume sold by aggressors.", "definition"),
    Feature(
        "cumulative_delta",
        1,
        "size",
        "Sum of net_volume since the last reset: only differences say something.",
        "definition",
    ),
    Feature(
        "obv",
        1,
        "size",
        "Volumes with the sign of the change of close, summed, beginning with the first volume: only differences say "
        "something.",
        "Granville 1963; TA-Lib OBV",
    ),
    Feature(
        "ad",
        1,
        "size",
        "Sum of volume ((close - low) - (high - close)) / (high - low), nothing where there is no range: only "
        "differences say something.",
        "Chaikin; TA-Lib AD",
    ),
    Feature(
        "adosc_3_10",
        10,
        "size",
        "Fast less slow EMA of ad, both seeded with its first value.",
        "Chaikin; TA-Lib ADOSC",
        (("fast", 3.0), ("slow", 10.0)),
    ),
    Feature(
        "cmf_20",
        20,
        "ratio",
        "Sum of the terms of ad / sum of volume over n bars, -1 to 1; degenerate without volume.",
        "Chaikin",
        _20,
    ),
    Feature(
        "mfi_14",
        15,
        "percent",
        "100 positive / all flow of typical price times volume, by the sign of the typical price's change; degenerate "
        "without flow.",
        "Quong, Soudack 1989; TA-Lib MFI",
        _14,
    ),
    Feature(
        "force_13",
        14,
        "price times size",
        "EMA of change of close times volume, seeded with the mean of its first n.",
        "Elder 1993",
        (("period", 13.0),),
    ),
    Feature(
        "ease_of_movement_14",
        15,
        "price squared per size",
        "Mean of change of (high + low) / 2 times (high - low) / volume; degenerate where a volume is 0.",
        "Arms 1996",
        _14,
    ),
    Feature(
        "nvi",
        1,
        "ratio",
        "Begins with 1000; moves with the return where volume fell.",
        "Dysart; Fosback 1976",
    ),
    Feature("pvi", 1, "ratio", "Begins with 1000; moves with the return where volume rose.", "Dysart; Fosback 1976"),
    Feature("pvt", 2, "size", "Sum of return times volume since the last reset.", "definition"),
    Feature(
        "pvo_12_26",
        26,
        "percent",
        "100 (fast - slow) / slow EMA of volume, each seeded with the mean of its first n; degenerate without volume.",
        "Appel, of volume",
        (("fast", 12.0), ("slow", 26.0)),
    ),
    Feature(
        "amihud_20",
        21,
        "ratio per notional",
        "Mean of |return| / (close volume) over n bars; degenerate where a volume is 0.",
        "Amihud 2002, of one bar",
        _20,
    ),
    Feature(
        "poc",
        1,
        "price",
        "Middle of the bin with the most volume since UTC midnight, as vwap, the lowest of equal ones; a bar's volume "
        "stands at its bar_vwap.",
        "Steidlmayer 1984",
        _PROFILE,
    ),
    Feature(
        "value_area_low",
        1,
        "price",
        "Lower edge of the value area: from the fullest bin outwards, the fuller neighbour first, until it holds the "
        "share.",
        "Steidlmayer 1984; CBOT 1991",
        _PROFILE,
    ),
    Feature("value_area_high", 1, "price", "Upper edge of the value area.", "Steidlmayer 1984; CBOT 1991", _PROFILE),
)
_NAMES: Final = tuple(feature.name for feature in FEATURES)
VWAP: Final = _NAMES.index("vwap")
VWAP_DISTANCE: Final = _NAMES.index("vwap_distance_bps")
BAR_VWAP: Final = _NAMES.index("bar_vwap")
VOLUME: Final = _NAMES.index("volume")
TRADES: Final = _NAMES.index("trades")
TRADE_SIZE: Final = _NAMES.index("trade_size")
VOLUME_SMA: Final = _NAMES.index("volume_sma_20")
VOLUME_RATIO: Final = _NAMES.index("volume_ratio_20")
VOLUME_ZSCORE: Final = _NAMES.index("volume_zscore_20")
BUY_RATIO: Final = _NAMES.index("buy_ratio")
BUY_RATIO_20: Final = _NAMES.index("buy_ratio_20")
NET_VOLUME: Final = _NAMES.index("net_volume")
CUMULATIVE_DELTA: Final = _NAMES.index("cumulative_delta")
OBV: Final = _NAMES.index("obv")
AD: Final = _NAMES.index("ad")
ADOSC: Final = _NAMES.index("adosc_3_10")
CMF: Final = _NAMES.index("cmf_20")
MFI: Final = _NAMES.index("mfi_14")
FORCE: Final = _NAMES.index("force_13")
EASE: Final = _NAMES.index("ease_of_movement_14")
NVI: Final = _NAMES.index("nvi")
PVI: Final = _NAMES.index("pvi")
PVT: Final = _NAMES.index("pvt")
PVO: Final = _NAMES.index("pvo_12_26")
AMIHUD: Final = _NAMES.index("amihud_20")
POC: Final = _NAMES.index("poc")
AREA_LOW: Final = _NAMES.index("value_area_low")
AREA_HIGH: Final = _NAMES.index("value_area_high")

# Memory.
BOUGHT: Final = 0
TRADED: Final = 1
DELTA: Final = 2
BALANCE: Final = 3
DISTRIBUTION: Final = 4
FAST: Final = 5
SLOW: Final = 6
PUSH: Final = 7
NEGATIVE: Final = 8
POSITIVE: Final = 9
TREND: Final = 10
SHORT: Final = 11
LONG: Final = 12
BIN_WIDTH: Final = 13
LOWEST_BIN: Final = 14  # the first bin's number: its lower edge / width
BINS: Final = 15
BINS_KEPT: Final = 24
MEMORY: Final = BINS + BINS_KEPT

_FIRST_WIDTH: Final = 0.0002  # of the session's first price; bins double when prices leave them
_SHARE: Final = 0.7
_INDEX: Final = 1000.0
_SAME: Final = 1e-13  # of a sum of three prices: less is the order in which they were added


def update(x: Float64, count: int, rings: Float64, memory: Float64, values: Float64, states: UInt8) -> None:
    """Take the count-th bar; see `momentum.update`."""
    _bar(x, values, states)
    _session(x, memory, values, states)
    _flows(x, count, memory, values, states)
    _lines(x, count, memory, values, states)
    _indices(x, count, rings, memory, values, states)
    if count >= 15:
        _money(count, rings, values, states)
        _ease(count, rings, values, states)
    if count >= 20:
        _windows(x, count, rings, values, states)
    if count >= 21:
        _amihud(count, rings, values, states)


def _bar(x: Float64, values: Float64, states: UInt8) -> None:
    volume = x[columns.VOLUME]
    loops.tell(values, states, VOLUME, volume)
    loops.tell(values, states, TRADES, x[columns.TRADES])
    loops.tell(values, states, NET_VOLUME, 2.0 * x[columns.BUY_VOLUME] - volume)
    if x[columns.TRADES] > 0.0:
        loops.tell(values, states, TRADE_SIZE, volume / x[columns.TRADES])
    else:
        loops.lack(states, TRADE_SIZE)
    if volume > 0.0:
        loops.tell(values, states, BUY_RATIO, x[columns.BUY_VOLUME] / volume)
        loops.tell(values, states, BAR_VWAP, x[columns.NOTIONAL] / volume)
    else:
        loops.lack(states, BUY_RATIO)
        loops.lack(states, BAR_VWAP)


def _session(x: Float64, memory: Float64, values: Float64, states: UInt8) -> None:
    if x[columns.SESSION_KNOWN] == 0.0:
        memory[BIN_WIDTH] = 0.0
        return
    average = x[columns.SESSION_VWAP]
    loops.tell(values, states, VWAP, average)
    if average == 0.0:
        loops.lack(states, VWAP_DISTANCE)
    else:
        loops.tell(values, states, VWAP_DISTANCE, _BPS * (x[columns.CLOSE] - average) / average)
    if x[columns.SESSION_BARS] == 1.0:
        memory[BIN_WIDTH] = 0.0
    if x[columns.VOLUME] > 0.0:
        _add_to_profile(memory, x[columns.NOTIONAL] / x[columns.VOLUME], x[columns.VOLUME], x[columns.PRICE_UNIT])
    if memory[BIN_WIDTH] > 0.0:
        _read_profile(memory, values, states)


def _add_to_profile(memory: Float64, price: float, volume: float, unit: float) -> None:
    """Put a volume into its bin; bins that a price leaves are merged two by two until it has one."""
    if memory[BIN_WIDTH] == 0.0:
        # A multiple of the price's own unit, so that edges are prices.
        memory[BIN_WIDTH] = unit * max(1.0, math.ceil(_FIRST_WIDTH * price / unit))
        memory[LOWEST_BIN] = math.floor(price / memory[BIN_WIDTH]) - BINS_KEPT // 2
        for n in range(BINS_KEPT):
            memory[BINS + n] = 0.0
    at = math.floor(price / memory[BIN_WIDTH]) - memory[LOWEST_BIN]
    while at < 0.0 or at >= BINS_KEPT:
        _widen(memory, at < 0.0)
        at = math.floor(price / memory[BIN_WIDTH]) - memory[LOWEST_BIN]
    memory[BINS + int(at)] += volume


def _widen(memory: Float64, downwards: bool) -> None:
    """Double the bins' width; the room that becomes free lies where the price is."""
    lowest = memory[LOWEST_BIN]
    first = math.floor(lowest / 2.0)
    used = int(math.floor((lowest + BINS_KEPT - 1.0) / 2.0) - first) + 1
    if lowest % 2.0 == 0.0:
        for n in range(used):
            memory[BINS + n] = memory[BINS + 2 * n] + memory[BINS + 2 * n + 1]
    else:
        held = memory[BINS]
        for n in range(1, used):
            odd = memory[BINS + 2 * n] if 2 * n < BINS_KEPT else 0.0
            memory[BINS + n] = memory[BINS + 2 * n - 1] + odd
        memory[BINS] = held
    for n in range(used, BINS_KEPT):
        memory[BINS + n] = 0.0
    if downwards:
        shift = BINS_KEPT - used
        for n in range(used - 1, -1, -1):
            memory[BINS + n + shift] = memory[BINS + n]
        for n in range(shift):
            memory[BINS + n] = 0.0
        first -= shift
    memory[BIN_WIDTH] *= 2.0
    memory[LOWEST_BIN] = first


def _read_profile(memory: Float64, values: Float64, states: UInt8) -> None:
    """Find the fullest bin, and widen from it until the share is held."""
    whole = 0.0
    fullest = 0
    for n in range(BINS_KEPT):
        whole += memory[BINS + n]
        if memory[BINS + n] > memory[BINS + fullest]:
            fullest = n
    low = fullest
    high = fullest
    held = memory[BINS + fullest]
    while held < _SHARE * whole and (low > 0 or high < BINS_KEPT - 1):
        below = memory[BINS + low - 1] if low > 0 else -1.0
        above = memory[BINS + high + 1] if high < BINS_KEPT - 1 else -1.0
        if above >= below:
            high += 1
            held += above
        else:
            low -= 1
            held += below
    width, first = memory[BIN_WIDTH], memory[LOWEST_BIN]
    loops.tell(values, states, POC, (first + fullest + 0.5) * width)
    loops.tell(values, states, AREA_LOW, (first + low) * width)
    loops.tell(values, states, AREA_HIGH, (first + high + 1.0) * width)


def _flows(x: Float64, count: int, memory: Float64, values: Float64, states: UInt8) -> None:
    """Compute who bought, as averages and as a sum."""
    loops.ema(memory, BOUGHT, x[columns.BUY_VOLUME], count, 20)
    loops.ema(memory, TRADED, x[columns.VOLUME], count, 20)
    memory[DELTA] += 2.0 * x[columns.BUY_VOLUME] - x[columns.VOLUME]
    loops.tell(values, states, CUMULATIVE_DELTA, memory[DELTA])
    if count >= 20:
        if memory[TRADED] > loops.FADED:
            loops.tell(values, states, BUY_RATIO_20, memory[BOUGHT] / memory[TRADED])
        else:
            loops.lack(states, BUY_RATIO_20)
    loops.ema(memory, SHORT, x[columns.VOLUME], count, 12)
    loops.ema(memory, LONG, x[columns.VOLUME], count, 26)
    if count >= 26:
        if memory[LONG] > loops.FADED:
            loops.tell(values, states, PVO, 100.0 * (memory[SHORT] - memory[LONG]) / memory[LONG])
        else:
            loops.lack(states, PVO)


def _lines(x: Float64, count: int, memory: Float64, values: Float64, states: UInt8) -> None:
    """Compute the sums that chartists draw as lines."""
    high, low, close, volume = x[columns.HIGH], x[columns.LOW], x[columns.CLOSE], x[columns.VOLUME]
    if count == 1 or close > x[columns.PREVIOUS]:
        memory[BALANCE] += volume
    elif close < x[columns.PREVIOUS]:
        memory[BALANCE] -= volume
    loops.tell(values, states, OBV, memory[BALANCE])
    if high > low:
        memory[DISTRIBUTION] += ((close - low) - (high - close)) / (high - low) * volume
    loops.tell(values, states, AD, memory[DISTRIBUTION])
    if count == 1:
        memory[FAST] = memory[DISTRIBUTION]
        memory[SLOW] = memory[DISTRIBUTION]
    else:
        memory[FAST] = 0.5 * memory[DISTRIBUTION] + 0.5 * memory[FAST]
        memory[SLOW] = 2.0 / 11.0 * memory[DISTRIBUTION] + (1.0 - 2.0 / 11.0) * memory[SLOW]
    if count >= 10:
        loops.tell(values, states, ADOSC, memory[FAST] - memory[SLOW])


def _indices(x: Float64, count: int, rings: Float64, memory: Float64, values: Float64, states: UInt8) -> None:
    if count == 1:
        memory[NEGATIVE] = _INDEX
        memory[POSITIVE] = _INDEX
    else:
        grown = x[columns.CLOSE] / x[columns.PREVIOUS] - 1.0
        before = loops.back(rings, columns.VOLUMES, columns.VOLUMES_KEPT, count, 1)
        if x[columns.VOLUME] < before:
            memory[NEGATIVE] *= 1.0 + grown
        elif x[columns.VOLUME] > before:
            memory[POSITIVE] *= 1.0 + grown
        memory[TREND] += grown * x[columns.VOLUME]
        loops.ema(memory, PUSH, (x[columns.CLOSE] - x[columns.PREVIOUS]) * x[columns.VOLUME], count - 1, 13)
        loops.tell(values, states, PVT, memory[TREND])
    loops.tell(values, states, NVI, memory[NEGATIVE])
    loops.tell(values, states, PVI, memory[POSITIVE])
    if count >= 14:
        loops.tell(values, states, FORCE, memory[PUSH])


def _typical(rings: Float64, count: int, age: int) -> float:
    high = loops.back(rings, columns.HIGHS, columns.RANGES_KEPT, count, age)
    low = loops.back(rings, columns.LOWS, columns.RANGES_KEPT, count, age)
    return (high + low + loops.back(rings, columns.CLOSES, columns.CLOSES_KEPT, count, age)) / 3.0


def _money(count: int, rings: Float64, values: Float64, states: UInt8) -> None:
    gained = 0.0
    lost = 0.0
    before = _typical(rings, count, 14)
    for age in range(13, -1, -1):
        typical = _typical(rings, count, age)
        flow = typical * loops.back(rings, columns.VOLUMES, columns.VOLUMES_KEPT, count, age)
        change = typical - before
        if change > _SAME * typical:
            gained += flow
        elif change < -_SAME * typical:
            lost += flow
        before = typical
    if gained + lost > 0.0:
        loops.tell(values, states, MFI, 100.0 * (gained / (gained + lost)))
    else:
        loops.lack(states, MFI)


def _ease(count: int, rings: Float64, values: Float64, states: UInt8) -> None:
    found = 0.0
    for age in range(13, -1, -1):
        high = loops.back(rings, columns.HIGHS, columns.RANGES_KEPT, count, age)
        low = loops.back(rings, columns.LOWS, columns.RANGES_KEPT, count, age)
        before = loops.back(rings, columns.HIGHS, columns.RANGES_KEPT, count, age + 1)
        before += loops.back(rings, columns.LOWS, columns.RANGES_KEPT, count, age + 1)
        volume = loops.back(rings, columns.VOLUMES, columns.VOLUMES_KEPT, count, age)
        if volume == 0.0:
            loops.lack(states, EASE)
            return
        found += (high + low - before) / 2.0 * (high - low) / volume
    loops.tell(values, states, EASE, found / 14)


def _windows(x: Float64, count: int, rings: Float64, values: Float64, states: UInt8) -> None:
    """Compute what looks at the last 20 volumes."""
    volume = x[columns.VOLUME]
    mean, deviation = loops.moments(rings, columns.VOLUMES, columns.VOLUMES_KEPT, count, 20)
    loops.tell(values, states, VOLUME_SMA, mean)
    if mean > 0.0:
        loops.tell(values, states, VOLUME_RATIO, volume / mean)
    else:
        loops.lack(states, VOLUME_RATIO)
    if deviation > 0.0:
        loops.tell(values, states, VOLUME_ZSCORE, (volume - mean) / deviation)
    else:
        loops.lack(states, VOLUME_ZSCORE)
    flow = 0.0
    for age in range(19, -1, -1):
        high = loops.back(rings, columns.HIGHS, columns.RANGES_KEPT, count, age)
        low = loops.back(rings, columns.LOWS, columns.RANGES_KEPT, count, age)
        close = loops.back(rings, columns.CLOSES, columns.CLOSES_KEPT, count, age)
        if high > low:
            one = loops.back(rings, columns.VOLUMES, columns.VOLUMES_KEPT, count, age)
            flow += ((close - low) - (high - close)) / (high - low) * one
    if mean > 0.0:
        loops.tell(values, states, CMF, flow / (20 * mean))
    else:
        loops.lack(states, CMF)


def _amihud(count: int, rings: Float64, values: Float64, states: UInt8) -> None:
    found = 0.0
    for age in range(19, -1, -1):
        close = loops.back(rings, columns.CLOSES, columns.CLOSES_KEPT, count, age)
        before = loops.back(rings, columns.CLOSES, columns.CLOSES_KEPT, count, age + 1)
        volume = loops.back(rings, columns.VOLUMES, columns.VOLUMES_KEPT, count, age)
        if volume == 0.0:
            loops.lack(states, AMIHUD)
            return
        found += abs(close / before - 1.0) / (close * volume)
    loops.tell(values, states, AMIHUD, found / 20)
