"""Forecasts are trained on the past only, their files equal their trainers, and without a pattern they learn chance."""

import importlib
import json
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import pytest
from counts import DEEP, FULL, count

from functions.adapters.onnx import load_model
from functions.domain.market import Float64
from functions.models.forecasting import FEATURES, FIGURES, HORIZONS
from functions.models.forecasting.series import DataError, Market, Rows, Series, read, rows_of, simulated

for _library in ("sklearn", "onnx", "jax"):
    pytest.importorskip(_library, reason="the extra `train` is not installed")
training = importlib.import_module("functions.models.forecasting.training")
measuring = importlib.import_module("functions.models.forecasting.measuring")

NAMES = ("forecast_boosted", "forecast_lstm", "forecast_transformer")
QUICK = {"forecast_boosted": {"trees": 8}, "forecast_lstm": {"steps": 40}, "forecast_transformer": {"steps": 40}}
VECTORS = 10_000
TOLERANCE = 2e-5
"""What a file may differ from its trainer by: in a probability, and in a return or bound over its interval's width."""
UPS = [FIGURES.index(f"up_{horizon}") for horizon in HORIZONS]


@dataclass(frozen=True)
class Small:
    """Hold a model trained small, with its module and the folder it was written to."""

    name: str
    module: ModuleType
    market: Market
    trained: Any
    folder: Path


def fit_of(name: str) -> Callable[..., Any]:
    """Give a model's fit, made quick."""
    module = importlib.import_module(f"functions.models.{name}.train")
    return lambda inputs, outcomes: module.fit(inputs, outcomes, **QUICK[name])


