"""The shipped anomaly model is what its manifest says, scores as it was trained to, and fails by degrading."""

import importlib
import json
import shutil
from pathlib import Path
from types import ModuleType

import msgspec
import numpy as np
import pytest
from counts import FULL
from scored import Row, columns_of

from functions.adapters.onnx import PROMOTED, Manifest, ModelError, OnnxModel, load_model
from functions.domain.market import Float64, ModelOutput
from functions.handlers.infer.main import Settings
from functions.models.anomaly import FOLDER, GOLDEN, Golden

GOLD = msgspec.json.decode((FOLDER / GOLDEN).read_bytes(), type=Golden)


@pytest.fixture(scope="module")
def model() -> OnnxModel:
    """Load the shipped model."""
    return load_model(FOLDER)


@pytest.fixture
def copy(tmp_path: Path) -> Path:
    """Copy the model's folder, so that a test may break it."""
    folder = tmp_path / "anomaly"
    folder.mkdir()
    for name in ("manifest.json", "model.onnx"):
        shutil.copy(FOLDER / name, folder / name)
    return folder


def score(model: OnnxModel, rows: Float64, names: tuple[str, ...] = GOLD.features) -> ModelOutput:
    """Score rows given as a matrix."""
    return model.score(columns_of([Row(features=dict(zip(names, row, strict=True))) for row in rows.tolist()], names))


def many(count: int) -> Float64:
    """Make rows around the golden ones, the same every time."""
    rng = np.random.default_rng(5)
    gold = np.array(GOLD.rows)
    return gold[rng.integers(len(gold), size=count)] * rng.uniform(0.5, 1.5, size=(count, gold.shape[1]))


def test_golden_scores(model: OnnxModel) -> None:
    """Golden rows get their golden scores to the bit."""
    output = score(model, np.array(GOLD.rows))
    assert output.scores.tolist() == GOLD.scores
    assert (output.model, output.degraded, output.states.tolist()) == ("anomaly", False, [1] * len(GOLD.rows))


def test_scores_lie_between_0_and_1(model: OnnxModel) -> None:
    """Scores are in (0, 1]; the golden set holds rows on both sides of the threshold."""
    scores = score(model, many(500)).scores
    assert ((scores > 0) & (scores <= 1)).all()
    assert min(GOLD.scores) < model.manifest.threshold <= max(GOLD.scores)


def test_alone_or_among_others(model: OnnxModel) -> None:
    """A row has the same score bits in a batch of 1, 50 or 500."""
    rows = many(500)
    whole = score(model, rows).scores
    fifty = np.concatenate([score(model, rows[n : n + 50]).scores for n in range(0, 500, 50)])
    single = np.concatenate([score(model, rows[n : n + 1]).scores for n in range(500)])
    assert whole.tobytes() == fifty.tobytes() == single.tobytes()


def test_features_by_name(model: OnnxModel) -> None:
    """The order of columns and further columns do not matter."""
    rows = np.array(GOLD.rows)
    turned = tuple(reversed(GOLD.features))
    assert score(model, rows[:, ::-1], turned).scores.tolist() == GOLD.scores
    wider = score(model, np.column_stack([rows, rows[:, 0]]), (*GOLD.features, "vwap"))
    assert wider.scores.tolist() == GOLD.scores


@pytest.mark.parametrize("state", [0, 2])
def test_row_without_a_feature(model: OnnxModel, state: int) -> None:
    """A row with a cold or degenerate feature gets no score; its neighbours keep theirs."""
    named = [dict(zip(GOLD.features, row, strict=True)) for row in GOLD.rows[:3]]
    rows = [Row(features=named[0]), Row(features=named[1], states={"atr_14": state}), Row(features=named[2])]
    output = model.score(columns_of(rows, GOLD.features))
    assert output.states.tolist() == [1, 0, 1]
    assert output.scores.tolist() == [GOLD.scores[0], 0.0, GOLD.scores[2]]


def test_feature_not_in_the_rows(model: OnnxModel) -> None:
    """Rows that lack a feature altogether do not fit the model: degraded."""
    output = score(model, np.array(GOLD.rows)[:, 1:], GOLD.features[1:])
    assert (output.degraded, output.degraded_reason) == (True, f"the rows lack feature {GOLD.features[0]}")


def test_no_rows(model: OnnxModel) -> None:
    """No rows get no scores, and nothing is degraded."""
    output = model.score(columns_of([], GOLD.features))
    assert (len(output.scores), output.degraded) == (0, False)


def test_nan_degrades(model: OnnxModel, monkeypatch: pytest.MonkeyPatch) -> None:
    """A score that is not a number degrades the whole answer."""
    monkeypatch.setattr(model, "_run", lambda rows: np.full(len(rows), np.nan))
    output = score(model, np.array(GOLD.rows))
    assert (output.degraded, output.degraded_reason) == (True, "a score is not a finite number")
    assert not output.states.any()


