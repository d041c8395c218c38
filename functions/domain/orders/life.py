"""Follow an order's life as FIX 4.4 defines it: one table says which report may come when, one rule what stands.

Sources: FIX 4.4, volume 4 (order state change matrices) and its precedence of OrdStatus. What a venue says of trades
is true whatever we thought: late fills, fills after a cancel and overfills are booked. What nobody knows is unknown,
and never taken for a rejection.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from decimal import ROUND_HALF_EVEN, Context, Decimal
from functools import lru_cache
from types import MappingProxyType
from typing import Final, NamedTuple

from functions.domain.decisions import ExecType, Fill, OrderIntent, OrderStatus, OrderUpdate, Side, Submission
from functions.domain.errors import Rejected
from functions.domain.money import EXACT, scaled

TRADES_MAX: Final = 16_384
"""Executions of one order that are remembered, so that each counts once: folding the last takes 5 ms. One more is
refused, and whoever asked must see to it that it is not lost."""

FIGURES_KEPT_MAX: Final = 4096
"""Sizes and prices whose decimals are remembered: steps of one order repeat theirs, and orders each other's."""

_figure: Final = lru_cache(maxsize=FIGURES_KEPT_MAX)(scaled)

_AVERAGE: Final = Context(prec=80, rounding=ROUND_HALF_EVEN)
_AVERAGE_PLACES: Final = Decimal("1e-12")
_NO_PRICE: Final = Decimal(0)

_PRECEDENCE: Final[Mapping[OrderStatus, int]] = MappingProxyType(
    {
        OrderStatus.PENDING_CANCEL: 12,
        OrderStatus.PENDING_REPLACE: 11,
        OrderStatus.DONE_FOR_DAY: 10,
        OrderStatus.FILLED: 8,
        OrderStatus.CANCELED: 5,
        OrderStatus.EXPIRED: 5,
        OrderStatus.PARTIALLY_FILLED: 4,
        OrderStatus.REJECTED: 3,  # FIX says 2 for these three; of an order that is one and the other, this one shows
        OrderStatus.NEW: 2,
        OrderStatus.PENDING_NEW: 1,
    }
)

_FRESH: Final = frozenset((OrderStatus.PENDING_NEW, OrderStatus.NEW))
_WORKING: Final = _FRESH | {OrderStatus.PARTIALLY_FILLED}
_FILLED: Final = frozenset((OrderStatus.PARTIALLY_FILLED, OrderStatus.FILLED))
_ENDED: Final = frozenset((OrderStatus.CANCELED, OrderStatus.EXPIRED, OrderStatus.DONE_FOR_DAY, OrderStatus.REJECTED))
_ANY: Final = _WORKING | _FILLED | _ENDED

MAY_COME: Final[Mapping[ExecType, frozenset[OrderStatus]]] = MappingProxyType(
    {
        ExecType.PENDING_NEW: frozenset((OrderStatus.PENDING_NEW,)),
        ExecType.NEW: frozenset((OrderStatus.PENDING_NEW,)),
        ExecType.REJECTED: _FRESH,
        ExecType.TRADE: _ANY,
        ExecType.TRADE_CORRECT: _ANY,
        ExecType.TRADE_CANCEL: _ANY,
        ExecType.CANCELED: _WORKING,
        ExecType.EXPIRED: _WORKING,
        ExecType.DONE_FOR_DAY: _WORKING,
        ExecType.PENDING_CANCEL: _WORKING,
        ExecType.PENDING_REPLACE: _WORKING | {OrderStatus.FILLED},
        ExecType.REPLACED: _WORKING | {OrderStatus.FILLED},
        ExecType.CANCEL_REJECT: _ANY,
        ExecType.ORDER_STATUS: _ANY,
        ExecType.UNKNOWN: _ANY,
    }
)
"""What may be reported of an order that stands so, its pending requests set aside."""

_ENDS: Final = MappingProxyType(
    {
        ExecType.REJECTED: OrderStatus.REJECTED,
        ExecType.CANCELED: OrderStatus.CANCELED,
        ExecType.EXPIRED: OrderStatus.EXPIRED,
        ExecType.DONE_FOR_DAY: OrderStatus.DONE_FOR_DAY,
    }
)


