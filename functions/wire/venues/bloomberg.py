"""Say what Bloomberg-style market data mean: one JSON object for each `//blp/mktdata` event.

Documented, not captured: Bloomberg publishes no messages under a licence that would let them be shown here, so this is
a fixture dialect after the field names of its API guide. A row:

    {"security":"IBM US Equity","MKTDATA_EVENT_TYPE":"TRADE","MKTDATA_EVENT_SUBTYPE":"NEW",
     "LAST_PRICE":182.05,"SIZE_LAST_TRADE":100,"TRADE_UPDATE_STAMP_RT":"2013-10-07T13:30:00.123Z"}

| type | subtype | what it is |
| --- | --- | --- |
| TRADE | NEW | a trade: LAST_PRICE, SIZE_LAST_TRADE, TRADE_UPDATE_STAMP_RT, optional EVT_TRADE_IDENTIFIER_RT |
| TRADE | CANCEL, CORRECTION | the same fields; voids or replaces the trade of that id |
| QUOTE | PAIRED | both sides: BID, ASK, BID_SIZE, ASK_SIZE, BID_UPDATE_STAMP_RT and ASK_UPDATE_STAMP_RT |
| QUOTE | BID, ASK, MID | one side, whose other is not told: counted as `partial_quote` |
| SUMMARY | INITPAINT, ... | the day's figures: counted as `summary` |

Times are ISO 8601 in UTC. A security's blanks become dashes: `IBM-US-Equity.BLOOMBERG`.
"""

from collections.abc import Mapping
from typing import Any, Final, Literal

import msgspec

from functions.domain.market import (
    SIDE_UNKNOWN,
    TRADE_CANCEL,
    TRADE_CORRECTION,
    TRADE_INFORMS_ONLY,
    TRADE_WITHOUT_ID,
    InstrumentRef,
)
from functions.wire.venues import plan_kernel
from functions.wire.venues.columns import Decoder
from functions.wire.venues.digits import INT64_MAX
from functions.wire.venues.payloads import Content, an_object, decimal_or_zero, read_json
from functions.wire.venues.plans import Facts, Id, Plan, Shape, Time
from functions.wire.venues.rows import IgnoredRow, QuoteRow, Reading, TradeRow, bad, decimal, field, symbol
from functions.wire.venues.times import iso_column, iso_ns
from functions.wire.venues.typed import Taken, Typed, shapes
from functions.wire.venues.work import Venue

VENUE: Final = "BLOOMBERG"
UNKNOWN_EXPONENT: Final = -8
"""Unit of prices and sizes without reference: fine enough for any asset class."""
_TRADES: Final = {"NEW": 0, "CANCEL": TRADE_CANCEL | TRADE_INFORMS_ONLY, "CORRECTION": TRADE_CORRECTION}
_ONE_SIDE: Final = frozenset({"BID", "ASK", "MID"})
_ID_DIGITS_MAX: Final = 19


def _read_row(raw: bytes, _: str) -> Reading:
    event = an_object(read_json(raw), "the row")
    kind, subtype = field(event, "MKTDATA_EVENT_TYPE"), event.get("MKTDATA_EVENT_SUBTYPE")
    if kind == "TRADE" and isinstance(subtype, str) and subtype in _TRADES:
        return _read_trade(event, _TRADES[subtype])
    if kind == "QUOTE" and subtype == "PAIRED":
        return _read_quote(event)
    if kind == "QUOTE" and isinstance(subtype, str) and subtype in _ONE_SIDE:
        return IgnoredRow("partial_quote")
    if kind == "SUMMARY":
        return IgnoredRow("summary")
    reason = "unknown_kind"
    raise bad(reason, f"no event of type {str(kind)[:32]!r} and subtype {str(subtype)[:32]!r} is known")


def _read_trade(event: Content, flags: int) -> TradeRow:
    return TradeRow(
        kind="trade",
        symbol=_security(event),
        ts_ns=_time_ns(event, "TRADE_UPDATE_STAMP_RT"),
        price=decimal(event, "LAST_PRICE"),
        size=decimal(event, "SIZE_LAST_TRADE"),
        side=SIDE_UNKNOWN,
        trade_id=_trade_id(event.get("EVT_TRADE_IDENTIFIER_RT")),
        flags=flags,
    )


def _trade_id(told: object) -> int | None:
    """Give an id that is a number; exchanges that use letters number nothing for us."""
    text = "" if told is None else str(told)
    if text.isascii() and text.isdigit() and len(text) <= _ID_DIGITS_MAX and int(text) <= INT64_MAX:
        return int(text)
    return None


