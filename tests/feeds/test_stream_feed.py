"""The live feed publishes every message in order, keeps its clock, and gets over what a venue does."""

import asyncio
import json
import pathlib
from collections import Counter
from collections.abc import AsyncIterator
from dataclasses import dataclass, replace

import numpy as np
import pytest

from functions.adapters.journals import FileJournal, NoJournal
from functions.adapters.memory_sink import MemorySink
from functions.domain.market import RawBatch
from functions.domain.simulation import LISTINGS, Market
from functions.feeds.stream.feed import Out, Rhythm, listen
from functions.feeds.stream.mailbox import Mailbox
from functions.feeds.stream.main import Settings, compose, resumed
from functions.local.simulator import Simulator, serving
from functions.ports.journal import Entry
from functions.ports.venue import Mark, Put, Received
from functions.wire.batcher import Batcher, Cut
from functions.wire.codecs.market import decode_raw_batch
from functions.wire.envelope import Event
from functions.wire.errors import Malformed

CUT = Cut("BINANCE-0", "BINANCE-0.stream", "binance.spot", "trade", rows_max=4, bytes_max=100, line_bytes_max=1000)


def ignore(_name: str, _row: bytes) -> None:
    """Keep nothing."""


@dataclass(frozen=True)
class Said:
    """Say what a row is: a snapshot, a delta, a crossed quote, or else; and of which symbol."""

    what: str
    symbol: str = ""


def said(row: bytes, symbol: str) -> Said:
    """Read a row, independently of the feed."""
    try:
        content = json.loads(row)
    except ValueError:
        return Said("garbage")
    data = content.get("data", content)
    if "lastUpdateId" in data:
        return Said("snapshot", symbol)
    crossed = "B" in data and float(data["b"]) > float(data["a"])
    return Said("crossed" if crossed else data.get("e", "quote"), data.get("s", ""))


class Watched(MemorySink):
    """Collect events and let a test wait for something in them."""

    def __init__(self) -> None:
        """Begin empty."""
        super().__init__()
        self._changed = asyncio.Event()

    async def publish(self, event: Event) -> None:
        """Keep one event and wake who waits."""
        await super().publish(event)
        self._changed.set()

    def batches(self) -> list[RawBatch]:
        """Give what was published, decoded."""
        return [decode_raw_batch(event.data or b"") for event in self.events]

    def rows(self) -> list[tuple[str, bytes]]:
        """Give every row with its batch's symbol."""
        return [
            (batch.symbol, batch.payload[batch.offsets[i] : batch.offsets[i + 1]])
            for batch in self.batches()
            for i in range(batch.row_count)
        ]

    def said(self) -> list[Said]:
        """Give what every row says of a book."""
        return [said(row, symbol) for symbol, row in self.rows()]

    async def until(self, number: int, what: str) -> None:
        """Wait until so many rows are of a kind."""
        async with asyncio.timeout(20):
            while self.count(what) < number:
                self._changed.clear()
                await self._changed.wait()

    def count(self, what: str) -> int:
        """Count the rows of a kind."""
        return sum(one.what == what for one in self.said())


@pytest.fixture
async def simulator() -> AsyncIterator[Simulator]:
    market = Market(LISTINGS[:2], np.random.default_rng(5), start_ns=1_700_000_000_000_000_000, rate=80)
    async with serving(Simulator(market)) as running:
        yield running


def settings(simulator: Simulator, **more: float) -> Settings:
    return Settings(
        websocket_url=f"ws://127.0.0.1:{simulator.port}",
        rest_url=f"http://127.0.0.1:{simulator.port}",
        symbols=("BTCUSDT", "ETHUSDT"),
        backoff_s=0.01,
        **more,  # type: ignore[arg-type] # only numbers are passed
    )


async def stopped(task: asyncio.Task[None]) -> None:
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task


async def test_batches_are_contiguous(simulator: Simulator) -> None:
    """Sequences and rows run on without a hole, the tape ends after its time, and a clock beats beside it."""
    sink = MemorySink()
    more = settings(simulator, duration_s=0.5, heartbeat_ms=100, first_sequence=7, first_row=70)
    await compose(more).run(sink)
    batches = [decode_raw_batch(event.data or b"") for event in sink.events]
    assert [event.extensions["sequence"] for event in sink.events] == [f"{7 + i:020d}" for i in range(len(batches))]
    rows = 70
    for batch in batches:
        assert batch.first_row == rows
        rows += batch.row_count
    assert rows > 70
    assert [batch.end_of_tape for batch in batches] == [False] * (len(batches) - 1) + [True]
    beats = [batch for batch in batches if batch.heartbeat]
    assert beats
    assert all(batch.row_count == 0 and batch.ts_cut_ns > 0 for batch in beats)


