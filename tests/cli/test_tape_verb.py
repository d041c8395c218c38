"""The `tape` verb looks into captures and stretches them."""

import argparse
import gzip
import json
import pathlib

import pytest

from functions.cli import tape
from functions.cli.errors import CliError
from functions.wire.errors import Malformed

LINE = (
    '{} {{"stream":"ethusdt@trade","data":{{"e":"trade","E":1723161254000,"s":"ETHUSDT","t":{},"T":1723161254000}}}}\n'
)


def call(*words: str) -> int:
    parser = argparse.ArgumentParser()
    tape.register(parser)
    return tape.run(parser.parse_args(words))


@pytest.fixture
def capture(tmp_path: pathlib.Path) -> pathlib.Path:
    path = tmp_path / "tape.txt"
    path.write_text("".join(LINE.format(1723161254_000000000 + i, 100 + i) for i in range(10)) + "rubbish\n")
    return path


def test_info(capture: pathlib.Path, capsys: pytest.CaptureFixture[str]) -> None:
    """A capture's kinds, dialect and span are told, as words or as JSON."""
    assert call("info", str(capture), "--json") == 0
    told = json.loads(capsys.readouterr().out)
    assert (told["messages"], told["kinds"]) == (11, {"other": 1, "trade": 10})
    assert (told["dialect"], told["symbol"], told["span_s"]) == ("binance.spot", "ETHUSDT", 9e-09)
    assert call("info", str(capture)) == 0
    assert "10 trade" in capsys.readouterr().out


def test_a_capture_that_was_cut_off(capture: pathlib.Path, tmp_path: pathlib.Path) -> None:
    """A compressed capture without its end, or damaged within, is refused in words that name it and what to do."""
    whole = gzip.compress(capture.read_bytes())
    for name, data in (("short.gz", whole[:-12]), ("damaged.gz", whole[:40] + bytes(8) + whole[48:])):
        path = tmp_path / name
        path.write_bytes(data)
        with pytest.raises(Malformed, match=f"{name} is compressed and damaged, or was cut off"):
            call("info", str(path), "--dialect", "binance.spot")
        with pytest.raises(Malformed, match=f"zcat {path} > {path.with_suffix('.left')}$"):
            call("stretch", str(path), "--times", "2", "--out", str(tmp_path / "more"))


def test_info_of_a_named_dialect(tmp_path: pathlib.Path, capsys: pytest.CaptureFixture[str]) -> None:
    """A capture that does not tell its dialect is looked into as the error says: with the dialect named."""
    path = tmp_path / "tape.txt"
    path.write_text('1723161254000000000 {"sym":"AAPL","ev":"T"}\n')
    with pytest.raises(Malformed, match="name it with --dialect"):
        call("info", str(path))
    assert call("info", str(path), "--dialect", "lean.equity", "--json") == 0
    told = json.loads(capsys.readouterr().out)
    assert (told["dialect"], told["messages"]) == ("lean.equity", 1)


def test_stretch_as_json(capture: pathlib.Path, tmp_path: pathlib.Path, capsys: pytest.CaptureFixture[str]) -> None:
    """What was written is told as JSON to who asks so."""
    out = tmp_path / "out.txt"
    assert call("stretch", str(capture), "--times", "2", "--out", str(out), "--json") == 0
    told = json.loads(capsys.readouterr().out)
    assert told == {"messages": 22, "bytes": out.stat().st_size, "file": str(out)}


@pytest.mark.parametrize("name", ["out.txt", "out.gz"])
def test_stretch(capture: pathlib.Path, tmp_path: pathlib.Path, name: str) -> None:
    """The asked number of messages is written, compressed when the name says so, and always the same bytes."""
    out = tmp_path / name
    assert call("stretch", str(capture), "--messages", "25", "--out", str(out)) == 0
    first = out.read_bytes()
    assert call("stretch", str(capture), "--messages", "25", "--out", str(out)) == 0
    assert out.read_bytes() == first
    text = gzip.decompress(first) if name.endswith(".gz") else first
    ids = [json.loads(line.partition(b" ")[2])["data"]["t"] for line in text.splitlines() if line != b"rubbish"]
    assert (text.count(b"\n"), ids) == (25, list(range(100, 123)))


def test_stretch_of_another_venue(captures: pathlib.Path, tmp_path: pathlib.Path) -> None:
    """A capture whose ids nobody can shift is not repeated: every trade would come twice under one id."""
    out = tmp_path / "out"
    with pytest.raises(CliError, match="only captures of Binance can be stretched"):
        call("stretch", str(captures / "coinbase_ws_20210417_a" / "COINBASE.0"), "--times", "2", "--out", str(out))
    assert not out.exists()


def test_stretch_by_times(capture: pathlib.Path, tmp_path: pathlib.Path) -> None:
    """A capture can be repeated a number of times."""
    out = tmp_path / "out.txt"
    assert call("stretch", str(capture), "--times", "3", "--out", str(out)) == 0
    assert out.read_text().count("\n") == 33


def test_missing_capture() -> None:
    """A capture that is not there is named."""
    with pytest.raises(CliError, match=r"nowhere\.txt"):
        call("info", "nowhere.txt")