def _read_quote(event: Content) -> QuoteRow:
    times = [_time_ns(event, name) for name in ("BID_UPDATE_STAMP_RT", "ASK_UPDATE_STAMP_RT") if name in event]
    return QuoteRow(
        kind="quote",
        symbol=_security(event),
        ts_ns=max(times, default=None),
        bid_price=decimal_or_zero(event, "BID"),
        bid_size=decimal_or_zero(event, "BID_SIZE"),
        ask_price=decimal_or_zero(event, "ASK"),
        ask_size=decimal_or_zero(event, "ASK_SIZE"),
        update_id=0,
    )


def _security(event: Content) -> str:
    security = field(event, "security")
    return symbol({"security": _dashed(security) if isinstance(security, str) else security}, "security")


def _time_ns(event: Content, name: str) -> int:
    value = field(event, name)
    if not isinstance(value, str):
        reason, detail = "wrong_type", f"field {name!r} is {type(value).__name__} where a time belongs"
        raise bad(reason, detail)
    return iso_ns(value)


# --- the fast path ----------------------------------------------------------------------------------------------------


class Trade(msgspec.Struct, tag_field="MKTDATA_EVENT_TYPE", tag="TRADE", rename="upper", gc=False):
    """A trade, or what voids or replaces one."""

    mktdata_event_subtype: str
    last_price: Any
    size_last_trade: Any
    trade_update_stamp_rt: str
    security: str = msgspec.field(name="security")
    evt_trade_identifier_rt: Any = None


class Quote(msgspec.Struct, tag_field="MKTDATA_EVENT_TYPE", tag="QUOTE", rename="upper", gc=False):
    """Both sides of a quote, with the time of each."""

    mktdata_event_subtype: Literal["PAIRED"]
    bid_update_stamp_rt: str
    ask_update_stamp_rt: str
    security: str = msgspec.field(name="security")
    bid: Any = "0"
    ask: Any = "0"
    bid_size: Any = "0"
    ask_size: Any = "0"


def _take_trade(taken: Taken, row: int, event: Trade) -> None:
    trade_id = _trade_id(event.evt_trade_identifier_rt)
    flags = _TRADES[event.mktdata_event_subtype] | (TRADE_WITHOUT_ID if trade_id is None else 0)
    figures = event.trade_update_stamp_rt, event.last_price, event.size_last_trade
    taken.trades.append((row, "trade", event.security, *figures, SIDE_UNKNOWN, trade_id or 0, flags))


def _take_quote(taken: Taken, row: int, event: Quote) -> None:
    bid_time, ask_time = event.bid_update_stamp_rt, event.ask_update_stamp_rt
    time = bid_time if bid_time == ask_time or iso_ns(bid_time) > iso_ns(ask_time) else ask_time
    security, bid, ask = event.security, event.bid, event.ask
    taken.quotes.append((row, "quote", security, time, bid, event.bid_size, ask, event.ask_size, 0))


def _dashed(security: str) -> str:
    return security.replace(" ", "-")


def _unknown(security: str) -> InstrumentRef:
    return InstrumentRef(f"{security}.{VENUE}", UNKNOWN_EXPONENT, UNKNOWN_EXPONENT)


PLAN: Final = Plan(
    (
        *(
            Shape(
                plan_kernel.TRADE,
                "trade",
                ("",),
                ("LAST_PRICE", "SIZE_LAST_TRADE"),
                symbol="security",
                time=Time(plan_kernel.ISO, ("TRADE_UPDATE_STAMP_RT",)),
                when={"MKTDATA_EVENT_TYPE": "TRADE", "MKTDATA_EVENT_SUBTYPE": subtype},
                id=Id(plan_kernel.ANY_ID, "EVT_TRADE_IDENTIFIER_RT", optional=True),
                flags=flags,
            )
            for subtype, flags in _TRADES.items()
        ),
        Shape(
            plan_kernel.QUOTE,
            "quote",
            ("",),
            ("?BID", "?BID_SIZE", "?ASK", "?ASK_SIZE"),
            symbol="security",
            time=Time(plan_kernel.LATER_ISO, ("BID_UPDATE_STAMP_RT", "ASK_UPDATE_STAMP_RT")),
            when={"MKTDATA_EVENT_TYPE": "QUOTE", "MKTDATA_EVENT_SUBTYPE": "PAIRED"},
        ),
    ),
    facts=lambda batch_symbol: Facts(batch_symbol, _dashed),
)
"""Where trades and quotes have their values."""

DECODERS: Final[Mapping[str, Decoder]] = {
    "bloomberg.json": Decoder(
        Venue(
            code=VENUE,
            read_form=lambda _: None,
            read_row=_read_row,
            level_marks=(),
            unknown=_unknown,
            ids_sparse=True,
            fast=Typed(
                decode=shapes(Trade | Quote),
                readers={Trade: _take_trade, Quote: _take_quote},
                clock=iso_column,
                name=_dashed,
            ),
            plans=(PLAN,),
        )
    )
}
"""Decoder by dialect."""
