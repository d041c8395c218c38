"""Say what Polygon's (Massive's) US stock messages mean: WebSocket events and REST replies of the consolidated tapes.

A row is a WebSocket message (an array of events with `ev`) or a whole REST reply. Prints of `ev` T and of /v3/trades
are trades that feed bars; last trades and snapshots repeat a print, so they only inform. Times are the SIP's.

A REST reply does not say everything its URL said, so the batch's `symbol` names the ticker, and behind an `@` the
multiplier and timespan of aggregates: `AAPL`, `AAPL@1/day`. Pages may come newest first; a page is put in time order.
A trade's id is the session's date and the SIP's sequence number, which starts again every day, see `sessions`: the
venue's own ids are numbered by each exchange, and may hold letters. Quote sizes are in the unit that the venue writes.
Source: Polygon's WebSocket and REST documentation, and its client's recorded replies.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, Final

import msgspec
from msgspec import UNSET

from functions.domain.market import CANDLE_CLOSED, SIDE_UNKNOWN, TRADE_INFORMS_ONLY, TRADE_WITHOUT_ID, InstrumentRef
from functions.wire.venues import plan_kernel
from functions.wire.venues.clocks import NS_PER_DAY, NS_PER_HOUR, NS_PER_S
from functions.wire.venues.columns import Decoder
from functions.wire.venues.conditions import flags_by_correction, flags_by_number
from functions.wire.venues.payloads import (
    Content,
    a_list,
    an_object,
    decimal_or_zero,
    read_json,
    together,
    unknown_kind,
)
from functions.wire.venues.plans import Flags, Id, Plan, Shape, Time
from functions.wire.venues.rows import (
    NS_PER_MS,
    CandleRow,
    IgnoredRow,
    MarketRow,
    QuoteRow,
    Reading,
    TradeRow,
    bad,
    decimal,
    field,
    symbol,
    whole,
)
from functions.wire.venues.sessions import NEW_YORK_HOURS
from functions.wire.venues.times import milliseconds_column
from functions.wire.venues.typed import BestQuote, Print, Taken, Typed, WholeNumber, shapes
from functions.wire.venues.work import Venue

VENUE: Final = "US"
UNKNOWN_EXPONENT: Final = -6
"""Unit of prices and sizes without reference: the tapes' finest price, and the finest fraction of a share."""

_TIMESPANS: Final = {
    "second": NS_PER_S,
    "minute": 60 * NS_PER_S,
    "hour": NS_PER_HOUR,
    "day": NS_PER_DAY,
    "week": 7 * NS_PER_DAY,
}
_MULTIPLIER_DIGITS_MAX: Final = 5
_FLAGS_KEPT: Final = 4096
_IGNORED_EVENTS: Final = frozenset({"status", "LULD", "FMV", "NOI"})


@dataclass(frozen=True, slots=True)
class _TradeNames:
    """Name a trade's fields in one kind of message; `unit_ns` is what its time counts."""

    kind: str
    ticker: str
    time: str
    unit_ns: int
    price: str
    size: str
    sequence: str
    conditions: str
    correction: str
    flags: int = 0


@dataclass(frozen=True, slots=True)
class _QuoteNames:
    """Name a quote's fields in one kind of message."""

    kind: str
    ticker: str
    time: str
    unit_ns: int
    bid_price: str
    bid_size: str
    ask_price: str
    ask_size: str
    sequence: str


@dataclass(frozen=True, slots=True)
class _CandleNames:
    """Name what differs between candles of several messages: whose it is, and its start, milliseconds."""

    kind: str
    ticker: str
    start: str
    flags: int = 0


_EVENT_TRADE: Final = _TradeNames("trade", "sym", "t", NS_PER_MS, "p", "s", "q", "c", "e")
_PAGE_TRADE: Final = _TradeNames(
    "trade", "", "sip_timestamp", 1, "price", "size", "sequence_number", "conditions", "correction"
)
_LAST_TRADE: Final = _TradeNames("last_trade", "T", "t", 1, "p", "s", "q", "c", "e", TRADE_INFORMS_ONLY)
_SNAPSHOT_TRADE: Final = _TradeNames("snapshot", "", "t", 1, "p", "s", "q", "c", "e", TRADE_INFORMS_ONLY)

