"""Run a venue on this machine: Binance's documented streams and REST answers over a made-up market (domain.simulation).

Its history is a capture file that ends where its live streams begin, so prices run on. Live trading starts with the
first subscriber; event times are the wall clock's. `python -m functions.local.simulator --help` says how to start one.
Faults on demand (`POST /faults/...`) drop connections, send rubbish, leave out a depth message, cross a quote.
"""

import argparse
import asyncio
import contextlib
import json
import pathlib
import signal
import sys
import time
from collections.abc import AsyncIterator, Callable, Iterable, Iterator
from dataclasses import dataclass, field
from typing import Any, Final

import numpy as np
from aiohttp import WSCloseCode, WSMsgType, web

from functions.domain.market import NS_PER_S
from functions.domain.simulation import (
    LISTINGS,
    STEP_NS,
    UNIT,
    Best,
    Depth,
    Level,
    Listing,
    Market,
    Message,
    Print,
    Shock,
    Snapshot,
)

RECEIVE_DELAY_NS: Final = 2_000_000
LEVELS_LIMIT_MAX: Final = 5_000
QUEUE_MESSAGES_MAX: Final = 10_000
STREAMS_MAX: Final = 1_024  # the venue's own limit for one connection
PING_S: Final = 20.0  # the venue's own
BEHIND_NS_MAX: Final = 1_000_000_000
_NS_PER_MS: Final = 1_000_000
_DIGITS: Final = 8
_AHEAD_NS: Final = 1_000_000
_INVALID_SYMBOL: Final = -1121
_INVALID_REQUEST: Final = 2


# --- Binance's words --------------------------------------------------------------------------------------------------


def decimal(value: int) -> str:
    """Write an integer of 1e-8 the way the venue does.

    >>> decimal(268_380_000_000)
    '2683.80000000'
    """
    return f"{value // UNIT}.{value % UNIT:0{_DIGITS}d}"


def stream_of(message: Message) -> str:
    """Name the stream a message goes out on."""
    return message.symbol.lower() + _CHANNELS[type(message)]


_CHANNELS: Final[dict[type[Message], str]] = {Print: "@trade", Best: "@bookTicker", Depth: "@depth@100ms"}


def payload(message: Message) -> str:
    """Write a message as the venue's JSON, without an envelope."""
    if isinstance(message, Best):
        return _best(message)
    ms = message.ts_event // _NS_PER_MS
    if isinstance(message, Print):
        maker = "true" if message.buyer_is_maker else "false"
        return (
            f'{{"e":"trade","E":{ms},"s":"{message.symbol}","t":{message.trade_id},"p":"{decimal(message.price)}",'
            f'"q":"{decimal(message.size)}","T":{ms},"m":{maker},"M":true}}'
        )
    return (
        f'{{"e":"depthUpdate","E":{ms},"s":"{message.symbol}","U":{message.first_update_id},'
        f'"u":{message.last_update_id},"b":{_levels(message.bids)},"a":{_levels(message.asks)}}}'
    )


def _best(best: Best) -> str:
    return (
        f'{{"u":{best.update_id},"s":"{best.symbol}","b":"{decimal(best.bid_price)}","B":"{decimal(best.bid_size)}",'
        f'"a":"{decimal(best.ask_price)}","A":"{decimal(best.ask_size)}"}}'
    )


def snapshot_text(snapshot: Snapshot) -> str:
    """Write a book as the venue's REST answer."""
    bids, asks = _levels(snapshot.bids), _levels(snapshot.asks)
    return f'{{"lastUpdateId":{snapshot.last_update_id},"bids":{bids},"asks":{asks}}}'


def _levels(levels: Iterable[Level]) -> str:
    return "[" + ",".join([f'["{decimal(price)}","{decimal(size)}"]' for price, size in levels]) + "]"


def envelope(stream: str, text: str) -> str:
    """Put a payload into the combined stream's envelope."""
    return f'{{"stream":"{stream}","data":{text}}}'


