"""The simulated venue speaks Binance's format, keeps its books consistent, and fails on demand."""

import asyncio
import json
import pathlib
import sys
from collections.abc import AsyncIterator
from typing import Any

import aiohttp
import numpy as np
import pytest
from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed

from functions.domain.simulation import LISTINGS, Market, Shock
from functions.local.venues.binance import SPOT, USDM, Binance
from functions.local.venues.exchange import Exchange, serving
from functions.local.venues.sources import MarketSource

START_NS = 1_700_000_000_000_000_000
STREAMS = "btcusdt@trade/btcusdt@bookTicker/btcusdt@depth@100ms"


def market(seed: int = 3) -> Market:
    return Market(LISTINGS[:2], np.random.default_rng(seed), start_ns=START_NS, rate=200)


@pytest.fixture
async def simulator() -> AsyncIterator[Exchange]:
    async with serving(Exchange(Binance(SPOT), MarketSource(market()))) as running:
        yield running


async def ask(simulator: Exchange, path: str, method: str = "GET") -> tuple[int, Any]:
    url = f"http://127.0.0.1:{simulator.port}{path}"
    async with aiohttp.ClientSession() as session, session.request(method, url) as response:
        return response.status, await response.json()


class Book:
    """Follow the venue's rule for a local book, and fail where it is broken."""

    def __init__(self, snapshot: dict[str, Any]) -> None:
        """Begin with a REST snapshot."""
        self.last = snapshot["lastUpdateId"]
        self.sides = {"b": dict(snapshot["bids"]), "a": dict(snapshot["asks"])}
        self.joined = False

    def apply(self, depth: dict[str, Any]) -> None:
        """Take a depth message."""
        if depth["u"] <= self.last and not self.joined:
            return
        assert depth["U"] == self.last + 1 if self.joined else depth["U"] <= self.last + 1 <= depth["u"]
        self.joined = True
        self.last = depth["u"]
        for side, levels in self.sides.items():
            for price, size in depth[side]:
                levels[price] = size
                if not float(size):
                    del levels[price]

    def best(self) -> tuple[float, float]:
        """Give best bid and best ask."""
        return max(map(float, self.sides["b"])), min(map(float, self.sides["a"]))


async def test_local_book_follows(simulator: Exchange) -> None:
    """A book kept by the venue's own rules never breaks, and is never crossed."""
    async with connect(f"ws://127.0.0.1:{simulator.port}/stream?streams={STREAMS}") as socket:
        first = json.loads(await socket.recv())
        assert set(first) == {"stream", "data"}
        _, snapshot = await ask(simulator, "/api/v3/depth?symbol=BTCUSDT&limit=5000")
        book = Book(snapshot)
        applied = 0
        while applied < 8:
            message = json.loads(await socket.recv())
            if message["stream"].endswith("@depth@100ms"):
                book.apply(message["data"])
                applied += book.joined
                bid, ask_price = book.best()
                assert bid < ask_price


def test_history_is_a_capture() -> None:
    """History is capture lines of Binance's own form: a snapshot a symbol, then streams whose books and ids hold."""
    lines = list(Binance(SPOT).history(market(), START_NS + 60_000_000_000))
    books = {}
    trades: dict[str, int] = {}
    received = 0
    for line in lines:
        head, _, text = line.partition(" {")
        message = json.loads("{" + text)
        if "lastUpdateId" in message:
            books[head.partition("symbol=")[2].partition("&")[0]] = Book(message)
            continue
        assert int(head) >= received
        received = int(head)
        data, channel = message["data"], message["stream"].partition("@")[2]
        if channel == "depth@100ms":
            assert set(data) == {"e", "E", "s", "U", "u", "b", "a"}
            books[data["s"]].apply(data)
        elif channel == "trade":
            assert set(data) == {"e", "E", "s", "t", "p", "q", "T", "m", "M"}
            assert data["t"] == trades.get(data["s"], data["t"] - 1) + 1
            trades[data["s"]] = data["t"]
        else:
            assert channel == "bookTicker"
            assert set(data) == {"u", "s", "b", "B", "a", "A"}
            assert float(data["b"]) < float(data["a"])
    assert set(books) == set(trades) == {"BTCUSDT", "ETHUSDT"}


def test_histories_of_futures_chain() -> None:
    """A futures history's depth messages name the update before them, symbol by symbol."""
    last: dict[str, int] = {}
    for line in Binance(USDM).history(market(), START_NS + 5_000_000_000):
        data = json.loads("{" + line.partition(" {")[2]).get("data", {})
        if data.get("e") == "depthUpdate":
            assert data["pu"] == last.get(data["s"], data["pu"])
            last[data["s"]] = data["u"]
    assert set(last) == {"BTCUSDT", "ETHUSDT"}


