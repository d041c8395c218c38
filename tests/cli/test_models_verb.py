"""`tickloom models` lists versions with what they are asked for, and changes it; what cannot be served is said."""

import json
import pathlib
import shutil
from collections.abc import Callable
from typing import Any

import pytest

from functions.adapters.model_registry import FileModels, register
from functions.adapters.onnx import MANIFEST
from functions.cli.main import main
from functions.cli.training import FOLDER

Run = Callable[..., str]
NAME = "anomaly"


@pytest.fixture
def run(capsys: pytest.CaptureFixture[str]) -> Run:
    """Give the command line: its exit status is checked, what it prints is given."""

    def call(*words: str, status: int = 0) -> str:
        assert main(words) == status
        said = capsys.readouterr()
        return said.err if status else said.out

    return call


@pytest.fixture
def registry(tmp_path: pathlib.Path) -> pathlib.Path:
    """Make a registry with three versions of a model, the third of which training did not promote."""
    root = tmp_path / "registry"
    for version, promoted in (("1", 1.0), ("2", 1.0), ("3", 0.0)):
        folder = tmp_path / version
        shutil.copytree(FOLDER / NAME, folder, ignore=shutil.ignore_patterns("__pycache__"))
        manifest = json.loads((folder / MANIFEST).read_bytes())
        manifest |= {"version": version, "metrics": manifest["metrics"] | {"promoted": promoted}}
        (folder / MANIFEST).write_text(json.dumps(manifest))
        register(folder, root)
    return root


def roles(said: str) -> dict[str, Any]:
    """Read what each version is asked for."""
    return {one["version"]: (one["role"], one["share"]) for one in json.loads(said)}


def test_shipped(run: Run) -> None:
    """Every shipped model is listed, its version, what it is asked for, and its digest."""
    said = {line.split()[0]: line.split()[1:] for line in run("models", "list").splitlines()[1:]}
    assert set(said) == {path.parent.name for path in FOLDER.glob("*/*manifest.json")}
    assert said["anomaly"][1] == "champion"
    assert said["forecast_lstm"][1] == "shadow"
    assert all(len(digest) == 12 for _, _, digest in said.values())


def test_serve(run: Run, registry: pathlib.Path) -> None:
    """What is said of versions is what the service asks; one that was not promoted stands beside, whatever is said."""
    words = ("--champion", "1", "--challenger", "2", "--share", "0.25", "--shadow", "3")
    said = run("models", "serve", NAME, "--registry", str(registry), *words, "--json")
    assert roles(said) == {"1": ("champion", 0.0), "2": ("challenger", 0.25), "3": ("shadow", 0.0)}
    models = FileModels(registry)
    models.refresh()
    (lineup,) = models.lineups
    assert [one.spec.version for one in lineup.models] == ["1", "2", "3"]
    said = run("models", "serve", NAME, "--registry", str(registry), "--champion", "3", "--json")
    assert roles(said) == {"1": ("", 0.0), "2": ("", 0.0), "3": ("shadow", 0.0)}


@pytest.mark.parametrize(
    ("words", "status", "told"),
    [
        (("serve",), 2, "say what is asked"),
        (("serve", NAME, "--champion", "1", "--challenger", "2"), 2, "a challenger gets a share"),
        (("serve", NAME, "--champion", "1", "--share", "0.5"), 2, "a challenger gets a share"),
        (("serve", NAME, "--champion", "1", "--challenger", "2", "--share", "2"), 2, "a challenger gets a share"),
        (("serve", NAME, "--champion", "1", "--shadow", "1"), 2, "is asked as one thing"),
        (("serve", NAME, "--champion", "1", "--challenger", "1", "--share", "0.5"), 2, "is asked as one thing"),
        (("serve", NAME, "--shadow", "1", "--challenger", "2", "--share", "0.5"), 2, "needs a champion"),
        (("serve", NAME, "--champion", "9"), 1, "there is no version 9"),
        (("list", "anomoly"), 1, "there are anomaly"),
    ],
)
def test_refused(run: Run, registry: pathlib.Path, words: tuple[str, ...], status: int, told: str) -> None:
    """What makes no sense is said in a sentence, and changes nothing."""
    assert told in run("models", *words, "--registry", str(registry), status=status)
    assert not (registry / NAME / "serving.json").exists()


def test_shipped_models_stay(run: Run) -> None:
    """What was shipped is not changed from here."""
    assert "name a registry of your own" in run("models", "serve", NAME, "--champion", "1.0.0", status=1)


def test_problems(run: Run, registry: pathlib.Path) -> None:
    """A model without a word on what is asked of it, or with a manifest that cannot be read, says so."""
    assert "no serving.json says which" in run("models", "list", "--registry", str(registry))
    said = roles(run("models", "list", "--registry", str(registry), "--json"))
    assert {version for version in said if version} == {"1", "2", "3"}
    run("models", "serve", NAME, "--registry", str(registry), "--champion", "1")
    (registry / NAME / "2" / MANIFEST).write_text("{")
    assert f"{NAME} 2: " in run("models", "list", "--registry", str(registry))
    assert "there is no registry" in run("models", "list", "--registry", str(registry / "none"), status=1)
