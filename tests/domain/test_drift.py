"""A series that stays as it was raises no alarm; one that moves does, soon, and once."""

import numpy as np
import pytest
from counts import examples
from hypothesis import given, settings
from hypothesis import strategies as st
from river.drift import PageHinkley as RiverPageHinkley

from functions.domain.drift import BLOCK, DOWN, REFERENCE_BLOCKS, UP, Detector, PageHinkley, detector_of, line_of

WARM = BLOCK * REFERENCE_BLOCKS


def shifts(series: np.ndarray, detector: Detector | None = None) -> list[tuple[int, int]]:
    """Give the place and direction of every alarm."""
    detector = detector or Detector()
    found = [(place, detector.update(value)) for place, value in enumerate(series.tolist())]
    return [(place, shift.direction) for place, shift in found if shift]


def autocorrelated(rng: np.random.Generator, n: int, phi: float) -> np.ndarray:
    """Draw a series of unit innovations in which each value remembers `phi` of the one before."""
    series = rng.standard_normal(n)
    for place in range(1, n):
        series[place] += phi * series[place - 1]
    return series


@given(
    st.integers(0, 2**32 - 1), st.floats(0.005, 2.0), st.floats(3.0, 50.0), st.floats(-4.0, 4.0), st.integers(20, 200)
)
@settings(max_examples=examples(150), deadline=None)
def test_equals_river(seed: int, delta: float, threshold: float, move: float, at: int) -> None:
    """The test alarms at the same value, and first there, as river's does."""
    rng = np.random.default_rng(seed)
    series = (rng.standard_normal(400) + np.where(np.arange(400) < at, 0.0, move)).tolist()
    oracle = RiverPageHinkley(min_instances=1, delta=delta, threshold=threshold, alpha=1.0, mode="both")
    ours, theirs = PageHinkley(), []
    found = [bool(ours.update(value, delta=delta, threshold=threshold)) for value in series]
    for value in series:
        oracle.update(value)
        theirs.append(oracle.drift_detected)
        if oracle.drift_detected:
            break
    assert found[: len(theirs)] == theirs


@pytest.mark.parametrize(("move", "direction"), [(2.0, UP), (-2.0, DOWN)])
def test_finds_a_shift(move: float, direction: int) -> None:
    """A mean that moves by two deviations of its blocks is found within twelve blocks, in the right direction."""
    rng = np.random.default_rng(7)
    series = rng.standard_normal(WARM * 3)
    series[WARM * 2 :] += move / np.sqrt(BLOCK)
    (place, found), *_ = shifts(series)
    assert found == direction
    assert 0 <= place - WARM * 2 <= 12 * BLOCK


def test_reference_is_told() -> None:
    """An alarm says what was usual and where the series stands now."""
    rng = np.random.default_rng(1)
    detector = Detector()
    assert not shifts(rng.normal(50.0, 3.0, WARM), detector)
    found = next(shift for value in rng.normal(80.0, 3.0, WARM).tolist() if (shift := detector.update(value)))
    assert found.reference_mean == pytest.approx(50.0, abs=0.5)
    assert found.level == pytest.approx(80.0, abs=3.0)
    assert found.reference_deviation == pytest.approx(3.0 / np.sqrt(BLOCK), rel=0.4)


@pytest.mark.parametrize("phi", [0.0, 0.9])
def test_quiet_on_what_stays(phi: float) -> None:
    """Over 20 series of a hundred blocks behind the reference, alarms are rare, though values remember each other."""
    rng = np.random.default_rng(3)
    alarms = sum(bool(shifts(autocorrelated(rng, WARM + 100 * BLOCK, phi))) for _ in range(20))
    assert alarms <= 2


def test_one_outlier_is_no_drift() -> None:
    """One block far from all others raises no alarm."""
    rng = np.random.default_rng(5)
    series = rng.standard_normal(WARM * 2)
    series[WARM + BLOCK : WARM + 2 * BLOCK] += 1e6
    assert not shifts(series)


def test_constant() -> None:
    """A series that never moved has drifted once it does, and not before."""
    series = np.concatenate([np.full(WARM * 2, 0.1), np.full(WARM, 0.2)])
    (place, direction), *others = shifts(series)
    assert (place >= WARM * 2, direction, others) == (True, UP, [])


def test_learns_again() -> None:
    """After an alarm the new state becomes the reference, and the way back is an alarm again."""
    rng = np.random.default_rng(11)
    series = rng.standard_normal(WARM * 6)
    series[WARM * 2 : WARM * 4] += 3.0
    assert [direction for _, direction in shifts(series)] == [UP, DOWN]


@given(st.lists(st.floats(-1e9, 1e9), max_size=200), st.integers(0, 200))
@settings(max_examples=examples(200))
def test_written_down(values: list[float], cut: int) -> None:
    """A detector that was written down and read back goes on as one that was not."""
    steady, restarted = Detector(), Detector()
    for place, value in enumerate(values):
        if place == cut:
            restarted = detector_of(line_of(restarted))
        assert steady.update(value) == restarted.update(value)
    assert steady == restarted
