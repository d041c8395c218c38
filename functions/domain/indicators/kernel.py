"""Compute every feature of a bar from the bar and what came before: the loop over a batch, and what families are given.

Plain statements over arrays that also compile, as in `functions.domain.bars.kernel`; each family is a kernel of its
own. Windows are summed anew over a ring at each bar, oldest first, so no sum drifts and both forms give the same bits.
Callers go through `fold.py`.

Where TA-Lib has the indicator, seeds and alignment are TA-Lib's (0.8).
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Final

from functions.domain.indicators import (
    book,
    columns,
    direction,
    history,
    loops,
    momentum,
    oscillators,
    statistics,
    trend,
    volatility,
    volume,
)

if TYPE_CHECKING:
    from functions.domain.indicators.layout import Bars, Output, State
    from functions.domain.market import Float64, Int64, UInt8

INLINED: Final = ("_interval", "_price", "_remember")
"""Functions on the path of every bar: a compiler should not call them."""

# Where each family's values and memory end; they stand in the order of the registry.
MOMENTUM: Final = len(momentum.FEATURES)
OSCILLATORS: Final = MOMENTUM + len(oscillators.FEATURES)
TREND: Final = OSCILLATORS + len(trend.FEATURES)
DIRECTION: Final = TREND + len(direction.FEATURES)
VOLATILITY: Final = DIRECTION + len(volatility.FEATURES)
VOLUME: Final = VOLATILITY + len(volume.FEATURES)
STATISTICS: Final = VOLUME + len(statistics.FEATURES)
BOOK: Final = STATISTICS + len(book.FEATURES)
HISTORY: Final = BOOK + len(history.FEATURES)

MOMENTUM_KEPT: Final = columns.RINGS + momentum.MEMORY
OSCILLATORS_KEPT: Final = MOMENTUM_KEPT + oscillators.MEMORY
TREND_KEPT: Final = OSCILLATORS_KEPT + trend.MEMORY
DIRECTION_KEPT: Final = TREND_KEPT + direction.MEMORY
VOLATILITY_KEPT: Final = DIRECTION_KEPT + volatility.MEMORY
VOLUME_KEPT: Final = VOLATILITY_KEPT + volume.MEMORY
STATISTICS_KEPT: Final = VOLUME_KEPT + statistics.MEMORY
BOOK_KEPT: Final = STATISTICS_KEPT + book.MEMORY
MEMORY: Final = BOOK_KEPT + history.MEMORY

INTERVALS_S: Final = (1, 5, 60, 300, 900, 3600, 14_400, 86_400)
INTERVALS: Final = 8
DAY_NS: Final = 86_400_000_000_000

# Columns of counts.
COUNT: Final = 0  # bars since the last reset
LAST_START: Final = 1
DAY: Final = 2
DAY_VOLUME: Final = 3
DAY_HI: Final = 4  # notional, in units of 2**62
DAY_LO: Final = 5  # below 2**62
DAY_LOST: Final = 6  # the day's sums have left their range
DAY_BARS: Final = 7
COUNTS: Final = 8
NO_START: Final = -(1 << 62)

# Columns of a batch.
_INSTRUMENT, _INTERVAL_S, _START, _FINALITY, _OPEN, _HIGH, _LOW, _CLOSE = range(8)
_VOLUME, _BUY_VOLUME, _NOTIONAL_HI, _NOTIONAL_LO, _TRADES = range(8, 13)
_BID_PRICE, _BID_SIZE, _ASK_PRICE, _ASK_SIZE, _BID_DEPTH, _ASK_DEPTH = range(13, 19)
_BID_EDGE, _ASK_EDGE, _OFI, _QUOTES, _FLAGS = range(19, 24)

_FINAL: Final = 2
_QUOTED: Final = 1
_CROSSED: Final = 2
_BOOK_VALID: Final = 4
_SUM_MAX: Final = (1 << 62) - 1
_LOW_62: Final = (1 << 62) - 1
_TWO_62: Final = 4611686018427387904.0
_TWO_64: Final = 18446744073709551616.0


def fold_bars(state: State, output: Output, bars: Bars, mapping: Int64) -> int:
    """Compute a row for each bar that is final for the first time and not out of order.

    Args:
        state: (counts, memory, x): by instrument and interval, and room for the bar at hand.
        output: (picked, values, states): index of each row's bar, and its features.
        bars: Columns of a batch.
        mapping: (instruments, 5) of the batch: place in the state, and the powers of ten a price, then a size, is
            multiplied and divided by, so that a mantissa becomes the nearest float.

    Returns:
        How many rows there are.
    """
    counts, memory, x = state
    picked, values, states = output
    rows = 0
    for n in range(len(bars[_START])):
        place = bars[_INSTRUMENT][n]
        i = mapping[place, 0]
        k = _interval(bars[_INTERVAL_S][n])
        start = bars[_START][n]
        # A bar whose trades may set no price, or no open and close, lacks it, and nothing is computed from it.
        is_priced = bars[_LOW][n] > 0 and bars[_CLOSE][n] > 0
        if bars[_FINALITY][n] != _FINAL or start <= counts[i, k, LAST_START] or not is_priced:
            continue
        counts[i, k, LAST_START] = start
        counts[i, k, COUNT] += 1
        picked[rows] = n
        values[rows, :] = 0.0
        states[rows, :] = loops.COLD
        _read(x, bars, n, mapping[place])
        _session(counts[i, k], x, bars, n, mapping[place])
        _remember(x, counts[i, k, COUNT], memory[i, k])
        _families(x, counts[i, k, COUNT], memory[i, k], values[rows], states[rows])
        rows += 1
    return rows


def forget(state: State) -> None:
    """Make every indicator cold: bars are missing, and an average over a hole is wrong."""
    counts, memory, _ = state
    counts[:, :, COUNT] = 0
    counts[:, :, DAY_LOST] = 1
    memory[:, :, :] = 0.0


def _families(x: Float64, count: int, memory: Float64, values: Float64, states: UInt8) -> None:
    rings = memory[: columns.RINGS]
    own = memory[columns.RINGS : MOMENTUM_KEPT]
    momentum.update(x, count, rings, own, values[:MOMENTUM], states[:MOMENTUM])
    own = memory[MOMENTUM_KEPT:OSCILLATORS_KEPT]
    oscillators.update(x, count, rings, own, values[MOMENTUM:OSCILLATORS], states[MOMENTUM:OSCILLATORS])
    own = memory[OSCILLATORS_KEPT:TREND_KEPT]
    trend.update(x, count, rings, own, values[OSCILLATORS:TREND], states[OSCILLATORS:TREND])
    own = memory[TREND_KEPT:DIRECTION_KEPT]
    direction.update(x, count, rings, own, values[TREND:DIRECTION], states[TREND:DIRECTION])
    own = memory[DIRECTION_KEPT:VOLATILITY_KEPT]
    volatility.update(x, count, rings, own, values[DIRECTION:VOLATILITY], states[DIRECTION:VOLATILITY])
    own = memory[VOLATILITY_KEPT:VOLUME_KEPT]
    volume.update(x, count, rings, own, values[VOLATILITY:VOLUME], states[VOLATILITY:VOLUME])
    own = memory[VOLUME_KEPT:STATISTICS_KEPT]
    statistics.update(x, count, rings, own, values[VOLUME:STATISTICS], states[VOLUME:STATISTICS])
    own = memory[STATISTICS_KEPT:BOOK_KEPT]
    book.update(x, count, rings, own, values[STATISTICS:BOOK], states[STATISTICS:BOOK])
    own = memory[BOOK_KEPT:MEMORY]
    history.update(x, count, rings, own, values[BOOK:HISTORY], states[BOOK:HISTORY])


def _interval(seconds: int) -> int:
    for k in range(INTERVALS):
        if INTERVALS_S[k] == seconds:
            return k
    return -1


def _price(mantissa: int, up: int, down: int) -> float:
    return float(mantissa) * float(up) / float(down)


def _read(x: Float64, bars: Bars, n: int, scale: Int64) -> None:
    """Lay out a bar as floats; what a market flag does not vouch for says nothing."""
    up, down, size_up, size_down = scale[1], scale[2], scale[3], scale[4]
    x[columns.OPEN] = _price(bars[_OPEN][n], up, down)
    x[columns.HIGH] = _price(bars[_HIGH][n], up, down)
    x[columns.LOW] = _price(bars[_LOW][n], up, down)
    x[columns.CLOSE] = _price(bars[_CLOSE][n], up, down)
    x[columns.VOLUME] = _price(bars[_VOLUME][n], size_up, size_down)
    x[columns.BUY_VOLUME] = _price(bars[_BUY_VOLUME][n], size_up, size_down)
    low = float((bars[_NOTIONAL_LO][n] >> 1) & _SUM_MAX) * 2.0 + float(bars[_NOTIONAL_LO][n] & 1)
    if bars[_NOTIONAL_LO][n] < 0:
        low += _TWO_64 / 2.0
    notional = float(bars[_NOTIONAL_HI][n]) * _TWO_64 + low
    x[columns.NOTIONAL] = notional * float(up) / float(down) * float(size_up) / float(size_down)
    x[columns.TRADES] = float(bars[_TRADES][n])
    flags = bars[_FLAGS][n]
    bid, ask = bars[_BID_PRICE][n], bars[_ASK_PRICE][n]
    good = flags & _QUOTED != 0 and flags & _CROSSED == 0 and bid > 0 and ask > 0
    x[columns.QUOTED] = 1.0 if good else 0.0
    x[columns.CROSSED] = 1.0 if flags & _QUOTED != 0 and not good else 0.0
    x[columns.BID] = _price(bid, up, down)
    x[columns.ASK] = _price(ask, up, down)
    x[columns.BID_SIZE] = _price(bars[_BID_SIZE][n], size_up, size_down)
    x[columns.ASK_SIZE] = _price(bars[_ASK_SIZE][n], size_up, size_down)
    x[columns.BOOK_VALID] = 1.0 if flags & _BOOK_VALID != 0 else 0.0
    x[columns.BID_DEPTH] = _price(bars[_BID_DEPTH][n], size_up, size_down)
    x[columns.ASK_DEPTH] = _price(bars[_ASK_DEPTH][n], size_up, size_down)
    x[columns.BID_EDGE] = _price(bars[_BID_EDGE][n], up, down)
    x[columns.ASK_EDGE] = _price(bars[_ASK_EDGE][n], up, down)
    x[columns.OFI] = _price(bars[_OFI][n], size_up, size_down)
    x[columns.QUOTES] = float(bars[_QUOTES][n])
    x[columns.PRICE_UNIT] = float(up) / float(down)


def _remember(x: Float64, count: int, memory: Float64) -> None:
    """Put a bar and its log return into the rings, and find the close before it."""
    previous = loops.back(memory, columns.CLOSES, columns.CLOSES_KEPT, count, 1)
    x[columns.PREVIOUS] = previous if count > 1 else 0.0
    moved = x[columns.CLOSE] > 0.0 and x[columns.PREVIOUS] > 0.0
    latest = math.log(x[columns.CLOSE] / x[columns.PREVIOUS]) if moved else 0.0
    loops.push(memory, columns.RETURNS, columns.RETURNS_KEPT, count, latest)
    loops.push(memory, columns.CLOSES, columns.CLOSES_KEPT, count, x[columns.CLOSE])
    loops.push(memory, columns.HIGHS, columns.RANGES_KEPT, count, x[columns.HIGH])
    loops.push(memory, columns.LOWS, columns.RANGES_KEPT, count, x[columns.LOW])
    loops.push(memory, columns.VOLUMES, columns.VOLUMES_KEPT, count, x[columns.VOLUME])


def _session(counts: Int64, x: Float64, bars: Bars, n: int, scale: Int64) -> None:
    """Compute the average price since UTC midnight from exact sums; none while a day's sums are incomplete."""
    day = bars[_START][n] // DAY_NS
    if day != counts[DAY] or counts[DAY_VOLUME] == 0:
        # After a hole the rest of the day has no average; a day that begins behind it, so behind a bar there, has.
        counts[DAY_LOST] = counts[DAY_LOST] if day == counts[DAY] or counts[COUNT] == 1 else 0
        counts[DAY] = day
        counts[DAY_VOLUME] = 0
        counts[DAY_HI] = 0
        counts[DAY_LO] = 0
        counts[DAY_BARS] = 0
    counts[DAY_BARS] += 1
    volume = bars[_VOLUME][n]
    low = counts[DAY_LO] + (bars[_NOTIONAL_LO][n] & _LOW_62)
    high = counts[DAY_HI] + ((bars[_NOTIONAL_HI][n] << 2) | ((bars[_NOTIONAL_LO][n] >> 62) & 3))
    if counts[DAY_VOLUME] > _SUM_MAX - volume or high < 0 or high >= _SUM_MAX:
        counts[DAY_LOST] = 1
    x[columns.SESSION_KNOWN] = 0.0
    x[columns.SESSION_BARS] = float(counts[DAY_BARS])
    if counts[DAY_LOST] == 0:
        counts[DAY_VOLUME] += volume
        counts[DAY_LO] = low & _LOW_62
        counts[DAY_HI] = high + (low >> 62)
        notional = float(counts[DAY_HI]) * _TWO_62 + float(counts[DAY_LO])
        if counts[DAY_VOLUME] > 0:
            x[columns.SESSION_KNOWN] = 1.0
            x[columns.SESSION_VWAP] = notional / float(counts[DAY_VOLUME]) * float(scale[1]) / float(scale[2])
