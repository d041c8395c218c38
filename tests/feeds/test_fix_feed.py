"""The FIX feed publishes every application message once, in order, whatever the other side or a kill does."""

import asyncio
import contextlib
import os
import pathlib
import random
import sys
from collections.abc import AsyncIterator, Iterator, Sequence

import pytest
from aiohttp import web
from counts import FULL
from fix_peer import calling, now_text
from waiting import until

from functions.adapters.memory_fix_store import MemoryFixStores
from functions.adapters.memory_sink import MemorySink
from functions.domain.market import RawBatch
from functions.feeds.fix.feed import FixFeed
from functions.feeds.fix.main import Settings, compose
from functions.local.fix_counterparty import Counterparty, House, serving
from functions.ports.errors import Unavailable
from functions.ports.fix_store import SessionTaken
from functions.runtime import settings as process
from functions.wire.batcher import Cut
from functions.wire.codecs.market import decode_raw_batch
from functions.wire.envelope import Event
from functions.wire.fix.actions import Deliver, Terms
from functions.wire.fix.codec import Message, decode, encode
from functions.wire.fix.messages import DATA_REQUEST
from functions.wire.fix.rules import Identity, number_of
from functions.wire.http_binding import from_http
from functions.wire.venues.registry import decoder_of

VENUE = Identity("VENUE", "TICKLOOM")
SYMBOLS = ("EUR/USD", "GBP/USD")
MOVES = 40
KILLS = 8 if FULL else 3
SEED = 20261121


def house(**more: object) -> House:
    """Make a venue with a heartbeat a second, so that what was lost last shows soon."""
    return House(VENUE, SYMBOLS, **more)  # type: ignore[arg-type] # each takes its own kind


def settings(venue: Counterparty, folder: pathlib.Path, **more: object) -> Settings:
    """Make a feed that asks the venue for prices."""
    given: dict[str, object] = {
        "fix_role": "initiator",
        "fix_port": venue.port,
        "fix_folder": str(folder),
        "spool": str(folder / "spool"),
        "fix_heartbeat_s": 1,
        "symbols": SYMBOLS,
        "backoff_s": 0.01,
        "backoff_max_s": 0.05,
        **more,
    }
    return Settings(**given)  # type: ignore[arg-type] # each takes its own kind


@contextlib.asynccontextmanager
async def feeding(given: Settings, sink: MemorySink) -> AsyncIterator[None]:
    """Run the feed while the block does."""
    task = asyncio.create_task(compose(given).run(sink))
    try:
        yield
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)


def batches(events: Sequence[Event]) -> Iterator[RawBatch]:
    """Read events, each number once, in order; equal numbers hold equal bytes."""
    by_number: dict[str, Event] = {}
    for event in events:
        number = str(event.extensions["sequence"])
        assert by_number.setdefault(number, event).data == event.data
    assert [int(number) for number in sorted(by_number)] == list(range(len(by_number)))
    row = 0
    for _, event in sorted(by_number.items()):
        batch = decode_raw_batch(event.data or b"")
        assert batch.first_row == row
        row += batch.row_count
        yield batch


def rows(events: Sequence[Event]) -> list[bytes]:
    """Give every row, once."""
    return [
        batch.payload[begin:end]
        for batch in batches(events)
        for begin, end in zip(batch.offsets[:-1].tolist(), batch.offsets[1:].tolist(), strict=True)
    ]


def numbers(events: Sequence[Event]) -> list[int]:
    """Give MsgSeqNum of every row."""
    read = [decode(row) for row in rows(events)]
    return [number_of(one) for one in read if isinstance(one, Message)]


def sent(stores: MemoryFixStores) -> list[int]:
    """Give the numbers of all application messages the venue ever sent."""
    return list(stores.read(VENUE).numbers.sent)


@pytest.fixture
def stores() -> MemoryFixStores:
    """Remember the venue's session."""
    return MemoryFixStores()


@pytest.fixture
async def venue(stores: MemoryFixStores) -> AsyncIterator[Counterparty]:
    """Serve the venue."""
    async with serving(Counterparty(house(terms=Terms(resend_s=0.3)), stores=stores)) as running:
        yield running


def asked(venue: Counterparty) -> bool:
    """Say whether prices were asked for on the connection that is there."""
    return venue.link is not None and any(one.msg_type == DATA_REQUEST for one in venue.taken)


async def test_publishes(venue: Counterparty, stores: MemoryFixStores, tmp_path: pathlib.Path) -> None:
    """Snapshots and changes are published verbatim, decode without a refusal, and a clock beats beside them."""
    sink = MemorySink()
    async with feeding(settings(venue, tmp_path, heartbeat_ms=20), sink):
        await until(lambda: asked(venue))
        for _ in range(MOVES):
            await venue.move("EUR/USD")
        await until(lambda: len(numbers(sink.events)) == MOVES + 2)
        await until(lambda: sum(one.heartbeat for one in batches(sink.events)) > 2)
    assert numbers(sink.events) == sent(stores)
    assert rows(sink.events) == list(stores.read(VENUE).numbers.sent.values())
    ticks = [decoder_of("fix.44")(batch, {}) for batch in batches(sink.events)]
    assert sum(len(one.rejections) for one in ticks) == 0
    assert sum(len(one.trades.row) for one in ticks) == MOVES
    first = sink.events[0]
    assert (first.source, first.extensions["partitionkey"]) == ("/tickloom/feeds/fix/FIX-0.fix", "FIX-0")


