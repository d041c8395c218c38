"""Say what FIX 4.4 rows mean: market data becomes quotes, books and trades; everything else is counted or refused.

A row is one message, with SOH or, as in documents and logs, `|` between its fields. A snapshot (W) of at most one bid
and one offer is a quote, any other is a book; an incremental refresh (X) changes levels and tells trades. FIX numbers
no book updates: its session loses none and keeps their order, so every book row says BOOK_WITHOUT_IDS.
A trade in a snapshot is the last one there was, not a new one: it only informs. A book of single orders, whose entries
are named by MDEntryID alone, cannot be read without remembering every order, and is refused.
Exchanges such as CME and B3 number the trades of an instrument from the start again every trading day, so TradeID gets
the day's date put before it, see `sessions`.
Source: FIX 4.4 with Errata 20030618, Volume 3, "Market Data"; tags 1003, 2446 and 5797 of later versions and venues.
"""

import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from types import MappingProxyType
from typing import Final, TypeAlias

from functions.domain.market import (
    BOOK_SNAPSHOT,
    BOOK_WITHOUT_IDS,
    SIDE_BUY,
    SIDE_SELL,
    SIDE_UNKNOWN,
    TRADE_CANCEL,
    TRADE_CORRECTION,
    TRADE_INFORMS_ONLY,
    InstrumentRef,
)
from functions.domain.money import plain
from functions.wire.fix.codec import BEGIN_FIX44, SOH, Garbled, Message, decode
from functions.wire.fix.messages import (
    ADMIN,
    BUSINESS_REJECT,
    CANCEL,
    CANCEL_REJECT,
    DATA_REJECT,
    DATA_REQUEST,
    EXECUTION_REPORT,
    INCREMENTAL,
    NEW_ORDER,
    ORDER_STATUS,
    REPLACE,
    REQUIRED_TAG_MISSING,
    SNAPSHOT,
    check,
    entries,
)
from functions.wire.fix.values import BadValue, date_ns, decimal, time_ns, timestamp
from functions.wire.venues.columns import Decode, Decoder, Venue
from functions.wire.venues.rows import (
    ID_DIGITS_MAX,
    BookRow,
    IgnoredRow,
    MarketRow,
    QuoteRow,
    Reading,
    TradeRow,
    bad,
    symbol,
)
from functions.wire.venues.sessions import WORLD_HOURS

CODE: Final = "FIX"
UNKNOWN_EXPONENT: Final = -8
"""Unit of prices and sizes without reference."""

_COUNTED: Final = ADMIN | {
    NEW_ORDER,
    CANCEL,
    REPLACE,
    ORDER_STATUS,
    EXECUTION_REPORT,
    CANCEL_REJECT,
    BUSINESS_REJECT,
    DATA_REQUEST,
    DATA_REJECT,
}
"""MsgTypes that are known and are no market data."""
_BID, _OFFER, _TRADE = "0", "1", "2"
_NEW, _CHANGE, _DELETE = "0", "1", "2"
_SIDES: Final = {"1": SIDE_BUY, "2": SIDE_SELL}
_TRADE_FLAGS: Final = {_NEW: 0, _CHANGE: TRADE_CORRECTION, _DELETE: TRADE_CANCEL}
_HALF_DAY_NS: Final = 43_200_000_000_000
_DAY_NS: Final = 2 * _HALF_DAY_NS
_EMPTY: Final = "0"
_PLAIN: Final = re.compile(r"[0-9]{1,18}(?:\.[0-9]{1,18})?").fullmatch

_Entry: TypeAlias = Mapping[int, str]
_Level: TypeAlias = tuple[str, str]


def instrument_id(venue_symbol: str) -> str:
    """Name an instrument that has no reference record; the other side's symbol stays as it is.

    >>> instrument_id("EUR/USD")
    'EUR/USD.FIX'
    """
    return f"{venue_symbol}.{CODE}"


def _unknown(venue_symbol: str) -> InstrumentRef:
    return InstrumentRef(instrument_id(venue_symbol), UNKNOWN_EXPONENT, UNKNOWN_EXPONENT)


def message_of(raw: bytes) -> Message:
    """Read a row as a message, whichever separator it has.

    Raises:
        BadText: It is garbled, or of another version.
    """
    found = decode(raw if SOH in raw else raw.replace(b"|", SOH))
    if isinstance(found, Garbled):
        raise bad(found.code, found.reason)
    if found.begin_string != BEGIN_FIX44:
        reason, detail = "wrong_version", f"BeginString is {found.begin_string[:16]!r}, not {BEGIN_FIX44}"
        raise bad(reason, detail)
    return found


