"""The live feed publishes every message in order, keeps its clock, and gets over what a venue does."""

import asyncio
from collections import Counter
from collections.abc import AsyncIterator

import numpy as np
import pytest
from aiohttp import web

from functions.adapters.memory_sink import MemorySink
from functions.adapters.venues.binance import BinanceVenue, Connection
from functions.domain.market import RawBatch
from functions.domain.simulation import LISTINGS, Market
from functions.feeds.binance.batcher import Batcher, Cut
from functions.feeds.binance.feed import Out, Rhythm, listen
from functions.feeds.binance.mailbox import Mailbox
from functions.feeds.binance.main import Settings, compose
from functions.feeds.binance.sync import UNSEEN, Glance, Watch, glance, needs_resync
from functions.local.simulator import Simulator, serving
from functions.ports.venue import Put, Received
from functions.wire.codecs.market import decode_raw_batch
from functions.wire.envelope import Event

CUT = Cut("BINANCE-0", "BINANCE-0.binance", "binance.spot", "trade", rows_max=4, bytes_max=100, line_bytes_max=1000)
CHANNELS = ("trade", "bookTicker", "depth@100ms")


def ignore(_name: str, _row: bytes) -> None:
    """Keep nothing."""


def silent(event: str, **keys: object) -> None:
    """Report to nobody."""


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

    def glances(self) -> list[Glance]:
        """Give what every row says of a book."""
        return [glance(row, symbol if b"lastUpdateId" in row[:20] else "") for symbol, row in self.rows()]

    async def until(self, number: int, **wanted: bool) -> None:
        """Wait until so many glances have what is wanted."""
        async with asyncio.timeout(20):
            while self.count(**wanted) < number:
                self._changed.clear()
                await self._changed.wait()

    def count(self, **wanted: bool) -> int:
        """Count the glances that have what is wanted."""
        return sum(all(bool(getattr(one, key)) == value for key, value in wanted.items()) for one in self.glances())


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
    await sink.until(2, snapshot=True)
    await sink.until(4, last=True)
    await simulator.drop_connections()
    await sink.until(4, snapshot=True)
    await stopped(task)
    assert simulator.connections == 2
    assert Counter(one.symbol for one in sink.glances() if one.snapshot) == {"BTCUSDT": 2, "ETHUSDT": 2}


async def test_gap_fetches_the_book(simulator: Simulator) -> None:
    """A hole in a symbol's update ids brings a snapshot of that symbol."""
    sink = Watched()
    task = asyncio.ensure_future(compose(settings(simulator)).run(sink))
    await sink.until(2, snapshot=True)
    await sink.until(6, last=True)
    before = sink.count(snapshot=True)
    simulator.leave_gap("ETHUSDT")
    await sink.until(before + 1, snapshot=True)
    await stopped(task)
    assert [one.symbol for one in sink.glances() if one.snapshot][-1] == "ETHUSDT"


async def test_crossed_quote_fetches_the_book(simulator: Simulator) -> None:
    """A crossed quote travels like any row, and brings a snapshot of its symbol."""
    sink = Watched()
    task = asyncio.ensure_future(compose(settings(simulator)).run(sink))
    await sink.until(2, snapshot=True)
    await sink.until(6, last=True)
    before = sink.count(snapshot=True)
    simulator.cross_quote("BTCUSDT")
    await sink.until(before + 1, snapshot=True)
    await stopped(task)
    assert sink.count(crossed=True) == 1


async def test_garbage_travels(simulator: Simulator) -> None:
    """What cannot be read is given on as it came; it is not the feed's to judge."""
    sink = Watched()
    task = asyncio.ensure_future(compose(settings(simulator)).run(sink))
    await sink.until(2, last=True)
    simulator.send_garbage('{"stream":')
    before = len(sink.glances())
    await sink.until(sink.count(last=True) + 4, last=True)
    await stopped(task)
    assert len(sink.glances()) > before
    assert [row for _, row in sink.rows()].count(b'{"stream":') == 1


async def test_waits_for_a_venue_that_is_not_there() -> None:
    """Failed connections are tried again, each wait drawn from a longer span."""
    failures: list[int] = []

    async def pause(_seconds: float) -> None:
        if len(failures) == 5:
            raise asyncio.CancelledError

    def jitter(attempt: int) -> float:
        failures.append(attempt)
        return 0.0

    nowhere = Connection("ws://127.0.0.1:1", "http://127.0.0.1:1", ("BTCUSDT",), CHANNELS)
    venue = BinanceVenue(nowhere, report=silent, pause=pause, jitter=jitter)
    with pytest.raises(asyncio.CancelledError):
        await venue._listen(_nobody)  # noqa: SLF001 - the loop alone, without snapshots
    assert failures == [1, 2, 3, 4, 5]


async def _nobody(_received: Received) -> None:
    raise AssertionError


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

    def resync(self, symbol: str) -> None:
        """Never asked here."""


async def test_cancel_publishes_what_came_in() -> None:
    """A feed that is told to stop first publishes every row it has, and does not end the tape."""
    sink = Watched()
    venue = Script([Received(b'{"n":%d}' % i, i) for i in range(10)])
    batcher = Batcher(CUT, ignore, lambda: 99)
    rhythm = Rhythm(flush_s=3600, heartbeat_s=3600)
    task = asyncio.create_task(listen(venue, batcher, Out(sink, 0), rhythm=rhythm, mailbox=Mailbox(100)))
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


