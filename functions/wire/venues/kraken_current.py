"""Say what the rows of Kraken's current WebSocket form mean (`kraken.v2`): channels with a list of data each.

Numbers are JSON numbers here, and kept as the text they are. All entries of a message stand or fall together. The
`snapshot` of the trade channel holds the latest fifty trades, with ids: it fills what a lost connection missed.
A book message has the CRC32 of the best ten levels; nothing is numbered.
Source: docs.kraken.com/api/docs/websocket-v2, and sample payloads.
"""

from collections.abc import Callable, Mapping
from typing import Annotated, Any, Final

import msgspec

from functions.domain.market import BOOK_CHECKSUM, BOOK_SNAPSHOT, BOOK_WITHOUT_IDS, SIDE_BUY, SIDE_SELL
from functions.wire.venues import kraken_names, plan_kernel
from functions.wire.venues.columns import Decoder, Venue
from functions.wire.venues.kraken_replies import read_reply
from functions.wire.venues.payloads import Content, a_list, an_object, read_json, together, unknown_kind
from functions.wire.venues.plans import Id, Plan, Shape, Time
from functions.wire.venues.rows import (
    CRC32_MAX,
    BookRow,
    CandleRow,
    IgnoredRow,
    MarketRow,
    QuoteRow,
    Reading,
    TradeRow,
    checksum,
    choice,
    decimal,
    symbol,
    text,
    whole,
)
from functions.wire.venues.times import NS_PER_S, iso_column, iso_ns
from functions.wire.venues.typed import Taken, Typed, WholeNumber, shapes

_SIDES: Final = {"buy": SIDE_BUY, "sell": SIDE_SELL}
_BOOK_FLAGS: Final = {"snapshot": BOOK_SNAPSHOT | BOOK_WITHOUT_IDS, "update": BOOK_WITHOUT_IDS}
_BOOK_KINDS: Final = {"snapshot": "snapshot", "update": "book"}
_IGNORED: Final = frozenset({"balances", "executions", "heartbeat", "instrument", "level3", "status"})
"""Channels that the venue sends and nothing here uses."""


def read_row(raw: bytes, batch_symbol: str) -> Reading:
    """Say what a message or a REST reply means.

    Raises:
        BadText: It breaks a rule.
    """
    content = an_object(read_json(raw), "the row")
    if "channel" not in content:
        if "method" in content:
            return IgnoredRow("control")
        return read_reply(content, batch_symbol) if "result" in content and "error" in content else _other(content)
    channel = text(content, "channel")
    reader = _READERS.get(channel)
    if reader is None:
        return IgnoredRow(channel) if channel in _IGNORED else unknown_kind(content)
    entries = [an_object(one, "an entry") for one in a_list(content.get("data"), "field 'data'")]
    return together([reader(one, content) for one in entries]) if entries else IgnoredRow(channel)


def _other(content: Content) -> IgnoredRow:
    return IgnoredRow("error") if "error" in content else unknown_kind(content)


def _read_trade(content: Content, _: Content) -> TradeRow:
    return TradeRow(
        kind="trade",
        symbol=symbol(content, "symbol"),
        ts_ns=iso_ns(text(content, "timestamp")),
        price=decimal(content, "price"),
        size=decimal(content, "qty"),
        side=choice(content, "side", _SIDES),
        trade_id=whole(content, "trade_id"),
    )


def _read_ticker(content: Content, _: Content) -> QuoteRow:
    return QuoteRow(
        kind="ticker",
        symbol=symbol(content, "symbol"),
        ts_ns=_time(content),
        bid_price=decimal(content, "bid"),
        bid_size=decimal(content, "bid_qty"),
        ask_price=decimal(content, "ask"),
        ask_size=decimal(content, "ask_qty"),
        update_id=0,
    )


def _time(content: Content) -> int | None:
    return iso_ns(text(content, "timestamp")) if "timestamp" in content else None


def _read_book(content: Content, message: Content) -> BookRow:
    flags = choice(message, "type", _BOOK_FLAGS)
    return BookRow(
        kind=_BOOK_KINDS[text(message, "type")],
        symbol=symbol(content, "symbol"),
        ts_ns=_time(content),
        first_update_id=0,
        last_update_id=0,
        previous_update_id=0,
        bids=_levels(content, "bids"),
        asks=_levels(content, "asks"),
        flags=flags,
        checksum=checksum(whole(content, "checksum")) if "checksum" in content else None,
    )


def _levels(content: Content, name: str) -> tuple[tuple[str, str], ...]:
    levels = [an_object(one, "a level") for one in a_list(content.get(name), f"field {name!r}")]
    return tuple((decimal(one, "price"), decimal(one, "qty")) for one in levels)


