"""A live feed that is killed, cut off and hindered at random loses no trade, and none comes twice."""

import asyncio
import contextlib
import os
import pathlib
import random
import shutil
import signal
import subprocess
import sys
import time
from collections import defaultdict
from collections.abc import AsyncIterator, Callable, Iterable, Iterator
from dataclasses import dataclass, field
from typing import NoReturn

import pytest
from aiohttp import web
from counts import FULL, count
from hearing import trades_in

from functions.domain.market import NS_PER_S, InstrumentRef, RawBatch, TickBatch
from functions.local.venues.exchange import Exchange, VenueOptions, serving
from functions.local.venues.faults import FaultRates
from functions.local.venues.plans import Plan, build
from functions.wire.codecs.market import decode_raw_batch
from functions.wire.envelope import Event
from functions.wire.http_binding import from_http
from functions.wire.venues.registry import decoder_of

SEED = 20261121
ROUNDS = count(30)
RATE = 600.0
WITHIN_S = 60
SILENCE_S = 3.0  # twice what the feed takes for death
CHANNELS = {"binance.spot": "trade,bookTicker,depth@100ms", "coinbase.exchange": "matches,ticker,level2,heartbeat"}
RANDOM_FAULTS = FaultRates(gap=0.005, duplicate=0.005, garbage=0.002, throttle=0.02, fail=0.1)
HOST, INSIDE = "10.213.77.1", "10.213.77.2"


@dataclass
class Broker:
    """Take events as a broker does: once by source and id; fail now and then; let a test wait for what came."""

    random: random.Random
    events: dict[str, Event] = field(default_factory=dict)
    posts: int = 0
    differing: int = 0
    url: str = ""
    _trades: dict[str, set[int]] = field(default_factory=lambda: defaultdict(set))
    _changed: asyncio.Event = field(default_factory=asyncio.Event)

    async def take(self, request: web.Request) -> web.Response:
        """Store an event, or fail before or after storing it."""
        event = from_http(request.raw_headers, await request.read())
        self.posts += 1
        if self.random.random() < 0.01:
            return web.Response(status=503)
        known = self.events.setdefault(event.id, event)
        self.differing += known.data != event.data
        for symbol, number in trades_of(decode_raw_batch(event.data or b"")):
            self._trades[symbol].add(number)
        self._changed.set()
        return web.Response(status=503 if self.random.random() < 0.01 else 202)

    async def until(self, holds: Callable[[], object]) -> None:
        """Wait until something holds of what came."""
        async with asyncio.timeout(WITHIN_S):
            while not holds():
                self._changed.clear()
                await self._changed.wait()

    def has(self, wanted: dict[str, list[int]]) -> bool:
        """Tell whether all these trades came."""
        return all(self._trades[symbol].issuperset(numbers) for symbol, numbers in wanted.items())

    def first(self, symbol: str) -> int:
        """Give the first trade that came of a symbol."""
        return min(self._trades[symbol], default=sys.maxsize)

    @property
    def batches(self) -> list[RawBatch]:
        """Give every stored batch in the order of its sequence."""
        ordered = sorted(self.events.values(), key=lambda event: str(event.extensions["sequence"]))
        return [decode_raw_batch(event.data or b"") for event in ordered]


def trades_of(batch: RawBatch) -> Iterator[tuple[str, int]]:
    """Give every trade in a batch's rows, read without our decoders."""
    for begin, end in zip(batch.offsets[:-1].tolist(), batch.offsets[1:].tolist(), strict=True):
        yield from trades_in(batch.payload[begin:end], batch.symbol)


@contextlib.asynccontextmanager
async def taking(broker: Broker, host: str) -> AsyncIterator[Broker]:
    """Listen for events while the block runs."""
    app = web.Application(client_max_size=4 * 1024 * 1024)
    app.add_routes([web.post("/", broker.take)])
    runner = web.AppRunner(app, access_log=None, shutdown_timeout=0.1)
    await runner.setup()
    await web.TCPSite(runner, host, 0).start()
    broker.url = f"http://{host}:{runner.addresses[0][1]}/"
    try:
        yield broker
    finally:
        await runner.cleanup()


