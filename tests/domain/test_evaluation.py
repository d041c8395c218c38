"""Windows of a walk forward never touch, and the measures of forecasts are what their formulas say."""

import doctest
import math

import numpy as np
import pytest
from counts import examples
from hypothesis import given, settings
from hypothesis import strategies as st

from functions.domain import evaluation
from functions.domain.evaluation import (
    brier,
    coverage,
    diebold_mariano,
    hit_rate,
    mase,
    murphy,
    reliability,
    walk_forward,
)
from functions.domain.market import Float64

QUICK = settings(max_examples=examples(1000), deadline=None)
RETURNS = st.lists(st.floats(-10, 10), min_size=1, max_size=60).map(np.array)


@st.composite
def events(draw: st.DrawFn) -> tuple[Float64, Float64]:
    """Draw probabilities and what happened."""
    n = draw(st.integers(1, 60))
    p = draw(st.lists(st.floats(0, 1), min_size=n, max_size=n))
    y = draw(st.lists(st.sampled_from([0.0, 1.0]), min_size=n, max_size=n))
    return np.array(p), np.array(y)


def test_examples() -> None:
    """The examples in the docstrings hold."""
    assert doctest.testmod(evaluation).failed == 0


@QUICK
@given(n=st.integers(0, 400), folds=st.integers(1, 6), horizon=st.integers(0, 30), embargo=st.integers(0, 30))
def test_windows_never_touch(n: int, folds: int, horizon: int, embargo: int) -> None:
    """No outcome of training and no input of a test reaches the other, and tests tile the rest once; or it says why."""
    try:
        splits = walk_forward(n, folds, horizon=horizon, embargo=embargo)
    except ValueError as error:
        assert "leave none to train on" in str(error)  # noqa: PT017 - either way is right, for different sizes
        return
    assert all(train.max() + horizon + embargo < test.min() for train, test in splits)
    tests = np.concatenate([test for _, test in splits])
    assert tests.tolist() == list(range(int(tests[0]), n))
    assert len(splits) == folds
    assert all(train.tolist() == list(range(len(train))) for train, _ in splits)


@pytest.mark.parametrize(("folds", "horizon", "embargo"), [(0, 1, 1), (2, -1, 0), (2, 0, -1)])
def test_no_such_split(folds: int, horizon: int, embargo: int) -> None:
    """Folds and bars below their least are refused."""
    with pytest.raises(ValueError, match="no such split"):
        walk_forward(100, folds, horizon=horizon, embargo=embargo)


@QUICK
@given(RETURNS)
def test_persistence_is_1(actual: Float64) -> None:
    """The naive forecast beside itself is 1, whatever came; a perfect one is 0 beside one that errs."""
    naive = np.zeros(len(actual))
    assert mase(actual, naive, naive) == 1.0
    assert mase(actual, actual, actual + 1.0) == 0.0


def test_naive_without_error() -> None:
    """An error beside none is infinite."""
    assert mase(np.zeros(2), np.ones(2), np.zeros(2)) == math.inf


@QUICK
@given(RETURNS, st.floats(0, 5))
def test_coverage_counts(actual: Float64, radius: float) -> None:
    """Coverage is the exact share within; edges belong to an interval, and one that is turned round holds nothing."""
    zero = np.zeros(len(actual))
    assert coverage(actual, zero - radius, zero + radius) == sum(abs(one) <= radius for one in actual) / len(actual)
    assert coverage(actual, actual, actual) == 1.0
    assert coverage(actual, actual + 1.0, actual - 1.0) == 0.0


def test_hit_rate() -> None:
    """Signs are compared where there are two; where there are none nothing is known."""
    assert hit_rate(np.array([1.0, -1.0, 2.0, 0.0, 3.0]), np.array([1.0, 1.0, 1.0, 1.0, 0.0])) == (2 / 3, 3)
    assert hit_rate(np.ones(2), np.zeros(2)) == (0.5, 0)


@QUICK
@given(events(), st.integers(1, 20))
def test_murphy_sums(pairs: tuple[Float64, Float64], bins: int) -> None:
    """The parts sum to the Brier score, for any forecasts and bins, and none but `within` is negative."""
    parts = murphy(*pairs, bins=bins)
    total = parts.reliability - parts.resolution + parts.uncertainty + parts.within
    assert total == pytest.approx(brier(*pairs), abs=1e-12)
    assert min(parts.reliability, parts.resolution, parts.uncertainty) >= 0.0


@QUICK
@given(events(), st.integers(1, 20))
def test_reliability_counts(pairs: tuple[Float64, Float64], bins: int) -> None:
    """Every row is in one bin, means weigh back to the whole, and the interval holds what was observed."""
    curve = reliability(*pairs, bins=bins)
    assert curve.count.sum() == len(pairs[0])
    assert (curve.count @ curve.forecast, curve.count @ curve.observed) == pytest.approx(tuple(map(np.sum, pairs)))
    assert ((curve.low <= curve.observed + 1e-12) & (curve.observed <= curve.high + 1e-12)).all()


def test_climate_has_no_resolution() -> None:
    """Who always says the share that happens is reliable and resolves nothing."""
    parts = murphy(np.full(4, 0.25), np.array([1.0, 0.0, 0.0, 0.0]))
    assert (parts.reliability, parts.resolution, parts.uncertainty, parts.within) == (0.0, 0.0, 0.1875, 0.0)


def test_skill_is_significant() -> None:
    """Smaller losses give a negative statistic; correlated differences count for less; equal ones give 0."""
    rng = np.random.default_rng(3)
    baseline = rng.random(500)
    better = baseline - 0.1 + 0.3 * np.repeat(rng.standard_normal(100), 5)
    assert diebold_mariano(better, baseline, lags=0) < diebold_mariano(better, baseline, lags=4) < 0.0
    assert diebold_mariano(baseline, better, lags=4) == -diebold_mariano(better, baseline, lags=4)
    assert diebold_mariano(baseline, baseline, lags=4) == 0.0


@pytest.mark.parametrize(
    ("p", "y", "message"),
    [
        ([], [], "at least 1"),
        ([0.5], [1.0, 0.0], "equal length"),
        ([math.nan], [1.0], "not a finite number"),
        ([1.1], [1.0], "between 0 and 1"),
        ([0.5], [0.5], "1 or 0"),
    ],
)
def test_refusals(p: list[float], y: list[float], message: str) -> None:
    """What cannot be measured is refused with what was found."""
    with pytest.raises(ValueError, match=message):
        brier(np.array(p), np.array(y))