def exchange_info(listings: Iterable[Listing], now_ms: int) -> dict[str, Any]:
    """Say what is listed and in which steps it trades."""
    return {
        "timezone": "UTC",
        "serverTime": now_ms,
        "rateLimits": [],
        "exchangeFilters": [],
        "symbols": [
            {
                "symbol": one.symbol,
                "status": "TRADING",
                "baseAsset": one.symbol.removesuffix("USDT"),
                "quoteAsset": "USDT",
                "filters": [
                    {"filterType": "PRICE_FILTER", "tickSize": decimal(one.tick)},
                    {"filterType": "LOT_SIZE", "stepSize": decimal(one.lot)},
                ],
            }
            for one in listings
        ],
    }


def history(market: Market, until_ns: int) -> Iterator[str]:
    """Trade up to a time and give it as capture lines, each book's snapshot first."""
    received = market.now_ns + RECEIVE_DELAY_NS
    when = f"{received // NS_PER_S}.{received % NS_PER_S:09d}"
    for symbol in market.symbols:
        text = snapshot_text(market.snapshot(symbol, LEVELS_LIMIT_MAX))
        yield f"https://simulator/api/v3/depth?symbol={symbol}&limit={LEVELS_LIMIT_MAX} -> {when}: {text}\n"
    for message in market.advance(until_ns):
        yield f"{message.ts_event + RECEIVE_DELAY_NS} {envelope(stream_of(message), payload(message))}\n"


# --- the server -------------------------------------------------------------------------------------------------------


@dataclass(slots=True, eq=False)
class _Client:
    """Hold one connection: what it hears, and what still has to be sent to it."""

    socket: web.WebSocketResponse
    transport: asyncio.Transport | None
    streams: set[str]
    combined: bool
    queue: asyncio.Queue[str] = field(default_factory=lambda: asyncio.Queue(QUEUE_MESSAGES_MAX))
    lagging: bool = False

    def offer(self, text: str) -> None:
        """Queue a message; a client that lets its queue fill is dropped, as the venue does."""
        try:
            self.queue.put_nowait(text)
        except asyncio.QueueFull:
            self.lagging = True


