"""Say what the rows of TEMPLATE mean.

Copy this file to `<name>.py` beside it, or let `tickloom venue new <name>` do so; nothing else has to change, for the
first part of a dialect names its module. Then change three things, from the venue's documentation:

1. `read_row` says what one message means. It is the authority: exact, and with a reason for each refusal. A message may
   say one row, or several that stand or fall together; kinds that nothing here uses are `IgnoredRow`s, and whatever is
   not known is refused. Prices and sizes stay the texts they are: no number passes through a float.
2. The shapes and their readers say the same for plain rows, several times faster. A venue of a few messages a second
   needs none: leave out `fast`, and `read_row` reads every row.
3. `EXAMPLES` hold one row of each kind, which the venue's test decodes both ways.

What to find out: is `side` the maker's or the aggressor's? What is venue time, in which unit? Are trades numbered, and
is a trade repeated after a reconnection? Is a size in units or in contracts, a book level's size the new one or the
change? Does a book message have ids or a checksum? Write the answers here, with their source.
Source: the documentation of the venue, its address.
"""

from collections.abc import Mapping
from typing import Final

import msgspec

from functions.domain.market import BOOK_SNAPSHOT, BOOK_WITHOUT_IDS, SIDE_BUY, SIDE_SELL, InstrumentRef
from functions.wire.venues.columns import Decoder, Venue
from functions.wire.venues.payloads import Content, an_object, read_json, unknown_kind
from functions.wire.venues.rows import (
    BookRow,
    IgnoredRow,
    QuoteRow,
    Reading,
    TradeRow,
    choice,
    decimal,
    levels,
    symbol,
    text,
    whole,
)
from functions.wire.venues.times import iso_column, iso_ns
from functions.wire.venues.typed import Taken, Typed, WholeNumber, shapes

CODE: Final = "TEMPLATE"
"""Venue code, the last part of an instrument id."""
UNKNOWN_EXPONENT: Final = -8
"""Unit of prices and sizes of an instrument without reference: the venue's finest step."""

_SIDES: Final = {"buy": SIDE_BUY, "sell": SIDE_SELL}
"""Aggressor by the word for it."""
_IGNORED: Final = frozenset({"heartbeat", "subscribed"})
"""Kinds that the venue sends and nothing here uses."""

EXAMPLES: Final[Mapping[str, bytes]] = {
    "trade": b'{"type":"trade","symbol":"AAA-BBB","time":"2024-05-06T07:08:09.123456Z","price":"12.50","size":"0.25",'
    b'"side":"buy","id":7}',
    "quote": b'{"type":"quote","symbol":"AAA-BBB","time":"2024-05-06T07:08:09.223456Z","bid":"12.49","bid_size":"3",'
    b'"ask":"12.51","ask_size":"4"}',
    "book": b'{"type":"book","symbol":"AAA-BBB","time":"2024-05-06T07:08:09.323456Z","bids":[["12.49","3"]],'
    b'"asks":[["12.51","4"],["12.52","0"]]}',
    "snapshot": b'{"type":"snapshot","symbol":"AAA-BBB","time":"2024-05-06T07:08:10Z","bids":[["12.49","3"]],'
    b'"asks":[]}',
    "heartbeat": b'{"type":"heartbeat"}',
}
"""A row of each kind."""


def unknown(venue_symbol: str) -> InstrumentRef:
    """Name an instrument that has no reference record.

    >>> unknown("AAA-BBB").instrument_id
    'AAA-BBB.TEMPLATE'
    """
    return InstrumentRef(f"{venue_symbol}.{CODE}", UNKNOWN_EXPONENT, UNKNOWN_EXPONENT)


def read_row(raw: bytes, _batch_symbol: str) -> Reading:
    """Say what a message means; the second argument is the symbol of rows that name none, such as REST replies.

    Raises:
        BadText: It breaks a rule.
    """
    content = an_object(read_json(raw), "the row")
    kind = text(content, "type")
    match kind:
        case "trade":
            return _read_trade(content)
        case "quote":
            return _read_quote(content)
        case "book" | "snapshot":
            return _read_book(kind, content)
        case _:
            return IgnoredRow(kind) if kind in _IGNORED else unknown_kind(content)


def _read_trade(content: Content) -> TradeRow:
    return TradeRow(
        kind="trade",
        symbol=symbol(content, "symbol"),
        ts_ns=iso_ns(text(content, "time")),
        price=decimal(content, "price"),
        size=decimal(content, "size"),
        side=choice(content, "side", _SIDES),
        trade_id=whole(content, "id"),  # None where the venue numbers no trades
    )


def _read_quote(content: Content) -> QuoteRow:
    return QuoteRow(
        kind="quote",
        symbol=symbol(content, "symbol"),
        ts_ns=iso_ns(text(content, "time")),  # None where the venue tells no time
        bid_price=decimal(content, "bid"),
        bid_size=decimal(content, "bid_size"),
        ask_price=decimal(content, "ask"),
        ask_size=decimal(content, "ask_size"),
        update_id=0,
    )


def _read_book(kind: str, content: Content) -> BookRow:
    return BookRow(
        kind=kind,
        symbol=symbol(content, "symbol"),
        ts_ns=iso_ns(text(content, "time")),
        first_update_id=0,
        last_update_id=0,
        previous_update_id=0,
        bids=levels(content, "bids"),
        asks=levels(content, "asks"),
        flags=_BOOK_FLAGS[kind],
    )


_BOOK_FLAGS: Final = {"book": BOOK_WITHOUT_IDS, "snapshot": BOOK_WITHOUT_IDS | BOOK_SNAPSHOT}


# --- the fast path ----------------------------------------------------------------------------------------------------


class Trade(msgspec.Struct, tag_field="type", tag="trade", gc=False):
    """A trade."""

    symbol: str
    time: str
    price: str
    size: str
    side: str
    id: WholeNumber


class Quote(msgspec.Struct, tag_field="type", tag="quote", gc=False):
    """Best bid and offer."""

    symbol: str
    time: str
    bid: str
    bid_size: str
    ask: str
    ask_size: str


def _take_trade(taken: Taken, row: int, one: Trade) -> None:
    taken.trades.append((row, "trade", one.symbol, one.time, one.price, one.size, _SIDES[one.side], one.id, 0))


def _take_quote(taken: Taken, row: int, one: Quote) -> None:
    best = one.bid, one.bid_size, one.ask, one.ask_size
    taken.quotes.append((row, "quote", one.symbol, one.time, *best, 0))


DECODERS: Final[Mapping[str, Decoder]] = {
    "template.v1": Decoder(
        Venue(
            code=CODE,
            read_form=lambda _: None,
            read_row=read_row,
            level_marks=(),
            unknown=unknown,
            fast=Typed(
                decode=shapes(Trade | Quote),
                readers={Trade: _take_trade, Quote: _take_quote},
                clock=iso_column,
            ),
        )
    ),
}
"""Decoder by dialect."""