_EVENT_QUOTE: Final = _QuoteNames("quote", "sym", "t", NS_PER_MS, "bp", "bs", "ap", "as", "q")
_PAGE_QUOTE: Final = _QuoteNames(
    "quote", "", "sip_timestamp", 1, "bid_price", "bid_size", "ask_price", "ask_size", "sequence_number"
)
_LAST_QUOTE: Final = _QuoteNames("last_quote", "T", "t", 1, "p", "s", "P", "S", "q")
_SNAPSHOT_QUOTE: Final = _QuoteNames("snapshot", "", "t", 1, "p", "s", "P", "S", "q")

_EVENT_CANDLE: Final = _CandleNames("aggregate", "sym", "s", CANDLE_CLOSED)
_PAGE_CANDLE: Final = _CandleNames("aggregate", "T", "t")
_SNAPSHOT_CANDLE: Final = _CandleNames("snapshot", "", "t")


def _read_row(raw: bytes, batch_symbol: str) -> Reading:
    content = read_json(raw)
    if isinstance(content, list):
        return together([_read_event(an_object(event, "an event")) for event in content])
    reply = an_object(content, "the row")
    return _read_event(reply) if "ev" in reply else _read_reply(reply, batch_symbol)


def _read_event(event: Content) -> MarketRow | IgnoredRow:
    kind = field(event, "ev")
    if kind == "T":
        return _read_trade(event, _EVENT_TRADE, "")
    if kind == "Q":
        return _read_quote(event, _EVENT_QUOTE, "")
    if kind in ("AM", "A"):
        return _read_candle(event, _EVENT_CANDLE, "", (whole(event, "e") - whole(event, "s")) * NS_PER_MS)
    if isinstance(kind, str) and kind in _IGNORED_EVENTS:
        return IgnoredRow(kind)
    reason, detail = "unknown_kind", f"no event of kind {str(kind)[:64]!r} is known"
    raise bad(reason, detail)


def _read_reply(reply: Content, batch_symbol: str) -> Reading:
    ticker, _, span = batch_symbol.partition("@")
    if "results" in reply:
        return _read_results(reply, ticker, span)
    if isinstance(reply.get("ticker"), dict):
        return _read_snapshot(an_object(reply["ticker"], "field 'ticker'"))
    if isinstance(reply.get("tickers"), list):
        snapshots = a_list(reply["tickers"], "field 'tickers'")
        parts = [_read_snapshot(an_object(one, "a snapshot")) for one in snapshots]
        return together([row for part in parts for row in (part if isinstance(part, tuple) else (part,))])
    if "market" in reply and "exchanges" in reply:
        return IgnoredRow("marketstatus")
    if "status" in reply:  # an error, or a reply without results
        return IgnoredRow("control")
    return unknown_kind(reply)


def _read_results(reply: Content, ticker: str, span: str) -> Reading:
    results = reply["results"]
    if isinstance(results, dict):
        return _read_last(results)
    items = [an_object(item, "a result") for item in a_list(results, "field 'results'")]
    if not items:
        return IgnoredRow("empty")
    first = items[0]
    if "sip_timestamp" in first and "price" in first:
        trades = [_read_trade(item, _PAGE_TRADE, ticker) for item in items]
        trades.sort(key=_when)
        return together(trades)
    if "sip_timestamp" in first:
        quotes = [_read_quote(item, _PAGE_QUOTE, ticker) for item in items]
        quotes.sort(key=_when)
        return together(quotes)
    if {"o", "h", "l", "c", "t"} <= first.keys():
        whose = symbol(reply, "ticker") if "ticker" in reply else ticker
        interval_ns = _interval_ns(span)
        return together([_read_candle(item, _PAGE_CANDLE, whose, interval_ns) for item in items])
    return IgnoredRow(_reference_kind(first))


def _read_last(result: Content) -> MarketRow:
    if "P" in result or "S" in result:
        return _read_quote(result, _LAST_QUOTE, "")
    return _read_trade(result, _LAST_TRADE, "")