@pytest.mark.parametrize("fault", ["gap", "garbled", "doubled", "drop", "none"])
async def test_faults(venue: Counterparty, stores: MemoryFixStores, tmp_path: pathlib.Path, fault: str) -> None:
    """Messages lost, garbled or doubled, and connections dropped, cost nothing and double nothing."""
    sink = MemorySink()
    async with feeding(settings(venue, tmp_path), sink):
        for turn in range(3):
            venue.taken.clear()
            await venue.move("GBP/USD")
            if turn:
                await (venue.drop() if fault == "drop" else venue.move("EUR/USD"))
            await until(lambda: venue.link is not None)
            if turn and fault not in {"drop", "none"}:
                setattr(venue.faults, fault, 2)
            for _ in range(5):
                await venue.move("EUR/USD")
        await until(lambda: len(sent(stores)) > 0 and numbers(sink.events) == sent(stores), within_s=20)
    assert len(numbers(sink.events)) == len(set(numbers(sink.events)))


async def test_broker_down(venue: Counterparty, stores: MemoryFixStores, tmp_path: pathlib.Path) -> None:
    """While the broker is down the session lives on, and afterwards everything is there, once."""
    sink = MemorySink([Unavailable("down")] * 6)
    async with feeding(settings(venue, tmp_path), sink):
        await until(lambda: asked(venue))
        for _ in range(MOVES):
            await venue.move("EUR/USD")
        await until(lambda: numbers(sink.events) == sent(stores))
    assert not sink.answers


async def test_goes_on(venue: Counterparty, stores: MemoryFixStores, tmp_path: pathlib.Path) -> None:
    """A feed that is stopped and started goes on with its numbers, rows and session."""
    sink = MemorySink()
    for _ in range(3):
        venue.taken.clear()
        async with feeding(settings(venue, tmp_path), sink):
            await until(lambda: asked(venue))
            await venue.move("EUR/USD")
            await until(lambda: numbers(sink.events) == sent(stores))
        await until(lambda: venue.link is None)
    assert len(numbers(sink.events)) == 3 * 3


async def test_acceptor(tmp_path: pathlib.Path) -> None:
    """As acceptor the feed takes orders and unknown types verbatim; a second socket and a second keeper are refused."""
    sink = MemorySink()
    folder = str(tmp_path)
    given = Settings(fix_folder=folder, spool=folder, fix_port=_free_port(), target_comp_id="BROKER", heartbeat_ms=20)
    async with feeding(given, sink):
        await until(lambda: len(sink.events) > 0)
        with pytest.raises(SessionTaken):
            await compose(given).run(MemorySink())
        async with calling(given.fix_port, "BROKER", "TICKLOOM") as peer:
            await peer.say("A", (98, 0), (108, 30))
            await peer.hear("A")
            async with calling(given.fix_port, "BROKER", "TICKLOOM") as second:
                await second.say("A", (98, 0), (108, 30))
                assert await second.ended() == b""
            await peer.say("D", (11, "o"), (55, "X"), (54, 1), (60, now_text()), (40, 1), (38, 5))
            await peer.say("D", (11, "no symbol"))
            await peer.say("U7", (5001, "ours"))
            await peer.hear("3")
            await until(lambda: len(rows(sink.events)) == 3)
    assert numbers(sink.events) == [2, 3, 4]


def _free_port() -> int:
    import socket  # noqa: PLC0415 - only here

    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        return int(one.getsockname()[1])


async def test_tape_ends(venue: Counterparty, tmp_path: pathlib.Path) -> None:
    """A feed with an end publishes it last."""
    sink = MemorySink()
    await compose(settings(venue, tmp_path, duration_s=0.3)).run(sink)
    found = list(batches(sink.events))
    assert [one.end_of_tape for one in found] == [False] * (len(found) - 1) + [True]


def delivered(*contents: str, size: int = 1) -> list[Deliver]:
    """Make messages."""
    made = [decode(encode("FIX.4.4", [(35, "B"), (34, "2"), (148, text * size)])) for text in contents]
    return [Deliver(one) for one in made if isinstance(one, Message)]


CUT = Cut("FIX-0", "FIX-0.fix", "fix.44", "", rows_max=2, bytes_max=10_000, line_bytes_max=2_000)


async def test_cuts_and_spools(stores: MemoryFixStores) -> None:
    """Batches hold so many rows; one that is too long is kept and stands in with its digest."""
    sink, kept = MemorySink(), {}
    store = stores.open(VENUE)
    feed = FixFeed(sink, store, CUT, keep=kept.__setitem__, clock=lambda: 7)
    await feed.take(delivered("a", "b", "c"), 5)
    await feed.take(delivered("d", size=3_000), 6)
    found = list(batches(sink.events))
    assert [one.row_count for one in found] == [2, 1, 1]
    assert [one.length for one in found[2].oversized] == [len(*kept.values())]
    assert store.load().numbers.next_in == 6


