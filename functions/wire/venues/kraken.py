"""Say what Kraken's rows mean: the WebSocket form of 2021 (`kraken.v1`) and the REST replies that go with it.

A message is an array [channel id, payload, channel name, pair]; a book message may have two payloads, asks and bids.
Trades have no ids. A ticker tells no time. A book message's time is the latest of its levels; its checksum `c` is the
CRC32 of the best ten levels of both sides; nothing is numbered. A level marked "r" is sent again, and is as good.
Pairs are named as Kraken names them today: XBT is BTC and XDG is DOGE, in symbols too.
The current form is read in `kraken_current`, futures in `kraken_futures`.
Source: docs.kraken.com/api/docs/websocket-v1, and real captures.
"""

import re
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final, Literal

import msgspec

from functions.domain.market import (
    BOOK_CHECKSUM,
    BOOK_SNAPSHOT,
    BOOK_WITHOUT_IDS,
    SIDE_BUY,
    SIDE_SELL,
    TRADE_WITHOUT_ID,
)
from functions.wire.venues import kraken_current, kraken_futures, kraken_names, plan_kernel
from functions.wire.venues.columns import Decoder, Venue
from functions.wire.venues.kraken_names import today
from functions.wire.venues.kraken_replies import read_reply
from functions.wire.venues.payloads import Content, a_list, an_object, read_json, together, unknown_kind
from functions.wire.venues.plans import Facts, Plan, Shape, Time
from functions.wire.venues.rows import (
    BookRow,
    CandleRow,
    IgnoredRow,
    QuoteRow,
    Reading,
    TradeRow,
    bad,
    checksum,
    choice,
    decimal,
    numbered,
    symbol,
    whole,
)
from functions.wire.venues.times import NS_PER_S, seconds_column, seconds_ns
from functions.wire.venues.typed import Taken, Typed, number, shapes

SIDES: Final = {"b": SIDE_BUY, "s": SIDE_SELL}
"""Aggressor sides."""
_MINUTE_NS: Final = 60 * NS_PER_S
_EVENTS: Final = frozenset({"error", "heartbeat", "pong", "subscriptionStatus", "systemStatus"})
"""Messages that are objects; nothing here uses them."""

_TRADE: Final = ("price", "volume", "time", "side")
_SPREAD: Final = ("bid", "ask", "time", "bid volume", "ask volume")
_CANDLE: Final = ("time", "end", "open", "high", "low", "close", "vwap", "volume", "count")
_BEST: Final = ("price", "whole lot volume", "lot volume")
_LEVEL: Final = ("price", "volume", "time")


def read_row(raw: bytes, batch_symbol: str) -> Reading:
    """Say what a message or a REST reply means.

    Raises:
        BadText: It breaks a rule.
    """
    content = read_json(raw)
    if isinstance(content, list):
        return _read_message(content)
    told = an_object(content, "the row")
    event = told.get("event")
    if isinstance(event, str) and event in _EVENTS:
        return IgnoredRow(event)
    return read_reply(told, batch_symbol) if "error" in told else unknown_kind(told)


def _read_message(content: list[object]) -> Reading:
    match content:
        case [_, _, *_, str(name), str(pair)]:
            channel, _, option = name.partition("-")
        case _:
            reason, detail = "wrong_type", "the array is no [channel id, payload, channel name, pair]"
            raise bad(reason, detail)
    reader = _READERS.get(channel)
    if reader is None:
        reason, detail = "unknown_kind", f"no channel {name[:64]!r} is known"
        raise bad(reason, detail)
    return reader(content[1:-2], option, symbol({"pair": today(pair)}, "pair"))


def _only(payloads: list[object]) -> object:
    if len(payloads) != 1:
        reason, detail = "wrong_type", f"the message has {len(payloads)} payloads where one belongs"
        raise bad(reason, detail)
    return payloads[0]


