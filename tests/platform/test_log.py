"""A log keeps events, cursors and states; the one on disk keeps them over the death of its process."""

import asyncio
import pathlib
from collections.abc import Callable

import pytest

from functions.local import log as logs
from functions.local.log import DiskLog, EventLog, LogFullError, MemoryLog, find
from functions.wire.envelope import Event

Open = Callable[[], EventLog]


@pytest.fixture(params=["memory", "disk"])
def open_log(request: pytest.FixtureRequest, tmp_path: pathlib.Path) -> Open:
    """Give a way to open each kind of log."""
    return MemoryLog if request.param == "memory" else lambda: DiskLog(tmp_path / "log" / "x.sqlite")


def event(number: int, size: int = 10) -> Event:
    """Make a numbered event."""
    return Event(
        id=str(number),
        source="/s",
        type="t",
        data=bytes(size),
        time_ns=number,
        extensions={"sequence": "0", "n": str(number)},
    )


def test_reads_what_was_appended(open_log: Open) -> None:
    """Events come back whole, in order, from any offset, before and after a commit."""
    log = open_log()
    sent = [event(number) for number in range(5)]
    for one in sent:
        log.append(one)
    assert log.read(2) == sent[2:]
    log.commit()
    assert [one for _, _, one in log.scan()] == sent
    assert log.head == 5


async def test_wait_returns_when_there_is_more(open_log: Open) -> None:
    """A reader at the head is woken by the next event."""
    log = open_log()
    log.append(event(0))
    await log.wait(0)
    assert log.read(0, 1)[0].id == "0"


async def test_sleeper_passes_over(open_log: Open) -> None:
    """A reader that sleeps is shown each event once, and woken by the first it does not pass over."""
    log = open_log()
    shown: list[str] = []

    def passes(one: Event) -> bool:
        shown.append(one.id)
        return one.id != "2"

    waiting = asyncio.ensure_future(log.wait(0, passes))
    await asyncio.sleep(0)
    for number in range(4):
        log.append(event(number))
    await waiting
    assert shown == ["0", "1", "2"]


async def test_gone_sleeper_is_not_asked(open_log: Open) -> None:
    """A reader that was cancelled in its sleep is shown nothing more."""
    log = open_log()
    shown: list[str] = []

    def passes(one: Event) -> bool:
        shown.append(one.id)
        return False

    waiting = asyncio.ensure_future(log.wait(0, passes))
    await asyncio.sleep(0)
    waiting.cancel()
    await asyncio.sleep(0)
    log.append(event(0))
    assert shown == []


def test_reopened_log_goes_on(tmp_path: pathlib.Path) -> None:
    """Events, cursors and states that were committed are there again, and offsets go on."""
    first = DiskLog(tmp_path / "x.sqlite")
    first.append(event(0))
    first.cursors["reader"] = 1
    first.put_state("table", "key", b"state")
    first.close()
    second = DiskLog(tmp_path / "x.sqlite")
    assert (second.head, second.cursors, second.states("table")) == (1, {"reader": 1}, {"key": b"state"})
    assert second.read(0) == [event(0)]


def test_what_was_not_committed_is_gone(tmp_path: pathlib.Path) -> None:
    """A crash loses what was not committed, whole: events, cursors and states together."""
    first = DiskLog(tmp_path / "x.sqlite")
    first.append(event(0))
    first.commit()
    first.append(event(1))
    first.cursors["reader"] = 2
    second = DiskLog(tmp_path / "x.sqlite")
    assert (second.head, second.cursors) == (1, {})


def test_slow_reader_reads_from_disk(tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The memory a log takes is bounded; who lags behind it reads the file."""
    monkeypatch.setattr(logs, "TAIL_BYTES_MAX", 1000)
    log = DiskLog(tmp_path / "x.sqlite")
    sent = [event(number, 100) for number in range(50)]
    for one in sent:
        log.append(one)
        log.commit()
    got: list[Event] = []
    while len(got) < 50:
        got += log.read(len(got), 7)
    assert got == sent


def test_memory_is_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    """A log in memory refuses to grow past its bound, and says what to do."""
    monkeypatch.setattr(logs, "MEMORY_BYTES_MAX", 100)
    log = MemoryLog()
    log.append(event(0, 90))
    with pytest.raises(LogFullError, match="--log disk"):
        log.append(event(1, 90))


def test_find_reads_beside_a_writer(tmp_path: pathlib.Path) -> None:
    """Another process can look at the newest events while the log is being written."""
    log = DiskLog(tmp_path / "x.sqlite")
    for number in range(10):
        log.append(event(number))
    log.commit()
    assert [one.id for _, _, one in find(tmp_path / "x.sqlite", newest=3)] == ["7", "8", "9"]
    assert [one.id for _, _, one in find(tmp_path / "x.sqlite", where="id = ?", values=("4",))] == ["4"]
