"""How many is a whole number: none and less are no way to ask for all, and are refused in words."""

import pytest

from functions.cli.main import main


@pytest.mark.parametrize(
    ("words", "least"),
    [
        (("events", "list", "--limit"), 1),
        (("signals", "--limit"), 1),
        (("rewind", "bars", "--to", "2026-01-01T00:00:00Z", "--into", "shadow", "--limit"), 1),
        (("tape", "stretch", "tape.txt", "--out", "out.txt", "--times"), 1),
        (("portfolio", "--trades"), 0),
        (("performance", "--drifts"), 1),
    ],
)
def test_counts(words: tuple[str, ...], least: int, capsys: pytest.CaptureFixture[str]) -> None:
    """Each option that counts says what it takes, and with what it was met."""
    for text in (str(least - 1), "many"):
        assert main([*words, text]) == 2
        assert f"{text!r} is no whole number from {least} on" in capsys.readouterr().err


def test_counts_that_end(capsys: pytest.CaptureFixture[str]) -> None:
    """What reads no more than so many refuses more: it gave a thousand letters to whoever asked for five."""
    for text in ("0", "1001", "many"):
        assert main(["dlq", "list", "--limit", text]) == 2
        assert f"{text!r} is no whole number from 1 to 1000" in capsys.readouterr().err
