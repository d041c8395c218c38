"""`tickloom events` shows what lies in the logs of a folder, and follows what comes."""

import argparse
import contextlib
import json
import pathlib
import subprocess
import sys
from collections.abc import Iterator

import pytest
from ticking import T0, Trade, batch

from functions.cli import events, main
from functions.local.log import DiskLog
from functions.wire.codecs.market import encode_tick_batch
from functions.wire.envelope import Event
from functions.wire.facts import sequence_text

TICKS = "tickloom.market.v1.TickBatch"


def tick_event(number: int, rows: int = 2) -> Event:
    """Make a TickBatch event."""
    data = encode_tick_batch(batch([Trade(T0 + at, id=at) for at in range(rows)]))
    extensions = {"sequence": sequence_text(number), "partitionkey": "BINANCE-0"}
    return Event(f"tick-{number}", "/tickloom/handlers/normalize/BINANCE-0.replay", TICKS, data, extensions=extensions)


def other_event(number: int) -> Event:
    """Make an event of another source and type."""
    return Event(f"other-{number}", "/tickloom/tables/bars/BINANCE-0", "tickloom.market.v1.GapDetected", b"\xff")


@pytest.fixture
def folder(tmp_path: pathlib.Path) -> pathlib.Path:
    """Give a platform's folder with events on two brokers: the other ones, then the ticks."""
    for name, made in (("desk", other_event), ("market", tick_event)):
        with contextlib.closing(DiskLog(tmp_path / "log" / f"{name}.sqlite")) as log:
            for number in range(5):
                log.append(made(number))
    return tmp_path


def shown(capsys: pytest.CaptureFixture[str], *words: str, folder: pathlib.Path) -> str:
    """Run the verb and give what it printed."""
    assert main.main(["events", *words, "--folder", str(folder)]) == 0
    return capsys.readouterr().out


def ids(text: str) -> list[str]:
    """Take the ids from lines of text."""
    return [line.split()[-1] for line in text.splitlines()]


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        ((), [f"other-{at}" for at in range(5)] + [f"tick-{at}" for at in range(5)]),
        (("--limit", "2"), ["tick-3", "tick-4"]),
        (("--broker", "desk", "--limit", "1"), ["other-4"]),
        (("--type", "GapDetected", "--limit", "2"), ["other-3", "other-4"]),
        (("--source", "/tickloom/handlers/", "--limit", "1"), ["tick-4"]),
        (("--type", "Nothing"), []),
    ],
)
def test_list(
    words: tuple[str, ...], expected: list[str], *, folder: pathlib.Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """A list shows the newest events that fit, oldest first, of all brokers."""
    assert ids(shown(capsys, "list", *words, folder=folder)) == expected


def test_nothing_to_list_is_said(folder: pathlib.Path, capsys: pytest.CaptureFixture[str]) -> None:
    """A list of nothing says so beside the list, with what was asked: a type may be misspelt."""
    assert main.main(["events", "list", "--type", "Nosuch", "--json", "--folder", str(folder)]) == 0
    told = capsys.readouterr()
    assert (told.out, "fits --type Nosuch; `tickloom graph`" in told.err) == ("", True)


def test_list_as_json(folder: pathlib.Path, capsys: pytest.CaptureFixture[str]) -> None:
    """With `--json` each line is one event with its attributes and its place."""
    (line,) = shown(capsys, "list", "--json", "--limit", "1", folder=folder).splitlines()
    told = json.loads(line)
    assert (told["broker"], told["offset"], told["id"], told["type"]) == ("market", 4, "tick-4", TICKS)
    assert told["partitionkey"] == "BINANCE-0"
    assert told["recorded_ns"] > T0


def test_show(folder: pathlib.Path, capsys: pytest.CaptureFixture[str]) -> None:
    """One event is shown whole: attributes, size, and its rows as they are exported."""
    told = json.loads(shown(capsys, "show", "tick-3", "--json", folder=folder))
    assert told["attributes"]["sequence"] == sequence_text(3)
    assert told["data_bytes"] == len(tick_event(3).data or b"")
    assert [row["trade_id"] for row in told["rows"]] == [0, 1]
    text = shown(capsys, "show", "tick-3", folder=folder)
    assert "2 rows" in text
    assert '"kind": "trade"' in text


def test_show_is_short(tmp_path: pathlib.Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Text shows the first rows and says how many more there are."""
    with contextlib.closing(DiskLog(tmp_path / "log" / "market.sqlite")) as log:
        log.append(tick_event(0, rows=events.ROWS_SHOWN_MAX + 7))
    assert "... 7 more (--json shows all)" in shown(capsys, "show", "tick-0", folder=tmp_path)


def test_show_what_nobody_can_read(tmp_path: pathlib.Path, capsys: pytest.CaptureFixture[str]) -> None:
    """An event with broken data is shown all the same, and the fault with it."""
    with contextlib.closing(DiskLog(tmp_path / "log" / "market-dead-letters.sqlite")) as log:
        log.append(Event("bad", "/s", TICKS, b"\xff", extensions={"knativeerrorcode": "400"}))
    told = json.loads(shown(capsys, "show", "bad", "--json", folder=tmp_path))
    assert told["attributes"]["knativeerrorcode"] == "400"
    assert "malformed" in told["rows"][0]


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["show"], "say which event: tickloom events show ID"),
        (["show", "nobody"], "no event nobody under"),
        (["list", "--broker", "nowhere"], "no event log nowhere under"),
        (["list", "--broker", "nowhere"], "; there are desk, market\n"),
    ],
)
def test_mistakes(words: list[str], said: str, *, folder: pathlib.Path, capsys: pytest.CaptureFixture[str]) -> None:
    """A mistake is one sentence with what to do."""
    assert main.main(["events", *words, "--folder", str(folder)]) == 1
    assert said in capsys.readouterr().err


@contextlib.contextmanager
def following(folder: pathlib.Path, *words: str) -> Iterator[Iterator[str]]:
    """Follow a folder in a process of its own; give its lines."""
    command = [sys.executable, "-u", "-m", "functions.cli.main", "events", "follow", "--folder", str(folder), *words]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)  # noqa: S603 - our own command
    assert process.stdout is not None
    try:
        yield iter(process.stdout)
    finally:
        process.kill()
        process.wait()
        process.stdout.close()


def test_follow(folder: pathlib.Path) -> None:
    """Following shows the newest, then everything that comes, on every broker and nothing twice."""
    with following(folder, "--limit", "1") as lines:
        assert ids(next(lines)) == ["tick-4"]
        with contextlib.closing(DiskLog(folder / "log" / "market.sqlite")) as market:
            for number in range(5, 60):
                market.append(tick_event(number))
        assert [ids(next(lines))[0] for _ in range(55)] == [f"tick-{at}" for at in range(5, 60)]
        with contextlib.closing(DiskLog(folder / "log" / "desk.sqlite")) as desk:
            desk.append(other_event(5))
        assert ids(next(lines)) == ["other-5"]


def test_following_reads_nothing_twice(folder: pathlib.Path, capsys: pytest.CaptureFixture[str]) -> None:
    """What does not fit is stepped over: following a rare type costs no more the longer it lasts."""
    args = argparse.Namespace(folder=folder, broker=None, type="GapDetected", source=None, json=False)
    seen = {"desk": 1}
    events._follow_on(args, seen)  # noqa: SLF001 - `follow` ends with its process
    assert (ids(capsys.readouterr().out), seen) == (["other-2", "other-3", "other-4"], {"desk": 4, "market": 4})
