"""`tickloom reentry` says where rules are wrong, and shows what they decide as a table, as JSON or as a picture."""

import json
import pathlib
from xml.etree import ElementTree as ET

import pytest
from reentered import HEAD

from functions.cli import main
from functions.handlers.reenter.main import SHIPPED

REST = "when any any any any stop\n"


@pytest.fixture
def file(tmp_path: pathlib.Path) -> pathlib.Path:
    """Give a place for a rules file."""
    return tmp_path / "mine.rules"


def test_shipped_is_right(capsys: pytest.CaptureFixture[str]) -> None:
    """Without a file the shipped rules are checked, and what they are about is said."""
    assert main.main(["reentry", "check"]) == 0
    shown = capsys.readouterr().out.splitlines()
    assert shown[:3] == [
        f"{SHIPPED}:",
        "rules     8 decide all 54 cases",
        "held      quick to 4 bars, steady to 23 bars, full without bound",
    ]
    assert "follows   USDC USD, USDT USD" in shown


@pytest.mark.parametrize("what", ["check", "show"])
def test_mistakes_have_places(what: str, file: pathlib.Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Each mistake is a line `file:line:column: text`, and the exit status is 1."""
    file.write_text(HEAD + REST + "when ever any any any stop\nwhen loss any none any go\n")
    assert main.main(["reentry", what, str(file)]) == 1
    assert capsys.readouterr().out.splitlines() == [
        f"{file}:8:6: there is no ending `ever`",
        f"{file}:9:24: there is no reaction `go`",
    ]


def test_table(file: pathlib.Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Each cell of the table says what is done, how large, and by which line."""
    file.write_text(HEAD + REST + "when loss quick none 1 reverse 0.50\n")
    assert main.main(["reentry", "show", str(file)]) == 0
    head, *rows = capsys.readouterr().out.splitlines()[1:]
    assert head.split() == ["none", "0", "none", "1", "before", "0", "before", "1", "after", "0", "after", "1"]
    assert [row.split()[:2] for row in rows[:6]] == [
        [ending, held] for ending in ("win", "scratch", "loss") for held in ("quick", "long")
    ]
    assert "reverse 0.5 :8" in rows[4]
    assert rows[4].count("stop :7") == 5
    assert rows[6] == "from generation 2 on: stop :6"


def test_json(file: pathlib.Path, capsys: pytest.CaptureFixture[str]) -> None:
    """As JSON there are the mistakes, or the digest and every case with who decides it."""
    file.write_text(HEAD)
    assert main.main(["reentry", "check", str(file), "--json"]) == 1
    (problem,) = json.loads(capsys.readouterr().out)["problems"]
    assert (problem["line"], problem["column"]) == (7, 1)
    file.write_text(HEAD + REST + "when win long after 0 reenter 1 cap 1 1.5\n")
    assert main.main(["reentry", "check", str(file), "--json"]) == 0
    told = json.loads(capsys.readouterr().out)
    assert (told["problems"], told["cases_count"], "cases" in told) == ([], 36, False)
    assert main.main(["reentry", "show", str(file), "--json"]) == 0
    cases = json.loads(capsys.readouterr().out)["cases"]
    (enters,) = [one for one in cases if one["reaction"] == "reenter"]
    assert (enters["duration"], enters["proximity"], enters["generation"]) == ("long", "after", 0)
    assert (enters["size_factor"], enters["generation_max"], enters["notional_factor_max"]) == ("1", 1, "1.5")
    assert (enters["line"], len(cases)) == (8, 36)


def test_picture(file: pathlib.Path, tmp_path: pathlib.Path) -> None:
    """The picture is written to the named file, and only for `show`."""
    file.write_text(HEAD + REST)
    drawn = tmp_path / "drawn.svg"
    assert main.main(["reentry", "show", str(file), "--svg", str(drawn)]) == 0
    assert ET.fromstring(drawn.read_text()).tag.endswith("svg")  # noqa: S314 - our own
    assert main.main(["reentry", "check", str(file), "--svg", str(drawn)]) == 2


def test_no_file(file: pathlib.Path, capsys: pytest.CaptureFixture[str]) -> None:
    """A file that is not there is wrong usage."""
    assert main.main(["reentry", "check", str(file)]) == 2
    assert "cannot be read" in capsys.readouterr().err
