"""`tickloom train` and `tickloom evaluate` find models by name, read what they are given, and show baselines beside."""

import builtins
import json
import pathlib
import sys
from collections.abc import Callable

import numpy as np
import pytest

from functions.adapters.onnx import load_model
from functions.cli import training
from functions.cli.main import main

Run = Callable[..., str]
NAME = "forecast_boosted"


@pytest.fixture
def run(capsys: pytest.CaptureFixture[str]) -> Run:
    """Give the command line: its exit status is checked, what it prints is given."""

    def call(*words: str, status: int = 0) -> str:
        assert main(words) == status
        said = capsys.readouterr()
        return said.err if status else said.out

    return call


@pytest.fixture
def bars(tmp_path: pathlib.Path) -> str:
    """Write 1,600 bars of a walk."""
    closes = 100.0 * np.exp(np.random.default_rng(8).standard_normal(1600).cumsum() * 1e-3)
    path = tmp_path / "bars.csv"
    path.write_text("close\n" + "\n".join(f"{close:.6f}" for close in closes))
    return str(path)


@pytest.fixture
def extra() -> None:
    """Ask for the extra `train`."""
    for library in ("sklearn", "onnx"):
        pytest.importorskip(library, reason="the extra `train` is not installed")


@pytest.mark.usefixtures("extra")
def test_train(run: Run, bars: str, tmp_path: pathlib.Path) -> None:
    """Training on a file writes a model that loads, of a version of its own, and shows its figures."""
    out = tmp_path / "model"
    registry = tmp_path / "registry"
    said = run("train", NAME, "--data", bars, "--out", str(out), "--register", str(registry)).splitlines()
    manifest = load_model(out).manifest
    kept = registry / NAME / manifest.version
    assert f"registered as {kept}" in said
    assert {path.name for path in kept.iterdir()} == {"manifest.json", "golden.json", manifest.file}
    assert manifest.window["data"] == "bars.csv"
    assert said[0] == f"wrote {NAME} {manifest.version} to {out}"
    assert [line.split()[0] for line in said[1:] if len(line.split()) == 2] == ["figure", *manifest.metrics]
    assert said[-1].startswith("not promoted") == (manifest.metrics["promoted"] == 0.0)


@pytest.mark.usefixtures("extra")
def test_evaluate(run: Run, bars: str) -> None:
    """A shipped model is measured on a file, each horizon in a table of its own with no change beside it."""
    tables = run("evaluate", NAME, "--data", bars).strip().split("\n\n")
    assert [table.splitlines()[0] for table in tables] == [f"bars.csv, 1544 rows, {n} bars ahead" for n in (1, 4, 24)]
    for table in tables:
        header, *rows = (line.split() for line in table.splitlines()[1:])
        assert header[0] == "mase"
        assert [row[0] for row in rows] == [NAME, "persistence"]
        assert rows[1][1] == "1.0000"


@pytest.mark.usefixtures("extra")
def test_evaluate_for_programs(run: Run, bars: str) -> None:
    """As JSON each line holds one scorer's figures on one part."""
    lines = [json.loads(line) for line in run("evaluate", NAME, "--data", bars, "--json").splitlines()]
    assert {line["scorer"] for line in lines} == {NAME, "persistence"}
    assert all(0.0 <= line["figures"]["coverage95"] <= 1.0 for line in lines)


@pytest.mark.usefixtures("extra")
def test_file_that_is_none(run: Run, tmp_path: pathlib.Path) -> None:
    """A file that cannot be read fails with one sentence."""
    said = run("evaluate", NAME, "--data", str(tmp_path / "none.csv"), status=1)
    assert "none.csv" in said
    assert len(said.splitlines()) == 1


@pytest.mark.parametrize("verb", ["train", "evaluate"])
def test_unknown_model(run: Run, verb: str) -> None:
    """A misspelt model is answered with the near one, and with all there are."""
    said = run(verb, "forecast_boost", status=2)
    assert f"did you mean `{NAME}`?" in said
    assert all(name in said for name in training.names())


def test_without_the_extra(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where a library of the extra is missing it says which, and how to get it."""
    for name in [name for name in sys.modules if name.startswith((f"functions.models.{NAME}.", "sklearn"))]:
        monkeypatch.delitem(sys.modules, name)
    found = builtins.__import__

    def missing(name: str, *rest: object) -> object:
        if name.partition(".")[0] == "sklearn":
            raise ModuleNotFoundError(name=name)
        return found(name, *rest)  # type: ignore[arg-type]  # as it came

    monkeypatch.setattr(builtins, "__import__", missing)
    said = run("train", NAME, status=1)
    assert "sklearn" in said
    assert "install the extra `train`" in said
