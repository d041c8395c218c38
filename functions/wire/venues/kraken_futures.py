"""Say what the rows of Kraken Futures mean (`kraken.futures`): feeds of its WebSocket, and its public REST replies.

Times are milliseconds. A trade's `seq` counts the trades of a product and serves as its id; executions of the history
have none but a UUID. A book's `seq` counts its messages without a hole. A size is a number of contracts. REST candles
tell neither product nor interval, so their batch does: `PI_XBTUSD@3600`, in seconds.
Source: docs.kraken.com/api/docs/futures-api, and sample payloads.
"""

from collections.abc import Callable, Mapping
from typing import Any, Final

import msgspec

from functions.domain.market import BOOK_SNAPSHOT, SIDE_BUY, SIDE_SELL
from functions.wire.venues import kraken_names, plan_kernel
from functions.wire.venues.columns import Decoder, Venue
from functions.wire.venues.payloads import Content, a_list, an_object, read_json, together, unknown_kind
from functions.wire.venues.plans import Id, Plan, Shape, Time
from functions.wire.venues.rows import (
    NS_PER_MS,
    BookRow,
    CandleRow,
    IgnoredRow,
    QuoteRow,
    Reading,
    TradeRow,
    choice,
    decimal,
    named_by_batch,
    symbol,
    text,
    whole,
)
from functions.wire.venues.times import iso_ns, milliseconds_column
from functions.wire.venues.typed import Taken, Typed, WholeNumber, shapes

_SIDES: Final = {"buy": SIDE_BUY, "sell": SIDE_SELL}
_DIRECTIONS: Final = {"Buy": SIDE_BUY, "Sell": SIDE_SELL}
_BOOK_SIDES: Final = {"buy": 0, "sell": 1}
_IGNORED: Final = frozenset({"heartbeat", "ticker_lite"})
_UNUSED_REPLIES: Final = {"instruments": "instruments", "rates": "funding_rates"}


def read_row(raw: bytes, batch_symbol: str) -> Reading:
    """Say what a message or a REST reply means.

    Raises:
        BadText: It breaks a rule.
    """
    content = an_object(read_json(raw), "the row")
    if "event" in content:
        return IgnoredRow("control")
    if "feed" not in content:
        return _read_reply(content, batch_symbol)
    feed = text(content, "feed")
    reader = _READERS.get(feed)
    if reader is None:
        return IgnoredRow(feed) if feed in _IGNORED else unknown_kind(content)
    return reader(content)


def _read_trade(content: Content) -> TradeRow:
    return TradeRow(
        kind="trade",
        symbol=symbol(content, "product_id"),
        ts_ns=whole(content, "time") * NS_PER_MS,
        price=decimal(content, "price"),
        size=decimal(content, "qty"),
        side=choice(content, "side", _SIDES),
        trade_id=whole(content, "seq"),
    )


def _read_trades(content: Content) -> Reading:
    trades = [an_object(one, "a trade") for one in a_list(content.get("trades"), "field 'trades'")]
    return together([_read_trade(one) for one in trades]) if trades else IgnoredRow("trade_snapshot")


def _read_ticker(content: Content) -> QuoteRow:
    return QuoteRow(
        kind="ticker",
        symbol=symbol(content, "product_id"),
        ts_ns=whole(content, "time") * NS_PER_MS,
        bid_price=decimal(content, "bid"),
        bid_size=decimal(content, "bid_size"),
        ask_price=decimal(content, "ask"),
        ask_size=decimal(content, "ask_size"),
        update_id=0,
    )


def _read_book(content: Content) -> BookRow:
    sides: tuple[list[tuple[str, str]], list[tuple[str, str]]] = ([], [])
    sides[choice(content, "side", _BOOK_SIDES)].append((decimal(content, "price"), decimal(content, "qty")))
    return BookRow(
        kind="book",
        symbol=symbol(content, "product_id"),
        ts_ns=whole(content, "timestamp") * NS_PER_MS,
        first_update_id=whole(content, "seq"),
        last_update_id=whole(content, "seq"),
        previous_update_id=0,
        bids=tuple(sides[0]),
        asks=tuple(sides[1]),
        flags=0,
    )


def _read_snapshot(content: Content) -> BookRow:
    return BookRow(
        kind="snapshot",
        symbol=symbol(content, "product_id"),
        ts_ns=whole(content, "timestamp") * NS_PER_MS,
        first_update_id=0,
        last_update_id=whole(content, "seq"),
        previous_update_id=0,
        bids=_levels(content, "bids"),
        asks=_levels(content, "asks"),
        flags=BOOK_SNAPSHOT,
    )


def _levels(content: Content, name: str) -> tuple[tuple[str, str], ...]:
    levels = [an_object(one, "a level") for one in a_list(content.get(name), f"field {name!r}")]
    return tuple((decimal(one, "price"), decimal(one, "qty")) for one in levels)


_READERS: Final[Mapping[str, Callable[[Content], Reading]]] = {
    "trade": _read_trade,
    "trade_snapshot": _read_trades,
    "ticker": _read_ticker,
    "book": _read_book,
    "book_snapshot": _read_snapshot,
}


