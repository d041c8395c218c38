"""Talk to simulated venues in their own words: subscribe, read, keep books by hand."""

import asyncio
import contextlib
import json
import zlib
from collections.abc import AsyncIterator, Iterable
from typing import Any

import aiohttp
from websockets.asyncio.client import ClientConnection, connect

from functions.local.venues.exchange import Exchange, VenueOptions, serving
from functions.local.venues.faults import FaultRates
from functions.local.venues.plans import KITS, Plan, build

PATHS = {"binance.spot": "/stream", "binance.usdm": "/stream", "binance.coinm": "/stream", "kraken.v2": "/v2"}
BINANCE = ("binance.spot", "binance.usdm", "binance.coinm")
REST = {"binance.spot": "/api/v3", "binance.usdm": "/fapi/v1", "binance.coinm": "/dapi/v1"}
NONE = FaultRates()
STREAMING = [name for name in KITS if name != "polygon.stocks"]


@contextlib.asynccontextmanager
async def playing(plan: Plan) -> AsyncIterator[tuple[Exchange, ClientConnection]]:
    """Serve a venue whose time passes when told to, with one connection to it."""
    async with serving(build(plan)) as venue:
        url = f"ws://127.0.0.1:{venue.port}{PATHS.get(plan.dialect, '/')}"
        async with connect(url, max_size=None) as socket:
            yield venue, socket


def plan(dialect: str, faults: FaultRates = NONE) -> Plan:
    return Plan(dialect, rate=200, options=VenueOptions(faults, paced=False))


def wanted(dialect: str, *channels: str) -> list[str]:
    """Write what a client of this dialect sends to hear trades, the book and more of its first symbol."""
    symbol = KITS[dialect].symbols[0]
    channels = channels or ("trade", "book")
    if dialect in BINANCE:
        names = {"trade": "aggTrade" if dialect == "binance.coinm" else "trade", "book": "depth@100ms"}
        names |= {"quote": "bookTicker"}
        return [
            json.dumps(
                {"method": "SUBSCRIBE", "id": 1, "params": [f"{symbol.lower()}@{names[one]}" for one in channels]}
            )
        ]
    if dialect == "coinbase.exchange":
        names = {"trade": "matches", "book": "level2", "quote": "ticker"}
        found = [names[one] for one in channels]
        return [json.dumps({"type": "subscribe", "product_ids": [symbol], "channels": found})]
    if dialect == "kraken.v1":
        return [json.dumps({"event": "subscribe", "pair": [symbol], "subscription": {"name": one}}) for one in channels]
    return [json.dumps({"method": "subscribe", "params": {"channel": one, "symbol": [symbol]}}) for one in channels]


async def heard(socket: ClientConnection, dialect: str) -> list[Any]:
    """Read everything that has been sent by now: up to the answer to a last request."""
    last = {
        "coinbase.exchange": ('{"type":"mark","channels":[]}', '"message":"Type mark'),
        "kraken.v1": ('{"event":"ping"}', '"event":"pong"'),
        "kraken.v2": ('{"method":"ping"}', '"method":"pong"'),
    }
    request, mark = last.get(dialect, ('{"method":"LIST_SUBSCRIPTIONS","id":7}', '"id":7'))
    await socket.send(request)
    found: list[Any] = []
    async with asyncio.timeout(10):
        while mark not in (text := str(await socket.recv())):
            with contextlib.suppress(ValueError):
                found.append(json.loads(text))
    return found


def trade_ids(dialect: str, messages: Iterable[Any]) -> list[int]:
    """Read the ids of all trades; Kraken's first form numbers none, so a price and size stand for it."""
    found: list[int] = []
    for one in messages:
        data = one.get("data", one) if isinstance(one, dict) else one
        match data:
            case {"e": "trade", "t": int(number)} | {"e": "aggTrade", "a": int(number)}:
                found.append(number)
            case {"type": "match", "trade_id": int(number)}:
                found.append(number)
            case [{"trade_id": int()}, *_] if dialect == "kraken.v2":
                found += [row["trade_id"] for row in data]
            case [int(), list(rows), "trade", str()]:
                found += [hash((row[0], row[1], row[3])) for row in rows]
    return found


def said(venue: Exchange, dialect: str, symbol: str) -> list[int]:
    """Give the same of what a perfect feed would hold."""
    prints = venue.ledger.trades(symbol)
    if dialect != "kraken.v1":
        return [one.trade_id for one in prints]
    return [
        hash((f"{one.price / 1e8:.5f}", f"{one.size / 1e8:.8f}", "s" if one.buyer_is_maker else "b")) for one in prints
    ]


async def ask(venue: Exchange, path: str, method: str = "GET", data: str | None = None) -> tuple[int, Any]:
    url = f"http://127.0.0.1:{venue.port}{path}"
    async with aiohttp.ClientSession() as session, session.request(method, url, data=data) as response:
        return response.status, await response.json(content_type=None)


class Levels:
    """Keep a book of decimal texts by hand."""

    def __init__(self) -> None:
        """Begin empty."""
        self.sides: dict[str, dict[str, str]] = {"b": {}, "a": {}}

    def put(self, side: str, levels: Iterable[Any]) -> None:
        """Set levels; a size of zero removes."""
        for price, size, *_ in levels:
            if float(size):
                self.sides[side][price] = size
            else:
                self.sides[side].pop(price, None)

    def cut(self, depth: int) -> None:
        """Keep the best levels of each side."""
        for side in "ba":
            self.sides[side] = dict(self.best(side)[:depth])

    def best(self, side: str) -> list[tuple[str, str]]:
        """Give a side, best first."""
        return sorted(self.sides[side].items(), key=lambda level: float(level[0]), reverse=side == "b")

    def checksum(self) -> int:
        """Sum the ten best of both sides as Kraken documents it."""
        text = "".join(
            part.replace(".", "").lstrip("0") for side in "ab" for level in self.best(side)[:10] for part in level
        )
        return zlib.crc32(text.encode())


async def heard_verbatim(socket: ClientConnection, dialect: str) -> list[Any]:
    """Read everything sent by now, numbers kept as the texts they were."""
    await socket.send('{"event":"ping"}' if dialect == "kraken.v1" else '{"method":"ping"}')
    found: list[Any] = []
    async with asyncio.timeout(10):
        while "pong" not in (text := str(await socket.recv())):
            found.append(json.loads(text, parse_float=str))
    return found


def checked(dialect: str, messages: Iterable[Any], book: Levels, depth: int) -> list[bool]:
    """Apply book messages; say of each checksum whether it matched."""
    found: list[bool] = []
    for one in messages:
        if dialect == "kraken.v1" and isinstance(one, list):
            parts = {name: levels for part in one[1:-2] for name, levels in part.items()}
            for name in ("a", "b", "as", "bs"):
                book.put(name[0], parts.get(name, []))
            book.cut(depth)
            found += [int(parts["c"]) == book.checksum()] if "c" in parts else []
        elif dialect == "kraken.v2" and one.get("channel") == "book":
            (data,) = one["data"]
            for name in ("bids", "asks"):
                book.put(name[0], [(level["price"], level["qty"]) for level in data[name]])
            book.cut(depth)
            found.append(data["checksum"] == book.checksum())
    return found