async def test_reconnects_and_resyncs(simulator: Simulator) -> None:
    """After a dropped connection the feed connects again, and fetches every book anew."""
    sink = Watched()
    task = asyncio.ensure_future(compose(settings(simulator)).run(sink))
    await sink.until(2, "snapshot")
    await sink.until(4, "depthUpdate")
    await simulator.drop_connections()
    await sink.until(4, "snapshot")
    await stopped(task)
    assert simulator.connections == 2
    assert Counter(one.symbol for one in sink.said() if one.what == "snapshot") == {"BTCUSDT": 2, "ETHUSDT": 2}


async def test_gap_fetches_the_book(simulator: Simulator) -> None:
    """A hole in a symbol's update ids brings a snapshot of that symbol."""
    sink = Watched()
    task = asyncio.ensure_future(compose(settings(simulator)).run(sink))
    await sink.until(2, "snapshot")
    await sink.until(6, "depthUpdate")
    before = sink.count("snapshot")
    simulator.leave_gap("ETHUSDT")
    await sink.until(before + 1, "snapshot")
    await stopped(task)
    assert [one.symbol for one in sink.said() if one.what == "snapshot"][-1] == "ETHUSDT"


async def test_crossed_quote_fetches_the_book(simulator: Simulator) -> None:
    """A crossed quote travels like any row, and brings a snapshot of its symbol."""
    sink = Watched()
    task = asyncio.ensure_future(compose(settings(simulator)).run(sink))
    await sink.until(2, "snapshot")
    await sink.until(6, "depthUpdate")
    before = sink.count("snapshot")
    simulator.cross_quote("BTCUSDT")
    await sink.until(before + 1, "snapshot")
    await stopped(task)
    assert sink.count("crossed") == 1


async def test_garbage_travels(simulator: Simulator) -> None:
    """What cannot be read is given on as it came; it is not the feed's to judge."""
    sink = Watched()
    task = asyncio.ensure_future(compose(settings(simulator)).run(sink))
    await sink.until(2, "depthUpdate")
    simulator.send_garbage('{"stream":')
    before = len(sink.said())
    await sink.until(sink.count("depthUpdate") + 4, "depthUpdate")
    await stopped(task)
    assert len(sink.said()) > before
    assert [row for _, row in sink.rows()].count(b'{"stream":') == 1


class Script:
    """Be a venue that says what it is told, then nothing."""

    def __init__(self, rows: list[Received]) -> None:
        """Be told what to say."""
        self.rows = rows
        self.said = asyncio.Event()

    async def run(self, put: Put) -> None:
        """Say it."""
        for row in self.rows:
            await put(row)
        self.said.set()
        await asyncio.Event().wait()


async def test_cancel_publishes_what_came_in() -> None:
    """A feed that is told to stop first publishes every row it has, and does not end the tape."""
    sink = Watched()
    venue = Script([Received(b'{"n":%d}' % i, i) for i in range(10)])
    batcher = Batcher(CUT, ignore, lambda: 99)
    rhythm = Rhythm(flush_s=3600, heartbeat_s=3600)
    task = asyncio.create_task(listen(venue, batcher, Out(sink, NoJournal(), 0), rhythm=rhythm, mailbox=Mailbox(100)))
    await venue.said.wait()
    await stopped(task)
    assert [row for _, row in sink.rows()] == [received.row for received in venue.rows]
    assert not any(batch.end_of_tape for batch in sink.batches())


async def test_quotes_are_conflated_and_trades_never() -> None:
    """In a full mailbox a quote overtakes its symbol's older one; everything else waits for room, in order."""
    box = Mailbox(3)
    await box.put(Received(b"quote 1", 1), quote_of="X")
    await box.put(Received(b"trade 1", 2))
    await box.put(Received(b"trade 2", 3))
    await box.put(Received(b"quote 2", 4), quote_of="X")
    waiting = asyncio.create_task(box.put(Received(b"trade 3", 5)))
    other = asyncio.create_task(box.put(Received(b"quote of Y", 6), quote_of="Y"))
    await asyncio.sleep(0)
    assert (len(box), waiting.done(), other.done()) == (3, False, False)
    taken = []
    while (received := box.take()) is not None:
        taken.append(received.row)
        await asyncio.sleep(0)
        await asyncio.sleep(0)
    assert taken == [b"trade 1", b"trade 2", b"quote 2", b"trade 3", b"quote of Y"]
    assert box.conflated == 1