@dataclass(frozen=True, slots=True)
class Trade:
    """Keep one execution: the venue's name of it, quantity and price mantissas, fee, and multiplier."""

    exec_id: str
    quantity: int
    price: int
    fee: Decimal = Decimal(0)
    multiplier: Decimal = Decimal(1)


@dataclass(frozen=True, slots=True)
class Replacement:
    """Keep what an order shall become: the request's id, total quantity and limit price mantissas."""

    request_id: str
    quantity: int
    limit_price: int


class Order(NamedTuple):
    """Hold an order as its account's writer knows it; a tuple, because every step makes a few of them.

    Args:
        submission: As it was first handed in; mantissas are in its units.
        quantity: Total quantity, after replacements.
        limit_price: Limit price, after replacements.
        steps: Steps told so far; the next has number `steps` + 1.
        acknowledged: Whether the venue is known to have it.
        ended: How it ended, other than by being filled.
        cancel_id: Id of the cancel that waits for its answer; empty when none does.
        replacement: The replacement that waits for its answer.
        trades: Executions that count, oldest first.
        fills: Fills told so far, corrections among them.
        venue_order_id: The venue's name of it.
        unknown: Whether nobody knows what became of what was sent last.
        gone: Executions that were taken back or corrected; told again, they count no more.
    """

    submission: Submission
    quantity: int
    limit_price: int
    steps: int = 0
    acknowledged: bool = False
    ended: OrderStatus | None = None
    cancel_id: str = ""
    replacement: Replacement | None = None
    trades: tuple[Trade, ...] = ()
    fills: int = 0
    venue_order_id: str = ""
    unknown: bool = False
    gone: tuple[str, ...] = ()

    @property
    def cumulative(self) -> int:
        """Give the quantity filled, a mantissa."""
        return sum([trade.quantity for trade in self.trades]) if self.trades else 0

    @property
    def leaves(self) -> int:
        """Give the quantity that may still be filled while it works, a mantissa; 0 when it ended."""
        return 0 if self.ended else max(self.quantity - self.cumulative, 0)

    @property
    def standing(self) -> OrderStatus:
        """Give how it stands, its pending requests set aside."""
        filled = self.cumulative
        if filled:
            reached = OrderStatus.FILLED if filled >= self.quantity else OrderStatus.PARTIALLY_FILLED
        else:
            reached = OrderStatus.NEW if self.acknowledged else OrderStatus.PENDING_NEW
        return max(reached, self.ended, key=_PRECEDENCE.__getitem__) if self.ended else reached

    @property
    def status(self) -> OrderStatus:
        """Give its OrdStatus: pending requests come before everything else."""
        if self.cancel_id:
            return OrderStatus.PENDING_CANCEL
        return OrderStatus.PENDING_REPLACE if self.replacement else self.standing


@dataclass(frozen=True, slots=True)
class Report:
    """Hold what a venue says of an order, or what became of asking it.

    Args:
        exec_type: What happened.
        as_of_ns: When, UTC nanoseconds of venue time.
        exec_id: The venue's name of an execution; trades need one.
        quantity: Traded or corrected quantity; at ORDER_STATUS the quantity filled so far. A mantissa.
        price: Its price, a mantissa.
        replaces_exec_id: The execution that TRADE_CORRECT and TRADE_CANCEL are about.
        venue_order_id: The venue's name of the order.
        request_id: The cancel or replace it answers.
        text: Why.
        status: At ORDER_STATUS, how the order stands at the venue; None when the venue knows no such order.
        fee: What the venue took for a trade, in `currency`.
        currency: Currency of price and fee.
        multiplier: Underlying units in one unit of quantity.
    """

    exec_type: ExecType
    as_of_ns: int
    exec_id: str = ""
    quantity: int = 0
    price: int = 0
    replaces_exec_id: str = ""
    venue_order_id: str = ""
    request_id: str = ""
    text: str = ""
    status: OrderStatus | None = None
    fee: Decimal = Decimal(0)
    currency: str = ""
    multiplier: Decimal = Decimal(1)


