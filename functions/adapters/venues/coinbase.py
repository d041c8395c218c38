"""Connect to Coinbase: the Exchange feed (`coinbase.exchange`) and Advanced Trade (`coinbase.advanced`).

Sources: Coinbase Exchange, "WebSocket channels", "WebSocket rate limits", "Get a product's trades"; Coinbase Advanced
Trade, "WebSocket overview" and "WebSocket rate limits". Exchange gives `level2` to customers only since 2023 and
`level2_batch`, of the same messages, to all. Its trades are asked for by id from new to old; its `heartbeat` and
`last_match` tell the last trade, so a hole is seen even where nothing trades. Advanced numbers every message of a
connection, and offers trades by time only: a hole there stays one, and is reported.
"""

import json
from collections.abc import Iterable, Mapping
from dataclasses import replace
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
    units,
)
from functions.domain.books import BookMessage, Level, Rule

TRADES_A_PAGE: Final = 300
"""Trades asked for at once: the venue gives 1,000, but these fit into one batch of 64 KiB."""
BOOK_CHANNELS: Final = frozenset({"level2", "level2_batch", "level2_50", "full"})
_TRADES: Final = "matches"


def _level(price: str, size: str) -> Level:
    return units(price), units(size)


# --- Exchange ---------------------------------------------------------------------------------------------------------


class _Exchange(msgspec.Struct):
    type: str = ""
    product_id: str = ""
    trade_id: int = 0
    last_trade_id: int = 0
    best_bid: str = ""
    best_ask: str = ""
    bids: list[tuple[str, str]] = []
    asks: list[tuple[str, str]] = []
    changes: list[tuple[str, str, str]] = []
    message: str = ""
    reason: str = ""


class _Trade(msgspec.Struct):
    trade_id: int


_decode_exchange: Final = msgspec.json.Decoder(_Exchange).decode
_decode_trades: Final = msgspec.json.Decoder(list[_Trade]).decode


def glance_exchange(row: bytes, _symbol: str = "") -> tuple[Glance, ...]:
    """Read books, trade ids, crossed quotes and refusals."""
    try:
        message = _decode_exchange(row)
        if message.type == "error":
            return (Glance(refused=f"{message.message}: {message.reason}"),)
        return _of_exchange(message)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError, ValueError):
        return ()


def _of_exchange(message: _Exchange) -> tuple[Glance, ...]:
    product = message.product_id
    match message.type:
        case "match":
            return (Glance(product, trades=Trades(_TRADES, message.trade_id, message.trade_id)),)
        case "heartbeat" | "last_match":  # both only say which trade was the last
            last = message.trade_id or message.last_trade_id
            return (Glance(product, trades=Trades(_TRADES, last + 1, last)),)
        case "ticker":
            crossed = bool(message.best_bid and message.best_ask) and units(message.best_bid) > units(message.best_ask)
            return (Glance(product, quote=True, crossed=crossed),)
        case "snapshot":
            sides = [tuple(_level(*one) for one in side) for side in (message.bids, message.asks)]
            return (Glance(product, book=BookMessage(sides[0], sides[1], snapshot=True)),)
        case "l2update":
            bids = tuple(_level(price, size) for side, price, size in message.changes if side == "buy")
            asks = tuple(_level(price, size) for side, price, size in message.changes if side != "buy")
            return (Glance(product, book=BookMessage(bids, asks)),)
        case _:
            return ()


def _exchange_text(kind: str, products: Iterable[str], channels: Iterable[str]) -> str:
    return json.dumps({"type": kind, "product_ids": list(products), "channels": list(channels)})


def _subscribe_exchange(wanted: Subscription) -> tuple[str, ...]:
    return (_exchange_text("subscribe", wanted.symbols, wanted.channels),)


def _resubscribe_exchange(wanted: Subscription, symbol: str) -> tuple[str, ...]:
    books = [channel for channel in wanted.channels if channel in BOOK_CHANNELS]
    return tuple(_exchange_text(kind, (symbol,), books) for kind in ("unsubscribe", "subscribe"))


def _missing(missing: Missing, _key: str) -> Request | None:
    """Ask for the newest missing trades; the venue's cursor `after` means older than that id."""
    if missing.last is None:
        return None
    count = min(TRADES_A_PAGE, missing.last - missing.first + 1)
    return Request(f"/products/{missing.symbol}/trades", {"after": str(missing.last + 1), "limit": str(count)})


def _page(body: bytes) -> Page:
    try:
        ids = [one.trade_id for one in _decode_trades(body)]
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError) as error:
        raise ValueError(str(error)) from error
    return Page(min(ids), max(ids), len(ids)) if ids else Page()