@dataclass
class Feed:
    """Run the feed as its own process, again and again.

    Args:
        environ: Its environment.
        inside: Words before the command: how to enter a network namespace.
    """

    environ: dict[str, str]
    inside: tuple[str, ...] = ()
    process: "subprocess.Popen[bytes] | None" = None

    def start(self) -> None:
        """Start it."""
        command = [*self.inside, sys.executable, "-m", "functions.feeds.stream.main"]
        self.process = subprocess.Popen(command, env=self.environ, stdout=subprocess.DEVNULL)  # noqa: S603 - ours

    async def end(self, number: signal.Signals) -> int:
        """Send it a signal and wait for its end."""
        assert self.process is not None
        assert self.process.poll() is None, "the feed ended by itself"
        self.process.send_signal(number)
        return await asyncio.to_thread(self.process.wait, WITHIN_S)


@contextlib.asynccontextmanager
async def running(
    dialect: str, folder: pathlib.Path, host: str = "127.0.0.1", inside: tuple[str, ...] = ()
) -> AsyncIterator[tuple[Exchange, Broker, Feed]]:
    """Run a venue with random faults, a broker that fails now and then, and a feed between them."""
    options = VenueOptions(RANDOM_FAULTS, SEED)
    broker = Broker(random.Random(SEED))  # noqa: S311 - reproducible
    async with serving(build(Plan(dialect, rate=RATE, options=options)), host) as venue, taking(broker, host):
        kept = {name: value for name, value in os.environ.items() if not name.startswith(("TICKLOOM_", "PORT"))}
        environ = {
            **kept,
            "K_SINK": broker.url,
            "LOG_LEVEL": "error",
            "TICKLOOM_DIALECT": dialect,
            "TICKLOOM_SYMBOLS": ",".join(venue.listings),
            "TICKLOOM_CHANNELS": CHANNELS[dialect],
            "TICKLOOM_WEBSOCKET_URL": f"ws://{host}:{venue.port}",
            "TICKLOOM_REST_URL": f"http://{host}:{venue.port}",
            "TICKLOOM_JOURNAL": str(folder / "journal"),
            "TICKLOOM_SPOOL": str(folder / "spool"),
            "TICKLOOM_IDLE_S": "1.5",
            "TICKLOOM_OPEN_S": "2",
            "TICKLOOM_BACKOFF_MAX_S": "0.5",
            "TICKLOOM_RESYNC_S": "0.2",
            "TICKLOOM_BREAKER_OPEN_S": "1",
        }
        feed = Feed(environ, inside)
        feed.start()
        try:
            yield venue, broker, feed
        finally:
            if feed.process is not None and feed.process.poll() is None:
                feed.process.kill()
                feed.process.wait()


async def everything(venue: Exchange, broker: Broker, feed: Feed) -> None:
    """Wait until every trade of the venue up to now is stored, and stop the feed."""
    wanted = {
        symbol: [one.trade_id for one in venue.ledger.trades(symbol) if one.trade_id >= broker.first(symbol)]
        for symbol in venue.listings
    }
    await broker.until(lambda: broker.has(wanted))
    assert await feed.end(signal.SIGTERM) == 0
    assert sum(map(len, wanted.values())) > 100


def check(broker: Broker) -> None:
    """Compare what is stored with the rules of a stream: contiguous, each event once, each trade normalised once."""
    batches = broker.batches
    assert broker.differing == 0
    sequences = [int(str(event.extensions["sequence"])) for event in broker.events.values()]
    assert sorted(sequences) == list(range(len(sequences)))
    ends = [0, *(batch.first_row + batch.row_count for batch in batches)]
    assert [batch.first_row for batch in batches] == ends[:-1]
    raw = {one for batch in batches for one in trades_of(batch)}
    normalised = normalised_trades(batches, {symbol for symbol, _ in raw})
    assert set(normalised) == raw
    assert all(len(facts) == 1 for facts in normalised.values()), "one trade id told two different trades"


def normalised_trades(
    batches: list[RawBatch], symbols: Iterable[str]
) -> dict[tuple[str, int], set[tuple[int, int, int, int]]]:
    """Decode every batch as `normalize` does; give each trade's time, price, size and side by symbol and id."""
    found: dict[tuple[str, int], set[tuple[int, int, int, int]]] = defaultdict(set)
    for batch in batches:
        decode, units = decoder_of(batch.dialect), {name: InstrumentRef(name, -8, -8) for name in symbols}
        for symbol, number, fact in _facts(decode(batch, units, future_skew_ms_max=60_000)):
            found[symbol, number].add(fact)
    return found


def _facts(ticks: TickBatch) -> Iterator[tuple[str, int, tuple[int, int, int, int]]]:
    trades = ticks.trades
    for i in range(len(trades.ts_event)):
        ref = ticks.instruments[int(trades.instrument[i])]
        fact = (int(trades.ts_event[i]), int(trades.price[i]), int(trades.size[i]), int(trades.side[i]))
        yield ref.instrument_id, int(trades.trade_id[i]), fact