def _read_candle(content: Content, _: Content) -> CandleRow:
    return CandleRow(
        kind="ohlc",
        symbol=symbol(content, "symbol"),
        ts_ns=iso_ns(text(content, "interval_begin")),
        interval_ns=whole(content, "interval") * 60 * NS_PER_S,
        open=decimal(content, "open"),
        high=decimal(content, "high"),
        low=decimal(content, "low"),
        close=decimal(content, "close"),
        volume=decimal(content, "volume"),
        trades=whole(content, "trades"),
        flags=0,  # the channel does not say whether a candle is closed
    )


_READERS: Final[Mapping[str, Callable[[Content, Content], MarketRow]]] = {
    "trade": _read_trade,
    "ticker": _read_ticker,
    "book": _read_book,
    "ohlc": _read_candle,
}


# --- the fast path ----------------------------------------------------------------------------------------------------


class Trade(msgspec.Struct, gc=False):
    """A trade."""

    symbol: str
    timestamp: str
    price: Any
    qty: Any
    side: str
    trade_id: WholeNumber


class Trades(msgspec.Struct, tag_field="channel", tag="trade", gc=False):
    """A message of the trade channel."""

    data: list[Trade]


class Best(msgspec.Struct, gc=False):
    """Best bid and offer."""

    symbol: str
    bid: Any
    bid_qty: Any
    ask: Any
    ask_qty: Any
    timestamp: str | msgspec.UnsetType = msgspec.UNSET


class Tickers(msgspec.Struct, tag_field="channel", tag="ticker", gc=False):
    """A message of the ticker channel."""

    data: list[Best]


class Level(msgspec.Struct, gc=False):
    """A level of the book."""

    price: Any
    qty: Any


class Side(msgspec.Struct, gc=False):
    """Levels of one pair."""

    symbol: str
    bids: list[Level]
    asks: list[Level]
    checksum: Annotated[int, msgspec.Meta(ge=0, le=CRC32_MAX)] | msgspec.UnsetType = msgspec.UNSET
    timestamp: str | msgspec.UnsetType = msgspec.UNSET


class Books(msgspec.Struct, tag_field="channel", tag="book", gc=False):
    """A message of the book channel."""

    type: str
    data: list[Side]


def _take_trades(taken: Taken, row: int, message: Trades) -> None:
    taken.trades += [
        (row, "trade", one.symbol, one.timestamp, one.price, one.qty, _SIDES[one.side], one.trade_id, 0)
        for one in message.data
    ]


def _take_tickers(taken: Taken, row: int, message: Tickers) -> None:
    taken.quotes += [
        (row, "ticker", one.symbol, one.timestamp or None, one.bid, one.bid_qty, one.ask, one.ask_qty, 0)
        for one in message.data
    ]


def _take_books(taken: Taken, row: int, message: Books) -> None:
    kind, flags = _BOOK_KINDS[message.type], _BOOK_FLAGS[message.type]
    told = []
    for one in message.data:
        levels = (*one.bids, *one.asks)
        prices, sizes = [level.price for level in levels], [level.qty for level in levels]
        crc, more = (0, 0) if one.checksum is msgspec.UNSET else (one.checksum, BOOK_CHECKSUM)
        time = one.timestamp or None
        told.append((row, kind, one.symbol, time, len(one.bids), prices, sizes, flags | more, crc))
    taken.book += told


PLAN: Final = Plan(
    (
        Shape(
            plan_kernel.TRADE,
            "trade",
            ("data.*",),
            ("price", "qty"),
            symbol="symbol",
            time=Time(plan_kernel.ISO, ("timestamp",)),
            when={"/channel": "trade"},
            id=Id(plan_kernel.WHOLE_ID, "trade_id"),
            side=("side", _SIDES),
        ),
        Shape(
            plan_kernel.QUOTE,
            "ticker",
            ("data.*",),
            ("bid", "bid_qty", "ask", "ask_qty"),
            symbol="symbol",
            time=Time(plan_kernel.ISO, ("timestamp",), optional=True),
            when={"/channel": "ticker"},
        ),
    )
)
"""Where trades and quotes have their values."""

DECODER: Final = Decoder(
    Venue(
        code=kraken_names.CODE,
        read_form=lambda _: None,
        read_row=read_row,
        level_marks=(),
        unknown=kraken_names.unknown,
        fast=Typed(
            decode=shapes(Trades | Tickers | Books),
            readers={Trades: _take_trades, Tickers: _take_tickers, Books: _take_books},
            clock=iso_column,
        ),
        plans=(PLAN,),
    )
)
