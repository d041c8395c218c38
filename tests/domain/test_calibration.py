"""Intervals hold what they say they hold, and probabilities say what happens."""

import doctest
import math

import numpy as np
import pytest
from counts import examples
from hypothesis import given, settings
from hypothesis import strategies as st

from functions.domain import calibration
from functions.domain.calibration import conformal_radius, decay, platt

QUICK = settings(max_examples=examples(1000), deadline=None)


def test_examples() -> None:
    """The examples in the docstrings hold."""
    assert doctest.testmod(calibration).failed == 0


@QUICK
@given(st.lists(st.floats(0, 1e6), min_size=1, max_size=80), st.floats(0.01, 0.99))
def test_radius_is_the_rank(errors: list[float], level: float) -> None:
    """Without weights the radius is the error of rank level * (n + 1), rounded up; beyond n there is none."""
    rank = math.ceil(level * (len(errors) + 1) - 1e-9)
    expected = sorted(errors)[rank - 1] if rank <= len(errors) else math.inf
    assert conformal_radius(np.array(errors), level) == expected


@QUICK
@given(st.integers(0, 10_000), st.sampled_from([0.5, 0.8, 0.95]))
def test_coverage_is_the_level(seed: int, level: float) -> None:
    """Over many new outcomes of the same kind the radius holds the level, within five standard errors."""
    rng = np.random.default_rng(seed)
    known, new = rng.standard_t(3, size=(2, 2000))
    held = np.abs(new) <= conformal_radius(np.abs(known), level)
    assert abs(held.mean() - level) < 5.0 * math.sqrt(2.0 * level * (1.0 - level) / 2000)


def test_newer_errors_weigh_more() -> None:
    """After a change of scale decaying weights forget the old one."""
    errors = np.concatenate([np.full(500, 9.0), np.linspace(0.0, 1.0, 100)])
    assert conformal_radius(errors, 0.8) == 9.0
    assert conformal_radius(errors, 0.8, decay(600, 20.0)) < 1.0


@QUICK
@given(st.integers(0, 10_000), st.floats(-2, 2), st.floats(-1, 1))
def test_platt_finds_the_line(seed: int, slope: float, offset: float) -> None:
    """Events drawn from a logistic line give that line back, within what their number allows."""
    rng = np.random.default_rng(seed)
    scores = rng.standard_normal(4000)
    happened = (rng.random(4000) < 1.0 / (1.0 + np.exp(-(slope * scores + offset)))).astype(np.float64)
    assert platt(scores, happened) == pytest.approx((slope, offset), abs=0.35)


@QUICK
@given(st.integers(0, 10_000), st.sampled_from([-1000.0, -20.0, 0.0, 5.0, 100.0]), st.floats(-5, 5))
def test_platt_finds_the_line_anywhere(seed: int, place: float, slope: float) -> None:
    """Scores that lie far from 0 beside their spread, outliers among them, are fitted as those around 0 are."""
    rng = np.random.default_rng(seed)
    scores = rng.standard_t(3, 200)
    happened = (rng.random(200) < 1.0 / (1.0 + np.exp(-slope * scores))).astype(np.float64)
    a, b = platt(scores, happened)
    assert platt(scores + place, happened) == pytest.approx((a, b - a * place), rel=1e-4, abs=1e-4)


def test_platt_of_one_kind() -> None:
    """Where everything happened the probability stays below 1; scores of any size do no harm."""
    a, b = platt(np.array([1e12, -1e12]), np.ones(2))
    assert 0.5 < 1.0 / (1.0 + math.exp(-b)) < 1.0
    assert math.isfinite(a)
