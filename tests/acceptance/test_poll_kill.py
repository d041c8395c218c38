"""Polling and MetaTrader feeds that are killed at random moments under load lose no row and publish none twice."""

import asyncio
import contextlib
import itertools
import json
import os
import pathlib
import random
import signal
import sys
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass, field

import pytest
from counts import count

from functions.local.ingress import Ingress
from functions.local.venues import mt4
from functions.local.venues.exchange import Exchange, VenueOptions, serving
from functions.local.venues.faults import FaultRates
from functions.local.venues.plans import Plan, build
from functions.wire.codecs.market import decode_raw_batch
from functions.wire.envelope import Event

KILLS = count(20)
SEED = 20261121
EVENTS_BETWEEN = 12  # batches between two kills, at most
WITHIN_S = 60.0


@dataclass
class Broker:
    """Store events, and kill whoever sends at a number of them: before that one is stored, or right after."""

    events: list[Event] = field(default_factory=list)
    victim: asyncio.subprocess.Process | None = None
    kill_at: int = 0
    before: bool = False
    arrived: asyncio.Event = field(default_factory=asyncio.Event)

    async def accept(self, _: str, event: Event) -> None:
        """Take one event."""
        due = self.victim is not None and len(self.events) >= self.kill_at
        if due and self.before:
            self._kill()
            return
        self.events.append(event)
        self.arrived.set()
        if due:
            self._kill()

    def _kill(self) -> None:
        assert self.victim is not None
        with contextlib.suppress(ProcessLookupError):
            self.victim.send_signal(signal.SIGKILL)
        self.victim = None

    def rows(self) -> dict[str, list[bytes]]:
        """Give rows by symbol, each event once by its id, as every stage behind does."""
        found: dict[str, list[bytes]] = {}
        for event in {event.id: event for event in self.events}.values():
            batch = decode_raw_batch(event.data or b"")
            spans = itertools.pairwise(batch.offsets.tolist())
            found.setdefault(batch.symbol, []).extend(batch.payload[start:end] for start, end in spans)
        return found

    async def until(self, condition: Callable[[], bool]) -> None:
        """Wait for events until a condition holds."""
        async with asyncio.timeout(WITHIN_S):
            while not condition():
                self.arrived.clear()
                await self.arrived.wait()


@contextlib.asynccontextmanager
async def trading(play: Callable[[float], Awaitable[None]]) -> AsyncIterator[None]:
    """Let a venue trade while the block runs."""

    async def trade() -> None:
        while True:
            await play(0.1)
            await asyncio.sleep(0.01)

    task = asyncio.create_task(trade())
    try:
        yield
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)


async def feed(name: str, url: str, settings: dict[str, str]) -> asyncio.subprocess.Process:
    environment = {key: value for key, value in os.environ.items() if not key.startswith("TICKLOOM_")}
    return await asyncio.create_subprocess_exec(
        sys.executable,
        "-m",
        f"functions.feeds.{name}.main",
        env={**environment, **settings, "K_SINK": url, "TICKLOOM_LOG_LEVEL": "error"},
        stdout=asyncio.subprocess.DEVNULL,
    )


async def killed_again_and_again(
    name: str, settings: dict[str, str], play: Callable[[float], Awaitable[None]], done: Callable[[Broker], bool]
) -> Broker:
    """Run a feed through its kills under load, then undisturbed until it has caught up."""
    chance = random.Random(SEED)  # noqa: S311 - reproducible by its seed
    broker = Broker()
    ingress = Ingress({"market": object()}, broker.accept)
    await ingress.start()
    async with trading(play):
        for _ in range(KILLS):
            process = await feed(name, ingress.url("market"), settings)
            broker.kill_at = len(broker.events) + chance.randrange(1, EVENTS_BETWEEN)
            broker.before = chance.random() < 0.5
            broker.victim = process
            assert await asyncio.wait_for(process.wait(), WITHIN_S) == -signal.SIGKILL
    process = await feed(name, ingress.url("market"), settings)
    try:
        await broker.until(lambda: done(broker))
    finally:
        process.send_signal(signal.SIGTERM)
        await asyncio.wait_for(process.wait(), WITHIN_S)
        await ingress.stop()
    return broker