def test_extreme_rows_have_scores(model: OnnxModel) -> None:
    """The greatest floats still get a finite score."""
    wide = np.full((2, len(GOLD.features)), 1e300)
    wide[1, GOLD.features.index("atr_14")] = 0.0
    assert not score(model, wide).degraded


def test_changed_file(copy: Path) -> None:
    """A model file with one changed byte is refused by its digest."""
    content = bytearray((copy / "model.onnx").read_bytes())
    content[100] ^= 1
    (copy / "model.onnx").write_bytes(content)
    with pytest.raises(ModelError, match="has digest"):
        load_model(copy)


@pytest.mark.parametrize(
    ("change", "found"),
    [
        ({"features": ["rsi_14"]}, "takes 8 features, the manifest names 1"),
        ({"file": "gone.onnx"}, "No such file"),
        ({"file": "a\0b"}, "null byte"),
        ({"threshold": "high"}, "Expected `float`"),
    ],
)
def test_manifest_that_does_not_fit(copy: Path, change: dict[str, object], found: str) -> None:
    """A manifest that says something else than the file is refused with what was found."""
    manifest = json.loads((copy / "manifest.json").read_bytes())
    (copy / "manifest.json").write_text(json.dumps(manifest | change))
    with pytest.raises(ModelError, match=found):
        load_model(copy)


def test_infer_passes_what_it_needs(model: OnnxModel) -> None:
    """The handler's default list of features covers the model's."""
    assert set(model.manifest.features) <= set(Settings().infer_features)


def test_manifest_tells_the_baselines(model: OnnxModel) -> None:
    """The shipped figures stand beside a random score's and an untrained forest's, and beat both where it matters."""
    metrics = model.manifest.metrics
    assert metrics["auc"] > metrics["untrained_auc"] > metrics["random_auc"]
    assert metrics["alert_precision"] > metrics["untrained_alert_precision"] > metrics["random_alert_precision"]
    assert metrics["event_recall"] > metrics["random_event_recall"]


def test_card_shows_the_manifest(model: OnnxModel) -> None:
    """Every figure of the manifest stands in the card as it is."""
    card = (FOLDER / "card.md").read_text()
    manifest: Manifest = model.manifest
    shown = [f"{value:.4f}" for name, value in manifest.metrics.items() if name != PROMOTED]
    missing = [
        text for text in (manifest.version, str(manifest.threshold), *manifest.features, *shown) if text not in card
    ]
    assert missing == []


@pytest.fixture(scope="module")
def train() -> ModuleType:
    """Import the training script, which needs its extra."""
    for name in ("sklearn", "onnx"):
        pytest.importorskip(name, reason="the extra `train` is not installed")
    return importlib.import_module("functions.models.anomaly.train")


def vectors(rows: Float64) -> Float64:
    """Make 10,000 vectors around rows, the same every time, a tenth of them far out."""
    rng = np.random.default_rng(7)
    picked = rows[rng.integers(len(rows), size=10_000)]
    return picked * rng.choice([0.5, 1.0, 2.0, 20.0], p=[0.3, 0.3, 0.3, 0.1], size=picked.shape)


def test_decides_as_scikit_learn(train: ModuleType) -> None:
    """A forest and the model file made of it differ by less than 1e-6 on 10,000 vectors, and decide alike on all."""
    grown = train.grow(train.market(instruments=2, hour_s=600))
    rows = vectors(grown.windows.test.values)
    expected = train.scores_of(grown.forest, rows)
    scores = train.run(grown.content, rows)
    assert np.abs(scores - expected).max() < 1e-6
    assert ((scores >= grown.threshold) == (expected >= grown.threshold)).all()


@pytest.mark.skipif(not FULL, reason="training takes ten seconds: full tier only")
def test_training_again(train: ModuleType, model: OnnxModel) -> None:
    """Training again gives the shipped threshold, scores and figures, and decides as the shipped file does."""
    grown = train.grow(train.market())
    threshold = model.manifest.threshold
    assert grown.threshold == pytest.approx(threshold, abs=1e-5)
    assert train.run(grown.content, np.array(GOLD.rows)) == pytest.approx(GOLD.scores, abs=1e-6)
    rows = vectors(np.array(GOLD.rows))
    shipped, again = score(model, rows).scores, train.scores_of(grown.forest, rows)
    clear = np.abs(shipped - threshold) > 1e-6
    assert ((shipped >= threshold) == (again >= threshold))[clear].all()
    assert train.metrics_of(train.measure(grown)) == pytest.approx(model.manifest.metrics, abs=1e-4)
