"""The `venue` verb scaffolds a venue and touches nothing that is there."""

import argparse
import ast
import pathlib

import pytest

from functions.cli import venue
from functions.cli.errors import CliError, UsageError

ROOT = pathlib.Path(__file__).parents[2]
FOLDERS = ("functions/wire/venues", "functions/adapters/venues", "tests/adapters")


def call(*words: object) -> int:
    parser = argparse.ArgumentParser()
    venue.register(parser)
    return venue.run(parser.parse_args([str(word) for word in words]))


@pytest.fixture
def checkout(tmp_path: pathlib.Path) -> pathlib.Path:
    for folder in FOLDERS:
        (tmp_path / folder).mkdir(parents=True)
    return tmp_path


def test_scaffold(checkout: pathlib.Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Decoder, connection and test are written under the venue's name; nothing of the template's name is left."""
    assert call("new", "acme", "--folder", checkout) == 0
    files = sorted(path for path in checkout.rglob("*") if path.is_file())
    assert [str(path.relative_to(checkout)) for path in files] == [
        "functions/adapters/venues/acme.py",
        "functions/wire/venues/acme.py",
        "tests/adapters/test_venue_acme.py",
    ]
    for path in files:
        text = path.read_text()
        assert ast.get_docstring(ast.parse(text))
        assert "template" not in text.lower()
        assert '"acme.v1"' in text
    assert capsys.readouterr().out.count("wrote ") == 3


def test_existing_names_are_refused(checkout: pathlib.Path) -> None:
    """A name that is taken in one place is taken: nothing is written anywhere."""
    taken = checkout / "tests" / "adapters" / "test_venue_acme.py"
    taken.write_text("mine")
    with pytest.raises(CliError, match="is there already, so acme is taken; nothing was written"):
        call("new", "acme", "--folder", checkout)
    assert [path for path in checkout.rglob("*") if path.is_file()] == [taken]
    assert taken.read_text() == "mine"


@pytest.mark.parametrize("name", ["binance", "rows", "registry"])
def test_the_names_of_this_checkout(name: str) -> None:
    """Venues and other modules that are here already are refused in this checkout."""
    with pytest.raises(CliError, match="is taken"):
        call("new", name, "--folder", ROOT)


@pytest.mark.parametrize("name", ["Acme", "1x", "a-b", "a.b", "../x", "class", "_x", "a" * 33, ""])
def test_names_that_cannot_be(name: str, checkout: pathlib.Path) -> None:
    """What cannot name a module and a dialect is refused."""
    with pytest.raises(UsageError, match="cannot name a venue's module"):
        call("new", name, "--folder", checkout)


def test_no_checkout(tmp_path: pathlib.Path) -> None:
    """A folder that is no checkout is refused."""
    with pytest.raises(CliError, match="--folder must name a checkout"):
        call("new", "acme", "--folder", tmp_path)
