"""Say what the rows of Coinbase Advanced Trade mean: its WebSocket channels and its public REST replies.

A message has a channel and a list of events; all its prints, quotes or books stand or fall together. Trades carry ids,
so the `snapshot` that comes with each subscription repeats some and may hold what was missed: they count like others.
`side` is taken as the aggressor's. `sequence_num` counts the messages of a connection, not those of a product. Candles
of the channel are of five minutes; REST candles do not say of what, so their batch does: `BTC-USD@3600`, in seconds.
Source: docs.cdp.coinbase.com/coinbase-app/advanced-trade-apis/websocket, and sample payloads.
"""

from collections.abc import Iterator
from typing import Final

import msgspec

from functions.domain.market import BOOK_SNAPSHOT, BOOK_WITHOUT_IDS, SIDE_BUY, SIDE_SELL, SIDE_UNKNOWN
from functions.wire.venues import plan_kernel
from functions.wire.venues.coinbase_exchange import CODE, unknown
from functions.wire.venues.columns import Decoder, Venue
from functions.wire.venues.payloads import Content, a_list, an_object, read_json, together, unknown_kind
from functions.wire.venues.plans import Id, Plan, Shape, Time
from functions.wire.venues.rows import (
    BookRow,
    CandleRow,
    IgnoredRow,
    QuoteRow,
    Reading,
    TradeRow,
    choice,
    decimal,
    named_by_batch,
    numbered,
    symbol,
    text,
    whole,
)
from functions.wire.venues.times import NS_PER_S, iso_column, iso_ns, seconds_ns
from functions.wire.venues.typed import Taken, Typed, WholeNumber, number, shapes

CHANNEL_CANDLE_NS: Final = 300 * NS_PER_S
"""Interval of the candles channel."""
_SIDES: Final = {"BUY": SIDE_BUY, "SELL": SIDE_SELL, "UNKNOWN_ORDER_SIDE": SIDE_UNKNOWN}
_BOOK_SIDES: Final = {"bid": 0, "offer": 1}
_BOOK_FLAGS: Final = {"snapshot": BOOK_SNAPSHOT | BOOK_WITHOUT_IDS, "update": BOOK_WITHOUT_IDS}
_BOOK_KINDS: Final = {"snapshot": "snapshot", "update": "l2_data"}
_IGNORED: Final = frozenset({"futures_balance_summary", "heartbeats", "status", "subscriptions", "user"})
"""Channels that the venue sends and nothing here uses."""


def read_row(raw: bytes, batch_symbol: str) -> Reading:
    """Say what a message or a REST reply means.

    Raises:
        BadText: It breaks a rule.
    """
    content = an_object(read_json(raw), "the row")
    if "channel" not in content:
        return _read_reply(content, batch_symbol)
    channel = text(content, "channel")
    match channel:
        case "market_trades":
            trades = [_read_trade(one) for one in _each(content, "trades")]
            return together(trades) if trades else IgnoredRow(channel)
        case "l2_data":
            books = [_read_book(one, content) for one in _events(content)]
            return together(books) if books else IgnoredRow(channel)
        case "ticker" | "ticker_batch":
            quotes = [_read_ticker(channel, one, content) for one in _each(content, "tickers")]
            return together(quotes) if quotes else IgnoredRow(channel)
        case "candles":
            candles = [_read_candle(one) for one in _each(content, "candles")]
            return together(candles) if candles else IgnoredRow(channel)
        case _:
            return IgnoredRow(channel) if channel in _IGNORED else unknown_kind(content)


def _events(content: Content) -> Iterator[Content]:
    for event in a_list(content.get("events"), "field 'events'"):
        yield an_object(event, "an event")


def _each(content: Content, name: str) -> Iterator[Content]:
    for event in _events(content):
        for one in a_list(event.get(name), f"field {name!r}"):
            yield an_object(one, f"an entry of {name!r}")


