"""A folder goes on with the tape it was begun with, and with no other."""

import argparse
import pathlib

import pytest

from functions.cli import replay
from functions.cli.errors import CliError, UsageError
from functions.cli.replay import capture_of, check_tape
from functions.wire.errors import Malformed


def asked(*words: str) -> argparse.Namespace:
    parser = argparse.ArgumentParser()
    replay.register(parser)
    return parser.parse_args(words)


def test_each_content_is_its_own_capture(tmp_path: pathlib.Path) -> None:
    """Files of one name, one file changed, and one file read otherwise are told apart, and one as it was is kept."""
    folder = tmp_path / "replay"
    first, second = tmp_path / "a" / "day.csv", tmp_path / "b" / "day.csv"
    for path, price in ((first, "1.1"), (second, "1.2")):
        path.parent.mkdir()
        path.write_text(f"2024.01.02,00:0{price[-1]},{price},{price},{price},{price},7\n")
    words = (str(first), "--dialect", "mt4.csv", "--folder", str(folder))
    eur, usd = (asked(*words, "--symbol", symbol) for symbol in ("EURUSD", "USDJPY"))
    captures = [capture_of(first, eur), capture_of(second, eur), capture_of(first, usd)]
    assert [b",1.1," in one.read_bytes() for one in captures] == [True, False, True]
    assert len({*captures}) == 3
    kept = captures[0].stat().st_mtime_ns
    assert capture_of(first, eur) == captures[0]
    assert captures[0].stat().st_mtime_ns == kept
    first.write_bytes(second.read_bytes())
    assert capture_of(first, eur).read_bytes() == captures[1].read_bytes()


def test_what_cannot_be_read_leaves_no_note(tmp_path: pathlib.Path) -> None:
    """A tape that is refused is not the folder's tape: the same command, mended as the error says, is taken."""
    rows, capture = tmp_path / "day.csv", tmp_path / "tape.txt"
    rows.write_text("rubbish\n")
    capture.write_text("rubbish\n")
    for path, error in ((rows, UsageError), (capture, Malformed)):
        folder = tmp_path / f"of-{path.name}"
        with pytest.raises(error, match="--dialect"):
            replay.run(asked(str(path), "--folder", str(folder)))
        assert not folder.exists()


def test_a_dialect_that_nothing_reads(tmp_path: pathlib.Path) -> None:
    """A misspelt dialect is refused with those there are; every row of the tape would be a dead letter."""
    capture = tmp_path / "tape.txt"
    capture.write_text("1 {}\n")
    with pytest.raises(Malformed, match=r"'binance\.spott'; known are .*binance\.spot,"):
        capture_of(capture, asked(str(capture), "--dialect", "binance.spott"))


@pytest.mark.parametrize("speed", ["-1", "nan"])
def test_time_does_not_run_backwards(speed: str, tmp_path: pathlib.Path) -> None:
    """A speed below 0, or none, is refused: it would be taken for as fast as possible."""
    capture = tmp_path / "tape.txt"
    capture.write_text("1 {}\n")
    with pytest.raises(UsageError, match="--speed is"):
        replay.run(asked(str(capture), f"--speed={speed}", "--dialect", "binance.spot"))


def test_a_comma_separates_captures(tmp_path: pathlib.Path) -> None:
    """A path with a comma would be read as two, so it is refused; so is such a folder, in which captures are made."""
    capture = tmp_path / "eth, 2024.txt"
    capture.write_text("1 {}\n")
    for words in ((str(capture),), (str(tmp_path / "plain.txt"), "--folder", str(tmp_path / "a,b"))):
        with pytest.raises(UsageError, match="has a comma in it"):
            capture_of(pathlib.Path(words[0]), asked(*words, "--dialect", "binance.spot"))


def test_another_tape_is_refused(tmp_path: pathlib.Path) -> None:
    """The same tape goes on, as after a crash; another one, or other words for it, would be told as the first."""
    first, second = tmp_path / "a.txt", tmp_path / "b.txt"
    first.write_bytes(b"1 {}\n")
    second.write_bytes(b"2 {}\n")
    folder = tmp_path / "replay"
    for _ in range(2):
        check_tape(folder, [first], ("", ""))
    for files, words in (([second], ("", "")), ([first, second], ("", "")), ([first], ("kraken.v2", ""))):
        with pytest.raises(CliError, match="--fresh"):
            check_tape(folder, files, words)
