"""A model file gives scores and figures of the shape it promises, with the same bits whoever else is scored."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from modelled import Nodes, matrix, nan, out_of_memory, rows_of, slow, sound, squared, write_model, wrong_shape
from scored import Row, columns_of

from functions.adapters.onnx import ACCELERATORS, CPU, ModelError, load_model, providers_of
from functions.ports.models import ModelFailed

MANY = np.random.default_rng(3).normal(size=(257, 1))


def test_figures(tmp_path: Path) -> None:
    """Figures stand beside the scores, named; where a row is cold they are 0."""
    model = load_model(write_model(tmp_path / "m", squared, figures=("x", "square")))
    output = model.score(columns_of([Row(features={"x": 3.0}), Row(features={"x": 1.0}, states={"x": 0})]))
    assert (output.names, output.states.tolist()) == (("x", "square"), [1, 0])
    assert (output.scores.tolist(), output.values.tolist()) == ([6.0, 0.0], [[3.0, 9.0], [0.0, 0.0]])


def test_promised_figures_must_be_there(tmp_path: Path) -> None:
    """A manifest with figures and a graph without are refused."""
    folder = write_model(tmp_path / "m", squared, figures=("x", "square"))
    text = (folder / "manifest.json").read_text().replace('["x","square"]', '["x","square","cube"]')
    (folder / "manifest.json").write_text(text)
    with pytest.raises(ModelFailed, match=r"output values has shape \(1, 2\), not \(1, 3\)"):
        load_model(folder).run(rows_of(1))
    (folder / "manifest.json").write_text(text.replace("cube", "x"))
    with pytest.raises(ModelError, match="figures share a name"):
        load_model(folder)


@pytest.mark.parametrize("batch", [1, 8, 64])
def test_one_padded_shape(tmp_path: Path, batch: int) -> None:
    """A graph that is always run at one shape gives a row the same bits alone, among others and beyond that shape."""
    model = load_model(write_model(tmp_path / "m", matrix, batch=batch))
    whole = model.run(MANY).scores
    alone = np.concatenate([model.run(row[None]).scores for row in MANY])
    some = np.concatenate([model.run(MANY[begin : begin + 50]).scores for begin in range(0, len(MANY), 50)])
    assert whole.tobytes() == alone.tobytes() == some.tobytes()


@pytest.mark.parametrize(
    ("made", "reason"),
    [
        (nan, "a score is not a finite number"),
        (wrong_shape, "output scores has shape (1,), not (2,)"),
        (out_of_memory, "the model ran out of memory"),
    ],
)
def test_faults(tmp_path: Path, made: Callable[[], Nodes], reason: str) -> None:
    """What a model cannot score degrades the answer with its reason, and the next rows are scored."""
    model = load_model(write_model(tmp_path / "m", made))
    output = model.score(columns_of([Row(features={"x": -1.0}), Row(features={"x": 1.0})]))
    assert (output.degraded, output.degraded_reason) == (True, reason)
    assert not model.score(columns_of([Row(features={"x": 1.0})])).degraded


def test_figure_that_is_no_number(tmp_path: Path) -> None:
    """A figure that is not finite degrades too, and says that it was a figure."""
    model = load_model(write_model(tmp_path / "m", squared, figures=("x", "square")))
    with pytest.raises(ModelFailed, match="a figure is not"):
        model.run(rows_of(1e300))


def test_stop_without_a_run(tmp_path: Path) -> None:
    """To stop a model that does not run leaves its next run alone."""
    model = load_model(write_model(tmp_path / "m", slow))
    model.stop()
    assert model.run(rows_of(1.0)).scores.tolist() == [1.0]


def test_not_promoted_is_a_shadow(tmp_path: Path) -> None:
    """A model that lost to its baseline says of itself that it only stands beside."""
    model = load_model(write_model(tmp_path / "m", sound, metrics={"promoted": 0.0}))
    assert model.score(columns_of([Row(features={"x": 1.0})])).shadow


def test_device(monkeypatch: pytest.MonkeyPatch) -> None:
    """An accelerator is taken where the runtime lists one and it is not forbidden; the processor stands behind it."""
    monkeypatch.setattr("onnxruntime.get_available_providers", lambda: [CPU, ACCELERATORS[0], "Other"])
    assert providers_of("auto") == (ACCELERATORS[0], CPU)
    assert providers_of("cpu") == (CPU,)


def test_batch_below_zero(tmp_path: Path) -> None:
    """A manifest whose batch is below 0 is refused."""
    folder = write_model(tmp_path / "m")
    text = (folder / "manifest.json").read_text()
    (folder / "manifest.json").write_text(text.replace('"batch":0', '"batch":-1'))
    with pytest.raises(ModelError, match="batch must be at least 0"):
        load_model(folder)


def test_spec_is_the_manifest(tmp_path: Path) -> None:
    """What those who ask need to know is what the manifest says."""
    model = load_model(write_model(tmp_path / "m", sound, version="7", threshold=0.25))
    assert replace(model.spec, shadow=True) == replace(model.manifest.spec, shadow=True)
    assert (model.spec.name, model.spec.version, model.spec.threshold, model.spec.shadow) == ("m", "7", 0.25, False)
