"""Be a MetaTrader 4 bridge over a made-up market: the line protocol that `functions.feeds.mt4` documents, with faults.

A symbol's ticks are the market's best bids and offers. What was said is kept in order, so that RESEND can be answered
and a test can say what a perfect feed would hold.
"""

import asyncio
import contextlib
import itertools
import time
from collections import deque
from collections.abc import AsyncIterator, Callable, Iterable
from dataclasses import dataclass, field
from typing import Final

import numpy as np

from functions.domain.market import NS_PER_S
from functions.domain.simulation import STEP_NS, UNIT, Best, Listing, Market
from functions.local.venues.faults import Fault, FaultRates, Faults
from functions.local.venues.sources import MarketSource
from functions.local.venues.texts import NS_PER_MS, decimal_text, places_of

VERSION: Final = "1"
LINE_BYTES_MAX: Final = 4_096
QUEUE_LINES_MAX: Final = 50_000
CONNECTIONS_MAX: Final = 64
HEARTBEAT_S: Final = 1.0
IDLE_S: Final = 3.0
GARBAGE: Final = "TICK what is this"
_AHEAD_NS: Final = 1_000_000
_NO_FAULTS: Final = FaultRates()
_RATES: Final = {"EURUSD": 108_500_000, "GBPUSD": 127_000_000, "USDJPY": 15_000_000_000, "AUDUSD": 66_000_000}
"""First prices of pairs, in units of 1e-8; others begin at 1."""


@dataclass(frozen=True, slots=True)
class BridgeOptions:
    """Say what the bridge quotes, and its bounds.

    Args:
        symbols: Six letters each, two currencies.
        rate: Messages a second of each symbol, on average.
        seed: Seed of the market and of its faults.
        faults: How often what goes wrong by itself.
        ticks_max: Ticks of a symbol that can be sent again.
        paced: Whether ticks come at their times; False says each as soon as it is asked for with `play`.
        idle_s: Silence after which a client counts as gone, seconds.
    """

    symbols: tuple[str, ...] = ("EURUSD", "USDJPY")
    rate: float = 20.0
    seed: int = 1
    faults: FaultRates = _NO_FAULTS
    ticks_max: int = 100_000
    paced: bool = True
    idle_s: float = IDLE_S


@dataclass(slots=True, eq=False)
class _Client:
    writer: asyncio.StreamWriter
    symbols: set[str] = field(default_factory=set)
    greeted: bool = False
    queue: asyncio.Queue[str] = field(default_factory=lambda: asyncio.Queue(QUEUE_LINES_MAX))

    def offer(self, line: str) -> None:
        try:
            self.queue.put_nowait(line)
        except asyncio.QueueFull:
            self.writer.transport.abort()


