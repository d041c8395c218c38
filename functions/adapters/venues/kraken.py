"""Connect to Kraken: WebSocket v1, frozen by the venue (`kraken.v1`), and v2 (`kraken.v2`).

Sources: Kraken API Center, "Spot WebSocket" v1 and v2, "Book checksum", "Rate limits". A book comes with its
subscription and is checked by the checksum of its ten best levels; the venue writes every decimal, so the text without
its point is the number of units the sum is made of. Trades begin with the latest fifty, which fills what a lost
connection missed of them. v1 numbers no trades; v2 does, and offers missed ones by time only: a hole beyond those fifty
stays one, and is reported. A v1 book channel is named with its depth, `book-1000`.
"""

import itertools
import json
from collections.abc import Iterable, Iterator, Mapping
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
    digits,
    units,
)
from functions.domain.books import BookMessage, Rule

DEPTH: Final = 1_000
_BOOK: Final = "book"
_TRADE: Final = "trade"
_QUOTES: Final = frozenset({"ticker", "spread"})

# A JSON number with a fraction stays the text it was, for its digits count.
_decode: Final = msgspec.json.Decoder(float_hook=str).decode


def _content(row: bytes) -> object:
    """Read a row; what is no JSON says nothing here."""
    try:
        content: object = _decode(row)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
        return None
    return content


def _pairs(levels: object, names: tuple[object, object]) -> list[tuple[str, str]]:
    """Take price and size out of every level, as text."""
    content = levels if isinstance(levels, list) else []
    return [(str(one[names[0]]), str(one[names[1]])) for one in content]


def _message(
    bids: list[tuple[str, str]], asks: list[tuple[str, str]], *, snapshot: bool, checksum: object
) -> BookMessage:
    sides = [tuple((units(price), units(size)) for price, size in side) for side in (bids, asks)]
    return BookMessage(sides[0], sides[1], snapshot=snapshot, checksum=None if checksum is None else int(str(checksum)))


def _digits(levels: Iterable[tuple[str, str]]) -> tuple[int, int]:
    """Give the most decimals of prices and of sizes."""
    known = [(digits(price), digits(size)) for price, size in levels]
    return max((one[0] for one in known), default=0), max((one[1] for one in known), default=0)


# --- v1 ---------------------------------------------------------------------------------------------------------------


def glance_v1(row: bytes, _symbol: str = "") -> tuple[Glance, ...]:
    """Read books and quotes; trades have no ids here."""
    match _content(row):
        case [_, *parts, str(channel), str(pair)] if parts:
            try:
                return _of_v1(channel.partition("-")[0], pair, parts)
            except (ValueError, LookupError, TypeError):
                return ()
        case {"event": "subscriptionStatus", "status": "error", "errorMessage": str(reason)}:
            return (Glance(refused=reason),)
        case _:
            return ()


def _of_v1(channel: str, pair: str, parts: list[object]) -> tuple[Glance, ...]:
    if channel in _QUOTES:
        return (Glance(pair, quote=True),)
    if channel != _BOOK:
        return (Glance(pair),)
    fields = dict(itertools.chain.from_iterable(part.items() for part in parts if isinstance(part, dict)))
    snapshot = "as" in fields or "bs" in fields
    bids, asks = (_pairs(fields.get(name + "s" * snapshot), (0, 1)) for name in "ba")
    book = _message(bids, asks, snapshot=snapshot, checksum=fields.get("c"))
    return (Glance(pair, book=book, digits=_digits((*bids, *asks))),)


def _text_v1(event: str, pairs: Iterable[str], channel: str, depth: int) -> str:
    name, _, told = channel.partition("-")
    about: dict[str, object] = {"name": name}
    if name == _BOOK:
        about["depth"] = int(told or depth)
    return json.dumps({"event": event, "pair": list(pairs), "subscription": about})


def _subscribe_v1(wanted: Subscription) -> tuple[str, ...]:
    return tuple(_text_v1("subscribe", wanted.symbols, channel, wanted.depth) for channel in wanted.channels)


def _resubscribe_v1(wanted: Subscription, symbol: str) -> tuple[str, ...]:
    books = [channel for channel in wanted.channels if is_book(channel)]
    return tuple(
        _text_v1(event, (symbol,), channel, wanted.depth) for channel in books for event in ("unsubscribe", "subscribe")
    )


