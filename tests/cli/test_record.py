"""The `record` verb writes a tape that replay reads back as it was heard."""

import argparse
import gzip
import json
import pathlib
import signal
import subprocess
import time
from collections import Counter
from collections.abc import Iterator

import pytest
from runs import BIN, environment, tickloom

from functions.adapters.tapes import Reel, Spool
from functions.cli import record
from functions.cli.errors import CliError, UsageError
from functions.cli.record import Recorder
from functions.ports.venue import Received
from functions.wire.tape import TapeOptions, kind_of


@pytest.fixture
def venue(request: pytest.FixtureRequest) -> Iterator[tuple[str, tuple[str, ...]]]:
    """Run a simulated venue; give its dialect and the words that say where it is."""
    dialect = str(request.param)
    command = [str(BIN / "tickloom"), "sim", dialect, "--rate", "200"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, env=environment()) as process:  # noqa: S603 - ours
        assert process.stdout is not None
        told = json.loads(process.stdout.readline())
        url = told["websocket"] + ("/v2" if dialect == "kraken.v2" else "")
        yield dialect, ("--websocket-url", url, "--rest-url", told["rest"])
        process.terminate()


def rows(tape: pathlib.Path, dialect: str) -> list[tuple[str, bytes, int]]:
    """Give every row that replay would, with its symbol and receive time."""
    options = TapeOptions("", "", dialect)
    return [
        (batch.symbol, batch.payload[batch.offsets[i] : batch.offsets[i + 1]], int(batch.ts_receive[i]))
        for batch in Reel((tape,), options, Spool(pathlib.Path())).batches()
        for i in range(batch.row_count)
    ]


@pytest.mark.parametrize("venue", ["binance.spot"], indirect=True)
@pytest.mark.parametrize("name", ["tape.txt", "tape.txt.gz"])
def test_record(venue: tuple[str, tuple[str, ...]], tmp_path: pathlib.Path, name: str) -> None:
    """For a time everything is recorded, books with their symbols; the tape reads back, and is never written over."""
    dialect, where = venue
    out = tmp_path / name
    words = ("record", "--dialect", dialect, "--symbols", "BTCUSDT,ETHUSDT", "--out", out, "--seconds", "2", *where)
    told = tickloom(*words).stdout
    found = rows(out, dialect)
    kinds = Counter(kind_of(row) for _, row, _ in found)
    assert {"trade", "bookTicker", "depth"} <= set(kinds)
    assert sorted(symbol for symbol, row, _ in found if kind_of(row) == "snapshot") == ["BTCUSDT", "ETHUSDT"]
    assert all(ts > 1_700_000_000 * 10**9 for _, _, ts in found)
    assert f"{len(found):,} messages over 1 connections" in told
    text = gzip.decompress(out.read_bytes()) if name.endswith(".gz") else out.read_bytes()
    assert text.startswith(b"ws://127.0.0.1:")
    assert tickloom(*words, check=False).returncode == 1


@pytest.mark.parametrize("venue", ["kraken.v2"], indirect=True)
def test_interrupted(venue: tuple[str, tuple[str, ...]], tmp_path: pathlib.Path) -> None:
    """Interrupted, it ends well: exit status 0 and a whole tape, with what was sent to the venue beside it."""
    dialect, where = venue
    out = tmp_path / "tape.gz"
    words = ["record", "--dialect", dialect, "--symbols", "BTC/USD", "--out", str(out), *where]
    process = subprocess.Popen([str(BIN / "tickloom"), *words], stdout=subprocess.PIPE, env=environment())  # noqa: S603 - ours
    grown(out, 2_000)
    process.send_signal(signal.SIGINT)
    told, _ = process.communicate(timeout=20)
    assert process.returncode == 0
    assert b"messages over 1 connections" in told
    text = gzip.decompress(out.read_bytes())
    assert text.count(b'" <- ') + text.count(b" <- ") == 3
    assert len(rows(out, dialect)) == text.count(b"\n") - 4


def grown(path: pathlib.Path, size: int) -> None:
    """Wait until a file that another process writes has grown: it has no event we could wait for."""
    end = time.monotonic() + 20
    while not path.exists() or path.stat().st_size < size:
        assert time.monotonic() < end, "nothing was recorded"
        time.sleep(0.05)


def call(*words: object) -> int:
    parser = argparse.ArgumentParser()
    record.register(parser)
    return record.run(parser.parse_args([str(word) for word in words]))


def test_refusals(tmp_path: pathlib.Path) -> None:
    """An unknown dialect, no symbol, no such time, or a tape that is there is refused before anything is connected."""
    out = tmp_path / "tape"
    with pytest.raises(UsageError, match="no venue is connected to as 'nowhere"):
        call("--dialect", "nowhere.spot", "--symbols", "X", "--out", out)
    with pytest.raises(UsageError, match="one connection carries"):
        call("--dialect", "binance.spot", "--symbols", ",", "--out", out)
    for seconds in ("-1", "nan"):
        with pytest.raises(UsageError, match="expected how long to record"):
            call("--dialect", "binance.spot", "--symbols", "X", "--out", out, "--seconds", seconds)
    assert not out.exists()
    out.touch()
    with pytest.raises(CliError, match="is there already"):
        call("--dialect", "binance.spot", "--symbols", "X", "--out", out)


async def test_rest_rows_keep_their_symbol(tmp_path: pathlib.Path) -> None:
    """An answer over REST is read back with the symbol it is about, and on one line; the first is the tape's own."""
    tape = tmp_path / "tape"
    with tape.open("wb") as file:
        recorder = Recorder(file)
        await recorder.put(Received(b"[]", 1_700_000_000_123_456_789, "BTC-USD", url="https://x/p/BTC-USD/trades"))
        await recorder.put(Received(b'{\n"bids": []}', 1_700_000_001_000_000_000, "XY", url="https://x/d?symbol=XY"))
        await recorder.put(Received(b'{"type":"match"}', 1_700_000_002_000_000_000))
        recorder.connected("wss://x/feed", 1_700_000_003_000_000_000)
        recorder.sent("wss://x/feed", 1_700_000_003_000_000_000, '{"type":"subscribe"}')
    assert rows(tape, "coinbase.exchange") == [
        ("BTC-USD", b"[]", 1_700_000_000_123_456_789),
        ("XY", b'{ "bids": []}', 1_700_000_001_000_000_000),
        ("BTC-USD", b'{"type":"match"}', 1_700_000_002_000_000_000),
    ]