def _fields(value: object, names: Sequence[str]) -> Content:
    """Name the entries of an array that stand for fields."""
    entries = a_list(value, "an entry")
    if len(entries) < len(names):
        reason, detail = "missing_field", f"an entry has no {names[len(entries)]}"
        raise bad(reason, detail)
    return dict(zip(names, entries, strict=False))


def _read_trades(payloads: list[object], _: str, pair: str) -> Reading:
    entries = [_fields(one, _TRADE) for one in a_list(_only(payloads), "the payload")]
    if not entries:
        return IgnoredRow("trade")
    return together(
        [
            TradeRow(
                kind="trade",
                symbol=pair,
                ts_ns=seconds_ns(decimal(one, "time")),
                price=decimal(one, "price"),
                size=decimal(one, "volume"),
                side=choice(one, "side", SIDES),
                trade_id=None,
            )
            for one in entries
        ]
    )


def _read_ticker(payloads: list[object], _: str, pair: str) -> QuoteRow:
    payload = an_object(_only(payloads), "the payload")
    bid, ask = (_fields(payload.get(name), _BEST) for name in ("b", "a"))
    return QuoteRow(
        kind="ticker",
        symbol=pair,
        ts_ns=None,
        bid_price=decimal(bid, "price"),
        bid_size=decimal(bid, "lot volume"),
        ask_price=decimal(ask, "price"),
        ask_size=decimal(ask, "lot volume"),
        update_id=0,
    )


def _read_spread(payloads: list[object], _: str, pair: str) -> QuoteRow:
    spread = _fields(_only(payloads), _SPREAD)
    return QuoteRow(
        kind="spread",
        symbol=pair,
        ts_ns=seconds_ns(decimal(spread, "time")),
        bid_price=decimal(spread, "bid"),
        bid_size=decimal(spread, "bid volume"),
        ask_price=decimal(spread, "ask"),
        ask_size=decimal(spread, "ask volume"),
        update_id=0,
    )


def _read_candle(payloads: list[object], minutes: str, pair: str) -> CandleRow:
    candle = _fields(_only(payloads), _CANDLE)
    interval_ns = (numbered({"interval": minutes}, "interval") if minutes else 1) * _MINUTE_NS
    return CandleRow(
        kind="ohlc",
        symbol=pair,
        ts_ns=seconds_ns(decimal(candle, "end")) - interval_ns,
        interval_ns=interval_ns,
        open=decimal(candle, "open"),
        high=decimal(candle, "high"),
        low=decimal(candle, "low"),
        close=decimal(candle, "close"),
        volume=decimal(candle, "volume"),
        trades=whole(candle, "count"),
        flags=0,
    )


def _read_book(payloads: list[object], _: str, pair: str) -> BookRow:
    content: dict[str, object] = {}
    for payload in payloads:
        content.update(an_object(payload, "the payload"))
    is_snapshot = "as" in content or "bs" in content
    names = ("bs", "as") if is_snapshot else ("b", "a")
    if not is_snapshot and "a" not in content and "b" not in content:
        reason, detail = "missing_field", "the book message has neither asks nor bids"
        raise bad(reason, detail)
    sides = [_levels(content, name) if is_snapshot or name in content else () for name in names]
    bids, asks = (tuple((decimal(one, "price"), decimal(one, "volume")) for one in side) for side in sides)
    return BookRow(
        kind="snapshot" if is_snapshot else "book",
        symbol=pair,
        ts_ns=max((seconds_ns(decimal(one, "time")) for side in sides for one in side), default=None),
        first_update_id=0,
        last_update_id=0,
        previous_update_id=0,
        bids=bids,
        asks=asks,
        flags=BOOK_WITHOUT_IDS | (BOOK_SNAPSHOT if is_snapshot else 0),
        checksum=checksum(numbered(content, "c")) if "c" in content else None,
    )


