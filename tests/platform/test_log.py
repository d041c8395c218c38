"""A log keeps events, cursors and states; the one on disk keeps them over the death of its process."""

import asyncio
import contextlib
import errno
import itertools
import os
import pathlib
import sqlite3
import threading
from collections.abc import Callable, Sequence

import pytest

from functions.adapters import log_bodies
from functions.adapters.log_bodies import (
    BODY_BYTES_MAX,
    BODY_BYTES_MIN,
    PARTS_MAX,
    SPANS_KEPT,
    BodiesCutError,
    bodies_of,
)
from functions.adapters.log_history import LogHistory
from functions.local import log as logs
from functions.local.log import DiskLog, EventLog, LogFullError, MemoryLog, find
from functions.ports.errors import Unavailable
from functions.wire.codecs.signals import SIGNAL
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


# -- larger bodies, in a file of their own

LARGE = 2 * BODY_BYTES_MIN


def told(number: int, size: int = LARGE) -> Event:
    """Make an event whose body is like no other's."""
    return Event(str(number), "/s", SIGNAL, number.to_bytes(4, "little") * (size // 4))


def kept(path: pathlib.Path) -> list[Event]:
    """Read what a log file says to others."""
    return [one for _, _, one in find(path)]


@pytest.fixture
def path(tmp_path: pathlib.Path) -> pathlib.Path:
    """Write a log of three larger bodies."""
    at = tmp_path / "log" / "desk.sqlite"
    with contextlib.closing(DiskLog(at)) as log:
        for number in range(3):
            log.append(told(number))
    return at


def test_bodies_of_any_size_come_back(open_log: Open) -> None:
    """No body, an empty one, and those about the bounds are what they were, however they are read."""
    sizes = (0, 1, BODY_BYTES_MIN - 1, BODY_BYTES_MIN, BODY_BYTES_MAX - 1, BODY_BYTES_MAX, LARGE)
    bodies = [None, *((bytes(reversed(range(256))) * (size // 256 + 1))[:size] for size in sizes)]
    sent = [Event(str(number), f"/s/{number}", "t", body) for number, body in enumerate(bodies)]
    log = open_log()
    for one in sent:
        log.append(one)
    log.commit()
    assert [one for _, _, one in log.scan()] == sent
    assert [log.last_from(one.source) for one in sent] == sent


def test_bodies_of_a_reopened_log(path: pathlib.Path) -> None:
    """A log that goes on has its old bodies and its new ones, and more of them than one call writes."""
    sent = [told(number) for number in range(3 + 2 * PARTS_MAX + 1)]
    with contextlib.closing(DiskLog(path)) as log:
        for one in sent[3:]:
            log.append(one)
    with contextlib.closing(DiskLog(path)) as log:
        assert [log.read(offset, 1) for offset in range(len(sent))] == [[one] for one in sent]
    assert kept(path) == sent
    assert bodies_of(path).stat().st_size == len(sent) * LARGE


@pytest.mark.skipif(not hasattr(os, "posix_fadvise"), reason="this system does not forget pages on demand")
def test_bodies_that_are_no_longer_new(tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The memory that a log's pages take is bounded: each span is begun to be written, then forgotten, and is there."""
    path, spans, told_of = tmp_path / "x.sqlite", SPANS_KEPT + 3, []
    monkeypatch.setattr(log_bodies, "SPAN_BYTES", 2 * LARGE)
    monkeypatch.setattr(
        os, "posix_fadvise", lambda _, position, length, advice: told_of.append((position, length, advice))
    )
    with contextlib.closing(DiskLog(path)) as log:
        for number in range(2 * spans):
            log.append(told(number))
            if number % 3 == 0:
                log.commit()
        log.commit()
    asked = [position // (2 * LARGE) for position, length, advice in told_of if length == 2 * LARGE]
    assert {advice for _, _, advice in told_of} == {os.POSIX_FADV_DONTNEED}
    assert sorted(asked) == sorted([*range(spans), *range(spans - SPANS_KEPT)])
    assert all(asked.index(span) < asked.index(span + SPANS_KEPT) for span in range(spans - SPANS_KEPT))
    assert kept(path) == [told(number) for number in range(2 * spans)]


def test_bodies_that_nothing_names(path: pathlib.Path) -> None:
    """What a crash left between the bodies and the transaction that names them is written over."""
    with bodies_of(path).open("ab") as file:
        file.write(b"a crash" * LARGE)
    with contextlib.closing(DiskLog(path)) as log:
        assert log.head == 3
        log.append(told(3))
    assert kept(path) == [told(number) for number in range(4)]


def test_bodies_without_their_log(path: pathlib.Path) -> None:
    """Bodies whose log was removed are no one's, and a new log begins over them."""
    path.unlink()
    with contextlib.closing(DiskLog(path)) as log:
        assert log.head == 0
        log.append(told(7))
    assert kept(path) == [told(7)]


def test_bodies_that_are_cut(path: pathlib.Path) -> None:
    """A file of bodies that ends too early is told of, and nothing is written behind its end."""
    os.truncate(bodies_of(path), 3 * LARGE - 1)
    for read in (DiskLog, kept):
        with pytest.raises(BodiesCutError, match=rf"-bodies ends at {3 * LARGE - 1}, .* {LARGE} bytes at {2 * LARGE}"):
            read(path)
    assert [one.id for _, _, one in find(path, bodies=False)] == ["0", "1", "2"]


@pytest.mark.parametrize("harm", [lambda path: os.truncate(path, 0), os.unlink], ids=["cut", "gone"])
async def test_bodies_of_signals_that_are_cut(path: pathlib.Path, harm: Callable[[pathlib.Path], None]) -> None:
    """Who explains signals says which file lacks one."""
    harm(bodies_of(path))
    with pytest.raises(Unavailable, match=r"cannot be read: .*desk\.sqlite-bodies"):
        await LogHistory(path.parents[1]).signal("1")


def test_log_of_an_older_release(path: pathlib.Path) -> None:
    """A log whose larger bodies lie in their rows is read as it is, and goes on."""
    with contextlib.closing(sqlite3.connect(path)) as database, database:
        database.executemany("UPDATE events SET data = ? WHERE offset = ?", [(told(n).data, n) for n in range(3)])
    bodies_of(path).unlink()
    assert kept(path) == [told(number) for number in range(3)]
    for number in (3, 4):
        with contextlib.closing(DiskLog(path)) as log:
            log.append(told(number))
    assert kept(path) == [told(number) for number in range(5)]


def test_disk_takes_a_part(path: pathlib.Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A write that ends early goes on where it ended."""
    whole, part = os.pwrite, 777
    monkeypatch.setattr(os, "pwritev", lambda file, parts, at: whole(file, b"".join(parts)[:part], at))
    monkeypatch.setattr(os, "pwrite", lambda file, data, at: whole(file, data[:part], at))
    with contextlib.closing(DiskLog(path)) as log:
        for number in range(3, 9):
            log.append(told(number))
    assert kept(path) == [told(number) for number in range(9)]


def test_disk_is_full(path: pathlib.Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A commit that finds no room names nothing; the next one, when there is room, names everything."""
    whole = os.pwrite

    def full(file: int, parts: Sequence[bytes], at: int) -> int:
        whole(file, parts[0], at)
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    log = DiskLog(path)
    log.append(told(3))
    log.append(told(4))
    with monkeypatch.context() as patched:
        patched.setattr(os, "pwritev", full)
        with pytest.raises(OSError, match="No space"):
            log.commit()
    assert len(kept(path)) == 3
    log.append(told(5))
    log.close()
    assert kept(path) == [told(number) for number in range(6)]


def test_find_while_bodies_are_written(path: pathlib.Path) -> None:
    """Whoever reads while a log is written finds whole bodies, of all that is named until then."""
    done = threading.Event()

    def write() -> None:
        with contextlib.closing(DiskLog(path)) as log:
            for number in range(3, 300):
                log.append(told(number))
                log.commit()
        done.set()

    writer = threading.Thread(target=write)
    writer.start()
    seen = [kept(path) for _ in itertools.takewhile(lambda _: not done.is_set(), itertools.count())]
    writer.join()
    seen.append(kept(path))
    assert all(found == [told(number) for number in range(len(found))] for found in seen)
    assert len(seen[-1]) == 300
