"""`tickloom rules check` says where a rules file is wrong, or what its rules need."""

import json
import pathlib

import pytest

from functions.cli import main


@pytest.fixture
def file(tmp_path: pathlib.Path) -> pathlib.Path:
    """Give a place for a rules file."""
    return tmp_path / "mine.rules"


def test_shipped_is_right(capsys: pytest.CaptureFixture[str]) -> None:
    """Without a file the shipped rules are checked, and all that they need travels by default."""
    assert main.main(["rules", "check"]) == 0
    shown = capsys.readouterr().out
    assert "strategy mean_reversion: 5 rules to buy, 5 to sell, 0 vetoes" in shown
    assert "note" not in shown


def test_mistakes_have_places(file: pathlib.Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Each mistake is a line `file:line:column: text`, and the exit status is 1."""
    file.write_text("strategy mine\nbuy 10 low rsi_41 < 30\nemit_hold maybe\n")
    assert main.main(["rules", "check", str(file)]) == 1
    assert capsys.readouterr().out.splitlines() == [
        f"{file}:2:12: there is no feature `rsi_41`; did you mean `rsi_14`?",
        f"{file}:3:11: emit_hold is true or false, not `maybe`",
    ]


def test_what_does_not_travel(file: pathlib.Path, capsys: pytest.CaptureFixture[str]) -> None:
    """A feature that `infer` would not send on is said, for a rule on it would never speak."""
    file.write_text("strategy mine\nbuy 10 trend adx_14 > 30\n")
    assert main.main(["rules", "check", str(file)]) == 0
    assert "adx_14 must travel" in capsys.readouterr().out


def test_json(file: pathlib.Path, capsys: pytest.CaptureFixture[str]) -> None:
    """As JSON there are the mistakes, or what the rules need."""
    file.write_text("strategy mine\n")
    assert main.main(["rules", "check", str(file), "--json"]) == 1
    (problem,) = json.loads(capsys.readouterr().out)["problems"]
    assert (problem["line"], problem["column"]) == (2, 1)
    file.write_text("strategy mine\nsell 10 odd anomaly flags\nensemble none\n")
    assert main.main(["rules", "check", str(file), "--json"]) == 0
    told = json.loads(capsys.readouterr().out)
    assert (told["problems"], told["models"], told["ensemble"]) == ([], ["anomaly"], [])


def test_no_file(file: pathlib.Path, capsys: pytest.CaptureFixture[str]) -> None:
    """A file that is not there is wrong usage."""
    assert main.main(["rules", "check", str(file)]) == 2
    assert "cannot be read" in capsys.readouterr().err