def _read_row(raw: bytes, _: str) -> Reading:
    message = message_of(raw)
    reader = _READERS.get(message.msg_type)
    if reader is not None:
        flaw = check(message)
        if flaw is not None:
            raise bad("missing_field" if flaw.reason == REQUIRED_TAG_MISSING else "wrong_type", flaw.text)
        return reader(message) or IgnoredRow(message.msg_type)
    if message.msg_type in _COUNTED:
        return IgnoredRow(message.msg_type)
    reason, detail = "unknown_kind", f"no market data is read from MsgType {message.msg_type[:16]!r}"
    raise bad(reason, detail)


# --- snapshots --------------------------------------------------------------------------------------------------------


def _read_snapshot(message: Message) -> tuple[MarketRow, ...]:
    name = _symbol(message.text(55))
    found = _entries(message, 269)
    sides = {kind: [one for one in found if one[269] == kind] for kind in (_BID, _OFFER)}
    times = [_time(one, message) for one in found]
    ts_ns = max((time for time in times if time is not None), default=None)
    rows: list[MarketRow] = []
    if any(sides.values()) and max(map(len, sides.values())) == 1:
        rows.append(_quote(name, ts_ns, sides))
    elif any(sides.values()) or not found:
        bids, asks = (_summed(sides[kind]) for kind in (_BID, _OFFER))
        flags = BOOK_SNAPSHOT | BOOK_WITHOUT_IDS
        rows.append(BookRow(SNAPSHOT, name, ts_ns, 0, 0, 0, bids, asks, flags))
    trades = [one for one in found if one[269] == _TRADE]
    rows += [_trade(SNAPSHOT, name, one, message, TRADE_INFORMS_ONLY) for one in trades]
    return tuple(rows)


def _quote(name: str, ts_ns: int | None, sides: Mapping[str, Sequence[_Entry]]) -> QuoteRow:
    (bid, bid_size), (ask, ask_size) = (
        (_need(one[0], 270), one[0].get(271, _EMPTY)) if one else (_EMPTY, _EMPTY)
        for one in (sides[_BID], sides[_OFFER])
    )
    return QuoteRow(SNAPSHOT, name, ts_ns, _figure(bid), _figure(bid_size), _figure(ask), _figure(ask_size), 0)


def _summed(found: Iterable[_Entry]) -> tuple[_Level, ...]:
    """Give the levels of a side; several entries at one price are one level."""
    sizes: dict[Decimal, Decimal] = {}
    for one in found:
        price, size = _decimal(_need(one, 270)), _decimal(_need(one, 271))
        sizes[price] = sizes.get(price, Decimal(0)) + size
    return tuple((plain(price), plain(size)) for price, size in sizes.items())


# --- incremental refreshes --------------------------------------------------------------------------------------------


@dataclass(slots=True)
class _Changes:
    """Gather what one message says of one symbol."""

    bids: list[_Level] = field(default_factory=list)
    asks: list[_Level] = field(default_factory=list)
    trades: list[TradeRow] = field(default_factory=list)
    ts_ns: int | None = None


def _read_incremental(message: Message) -> tuple[MarketRow, ...]:
    changes: dict[str, _Changes] = {}
    name = ""
    for one in _entries(message, 279):
        name = _symbol(one[55]) if 55 in one else name  # noqa: PLR2004 - Symbol; left out, it is the one before
        if not name:
            reason, detail = "missing_field", "the first entry has no Symbol (55)"
            raise bad(reason, detail)
        _change(changes.setdefault(name, _Changes()), name, one, message)
    return tuple(row for name, one in changes.items() for row in _rows(name, one))


def _change(at: _Changes, name: str, one: _Entry, message: Message) -> None:
    action, kind = one[279], _need(one, 269)
    if action not in _TRADE_FLAGS:
        reason, detail = "wrong_type", f"MDUpdateAction (279) is {action[:16]!r}, expected 0, 1 or 2"
        raise bad(reason, detail)
    if kind == _TRADE:
        at.trades.append(_trade(INCREMENTAL, name, one, message, _TRADE_FLAGS[action]))
    elif kind in {_BID, _OFFER}:
        if 278 in one and not {290, 1023} & one.keys():  # noqa: PLR2004 - MDEntryID without a place in the book
            reason, detail = "unsupported_book", "entries are named by MDEntryID (278) alone: a book of single orders"
            raise bad(reason, detail)
        size = _EMPTY if action == _DELETE else _figure(_need(one, 271))
        (at.bids if kind == _BID else at.asks).append((_figure(_need(one, 270)), size))
        at.ts_ns = max(at.ts_ns or 0, _time(one, message) or 0) or None