def marked(trade_id: int) -> Received:
    return Received(b"trade %d" % trade_id, trade_id, marks=(Mark("X", "trade", trade_id),))


async def published(venue: Script, out: Out, *, rows_max: int) -> None:
    """Listen until everything that is said is in the sink, then stop."""
    batcher = Batcher(replace(CUT, rows_max=rows_max), ignore, lambda: 99)
    rhythm = Rhythm(flush_s=3600, heartbeat_s=3600)
    task = asyncio.create_task(listen(venue, batcher, out, rhythm=rhythm, mailbox=Mailbox(100)))
    await venue.said.wait()
    await stopped(task)


class Kept(NoJournal):
    """Keep every entry in memory."""

    def __init__(self) -> None:
        """Begin empty."""
        self.entries: list[Entry] = []

    def write(self, entry: Entry) -> None:
        """Keep it with a copy of its marks."""
        self.entries.append(replace(entry, marks=dict(entry.marks)))


async def test_journal_knows_what_is_published() -> None:
    """An entry's marks are of the rows in its batch and before it, never of a row that still waits."""
    kept = Kept()
    await published(Script([marked(number) for number in range(1, 8)]), Out(MemorySink(), kept, 0), rows_max=3)
    assert [(one.number, one.batch.row_count, one.marks["X", "trade"]) for one in kept.entries] == [
        (0, 3, 3),
        (1, 3, 6),
        (2, 1, 7),
    ]


@pytest.mark.parametrize("acknowledged", [False, True])
async def test_killed_feed_goes_on(simulator: Simulator, tmp_path: pathlib.Path, acknowledged: bool) -> None:  # noqa: FBT001
    """A feed that was killed while publishing publishes that event again, byte for byte, and counts on behind it."""
    journal = tmp_path / "journal"
    more = replace(settings(simulator, duration_s=0.3), journal=str(journal), spool=str(tmp_path))
    first = MemorySink()
    await compose(more).run(first)
    entry = FileJournal(journal).read()
    assert entry is not None
    if not acknowledged:
        first.events.pop()
    second = MemorySink()
    await compose(more).run(second)
    sequences = [int(str(event.extensions["sequence"])) for event in (*first.events, *second.events)]
    assert sorted(set(sequences)) == list(range(max(sequences) + 1))
    assert second.events[0].id not in {event.id for event in first.events[:-1]}
    assert [event for event in first.events if event.id == second.events[0].id] == [second.events[0]] * acknowledged
    rows = [decode_raw_batch(event.data or b"") for event in (*first.events, *second.events[acknowledged:])]
    assert [batch.first_row for batch in rows[1:]] == [batch.first_row + batch.row_count for batch in rows[:-1]]


def test_the_log_knows_more_than_a_journal() -> None:
    """Where a log tells further numbers than the journal, they count; else the journal's."""
    batcher = Batcher(CUT, ignore, lambda: 99, first_row=40)
    batcher.add(b"row", 1)
    batch = batcher.flush()
    assert batch is not None
    assert resumed(7, 70, Entry(6, batch)) == (7, 70)
    assert resumed(7, 70, Entry(7, batch)) == (8, 41)
    assert resumed(0, 0, None) == (0, 0)


def test_journal_is_a_file(tmp_path: pathlib.Path) -> None:
    """An entry that was written is read back whole; without one there is none; another file is refused."""
    journal = FileJournal(tmp_path / "folder" / "journal")
    assert journal.read() is None
    batcher = Batcher(CUT, ignore, lambda: 99)
    for number in (b"one", b"two"):
        batcher.add(number, 5)
        batch = batcher.flush()
        assert batch is not None
        journal.write(Entry(3, batch, {("X", "trade"): 7}))
    read = journal.read()
    assert read is not None
    assert (read.number, read.batch.payload, read.marks) == (3, b"two", {("X", "trade"): 7})
    (tmp_path / "other").write_bytes(b"{}")
    with pytest.raises(Malformed, match="is no feed's journal"):
        FileJournal(tmp_path / "other").read()
