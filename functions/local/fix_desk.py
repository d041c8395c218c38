"""Decide as a small FIX venue does: what becomes of orders, and how its prices are told.

Pure: times come in, nothing is sent here.
"""

from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from decimal import Decimal
from typing import Final

from functions.domain.money import plain
from functions.wire.fix.codec import Pair
from functions.wire.fix.messages import (
    DUPLICATE_ORDER,
    INCREMENTAL,
    SNAPSHOT,
    UNKNOWN_ORDER,
    UNKNOWN_SYMBOL,
    Cancel,
    CancelReject,
    ExecutionReport,
    NewOrder,
    Replace,
    StatusRequest,
)
from functions.wire.fix.values import timestamp_text

ORDERS_MAX: Final = 10_000
"""Orders that are remembered; the oldest are forgotten."""
LEVELS: Final = 5
"""Levels a side of the book."""
LOT: Final = Decimal(100_000)
_TICK: Final = Decimal("0.0001")
_NOTHING: Final = Decimal(0)
_BUY: Final = "1"
_MARKET: Final = "1"
_NOT_FOUND: Final = 1  # CxlRejReason
_DONE: Final = frozenset("248")


# --- orders -----------------------------------------------------------------------------------------------------------


@dataclass(slots=True)
class Order:
    """Hold an order as it stands."""

    request: NewOrder
    order_id: str
    quantity: Decimal
    price: Decimal | None
    status: str = "0"
    filled: Decimal = _NOTHING
    paid: Decimal = _NOTHING
    trades: list[ExecutionReport] = field(default_factory=list)


@dataclass(slots=True)
class Market:
    """Hold one symbol's price; the book lies around it, one lot a level."""

    mid: Decimal
    trades: int = 0

    def book(self, depth: int) -> tuple[list[Decimal], list[Decimal]]:
        """Give the bids and asks, best first; depth 0 is the whole book."""
        levels = range(1, (min(depth, LEVELS) or LEVELS) + 1)
        return [self.mid - level * _TICK for level in levels], [self.mid + level * _TICK for level in levels]


