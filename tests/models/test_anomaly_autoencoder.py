"""The shipped autoencoder is what its manifest says, scores as it was trained to, and says that it is no better."""

import importlib
from types import ModuleType
from typing import Any

import msgspec
import numpy as np
import pytest
from counts import FULL
from scored import Row, columns_of

from functions.adapters.onnx import PROMOTED, OnnxModel, load_model
from functions.domain.market import Float64
from functions.models.anomaly import GOLDEN, Golden
from functions.models.anomaly.inputs import FEATURES, derive
from functions.models.anomaly_autoencoder import FOLDER

GOLD = msgspec.json.decode((FOLDER / GOLDEN).read_bytes(), type=Golden)
TOLERANCE = 1e-9
"""What the card says."""
STEPS = 100
SCALES = ("mean", "deviation", "residual", "whitening")


@pytest.fixture(scope="module")
def model() -> OnnxModel:
    """Load the shipped model."""
    return load_model(FOLDER)


def score(model: OnnxModel, rows: Float64) -> Float64:
    """Score rows given as a matrix."""
    named = [Row(features=dict(zip(FEATURES, row, strict=True))) for row in rows.tolist()]
    output = model.score(columns_of(named, FEATURES))
    assert not output.degraded
    return output.scores


def vectors(count: int) -> Float64:
    """Make rows around the golden ones, the same every time, a tenth of their numbers far out."""
    rng = np.random.default_rng(7)
    picked = np.array(GOLD.rows)[rng.integers(len(GOLD.rows), size=count)]
    return picked * rng.choice([0.5, 1.0, 2.0, 20.0], p=[0.3, 0.3, 0.3, 0.1], size=picked.shape)


def test_golden_scores(model: OnnxModel) -> None:
    """Golden rows get their golden scores, which stand on both sides of the threshold."""
    assert score(model, np.array(GOLD.rows)) == pytest.approx(GOLD.scores, abs=TOLERANCE)
    assert min(GOLD.scores) < model.manifest.threshold <= max(GOLD.scores)


def test_alone_or_among_others(model: OnnxModel) -> None:
    """A row has the same score bits in a batch of 1, 7, 50 or 500."""
    rows = vectors(500)
    whole = score(model, rows).tobytes()
    for size in (1, 7, 50):
        assert np.concatenate([score(model, rows[n : n + size]) for n in range(0, 500, size)]).tobytes() == whole


def test_extreme_rows_have_scores(model: OnnxModel) -> None:
    """The greatest floats still get a score, which is the most unusual there is."""
    wide = np.full((2, len(FEATURES)), 1e300)
    wide[1, FEATURES.index("atr_14")] = 0.0
    assert score(model, wide) == pytest.approx([1.0, 1.0])


def test_manifest_tells_the_baselines(model: OnnxModel) -> None:
    """The shipped figures beat a random score's; a model that does not beat the untrained one is only a shadow."""
    metrics = model.manifest.metrics
    assert metrics["event_f1"] > metrics["random_event_f1"]
    assert metrics[PROMOTED] == float(metrics["event_f1"] > metrics["untrained_event_f1"])
    assert model.spec.shadow == (metrics[PROMOTED] == 0.0)


def test_card_shows_the_manifest(model: OnnxModel) -> None:
    """Every figure of the manifest stands in the card as it is."""
    card = (FOLDER / "card.md").read_text()
    manifest = model.manifest
    shown = [f"{value:.4f}" for name, value in manifest.metrics.items() if name != PROMOTED]
    wanted = (manifest.version, str(manifest.threshold), *manifest.features, *shown)
    assert [text for text in wanted if text not in card] == []


@pytest.fixture(scope="module")
def train() -> ModuleType:
    """Import the training script, which needs its extra."""
    for name in ("jax", "onnx"):
        pytest.importorskip(name, reason="the extra `train` is not installed")
    return importlib.import_module("functions.models.anomaly_autoencoder.train")


@pytest.fixture(scope="module")
def trained(train: ModuleType) -> Any:  # noqa: ANN401 - the training script is loaded late
    """Train a little on a small market."""
    return train.learn(train.market(instruments=1, hour_s=600), steps=STEPS)


def test_decides_as_its_trainer(train: ModuleType, trained: Any) -> None:  # noqa: ANN401 - loaded late
    """A network and the model file made of it agree on 10,000 vectors, and decide alike beyond the tolerance."""
    rows = vectors(10_000)
    expected, scores = trained.network.scores(derive(rows)), train.run(trained.content, rows)
    assert np.abs(scores - expected).max() < TOLERANCE
    clear = np.abs(expected - trained.threshold) > TOLERANCE
    assert ((scores >= trained.threshold) == (expected >= trained.threshold))[clear].all()


def test_shipped_file_is_the_network(train: ModuleType, model: OnnxModel) -> None:
    """The shipped file and the trainer's arithmetic with its weights agree on 10,000 vectors, decisions included."""
    onnx = importlib.import_module("onnx")
    graph = onnx.load(FOLDER / model.manifest.file).graph
    had = {one.name: onnx.numpy_helper.to_array(one) for one in graph.initializer}
    layers = tuple((had[f"weights_{n}"], had[f"offsets_{n}"]) for n in range(1, 5))
    network = train.Network(layers=layers, **{name: had[name] for name in SCALES}, usual=float(had["usual"]))
    rows = vectors(10_000)
    expected, scores = network.scores(derive(rows)), score(model, rows)
    assert np.abs(scores - expected).max() < TOLERANCE
    clear = np.abs(expected - model.manifest.threshold) > TOLERANCE
    assert ((scores >= model.manifest.threshold) == (expected >= model.manifest.threshold))[clear].all()


def test_score_rises_with_the_error(trained: Any) -> None:  # noqa: ANN401 - loaded late
    """The worse a row is put together, the higher its score."""
    inputs = derive(vectors(500))
    ranked = np.argsort(trained.network.errors(inputs), kind="stable")
    assert (np.diff(trained.network.scores(inputs)[ranked]) >= 0.0).all()


def test_training_lowers_the_error(train: ModuleType, trained: Any) -> None:  # noqa: ANN401 - loaded late
    """A network puts rows it has not seen together better than the one it began as."""
    inputs = derive(trained.windows.test.values)
    scaled = (inputs - trained.network.mean) / trained.network.deviation
    drawn = train.learn(trained.windows, steps=0).network
    assert np.square(trained.network.residuals(scaled)).mean() < np.square(drawn.residuals(scaled)).mean()


def test_same_seed_same_bytes(train: ModuleType, trained: Any) -> None:  # noqa: ANN401 - loaded late
    """Training twice gives the same file to the byte."""
    assert train.learn(trained.windows, steps=STEPS).content == trained.content


@pytest.mark.skipif(not FULL, reason="training takes ten seconds: full tier only")
def test_training_again(train: ModuleType, model: OnnxModel) -> None:
    """Training again gives the shipped threshold, scores and figures, but for what another processor rounds."""
    again = train.learn(train.market())
    threshold = model.manifest.threshold
    assert again.threshold == pytest.approx(threshold, abs=1e-3)
    rows = vectors(10_000)
    scores, shipped = again.network.scores(derive(rows)), score(model, rows)
    assert scores == pytest.approx(shipped, abs=1e-3)
    clear = np.abs(shipped - threshold) > 2e-3
    assert ((scores >= again.threshold) == (shipped >= threshold))[clear].all()
    assert train.metrics_of(train.measure(again)) == pytest.approx(model.manifest.metrics, abs=0.01)