class Bridge:
    """Serve one bridge.

    Args:
        options: What it quotes.
        clock: Gives UTC nanoseconds.
    """

    def __init__(self, options: BridgeOptions, *, clock: Callable[[], int] = time.time_ns) -> None:
        """Bind to nothing yet."""
        listings = [_listing(symbol) for symbol in options.symbols]
        market = Market(listings, np.random.default_rng(options.seed), start_ns=clock(), rate=options.rate)
        self._places = {one.symbol: places_of(one.tick) for one in listings}
        self._source = MarketSource(market)
        self._options = options
        self._clock = clock
        self._clients: set[_Client] = set()
        self._server: asyncio.Server | None = None
        self._tasks: list[asyncio.Task[None]] = []
        self._live = asyncio.Event()
        self._begun = False
        self._late: list[tuple[str, str]] = []
        self._names = itertools.count(1)
        self.faults = Faults(options.faults, np.random.default_rng(options.seed))
        self.ticks: dict[str, deque[str]] = {one.symbol: deque(maxlen=options.ticks_max) for one in listings}
        self.last = dict.fromkeys(self._places, 0)
        self.session = ""
        self.port = 0
        self.restart()

    def restart(self) -> None:
        """Forget what was said and begin a new session, as a bridge that was started anew."""
        self.session = f"{self._clock():x}-{next(self._names)}"
        self.forget()
        self.last = dict.fromkeys(self._places, 0)
        self.cut()

    def forget(self) -> None:
        """Keep the session, but nothing that could be sent again."""
        for ticks in self.ticks.values():
            ticks.clear()

    def cut(self) -> None:
        """Cut every connection without a word."""
        for client in tuple(self._clients):
            client.writer.transport.abort()

    async def start(self, host: str = "127.0.0.1", port: int = 0) -> None:
        """Listen; port 0 takes a free one."""
        self._server = await asyncio.start_server(self._serve, host, port, limit=LINE_BYTES_MAX)
        self.port = self._server.sockets[0].getsockname()[1]
        self._tasks.append(asyncio.create_task(self._beat(), name="bridge-heartbeat"))
        if self._options.paced:
            self._tasks.append(asyncio.create_task(self._run(), name="bridge"))

    async def stop(self) -> None:
        """Drop everyone and stop listening."""
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        self._tasks.clear()
        self.cut()
        if self._server:
            self._server.close()
            await self._server.wait_closed()

    # -- what happens

    async def _run(self) -> None:
        await self._live.wait()
        self._source.begin(self._clock())
        while True:
            for said in self._source.due(self._clock()):
                await self._until(said.ts_ns)
                self._say_all(said.happened)
            await self._until(self._source.next_ns())

    async def _until(self, ts: int) -> None:
        left = ts - self._clock()
        await asyncio.sleep(left / NS_PER_S if left > _AHEAD_NS else 0)

    async def play(self, seconds: float) -> None:
        """Let time pass at once, where ticks are not paced; connections get their turns meanwhile."""
        if not self._begun:
            self._begun = True
            self._source.begin(self._clock())
        end = self._source.next_ns() + int(seconds * NS_PER_S)
        while self._source.next_ns() < end:
            for said in self._source.due(self._source.next_ns() - STEP_NS):
                self._say_all(said.happened)
                await asyncio.sleep(0)

    def _say_all(self, happened: tuple[object, ...]) -> None:
        for one in happened:
            if isinstance(one, Best):
                self._say(one)

    def _say(self, best: Best) -> None:
        self.last[best.symbol] += 1
        number = self.last[best.symbol]
        places = self._places[best.symbol]
        bid, ask = decimal_text(best.bid_price, places), decimal_text(best.ask_price, places)
        line = f"TICK {number} {best.symbol} {best.ts_event // NS_PER_MS} {bid} {ask} 1"
        self.ticks[best.symbol].append(line)
        found = [(best.symbol, line)]
        match self.faults.of_message("quote", best.symbol):
            case Fault.GAP:
                return
            case Fault.DUPLICATE:
                found *= 2
            case Fault.REORDER if not self._late:
                self._late = found
                return
            case Fault.DISCONNECT:
                self.cut()
                return
            case Fault.GARBAGE:
                found.insert(0, (best.symbol, GARBAGE))
        found, self._late = found + self._late, []
        if self.faults.silent:
            return
        for symbol, text in found:
            for client in self._clients:
                if symbol in client.symbols:
                    client.offer(text)

    async def _beat(self) -> None:
        while True:
            await asyncio.sleep(HEARTBEAT_S)
            for client in self._clients:
                if client.greeted and not self.faults.silent:
                    client.offer(f"HEARTBEAT {self._clock() // NS_PER_MS} {self._lasts(client.symbols)}".rstrip())

    def _lasts(self, symbols: Iterable[str]) -> str:
        return ",".join(f"{symbol}:{self.last[symbol]}" for symbol in sorted(symbols))

    # -- clients

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        if len(self._clients) >= CONNECTIONS_MAX:
            writer.close()
            return
        client = _Client(writer)
        self._clients.add(client)
        sender = asyncio.create_task(self._send(client))
        try:
            while True:
                async with asyncio.timeout(self._options.idle_s):
                    line = await reader.readuntil(b"\n")
                if not self._answer(client, line[:-1].decode("ascii", "replace")):
                    return
        except (OSError, TimeoutError, asyncio.IncompleteReadError, asyncio.LimitOverrunError):
            return
        finally:
            self._clients.discard(client)
            sender.cancel()
            with contextlib.suppress(OSError):
                writer.close()

    async def _send(self, client: _Client) -> None:
        with contextlib.suppress(OSError):
            while True:
                line = await client.queue.get()
                if self.faults.slow_s:
                    await asyncio.sleep(self.faults.slow_s)
                client.writer.write(line.encode("ascii") + b"\n")
                await client.writer.drain()

    def _answer(self, client: _Client, line: str) -> bool:
        """Do what a client says; False when it leaves."""
        words = line.split(" ")
        if words[0] not in {"HELLO", "BYE"} and not client.greeted:
            client.offer("ERROR order say HELLO first")
            return True
        match words:
            case ["HELLO", version, _]:
                client.greeted = version == VERSION
                greeting = f"HELLO {VERSION} {self.session}"
                client.offer(greeting if client.greeted else f"ERROR version {VERSION} is spoken here")
            case ["SUBSCRIBE", names] if unknown := set(names.split(",")) - set(self._places):
                client.offer(f"ERROR symbol {','.join(sorted(unknown))[:80]}")
            case ["SUBSCRIBE", names]:
                client.symbols |= set(names.split(","))
                client.offer(f"OK {self._lasts(names.split(','))}")
                self._live.set()
            case ["RESEND", symbol, first, last] if symbol in client.symbols and (first + last).isdecimal():
                self._resend(client, symbol, int(first), min(int(last), self.last[symbol]))
            case ["HEARTBEAT"]:
                pass
            case ["BYE"]:
                return False
            case _:
                client.offer(f"ERROR syntax {line[:80]}")
        return True

    def _resend(self, client: _Client, symbol: str, first: int, last: int) -> None:
        """Send ticks again; numbers that are gone are told by GAPFILL."""
        oldest = self.last[symbol] - len(self.ticks[symbol]) + 1
        if first < oldest:
            client.offer(f"GAPFILL {symbol} {first} {min(last, oldest - 1)}")
        for line in list(self.ticks[symbol])[max(first, oldest) - oldest : last - oldest + 1]:
            client.offer(line)


def _listing(symbol: str) -> Listing:
    if len(symbol) != 6 or not symbol.isalpha():  # noqa: PLR2004 - two currencies of three letters
        msg = f"{symbol!r} is no pair: six letters, two currencies, as in EURUSD"
        raise ValueError(msg)
    price = _RATES.get(symbol, UNIT)
    tick = UNIT // 1_000 if symbol.endswith("JPY") else UNIT // 100_000
    return Listing(symbol, price, tick, UNIT, 0.08, UNIT)


@contextlib.asynccontextmanager
async def serving(bridge: Bridge) -> AsyncIterator[Bridge]:
    """Serve while the block runs."""
    await bridge.start()
    try:
        yield bridge
    finally:
        await bridge.stop()