class Desk:
    """Decide what becomes of orders.

    An order for an unknown symbol, of no size, or under a ClOrdID that was used is rejected. One at market, or whose
    limit reaches the other side's best price, is acknowledged and filled, at most `fill_max`; the rest works on.

    Args:
        markets: Prices by symbol.
        fill_max: Most that one order is filled at once.
    """

    def __init__(self, markets: dict[str, Market], *, fill_max: Decimal = 10 * LOT) -> None:
        """Begin without orders."""
        self.markets = markets
        self.orders: dict[str, Order] = {}
        self._fill_max = fill_max
        self._numbers = 0

    def new(self, request: NewOrder, now_ns: int) -> Iterator[ExecutionReport]:
        """Take an order."""
        quantity = request.quantity or _NOTHING
        order = Order(request, f"O{self._next()}", quantity, request.price)
        wrong = self._wrong(request, quantity)
        if wrong:
            order.status = "8"
            yield replace(self._report(order, "8", now_ns, text=wrong[1]), reject_reason=wrong[0])
            return
        self.orders[request.cl_ord_id] = order
        while len(self.orders) > ORDERS_MAX:
            del self.orders[next(iter(self.orders))]
        yield self._report(order, "0", now_ns)
        yield from self._fill(order, now_ns)

    def cancel(self, request: Cancel, now_ns: int) -> ExecutionReport | CancelReject:
        """Cancel an order that works."""
        order = self.orders.get(request.orig_cl_ord_id)
        if order is None or order.status in _DONE:
            return self._refused(request, order, "1", now_ns)
        order.status = "4"
        self._rename(order, request)
        return self._report(order, "4", now_ns, original=request.orig_cl_ord_id)

    def replace(self, request: Replace, now_ns: int) -> Iterator[ExecutionReport | CancelReject]:
        """Change an order that works; it may fill at its new price."""
        order = self.orders.get(request.orig_cl_ord_id)
        quantity = request.quantity or _NOTHING
        if order is None or order.status in _DONE or quantity <= order.filled:
            yield self._refused(request, order, "2", now_ns)
            return
        order.quantity, order.price = quantity, request.price
        self._rename(order, request)
        yield self._report(order, "5", now_ns, original=request.orig_cl_ord_id)
        yield from self._fill(order, now_ns)

    def status(self, request: StatusRequest, now_ns: int) -> tuple[tuple[ExecutionReport, ...], ExecutionReport]:
        """Give an order's executions, as they were told, and how it stands; REJECTED when there is no such order."""
        order = self.orders.get(request.cl_ord_id)
        if order is not None:
            found = replace(self._report(order, "I", now_ns), exec_id="0", status_id=request.status_id)
            return tuple(order.trades), found
        asked = NewOrder(request.cl_ord_id, request.symbol, request.side, now_ns, _MARKET, account=request.account)
        unknown = Order(asked, "NONE", _NOTHING, None, status="8")
        found = self._report(unknown, "I", now_ns, text="unknown order")
        return (), replace(found, exec_id="0", status_id=request.status_id, reject_reason=UNKNOWN_ORDER)

    def fill(self, cl_ord_id: str, size: Decimal, price: Decimal, now_ns: int) -> ExecutionReport:
        """Fill an order whatever its state, as a venue may that was late to say so."""
        order = self.orders[cl_ord_id]
        return self._traded(order, size, price, now_ns)

    def _wrong(self, request: NewOrder, quantity: Decimal) -> tuple[int, str] | None:
        if request.symbol not in self.markets:
            return UNKNOWN_SYMBOL, f"unknown symbol {request.symbol}"
        if quantity <= 0 or (request.ord_type != _MARKET and request.price is None):
            return 0, "an order has a quantity above 0 and, unless it is at market, a price"
        return (DUPLICATE_ORDER, "ClOrdID was used before") if request.cl_ord_id in self.orders else None

    def _fill(self, order: Order, now_ns: int) -> Iterator[ExecutionReport]:
        bids, asks = self.markets[order.request.symbol].book(1)
        buys = order.request.side == _BUY
        best = asks[0] if buys else bids[0]
        reaches = order.price is None or (order.price >= best if buys else order.price <= best)
        size = min(order.quantity - order.filled, self._fill_max)
        if reaches and size > 0:
            yield self._traded(order, size, best, now_ns)

    def _traded(self, order: Order, size: Decimal, price: Decimal, now_ns: int) -> ExecutionReport:
        order.filled += size
        order.paid += size * price
        if order.status not in _DONE:
            order.status = "2" if order.filled >= order.quantity else "1"
        report = self._report(order, "F", now_ns, last=(size, price))
        order.trades.append(report)
        return report

    def _report(  # noqa: PLR0913 - each is a part of the report
        self,
        order: Order,
        exec_type: str,
        now_ns: int,
        *,
        last: tuple[Decimal, Decimal] | None = None,
        original: str | None = None,
        text: str | None = None,
    ) -> ExecutionReport:
        works = order.status not in _DONE
        return ExecutionReport(
            order_id=order.order_id,
            exec_id=f"E{self._next()}",
            exec_type=exec_type,
            ord_status=order.status,
            side=order.request.side,
            leaves_quantity=order.quantity - order.filled if works else _NOTHING,
            cumulative_quantity=order.filled,
            average_price=order.paid / order.filled if order.filled else _NOTHING,
            symbol=order.request.symbol,
            cl_ord_id=order.request.cl_ord_id,
            orig_cl_ord_id=original,
            quantity=order.quantity,
            price=order.price,
            last_quantity=last[0] if last else None,
            last_price=last[1] if last else None,
            transact_ns=now_ns,
            account=order.request.account,
            text=text,
        )

    def _refused(self, request: Cancel | Replace, order: Order | None, to: str, now_ns: int) -> CancelReject:
        return CancelReject(
            order_id=order.order_id if order else "NONE",
            cl_ord_id=request.cl_ord_id,
            orig_cl_ord_id=request.orig_cl_ord_id,
            ord_status=order.status if order else "8",
            response_to=to,
            reason=0 if order else _NOT_FOUND,
            transact_ns=now_ns,
        )

    def _rename(self, order: Order, request: Cancel | Replace) -> None:
        order.request = replace(order.request, cl_ord_id=request.cl_ord_id)
        self.orders[request.cl_ord_id] = order

    def _next(self) -> int:
        self._numbers += 1
        return self._numbers


# --- market data ------------------------------------------------------------------------------------------------------


def snapshot(request_id: str, symbol: str, market: Market, depth: int) -> tuple[str, list[Pair]]:
    """Write a book as W."""
    bids, asks = market.book(depth)
    levels = [(269, side, price) for side, prices in (("0", bids), ("1", asks)) for price in prices]
    body: list[Pair] = [(262, request_id), (55, symbol), (268, str(len(levels)))]
    for tag, side, price in levels:
        body += [(tag, side), (270, plain(price)), (271, plain(LOT))]
    return SNAPSHOT, body


def step(request_id: str, symbol: str, market: Market, up: bool, now_ns: int) -> tuple[str, list[Pair]]:  # noqa: FBT001
    """Move a price by a tick and write what changed as X: a trade, two levels that go, two that come."""
    gone_bids, gone_asks = market.book(0)
    traded = gone_asks[0] if up else gone_bids[0]
    market.mid += _TICK if up else -_TICK
    market.trades += 1
    bids, asks = market.book(0)
    changes = [("2", "0", price) for price in sorted({*gone_bids} - {*bids})]
    changes += [("2", "1", price) for price in sorted({*gone_asks} - {*asks})]
    changes += [("0", "0", price) for price in sorted({*bids} - {*gone_bids})]
    changes += [("0", "1", price) for price in sorted({*asks} - {*gone_asks})]
    date, _, clock = timestamp_text(now_ns).partition("-")
    body: list[Pair] = [(262, request_id), (268, str(len(changes) + 1)), (279, "0"), (269, "2"), (55, symbol)]
    body += [(270, plain(traded)), (271, plain(LOT)), (272, date), (273, clock), (1003, str(market.trades))]
    for action, side, price in changes:
        size: list[Pair] = [(271, plain(LOT))] if action == "0" else []
        body += [(279, action), (269, side), (55, symbol), (270, plain(price)), *size, (272, date), (273, clock)]
    return INCREMENTAL, body