class Step(NamedTuple):
    """Hold what a report or a request did; a tuple, because every report makes one.

    Args:
        order: The order after it.
        update: The step of its life; None when nothing changed.
        fill: The execution, when it was one.
        moved: Change of the quantity filled, a mantissa; less than 0 when an execution was taken back.
        paid: Change of the sum of quantity times price over executions, a mantissa of both exponents together.
        flaw: What is wrong with the report or the request; empty when nothing is.
        cost: Change of what executions took out of cash: value * multiplier and fee of each that counts.
    """

    order: Order
    update: OrderUpdate | None = None
    fill: Fill | None = None
    moved: int = 0
    paid: int = 0
    flaw: str = ""
    cost: Decimal = Decimal(0)


def begin(submission: Submission) -> Step:
    """Begin an order's life: stored here, not yet at the venue."""
    order = Order(submission, submission.order.quantity, submission.order.limit_price)
    return _told(order, ExecType.PENDING_NEW, submission.as_of_ns)


def refuse(submission: Submission, reasons: tuple[str, ...]) -> Step:
    """Refuse an order before it leaves."""
    order = Order(submission, submission.order.quantity, submission.order.limit_price, ended=OrderStatus.REJECTED)
    return _told(order, ExecType.REJECTED, submission.as_of_ns, reasons=reasons)


def request_cancel(order: Order, request_id: str, *, as_of_ns: int) -> Step:
    """Ask for a cancel; it is on its way until the venue answers, and the order may be filled meanwhile."""
    flaw = _too_late(order) or (order.cancel_id and f"a cancel is on its way already: {order.cancel_id}")
    if flaw:
        return Step(order, flaw=flaw)
    return _told(order._replace(cancel_id=request_id), ExecType.PENDING_CANCEL, as_of_ns, request_id=request_id)


def request_replace(order: Order, wanted: Replacement, *, as_of_ns: int) -> Step:
    """Ask for another total quantity or limit price; the order works as it is until the venue answers."""
    flaw = _too_late(order)
    if order.cancel_id:
        flaw = flaw or f"a cancel is on its way: {order.cancel_id}"
    elif order.replacement:
        flaw = flaw or f"a replace is on its way already: {order.replacement.request_id}"
    elif wanted.quantity <= order.cumulative:
        flaw = flaw or f"the quantity asked for, {wanted.quantity}, is not above the {order.cumulative} already filled"
    elif wanted.limit_price <= 0:
        flaw = flaw or f"limit price {wanted.limit_price} is not positive"
    if flaw:
        return Step(order, flaw=flaw)
    asked = order._replace(replacement=wanted)
    return _told(asked, ExecType.PENDING_REPLACE, as_of_ns, request_id=wanted.request_id)


def fold(order: Order, report: Report) -> Step:
    """Fold one report into an order; one that was folded before, or changes nothing, gives no step.

    Raises:
        Rejected: A trade has no exec_id or no positive figures, or the order has `TRADES_MAX` executions.
    """
    if order.standing not in MAY_COME[report.exec_type]:
        known = _is_known(order, report.exec_type)
        return Step(order, flaw="" if known else f"{report.exec_type.value} of an order that is {order.standing.value}")
    return _FOLDS[report.exec_type](order, report)


def _is_known(order: Order, exec_type: ExecType) -> bool:
    """Tell whether a report that comes too late says nothing new."""
    if exec_type in _ENDS:
        return order.ended is _ENDS[exec_type]
    return exec_type is not ExecType.REPLACED


def _too_late(order: Order) -> str:
    return "" if order.leaves else f"the order has ended: {order.standing.value}"


def _heard(order: Order, report: Report) -> Order:
    """Give the order after any answer of the venue: it has it, and what was unknown no longer is."""
    named = report.venue_order_id or order.venue_order_id
    return order._replace(acknowledged=True, unknown=False, venue_order_id=named)


def _lost(order: Order, report: Report) -> Step:
    known = order.unknown and not report.text  # what more is unknown must show as well
    return Step(order) if known else _step(order._replace(unknown=True), report)


def _moved_on(order: Order, report: Report) -> Step:
    ended = _ENDS.get(report.exec_type)
    after = _heard(order, report)
    if ended:
        known = report.exec_type is not ExecType.REJECTED or order.acknowledged
        after = after._replace(ended=ended, cancel_id="", replacement=None, acknowledged=known)
    return _step(after, report)


