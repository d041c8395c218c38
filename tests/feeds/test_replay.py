"""The replay feed gives a capture back whole, in order, and goes on where it was stopped."""

import errno
import gzip
import itertools
import os
import pathlib
from collections.abc import Sequence

import pytest

from functions.adapters.memory_sink import MemorySink
from functions.adapters.tapes import Reel, Spool, time_before
from functions.domain.market import RawBatch
from functions.feeds.replay.feed import Pace, replay
from functions.feeds.replay.main import Settings, compose
from functions.ports.errors import Unavailable
from functions.wire.codecs.market import decode_raw_batch
from functions.wire.envelope import Event
from functions.wire.tape import TapeOptions

LINE = b'{"stream":"ethusdt@trade","data":{"e":"trade","E":1723161601551,"s":"ETHUSDT","t":%d}}'


def capture(path: pathlib.Path, lines: int, *, first: int = 0) -> pathlib.Path:
    text = b"".join(
        b"%d %s\n" % (1723161254_000000000 + i * 100_000_000, LINE % i) for i in range(first, first + lines)
    )
    text += b"not a line\n"
    path.write_bytes(gzip.compress(text) if path.suffix == ".gz" else text)
    return path


async def run(settings: Settings, sink: MemorySink | None = None) -> list[Event]:
    sink = sink or MemorySink()
    await compose(settings).run(sink)
    return sink.events


def raw(event: Event) -> RawBatch:
    assert event.data is not None
    return decode_raw_batch(event.data)


@pytest.mark.parametrize("name", ["tape.txt", "tape.gz"])
async def test_every_line_is_a_row(tmp_path: pathlib.Path, name: str) -> None:
    """Every line arrives once and in order, in contiguous batches, and the last event ends the tape."""
    path = capture(tmp_path / name, 100)
    events = await run(Settings((str(path),), spool=str(tmp_path / "spool")))
    batches = [raw(event) for event in events]
    assert [event.extensions["sequence"] for event in events] == [f"{i:020d}" for i in range(len(events))]
    assert [batch.first_row for batch in batches] == list(
        itertools.accumulate((batch.row_count for batch in batches[:-1]), initial=0)
    )
    assert sum(batch.row_count for batch in batches) == 101
    assert [batch.end_of_tape for batch in batches] == [False] * (len(batches) - 1) + [True]
    assert {event.source for event in events} == {"/tickloom/feeds/replay/BINANCE-0.replay"}


@pytest.mark.parametrize("names", [("a.txt",), ("a.gz",), ("a.txt", "b.gz"), ("a.gz", "b.txt")])
async def test_resume_equals_uninterrupted(tmp_path: pathlib.Path, names: tuple[str, ...]) -> None:
    """From any stored batch on, a restarted feed gives the events that an undisturbed one gives, byte for byte."""
    paths = tuple(str(capture(tmp_path / name, 40, first=40 * i)) for i, name in enumerate(names))
    whole = await run(Settings(paths, spool=str(tmp_path / "spool")))
    for number, event in enumerate(whole[:-1], 1):
        batch = raw(event)
        rest = Settings(
            paths,
            spool=str(tmp_path / "spool"),
            first_sequence=number,
            first_row=batch.first_row + batch.row_count,
            tape_offset=batch.tape_offset,
        )
        assert await run(rest) == whole[number:]


async def test_resume_into_lines_without_time(tmp_path: pathlib.Path) -> None:
    """A line without a time takes that of the line before it, also when reading starts with it."""
    path = tmp_path / "tape.txt"
    path.write_bytes(b"1723161254000000001 " + LINE % 1 + b"\n" + b"bad\n" * 3)
    whole = await run(Settings((str(path),), rows_max=1))
    offset = raw(whole[1]).tape_offset
    assert time_before(path, offset) == 1723161254000000001
    assert await run(Settings((str(path),), rows_max=1, first_sequence=2, first_row=2, tape_offset=offset)) == whole[2:]