def _rows(name: str, one: _Changes) -> list[MarketRow]:
    book: list[MarketRow] = []
    if one.bids or one.asks:
        bids, asks = tuple(one.bids), tuple(one.asks)
        book = [BookRow(INCREMENTAL, name, one.ts_ns, 0, 0, 0, bids, asks, BOOK_WITHOUT_IDS)]
    return [*one.trades, *book]


# --- what both have ---------------------------------------------------------------------------------------------------


def _trade(kind: str, name: str, one: _Entry, message: Message, flags: int) -> TradeRow:
    side = _SIDES.get(one.get(2446) or one.get(5797, ""), SIDE_UNKNOWN)
    number = one.get(1003, "")
    trade_id = int(number) if number.isascii() and number.isdigit() and len(number) <= ID_DIGITS_MAX else None
    if trade_id is None and flags & (TRADE_CANCEL | TRADE_CORRECTION):
        reason, detail = "missing_field", "a trade is taken back or corrected without its TradeID (1003)"
        raise bad(reason, detail)
    price, size = _figure(_need(one, 270)), _figure(_need(one, 271))
    return TradeRow(kind, name, _time(one, message), price, size, side, trade_id, flags)


def _entries(message: Message, first: int) -> list[_Entry]:
    """Give the entries of the market data group; a tag that comes twice in one counts as it came first."""
    found: list[_Entry] = [dict(reversed(entry)) for entry in entries(message, 268, first)]
    if len(found) != message.number(268):
        reason, detail = "wrong_count", f"NoMDEntries (268) is {message.text(268)[:16]}, there are {len(found)} entries"
        raise bad(reason, detail)
    return found


def _need(one: _Entry, tag: int) -> str:
    if tag not in one:
        reason, detail = "missing_field", f"an entry has no tag {tag}"
        raise bad(reason, detail)
    return one[tag]


def _symbol(text: str) -> str:
    return symbol({"Symbol (55)": text}, "Symbol (55)")


def _decimal(text: str) -> Decimal:
    try:
        return decimal(text)
    except BadValue as error:
        reason, detail = "wrong_type", str(error)
        raise bad(reason, detail) from None


def _figure(text: str) -> str:
    """Give a figure in the form that every venue's figures have; FIX also writes `.5` and `23.`."""
    return text if _PLAIN(text) else plain(_decimal(text))


def _time(one: _Entry, message: Message) -> int | None:
    """Give an entry's time: MDEntryDate and MDEntryTime, else TransactTime, else None.

    A time without a date is of the day that brings it nearest to SendingTime.
    """
    try:
        if 273 not in one:  # noqa: PLR2004 - MDEntryTime
            return timestamp(one[60]) if 60 in one else None  # noqa: PLR2004 - TransactTime
        clock = time_ns(one[273])
        if 272 in one:  # noqa: PLR2004 - MDEntryDate
            return date_ns(one[272]) + clock
        sent = timestamp(message.text(52))
    except BadValue as error:
        reason, detail = "wrong_type", str(error)
        raise bad(reason, detail) from None
    found = sent - sent % _DAY_NS + clock
    return found - _DAY_NS if found - sent > _HALF_DAY_NS else found + _DAY_NS if sent - found > _HALF_DAY_NS else found


_READERS: Final[Mapping[str, Callable[[Message], tuple[MarketRow, ...]]]] = MappingProxyType(
    {SNAPSHOT: _read_snapshot, INCREMENTAL: _read_incremental}
)
VENUE: Final = Venue(
    code=CODE,
    read_form=lambda _: None,
    read_row=_read_row,
    level_marks=(),
    unknown=_unknown,
    ids_sparse=True,
    ids_day_hours=WORLD_HOURS,
)
DIALECT: Final = "fix.44"
DECODERS: Final[Mapping[str, Decode]] = MappingProxyType({DIALECT: Decoder(VENUE)})
"""Decoder by dialect; `fix_scanning` gives the same ticks sooner where a process stays."""
