"""Connect to TEMPLATE: a venue of one dialect whose streams are subscribed to and whose books come with them.

Copy this file to `<name>.py` beside it, or let `tickloom venue new <name>` do so together with its decoder; nothing
else has to change, for the first part of a dialect names its module. Then go through the profile from top to bottom
with the venue's documentation; `_profile` says what each part means, and `binance`, `coinbase` and `kraken` are three
examples:

1. Where is it, and what does it allow: connections, messages, REST weight, streams, the age of a connection? Write its
   own numbers into `Limits`; the connection keeps them.
2. How is it subscribed to: in the address (`path`) or by messages (`subscribe`)? Which channels are the usual ones?
3. What keeps a connection open, and how long a silence is death (`Keepalive`)? Many venues send a heartbeat.
4. `glance` reads the little that keeps the connection right, and must give nothing, not raise, for what it cannot read:
   whose best quote a message tells, so that it may be conflated; what it says of a book, and its numbers or checksum;
   which trades it tells, by ids that count without holes. Leave out what the venue does not have.
5. How is a copy of a book checked (`Rule`), and how does it come anew: over REST (`snapshot`) or by subscribing again
   (`resubscribe`)?
6. Are missed trades offered by id? Then say so in a `Backfill`; the connection finds holes and fills them.

Source: the documentation of the venue, its address.
"""

import json
from collections.abc import Iterable, Mapping
from types import MappingProxyType
from typing import Final

import msgspec

from functions.adapters.resilience import Rate
from functions.adapters.venues._profile import (
    Glance,
    Keepalive,
    Limits,
    Profile,
    Subscription,
    Trades,
    units,
)
from functions.domain.books import BookMessage, Rule

BOOK: Final = "book"


class _Message(msgspec.Struct):
    """Hold the fields that are glanced at; all others are passed over."""

    type: str = ""
    symbol: str = ""
    id: int = 0
    bid: str = ""
    ask: str = ""
    bids: list[tuple[str, str]] = []
    asks: list[tuple[str, str]] = []


_decode: Final = msgspec.json.Decoder(_Message).decode


def glance(row: bytes, _symbol: str = "") -> tuple[Glance, ...]:
    """Read trade ids, crossed quotes and books; the second argument is the symbol of an answer over REST.

    >>> glance(b'{"type":"trade","symbol":"AAA-BBB","id":7}')[0].trades
    Trades(channel='trade', first=7, last=7)
    """
    try:
        return _of(_decode(row))
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError, ValueError):
        return ()


def _of(message: _Message) -> tuple[Glance, ...]:
    match message.type:
        case "trade":
            return (Glance(message.symbol, trades=Trades("trade", message.id, message.id)),)
        case "quote":
            return (Glance(message.symbol, quote=True, crossed=units(message.bid) > units(message.ask)),)
        case "book" | "snapshot":
            bids, asks = (
                tuple((units(price), units(size)) for price, size in side) for side in (message.bids, message.asks)
            )
            return (Glance(message.symbol, book=BookMessage(bids, asks, snapshot=message.type == "snapshot")),)
        case _:
            return ()


def _text(kind: str, symbols: Iterable[str], channels: Iterable[str]) -> str:
    return json.dumps({"op": kind, "symbols": list(symbols), "channels": list(channels)})


def _subscribe(wanted: Subscription) -> tuple[str, ...]:
    return (_text("subscribe", wanted.symbols, wanted.channels),)


def _resubscribe(_wanted: Subscription, symbol: str) -> tuple[str, ...]:
    return tuple(_text(kind, (symbol,), (BOOK,)) for kind in ("unsubscribe", "subscribe"))


PROFILES: Final[Mapping[str, Profile]] = MappingProxyType(
    {
        "template.v1": Profile(
            dialect="template.v1",
            websocket_url="wss://stream.template.example",
            rest_url="https://api.template.example",
            channels=("trade", "quote", BOOK),
            limits=Limits(connects=Rate(10, 1.0), messages=Rate(10, 1.0), requests=Rate(10, 1.0), streams_max=1_000),
            glance=glance,
            path=lambda _wanted: "",
            subscribe=_subscribe,
            rule=Rule.UNNUMBERED,
            depth=0,
            bar_channel=lambda _channels: "",
            keepalive=Keepalive(idle_s=30.0),
            resubscribe=_resubscribe,
            is_book=lambda channel: channel == BOOK,
        )
    }
)
