"""Connect to Binance: spot, USD-M and COIN-M futures; combined streams, books and missed trades over REST.

Source: Binance's public documentation of WebSocket streams and REST of the three venues. What is heard is named in the
address, so nothing is sent. Since 2026 USD-M serves `/public` (books and quotes) and `/market` (trades) apart: name the
one wanted in the base of the streams, and run a feed for each.
"""

import functools
from collections.abc import Mapping
from decimal import Decimal, InvalidOperation
from types import MappingProxyType
from typing import Final

import msgspec

from functions.adapters.resilience import Rate
from functions.adapters.venues._profile import (
    Backfill,
    Glance,
    Keepalive,
    Limits,
    Missing,
    Page,
    Profile,
    Request,
    Subscription,
    Trades,
)
from functions.domain.books import BookMessage, Rule

TRADES_A_PAGE: Final = 400
"""Trades asked for at once: the venue gives 1,000, but these fit into one batch of 64 KiB."""
AGE_MAX_S: Final = 23.5 * 3600.0
"""The venue ends a connection after 24 hours."""
_TRADE_IDS: Final = ("trade", "aggTrade")


class _Data(msgspec.Struct):
    s: str = ""
    t: object = 0  # trade id
    U: int = 0
    u: int = 0
    pu: int | None = None
    b: object = ""  # text in a quote, levels in a depth message
    a: object = ""  # also an aggregate trade's id


class _Message(msgspec.Struct):
    stream: str = ""
    data: _Data = msgspec.field(default_factory=_Data)
    lastUpdateId: int = 0  # noqa: N815 - the venue's name


class _Trade(msgspec.Struct):
    id: int = 0
    a: int = 0


_decode: Final = msgspec.json.Decoder(_Message).decode
_decode_trades: Final = msgspec.json.Decoder(list[_Trade]).decode


def glance(row: bytes, symbol: str = "") -> tuple[Glance, ...]:
    """Read update ids, trade ids and crossed quotes; levels are not needed, for every message is numbered."""
    try:
        message = _decode(row)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
        return ()
    if symbol:
        return (Glance(symbol, book=BookMessage(snapshot=True, last=message.lastUpdateId)),)
    name, _, channel = message.stream.partition("@")
    data, kind = message.data, channel.partition("@")[0]
    if kind in _TRADE_IDS:
        number = data.t if kind == "trade" else data.a
        return (Glance(name.upper(), trades=Trades(kind, number, number)),) if isinstance(number, int) else ()
    if kind == "bookTicker":
        return (Glance(name.upper(), quote=True, crossed=_crossed(data.b, data.a)),)
    if kind == "depth":
        return (Glance(name.upper(), book=BookMessage(first=data.U, last=data.u, previous=data.pu)),)
    return ()


def _crossed(bid: object, ask: object) -> bool:
    """Compare two texts as numbers; rounding keeps the order, so only texts that round alike are compared exactly."""
    if not (isinstance(bid, str) and isinstance(ask, str)):
        return False
    try:
        low, high = float(ask), float(bid)
        return high > low or (high == low and Decimal(bid) > Decimal(ask))
    except (ValueError, InvalidOperation):
        return False


def _path(wanted: Subscription) -> str:
    names = (f"{symbol.lower()}@{channel}" for symbol in wanted.symbols for channel in wanted.channels)
    return f"/stream?streams={'/'.join(names)}"


def _subscribe(_wanted: Subscription) -> tuple[str, ...]:
    return ()


def _bar_channel(channels: tuple[str, ...]) -> str:
    return "trade" if "trade" in channels else "aggTrade"


def _is_book(channel: str) -> bool:
    return channel.partition("@")[0] == "depth"


def _page(body: bytes) -> Page:
    try:
        ids = [one.id or one.a for one in _decode_trades(body)]
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError) as error:
        raise ValueError(str(error)) from error
    return Page(min(ids), max(ids), len(ids)) if ids else Page()


def _snapshot(path: str, weights: Mapping[int, int], symbol: str, depth: int) -> Request:
    """Ask for a book of at least so many levels; more levels weigh more."""
    limit = next((most for most in weights if depth <= most), max(weights))
    return Request(path, {"symbol": symbol, "limit": str(limit)}, weights[limit])


def _missing(
    base: str, weights: Mapping[str, int], missing: Missing, key: str, *, needs_key: bool = False
) -> Request | None:
    """Ask for trades from an id on; the futures venues keep single trades for those who have a key."""
    path = {"trade": "historicalTrades", "aggTrade": "aggTrades"}.get(missing.channel)
    if path is None or (missing.channel == "trade" and needs_key and not key):
        return None
    count = TRADES_A_PAGE if missing.last is None else min(TRADES_A_PAGE, missing.last - missing.first + 1)
    query = {"symbol": missing.symbol, "fromId": str(missing.first), "limit": str(count)}
    headers = {"X-MBX-APIKEY": key} if key and missing.channel == "trade" else {}
    return Request(f"{base}/{path}", query, weights[missing.channel], headers)


_FUTURES_WEIGHTS: Final = {50: 2, 100: 5, 500: 10, 1_000: 20}
_SPOT_WEIGHTS: Final = {100: 5, 500: 25, 1_000: 50, 5_000: 250}


def _futures(dialect: str, letter: str) -> Profile:
    return Profile(
        dialect=dialect,
        websocket_url=f"wss://{letter}stream.binance.com",
        rest_url=f"https://{letter}api.binance.com",
        channels=("aggTrade", "bookTicker", "depth@100ms"),
        limits=Limits(Rate(300, 300.0), Rate(10, 1.0), Rate(2_400, 60.0), 1_024, AGE_MAX_S),
        glance=glance,
        path=_path,
        subscribe=_subscribe,
        rule=Rule.FUTURES_CHAIN,
        depth=1_000,
        bar_channel=_bar_channel,
        keepalive=Keepalive(idle_s=30.0, ping_s=20.0),
        snapshot=functools.partial(_snapshot, f"/{letter}api/v1/depth", _FUTURES_WEIGHTS),
        backfill=Backfill(
            functools.partial(_missing, f"/{letter}api/v1", {"trade": 20, "aggTrade": 20}, needs_key=True),
            _page,
            TRADES_A_PAGE,
        ),
        is_book=_is_book,
    )


SPOT: Final = Profile(
    dialect="binance.spot",
    websocket_url="wss://stream.binance.com:9443",
    rest_url="https://api.binance.com",
    channels=("trade", "bookTicker", "depth@100ms"),
    limits=Limits(Rate(300, 300.0), Rate(5, 1.0), Rate(6_000, 60.0), 1_024, AGE_MAX_S),
    glance=glance,
    path=_path,
    subscribe=_subscribe,
    rule=Rule.SPOT_CHAIN,
    depth=1_000,
    bar_channel=_bar_channel,
    keepalive=Keepalive(idle_s=30.0, ping_s=20.0),
    snapshot=functools.partial(_snapshot, "/api/v3/depth", _SPOT_WEIGHTS),
    backfill=Backfill(functools.partial(_missing, "/api/v3", {"trade": 25, "aggTrade": 4}), _page, TRADES_A_PAGE),
    is_book=_is_book,
)

PROFILES: Final[Mapping[str, Profile]] = MappingProxyType(
    {one.dialect: one for one in (SPOT, _futures("binance.usdm", "f"), _futures("binance.coinm", "d"))}
)
