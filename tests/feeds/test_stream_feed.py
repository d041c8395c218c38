"""The live feed publishes every message in order, keeps its clock, and gets over what a venue does."""

import asyncio
import json
import pathlib
from collections import Counter
from collections.abc import AsyncIterator
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import pytest

from functions.adapters.file_outbox import FileOutbox, OutboxOptions
from functions.adapters.memory_sink import MemorySink
from functions.domain.market import RawBatch
from functions.domain.simulation import LISTINGS, Market
from functions.feeds.stream.feed import Out, Rhythm, listen
from functions.feeds.stream.mailbox import Mailbox
from functions.feeds.stream.main import Settings, compose
from functions.local.venues.binance import SPOT, Binance
from functions.local.venues.exchange import Exchange, serving
from functions.local.venues.faults import Fault
from functions.local.venues.sources import MarketSource
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
    """Say what a row is: a snapshot, a delta, a crossed quote, missed trades, or else; and of which symbol."""

    what: str
    symbol: str = ""


def said(row: bytes, symbol: str) -> Said:
    """Read a row, independently of the feed."""
    try:
        content = json.loads(row)
    except ValueError:
        return Said("garbage")
    if isinstance(content, list):
        return Said("missed trades", symbol)
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
async def simulator() -> AsyncIterator[Exchange]:
    market = Market(LISTINGS[:2], np.random.default_rng(5), start_ns=1_700_000_000_000_000_000, rate=80)
    async with serving(Exchange(Binance(SPOT), MarketSource(market))) as running:
        yield running


def settings(simulator: Exchange, **more: float) -> Settings:
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


async def test_batches_are_contiguous(simulator: Exchange) -> None:
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


async def test_reconnects_and_resyncs(simulator: Exchange) -> None:
    """After a dropped connection the feed connects again, and fetches every book anew."""
    sink = Watched()
    task = asyncio.ensure_future(compose(settings(simulator)).run(sink))
    await sink.until(2, "snapshot")
    await sink.until(4, "depthUpdate")
    simulator.audience.cut()
    await sink.until(4, "snapshot")
    await stopped(task)
    assert simulator.audience.connections == 2
    assert Counter(one.symbol for one in sink.said() if one.what == "snapshot") == {"BTCUSDT": 2, "ETHUSDT": 2}


async def test_gap_fetches_the_book(simulator: Exchange) -> None:
    """A hole in a symbol's update ids brings a snapshot of that symbol."""
    sink = Watched()
    task = asyncio.ensure_future(compose(settings(simulator)).run(sink))
    await sink.until(2, "snapshot")
    await sink.until(6, "depthUpdate")
    before = sink.count("snapshot")
    simulator.faults.arm(Fault.GAP, kind="book", symbol="ETHUSDT")
    await sink.until(before + 1, "snapshot")
    await stopped(task)
    assert [one.symbol for one in sink.said() if one.what == "snapshot"][-1] == "ETHUSDT"


async def test_crossed_quote_fetches_the_book(simulator: Exchange) -> None:
    """A crossed quote travels like any row, and brings a snapshot of its symbol."""
    sink = Watched()
    task = asyncio.ensure_future(compose(settings(simulator)).run(sink))
    await sink.until(2, "snapshot")
    await sink.until(6, "depthUpdate")
    before = sink.count("snapshot")
    simulator.faults.arm(Fault.CROSSED, symbol="BTCUSDT")
    await sink.until(before + 1, "snapshot")
    await stopped(task)
    assert sink.count("crossed") == 1


async def test_garbage_travels(simulator: Exchange) -> None:
    """What cannot be read is given on as it came; it is not the feed's to judge."""
    sink = Watched()
    task = asyncio.ensure_future(compose(settings(simulator)).run(sink))
    await sink.until(2, "depthUpdate")
    simulator.broadcast('{"stream":')
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
    await published(venue, outbox(sink), rows_max=4)
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


def outbox(sink: MemorySink, state: str = "") -> FileOutbox:
    return FileOutbox(CUT, sink, OutboxOptions("stream", state, "nowhere"))


async def published(venue: Script, outbox: FileOutbox, *, rows_max: int) -> None:
    """Listen until everything that is said is in the sink, then stop."""
    batcher = Batcher(replace(CUT, rows_max=rows_max), ignore, lambda: 99)
    rhythm = Rhythm(flush_s=3600, heartbeat_s=3600)
    out = Out.of(outbox)
    task = asyncio.create_task(listen(venue, batcher, out, rhythm=rhythm, mailbox=Mailbox(100)))
    await venue.said.wait()
    await stopped(task)


class Noting(MemorySink):
    """Keep how far the state file says the feed has come with each event."""

    def __init__(self, state: pathlib.Path) -> None:
        """Begin empty."""
        super().__init__()
        self.state = state
        self.marks: list[str] = []

    async def publish(self, event: Event) -> None:
        """Keep one event, and the last trade that is written ahead of it."""
        await super().publish(event)
        self.marks.append(json.loads(self.state.read_bytes().partition(b"\n")[0])["cursors"]["X@trade"])


async def test_cursors_know_what_is_published(tmp_path: pathlib.Path) -> None:
    """What is written ahead of a batch names trades in it and before it, never one of a row that still waits."""
    sink = Noting(tmp_path / "state")
    await published(Script([marked(number) for number in range(1, 8)]), outbox(sink, str(sink.state)), rows_max=3)
    rows = [decode_raw_batch(event.data or b"").row_count for event in sink.events]
    assert (rows, sink.marks) == ([3, 3, 1], ["3", "6", "7"])
    async with outbox(MemorySink(), str(sink.state)) as again:
        assert Out.of(again).marks == {("X", "trade"): 7}


class Broken(MemorySink):
    """Take so many events, then none any more, as for a feed that is killed."""

    async def publish(self, event: Event) -> None:
        """Keep one event."""
        if len(self.events) == 3:
            message = "gone"
            raise Malformed(message)
        await super().publish(event)


async def test_killed_feed_goes_on(simulator: Exchange, tmp_path: pathlib.Path) -> None:
    """A feed that was killed while publishing publishes that event first, under its number, and counts on behind it."""
    more = replace(settings(simulator, duration_s=0.3), journal=str(tmp_path / "journal"), spool=str(tmp_path))
    first, second, third = Broken(), MemorySink(), MemorySink()
    with pytest.raises(Malformed):
        await compose(more).run(first)
    for sink in (second, third):
        await compose(more).run(sink)
    events = (*first.events, *second.events, *third.events)
    assert [int(str(event.extensions["sequence"])) for event in events] == list(range(len(events)))
    batches = [decode_raw_batch(event.data or b"") for event in events]
    assert [one.first_row for one in batches[1:]] == [one.first_row + one.row_count for one in batches[:-1]]


@pytest.mark.parametrize("wrong", [{"duration_s": -5.0}, {"flush_ms": -1}])
def test_a_tape_that_ends_before_it_begins(wrong: dict[str, Any]) -> None:
    """A time that cannot be stops the start: the feed would tell the end of a tape without a row."""
    with pytest.raises(ValueError, match="flush_ms and duration_s must not be negative"):
        Settings(**wrong)