def test_batcher_cuts() -> None:
    """A batch ends with its rows, its bytes, or where a snapshot names another symbol; offsets and rows run on."""
    batcher = Batcher(CUT, ignore, lambda: 99, first_row=5)
    rows = [Received(b"x" * 10, 1)] * 5 + [Received(b"y" * 80, 2)] + [Received(b"s", 3, "A"), Received(b"s", 4, "B")]
    batches = [batch for row in rows if (batch := batcher.add(row))]
    last = batcher.flush()
    assert last is not None
    assert [(batch.first_row, batch.row_count, batch.symbol) for batch in (*batches, last)] == [
        (5, 4, ""),
        (9, 3, "A"),
        (12, 1, "B"),
    ]
    assert batches[1].offsets.tolist() == [0, 10, 90, 91]


def test_batcher_spools_oversized_rows() -> None:
    """A row too long to travel leaves its first KiB in the batch and its bytes in the spool."""
    kept: dict[str, bytes] = {}
    batcher = Batcher(CUT, kept.__setitem__, lambda: 99)
    row = b"z" * 2000
    batcher.add(Received(row, 1))
    batch = batcher.flush()
    assert batch is not None
    assert (batch.payload, kept) == (row[:1024], {batch.oversized[0].spool_ref: row})


DEPTH = b'{"stream":"x@depth@100ms","data":{"e":"depthUpdate","E":1,"s":"X","U":%d,"u":%d,"b":[["1","2"]],"a":[]}}'


@pytest.mark.parametrize(
    ("rows", "broken"),
    [
        ((DEPTH % (1, 5), DEPTH % (6, 9)), [False, False]),
        ((DEPTH % (1, 5), DEPTH % (7, 9), DEPTH % (10, 10)), [False, True, False]),
        ((b'{"lastUpdateId":5,"bids":[]}', DEPTH % (3, 9)), [False, False]),
        ((b'{"lastUpdateId":5,"bids":[]}', DEPTH % (7, 9)), [False, True]),
        ((DEPTH % (7, 9), b'{"lastUpdateId":5,"bids":[]}'), [False, True]),
        ((DEPTH % (7, 9), b'{"lastUpdateId":6,"bids":[]}'), [False, False]),
        ((b'{"stream":"x@bookTicker","data":{"u":1,"s":"X","b":"10.1","B":"1","a":"9.2","A":"1"}}',), [True]),
        ((b'{"stream":"x@bookTicker","data":{"u":1,"s":"X","b":"9.2","B":"1","a":"10.1","A":"1"}}',), [False]),
        ((b'{"stream":"x@trade","data":{"e":"trade","E":1,"s":"X","t":7}}', b"{", b"\xff"), [False, False, False]),
    ],
)
def test_needs_resync(rows: tuple[bytes, ...], broken: list[bool]) -> None:
    """A book is fetched anew after a hole, after a snapshot that is too old, and after a crossed quote only."""
    watch: Watch = UNSEEN
    found = []
    for row in rows:
        watch, one = needs_resync(watch, glance(row, "X" if b"lastUpdateId" in row else ""))
        found.append(one)
    assert found == broken


class Stage:
    """Be a venue's server whose answers are written in the test."""

    def __init__(self) -> None:
        """Begin without a connection."""
        self.connections = 0
        self.snapshots = 0
        self.heard: asyncio.Queue[Received] = asyncio.Queue()

    async def stream(self, request: web.Request) -> web.WebSocketResponse:
        """Accept, and then say nothing."""
        self.connections += 1
        socket = web.WebSocketResponse()
        await socket.prepare(request)
        async for _ in socket:
            pass
        return socket

    async def depth(self, _request: web.Request) -> web.Response:
        """Fail the first time."""
        self.snapshots += 1
        return web.Response(text='{"lastUpdateId":1}', status=200 if self.snapshots > 1 else 503)


@pytest.fixture
async def stage() -> AsyncIterator[tuple[Stage, BinanceVenue]]:
    played = Stage()
    app = web.Application()
    app.add_routes([web.get("/stream", played.stream), web.get("/api/v3/depth", played.depth)])
    runner = web.AppRunner(app, shutdown_timeout=0.1)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    port = runner.addresses[0][1]
    connection = Connection(
        f"ws://127.0.0.1:{port}", f"http://127.0.0.1:{port}", ("BTCUSDT",), CHANNELS, idle_s=0.05, resync_s=0
    )
    yield played, BinanceVenue(connection, report=silent, jitter=lambda _attempt: 0.0)
    await runner.cleanup()


async def test_silence_is_a_lost_connection(stage: tuple[Stage, BinanceVenue]) -> None:
    """A connection without a word is left; each new one begins with a snapshot, asked for until it comes."""
    played, venue = stage
    task = asyncio.create_task(venue.run(played.heard.put))
    async with asyncio.timeout(20):
        first, second = await played.heard.get(), await played.heard.get()
    await stopped(task)
    assert (first.row, first.symbol, second.symbol) == (b'{"lastUpdateId":1}', "BTCUSDT", "BTCUSDT")
    assert played.snapshots >= 3
    assert played.connections >= 2