EXCHANGE: Final = Profile(
    dialect="coinbase.exchange",
    websocket_url="wss://ws-feed.exchange.coinbase.com",
    rest_url="https://api.exchange.coinbase.com",
    channels=("matches", "ticker", "level2_batch", "heartbeat"),
    limits=Limits(Rate(8, 1.0), Rate(100, 1.0), Rate(10, 1.0), 10_000),
    glance=glance_exchange,
    path=lambda _wanted: "",
    subscribe=_subscribe_exchange,
    rule=Rule.UNNUMBERED,
    depth=0,
    bar_channel=lambda _channels: "",
    keepalive=Keepalive(idle_s=10.0),
    resubscribe=_resubscribe_exchange,
    backfill=Backfill(_missing, _page, TRADES_A_PAGE, ascending=False),
    is_book=BOOK_CHANNELS.__contains__,
)


# --- Advanced Trade ---------------------------------------------------------------------------------------------------


class _Update(msgspec.Struct):
    side: str = ""
    price_level: str = ""
    new_quantity: str = ""


class _AdvancedTrade(msgspec.Struct):
    trade_id: str = ""
    product_id: str = ""


class _Ticker(msgspec.Struct):
    product_id: str = ""
    best_bid: str = ""
    best_ask: str = ""


class _Event(msgspec.Struct):
    type: str = ""
    product_id: str = ""
    updates: list[_Update] = []
    trades: list[_AdvancedTrade] = []
    tickers: list[_Ticker] = []


class _Advanced(msgspec.Struct):
    type: str = ""
    message: str = ""
    channel: str = ""
    sequence_num: int | None = None
    events: list[_Event] = []


_decode_advanced: Final = msgspec.json.Decoder(_Advanced).decode


def glance_advanced(row: bytes, _symbol: str = "") -> tuple[Glance, ...]:
    """Read the connection's number, books, trade ids and crossed quotes; the number is a glance of its own."""
    try:
        message = _decode_advanced(row)
        found = [one for event in message.events for one in _of_event(event)]
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError, ValueError):
        return ()
    if message.type == "error":
        found.append(Glance(refused=message.message))
    if message.sequence_num is None:
        return tuple(found)
    if len(found) == 1:
        return (replace(found[0], number=message.sequence_num),)
    return (Glance(number=message.sequence_num), *found)


def _of_event(event: _Event) -> list[Glance]:
    found = [_trades(product, event.trades) for product in dict.fromkeys(one.product_id for one in event.trades)]
    for one in event.tickers:
        crossed = bool(one.best_bid and one.best_ask) and units(one.best_bid) > units(one.best_ask)
        found.append(Glance(one.product_id, quote=True, crossed=crossed))
    if event.updates:
        bids, asks = (
            tuple(_level(one.price_level, one.new_quantity) for one in event.updates if one.side in names)
            for names in (("bid",), ("offer", "ask"))
        )
        found.append(Glance(event.product_id, book=BookMessage(bids, asks, snapshot=event.type == "snapshot")))
    return found


def _trades(product: str, trades: list[_AdvancedTrade]) -> Glance:
    ids = [int(one.trade_id) for one in trades if one.product_id == product]
    return Glance(product, trades=Trades("market_trades", min(ids), max(ids)))


def _advanced_text(kind: str, products: Iterable[str], channel: str) -> str:
    return json.dumps({"type": kind, "product_ids": list(products), "channel": channel})


def _subscribe_advanced(wanted: Subscription) -> tuple[str, ...]:
    return tuple(_advanced_text("subscribe", wanted.symbols, channel) for channel in wanted.channels)


def _resubscribe_advanced(wanted: Subscription, symbol: str) -> tuple[str, ...]:
    books = [channel for channel in wanted.channels if channel in BOOK_CHANNELS]
    return tuple(_advanced_text(kind, (symbol,), one) for one in books for kind in ("unsubscribe", "subscribe"))


ADVANCED: Final = Profile(
    dialect="coinbase.advanced",
    websocket_url="wss://advanced-trade-ws.coinbase.com",
    rest_url="https://api.coinbase.com",
    channels=("market_trades", "ticker", "level2", "heartbeats"),
    limits=Limits(Rate(8, 1.0), Rate(8, 1.0), Rate(10, 1.0), 10_000),
    glance=glance_advanced,
    path=lambda _wanted: "",
    subscribe=_subscribe_advanced,
    rule=Rule.UNNUMBERED,
    depth=0,
    bar_channel=lambda _channels: "",
    keepalive=Keepalive(idle_s=10.0),
    resubscribe=_resubscribe_advanced,
    is_book=BOOK_CHANNELS.__contains__,
)

PROFILES: Final[Mapping[str, Profile]] = MappingProxyType({one.dialect: one for one in (EXCHANGE, ADVANCED)})