def is_book(channel: str) -> bool:
    """Tell whether a channel is the book.

    >>> is_book("book-1000"), is_book("trade")
    (True, False)
    """
    return channel.partition("-")[0] == _BOOK


# --- v2 ---------------------------------------------------------------------------------------------------------------


def glance_v2(row: bytes, _symbol: str = "") -> tuple[Glance, ...]:
    """Read books, trade ids and crossed quotes."""
    match _content(row):
        case {"channel": str(channel), "data": list(data), **rest}:
            try:
                return tuple(_of_v2(channel, data, snapshot=rest.get("type") == "snapshot"))
            except (ValueError, LookupError, TypeError):
                return ()
        case {"method": "subscribe", "success": False, "error": str(reason)}:
            return (Glance(refused=reason),)
        case _:
            return ()


def _of_v2(channel: str, data: list[object], *, snapshot: bool) -> Iterator[Glance]:
    content = [one for one in data if isinstance(one, dict)]
    if channel == _TRADE:
        for symbol, group in itertools.groupby(content, key=lambda one: str(one["symbol"])):
            ids = [int(one["trade_id"]) for one in group]
            yield Glance(symbol, trades=Trades("trade", min(ids), max(ids)))
    for one in content:
        if channel == "ticker":
            yield Glance(str(one["symbol"]), quote=True, crossed=units(str(one["bid"])) > units(str(one["ask"])))
        elif channel == _BOOK:
            bids, asks = (_pairs(one.get(side), ("price", "qty")) for side in ("bids", "asks"))
            book = _message(bids, asks, snapshot=snapshot, checksum=one.get("checksum"))
            yield Glance(str(one["symbol"]), book=book, digits=_digits((*bids, *asks)))


def _text_v2(method: str, symbols: Iterable[str], channel: str, depth: int) -> str:
    params: dict[str, object] = {"channel": channel, "symbol": list(symbols)}
    if channel == _BOOK:
        params["depth"] = depth
    if channel == _TRADE:
        params["snapshot"] = True  # the venue's own pages differ on what it does unasked
    return json.dumps({"method": method, "params": params})


def _subscribe_v2(wanted: Subscription) -> tuple[str, ...]:
    return tuple(_text_v2("subscribe", wanted.symbols, channel, wanted.depth) for channel in wanted.channels)


def _resubscribe_v2(wanted: Subscription, symbol: str) -> tuple[str, ...]:
    return tuple(_text_v2(method, (symbol,), _BOOK, wanted.depth) for method in ("unsubscribe", "subscribe"))


# --- both -------------------------------------------------------------------------------------------------------------

_LIMITS: Final = Limits(Rate(150, 600.0), Rate(50, 1.0), Rate(1, 1.0), 10_000)


def _any(_channels: tuple[str, ...]) -> str:
    return ""


V1: Final = Profile(
    dialect="kraken.v1",
    websocket_url="wss://ws.kraken.com",
    rest_url="https://api.kraken.com",
    channels=("trade", "ticker", "book-1000"),
    limits=_LIMITS,
    glance=glance_v1,
    path=lambda _wanted: "",
    subscribe=_subscribe_v1,
    rule=Rule.CHECKSUM,
    depth=DEPTH,
    bar_channel=_any,
    keepalive=Keepalive(idle_s=10.0, text='{"event":"ping"}', text_s=30.0),
    resubscribe=_resubscribe_v1,
    is_book=is_book,
)

V2: Final = Profile(
    dialect="kraken.v2",
    websocket_url="wss://ws.kraken.com/v2",
    rest_url="https://api.kraken.com",
    channels=("trade", "ticker", "book"),
    limits=_LIMITS,
    glance=glance_v2,
    path=lambda _wanted: "",
    subscribe=_subscribe_v2,
    rule=Rule.CHECKSUM,
    depth=DEPTH,
    bar_channel=_any,
    keepalive=Keepalive(idle_s=10.0, text='{"method":"ping"}', text_s=30.0),
    resubscribe=_resubscribe_v2,
    is_book=is_book,
)

PROFILES: Final[Mapping[str, Profile]] = MappingProxyType({one.dialect: one for one in (V1, V2)})
