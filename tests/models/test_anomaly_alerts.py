"""Alerts are counted event by event, and a threshold keeps to its budget on the rows it was chosen on."""

import numpy as np
import pytest
from counts import examples
from hypothesis import given, settings
from hypothesis import strategies as st

from functions.domain.evaluation import Line
from functions.models.anomaly.alerts import Tally, area, choose_threshold, metrics_of, tally
from functions.models.anomaly.rows import Rows, cut


def rows(event: list[int], *, second: list[int] | None = None, instrument: int = 0) -> Rows:
    """Make neighbouring rows of five seconds; `event` numbers what each meets."""
    n = len(event)
    ones = np.ones(n, dtype=np.int64)
    at = np.arange(n) * 5 if second is None else np.array(second)
    return Rows(np.zeros((n, 1)), ones * instrument, ones * 5, at, np.array(event))


def test_runs_and_events() -> None:
    """Neighbouring flagged rows are one alert; an event is seen once, and no row near a seen one is credited."""
    scores = np.array([0.9, 0.1, 0.9, 0.9, 0.1, 0.1, 0.9])
    found = tally(scores, 0.5, rows([-1, -1, -1, 0, 0, 1, -1]))
    assert found == Tally(rows=7, flagged=4, events=2, seen=1, alerts=3, met=1)
    assert (found.recall, found.precision, found.alert_share) == (0.5, 1 / 3, 4 / 7)


def test_a_hole_ends_an_alert() -> None:
    """Flagged rows with rows missing between them are two alerts."""
    assert tally(np.ones(2), 0.5, rows([0, 0], second=[0, 10])).alerts == 2


def test_nothing_flagged() -> None:
    """Without alerts precision is 0, and so are recall and F1."""
    found = tally(np.zeros(3), 0.5, rows([-1, 0, -1]))
    assert (found.precision, found.recall, found.f1) == (0.0, 0.0, 0.0)


@settings(max_examples=examples(200), deadline=None)
@given(st.lists(st.floats(0, 1), min_size=2, max_size=300, unique=True), st.floats(0.001, 0.5))
def test_threshold_keeps_to_its_budget(drawn: list[float], budget: float) -> None:
    """At most the budget and one row more are flagged, and at least one row is, up to the threshold's rounding."""
    scores = np.round(np.array(drawn), 3)
    ranked = np.unique(scores)
    threshold = choose_threshold(ranked, budget) if len(ranked) > 1 else float(ranked[0])
    flagged = int((ranked >= threshold).sum())
    assert 1 <= flagged <= budget * len(ranked) + 1


def test_equal_scores_flag_nothing() -> None:
    """Where every score is the same, as counts of a quiet night are, none stands out."""
    assert not (np.full(40, 3.0) >= choose_threshold(np.full(40, 3.0))).any()


def test_area_by_pairs() -> None:
    """The area is the share of pairs in order, ties half; with one kind of row only it is a half."""
    scores = np.array([0.1, 0.5, 0.5, 0.9])
    assert area(scores, rows([-1, -1, 0, 0])) == pytest.approx(3.5 / 4)
    assert area(scores, rows([-1, -1, -1, -1])) == 0.5


def lines(model: float, untrained: float) -> tuple[Line, ...]:
    """Make an evaluation of three scorers."""
    return tuple(
        Line("test", name, (("event_f1", f1),))
        for name, f1 in (("m", model), ("untrained", untrained), ("random", 0.1))
    )


def test_promoted_when_it_beats_knowing_nothing() -> None:
    """A model is promoted only where its F1 is above that of the same model untrained and of a random score."""
    assert metrics_of(lines(0.4, 0.3)) == {
        "event_f1": 0.4, "untrained_event_f1": 0.3, "random_event_f1": 0.1, "promoted": 1.0,
    }  # fmt: skip
    assert metrics_of(lines(0.4, 0.4))["promoted"] == 0.0
    assert metrics_of(lines(0.05, 0.01))["promoted"] == 0.0


@settings(max_examples=examples(100), deadline=None)
@given(st.lists(st.integers(400, 2000), min_size=3, max_size=3))
def test_windows_do_not_touch(lengths: list[int]) -> None:
    """Each window begins an embargo of sixty bars behind the one before."""
    bounds = np.cumsum([0, *lengths])
    every = np.arange(0, int(bounds[-1]), 5)
    windows = cut(rows([-1] * len(every), second=every.tolist()), bounds.tolist())
    for before, after in ((windows.train, windows.validation), (windows.validation, windows.test)):
        assert after.second.min(initial=10**9) - before.second.max(initial=0) > 60 * 5
