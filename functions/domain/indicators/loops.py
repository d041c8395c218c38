"""Loops that several families share: rings, averages, moments; plain statements over arrays that also compile.

A ring of length `kept` holds the count-th value at place (count - 1) % kept. An average under way holds the sum of its
seed until it has as many values as its window.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from functions.domain.market import Float64, UInt8

INLINED: Final = ("tell", "lack", "back", "push", "ema", "wilder", "_after", "strength")
"""Functions on the path of every bar: a compiler should not call them."""

COLD: Final = 0
VALID: Final = 1
DEGENERATE: Final = 2

NONE: Final = -1.0
"""Stands for an index that has no value; those that have one are not negative."""
NOTHING: Final = 1e-14
"""TA-Lib's TA_EPSILON: what it takes for no movement at all."""
STILL: Final = 1e-12
"""Share of a price below which an average of movement is no movement: in a still market it only decays, and soon what
rounding leaves of a difference of equal prices (some 1e-15 of them) is many times as much. A tick is some 1e-6."""
FADED: Final = 1e-200
"""Below it an average that only decays loses its digits, and near 5e-324 it stands still: no ratio of two says more."""


def tell(values: Float64, states: UInt8, name: int, value: float) -> None:
    """Give a feature its value; a value that is not finite is none, and the feature is degenerate."""
    if math.isfinite(value):
        values[name] = value
        states[name] = VALID
    else:
        states[name] = DEGENERATE


def lack(states: UInt8, name: int) -> None:
    """Say that a feature has no value though it is warm."""
    states[name] = DEGENERATE


def push(ring: Float64, at: int, kept: int, count: int, value: float) -> None:
    """Write the count-th value into a ring that begins at `at`."""
    ring[at + (count - 1) % kept] = value


def back(ring: Float64, at: int, kept: int, count: int, age: int) -> float:
    """Give the value `age` bars before the count-th; 0 is the count-th itself. The caller knows that it is there."""
    return ring[at + (count - 1 - age) % kept]  # type: ignore[no-any-return]  # numpy types scalars as Any


def ema(memory: Float64, which: int, value: float, count: int, window: int) -> None:
    """Take the count-th value into an average: summed up to the window, its mean there, smoothed by 2/(n+1) behind."""
    if count > window:
        memory[which] += 2.0 / (window + 1) * (value - memory[which])
    else:
        memory[which] += value
        if count == window:
            memory[which] /= window


def wilder(memory: Float64, which: int, value: float, count: int, window: int) -> None:
    """Take the count-th value into one of Wilder's averages: seeded with the mean, smoothed by 1/n behind."""
    if count > window:
        memory[which] = (memory[which] * (window - 1) + value) / window
    else:
        memory[which] += value
        if count == window:
            memory[which] /= window


def _after(place: int, kept: int) -> int:
    """Step to the next place of a ring: a comparison takes a fraction of a division's time."""
    return place + 1 if place + 1 < kept else 0


def total(ring: Float64, at: int, kept: int, count: int, window: int) -> float:
    """Sum the last `window` values, oldest first."""
    found = 0.0
    place = (count - window) % kept
    for _ in range(window):
        found += ring[at + place]
        place = _after(place, kept)
    return found


def weighted(ring: Float64, at: int, kept: int, count: int, window: int, age: int) -> float:
    """Average the `window` values that end `age` bars ago with weights 1, 2, ... n, the newest heaviest."""
    found = 0.0
    place = (count - age - window) % kept
    for n in range(window):
        found += (n + 1) * ring[at + place]
        place = _after(place, kept)
    return found / (window * (window + 1) / 2.0)


def greatest(ring: Float64, at: int, kept: int, count: int, window: int) -> float:
    """Find the greatest of the last `window` values."""
    place = (count - window) % kept
    found = ring[at + place]
    for _ in range(1, window):
        place = _after(place, kept)
        found = max(found, ring[at + place])
    return found  # type: ignore[no-any-return]  # numpy types scalars as Any


def least(ring: Float64, at: int, kept: int, count: int, window: int) -> float:
    """Find the least of the last `window` values."""
    place = (count - window) % kept
    found = ring[at + place]
    for _ in range(1, window):
        place = _after(place, kept)
        found = min(found, ring[at + place])
    return found  # type: ignore[no-any-return]  # numpy types scalars as Any


def moments(ring: Float64, at: int, kept: int, count: int, window: int) -> tuple[float, float]:
    """Compute mean and population deviation of the last `window` values; equal values deviate by exactly 0."""
    oldest = (count - window) % kept
    place = oldest
    fewest = ring[at + place]
    most = fewest
    found = 0.0
    for _ in range(window):
        value = ring[at + place]
        found += value
        fewest = min(fewest, value)
        most = max(most, value)
        place = _after(place, kept)
    if fewest == most:
        return fewest, 0.0
    mean = found / window
    squares = 0.0
    place = oldest
    for _ in range(window):
        away = ring[at + place] - mean
        squares += away * away
        place = _after(place, kept)
    return mean, math.sqrt(squares / window)


def strength(memory: Float64, which: int, change: float, count: int, window: int) -> float:
    """Take the count-th change into Wilder's averages of rises and falls, which stand at `which` and behind it.

    Returns:
        100 rises / (rises + falls), or NONE where there are too few changes or none of them moved.
    """
    wilder(memory, which, max(0.0, change), count, window)
    wilder(memory, which + 1, max(0.0, -change), count, window)
    both = memory[which] + memory[which + 1]
    if count < window or both < NOTHING:
        return NONE
    return 100.0 * (memory[which] / both)  # type: ignore[no-any-return]  # numpy types scalars as Any


def reach(rings: Float64, highs: int, lows: int, kept: int, count: int, age: int, window: int) -> tuple[float, float]:
    """Find the greatest high and the least low of the `window` bars that end `age` bars ago."""
    at = (count - 1 - age) % kept
    high, low = rings[highs + at], rings[lows + at]
    for _ in range(1, window):
        at = at - 1 if at > 0 else kept - 1
        high = max(high, rings[highs + at])
        low = min(low, rings[lows + at])
    return high, low