class Simulator:
    """Serve a market over WebSocket and REST.

    Args:
        market: What is traded; its clock stands still until the first subscriber.
        shocks: Moves to come, `at_ns` counted from the first subscriber.
        clock: Gives UTC nanoseconds.
    """

    def __init__(
        self, market: Market, *, shocks: Iterable[Shock] = (), clock: Callable[[], int] = time.time_ns
    ) -> None:
        """Bind to nothing yet."""
        self._market = market
        self._shocks = tuple(shocks)
        self._clock = clock
        self._clients: set[_Client] = set()
        self._live = asyncio.Event()
        self._gaps: set[str] = set()
        self._runner: web.AppRunner | None = None
        self._pump: asyncio.Task[None] | None = None
        self.connections = 0
        self.port = 0

    async def start(self, host: str = "127.0.0.1", port: int = 0) -> None:
        """Listen; port 0 takes a free one."""
        app = web.Application()
        app.add_routes(
            [
                web.get("/stream", self._stream),
                web.get("/ws", self._stream),
                web.get("/ws/{streams:.+}", self._stream),
                web.get("/api/v3/depth", self._depth),
                web.get("/api/v3/exchangeInfo", self._exchange_info),
                web.get("/api/v3/time", self._time),
                web.get("/api/v3/ping", self._ping),
                web.post("/faults/{fault}", self._fault),
            ]
        )
        self._runner = web.AppRunner(app, access_log=None, shutdown_timeout=1.0)
        await self._runner.setup()
        site = web.TCPSite(self._runner, host, port)
        await site.start()
        self.port = self._runner.addresses[0][1]
        self._pump = asyncio.create_task(self._trade(), name="simulator")

    async def stop(self) -> None:
        """Drop everyone and stop listening."""
        if self._pump:
            self._pump.cancel()
            await asyncio.gather(self._pump, return_exceptions=True)
        await self.drop_connections()
        if self._runner:
            await self._runner.cleanup()

    # -- faults

    async def drop_connections(self) -> None:
        """Cut every connection without a word."""
        for client in tuple(self._clients):
            if client.transport:
                client.transport.abort()

    def send_garbage(self, text: str) -> None:
        """Send a message as it is to every subscriber."""
        for client in self._clients:
            client.offer(text)

    def leave_gap(self, symbol: str) -> None:
        """Leave out the symbol's next depth message."""
        self._gaps.add(symbol)

    def cross_quote(self, symbol: str) -> None:
        """Send a best bid above the best ask."""
        book = self._market.snapshot(symbol, 1)
        (bid, bid_size), (ask, ask_size) = book.bids[0], book.asks[0]
        self._send(Best(self._clock(), symbol, book.last_update_id, ask, ask_size, bid, bid_size))

    # -- trading

    async def _trade(self) -> None:
        await self._live.wait()
        market = self._market
        market.jump(self._clock())
        market.shocks += [Shock(market.now_ns + one.at_ns, one.symbol, one.move, one.seconds) for one in self._shocks]
        while True:
            now = self._clock()
            if now - market.now_ns > BEHIND_NS_MAX:  # the machine slept; a venue does not trade its past
                market.jump(now)
            for message in market.advance(max(now, market.now_ns + 1) + STEP_NS):
                await self._until(message.ts_event)
                self._send(message)
            await self._until(market.now_ns - STEP_NS // 2)

    async def _until(self, ts: int) -> None:
        """Wait for a time, but not for less than a timer's own uncertainty."""
        left = ts - self._clock()
        if left > _AHEAD_NS:
            await asyncio.sleep(left / NS_PER_S)

    def _send(self, message: Message) -> None:
        if isinstance(message, Depth) and message.symbol in self._gaps:
            self._gaps.discard(message.symbol)
            return
        stream = stream_of(message)
        hearers = [client for client in self._clients if stream in client.streams]
        if not hearers:
            return
        text = payload(message)
        wrapped = envelope(stream, text)
        for client in hearers:
            client.offer(wrapped if client.combined else text)

    # -- what is asked

    async def _stream(self, request: web.Request) -> web.StreamResponse:
        combined = request.path.startswith("/stream")
        named = request.query.get("streams", "") if combined else request.match_info.get("streams", "")
        socket = web.WebSocketResponse(heartbeat=PING_S, autoping=True)
        await socket.prepare(request)
        streams = {_known(name) for name in named.split("/") if name}
        client = _Client(socket, request.transport, streams, combined)
        self._clients.add(client)
        self.connections += 1
        self._live.set()
        writer = asyncio.create_task(_write(client))
        try:
            async for message in socket:
                if message.type is WSMsgType.TEXT:
                    client.offer(_answer(client, message.data))
        finally:
            self._clients.discard(client)
            writer.cancel()
        return socket

    async def _depth(self, request: web.Request) -> web.Response:
        symbol = request.query.get("symbol", "")
        if symbol not in self._market.symbols:
            return web.json_response({"code": _INVALID_SYMBOL, "msg": "Invalid symbol."}, status=400)
        limit = request.query.get("limit", "100")
        if not limit.isdecimal() or not 0 < int(limit) <= LEVELS_LIMIT_MAX:
            return web.json_response({"code": -1100, "msg": "Illegal parameter 'limit'."}, status=400)
        text = snapshot_text(self._market.snapshot(symbol, int(limit)))
        return web.Response(text=text, content_type="application/json")

    async def _exchange_info(self, _request: web.Request) -> web.Response:
        listings = (one.listing for one in self._market.symbols.values())
        return web.json_response(exchange_info(listings, self._clock() // _NS_PER_MS))

    async def _time(self, _request: web.Request) -> web.Response:
        return web.json_response({"serverTime": self._clock() // _NS_PER_MS})

    async def _ping(self, _request: web.Request) -> web.Response:
        return web.json_response({})

    async def _fault(self, request: web.Request) -> web.Response:
        symbol = request.query.get("symbol", next(iter(self._market.symbols)))
        match request.match_info["fault"]:
            case "drop":
                await self.drop_connections()
            case "garbage":
                self.send_garbage(await request.text())
            case "gap":
                self.leave_gap(symbol)
            case "crossed":
                self.cross_quote(symbol)
            case unknown:
                return web.json_response({"msg": f"no fault {unknown}: drop, garbage, gap or crossed"}, status=404)
        return web.json_response({})


async def _write(client: _Client) -> None:
    with contextlib.suppress(ConnectionError):
        while not client.lagging:
            await client.socket.send_str(await client.queue.get())
    await client.socket.close(code=WSCloseCode.POLICY_VIOLATION, message=b"too slow")


def _known(name: str) -> str:
    """Take `@depth` for the fastest depth stream there is."""
    return name + "@100ms" if name.endswith("@depth") else name


def _answer(client: _Client, text: str) -> str:
    """Do what a client asks for over its socket; the answer is the venue's."""
    try:
        request = json.loads(text)
        method, params, number = request["method"], request.get("params", []), request.get("id")
        names = {_known(str(name)) for name in params}
    except (ValueError, KeyError, TypeError, AttributeError):
        return json.dumps({"error": {"code": _INVALID_REQUEST, "msg": "Invalid request"}})
    result: object = None
    if method == "SUBSCRIBE" and len(client.streams | names) <= STREAMS_MAX:
        client.streams |= names
    elif method == "UNSUBSCRIBE":
        client.streams -= names
    elif method == "LIST_SUBSCRIPTIONS":
        result = sorted(client.streams)
    else:
        return json.dumps({"error": {"code": _INVALID_REQUEST, "msg": f"Invalid request: {method}"}, "id": number})
    return json.dumps({"result": result, "id": number})


@contextlib.asynccontextmanager
async def serving(simulator: Simulator) -> AsyncIterator[Simulator]:
    """Serve while the block runs."""
    await simulator.start()
    try:
        yield simulator
    finally:
        await simulator.stop()


# --- its own process --------------------------------------------------------------------------------------------------


def main(argv: list[str] | None = None) -> int:
    """Write the history, listen, say where in one JSON line, and serve until told to stop."""
    args = _arguments().parse_args(argv)
    end_ns = args.end_ns or time.time_ns()
    names = args.symbols.split(",")
    listings = [one for one in LISTINGS if one.symbol in names]
    if len(listings) != len(names):
        known = ", ".join(one.symbol for one in LISTINGS)
        sys.stderr.write(f"simulator: --symbols takes {known}; found {args.symbols}\n")
        return 2
    start_ns = end_ns - int(args.history_s * NS_PER_S)
    market = Market(listings, np.random.default_rng(args.seed), start_ns=start_ns, rate=args.rate)
    if args.history:
        with pathlib.Path(args.history).open("w", encoding="ascii") as file:
            file.writelines(history(market, end_ns))
    shocks = [_shock(text) for text in args.shock]
    asyncio.run(_serve(Simulator(market, shocks=shocks), args))
    return 0


async def _serve(simulator: Simulator, args: argparse.Namespace) -> None:
    stopped = asyncio.Event()
    for name in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(name, stopped.set)
    await simulator.start(args.host, args.port)
    try:
        where = {
            "port": simulator.port,
            "websocket": f"ws://{args.host}:{simulator.port}",
            "rest": f"http://{args.host}:{simulator.port}",
            "history": args.history,
        }
        sys.stdout.write(json.dumps(where) + "\n")
        sys.stdout.flush()
        await stopped.wait()
    finally:
        await simulator.stop()


def _shock(text: str) -> Shock:
    at_s, symbol, move, seconds = text.split(":")
    return Shock(int(float(at_s) * NS_PER_S), symbol, float(move), float(seconds))


def _arguments() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m functions.local.simulator", description=__doc__)
    parser.add_argument("--host", default="127.0.0.1")
    parser.add_argument("--port", type=int, default=0, help="0 takes a free one")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--symbols", default="BTCUSDT,ETHUSDT,SOLUSDT,BNBUSDT", help="separated by commas")
    parser.add_argument("--rate", type=float, default=50.0, help="messages a second and symbol")
    parser.add_argument("--history", default="", help="capture file to write first")
    parser.add_argument("--history-s", type=float, default=900.0, help="simulated seconds of history")
    parser.add_argument("--end-ns", type=int, default=0, help="when the history ends; 0 is now")
    parser.add_argument(
        "--shock",
        action="append",
        default=[],
        metavar="AT_S:SYMBOL:MOVE:SECONDS",
        help="move a price, AT_S seconds after the first subscriber, for example 8:BTCUSDT:-0.03:4",
    )
    return parser


if __name__ == "__main__":
    sys.exit(main())
