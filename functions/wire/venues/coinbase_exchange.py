"""Say what the rows of Coinbase Exchange mean: its WebSocket feed, and REST replies of trades and products.

`match` is the channel of trades. `last_match` repeats the trade before the subscription: it informs, and feeds no bar.
A message's `side` is the maker's, so the aggressor's is the other. `l2update` and `snapshot` number nothing; `sequence`
counts all order events of a product and has holes in these channels. A `ticker` of 2021 tells no sizes: they are 0.
Source: docs.cdp.coinbase.com/exchange/websocket-feed/channels, and real captures.
"""

from collections.abc import Callable, Mapping
from typing import Final

import msgspec

from functions.domain.market import (
    BOOK_SNAPSHOT,
    BOOK_WITHOUT_IDS,
    SIDE_BUY,
    SIDE_SELL,
    TRADE_INFORMS_ONLY,
    InstrumentRef,
)
from functions.wire.venues import plan_kernel
from functions.wire.venues.columns import Decoder, Venue
from functions.wire.venues.payloads import Content, a_list, an_object, read_json, together, unknown_kind
from functions.wire.venues.plans import Id, Plan, Shape, Time
from functions.wire.venues.rows import (
    BookRow,
    IgnoredRow,
    QuoteRow,
    Reading,
    TradeRow,
    bad,
    choice,
    decimal,
    levels,
    symbol,
    text,
    whole,
)
from functions.wire.venues.times import iso_column, iso_ns
from functions.wire.venues.typed import Taken, Typed, WholeNumber, shapes

CODE: Final = "COINBASE"
UNKNOWN_EXPONENT: Final = -8
"""Unit of prices and sizes without reference: the finest step of Coinbase's crypto products."""

AGGRESSOR: Final = {"buy": SIDE_SELL, "sell": SIDE_BUY}
"""Aggressor by the maker's side."""
_TRADES: Final = {"match": 0, "last_match": TRADE_INFORMS_ONLY}
"""Kinds of trades, and their flags."""
_BOOK_SIDES: Final = {"buy": 0, "sell": 1}
_IGNORED: Final = frozenset(
    {
        *("activate", "auctionfeed", "change", "done", "error", "heartbeat", "open", "received", "rfq_match"),
        *("status", "subscriptions"),
    }
)
"""Kinds that the venue sends and nothing here uses."""


def unknown(venue_symbol: str) -> InstrumentRef:
    """Name an instrument that has no reference record.

    >>> unknown("BTC-USD").instrument_id
    'BTC-USD.COINBASE'
    """
    return InstrumentRef(f"{venue_symbol}.{CODE}", UNKNOWN_EXPONENT, UNKNOWN_EXPONENT)


def read_row(raw: bytes, batch_symbol: str) -> Reading:
    """Say what a message or a REST reply means.

    Raises:
        BadText: It breaks a rule.
    """
    content = read_json(raw)
    if isinstance(content, list):
        return _read_reply(content, batch_symbol)
    return _read_message(an_object(content, "the row"), batch_symbol)


def _read_message(content: Content, batch_symbol: str) -> Reading:
    if "type" not in content and "bids" in content:
        return _read_book_reply(content, batch_symbol)
    if "type" not in content and "message" in content:
        return IgnoredRow("error")
    kind = text(content, "type")
    if kind in _READERS:
        return _READERS[kind](content)
    return IgnoredRow(kind) if kind in _IGNORED else unknown_kind(content)


def _read_print(content: Content) -> TradeRow:
    return _read_trade(text(content, "type"), content, symbol(content, "product_id"))


def _read_trade(kind: str, content: Content, product: str) -> TradeRow:
    return TradeRow(
        kind=kind,
        symbol=product,
        ts_ns=iso_ns(text(content, "time")),
        price=decimal(content, "price"),
        size=decimal(content, "size"),
        side=choice(content, "side", AGGRESSOR),
        trade_id=whole(content, "trade_id"),
        flags=_TRADES[kind],
    )


def _read_update(content: Content) -> BookRow:
    changes: tuple[list[tuple[str, str]], list[tuple[str, str]]] = ([], [])
    for change in a_list(content.get("changes"), "field 'changes'"):
        side, level = _change(change)
        changes[side].append(level)
    bids, asks = changes
    return BookRow(
        kind="l2update",
        symbol=symbol(content, "product_id"),
        ts_ns=iso_ns(text(content, "time")),
        first_update_id=0,
        last_update_id=0,
        previous_update_id=0,
        bids=tuple(bids),
        asks=tuple(asks),
        flags=BOOK_WITHOUT_IDS,
    )


def _change(change: object) -> tuple[int, tuple[str, str]]:
    match change:
        case [side, price, size]:
            told = {"side": side, "price": price, "size": size}
            return choice(told, "side", _BOOK_SIDES), (decimal(told, "price"), decimal(told, "size"))
        case _:
            reason, detail = "wrong_type", "field 'changes' has one that is no [side, price, size]"
            raise bad(reason, detail)


def _read_snapshot(content: Content) -> BookRow:
    return BookRow(
        kind="snapshot",
        symbol=symbol(content, "product_id"),
        ts_ns=None,
        first_update_id=0,
        last_update_id=0,
        previous_update_id=0,
        bids=levels(content, "bids"),
        asks=levels(content, "asks"),
        flags=BOOK_SNAPSHOT | BOOK_WITHOUT_IDS,
    )


def _read_ticker(content: Content) -> QuoteRow:
    bid_size, ask_size = (
        decimal(content, name) if name in content else "0" for name in ("best_bid_size", "best_ask_size")
    )
    return QuoteRow(
        kind="ticker",
        symbol=symbol(content, "product_id"),
        ts_ns=iso_ns(text(content, "time")),
        bid_price=decimal(content, "best_bid"),
        bid_size=bid_size,
        ask_price=decimal(content, "best_ask"),
        ask_size=ask_size,
        update_id=whole(content, "sequence"),
    )


