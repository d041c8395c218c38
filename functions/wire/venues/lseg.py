"""Say what LSEG's (Reuters') Real-Time WebSocket JSON means: MarketPrice refreshes and updates.

A row is a message or, as the venue sends them, an array of messages. Decoding has no memory, and an update tells only
the fields that changed: one with a trade price and a volume is a trade; one with BID and ASK is a quote; one with a
single side is counted as `partial_quote` and not used, since the other side is not in it, and likewise `partial_trade`
without a volume. A field that is null is blank: an empty side. The trade in a refresh happened before, so it only
informs. Other domains are counted by kind: news (`mrn`) is read elsewhere from the same rows; logins, acknowledgements,
states, pings and our own requests carry no prices.
Source: LSEG's WebSocket API documentation (RDM MarketPrice), and recorded messages.
"""

from collections.abc import Mapping
from functools import lru_cache
from typing import Any, Final, Literal

import msgspec
from msgspec import UNSET

from functions.domain.market import SIDE_UNKNOWN, TRADE_INFORMS_ONLY, TRADE_WITHOUT_ID, InstrumentRef
from functions.wire.venues import plan_kernel
from functions.wire.venues.clocks import NS_PER_DAY, calendar_date, wall_ns
from functions.wire.venues.columns import Decoder
from functions.wire.venues.payloads import (
    Content,
    an_object,
    decimal_or_zero,
    read_json,
    together,
    unknown_kind,
)
from functions.wire.venues.plans import Id, Plan, Shape, Time
from functions.wire.venues.rows import (
    NS_PER_MS,
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
from functions.wire.venues.times import milliseconds_column
from functions.wire.venues.typed import BestQuote, Print, Taken, Typed, WholeNumber, shapes
from functions.wire.venues.work import Venue

VENUE: Final = "LSEG"
UNKNOWN_EXPONENT: Final = -8
"""Unit of prices and sizes without reference: fine enough for any asset class."""
_MARKET_PRICE: Final = "MarketPrice"
_DATES_KEPT: Final = 64
_DOMAINS: Final = {"NewsTextAnalytics": "mrn", "Login": "login"}
_TYPES: Final = {
    "Ack": "ack",
    "Close": "request",
    "Error": "error",
    "Ping": "ping",
    "Pong": "ping",
    "Post": "post",
    "Request": "request",
    "Status": "status",
}
_TRADE_TIME: Final = (("TRADE_DATE", "SALTIM_MS"), ("ACTIV_DATE", "SALTIM_MS"), ("ACTIV_DATE", "TIMACT_MS"))
_QUOTE_TIME: Final = (("QUOTE_DATE", "QUOTIM_MS"), ("ACTIV_DATE", "QUOTIM_MS"), ("ACTIV_DATE", "TIMACT_MS"))
"""Fields of a date and of milliseconds since midnight GMT, the best first."""


def _read_row(raw: bytes, _: str) -> Reading:
    content = read_json(raw)
    messages = content if isinstance(content, list) else [content]
    return together([row for message in messages for row in _read_message(an_object(message, "a message"))])


def _read_message(message: Content) -> tuple[MarketRow | IgnoredRow, ...]:
    kind = message.get("Type", "Request")  # the venue's clients leave the type of a request out
    domain = message.get("Domain", _MARKET_PRICE)
    if isinstance(kind, str) and kind in _TYPES and (kind != "Request" or "Key" in message):
        return (IgnoredRow(_DOMAINS.get(domain, _TYPES[kind]) if isinstance(domain, str) else _TYPES[kind]),)
    if kind not in ("Refresh", "Update"):
        unknown_kind(message)
    if domain == _MARKET_PRICE:
        return _read_market_price(message, refreshes=kind == "Refresh")
    if isinstance(domain, str):
        return (IgnoredRow(_DOMAINS.get(domain, "other_domain")),)
    reason, detail = "wrong_type", f"field 'Domain' is {type(domain).__name__} where a domain's name belongs"
    raise bad(reason, detail)


def _read_market_price(message: Content, *, refreshes: bool) -> tuple[MarketRow | IgnoredRow, ...]:
    ric = symbol(an_object(field(message, "Key"), "field 'Key'"), "Name")
    fields = an_object(field(message, "Fields"), "field 'Fields'")
    rows: list[MarketRow | IgnoredRow] = []
    if fields.get("TRDPRC_1") is not None:
        rows.append(_read_trade(ric, fields, refreshes=refreshes))
    if "BID" in fields or "ASK" in fields:
        rows.append(_read_quote(ric, fields, message, refreshes=refreshes))
    return tuple(rows) or (IgnoredRow("other_fields"),)


def _read_trade(ric: str, fields: Content, *, refreshes: bool) -> TradeRow | IgnoredRow:
    if fields.get("TRDVOL_1") is None:
        return IgnoredRow("partial_trade")
    return TradeRow(
        kind="refresh" if refreshes else "trade",
        symbol=ric,
        ts_ns=_time_ns(fields, _TRADE_TIME),
        price=decimal(fields, "TRDPRC_1"),
        size=decimal(fields, "TRDVOL_1"),
        side=SIDE_UNKNOWN,
        trade_id=None,
        flags=TRADE_INFORMS_ONLY if refreshes else 0,
    )


def _read_quote(ric: str, fields: Content, message: Content, *, refreshes: bool) -> QuoteRow | IgnoredRow:
    if not ("BID" in fields and "ASK" in fields):
        return IgnoredRow("partial_quote")
    return QuoteRow(
        kind="refresh" if refreshes else "quote",
        symbol=ric,
        ts_ns=_time_ns(fields, _QUOTE_TIME),
        bid_price=decimal_or_zero(fields, "BID"),
        bid_size=decimal_or_zero(fields, "BIDSIZE"),
        ask_price=decimal_or_zero(fields, "ASK"),
        ask_size=decimal_or_zero(fields, "ASKSIZE"),
        update_id=whole(message, "SeqNumber") if "SeqNumber" in message else 0,
    )


def _time_ns(fields: Content, known: tuple[tuple[str, str], ...]) -> int | None:
    """Give the time of the first pair of fields that is told in full; None when none is."""
    for date_name, time_name in known:
        date, time = fields.get(date_name), fields.get(time_name)
        if isinstance(date, str) and time is not None:
            within_ns = whole(fields, time_name) * NS_PER_MS
            if within_ns >= NS_PER_DAY:
                reason, detail = "out_of_range", f"field {time_name!r} is {time} ms, more than a day has"
                raise bad(reason, detail)
            return wall_ns(calendar_date(date), within_ns, "UTC")
    return None


# --- the fast path ----------------------------------------------------------------------------------------------------


class Key(msgspec.Struct, gc=False):
    """Whose message it is."""

    name: str = msgspec.field(name="Name")


class Fields(msgspec.Struct, rename="upper", gc=False):
    """Fields of an update that are used."""

    trdprc_1: Any = UNSET
    trdvol_1: Any = UNSET
    bid: Any = UNSET
    ask: Any = UNSET
    bidsize: Any = "0"
    asksize: Any = "0"
    activ_date: Any = None
    trade_date: Any = None
    quote_date: Any = None
    timact_ms: Any = None
    saltim_ms: Any = None
    quotim_ms: Any = None


class Update(msgspec.Struct, gc=False):
    """An update of MarketPrice."""

    kind: Literal["Update"] = msgspec.field(name="Type")
    key: Key = msgspec.field(name="Key")
    fields: Fields = msgspec.field(name="Fields")
    domain: Literal["MarketPrice"] = msgspec.field(name="Domain", default="MarketPrice")
    sequence: WholeNumber = msgspec.field(name="SeqNumber", default=0)


_MS_A_DAY: Final = NS_PER_DAY // NS_PER_MS


def _take(taken: Taken, row: int, messages: list[Update]) -> None:
    trades: list[Print] = []
    quotes: list[BestQuote] = []
    for one in messages:
        told = one.fields
        deals = told.trdprc_1 is not UNSET and told.trdprc_1 is not None
        touches = told.bid is not UNSET or told.ask is not UNSET
        if deals:
            trades.append(_taken_trade(row, one.key.name, told))
        if touches:
            quotes.append(_taken_quote(row, one.key.name, told, one.sequence))
        if not (deals or touches):
            return
    taken.trades += trades
    taken.quotes += quotes


def _taken_trade(row: int, ric: str, told: Fields) -> Print:
    time = _time_ms(told.trade_date, told.saltim_ms, told.activ_date, told.timact_ms)
    return (row, "trade", ric, time, told.trdprc_1, told.trdvol_1, SIDE_UNKNOWN, 0, TRADE_WITHOUT_ID)


def _taken_quote(row: int, ric: str, told: Fields, sequence: int) -> BestQuote:
    time = _time_ms(told.quote_date, told.quotim_ms, told.activ_date, told.timact_ms)
    bid, ask = "0" if told.bid is None else told.bid, "0" if told.ask is None else told.ask
    return (row, "quote", ric, time, bid, told.bidsize, ask, told.asksize, sequence)


def _time_ms(own_date: object, own_ms: object, date: object, ms: object) -> int | None:
    """Give a time, milliseconds since 1970; see `_time_ns`.

    Raises:
        ValueError: The time is none of a day's.
    """
    day = own_date if isinstance(own_date, str) and own_ms is not None else date
    since = ms if own_ms is None else own_ms
    if not isinstance(day, str) or since is None:
        return None
    if type(since) is int and 0 <= since < _MS_A_DAY:  # True is no time, though it is an int
        return _midnight_ms(day) + since
    raise ValueError(since)


@lru_cache(maxsize=_DATES_KEPT)
def _midnight_ms(day: str) -> int:
    return wall_ns(calendar_date(day), 0, "UTC") // NS_PER_MS


def _unknown(ric: str) -> InstrumentRef:
    return InstrumentRef(f"{ric}.{VENUE}", UNKNOWN_EXPONENT, UNKNOWN_EXPONENT)


_UPDATE: Final = {"Type": "Update", "?Domain": _MARKET_PRICE}


def _time(date: str, ms: str) -> Time:
    """Say where a kind's own time stands; the message's stands in for what is missing."""
    paths = (date, ms, "ACTIV_DATE", "TIMACT_MS")
    return Time(plan_kernel.DATE_MILLISECONDS, tuple(f"Fields.{name}" for name in paths))


PLAN: Final = Plan(
    (
        Shape(
            plan_kernel.TRADE,
            "trade",
            ("", "*"),
            ("Fields.TRDPRC_1", "Fields.TRDVOL_1"),
            symbol="Key.Name",
            time=_time("TRADE_DATE", "SALTIM_MS"),
            when=_UPDATE,
            any_of=("Fields.TRDPRC_1",),
        ),
        Shape(
            plan_kernel.QUOTE,
            "quote",
            ("", "*"),
            ("Fields.BID", "?Fields.BIDSIZE", "Fields.ASK", "?Fields.ASKSIZE"),
            symbol="Key.Name",
            time=_time("QUOTE_DATE", "QUOTIM_MS"),
            when=_UPDATE,
            any_of=("Fields.BID", "Fields.ASK"),
            id=Id(plan_kernel.WHOLE_ID, "SeqNumber", optional=True),
        ),
    )
)
"""Where trades and quotes have their values."""

DECODERS: Final[Mapping[str, Decoder]] = {
    "lseg.json": Decoder(
        Venue(
            code=VENUE,
            read_form=lambda _: None,
            read_row=_read_row,
            level_marks=(),
            unknown=_unknown,
            fast=Typed(decode=shapes(list[Update]), readers={list: _take}, clock=milliseconds_column),
            plans=(PLAN,),
        )
    )
}
"""Decoder by dialect."""
