"""A tally says of recent forecasts what the whole list of them would say, and breaks its promise only when they do."""

import math

import numpy as np
import pytest
from counts import examples
from hypothesis import given, settings
from hypothesis import strategies as st

from functions.domain import evaluation
from functions.domain.reliability import (
    Resolved,
    Slo,
    Tally,
    add,
    breach,
    brier,
    curve,
    decompose,
    effective,
    effective_max,
    figures,
    skill,
)

FOREVER = 1e300  # a half-life in which nothing loses weight
SPREAD = 0.01


def tallied(outcomes: list[Resolved], half_life: float = FOREVER) -> Tally:
    """Count outcomes in order."""
    tally = Tally()
    for one in outcomes:
        add(tally, one, half_life=half_life)
    return tally


def outcome(up: float, actual: float, *, expected: float = 0.0, half: float = SPREAD) -> Resolved:
    """Make one outcome whose intervals reach `half` and twice that around the expected return."""
    return Resolved(up, expected, expected - half, expected + half, expected - 2 * half, expected + 2 * half, actual)


def drawn(n: int, seed: int, *, means: float = 1.0, width: float = 1.0) -> list[Resolved]:
    """Draw outcomes of a calibrated forecaster, its probabilities told with `means` and its intervals `width` times."""
    rng = np.random.default_rng(seed)
    shift = rng.normal(0.0, 0.5, n)
    actual = (shift + rng.standard_normal(n)) * SPREAD
    up = np.array([0.5 * (1.0 + math.erf(s / np.sqrt(2.0))) for s in shift])
    told = np.clip(0.5 + means * (up - 0.5), 0.0, 1.0)
    reach = [z * SPREAD * width for z in (1.2815515655446004, 1.959963984540054)]
    return [
        Resolved(p, e, e - reach[0], e + reach[0], e - reach[1], e + reach[1], a)
        for p, e, a in zip(told.tolist(), (shift * SPREAD).tolist(), actual.tolist(), strict=True)
    ]


LISTS = st.lists(st.tuples(st.floats(0.0, 1.0), st.floats(-0.1, 0.1), st.floats(-0.1, 0.1)), min_size=1, max_size=60)


@pytest.mark.parametrize("half_life", [1.0, 30.0, 100.0])
def test_as_many_as_ever_count(half_life: float) -> None:
    """Outcomes of fading weight count for no more than a bound that follows from the half-life."""
    assert effective(tallied([outcome(0.5, 0.1)] * 3000, half_life)) == pytest.approx(effective_max(half_life))


@given(LISTS)
@settings(max_examples=examples(200), deadline=None)
def test_equals_the_list(rows: list[tuple[float, float, float]]) -> None:
    """Without loss of weight, every figure is that of the whole list: Brier and its parts, curve, errors, hits."""
    tally = tallied([outcome(up, actual, expected=expected) for up, actual, expected in rows])
    up, actual, expected = (np.array(column) for column in zip(*rows, strict=True))
    event = (actual > 0.0).astype(float)
    whole, parts = evaluation.murphy(up, event), decompose(tally)
    assert brier(tally) == pytest.approx(evaluation.brier(up, event), abs=1e-9)
    for name in ("reliability", "resolution", "uncertainty", "within"):
        assert getattr(parts, name) == pytest.approx(getattr(whole, name), abs=1e-9)
    bins = evaluation.reliability(up, event)
    assert [one.observed for one in curve(tally)] == pytest.approx(bins.observed.tolist())
    assert [one.count for one in curve(tally)] == pytest.approx(bins.count.tolist())
    told = figures(tally)
    assert told["mae"] == pytest.approx(float(np.abs(actual - expected).mean()))
    assert told["rmse"] == pytest.approx(float(np.sqrt(np.square(actual - expected).mean())))
    assert told["coverage_80"] == pytest.approx(float((np.abs(actual - expected) <= SPREAD).mean()), abs=0.5)
    assert told["accuracy"] == pytest.approx(float(((up >= 0.5) == (event == 1.0)).mean()))
    assert effective(tally) == pytest.approx(len(rows))


