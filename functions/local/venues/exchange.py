"""Run a simulated venue: a WebSocket and a REST server that speak one dialect over one source, and fail on demand.

What goes wrong is told by `POST /faults/<fault>?kind=trade&symbol=X&count=1` (gap, duplicate, reorder, disconnect,
garbage, crossed, throttle, fail), `POST /faults/slow?seconds=0.1` and `POST /faults/silent?on=1`; `DELETE /faults`
takes it all back. `GET /ledger?symbol=X` gives every print that was said, `GET /state` what was counted.
"""

import asyncio
import contextlib
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Final, Protocol

import numpy as np
from aiohttp import WSMsgType, web

from functions.domain.market import NS_PER_S
from functions.domain.simulation import STEP_NS, Best, Depth, Listing, Message, Print, Snapshot
from functions.local.venues.clients import Audience, Client
from functions.local.venues.faults import GARBAGE, OF_A_MESSAGE, OF_A_QUOTE, OF_A_REQUEST, Fault, FaultRates, Faults
from functions.local.venues.ledger import PRINTS_MAX, Ledger, ToldBook
from functions.local.venues.sources import Said, Source

PING_S: Final = 20.0
CONNECTIONS_MAX: Final = 256
LEDGER_PAGE_MAX: Final = 100_000
RETRY_AFTER_S: Final = 1
MESSAGES_A_TURN: Final = 16
"""Messages that may be said before connections get their turn."""
_AHEAD_NS: Final = 1_000_000
_NO_FAULTS: Final = FaultRates()
Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]


class Dialect(Protocol):
    """Speak as one venue does."""

    name: str
    heartbeat_s: float
    """Seconds between two heartbeats; 0 where the venue sends none."""

    def routes(self, venue: "Exchange") -> Iterable[web.RouteDef]:
        """Give the paths it answers: `venue.listen` is the WebSocket's handler."""
        ...

    def greet(self, venue: "Exchange", client: Client, request: web.Request) -> list[str]:
        """Welcome a connection: subscribe it to what its address asks for, give what is said first."""
        ...

    def answer(self, venue: "Exchange", client: Client, text: str) -> list[str]:
        """Do what a client asks for over its socket; give the venue's answers."""
        ...

    def tell(self, venue: "Exchange", message: Message) -> list[tuple[str, str]]:
        """Write a message for everyone who hears it: (key, text) for each key that anyone hears."""
        ...

    def frame(self, client: Client, key: str, text: str) -> str:
        """Wrap a text for one client."""
        ...

    def beat(self, venue: "Exchange", client: Client) -> list[str]:
        """Give a client's heartbeats."""
        ...


@dataclass(frozen=True, slots=True)
class VenueOptions:
    """Bound a simulated venue.

    Args:
        faults: How often what goes wrong by itself.
        seed: Seed of that chance.
        prints_max: Prints of a symbol that the ledger keeps.
        paced: Whether messages are said at their times; False says each as soon as it is asked for with `play`.
        eager: Whether it trades from the start; False waits for the first connection.
    """

    faults: FaultRates = _NO_FAULTS
    seed: int = 1
    prints_max: int = PRINTS_MAX
    paced: bool = True
    eager: bool = False


_DEFAULTS: Final = VenueOptions()