def _read_reply(content: Content, batch_symbol: str) -> Reading:
    """Read candles, tickers and executions; instruments and funding rates are not used."""
    if "candles" in content:
        product, interval_ns = named_by_batch(batch_symbol)
        candles = [an_object(one, "a candle") for one in a_list(content["candles"], "field 'candles'")]
        return together([_candle(one, product, interval_ns) for one in candles])
    if "tickers" in content:
        ts_ns = iso_ns(text(content, "serverTime"))
        tickers = [an_object(one, "a ticker") for one in a_list(content["tickers"], "field 'tickers'")]
        return together([_best(one, ts_ns) if "bid" in one else IgnoredRow("ticker") for one in tickers])
    if "elements" in content:
        elements = [an_object(one, "an element") for one in a_list(content["elements"], "field 'elements'")]
        return together([_execution(one) for one in elements])
    for name, kind in _UNUSED_REPLIES.items():
        if name in content:
            return IgnoredRow(kind)
    return IgnoredRow("error") if content.get("result") == "error" else unknown_kind(content)


def _candle(content: Content, product: str, interval_ns: int) -> CandleRow:
    return CandleRow(
        kind="candles",
        symbol=product,
        ts_ns=whole(content, "time") * NS_PER_MS,
        interval_ns=interval_ns,
        open=decimal(content, "open"),
        high=decimal(content, "high"),
        low=decimal(content, "low"),
        close=decimal(content, "close"),
        volume=decimal(content, "volume"),
        trades=None,
        flags=0,
    )


def _best(content: Content, ts_ns: int) -> QuoteRow:
    return QuoteRow(
        kind="ticker",
        symbol=symbol(content, "symbol"),
        ts_ns=ts_ns,
        bid_price=decimal(content, "bid"),
        bid_size=decimal(content, "bidSize"),
        ask_price=decimal(content, "ask"),
        ask_size=decimal(content, "askSize"),
        update_id=0,
    )


def _execution(element: Content) -> TradeRow:
    execution = element
    for name in ("event", "Execution", "execution"):
        execution = an_object(execution.get(name), f"field {name!r}")
    taker = an_object(execution.get("takerOrder"), "field 'takerOrder'")
    return TradeRow(
        kind="trade",
        symbol=symbol(taker, "tradeable"),
        ts_ns=whole(execution, "timestamp") * NS_PER_MS,
        price=decimal(execution, "price"),
        size=decimal(execution, "quantity"),
        side=choice(taker, "direction", _DIRECTIONS),
        trade_id=None,
    )


# --- the fast path ----------------------------------------------------------------------------------------------------


class Trade(msgspec.Struct, tag_field="feed", tag="trade", gc=False):
    """A trade."""

    product_id: str
    time: WholeNumber
    price: Any
    qty: Any
    side: str
    seq: WholeNumber
    event: Any = msgspec.UNSET


class Ticker(msgspec.Struct, tag_field="feed", tag="ticker", gc=False):
    """Best bid and offer, among much else."""

    product_id: str
    time: WholeNumber
    bid: Any
    bid_size: Any
    ask: Any
    ask_size: Any
    event: Any = msgspec.UNSET


def _take_trade(taken: Taken, row: int, one: Trade) -> None:
    _refuse_answer(one.event)
    side = _SIDES[one.side]
    taken.trades.append((row, "trade", one.product_id, one.time, one.price, one.qty, side, one.seq, 0))


def _refuse_answer(event: object) -> None:
    """Leave answers to requests alone: they name a feed too, and an event."""
    if event is not msgspec.UNSET:
        raise ValueError(event)


def _take_ticker(taken: Taken, row: int, one: Ticker) -> None:
    _refuse_answer(one.event)
    time, bid, ask = one.time, one.bid, one.ask
    taken.quotes.append((row, "ticker", one.product_id, time, bid, one.bid_size, ask, one.ask_size, 0))


PLAN: Final = Plan(
    (
        Shape(
            plan_kernel.TRADE,
            "trade",
            ("",),
            ("price", "qty"),
            symbol="product_id",
            time=Time(plan_kernel.MILLISECONDS, ("time",)),
            when={"feed": "trade"},
            id=Id(plan_kernel.WHOLE_ID, "seq"),
            side=("side", _SIDES),
        ),
        Shape(
            plan_kernel.QUOTE,
            "ticker",
            ("",),
            ("bid", "bid_size", "ask", "ask_size"),
            symbol="product_id",
            time=Time(plan_kernel.MILLISECONDS, ("time",)),
            when={"feed": "ticker"},
        ),
    ),
    refused=("event",),  # answers to requests name a feed too
)
"""Where trades and quotes have their values."""

DECODER: Final = Decoder(
    Venue(
        code=kraken_names.FUTURES,
        read_form=lambda _: None,
        read_row=read_row,
        level_marks=(),
        unknown=kraken_names.unknown_future,
        fast=Typed(
            decode=shapes(Trade | Ticker),
            readers={Trade: _take_trade, Ticker: _take_ticker},
            clock=milliseconds_column,
        ),
        plans=(PLAN,),
    )
)
