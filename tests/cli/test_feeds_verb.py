"""`tickloom feeds` shows every feed's state and the newest quality of each instrument."""

import contextlib
import json
import pathlib

import numpy as np
import pytest

from functions.cli import main
from functions.domain.market import RawBatch
from functions.domain.quality import FeedQuality, InstrumentQuality
from functions.local.log import DiskLog
from functions.wire.codecs.quality import FEED_QUALITY, encode_quality
from functions.wire.envelope import Event
from functions.wire.raw import raw_event

T0 = 1_700_000_000_000_000_000


def raw(number: int, rows: int, *, feed: str, end: bool = False) -> Event:
    """Make batch `number` of a feed."""
    batch = RawBatch(
        shard="BINANCE-0",
        stream=f"BINANCE-0.{feed}",
        dialect="binance.spot",
        first_row=number * 10,
        payload=b"{}" * rows,
        offsets=np.arange(rows + 1, dtype=np.uint32) * 2,
        ts_receive=np.full(rows, T0, np.int64),
        heartbeat=not rows and not end,
        end_of_tape=end,
        ts_cut_ns=T0 if not rows else 0,
    )
    return raw_event(batch, number, feed=feed)


def told(number: int, **counts: int) -> Event:
    """Make the quality of one instrument in window `number`."""
    window = InstrumentQuality("ETH-USDT.BINANCE", T0 + number, T0 + number + 1, **counts)
    data = encode_quality(FeedQuality("BINANCE-0", (window,)))
    return Event(f"q{number}", "/tickloom/tables/bars/BINANCE-0.quality", FEED_QUALITY, data)


@pytest.fixture
def folder(tmp_path: pathlib.Path) -> pathlib.Path:
    """Give a folder in which one feed has ended and another is live."""
    with contextlib.closing(DiskLog(tmp_path / "log" / "market.sqlite")) as log:
        for event in (
            raw(0, 10, feed="replay"),
            raw(1, 3, feed="replay"),
            told(0, rows=9),
            raw(0, 0, feed="stream"),
            raw(2, 0, feed="replay", end=True),
            told(1, rows=4, missing_trades=2),
        ):
            log.append(event)
    return tmp_path


def shown(folder: pathlib.Path, capsys: pytest.CaptureFixture[str], *words: str) -> str:
    """Run the verb."""
    assert main.main(["feeds", "--folder", str(folder), *words]) == 0
    return capsys.readouterr().out


def test_state_of_each_feed(folder: pathlib.Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Each feed tells its dialect, batches, rows and whether its tape has ended."""
    feeds = json.loads(shown(folder, capsys, "--json"))["feeds"]
    assert [(one["source"].rsplit(".", 1)[-1], one["state"], one["batches"], one["rows"]) for one in feeds] == [
        ("replay", "ended", 3, 20),
        ("stream", "live", 1, 0),
    ]


def test_newest_quality(folder: pathlib.Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Of each instrument the newest window is shown."""
    (quality,) = json.loads(shown(folder, capsys, "--json"))["quality"]
    assert (quality["rows"], quality["missing_trades"]) == (4, 2)
    assert shown(folder, capsys).splitlines()[-1].split()[:5] == ["ETH-USDT.BINANCE", "22:13:20", "4", "0", "2"]


def test_empty_log(tmp_path: pathlib.Path, capsys: pytest.CaptureFixture[str]) -> None:
    """A platform whose feeds have sent nothing says so."""
    DiskLog(tmp_path / "log" / "market.sqlite").close()
    assert "no feed has sent anything yet" in shown(tmp_path, capsys)
    assert "no window" in shown(tmp_path, capsys)


def test_no_log(tmp_path: pathlib.Path) -> None:
    """A folder without logs is an error."""
    assert main.main(["feeds", "--folder", str(tmp_path)]) == 1