_READERS: Final[Mapping[str, Callable[[Content], Reading]]] = {
    **dict.fromkeys(_TRADES, _read_print),
    "l2update": _read_update,
    "snapshot": _read_snapshot,
    "ticker": _read_ticker,
}


def _read_book_reply(content: Content, batch_symbol: str) -> BookRow:
    """Read `/products/<id>/book`; its levels have a third entry, the number of orders, which is passed over."""
    return BookRow(
        kind="snapshot",
        symbol=symbol({"symbol": batch_symbol}, "symbol"),
        ts_ns=iso_ns(text(content, "time")) if "time" in content else None,
        first_update_id=0,
        last_update_id=0,
        previous_update_id=0,
        bids=levels(content, "bids"),
        asks=levels(content, "asks"),
        flags=BOOK_SNAPSHOT | BOOK_WITHOUT_IDS,
    )


def _read_reply(entries: list[object], batch_symbol: str) -> Reading:
    """Read `/products` (not used) or `/products/<id>/trades`: the trades that a match message would have told."""
    if any(isinstance(entry, dict) and "base_currency" in entry for entry in entries):
        return IgnoredRow("products")
    product = symbol({"symbol": batch_symbol}, "symbol")
    return together([_read_trade("match", an_object(entry, "a trade"), product) for entry in entries])


# --- the fast path ----------------------------------------------------------------------------------------------------


class Match(msgspec.Struct, tag_field="type", tag="match", gc=False):
    """A trade."""

    product_id: str
    time: str
    price: str
    size: str
    side: str
    trade_id: WholeNumber


class Ticker(msgspec.Struct, tag_field="type", tag="ticker", gc=False):
    """Best bid and offer behind a trade."""

    product_id: str
    time: str
    best_bid: str
    best_ask: str
    sequence: WholeNumber
    best_bid_size: str = "0"
    best_ask_size: str = "0"


class Update(msgspec.Struct, tag_field="type", tag="l2update", gc=False):
    """Changes of the book: side, price and size each."""

    product_id: str
    time: str
    changes: list[tuple[str, str, str]]


class Snapshot(msgspec.Struct, tag_field="type", tag="snapshot", gc=False):
    """The whole book."""

    product_id: str
    bids: list[tuple[str, str]]
    asks: list[tuple[str, str]]


def _take_match(taken: Taken, row: int, one: Match) -> None:
    side = AGGRESSOR[one.side]
    taken.trades.append((row, "match", one.product_id, one.time, one.price, one.size, side, one.trade_id, 0))


def _take_ticker(taken: Taken, row: int, one: Ticker) -> None:
    time, bid, ask, sequence = one.time, one.best_bid, one.best_ask, one.sequence
    bid_size, ask_size = one.best_bid_size, one.best_ask_size
    taken.quotes.append((row, "ticker", one.product_id, time, bid, bid_size, ask, ask_size, sequence))


def _take_update(taken: Taken, row: int, one: Update) -> None:
    changes = one.changes
    if len(changes) == 1:
        side, price, size = changes[0]
        told = (1 - _BOOK_SIDES[side], (price,), (size,))
        taken.book.append((row, "l2update", one.product_id, one.time, *told, BOOK_WITHOUT_IDS, 0))
        return
    changes.sort(key=_side_of)
    sides = [_BOOK_SIDES[side] for side, _, _ in changes]
    prices, sizes = [price for _, price, _ in changes], [size for _, _, size in changes]
    bids = len(sides) - sum(sides)
    taken.book.append((row, "l2update", one.product_id, one.time, bids, prices, sizes, BOOK_WITHOUT_IDS, 0))


def _side_of(change: tuple[str, str, str]) -> str:
    return change[0]


def _take_snapshot(taken: Taken, row: int, one: Snapshot) -> None:
    both = (*one.bids, *one.asks)
    prices, sizes = tuple(price for price, _ in both), tuple(size for _, size in both)
    flags = BOOK_SNAPSHOT | BOOK_WITHOUT_IDS
    taken.book.append((row, "snapshot", one.product_id, None, len(one.bids), prices, sizes, flags, 0))


_TIME: Final = Time(plan_kernel.ISO, ("time",))
PLAN: Final = Plan(
    (
        *(
            Shape(
                plan_kernel.TRADE,
                kind,
                ("",),
                ("price", "size"),
                symbol="product_id",
                time=_TIME,
                when={"type": kind},
                id=Id(plan_kernel.WHOLE_ID, "trade_id"),
                side=("side", AGGRESSOR),
                flags=flags,
            )
            for kind, flags in _TRADES.items()
        ),
        Shape(
            plan_kernel.QUOTE,
            "ticker",
            ("",),
            ("best_bid", "?best_bid_size", "best_ask", "?best_ask_size"),
            symbol="product_id",
            time=_TIME,
            when={"type": "ticker"},
            id=Id(plan_kernel.WHOLE_ID, "sequence"),
        ),
    )
)
"""Where trades and quotes have their values."""

DECODER: Final = Decoder(
    Venue(
        code=CODE,
        read_form=lambda _: None,
        read_row=read_row,
        level_marks=(),
        unknown=unknown,
        fast=Typed(
            decode=shapes(Match | Ticker | Update | Snapshot),
            readers={Match: _take_match, Ticker: _take_ticker, Update: _take_update, Snapshot: _take_snapshot},
            clock=iso_column,
        ),
        plans=(PLAN,),
    )
)
