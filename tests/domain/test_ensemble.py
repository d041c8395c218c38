"""Models are pooled by their skill, and say nothing rather than something they do not agree on."""

import json
import pathlib
from itertools import pairwise

import pytest
from counts import examples
from hypothesis import given, settings
from hypothesis import strategies as st

import functions.models
from functions.domain.ensemble import CURVE_POINTS_MAX, Standing, calibrated, pool
from functions.domain.strategy import FIGURES, Ensemble, Strategy

AB = Ensemble(members=("a", "b"), spread_max=0.3)
CHANCE = st.floats(0, 1)


def test_equal_without_standing() -> None:
    """Models of unknown skill weigh the same, and their chance is not calibrated: nothing is behind it."""
    pooled = pool(AB, {"a": 0.5, "b": 0.6, "stranger": 0.0})
    assert (pooled.higher.chance, pooled.higher.samples, pooled.higher.abstained) == (0.55, 0, "")
    assert [(vote.model, vote.weight, vote.up) for vote in pooled.votes] == [("a", 1.0, 0.5), ("b", 1.0, 0.6)]


def test_skill_weighs() -> None:
    """A model of three times the skill pulls three times as hard; the fewest outcomes stand behind the whole."""
    pooled = pool(AB, {"a": 0.5, "b": 0.6}, {"a": Standing(0.25, 900), "b": Standing(0.75, 200)})
    assert pooled.higher.chance == pytest.approx(0.575)
    assert pooled.higher.samples == 200


def test_no_skill_is_not_heard() -> None:
    """A model without skill is shown and not counted, neither in the mean nor in the spread."""
    pooled = pool(AB, {"a": 0.5, "b": 1.0}, {"b": Standing(weight=0.0, samples=5)})
    assert (pooled.higher.chance, len(pooled.votes)) == (0.5, 2)


@pytest.mark.parametrize(
    ("chances", "why"),
    [({}, "no model was heard"), ({"stranger": 0.9}, "no model was heard"), ({"b": 0.9}, "no model has skill")],
)
def test_abstains_without_a_voice(chances: dict[str, float], why: str) -> None:
    """When nobody with skill is heard the ensemble says why it says nothing, and that is no disagreement."""
    pooled = pool(AB, chances, {"b": Standing(weight=0.0)})
    assert (pooled.higher.chance, pooled.higher.abstained, pooled.higher.disagree) == (None, why, False)


def test_abstains_when_models_disagree() -> None:
    """Votes further apart than allowed are no chance; exactly at the bound they are."""
    apart = pool(AB, {"a": 0.25, "b": 0.75})
    assert (apart.higher.chance, apart.higher.disagree, apart.higher.abstained) == (
        None,
        True,
        "models disagree: a 0.250, b 0.750",
    )
    assert pool(Ensemble(members=("a", "b"), spread_max=0.5), {"a": 0.25, "b": 0.75}).higher.chance == 0.5


@given(st.dictionaries(st.sampled_from("abc"), CHANCE, min_size=1), st.lists(CHANCE, min_size=3, max_size=3))
@settings(max_examples=examples(500), deadline=None)
def test_mean_lies_between(chances: dict[str, float], weights: list[float]) -> None:
    """A pooled chance is never outside the votes that count, whatever their weights."""
    ensemble = Ensemble(members=("a", "b", "c"), spread_max=1.0)
    pooled = pool(ensemble, chances, dict(zip("abc", map(Standing, weights), strict=True)))
    counted = [vote.up for vote in pooled.votes if vote.weight > 0]
    assert (pooled.higher.chance is None) == (not counted)
    assert pooled.higher.chance is None or min(counted) - 1e-12 <= pooled.higher.chance <= max(counted) + 1e-12


@given(st.lists(st.tuples(CHANCE, CHANCE), max_size=8, unique_by=lambda point: point[0]).map(sorted), CHANCE)
@settings(max_examples=examples(500), deadline=None)
def test_curve_passes_its_points(points: list[tuple[float, float]], stated: float) -> None:
    """A curve meets its points and stays between their heights; without any a chance is taken as stated."""
    assert all(calibrated(left, points) == pytest.approx(height) for left, height in points)
    heights = [height for _, height in points] or [stated]
    assert min(heights) - 1e-9 <= calibrated(stated, points) <= max(heights) + 1e-9


def test_curve_is_straight_between() -> None:
    """Between two points a curve is a straight line."""
    curve = ((0.0, 0.25), (0.5, 0.5), (1.0, 0.625))
    middles = [calibrated((left + right) / 2, curve) for (left, _), (right, _) in pairwise(curve)]
    assert middles == [0.375, 0.5625]


@pytest.mark.parametrize(
    "wrong",
    [
        {"weight": 1.5},
        {"weight": -0.1},
        {"samples": -1},
        {"curve": ((0.5, 0.5), (0.5, 0.6))},
        {"curve": ((0.5, 1.5),)},
        {"curve": tuple((n / 100, 0.5) for n in range(CURVE_POINTS_MAX + 1))},
    ],
)
def test_impossible_standing(wrong: dict[str, object]) -> None:
    """A standing that could not have been measured is refused."""
    with pytest.raises(ValueError, match=r"weight|samples|curve"):
        Standing(**wrong)  # type: ignore[arg-type]


def test_known_figures_are_those_of_the_models() -> None:
    """What a strategy may name is what the models in the repository say they give."""
    folder = pathlib.Path(functions.models.__file__).parent
    manifests = [json.loads(file.read_bytes()) for file in sorted(folder.glob("*/manifest.json"))]
    assert manifests
    for manifest in manifests:
        assert set(FIGURES[manifest["name"]]) == set(manifest.get("figures", ()))


def test_members_vote_with_a_figure_they_have() -> None:
    """The default ensemble asks each member for a figure it gives."""
    ensemble = Strategy().ensemble
    assert all(ensemble.figure in FIGURES[member] for member in ensemble.members)