def _levels(content: Content, name: str) -> tuple[Content, ...]:
    return tuple(_fields(level, _LEVEL) for level in a_list(content.get(name), f"field {name!r}"))


_READERS: Final[Mapping[str, Callable[[list[object], str, str], Reading]]] = {
    "trade": _read_trades,
    "ticker": _read_ticker,
    "spread": _read_spread,
    "ohlc": _read_candle,
    "book": _read_book,
}


# --- the fast path ----------------------------------------------------------------------------------------------------

_SECONDS: Final = re.compile(r"[0-9]{10}\.[0-9]{6}").fullmatch


class Trades(msgspec.Struct, array_like=True, forbid_unknown_fields=True, gc=False):
    """A trade message: price, volume, time, side, order type and more of each."""

    channel_id: int
    trades: list[tuple[str, str, str, str, str, str]]
    channel: Literal["trade"]
    pair: str


class Best(msgspec.Struct, gc=False):
    """A ticker's best offer and bid: price, volume in whole lots, volume."""

    a: tuple[str, Any, str]
    b: tuple[str, Any, str]


class Ticker(msgspec.Struct, array_like=True, forbid_unknown_fields=True, gc=False):
    """A ticker message."""

    channel_id: int
    best: Best
    channel: Literal["ticker"]
    pair: str


class Spread(msgspec.Struct, array_like=True, forbid_unknown_fields=True, gc=False):
    """A spread message: bid, ask, time, bid volume, ask volume."""

    channel_id: int
    spread: tuple[str, str, str, str, str]
    channel: Literal["spread"]
    pair: str


class Levels(msgspec.Struct, rename={"asks": "as", "bids": "bs"}, gc=False):
    """A payload of a book message: price, volume, time of each level, and "r" when it is sent again."""

    a: list[tuple[str, ...]] | msgspec.UnsetType = msgspec.UNSET
    b: list[tuple[str, ...]] | msgspec.UnsetType = msgspec.UNSET
    asks: list[tuple[str, ...]] | msgspec.UnsetType = msgspec.UNSET
    bids: list[tuple[str, ...]] | msgspec.UnsetType = msgspec.UNSET
    c: str | msgspec.UnsetType = msgspec.UNSET


class OneSide(msgspec.Struct, array_like=True, forbid_unknown_fields=True, gc=False):
    """A book message with one payload."""

    channel_id: int
    levels: Levels
    channel: str
    pair: str


class BothSides(msgspec.Struct, array_like=True, forbid_unknown_fields=True, gc=False):
    """A book message with two payloads."""

    channel_id: int
    levels: Levels
    more: Levels
    channel: str
    pair: str


_trades, _ticker, _spread, _one_side, _both_sides = map(shapes, (Trades, Ticker, Spread, OneSide, BothSides))
_LIST, _QUOTE = b'["'
_TO_FIRST: Final = len(b'{"a":[')


def _decode(raw: bytes) -> object:
    """Read a message by how its payload begins, which tells the channels apart before anything is read."""
    begin = raw.find(b",") + 1
    if raw[begin] == _LIST:
        return _trades(raw) if raw[begin + 1] == _LIST else _spread(raw)
    if raw[begin + _TO_FIRST] == _QUOTE:
        return _ticker(raw)
    try:
        return _one_side(raw)
    except msgspec.ValidationError:
        return _both_sides(raw)


def _take_trades(taken: Taken, row: int, one: Trades) -> None:
    taken.trades += [
        (row, "trade", one.pair, time, price, size, SIDES[side], 0, TRADE_WITHOUT_ID)
        for price, size, time, side, _, _ in one.trades
    ]


def _take_ticker(taken: Taken, row: int, one: Ticker) -> None:
    bid, _, bid_size = one.best.b
    ask, _, ask_size = one.best.a
    taken.quotes.append((row, "ticker", one.pair, None, bid, bid_size, ask, ask_size, 0))