def test_history_and_live_are_one_market() -> None:
    """What is traded after the history is what would have been traded without the pause."""
    paused, whole = market(), market()
    middle, end = START_NS + 10_000_000_000, START_NS + 12_000_000_000
    binance = Binance(SPOT)
    assert list(binance.history(paused, middle))
    rest = list(binance.history(paused, end))[2:]
    assert rest == list(Binance(SPOT).history(whole, end))[-len(rest) :]


async def test_subscribes_on_demand(simulator: Exchange) -> None:
    """A connection may ask for streams later, and gets them without an envelope on /ws."""
    async with connect(f"ws://127.0.0.1:{simulator.port}/ws") as socket:
        await socket.send(json.dumps({"method": "SUBSCRIBE", "params": ["ethusdt@depth"], "id": 4}))
        assert json.loads(await socket.recv()) == {"result": None, "id": 4}
        assert json.loads(await socket.recv())["e"] == "depthUpdate"
        await socket.send("{")
        answers = [json.loads(await socket.recv()) for _ in range(4)]
        assert any("error" in answer for answer in answers)


async def test_rest_answers(simulator: Exchange) -> None:
    """REST answers and refusals are the venue's own."""
    status, book = await ask(simulator, "/api/v3/depth?symbol=ETHUSDT&limit=5")
    assert (status, len(book["bids"]), len(book["asks"])) == (200, 5, 5)
    assert await ask(simulator, "/api/v3/depth?symbol=NONE") == (400, {"code": -1121, "msg": "Invalid symbol."})
    _, info = await ask(simulator, "/api/v3/exchangeInfo")
    assert [one["symbol"] for one in info["symbols"]] == ["BTCUSDT", "ETHUSDT"]


async def test_event_time_is_the_wall_clock(simulator: Exchange) -> None:
    """Live event times are those of the moment of sending."""
    async with connect(f"ws://127.0.0.1:{simulator.port}/ws/btcusdt@trade") as socket:
        event = json.loads(await socket.recv())
        _, now = await ask(simulator, "/api/v3/time")
        assert abs(now["serverTime"] - event["E"]) < 2_000


async def test_faults(simulator: Exchange) -> None:
    """Faults come when they are asked for: a crossed quote, a hole, a dropped connection."""
    async with (
        asyncio.timeout(20),
        connect(f"ws://127.0.0.1:{simulator.port}/stream?streams={STREAMS}") as socket,
    ):
        crossed, gap, last = False, False, 0
        while not (crossed and gap):
            message = json.loads(await socket.recv())
            if "depth" in message["stream"] and not last:
                assert (await ask(simulator, "/faults/crossed?symbol=BTCUSDT", "POST"))[0] == 200
                assert (await ask(simulator, "/faults/gap?symbol=BTCUSDT&kind=book", "POST"))[0] == 200
            data = message["data"]
            if message["stream"].endswith("bookTicker"):
                crossed = crossed or float(data["b"]) > float(data["a"])
            elif "depth" in message["stream"]:
                gap = gap or bool(last and data["U"] > last + 1)
                last = data["u"]
        assert (await ask(simulator, "/faults/disconnect", "POST"))[0] == 200
        with pytest.raises(ConnectionClosed):
            await _hear_all(socket)
    assert (await ask(simulator, "/faults/none", "POST"))[0] == 404


async def _hear_all(socket: ClientConnection) -> None:
    while True:
        await socket.recv()


async def test_history_and_shocks_as_its_own_process(tmp_path: pathlib.Path) -> None:
    """The verb writes its history before it says where it listens, and goes on with the same market."""
    words = ("sim", "binance.spot", "--history", str(tmp_path / "h.txt"), "--history-s", "5")
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "functions.cli.main", *words, "--shock", "1:BTCUSDT:-0.03:4"),
        stdout=asyncio.subprocess.PIPE,
    )
    try:
        assert process.stdout is not None
        where = json.loads(await asyncio.wait_for(process.stdout.readline(), 30))
        async with connect(f"{where['websocket']}/stream?streams={STREAMS}") as socket:
            assert "stream" in json.loads(await socket.recv())
    finally:
        process.terminate()
        await process.wait()
    assert process.returncode == 0
    assert (tmp_path / "h.txt").read_text().count("lastUpdateId") == 2


async def test_shocks_count_from_the_first_subscriber() -> None:
    """A shock comes so many seconds after someone began to listen, whenever that is."""
    quiet = market()
    shock = Shock(0, "BTCUSDT", -0.2, 0.2)
    before = quiet.snapshot("BTCUSDT", 1).bids[0][0]
    async with (
        serving(Exchange(Binance(SPOT), MarketSource(quiet, [shock]))) as running,
        connect(f"ws://127.0.0.1:{running.port}/stream?streams=btcusdt@bookTicker") as socket,
    ):
        async with asyncio.timeout(20):
            while float(json.loads(await socket.recv())["data"]["b"]) * 1e8 > 0.85 * before:
                pass
