"""Measure forecasts honestly: windows that do not touch, errors beside a baseline's, coverage and calibration.

Pure functions over arrays of equal length (n,), n at least 1, finite; whatever else raises ValueError. An evaluation is
told as `Line`s, the baselines beside the model.
"""

from dataclasses import dataclass
from typing import Final, TypeAlias

import numpy as np
from numpy.typing import NDArray

from functions.domain.market import Float64, Int64

Split: TypeAlias = tuple[Int64, Int64]

WILSON_Z: Final = 1.959964
"""Two-sided 95 % of the normal distribution."""


@dataclass(frozen=True, slots=True)
class Line:
    """Hold one row of an evaluation's table.

    Args:
        part: What was measured on; rows of one part stand together and have the same figures.
        scorer: Who was measured: the model, or the name of a baseline.
        figures: Names and values, in the order of the columns.
    """

    part: str
    scorer: str
    figures: tuple[tuple[str, float], ...]


@dataclass(frozen=True, slots=True)
class Murphy:
    """Hold the parts of a Brier score: reliability - resolution + uncertainty + within.

    Args:
        reliability: How far the forecasts of a bin are from what happened, squared; 0 is best.
        resolution: How far what happened in a bin is from what happens at large, squared; more is better.
        uncertainty: Variance of the event itself; no forecast changes it.
        within: What the forecasts of one bin differ by: variance less twice the covariance with the event.
    """

    reliability: float
    resolution: float
    uncertainty: float
    within: float


@dataclass(frozen=True, slots=True, eq=False)
class Reliability:
    """Hold a reliability curve of k bins that are not empty; `low` to `high` is the 95 % interval of `observed`."""

    forecast: Float64  # (k,) mean probability
    observed: Float64  # (k,) share that happened
    count: Int64  # (k,)
    low: Float64
    high: Float64


def walk_forward(n: int, folds: int, *, horizon: int, embargo: int) -> tuple[Split, ...]:
    """Split rows in time order into windows to train on and windows to test on, each test after its training.

    The rows are cut into `folds` + 1 equal blocks; each block but the first is tested on once, after training on what
    lies before it, less the purge (rows whose outcome reaches into the test) and the embargo.

    Args:
        n: Rows, one a bar; row t is about bars t + 1 to t + horizon.
        folds: How many tests there are, at least 1.
        horizon: Bars until a row's outcome is known.
        embargo: Bars left out besides: how far a row's inputs look back.

    Returns:
        (train, test) indices for each fold; t + horizon + embargo < min(test) for each t to train on.

    Raises:
        ValueError: There are too few rows to train before the first test.

    Source:
        López de Prado, Advances in Financial Machine Learning (2018), chapter 7.

    >>> walk_forward(6, 2, horizon=1, embargo=0)
    ((array([0]), array([2, 3])), (array([0, 1, 2]), array([4, 5])))
    """
    if folds < 1 or min(horizon, embargo) < 0:
        msg = f"{folds} folds, horizon {horizon}, embargo {embargo}: there is no such split"
        raise ValueError(msg)
    bounds = np.linspace(0, n, folds + 2).astype(np.int64)
    splits = []
    for begin, end in zip(bounds[1:-1].tolist(), bounds[2:].tolist(), strict=True):
        last = begin - horizon - embargo
        if last < 1 or end <= begin:
            msg = f"{n} rows in {folds} folds leave none to train on {horizon + embargo} bars before row {begin}"
            raise ValueError(msg)
        splits.append((np.arange(last), np.arange(begin, end)))
    return tuple(splits)


def mase(actual: Float64, forecast: Float64, naive: Float64) -> float:
    """Divide the mean absolute error by that of a naive forecast of the same rows; below 1 is better than naive.

    Returns:
        The ratio; 1 where neither errs, infinity where only the naive forecast is without error.

    Source:
        Hyndman, Koehler, Int. J. Forecasting 22 (2006); the scale is taken on the same rows, out of sample.

    >>> mase(np.array([1.0, -2.0]), np.array([0.5, -2.0]), np.zeros(2))
    0.16666666666666666
    """
    _check(actual, forecast, naive)
    error, scale = float(np.abs(actual - forecast).mean()), float(np.abs(actual - naive).mean())
    if scale == 0.0:
        return 1.0 if error == 0.0 else float("inf")
    return error / scale


def coverage(actual: Float64, low: Float64, high: Float64) -> float:
    """Give the share of rows that lie in their closed interval.

    >>> coverage(np.array([1.0, 2.0, 3.0]), np.array([1.0, 0.0, 4.0]), np.array([1.0, 3.0, 5.0]))
    0.6666666666666666
    """
    _check(actual, low, high)
    return float(((low <= actual) & (actual <= high)).mean())


def hit_rate(actual: Float64, forecast: Float64) -> tuple[float, int]:
    """Give the share of rows whose sign was forecast, and of how many: those where neither is zero (0 of none: 0.5).

    >>> hit_rate(np.array([1.0, -1.0, 0.0]), np.array([0.1, 0.1, 0.1]))
    (0.5, 2)
    """
    _check(actual, forecast)
    counted = (actual != 0.0) & (forecast != 0.0)
    count = int(counted.sum())
    return (float((np.sign(actual) == np.sign(forecast))[counted].mean()) if count else 0.5), count


