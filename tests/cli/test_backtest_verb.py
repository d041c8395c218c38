"""`tickloom backtest` refuses what it cannot do before anything runs, each time with what to do."""

import pathlib

import pytest

from functions.cli import main

TAPE = "tape.txt"


@pytest.fixture(autouse=True)
def here(tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Work beside an empty capture."""
    (tmp_path / TAPE).touch()
    monkeypatch.chdir(tmp_path)


@pytest.mark.parametrize(
    ("words", "said", "status"),
    [
        (["missing.txt"], "there is no capture at missing.txt", 1),
        ([TAPE, "--from", "yesterday"], "give RFC 3339", 2),
        ([TAPE, "--to", "1723204800"], "18 or 19 digits: seconds", 2),
        ([TAPE, "--from", "2300-01-01T00:00:00Z"], "years behind 2262 are none", 2),
        ([TAPE, "--from", "2024-08-09T00:00:00Z", "--to", "1723075200000000000"], "--from is not before --to", 2),
        ([TAPE, "--fee-bps", "ten"], "--fee-bps: 'ten' is no plain decimal", 2),
        ([TAPE, "--slippage-bps", "-1"], "slippage is 0 to 10,000 bps", 2),
        ([TAPE, "--latency-ms", "-1"], "a delay is not negative", 2),
        ([TAPE, "--capital", "0"], "--capital is 0", 2),
        (["tape.csv"], "there is no capture", 1),
    ],
)
def test_wrong_words(words: list[str], said: str, status: int, capsys: pytest.CaptureFixture[str]) -> None:
    """Words that make no backtest end the command with one sentence and the right status."""
    assert main.main(["backtest", *words]) == status
    assert said in capsys.readouterr().err


def test_a_table_needs_its_dialect(capsys: pytest.CaptureFixture[str]) -> None:
    """A file that does not tell its dialect is refused, as replay does."""
    pathlib.Path("trades.csv").touch()
    assert main.main(["backtest", "trades.csv"]) == 2
    assert "name it with --dialect" in capsys.readouterr().err