def _pended(order: Order, report: Report) -> Step:
    """Fold a venue's word that something is on its way; requests that others made for us count as well."""
    after = _heard(order, report) if report.exec_type is not ExecType.PENDING_NEW else order._replace(unknown=False)
    if report.exec_type is ExecType.PENDING_CANCEL and not order.cancel_id:
        after = after._replace(cancel_id=report.request_id or report.exec_id or "unsolicited")
    return Step(order) if after == order else _step(after, report)


def _replaced(order: Order, report: Report) -> Step:
    wanted = order.replacement
    if wanted is None or report.request_id not in {"", wanted.request_id}:
        return Step(order, flaw=f"replaced, but not as anybody asked: {report.request_id or 'no request'}")
    heard = _heard(order, report)
    after = heard._replace(quantity=wanted.quantity, limit_price=wanted.limit_price, replacement=None)
    if after.quantity < after.cumulative:  # filled past it while it was on its way: what is filled is the order
        after = after._replace(quantity=after.cumulative)
    return _step(after, report)


def _request_refused(order: Order, report: Report) -> Step:
    """Fold an OrderCancelReject: the request is answered, the order stands as it did."""
    if order.cancel_id and report.request_id in {"", order.cancel_id}:
        after = order._replace(cancel_id="", unknown=False)
    elif order.replacement and report.request_id in {"", order.replacement.request_id}:
        after = order._replace(replacement=None, unknown=False)
    else:
        return Step(order)  # it was answered before, by the order's end for one
    return _step(after, report)


def _compared(order: Order, report: Report) -> Step:
    """Fold how the order stands at the venue; executions are never made up from sums."""
    if report.status is None:
        if order.acknowledged:
            return Step(order, flaw="the venue does not know an order that it took")
        return _step(order._replace(unknown=False), report)
    if report.quantity > order.cumulative:
        missing = report.quantity - order.cumulative
        return Step(order, flaw=f"executions of {missing} units are missing; ask for them")
    if report.quantity < order.cumulative:
        return Step(order, flaw=f"the venue tells {report.quantity} units filled, its executions {order.cumulative}")
    after = _heard(order, report)
    if report.status in _ENDED and not order.ended:
        known = report.status is not OrderStatus.REJECTED or order.acknowledged
        after = after._replace(ended=report.status, cancel_id="", replacement=None, acknowledged=known)
    return Step(order) if after == order else _step(after, report)


def _traded(order: Order, report: Report) -> Step:
    if report.exec_id in order.gone or any(trade.exec_id == report.exec_id for trade in order.trades):
        return Step(order)
    trade = _trade_of(report)
    if len(order.trades) + len(order.gone) >= TRADES_MAX:
        message = f"order {order.submission.client_order_id} has {TRADES_MAX} executions already"
        raise Rejected(message)
    flaw = ""
    if order.ended is OrderStatus.REJECTED:
        flaw = "filled although it was rejected"
    elif order.cumulative + trade.quantity > order.quantity:
        flaw = "filled beyond its quantity"
    after = _heard(order, report)._replace(trades=(*order.trades, trade), fills=order.fills + 1)
    return _executed(after, report, flaw, came=trade)


def _corrected(order: Order, report: Report) -> Step:
    """Fold a correction: an execution is taken back, and a correction puts another in its place."""
    meant = [trade for trade in order.trades if trade.exec_id == report.replaces_exec_id]
    if not meant:
        again = report.exec_id and any(trade.exec_id == report.exec_id for trade in order.trades)
        return Step(order, flaw="" if again else f"no execution {report.replaces_exec_id!r} counts for the order")
    went = meant[0]
    corrects = report.exec_type is ExecType.TRADE_CORRECT
    came = _trade_of(report) if corrects else Trade(report.exec_id, 0, went.price, report.fee)
    if came == went:
        return Step(order)
    kept = tuple(one for trade in order.trades for one in ((came,)[:corrects] if trade is went else (trade,)))
    gone = order.gone if came.exec_id == went.exec_id and corrects else (*order.gone, went.exec_id)
    after = _heard(order, report)._replace(trades=kept, fills=order.fills + 1, gone=gone)
    return _executed(after, report, "", came=came, went=went)


def _trade_of(report: Report) -> Trade:
    if not report.exec_id or report.quantity <= 0 or report.price <= 0:
        message = f"execution {report.exec_id!r} of {report.quantity} at {report.price} is no trade"
        raise Rejected(message)
    return Trade(report.exec_id, report.quantity, report.price, report.fee, report.multiplier)