def diebold_mariano(loss: Float64, baseline: Float64, *, lags: int) -> float:
    """Test whether a forecast's losses are smaller than a baseline's: below -1.96 they are, at the 5 % level.

    Args:
        loss: Losses of the forecast in time order (n,).
        baseline: Losses of the baseline at the same times (n,).
        lags: Neighbours whose losses are correlated: the horizon less one.

    Returns:
        Mean difference over its standard error (Bartlett weights); 0 where the losses do not differ.

    Source:
        Diebold, Mariano, J. Business & Economic Statistics 13 (1995); Newey, West, Econometrica 55 (1987).

    >>> diebold_mariano(np.array([1.0, 2.0, 1.0]), np.array([1.0, 2.0, 1.0]), lags=0)
    0.0
    """
    _check(loss, baseline)
    difference = loss - baseline
    centred = difference - difference.mean()
    variance = float(centred @ centred)
    for lag in range(1, min(lags, len(loss) - 1) + 1):
        variance += 2.0 * (1.0 - lag / (lags + 1.0)) * float(centred[lag:] @ centred[:-lag])
    if variance <= 0.0:
        return 0.0
    return float(difference.mean() * len(loss) / np.sqrt(variance))


def brier(p: Float64, y: Float64) -> float:
    """Give the mean squared distance of probabilities from what happened (1 or 0).

    >>> brier(np.array([1.0, 0.5]), np.array([1.0, 0.0]))
    0.125
    """
    _check_event(p, y)
    return float(np.square(p - y).mean())


def murphy(p: Float64, y: Float64, *, bins: int = 10) -> Murphy:
    """Take a Brier score apart over bins of equal width; the parts sum to it exactly, `within` included.

    Source:
        Murphy, J. Applied Meteorology 12 (1973); Stephenson, Coelho, Jolliffe, Weather and Forecasting 23 (2008) for
        what bins leave within.

    >>> murphy(np.array([0.0, 0.0, 1.0, 1.0]), np.array([0.0, 0.0, 1.0, 0.0]))
    Murphy(reliability=0.125, resolution=0.0625, uncertainty=0.1875, within=0.0)
    """
    _check_event(p, y)
    place, count = _binned(p, bins)
    mean_p, mean_y = (np.bincount(place, column) / count for column in (p, y))
    climate = float(y.mean())
    apart = p - mean_p[place]
    return Murphy(
        reliability=float((count * np.square(mean_p - mean_y)).sum() / len(p)),
        resolution=float((count * np.square(mean_y - climate)).sum() / len(p)),
        uncertainty=climate * (1.0 - climate),
        within=float((np.square(apart) - 2.0 * apart * (y - mean_y[place])).mean()),
    )


def reliability(p: Float64, y: Float64, *, bins: int = 10) -> Reliability:
    """Draw the reliability curve: what happened beside what was said, over bins of equal width.

    Source:
        Wilson, J. American Statistical Association 22 (1927) for the interval; it takes rows for independent.

    >>> reliability(np.array([0.1, 0.1, 0.9]), np.array([0.0, 1.0, 1.0])).observed
    array([0.5, 1. ])
    """
    _check_event(p, y)
    place, count = _binned(p, bins)
    forecast, observed = (np.bincount(place, column) / count for column in (p, y))
    square = WILSON_Z**2
    centre = (observed + square / (2.0 * count)) / (1.0 + square / count)
    spread = observed * (1.0 - observed) / count + square / (4.0 * np.square(count))
    half = WILSON_Z / (1.0 + square / count) * np.sqrt(spread)
    return Reliability(forecast, observed, count, np.maximum(centre - half, 0.0), np.minimum(centre + half, 1.0))


def _binned(p: Float64, bins: int) -> tuple[NDArray[np.intp], Int64]:
    """Number the bins that hold something from 0 on; give each row's, and the counts."""
    _, place, count = np.unique(
        np.minimum((p * bins).astype(np.int64), bins - 1), return_inverse=True, return_counts=True
    )
    return place, count.astype(np.int64)


def _check_event(p: Float64, y: Float64) -> None:
    _check(p, y)
    if not (((p >= 0.0) & (p <= 1.0)).all() and np.isin(y, (0.0, 1.0)).all()):
        msg = "probabilities lie between 0 and 1, and an event is 1 or 0"
        raise ValueError(msg)


def _check(*columns: Float64) -> None:
    shapes = {column.shape for column in columns}
    if len(shapes) != 1 or columns[0].ndim != 1 or not len(columns[0]):
        msg = f"columns of equal length, at least 1, are compared; these have shapes {sorted(shapes)}"
        raise ValueError(msg)
    if not all(np.isfinite(column).all() for column in columns):
        msg = "a value is not a finite number"
        raise ValueError(msg)
