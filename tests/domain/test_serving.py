"""Rows are scored where their features allow, and each is decided by one version, the same all day."""

from dataclasses import replace

import numpy as np
import pytest
from counts import examples
from hypothesis import given, settings
from hypothesis import strategies as st
from scored import BTC, Row, columns_of, output_of

from functions.domain.market import NS_PER_S, InstrumentRef
from functions.domain.predictions import degraded
from functions.domain.serving import NS_PER_DAY, challenged, decide, draw, ordered, select

DAY_BARS = NS_PER_DAY // NS_PER_S // 5
ROWS = columns_of([Row(bar=n * DAY_BARS, features={"x": 1.0}) for n in range(200)])


def test_select() -> None:
    """Only rows whose needed features are all valid are taken, in the order they are needed."""
    rows = [Row(features={"a": 1.0, "b": 2.0, "c": 3.0}), Row(features={"a": 1.0, "c": 3.0}), Row(features={"b": 5.0})]
    selected = select(columns_of(rows), ("c", "a"))
    assert (selected.rows.tolist(), selected.valid.tolist()) == ([[3.0, 1.0], [3.0, 1.0]], [True, True, False])
    assert select(columns_of(rows), ("a", "d")).lacks == "d"


@pytest.mark.parametrize(("share", "few", "many"), [(0.0, 0, 0), (0.1, 8, 40), (0.5, 75, 125), (1.0, 200, 200)])
def test_share(share: float, few: int, many: int) -> None:
    """About as many days of an instrument go to the challenger as its share says."""
    assert few <= int(challenged(ROWS, "m", share).sum()) <= many


@settings(max_examples=examples(200), deadline=None)
@given(st.integers(0, 20_000), st.lists(st.integers(0, DAY_BARS - 1), min_size=1, max_size=20), st.floats(0, 1))
def test_one_version_a_day(day: int, bars: list[int], share: float) -> None:
    """All bars of an instrument's day go to one version, however they are cut into batches."""
    rows = [Row(bar=day * DAY_BARS + bar, features={"x": 1.0}) for bar in bars]
    together = challenged(columns_of(rows), "m", share).tolist()
    assert together == [challenged(columns_of([row]), "m", share)[0] for row in rows]
    assert len(set(together)) == 1


def test_a_greater_share_keeps_whom_it_has() -> None:
    """A share that grows takes more days and gives none back."""
    assert (challenged(ROWS, "m", 0.2) <= challenged(ROWS, "m", 0.6)).all()


def test_models_and_instruments_draw_for_themselves() -> None:
    """The draw is a number that stays, another for another model, instrument or day."""
    draws = {draw(model, name, day) for model in "ab" for name in "cd" for day in (1, 2)}
    assert len(draws) == 8
    assert draw("anomaly", "BTC-USDT.BINANCE", 19_000) == 0.015068065363347927
    other = replace(ROWS, instruments=(InstrumentRef("ETH-USDT.BINANCE", -2, -4),))
    assert (challenged(ROWS, "m", 0.5) != challenged(other, "m", 0.5)).any()
    assert ROWS.instruments == (BTC,)


def test_each_row_has_one_score() -> None:
    """Champion and challenger share the rows between them; what the challenger cannot score the champion does."""
    champion = output_of(*[0.25] * 200)
    challenger = replace(output_of(*[0.75] * 199, None), version="2")
    ours, theirs = decide(ROWS, champion, challenger, share=1.0)
    assert ours.states.tolist() == [0] * 199 + [1]
    assert theirs.states.tolist() == [1] * 199 + [0]
    ours, theirs = decide(ROWS, champion, challenger, share=0.5)
    assert (ours.states + theirs.states == 1).all()
    assert np.unique(ours.scores + theirs.scores).tolist() == [0.25, 0.75]
    assert [ours.shadow, theirs.shadow] == [False, False]


def test_degraded_challenger_decides_nothing() -> None:
    """The champion answers all rows beside a degraded challenger."""
    champion, challenger = decide(ROWS, output_of(*[0.25] * 200), degraded("anomaly", 200, "gone"), share=1.0)
    assert (int(champion.states.sum()), challenger.shadow) == (200, True)


def test_no_champion_no_challenger() -> None:
    """Beside a degraded champion the challenger decides nothing: the model is degraded."""
    champion, challenger = decide(ROWS, degraded("anomaly", 200, "gone"), output_of(*[0.75] * 200), share=0.5)
    assert (champion.degraded, champion.shadow, challenger.shadow) == (True, False, True)


def test_order() -> None:
    """Answers travel by model, then those that decide, then by version."""
    one = output_of(0.5, model="b")
    mixed = [replace(one, shadow=True), replace(one, version="2"), one, output_of(0.5, model="a")]
    assert [(o.model, o.version, o.shadow) for o in ordered(mixed)] == [
        ("a", "1", False),
        ("b", "1", False),
        ("b", "2", False),
        ("b", "1", True),
    ]