def assert_sound(broker: Broker) -> None:
    """No number of the stream is missing, and none ever stood for two contents with rows."""
    contents: dict[int, set[bytes]] = {}
    for event in broker.events:
        batch = decode_raw_batch(event.data or b"")
        contents.setdefault(int(str(event.extensions["sequence"])), set())
        if batch.row_count:
            contents[int(str(event.extensions["sequence"]))].add(bytes(event.data or b""))
    assert sorted(contents) == list(range(len(contents)))
    assert max(map(len, contents.values())) == 1


@pytest.fixture
def settings(tmp_path: pathlib.Path) -> dict[str, str]:
    return {"TICKLOOM_SPOOL": str(tmp_path / "spool"), "TICKLOOM_HEARTBEAT_MS": "50", "TICKLOOM_BACKOFF_S": "0.01"}


async def test_polled_trades_survive_kills(settings: dict[str, str], tmp_path: pathlib.Path) -> None:
    """A polling feed killed at random moments, at a venue that fails now and then, has every trade of it once."""
    options = VenueOptions(FaultRates(fail=0.1, throttle=0.02), paced=False)
    async with serving(build(Plan("binance.spot", ("BTCUSDT", "ETHUSDT"), 60, options=options))) as venue:
        await venue.play(0.5)
        settings |= {
            "TICKLOOM_POLL_URL": f"http://127.0.0.1:{venue.port}",
            "TICKLOOM_POLL_CHANNELS": "trades",
            "TICKLOOM_POLL_EVERY_S": "0.02",
            "TICKLOOM_POLL_RATE": "1000000",
            "TICKLOOM_POLL_STATE": str(tmp_path / "rest.json"),
        }
        broker = await killed_again_and_again("rest", settings, venue.play, lambda one: polled(one, venue))
        assert_sound(broker)
        for symbol in venue.listings:
            ids = trade_ids(broker, symbol)
            assert ids == [one.trade_id for one in venue.ledger.from_id(symbol, ids[0], len(ids) + 1)]
            assert len(ids) > KILLS


def trade_ids(broker: Broker, symbol: str) -> list[int]:
    return [one["a"] for row in broker.rows().get(symbol, []) for one in json.loads(row)]


def polled(broker: Broker, venue: Exchange) -> bool:
    return all(trade_ids(broker, one)[-1:] == [venue.ledger.trades(one)[-1].trade_id] for one in venue.listings)


async def test_bridged_ticks_survive_kills(settings: dict[str, str], tmp_path: pathlib.Path) -> None:
    """A MetaTrader feed killed at random moments, on lines that break, lose and double, has every tick once."""
    symbols = ("EURUSD", "USDJPY")
    faults = FaultRates(gap=0.01, duplicate=0.01, reorder=0.01, disconnect=0.001, garbage=0.01)
    async with mt4.serving(mt4.Bridge(mt4.BridgeOptions(symbols, rate=60, faults=faults, paced=False))) as bridge:
        settings |= {"TICKLOOM_MT4_PORT": str(bridge.port), "TICKLOOM_MT4_STATE": str(tmp_path / "mt4.json")}

        def ticks(broker: Broker, symbol: str) -> list[str]:
            found = (row.decode() for row in broker.rows().get("", []))
            return [line for line in found if line.startswith("TICK ") and line.split(" ")[2] == symbol]

        def whole(broker: Broker) -> bool:
            return all(ticks(broker, one)[-1:] == list(bridge.ticks[one])[-1:] for one in symbols)

        broker = await killed_again_and_again("mt4", settings, bridge.play, whole)
        assert_sound(broker)
        for symbol in symbols:
            found = ticks(broker, symbol)
            first = list(bridge.ticks[symbol]).index(found[0])
            assert found == list(bridge.ticks[symbol])[first:]
            assert len(found) > KILLS