@pytest.fixture(scope="module", params=NAMES)
def small(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Small:
    """Train each model once, small, and write it."""
    name = request.param
    module = importlib.import_module(f"functions.models.{name}.train")
    market = simulated(instruments=2, seconds=20_000)
    walked = training.walk(name, fit_of(name), market, folds=1)
    folder = tmp_path_factory.mktemp(name)
    training.write(name, folder, market, walked, batch=module.BATCH)
    return Small(name, module, market, walked[-1], folder)


def many(n: int) -> Float64:
    """Make returns like those of markets, of every scale, and flat ones among them."""
    rng = np.random.default_rng(11)
    rows = rng.standard_t(3, size=(n, len(FEATURES))) * np.exp(rng.uniform(-14.0, -2.0, size=(n, 1)))
    rows[rng.random(rows.shape) < 0.1] = 0.0
    rows[:: max(n // 20, 1)] = 0.0
    return rows


def test_file_equals_trainer(small: Small) -> None:
    """On 10,000 vectors the file says what its trainer says, and decides alike wherever it is not on the edge."""
    rows = many(VECTORS)
    told = load_model(small.folder).run(rows)
    expected = training.trainer_says(small.trained, Rows(rows, np.zeros((VECTORS, 3)), np.arange(VECTORS)))
    probability = np.abs(told.values - expected)[:, UPS]
    width = np.repeat(expected[:, 4::6] - expected[:, 3::6], 6, axis=1)
    assert max(probability.max(), (np.abs(told.values - expected) / width)[:, :5].max()) < TOLERANCE
    score = expected[:, FIGURES.index("up_4")]
    clear = np.abs(score - 0.5) > TOLERANCE
    assert ((told.scores >= 0.5) == (score >= 0.5))[clear].all()


def test_alone_or_among_others(small: Small) -> None:
    """A row has the same bits in a batch of 1, 50 or 500, and wherever it stands in it."""
    model, rows = load_model(small.folder), many(500)
    whole = model.run(rows).values
    order = np.random.default_rng(1).permutation(500)
    fifty = np.concatenate([model.run(rows[begin : begin + 50]).values for begin in range(0, 500, 50)])
    single = np.concatenate([model.run(rows[begin : begin + 1]).values for begin in range(0, 500, 7)])
    assert whole.tobytes() == fifty.tobytes()
    assert whole[::7].tobytes() == single.tobytes()
    assert whole[order].tobytes() == model.run(rows[order]).values.tobytes()


def test_any_return_has_figures(small: Small) -> None:
    """The greatest floats and none at all still give finite figures, intervals nested around the return."""
    model = load_model(small.folder)
    values = model.run(
        np.vstack([np.full((1, 32), 1e300), np.full((1, 32), -1e-300), np.zeros((1, 32)), many(200)])
    ).values
    by = {name: values[:, place] for place, name in enumerate(FIGURES)}
    for horizon in HORIZONS:
        column = [by[f"{name}_{horizon}"] for name in ("low95", "low80", "return", "high80", "high95")]
        assert (np.diff(column, axis=0) >= 0.0).all()
        assert ((by[f"up_{horizon}"] > 0.0) & (by[f"up_{horizon}"] < 1.0)).all()


def test_scale_is_the_rows_own(small: Small) -> None:
    """Twice the returns give twice the return and interval, and the same probability, to the bit."""
    model, rows = load_model(small.folder), np.random.default_rng(9).standard_t(3, size=(100, len(FEATURES))) * 1e-3
    once, twice = model.run(rows).values, model.run(rows * 2.0).values
    assert twice[:, UPS].tobytes() == once[:, UPS].tobytes()
    assert (np.delete(twice, UPS, axis=1) == 2.0 * np.delete(once, UPS, axis=1)).all()


def test_manifest(small: Small) -> None:
    """The manifest holds figures and baselines of the tests, and a promotion as the rule has it."""
    manifest = load_model(small.folder).manifest
    assert (manifest.name, manifest.features, manifest.figures) == (small.name, FEATURES, FIGURES)
    told = {
        horizon: {n: manifest.metrics[f"{n}_{horizon}"] for n in ("mase", "dm", "coverage80", "coverage95")}
        for horizon in HORIZONS
    }
    assert manifest.metrics["promoted"] == float(measuring.promoted(told))
    assert {"coverage80_4", "persistence_brier_4"} <= manifest.metrics.keys()
    assert json.loads((small.folder / "golden.json").read_bytes())["features"] == list(FEATURES)


def test_evaluate(small: Small, tmp_path: Path) -> None:
    """On a file it was not trained on a model is measured on every row, beside no change, whose error is 1."""
    path = tmp_path / "bars.csv"
    path.write_text("close\n" + "\n".join(map(str, small.market.series[0].closes[:300])))
    lines = small.module.evaluate(path, small.folder)
    assert {line.scorer for line in lines} >= {small.name, "persistence"}
    assert {line.part for line in lines} == {f"bars.csv, {300 - 56} rows, {horizon} bars ahead" for horizon in HORIZONS}
    assert [dict(line.figures)["mase"] for line in lines if line.scorer == "persistence"] == [1.0, 1.0, 1.0]


def test_own_training_is_not_measured(tmp_path: Path) -> None:
    """Of the file it was trained on a model is measured on the last test alone, and its version names its digest."""
    name, closes = "forecast_boosted", simulated(instruments=1, seconds=6000).series[0].closes
    path = tmp_path / "own.csv"
    path.write_text("close\n" + "\n".join(map(str, closes)))
    bars = read(path)
    walked = training.walk(name, fit_of(name), bars, folds=2)
    training.write(name, tmp_path, bars, walked, batch=0)
    (line, *_) = importlib.import_module(f"functions.models.{name}.train").evaluate(path, tmp_path)
    assert line.part == f"own.csv, {len(walked[-1].test.clock)} rows, 1 bars ahead"
    manifest = load_model(tmp_path).manifest
    assert manifest.version == f"1.0.0+{manifest.sha256[:12]}"


@pytest.mark.parametrize("name", NAMES if FULL else NAMES[:1])
def test_shuffled_outcomes_give_chance(name: str) -> None:
    """Where outcomes are dealt to other rows a model forecasts no better than no change, and is as unsure."""
    rows = rows_of(simulated(instruments=2, seconds=20_000))
    dealt = replace(rows, ahead=rows.ahead[np.random.default_rng(2).permutation(len(rows.clock))])
    half = len(rows.clock) // 2
    trained = training.train_fold(
        name, fit_of(name), dealt.where(np.arange(half)), dealt.where(np.arange(half, 2 * half)), gap=0
    )
    figures = measuring.measure(trained.test, training.trainer_says(trained, trained.test), unit=60)
    for one in figures.values():
        assert abs(one["hit_rate"] - 0.5) < 0.03
        assert one["mase"] > 0.995
        assert one["brier"] > 0.245


def test_a_pattern_is_learnt() -> None:
    """Where the next return follows from the last, a model finds it, beats no change and is promoted."""
    rng = np.random.default_rng(4)
    returns = rng.standard_normal(6000) * 1e-3
    for bar in range(1, 6000):
        returns[bar] -= 0.6 * returns[bar - 1]
    market = Market((Series(100.0 * np.exp(np.cumsum(returns)), 1),), "pattern")
    metrics = training.metrics_of(training.walk("forecast_boosted", fit_of("forecast_boosted"), market), unit=1)
    assert metrics["mase_1"] < 0.95
    assert metrics["dm_1"] < -1.96
    assert metrics["hit_rate_1"] > 0.6
    assert metrics["promoted"] == 1.0


def test_later_bars_change_nothing() -> None:
    """What a fold fitted does not depend on bars after its test began: changed, they give the same file."""
    market = simulated(instruments=1, seconds=20_000)
    first = training.walk("forecast_boosted", fit_of("forecast_boosted"), market, folds=1)[0]
    begin = int(first.test.clock[0])
    torn = tuple(
        replace(
            one, closes=np.where(np.arange(1, len(one.closes) + 1) * one.every < begin, one.closes, one.closes[::-1])
        )
        for one in market.series
    )
    again = training.walk("forecast_boosted", fit_of("forecast_boosted"), replace(market, series=torn), folds=1)[0]
    assert again.content == first.content


def test_too_few_bars() -> None:
    """Bars that are too few for the folds are refused with how many there are."""
    market = Market((Series(np.linspace(1.0, 2.0, 300), 1),), "short.csv")
    with pytest.raises(DataError, match=r"short.csv has 244 bars|at least 64 are needed"):
        training.walk("forecast_boosted", fit_of("forecast_boosted"), market)


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.skipif(not DEEP, reason="training takes a minute: deep tier only")
def test_training_again(name: str, tmp_path: Path) -> None:
    """Training again gives the shipped figures, to what another processor may round."""
    module = importlib.import_module(f"functions.models.{name}.train")
    module.train(None, tmp_path)
    shipped, again = load_model(module.FOLDER), load_model(tmp_path)
    rows = many(count(1000))
    assert again.run(rows).values[:, UPS] == pytest.approx(shipped.run(rows).values[:, UPS], abs=0.01)
