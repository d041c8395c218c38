"""No feature knows the future, and the gate that says so notices each of ten that do."""

from collections.abc import Callable

import numpy as np
import pytest
from featured import lively, run

from functions.domain.indicators.lookahead import Computed, find_leaks
from functions.domain.market import BarBatch, Float64

DRAW = np.random.default_rng(1)
CUTS = (30, 40, 80, 81, 130, 199)


def features(bars: BarBatch) -> Computed:
    """Compute every feature there is."""
    columns = run(bars).columns
    return Computed(columns.names, columns.values, columns.states)


def column_of(formula: Callable[[Float64, BarBatch], Float64]) -> Callable[[BarBatch], Computed]:
    """Make a feature of a formula over all closes at once, as research code has it."""

    def compute(bars: BarBatch) -> Computed:
        values = np.nan_to_num(formula(bars.close / 100.0, bars)).reshape(-1, 1)
        return Computed(("suspect",), np.ascontiguousarray(values), np.ones(values.shape, np.uint8))

    return compute


def shifted(values: Float64, by: int) -> Float64:
    """Move values towards the past by so many bars; the last ones stay without."""
    moved = np.full(len(values), np.nan)
    moved[: len(values) - by] = values[by:]
    return moved


def smoothed(values: Float64) -> Float64:
    """Run an average over values, oldest first."""
    found = values.copy()
    for n in range(1, len(values)):
        found[n] = found[n - 1] + 0.2 * (values[n] - found[n - 1])
    return found


LEAKS: dict[str, Callable[[Float64, BarBatch], Float64]] = {
    "next return": lambda close, _: shifted(close, 1) / close - 1.0,
    "chikou span": lambda close, _: shifted(close, 26),
    "centred average": lambda close, _: np.convolve(close, np.ones(5) / 5, "same"),
    "z-score of the whole sample": lambda close, _: (close - close.mean()) / close.std(),
    "scaled to the whole range": lambda close, _: (close - close.min()) / (close.max() - close.min()),
    "rank in the whole sample": lambda close, _: np.argsort(np.argsort(close)) / len(close),
    "filtered forwards and backwards": lambda close, _: smoothed(smoothed(close)[::-1])[::-1],
    "session total": lambda close, bars: np.full(len(close), float(bars.volume.sum())),
    "hour shown at its start": lambda close, _: (
        np.repeat(close[59::60], 60)[: len(close)] if len(close) >= 60 else close
    ),
    "detrended by a line through all": lambda close, _: (
        close - np.polyval(np.polyfit(np.arange(len(close)), close, 1), np.arange(len(close)))
        if len(close) > 1
        else close
    ),
    "pivot that repaints": lambda close, _: (close >= np.fmax(shifted(close, 1), shifted(close, 2))).astype(np.float64),
    "filled backwards": lambda close, bars: np.where(bars.volume % 3 == 0, shifted(close, 1), close),
}

CLEAN: dict[str, Callable[[Float64, BarBatch], Float64]] = {
    "return": lambda close, _: np.concatenate([[0.0], close[1:] / close[:-1] - 1.0]),
    "average": lambda close, _: np.convolve(close, np.ones(5) / 5)[: len(close)],
    "running maximum": lambda close, _: np.maximum.accumulate(close),
    "filtered": lambda close, _: smoothed(close),
    "expanding mean": lambda close, _: np.cumsum(close) / np.arange(1, len(close) + 1),
}


def padded(formula: Callable[[Float64, BarBatch], Float64]) -> Callable[[Float64, BarBatch], Float64]:
    """Give a formula's values for every bar, none where it has too few."""

    def compute(close: Float64, bars: BarBatch) -> Float64:
        found = formula(close, bars)
        return np.concatenate([found, np.zeros(len(close) - len(found))])

    return compute


@pytest.mark.parametrize("name", LEAKS)
def test_leaks_are_caught(name: str) -> None:
    """Each seeded look into the future is noticed."""
    leaks = find_leaks(column_of(padded(LEAKS[name])), lively(1, 200), cuts=CUTS, draw=DRAW)
    assert [leak.name for leak in leaks] == ["suspect"]


@pytest.mark.parametrize("name", CLEAN)
def test_clean_ones_pass(name: str) -> None:
    """A formula over the past alone is never flagged."""
    assert find_leaks(column_of(padded(CLEAN[name])), lively(2, 200), cuts=CUTS, draw=DRAW) == ()


@pytest.mark.parametrize("seed", range(3))
def test_no_feature_knows_the_future(seed: int) -> None:
    """Every feature's values and states up to t stay when the series is cut at t or goes on otherwise."""
    assert find_leaks(features, lively(seed, 200), cuts=CUTS, draw=DRAW) == ()


def test_cuts_are_within_the_series() -> None:
    """A cut that leaves nothing to look at is refused."""
    for cuts in ((), (0,), (200,)):
        with pytest.raises(ValueError, match="cuts"):
            find_leaks(features, lively(1, 200), cuts=cuts, draw=DRAW)