def _reference_kind(item: Content) -> str:
    """Name a page of facts that are no market data."""
    if item.get("type") == "exchange":
        return "exchanges"
    if "sip_mapping" in item or item.get("type") == "sale_condition":
        return "conditions"
    if "published_utc" in item:
        return "news"
    return unknown_kind(item)


def _read_snapshot(snapshot: Content) -> Reading:
    """Read the last trade, the last quote and the minute under way; the day's figures have no time."""
    ticker = symbol(snapshot, "ticker")
    rows: list[MarketRow] = []
    if snapshot.get("lastTrade"):
        rows.append(_read_trade(an_object(snapshot["lastTrade"], "the last trade"), _SNAPSHOT_TRADE, ticker))
    if snapshot.get("lastQuote"):
        rows.append(_read_quote(an_object(snapshot["lastQuote"], "the last quote"), _SNAPSHOT_QUOTE, ticker))
    if snapshot.get("min"):
        minute = an_object(snapshot["min"], "the minute")
        rows.append(_read_candle(minute, _SNAPSHOT_CANDLE, ticker, _TIMESPANS["minute"]))
    return together(rows)


def _read_trade(content: Content, names: _TradeNames, ticker: str) -> TradeRow:
    return TradeRow(
        kind=names.kind,
        symbol=_ticker(content, names.ticker, ticker),
        ts_ns=whole(content, names.time) * names.unit_ns,
        price=decimal(content, names.price),
        size=decimal(content, "ds" if "ds" in content else names.size),  # ds tells fractions of a share too
        side=SIDE_UNKNOWN,
        trade_id=whole(content, names.sequence) if names.sequence in content else None,
        flags=names.flags | _conditions(content, names.conditions) | _correction(content, names.correction),
    )


def _conditions(content: Content, name: str) -> int:
    if content.get(name) is None:
        return 0
    numbers = a_list(content[name], f"field {name!r}")
    if not all(type(number) is int for number in numbers):
        reason, detail = "wrong_type", f"field {name!r} holds something else than condition numbers"
        raise bad(reason, detail)
    return flags_by_number(number for number in numbers if isinstance(number, int))


def _correction(content: Content, name: str) -> int:
    return flags_by_correction(whole(content, name)) if content.get(name) is not None else 0


def _read_quote(content: Content, names: _QuoteNames, ticker: str) -> QuoteRow:
    return QuoteRow(
        kind=names.kind,
        symbol=_ticker(content, names.ticker, ticker),
        ts_ns=whole(content, names.time) * names.unit_ns,
        bid_price=decimal_or_zero(content, names.bid_price),
        bid_size=decimal_or_zero(content, names.bid_size),
        ask_price=decimal_or_zero(content, names.ask_price),
        ask_size=decimal_or_zero(content, names.ask_size),
        update_id=whole(content, names.sequence) if names.sequence in content else 0,
    )


def _read_candle(content: Content, names: _CandleNames, ticker: str, interval_ns: int) -> CandleRow:
    if interval_ns <= 0:
        reason, detail = "out_of_range", f"the aggregate lasts {interval_ns} ns; one that lasts is expected"
        raise bad(reason, detail)
    return CandleRow(
        kind=names.kind,
        symbol=_ticker(content, names.ticker, ticker),
        ts_ns=whole(content, names.start) * NS_PER_MS,
        interval_ns=interval_ns,
        open=decimal(content, "o"),
        high=decimal(content, "h"),
        low=decimal(content, "l"),
        close=decimal(content, "c"),
        volume=decimal(content, "v"),
        trades=whole(content, "n") if "n" in content else None,
        flags=names.flags,
    )


def _interval_ns(span: str) -> int:
    multiplier, _, timespan = span.lower().partition("/")
    plain = multiplier.isascii() and multiplier.isdigit() and len(multiplier) <= _MULTIPLIER_DIGITS_MAX
    if not plain or timespan not in _TIMESPANS:
        reason = "missing_field"
        detail = "aggregates do not tell their interval; the batch's symbol must, as in `AAPL@1/day`, up to a week"
        raise bad(reason, detail)
    return int(multiplier) * _TIMESPANS[timespan]


def _ticker(content: Content, name: str, ticker: str) -> str:
    if name and name in content:
        return symbol(content, name)
    return symbol({"symbol": ticker}, "symbol") if ticker else _no_ticker()


