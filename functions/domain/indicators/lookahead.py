"""Find features that know the future: whatever happens behind a bar, what was said up to it must stay the same.

A feature is computed over a whole series, over the series cut at t, and over the series with everything behind t
replaced. Its values and states up to t must be the same bits each time.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, fields, replace
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

from functions.domain.market import BarBatch, Int64

Compute: TypeAlias = Callable[[BarBatch], "Computed"]


@dataclass(frozen=True, slots=True)
class Computed:
    """Hold what was computed for n bars: names of f columns, their values (n, f), and states (n, f)."""

    names: tuple[str, ...]
    values: NDArray[np.float64]
    states: NDArray[np.uint8]


@dataclass(frozen=True, slots=True, order=True)
class Leak:
    """Say that a feature's value of a row changed with what came behind the cut."""

    name: str
    row: int
    cut: int


def find_leaks(compute: Compute, bars: BarBatch, *, cuts: Sequence[int], draw: np.random.Generator) -> tuple[Leak, ...]:
    """Find the features whose values up to a cut depend on what is behind it.

    Args:
        compute: What is looked at: gives one row for each bar, from the first on.
        bars: n final bars of one instrument and interval, in order.
        cuts: Numbers of bars that are kept, each below n.
        draw: Gives the prices, volumes, quotes and flows that take the place of what is behind a cut.

    Returns:
        For each feature that leaks the earliest row that changed, by name; empty when none does.

    Raises:
        ValueError: There are no cuts, or one is outside the series.
    """
    if not cuts or min(cuts) < 1 or max(cuts) >= len(bars.start_ns):
        message = f"cuts {list(cuts)} of {len(bars.start_ns)} bars, expected some from 1 to {len(bars.start_ns) - 1}"
        raise ValueError(message)
    whole = compute(bars)
    found: dict[str, Leak] = {}
    for cut in cuts:
        for other in (_first(bars, cut), _otherwise(bars, cut, draw)):
            for leak in _differences(whole, compute(other), cut):
                found[leak.name] = min(leak, found.get(leak.name, leak))
    return tuple(found[name] for name in sorted(found))


def _differences(whole: Computed, other: Computed, cut: int) -> list[Leak]:
    one, two = whole.values[:cut].view(np.int64), np.ascontiguousarray(other.values[:cut]).view(np.int64)
    differs = (one != two) | (whole.states[:cut] != other.states[:cut])
    return [
        Leak(whole.names[column], int(np.flatnonzero(differs[:, column])[0]), cut)
        for column in np.flatnonzero(differs.any(axis=0)).tolist()
    ]


def _first(bars: BarBatch, cut: int) -> BarBatch:
    """Keep the first bars of a batch."""
    columns: dict[str, Any] = {
        column.name: getattr(bars, column.name)[:cut]
        for column in fields(bars)
        if isinstance(getattr(bars, column.name), np.ndarray)
    }
    return replace(bars, **columns)


def _otherwise(bars: BarBatch, cut: int, draw: np.random.Generator) -> BarBatch:
    """Keep the first bars, and let another market follow: other prices, volumes, sides, quotes and flows."""
    behind = len(bars.start_ns) - cut
    close = np.maximum(np.cumsum(draw.integers(-300, 301, behind)) + 2 * bars.close[cut - 1], 1_000)
    high, low = close + draw.integers(0, 300, behind), close - draw.integers(0, 300, behind)
    volume = draw.integers(1, 3 * max(int(bars.volume[:cut].max()), 2), behind)
    notional = close * volume
    columns: dict[str, Int64] = {
        "open": draw.integers(low, high + 1),
        "high": high,
        "low": low,
        "close": close,
        "volume": volume,
        "buy_volume": draw.integers(0, volume + 1),
        "notional_hi": np.zeros(behind, np.int64),
        "notional_lo": notional.astype(np.uint64),
        "trades": draw.integers(1, 1000, behind),
        "bid_price": close - 1,
        "ask_price": close + draw.integers(1, 50, behind),
        "bid_size": draw.integers(1, 100_000, behind),
        "ask_size": draw.integers(1, 100_000, behind),
        "bid_depth": draw.integers(1, 1_000_000, behind),
        "ask_depth": draw.integers(1, 1_000_000, behind),
        "bid_edge": close - draw.integers(2, 90, behind),
        "ask_edge": close + draw.integers(51, 190, behind),
        "ofi": draw.integers(-100_000, 100_001, behind),
        "quotes": draw.integers(0, 1000, behind),
    }
    replaced: dict[str, Any] = {name: _behind(getattr(bars, name), column, cut) for name, column in columns.items()}
    return replace(bars, **replaced)


def _behind(column: NDArray[np.generic], other: Int64, cut: int) -> NDArray[np.generic]:
    return np.concatenate([column[:cut], other.astype(column.dtype)])
