"""Hold the paper venue's state beside the number of its next report, and write both down as plain lines."""

from collections import deque
from dataclasses import astuple, dataclass
from typing import Final, NamedTuple

import msgspec

from functions.domain.decisions import OrderIntent, OrderStatus, Side, TimeInForce
from functions.domain.market import InstrumentRef
from functions.domain.orders.life import Report
from functions.domain.orders.resting import (
    BARS_KEPT,
    EXECUTIONS_KEPT,
    Execution,
    Key,
    Market,
    PaperBook,
    Resting,
    Second,
    VenueRules,
)

BLOB_BYTES_MAX: Final = 240 * 1024
"""What a full state may weigh; a host stores 256 KiB, sequence numbers and holes of its sources among them."""


@dataclass(slots=True)
class Desk:
    """Hold the venue, and the number of its next report."""

    book: PaperBook
    emitted: int = 0


class _IntentLine(NamedTuple):
    account: str
    instrument_id: str
    side: Side
    quantity: int
    limit_price: int
    price_exponent: int
    size_exponent: int
    time_in_force: TimeInForce


class _OrderLine(NamedTuple):
    client_order_id: str
    order: _IntentLine
    active_ns: int
    number: int
    asked: int
    filled: int
    executed: int
    executions: list[Execution]
    status: OrderStatus


class _MarketLine(NamedTuple):
    instrument_id: str
    price_exponent: int
    size_exponent: int
    seconds: list[tuple[int, int, int, int, int, int]]


class _DeskLine(NamedTuple):
    markets: list[_MarketLine]
    resting: list[_OrderLine]
    ended: list[_OrderLine]
    held: list[tuple[Key, Report]]
    taken: int
    now_ns: int
    emitted: int


_WRITE: Final = msgspec.msgpack.Encoder()
_READ: Final = msgspec.msgpack.Decoder(_DeskLine)


def dump(desk: Desk) -> bytes:
    """Write a desk down, so that equal ones give equal bytes."""
    book = desk.book
    markets = [_market_line(one) for one in book.markets.values()]
    resting, ended = ([_line(one) for one in orders.values()] for orders in (book.resting, book.ended))
    return _WRITE.encode(_DeskLine(markets, resting, ended, book.held, book.taken, book.now_ns, desk.emitted))


def load(blob: bytes, rules: VenueRules) -> Desk:
    """Read a desk that `dump` wrote.

    Raises:
        msgspec.DecodeError: The bytes are no such desk.
    """
    line = _READ.decode(blob)
    book = PaperBook(
        rules,
        markets={one.instrument_id: _market(one) for one in line.markets},
        resting={one.client_order_id: _resting(one) for one in line.resting},
        ended={one.client_order_id: _resting(one) for one in line.ended},
        held=line.held,
        taken=line.taken,
        now_ns=line.now_ns,
    )
    return Desk(book, line.emitted)


def _market_line(one: Market) -> _MarketLine:
    seconds = [(s.start_ns, s.high, s.low, s.bid_price, s.ask_price, s.left) for s in one.seconds]
    return _MarketLine(one.ref.instrument_id, one.ref.price_exponent, one.ref.size_exponent, seconds)


def _line(one: Resting) -> _OrderLine:
    return _OrderLine(
        one.client_order_id,
        _IntentLine(*astuple(one.order)),
        one.active_ns,
        one.number,
        one.asked,
        one.filled,
        one.executed,
        list(one.executions),
        one.status,
    )


def _resting(line: _OrderLine) -> Resting:
    return Resting(
        line.client_order_id,
        OrderIntent(*line.order),
        line.active_ns,
        line.number,
        asked=line.asked,
        filled=line.filled,
        executed=line.executed,
        executions=deque(line.executions, maxlen=EXECUTIONS_KEPT),
        status=line.status,
    )


def _market(line: _MarketLine) -> Market:
    ref = InstrumentRef(line.instrument_id, line.price_exponent, line.size_exponent)
    return Market(ref, deque((Second(*one) for one in line.seconds), maxlen=BARS_KEPT))