def _executed(after: Order, report: Report, flaw: str, *, came: Trade, went: Trade | None = None) -> Step:
    step = _step(after, report, flaw=flaw)
    order = after.submission.order
    fill = Fill(
        client_order_id=after.submission.client_order_id,
        n=after.fills,
        account=order.account,
        instrument_id=order.instrument_id,
        side=order.side,
        quantity=_figure(report.quantity if report.exec_type is not ExecType.TRADE_CANCEL else 0, order.size_exponent),
        price=_figure(report.price, order.price_exponent),
        signal_id=after.submission.signal_id,
        as_of_ns=report.as_of_ns,
        exec_id=report.exec_id,
        fee=report.fee,
        currency=report.currency,
        multiplier=report.multiplier,
        replaces_exec_id=report.replaces_exec_id,
    )
    moved, paid, cost = came.quantity, came.quantity * came.price, _cost(came, order)
    if went is not None:
        moved, paid = moved - went.quantity, paid - went.quantity * went.price
        cost = EXACT.subtract(cost, _cost(went, order))
    return Step(step.order, step.update, fill, moved, paid, flaw, cost)


def _cost(trade: Trade, order: OrderIntent) -> Decimal:
    """Give what an execution takes out of cash: value * multiplier as bought or sold, and its fee."""
    signed = trade.quantity if order.side is Side.BUY else -trade.quantity
    value = scaled(signed * trade.price, order.size_exponent + order.price_exponent)
    return EXACT.add(EXACT.multiply(value, trade.multiplier), trade.fee)


def _paid(order: Order) -> int:
    return sum([trade.quantity * trade.price for trade in order.trades])


def _step(after: Order, report: Report, *, flaw: str = "") -> Step:
    reasons = tuple(text for text in (report.text, flaw) if text)
    return _told(after, report.exec_type, report.as_of_ns, reasons=reasons, request_id=report.request_id)


def _told(
    order: Order, exec_type: ExecType, as_of_ns: int, *, reasons: tuple[str, ...] = (), request_id: str = ""
) -> Step:
    submission, intent, filled = order.submission, order.submission.order, order.cumulative
    update = OrderUpdate(
        client_order_id=submission.client_order_id,
        n=order.steps + 1,
        account=intent.account,
        instrument_id=intent.instrument_id,
        side=intent.side,
        status=order.status,
        quantity=_figure(order.quantity, intent.size_exponent),
        limit_price=_figure(order.limit_price, intent.price_exponent),
        cumulative_quantity=_figure(filled, intent.size_exponent),
        leaves_quantity=_figure(order.leaves, intent.size_exponent),
        reasons=reasons,
        signal_id=submission.signal_id,
        as_of_ns=as_of_ns,
        exec_type=exec_type,
        venue_order_id=order.venue_order_id,
        request_id=request_id,
        average_price=_average(_paid(order), filled, intent.price_exponent) if filled else _NO_PRICE,
        outcome_unknown=order.unknown,
    )
    return Step(order._replace(steps=order.steps + 1), update)


@lru_cache(maxsize=FIGURES_KEPT_MAX)
def _average(paid: int, filled: int, price_exponent: int) -> Decimal:
    price = _AVERAGE.divide(Decimal(paid), Decimal(filled)).scaleb(price_exponent)
    return price.quantize(_AVERAGE_PLACES, context=_AVERAGE)


_FOLDS: Final[Mapping[ExecType, Callable[[Order, Report], Step]]] = MappingProxyType(
    {
        ExecType.PENDING_NEW: _pended,
        ExecType.NEW: _moved_on,
        ExecType.REJECTED: _moved_on,
        ExecType.TRADE: _traded,
        ExecType.TRADE_CORRECT: _corrected,
        ExecType.TRADE_CANCEL: _corrected,
        ExecType.CANCELED: _moved_on,
        ExecType.EXPIRED: _moved_on,
        ExecType.DONE_FOR_DAY: _moved_on,
        ExecType.PENDING_CANCEL: _pended,
        ExecType.PENDING_REPLACE: _pended,
        ExecType.REPLACED: _replaced,
        ExecType.CANCEL_REJECT: _request_refused,
        ExecType.ORDER_STATUS: _compared,
        ExecType.UNKNOWN: _lost,
    }
)
