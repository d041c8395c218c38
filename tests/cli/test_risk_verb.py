"""`tickloom risk limits` puts a file of limits in force, shows what is, and refuses what is no such file."""

import json
import pathlib
from collections.abc import Callable

import pytest

import functions.services.risk
from functions.cli.main import main

Run = Callable[..., str]

SHIPPED = pathlib.Path(functions.services.risk.__file__).parent / "limits.json"


@pytest.fixture
def run(database_url: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Run:
    """Give the verb with a real store: its exit status is checked, what it prints is given."""
    monkeypatch.setenv("DATABASE_URL", database_url)

    def call(*words: str | pathlib.Path, status: int = 0) -> str:
        assert main(["risk", "limits", *map(str, words)]) == status
        said = capsys.readouterr()
        return said.err if status else said.out

    return call


def test_limits(run: Run, tmp_path: pathlib.Path) -> None:
    """What was loaded last is in force and named by its digest; before, nothing is; a broken file changes nothing."""
    assert "no limits were loaded" in run("show", status=1)
    other = tmp_path / "other.json"
    other.write_text(SHIPPED.read_text().replace("0.95", "0.5"))
    first = json.loads(run("load", SHIPPED, "--json"))
    second = json.loads(run("load", other, "--json"))
    assert (first["before"], second["before"]) == ("", first["version"])
    assert second["version"] in run("show")
    other.write_text("{}")
    assert "missing" in run("load", other, status=1)
    assert json.loads(run("show", "--json"))["version"] == second["version"]


@pytest.mark.parametrize("words", [("load",), ("show", "file.json"), ("load", "nowhere.json")])
def test_wrong_usage(run: Run, words: tuple[str, ...]) -> None:
    """To load needs a file that is there, to show needs none."""
    assert run(*words, status=1 if "nowhere.json" in words else 2)