@pytest.mark.parametrize("dialect", CHANNELS)
async def test_kills_and_cuts(dialect: str, tmp_path: pathlib.Path) -> None:
    """Killed and cut off at random moments under load, the feed's stream has every trade, and each once."""
    draw = random.Random(SEED)  # noqa: S311 - reproducible
    kills = 0
    async with running(dialect, tmp_path) as (venue, broker, feed):
        await broker.until(lambda: all(broker.first(symbol) < sys.maxsize for symbol in venue.listings))
        for _ in range(ROUNDS):
            more = len(broker.events) + draw.randint(1, 60)
            await broker.until(lambda more=more: len(broker.events) >= more)  # type: ignore[misc] # bound at once
            if draw.random() < 0.5:
                venue.audience.cut()
            else:
                await feed.end(signal.SIGKILL)
                feed.start()
                kills += 1
        await everything(venue, broker, feed)
    check(broker)
    faults = {name: number for name, number in venue.faults.counts.items() if number}
    print(f"{dialect}, seed {SEED}: {kills} kills, {ROUNDS - kills} cuts, {venue.audience.connections} connections,")  # noqa: T201
    print(f"  {len(venue.ledger)} trades, {len(broker.events)} events in {broker.posts} posts, faults {faults}")  # noqa: T201
    assert kills
    assert faults


async def traded(venue: Exchange, seconds: float) -> None:
    """Wait until the venue has traded so long, which nobody hears: its ledger has no event to wait for."""
    symbol = next(iter(venue.listings))
    end = time.time_ns() + int(seconds * NS_PER_S)
    while (last := venue.ledger.last(symbol)) is None or last.ts_event < end:  # noqa: ASYNC110 - it shares our loop
        await asyncio.sleep(0.01)


def lacking(reason: str) -> NoReturn:
    """Skip with the reason; in the full tier a missing part fails."""
    if FULL:
        pytest.fail(reason)
    pytest.skip(reason)


@pytest.fixture
def namespace() -> Iterator[str]:
    """Make a network namespace joined to this one by a pair of links; skip (full tier: fail) where that cannot be."""
    tool = shutil.which("ip")
    if os.geteuid() != 0 or tool is None:
        lacking("a network namespace takes root and the program `ip`")
    name, link = f"loom{os.getpid()}", f"lm{os.getpid()}"

    def ip(words: str, *, check: bool = True) -> int:
        return subprocess.run([tool, *words.split()], check=check, capture_output=True).returncode  # noqa: S603 - ours

    if ip(f"netns add {name}", check=False):
        lacking("this machine lets nobody make a network namespace")
    try:
        ip(f"link add {link} type veth peer name {link}i netns {name}")
        ip(f"address add {HOST}/24 dev {link}")
        ip(f"link set {link} up")
        ip(f"-n {name} address add {INSIDE}/24 dev {link}i")
        ip(f"-n {name} link set {link}i up")
        ip(f"-n {name} link set lo up")
        yield name
    finally:
        ip(f"link del {link}", check=False)
        ip(f"netns del {name}", check=False)


async def test_a_cut_network(namespace: str, tmp_path: pathlib.Path) -> None:
    """A feed whose network is taken away and given back goes on without a loss, towards venue and broker alike."""
    draw = random.Random(SEED)  # noqa: S311 - reproducible
    link = namespace.replace("loom", "lm")
    inside = ("ip", "netns", "exec", namespace)
    cuts = max(2, ROUNDS // 10)
    async with running("binance.spot", tmp_path, HOST, inside) as (venue, broker, feed):
        for _ in range(cuts):
            more = len(broker.events) + draw.randint(5, 60)
            await broker.until(lambda more=more: len(broker.events) >= more)  # type: ignore[misc] # bound at once
            await asyncio.to_thread(subprocess.run, ["ip", "link", "set", link, "down"], check=True)
            await traded(venue, SILENCE_S)
            await asyncio.to_thread(subprocess.run, ["ip", "link", "set", link, "up"], check=True)
        await everything(venue, broker, feed)
    check(broker)
    assert venue.audience.connections > cuts // 2  # a cut may come before the last one was mended
    print(f"{venue.audience.connections} connections, {len(venue.ledger)} trades, {len(broker.events)} events")  # noqa: T201