def _read_trade(content: Content) -> TradeRow:
    return TradeRow(
        kind="market_trades",
        symbol=symbol(content, "product_id"),
        ts_ns=iso_ns(text(content, "time")),
        price=decimal(content, "price"),
        size=decimal(content, "size"),
        side=choice(content, "side", _SIDES),
        trade_id=numbered(content, "trade_id"),
    )


def _read_book(event: Content, envelope: Content) -> BookRow:
    sides: tuple[list[tuple[str, str]], list[tuple[str, str]]] = ([], [])
    for one in a_list(event.get("updates"), "field 'updates'"):
        level = an_object(one, "a level")
        sides[choice(level, "side", _BOOK_SIDES)].append(
            (decimal(level, "price_level"), decimal(level, "new_quantity"))
        )
    flags = choice(event, "type", _BOOK_FLAGS)
    return BookRow(
        kind=_BOOK_KINDS[text(event, "type")],
        symbol=symbol(event, "product_id"),
        ts_ns=iso_ns(text(envelope, "timestamp")),
        first_update_id=0,
        last_update_id=0,
        previous_update_id=0,
        bids=tuple(sides[0]),
        asks=tuple(sides[1]),
        flags=flags,
    )


def _read_ticker(channel: str, content: Content, envelope: Content) -> QuoteRow:
    return QuoteRow(
        kind=channel,
        symbol=symbol(content, "product_id"),
        ts_ns=iso_ns(text(envelope, "timestamp")),
        bid_price=decimal(content, "best_bid"),
        bid_size=decimal(content, "best_bid_quantity"),
        ask_price=decimal(content, "best_ask"),
        ask_size=decimal(content, "best_ask_quantity"),
        update_id=whole(envelope, "sequence_num"),
    )


def _read_candle(content: Content) -> CandleRow:
    return _candle(content, symbol(content, "product_id"), CHANNEL_CANDLE_NS)


def _candle(content: Content, product: str, interval_ns: int) -> CandleRow:
    return CandleRow(
        kind="candles",
        symbol=product,
        ts_ns=seconds_ns(decimal(content, "start")),
        interval_ns=interval_ns,
        open=decimal(content, "open"),
        high=decimal(content, "high"),
        low=decimal(content, "low"),
        close=decimal(content, "close"),
        volume=decimal(content, "volume"),
        trades=None,
        flags=0,  # neither the channel nor the reply says whether a candle is closed
    )


def _read_reply(content: Content, batch_symbol: str) -> Reading:
    """Read `/market/products/<id>/ticker`, `/candles`, `/product_book`; products are not used."""
    if "trades" in content:
        trades = a_list(content["trades"], "field 'trades'")
        return together([_read_trade(an_object(one, "a trade")) for one in trades])
    if "candles" in content:
        product, interval_ns = named_by_batch(batch_symbol)
        candles = a_list(content["candles"], "field 'candles'")
        return together([_candle(an_object(one, "a candle"), product, interval_ns) for one in candles])
    if "pricebook" in content:
        return _read_book_reply(an_object(content["pricebook"], "field 'pricebook'"))
    if "products" in content or "product_id" in content:
        return IgnoredRow("products")
    if content.get("type") == "error" or "error" in content:
        return IgnoredRow("error")
    return unknown_kind(content)


def _read_book_reply(content: Content) -> BookRow:
    return BookRow(
        kind="snapshot",
        symbol=symbol(content, "product_id"),
        ts_ns=iso_ns(text(content, "time")),
        first_update_id=0,
        last_update_id=0,
        previous_update_id=0,
        bids=_side(content, "bids"),
        asks=_side(content, "asks"),
        flags=BOOK_SNAPSHOT | BOOK_WITHOUT_IDS,
    )


def _side(content: Content, name: str) -> tuple[tuple[str, str], ...]:
    levels = [an_object(one, "a level") for one in a_list(content.get(name), f"field {name!r}")]
    return tuple((decimal(one, "price"), decimal(one, "size")) for one in levels)


# --- the fast path ----------------------------------------------------------------------------------------------------