async def test_end_may_be_left_out(tmp_path: pathlib.Path) -> None:
    """A history that another feed goes on from does not end the shard's tape."""
    path = str(capture(tmp_path / "tape.txt", 30))
    whole = await run(Settings((path,)))
    assert await run(Settings((path,), tell_end=False)) == whole[:-1]


async def test_kernels_change_nothing(tmp_path: pathlib.Path) -> None:
    """Rows put together by a kernel are the same rows; a kernel nobody has is refused."""
    path = str(capture(tmp_path / "tape.txt", 30))
    assert await run(Settings((path,), replay_kernels="compiled")) == await run(Settings((path,)))
    with pytest.raises(ValueError, match="replay_kernels"):
        Settings((path,), replay_kernels="fast")


async def test_block_size_changes_nothing(tmp_path: pathlib.Path) -> None:
    """How much is read at once never changes a batch."""
    path = capture(tmp_path / "tape.txt", 50)
    seen = set()
    for size in (1, 13, 300, 4096):
        sink = MemorySink()
        reel = Reel((path,), TapeOptions("", "", ""), Spool(tmp_path), block_bytes=size)
        await replay(reel.batches(), sink, pace=Pace(0, float, _never), first_sequence=0)
        seen.add(tuple((event.id, event.data) for event in sink.events))
    assert len(seen) == 1


async def test_kernel_without_reads_that_keep_nothing(tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where the kernel cannot let go of what is read, the same is read."""
    path = str(capture(tmp_path / "tape.txt", 50))
    whole, asked, preadv = await run(Settings((path,))), [], os.preadv

    def older(file: int, rooms: Sequence[memoryview], at: int, flags: int = 0) -> int:
        asked.append(flags)
        if flags:
            raise OSError(errno.EOPNOTSUPP, os.strerror(errno.EOPNOTSUPP))
        return preadv(file, rooms, at)

    monkeypatch.setattr(os, "preadv", older)
    assert await run(Settings((path,))) == whole
    assert {0, 0x80} == set(asked)


async def test_pace_follows_receive_time(tmp_path: pathlib.Path) -> None:
    """At speed N batches leave N times as fast as they were received, by a clock that is an argument."""
    path = capture(tmp_path / "tape.txt", 41)
    now = 0.0
    waits: list[float] = []

    async def pause(seconds: float) -> None:
        nonlocal now
        now += seconds
        waits.append(round(seconds, 6))

    reel = Reel((path,), TapeOptions("", "", "", cut_ms=1000), Spool(tmp_path))
    await replay(reel.batches(), MemorySink(), pace=Pace(10, lambda: now, pause), first_sequence=0)
    assert waits == [0.1, 0.1, 0.1, 0.01]


async def test_waits_for_a_broker_that_is_down(tmp_path: pathlib.Path) -> None:
    """An event that the broker did not take is published again, and only then the next."""
    path = capture(tmp_path / "tape.txt", 30)
    calm = await run(Settings((str(path),)))
    down = Unavailable("down")
    assert await run(Settings((str(path),)), MemorySink([down, None, down, down])) == calm


async def test_oversized_row_is_spooled(tmp_path: pathlib.Path) -> None:
    """The whole bytes of a row too long to travel lie in the spool, once, under the name the batch tells."""
    path = tmp_path / "tape.txt"
    row = b"{" + b"z" * 500 + b"}"
    path.write_bytes(b"1723161254000000001 " + LINE % 1 + b"\n" + b"1723161254000000002 %s\n" % row * 2)
    settings = Settings((str(path),), spool=str(tmp_path / "spool"), line_bytes_max=200)
    [first, _] = [raw(event) for event in await run(settings)]
    assert [(one.index, one.length) for one in first.oversized] == [(1, 502), (2, 502)]
    assert [file.name for file in (tmp_path / "spool").iterdir()] == [first.oversized[0].spool_ref]
    assert (tmp_path / "spool" / first.oversized[0].spool_ref).read_bytes() == row


async def _never(_seconds: float) -> None:
    raise AssertionError