class Lost(BaseException):
    """Stand for the end of the process."""


@pytest.mark.parametrize("at", range(4))
async def test_crash_while_publishing(stores: MemoryFixStores, at: int) -> None:
    """A crash at any step publishes the same bytes again under the same numbers, then goes on behind them."""
    store = stores.open(VENUE)
    sink = MemorySink([None] * at + [Lost()])  # type: ignore[list-item] # it ends everything
    feed = FixFeed(sink, store, CUT, keep=_drop, clock=lambda: 7)
    with pytest.raises(Lost):
        await feed.take(delivered("a", "b", "c", "d", "e", "f", "g"), 9)
    assert store.load().numbers.next_in == 1
    again = FixFeed(sink, store, CUT, keep=_drop, clock=lambda: 8)
    await again.opened()
    assert store.load().numbers.next_in == 9
    assert len(rows(sink.events)) == 7
    await again.take(delivered("h"), 10)
    assert len(rows(sink.events)) == 8


def _drop(_name: str, _row: bytes) -> None:
    """Keep nothing."""


def test_settings() -> None:
    """Settings come from the environment; secrets never print, and what cannot be stops the start."""
    environ = {"TICKLOOM_FIX_PASSWORD": "hunter-2", "TICKLOOM_FIX_PORT": "9", "TICKLOOM_FIX_ROLE": "initiator"}
    given = process.load(Settings, environ)
    assert given.fix_password == "hunter-2"  # noqa: S105 - made up
    assert "hunter-2" not in repr(given) + str(process.describe(given))
    for name, value in (
        ("FIX_ROLE", "both"),
        ("FIX_PORT", "70000"),
        ("LOGON_S", "0"),
        ("ROWS_MAX", "0"),
        ("STREAM", "a.b"),
    ):
        with pytest.raises(process.SettingsError):
            process.load(Settings, {**environ, f"TICKLOOM_{name}": value})


# --- kill -9 ----------------------------------------------------------------------------------------------------------


@contextlib.asynccontextmanager
async def ingress(stored: list[Event]) -> AsyncIterator[str]:
    """Serve a broker's ingress."""

    async def take(request: web.Request) -> web.Response:
        stored.append(from_http(request.raw_headers, await request.read()))
        return web.Response(status=202)

    app = web.Application()
    app.add_routes([web.post("/", take)])
    runner = web.AppRunner(app, access_log=None)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    try:
        yield f"http://127.0.0.1:{runner.addresses[0][1]}/"
    finally:
        await runner.cleanup()


@contextlib.asynccontextmanager
async def _running(venue: Counterparty, folder: pathlib.Path, url: str) -> AsyncIterator[None]:
    """Run the feed as a process of its own, and kill it in the end."""
    environ = {name: value for name, value in os.environ.items() if not name.startswith("TICKLOOM_")}
    own = {
        "FIX_ROLE": "initiator",
        "FIX_PORT": str(venue.port),
        "FIX_FOLDER": str(folder),
        "SPOOL": str(folder),
        "FIX_HEARTBEAT_S": "1",
        "SYMBOLS": ",".join(SYMBOLS),
        "BACKOFF_S": "0.01",
        "HEARTBEAT_MS": "20",
    }
    environ |= {f"TICKLOOM_{name}": value for name, value in own.items()} | {"K_SINK": url}
    command = (sys.executable, "-m", "functions.feeds.fix.main")
    process_ = await asyncio.create_subprocess_exec(*command, env=environ, stderr=asyncio.subprocess.DEVNULL)
    try:
        yield
    finally:
        process_.kill()
        await process_.wait()


async def _more(stores: MemoryFixStores, messages: int) -> None:
    """Wait until the venue has sent so many messages more."""
    wanted = len(sent(stores)) + messages
    await until(lambda: len(sent(stores)) >= wanted, within_s=30)


async def test_killed(stores: MemoryFixStores, tmp_path: pathlib.Path) -> None:
    """Killed with -9 in mid-stream, again and again, the feed loses nothing and doubles nothing."""
    chance, stored = random.Random(SEED), []  # noqa: S311 - reproducible
    async with (
        ingress(stored) as url,
        serving(Counterparty(house(interval_s=0.001, terms=Terms(resend_s=0.5)), stores=stores)) as venue,
    ):
        for _ in range(KILLS):
            async with _running(venue, tmp_path, url):
                await _more(stores, chance.randint(50, 500))
        async with _running(venue, tmp_path, url):
            await _more(stores, 50)
            await venue.pause()
            await until(lambda: numbers(stored) == sent(stores), within_s=20)
    assert numbers(stored) == sent(stores)
    print(f"{KILLS} kills, {len(numbers(stored))} messages, {len(stored)} events")  # noqa: T201 - the record