class Trade(msgspec.Struct, gc=False):
    """A trade."""

    product_id: str
    time: str
    price: str
    size: str
    side: str
    trade_id: str


class TradesEvent(msgspec.Struct, gc=False):
    """Trades of one event."""

    trades: list[Trade]


class MarketTrades(msgspec.Struct, tag_field="channel", tag="market_trades", gc=False):
    """A message of the trades channel."""

    events: list[TradesEvent]


class Best(msgspec.Struct, gc=False):
    """Best bid and offer."""

    product_id: str
    best_bid: str
    bid_size: str = msgspec.field(name="best_bid_quantity")
    best_ask: str
    ask_size: str = msgspec.field(name="best_ask_quantity")


class TickersEvent(msgspec.Struct, gc=False):
    """Tickers of one event."""

    tickers: list[Best]


class Ticker(msgspec.Struct, tag_field="channel", tag="ticker", gc=False):
    """A message of the ticker channel."""

    timestamp: str
    sequence_num: WholeNumber
    events: list[TickersEvent]


class Level(msgspec.Struct, gc=False):
    """A level of the book."""

    side: str
    price_level: str
    new_quantity: str


class LevelsEvent(msgspec.Struct, gc=False):
    """Levels of one product."""

    type: str
    product_id: str
    updates: list[Level]


class Level2(msgspec.Struct, tag_field="channel", tag="l2_data", gc=False):
    """A message of the level2 channel."""

    timestamp: str
    events: list[LevelsEvent]


def _take_trades(taken: Taken, row: int, one: MarketTrades) -> None:
    taken.trades += [
        (row, "market_trades", it.product_id, it.time, it.price, it.size, _SIDES[it.side], number(it.trade_id), 0)
        for event in one.events
        for it in event.trades
    ]


def _take_ticker(taken: Taken, row: int, one: Ticker) -> None:
    time, sequence = one.timestamp, one.sequence_num
    taken.quotes += [
        (row, "ticker", it.product_id, time, it.best_bid, it.bid_size, it.best_ask, it.ask_size, sequence)
        for event in one.events
        for it in event.tickers
    ]


def _take_levels(taken: Taken, row: int, one: Level2) -> None:
    told = []
    for event in one.events:
        levels = sorted(event.updates, key=_side_of)
        bids = len(levels) - sum(map(_side_of, levels))
        prices, sizes = tuple(it.price_level for it in levels), tuple(it.new_quantity for it in levels)
        kind, flags = _BOOK_KINDS[event.type], _BOOK_FLAGS[event.type]
        told.append((row, kind, event.product_id, one.timestamp, bids, prices, sizes, flags, 0))
    taken.book += told


def _side_of(level: Level) -> int:
    return _BOOK_SIDES[level.side]


PLAN: Final = Plan(
    (
        Shape(
            plan_kernel.TRADE,
            "market_trades",
            ("events.*.trades.*",),
            ("price", "size"),
            symbol="product_id",
            time=Time(plan_kernel.ISO, ("time",)),
            when={"/channel": "market_trades"},
            id=Id(plan_kernel.DIGITS_ID, "trade_id"),
            side=("side", _SIDES),
        ),
        *(
            Shape(
                plan_kernel.QUOTE,
                channel,
                ("events.*.tickers.*",),
                ("best_bid", "best_bid_quantity", "best_ask", "best_ask_quantity"),
                symbol="product_id",
                time=Time(plan_kernel.ISO, ("/timestamp",)),
                when={"/channel": channel},
                id=Id(plan_kernel.WHOLE_ID, "/sequence_num"),
            )
            for channel in ("ticker", "ticker_batch")
        ),
    ),
    lengths={"events": 1},  # each of several would have to have entries
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
            decode=shapes(MarketTrades | Ticker | Level2),
            readers={MarketTrades: _take_trades, Ticker: _take_ticker, Level2: _take_levels},
            clock=iso_column,
        ),
        plans=(PLAN,),
    )
)