def _no_ticker() -> str:
    reason, detail = "missing_field", "the row names no ticker, and neither does its batch"
    raise bad(reason, detail)


def _when(row: TradeRow | QuoteRow) -> tuple[int, int]:
    order = row.update_id if isinstance(row, QuoteRow) else row.trade_id
    return row.ts_ns or 0, order or 0


# --- the fast path ----------------------------------------------------------------------------------------------------


class Trade(msgspec.Struct, tag_field="ev", tag="T", gc=False):
    """A trade event."""

    sym: str
    p: Any
    t: WholeNumber
    s: Any = None
    ds: Any = UNSET
    q: WholeNumber | msgspec.UnsetType = UNSET
    c: tuple[int, ...] | None = None
    e: WholeNumber | None = None


class Quote(msgspec.Struct, tag_field="ev", tag="Q", gc=False):
    """A quote event."""

    sym: str
    t: WholeNumber
    bp: Any = "0"
    bs: Any = "0"
    ap: Any = "0"
    # `as` is a word of Python's.
    ask_size: Any = msgspec.field(default="0", name="as")
    q: WholeNumber = 0


def _take(taken: Taken, row: int, events: list[Trade | Quote]) -> None:
    trades: list[Print] = []
    quotes: list[BestQuote] = []
    for event in events:
        if isinstance(event, Trade):
            trades.append(_taken_trade(row, event))
        else:
            quotes.append(_taken_quote(row, event))
    taken.trades += trades
    taken.quotes += quotes


def _taken_trade(row: int, event: Trade) -> Print:
    size = event.s if event.ds is UNSET else event.ds
    flags = _flags(event.c, event.e) if event.c or event.e else 0
    trade_id, without = (0, TRADE_WITHOUT_ID) if event.q is UNSET else (event.q, 0)
    return (row, "trade", event.sym, event.t, event.p, size, SIDE_UNKNOWN, trade_id, flags | without)


@lru_cache(maxsize=_FLAGS_KEPT)
def _flags(conditions: tuple[int, ...] | None, correction: int | None) -> int:
    return flags_by_number(conditions or ()) | (flags_by_correction(correction) if correction else 0)


def _taken_quote(row: int, event: Quote) -> BestQuote:
    return (row, "quote", event.sym, event.t, event.bp, event.bs, event.ap, event.ask_size, event.q)


def _unknown(ticker: str) -> InstrumentRef:
    return InstrumentRef(f"{ticker}.{VENUE}", UNKNOWN_EXPONENT, UNKNOWN_EXPONENT)


_TIME: Final = Time(plan_kernel.MILLISECONDS, ("t",))
PLAN: Final = Plan(
    (
        Shape(
            plan_kernel.TRADE,
            "trade",
            ("", "*"),
            ("p", "s"),
            symbol="sym",
            time=_TIME,
            when={"ev": "T"},
            id=Id(plan_kernel.WHOLE_ID, "q", optional=True),
            more=Flags(
                plan_kernel.NUMBERS, "c", tuple(flags_by_number([number]) for number in range(plan_kernel.TABLE_SIZE))
            ),
        ),
        Shape(
            plan_kernel.QUOTE,
            "quote",
            ("", "*"),
            ("?bp", "?bs", "?ap", "?as"),
            symbol="sym",
            time=_TIME,
            when={"ev": "Q"},
            id=Id(plan_kernel.WHOLE_ID, "q", optional=True),
        ),
    ),
    refused=("ds", "e"),  # fractions of a share and corrections are rare
)
"""Where trades and quotes have their values."""

DECODERS: Final[Mapping[str, Decoder]] = {
    "polygon.stocks": Decoder(
        Venue(
            code=VENUE,
            read_form=lambda _: None,
            read_row=_read_row,
            level_marks=(),
            unknown=_unknown,
            ids_sparse=True,
            ids_day_hours=NEW_YORK_HOURS,
            fast=Typed(decode=shapes(list[Trade | Quote]), readers={list: _take}, clock=milliseconds_column),
            plans=(PLAN,),
        )
    )
}
"""Decoder by dialect."""