def test_rates() -> None:
    """Precision, recall, F1 and the false positive rate are those of saying `up`; hits leave out what did not aim."""
    rows = [outcome(0.9, 0.1, expected=0.1), outcome(0.8, -0.1), outcome(0.7, 0.1), outcome(0.2, 0.1), outcome(0.1, 0)]
    told = figures(tallied(rows))
    assert told["precision"] == pytest.approx(2 / 3)
    assert told["recall"] == pytest.approx(2 / 3)
    assert told["f1_score"] == pytest.approx(2 / 3)
    assert told["false_positive_rate"] == pytest.approx(1 / 2)
    assert told["hit_rate"] == 1.0


def test_nothing_yet() -> None:
    """Without outcomes there are no figures, no skill and no breach."""
    tally = Tally()
    assert set(figures(tally).values()) == {None}
    assert (skill(tally, outcomes_min=1.0), breach(tally, Slo()), curve(tally), effective(tally)) == (None, "", (), 0.0)


@pytest.mark.parametrize("wrong", [{"outcomes_min": 0.0}, {"outcomes_min": -1.0}, {"tolerance": -0.03}])
def test_impossible_slo(wrong: dict[str, float]) -> None:
    """An SLO that would speak before the first outcome, or allows less than nothing, is refused."""
    with pytest.raises(ValueError, match="above 0, and its tolerance"):
        Slo(**wrong)


def test_recent_counts_more() -> None:
    """After a half-life of good outcomes, old bad ones count half; the effective count stays bounded."""
    tally = tallied([outcome(1.0, -0.1)] * 2000 + [outcome(1.0, 0.1)] * 100, half_life=100.0)
    assert brier(tally) == pytest.approx(0.5, abs=0.01)
    assert effective(tally) == pytest.approx(2 * 100 / np.log(2), rel=0.02)
    assert tally.resolved == 2100


@pytest.mark.parametrize("seed", range(8))
def test_skill(seed: int) -> None:
    """A forecaster that knows something has skill, one that says noise or the base rate has none."""
    knows = drawn(600, seed)
    noise = [Resolved(1.0 - one.up, *(one.expected,) * 5, one.actual) for one in knows]
    flat = [Resolved(0.5, *(one.expected,) * 5, one.actual) for one in knows]
    told = [skill(tallied(rows), outcomes_min=100.0) for rows in (knows, noise, flat)]
    assert told[0] is not None
    assert 0.02 < told[0] < 0.5
    assert told[1:] == [0.0, 0.0]
    assert skill(tallied(knows[:99]), outcomes_min=100.0) is None


def test_skill_of_one_way() -> None:
    """Where everything went one way the base rate is perfect, and nobody has skill."""
    assert skill(tallied([outcome(0.9, 0.1)] * 200), outcomes_min=100.0) == 0.0


def test_promise_kept() -> None:
    """Of 60 calibrated forecasters, looked at over 700 outcomes at each one, none breaks its promise."""
    broken = 0
    for seed in range(60):
        tally = Tally()
        for one in drawn(700, seed):
            add(tally, one, half_life=256.0)
            broken += tally.resolved % 20 == 0 and bool(breach(tally, Slo()))
    assert broken == 0


@pytest.mark.parametrize(
    ("changes", "reason"),
    [({"width": 0.6}, "intervals at 80 % held"), ({"width": 2.5}, "intervals at"), ({"means": 2.0}, "probabilities")],
)
def test_promise_broken(changes: dict[str, float], reason: str) -> None:
    """Intervals too narrow or too wide, and probabilities too bold, break it with what was found and is allowed."""
    assert breach(tallied(drawn(700, 1, **changes), half_life=256.0), Slo()).startswith(reason)
    assert breach(tallied(drawn(60, 1, **changes), half_life=256.0), Slo()) == ""