class Exchange:
    """Serve one venue.

    Args:
        dialect: How it speaks.
        source: What happens there.
        options: Its bounds.
        clock: Gives UTC nanoseconds.
    """

    def __init__(
        self,
        dialect: Dialect,
        source: Source,
        options: VenueOptions = _DEFAULTS,
        *,
        clock: Callable[[], int] = time.time_ns,
    ) -> None:
        """Bind to nothing yet."""
        self.dialect = dialect
        self.source = source
        self.clock = clock
        self.faults = Faults(options.faults, np.random.default_rng(options.seed))
        self.ledger = Ledger(options.prints_max)
        self.audience = Audience()
        self.books: dict[str, ToldBook] = {}
        self.bests: dict[str, Best] = {}
        self.said = 0
        self.port = 0
        self._paced = options.paced
        self._live = asyncio.Event()
        self._eager = options.eager
        self._begun = False
        self._held: list[tuple[str, str]] = []
        self._runner: web.AppRunner | None = None
        self._tasks: list[asyncio.Task[None]] = []
        for symbol in source.listings():
            if snapshot := source.snapshot(symbol):
                self.book(symbol).begin(snapshot)

    # -- what dialects ask

    @property
    def listings(self) -> Mapping[str, Listing]:
        """Give what is traded, by venue symbol."""
        return self.source.listings()

    def book(self, symbol: str) -> ToldBook:
        """Give a book as everyone who heard each message has it."""
        return self.books.setdefault(symbol, ToldBook())

    def snapshot(self, symbol: str, limit: int) -> Snapshot:
        """Give a book as a REST request finds it: it may be ahead of what was told."""
        if snapshot := self.source.snapshot(symbol):
            return snapshot._replace(bids=snapshot.bids[:limit], asks=snapshot.asks[:limit])
        book = self.book(symbol)
        return Snapshot(symbol, book.update_id, *book.best(limit))

    # -- serving

    async def start(self, host: str = "127.0.0.1", port: int = 0) -> None:
        """Listen; port 0 takes a free one."""
        app = web.Application(middlewares=[self._faulty])
        app.add_routes(self.dialect.routes(self))
        app.add_routes(
            [
                web.post("/faults/{fault}", self._arm),
                web.delete("/faults", self._clear),
                web.get("/ledger", self._ledger),
                web.get("/state", self._state),
            ]
        )
        self._runner = web.AppRunner(app, access_log=None, shutdown_timeout=1.0)
        await self._runner.setup()
        await web.TCPSite(self._runner, host, port).start()
        self.port = self._runner.addresses[0][1]
        if self._eager:
            self._live.set()
        if self._paced:
            self._tasks.append(asyncio.create_task(self._run(), name=f"venue-{self.dialect.name}"))
        if self.dialect.heartbeat_s:
            self._tasks.append(asyncio.create_task(self._beat(), name=f"heartbeat-{self.dialect.name}"))

    async def stop(self) -> None:
        """Drop everyone and stop listening."""
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        self._tasks.clear()
        self.audience.cut()
        if self._runner:
            await self._runner.cleanup()

    async def listen(self, request: web.Request) -> web.StreamResponse:
        """Serve one WebSocket connection."""
        if len(self.audience.clients) >= CONNECTIONS_MAX:
            raise web.HTTPTooManyRequests
        socket = web.WebSocketResponse(heartbeat=PING_S, autoping=True)
        await socket.prepare(request)
        client = Client(socket, request.transport)
        greetings = self.dialect.greet(self, client, request)
        self.audience.join(client)
        self._live.set()
        for text in greetings:
            client.offer(text)
        writer = asyncio.create_task(client.write(lambda: self.faults.slow_s))
        try:
            async for message in socket:
                if message.type is WSMsgType.TEXT:
                    self._answer(client, message.data)
        finally:
            self.audience.leave(client)
            writer.cancel()
        return socket

    def _answer(self, client: Client, text: str) -> None:
        answers = self.dialect.answer(self, client, text)
        if not self.faults.silent:
            for one in answers:
                client.offer(one)

    # -- what happens

    async def _run(self) -> None:
        await self._live.wait()
        self._begin()
        while not self.source.ended:
            for said in self.source.due(self.clock()):
                await self._until(said.ts_ns)
                self.say(said)
            await self._until(self.source.next_ns())
            await asyncio.sleep(0)

    def _begin(self) -> None:
        self._begun = True
        self.source.begin(self.clock())

    async def _until(self, ts: int) -> None:
        """Wait for a time, but not for less than a timer's own uncertainty; others get their turn now and then."""
        left = ts - self.clock()
        if left > _AHEAD_NS:
            await asyncio.sleep(left / NS_PER_S)
        elif not self.said % MESSAGES_A_TURN:
            await asyncio.sleep(0)

    async def play(self, seconds: float) -> None:
        """Let time pass at once, where messages are not paced; connections get their turns meanwhile."""
        if not self._begun:
            self._begin()
        end = self.source.next_ns() + int(seconds * NS_PER_S)
        while self.source.next_ns() < end and not self.source.ended:
            for said in self.source.due(self.source.next_ns() - STEP_NS):
                self.say(said)
                if not self.said % MESSAGES_A_TURN:
                    await asyncio.sleep(0)
            await asyncio.sleep(0)

    def say(self, said: Said) -> None:
        """Take note of what happened and tell everyone who hears it, unless a fault is in the way."""
        kind = symbol = ""
        texts: list[tuple[str, str]] = [(said.key, said.text)] if said.key else []
        for one in said.happened:
            kind, symbol = _KINDS[type(one)], one.symbol
            self._note(one)
            if not said.key and not isinstance(one, Snapshot):
                texts += self.dialect.tell(self, self._as_told(one))
        self.said += 1
        self._send(texts, kind, symbol)

    def _as_told(self, one: Message) -> Message:
        if not isinstance(one, Best) or self.faults.of_quote(one.symbol) is not Fault.CROSSED:
            return one
        return Best(*one[:3], one.ask_price, one.ask_size, one.bid_price, one.bid_size)

    def _note(self, one: Message | Snapshot) -> None:
        match one:
            case Print():
                self.ledger.add(one)
            case Depth():
                self.book(one.symbol).apply(one)
            case Snapshot():
                self.book(one.symbol).begin(one)
            case Best():
                self.bests[one.symbol] = one

    def _send(self, texts: list[tuple[str, str]], kind: str, symbol: str) -> None:
        if not texts:
            return
        match self.faults.of_message(kind, symbol):
            case Fault.GAP:
                return
            case Fault.DUPLICATE:
                texts = texts * 2
            case Fault.REORDER if not self._held:
                self._held = texts
                return
            case Fault.DISCONNECT:
                self.audience.cut()
                return
            case Fault.GARBAGE:
                self.broadcast(GARBAGE)
        self._offer(texts)
        held, self._held = self._held, []
        self._offer(held)

    def _offer(self, texts: list[tuple[str, str]]) -> None:
        if self.faults.silent:
            return
        for client in self.audience.clients:
            for key, text in texts:
                if key in client.hears:
                    client.offer(self.dialect.frame(client, key, text))

    def broadcast(self, text: str) -> None:
        """Send a text as it is to every connection."""
        for client in self.audience.clients:
            client.offer(text)

    async def _beat(self) -> None:
        while True:
            await asyncio.sleep(self.dialect.heartbeat_s)
            if not self.faults.silent:
                for client in self.audience.clients:
                    for text in self.dialect.beat(self, client):
                        client.offer(text)

    # -- what is controlled

    @web.middleware
    async def _faulty(self, request: web.Request, handler: Handler) -> web.StreamResponse:
        ours = request.path.startswith(("/faults", "/ledger", "/state"))
        if ours or request.headers.get("Upgrade"):
            return await handler(request)
        match self.faults.of_request():
            case Fault.THROTTLE:
                return web.Response(status=429, headers={"Retry-After": str(RETRY_AFTER_S)}, text="{}")
            case Fault.FAIL:
                return web.Response(status=503, text="{}")
            case _:
                return await handler(request)

    async def _arm(self, request: web.Request) -> web.Response:
        query, name = request.query, request.match_info["fault"]
        try:
            fault = Fault(name)
            count, seconds = int(query.get("count", "1")), float(query.get("seconds", "0"))
        except ValueError:
            return web.json_response({"message": f"no fault {name[:40]}: {', '.join(Fault)}"}, status=404)
        if fault is Fault.SLOW:
            self.faults.slow_s = max(0.0, seconds)
        elif fault is Fault.SILENT:
            self.faults.silent = query.get("on", "1") == "1"
        elif fault is Fault.GARBAGE and (text := await request.text()):
            self.broadcast(text)
        elif fault is Fault.DISCONNECT and not {"kind", "symbol"} & set(query):
            self.audience.cut()
        elif fault in (*OF_A_MESSAGE, *OF_A_QUOTE, *OF_A_REQUEST):
            self.faults.arm(fault, kind=query.get("kind", ""), symbol=query.get("symbol", ""), count=count)
        return web.json_response({})

    async def _clear(self, _request: web.Request) -> web.Response:
        self.faults.clear()
        return web.json_response({})

    async def _ledger(self, request: web.Request) -> web.Response:
        symbol = request.query.get("symbol", next(iter(self.listings), ""))
        first = int(request.query.get("from_id", "0"))
        prints = self.ledger.from_id(symbol, first, LEDGER_PAGE_MAX)
        return web.json_response({"symbol": symbol, "trades": [one._asdict() for one in prints]})

    async def _state(self, _request: web.Request) -> web.Response:
        return web.json_response(
            {
                "dialect": self.dialect.name,
                "said": self.said,
                "connections": self.audience.connections,
                "listening": len(self.audience.clients),
                "prints": {symbol: len(self.ledger.trades(symbol)) for symbol in self.listings},
                "faults": self.faults.counts,
                "ended": self.source.ended,
            }
        )


_KINDS: Final[Mapping[type[Message | Snapshot], str]] = {
    Print: "trade",
    Best: "quote",
    Depth: "book",
    Snapshot: "book",
}


@contextlib.asynccontextmanager
async def serving(venue: Exchange, host: str = "127.0.0.1", port: int = 0) -> AsyncIterator[Exchange]:
    """Serve while the block runs."""
    await venue.start(host, port)
    try:
        yield venue
    finally:
        await venue.stop()
