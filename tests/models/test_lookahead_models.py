"""No shipped model and no decision knows the future: the gate that features pass, held to what is made of them."""

from dataclasses import replace

import numpy as np
import pytest
from featured import lively, run

from functions.adapters.onnx import MANIFEST, load_model
from functions.cli.training import names
from functions.domain.indicators.lookahead import Computed, find_leaks
from functions.domain.market import BarBatch, PredictionBatch
from functions.domain.signals import Desk, decide
from functions.domain.strategy import Strategy
from functions.models.anomaly import FOLDER

MODELS = {path.parent.name: load_model(path.parent) for path in sorted(FOLDER.parent.glob(f"*/{MANIFEST}"))}
CUTS = (140, 180, 230)
BARS = 260
EAGER = Strategy(intervals_s=(60,), min_confidence=20.0, cooldown_bars=1, emit_hold=True)


def leaks_of(compute: object) -> tuple[object, ...]:
    """Look for leaks in a lively market."""
    assert callable(compute)
    return find_leaks(compute, lively(1, BARS), cuts=CUTS, draw=np.random.default_rng(1))


def test_every_model_is_held() -> None:
    """Every model that can be trained is looked at here, but the one over texts, which has no time."""
    assert set(MODELS) == set(names()) - {"sentiment"}


@pytest.mark.parametrize("name", MODELS)
def test_no_model_knows_the_future(name: str) -> None:
    """What a model says of a bar, and whether it says anything, stays whatever comes behind the bar."""

    def compute(bars: BarBatch) -> Computed:
        output = MODELS[name].score(run(bars).columns)
        told = np.column_stack([output.scores, output.values.reshape(len(output.scores), -1)])
        return Computed(("score", *output.names), told, np.repeat(output.states[:, None], told.shape[1], axis=1))

    assert compute(lively(1, BARS)).states.any()
    assert leaks_of(compute) == ()


def decisions(bars: BarBatch, *, ahead: int = 0) -> Computed:
    """Decide on every bar; `ahead` lets each be decided on features of so many bars later."""
    columns = run(bars).columns
    states, values = np.zeros_like(columns.states), np.zeros_like(columns.values)
    count = columns.row_count - ahead
    states[:count], values[:count] = columns.states[ahead:], columns.values[ahead:]
    given = replace(columns, values=values, states=states)
    outputs = tuple(model.score(columns) for model in MODELS.values())
    batch = PredictionBatch(shard=bars.shard, columns=given, outputs=outputs)
    told = np.zeros((columns.row_count, 4))
    for signal in decide(Desk(), batch, EAGER, identify=lambda *key: str(key)):
        row = int(np.flatnonzero(columns.start_ns == signal.bar_start_ns)[0])
        told[row] = (len(signal.action.value), signal.confidence, signal.stop_loss, signal.take_profit)
    return Computed(("action", "confidence", "stop", "target"), told, np.ones(told.shape, np.uint8))


def test_no_decision_knows_the_future() -> None:
    """A bar's action, confidence, stop and target stay whatever comes behind the bar; some bars do act."""
    assert {3.0, 4.0} <= set(decisions(lively(1, BARS)).values[:, 0])
    assert leaks_of(decisions) == ()


def test_a_decision_on_the_next_bar_is_caught() -> None:
    """The gate notices decisions that were made on features of the bar behind."""
    assert leaks_of(lambda bars: decisions(bars, ahead=1)) != ()