def _take_spread(taken: Taken, row: int, one: Spread) -> None:
    bid, ask, time, bid_size, ask_size = one.spread
    taken.quotes.append((row, "spread", one.pair, time, bid, bid_size, ask, ask_size, 0))


def _take_both_sides(taken: Taken, row: int, one: BothSides) -> None:
    for name in Levels.__struct_fields__:
        value = getattr(one.more, name)
        if value is not msgspec.UNSET:
            setattr(one.levels, name, value)
    _take_book(taken, row, one)


def _take_book(taken: Taken, row: int, one: OneSide | BothSides) -> None:
    if not one.channel.startswith("book-"):
        raise ValueError(one.channel)
    told = one.levels
    bids, asks, kind, flags, crc = told.b or [], told.a or [], "book", BOOK_WITHOUT_IDS, 0
    if told.asks is not msgspec.UNSET and told.bids is not msgspec.UNSET:
        bids, asks, kind, flags = told.bids, told.asks, "snapshot", BOOK_WITHOUT_IDS | BOOK_SNAPSHOT
    elif told.asks is not msgspec.UNSET or told.bids is not msgspec.UNSET:
        raise ValueError(row)
    if told.c is not msgspec.UNSET:
        crc, flags = checksum(number(told.c)), flags | BOOK_CHECKSUM
    if len(bids) + len(asks) == 1:
        price, size, time = (bids or asks)[0][:3]
        taken.book.append((row, kind, one.pair, time, len(bids), (price,), (size,), flags, crc))
        return
    prices, sizes, times = zip(*[level[:3] for level in (*bids, *asks)], strict=True)
    taken.book.append((row, kind, one.pair, _latest(times), len(bids), prices, sizes, flags, crc))


def _latest(times: Sequence[str]) -> str:
    """Give the latest time; as texts of equal form, they compare as numbers do."""
    if not all(map(_SECONDS, times)):
        raise ValueError(times)
    return max(times)


PLAN: Final = Plan(
    (
        Shape(
            plan_kernel.TRADE,
            "trade",
            ("1.*",),
            ("0", "1"),
            symbol="/3",
            time=Time(plan_kernel.SECONDS, ("2",)),
            when={"/2": "trade"},
            side=("3", SIDES),
        ),
        Shape(
            plan_kernel.QUOTE,
            "ticker",
            ("1",),
            ("b.0", "b.2", "a.0", "a.2"),
            symbol="/3",
            when={"/2": "ticker"},
        ),
    ),
    facts=lambda batch_symbol: Facts(batch_symbol, today),
    lengths={"": 4},
)
"""Where trades and tickers have their values."""

SPREADS: Final = Plan(
    (
        Shape(
            plan_kernel.QUOTE,
            "spread",
            ("1",),
            ("0", "3", "1", "4"),
            symbol="/3",
            time=Time(plan_kernel.SECONDS, ("2",)),
            when={"/2": "spread"},
        ),
    ),
    facts=lambda batch_symbol: Facts(batch_symbol, today),
    lengths={"": 4, "1": 5},
)
"""Where spreads have their values: a list where tickers have an object, and trades a list of lists."""

DECODERS: Final[Mapping[str, Decoder]] = {
    "kraken.v1": Decoder(
        Venue(
            code=kraken_names.CODE,
            read_form=lambda _: None,
            read_row=read_row,
            level_marks=(),
            unknown=kraken_names.unknown,
            fast=Typed(
                decode=_decode,
                readers={
                    Trades: _take_trades,
                    Ticker: _take_ticker,
                    Spread: _take_spread,
                    OneSide: _take_book,
                    BothSides: _take_both_sides,
                },
                clock=seconds_column,
                name=today,
            ),
            plans=(PLAN, SPREADS),
        )
    ),
    "kraken.v2": kraken_current.DECODER,
    "kraken.futures": kraken_futures.DECODER,
}
"""Decoder by dialect."""
