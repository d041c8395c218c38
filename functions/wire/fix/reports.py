"""Read what a FIX venue says of an order as reports of its life; quantities and prices become mantissas, exactly.

Source: FIX 4.4 with Errata 20030618, Volume 4, "Execution Report", "Order Cancel Reject" and "Order State Change
Matrices"; commissions as Volume 6 has Commission (12) and CommType (13).
"""

from collections.abc import Mapping
from decimal import Decimal
from types import MappingProxyType
from typing import Final

from functions.domain.decisions import ExecType, OrderIntent, OrderStatus, TimeInForce
from functions.domain.money import EXACT, mantissa_of
from functions.domain.orders.life import Report
from functions.wire.fix.messages import DUPLICATE_ORDER, UNKNOWN_ORDER, CancelReject, ExecutionReport

NO_ORDER_ID: Final = "NONE"
"""OrderID (37) where the venue has no such order."""

EXEC_TYPES: Final[Mapping[str, ExecType]] = MappingProxyType(
    {
        "0": ExecType.NEW,
        "1": ExecType.TRADE,  # FIX 4.2's fills, which real venues still send
        "2": ExecType.TRADE,
        "3": ExecType.DONE_FOR_DAY,
        "4": ExecType.CANCELED,
        "5": ExecType.REPLACED,
        "6": ExecType.PENDING_CANCEL,
        "8": ExecType.REJECTED,
        "A": ExecType.PENDING_NEW,
        "C": ExecType.EXPIRED,
        "E": ExecType.PENDING_REPLACE,
        "F": ExecType.TRADE,
        "G": ExecType.TRADE_CORRECT,
        "H": ExecType.TRADE_CANCEL,
        "I": ExecType.ORDER_STATUS,
    }
)
"""ExecType (150); stopped, suspended, restated and calculated say nothing of an order's life that we follow."""

STATUSES: Final[Mapping[str, OrderStatus]] = MappingProxyType(
    {
        "0": OrderStatus.NEW,
        "1": OrderStatus.PARTIALLY_FILLED,
        "2": OrderStatus.FILLED,
        "3": OrderStatus.DONE_FOR_DAY,
        "4": OrderStatus.CANCELED,
        "5": OrderStatus.NEW,  # replaced: FIX 4.2's word for an order that works on
        "6": OrderStatus.PENDING_CANCEL,
        "7": OrderStatus.NEW,  # stopped: it works on at a guaranteed price
        "8": OrderStatus.REJECTED,
        "9": OrderStatus.NEW,  # suspended: it may work on
        "A": OrderStatus.PENDING_NEW,
        "B": OrderStatus.DONE_FOR_DAY,  # calculated: done, and its commission told
        "C": OrderStatus.EXPIRED,
        "D": OrderStatus.NEW,
        "E": OrderStatus.PENDING_REPLACE,
    }
)
"""OrdStatus (39)."""

_TRADES: Final = frozenset((ExecType.TRADE, ExecType.TRADE_CORRECT, ExecType.TRADE_CANCEL))


def report_of(found: ExecutionReport, order: OrderIntent, sent_ns: int) -> Report | None:
    """Read an ExecutionReport; None when it says nothing of an order's life.

    That a good-till-cancel order is done for the day says nothing: it works on the next day, and can be canceled.

    Args:
        found: The message.
        order: The order it is about; its exponents are the units.
        sent_ns: SendingTime, UTC nanoseconds: the report's time where it has no TransactTime.

    Raises:
        Rejected: A quantity or price is finer than the order's unit, or does not fit.
    """
    exec_type = EXEC_TYPES.get(found.exec_type)
    lasts = order.time_in_force is TimeInForce.GOOD_TILL_CANCEL
    if exec_type is None or (lasts and exec_type is ExecType.DONE_FOR_DAY):
        return None
    quantity, price, fee, text = Decimal(0), Decimal(0), Decimal(0), found.text or ""
    if exec_type in _TRADES:
        quantity, price = found.last_quantity or quantity, found.last_price or price
        counted = fee_of(found)
        fee, text = (fee, _uncounted(found, text)) if counted is None else (counted, text)
    elif exec_type is ExecType.ORDER_STATUS:
        quantity = found.cumulative_quantity
    answers = found.orig_cl_ord_id is not None or exec_type is ExecType.REPLACED
    return Report(
        exec_type,
        found.transact_ns or sent_ns,
        exec_id=found.exec_id if exec_type in _TRADES else "",
        quantity=mantissa_of(quantity, order.size_exponent),
        price=mantissa_of(price, order.price_exponent),
        replaces_exec_id=found.exec_ref_id or "",
        venue_order_id="" if found.order_id == NO_ORDER_ID else found.order_id,
        request_id=found.cl_ord_id or "" if answers and exec_type not in _TRADES else "",
        text=text,
        status=None if exec_type is not ExecType.ORDER_STATUS or is_unknown(found) else _standing(found, lasts=lasts),
        fee=fee,
        currency=found.currency or "",
    )


def _standing(found: ExecutionReport, *, lasts: bool) -> OrderStatus:
    status = STATUSES[found.ord_status]
    return OrderStatus.NEW if lasts and status is OrderStatus.DONE_FOR_DAY else status


def refusal_of(found: CancelReject, sent_ns: int) -> Report:
    """Read an OrderCancelReject: the request is answered, the order stands as it did."""
    return Report(
        ExecType.CANCEL_REJECT,
        found.transact_ns or sent_ns,
        request_id=found.cl_ord_id,
        text=found.text or f"CxlRejReason {'is not told' if found.reason is None else found.reason}",
    )


def is_unknown(found: ExecutionReport) -> bool:
    """Tell whether a venue answers that it knows no such order."""
    return found.reject_reason == UNKNOWN_ORDER or found.order_id == NO_ORDER_ID


def is_duplicate(found: ExecutionReport) -> bool:
    """Tell whether a venue refuses a ClOrdID that it has already: what it has under that name stands."""
    return EXEC_TYPES.get(found.exec_type) is ExecType.REJECTED and found.reject_reason == DUPLICATE_ORDER


def fee_of(found: ExecutionReport) -> Decimal | None:
    """Give the commission of a trade, exactly; None when it cannot be counted in the trade's own currency."""
    told = found.commission
    if not told:
        return Decimal(0)
    if found.commission_currency not in {None, found.currency}:
        return None
    size, price = found.last_quantity or Decimal(0), found.last_price or Decimal(0)
    match found.commission_kind:
        case "1":
            return EXACT.multiply(told, size)
        case "2":
            return EXACT.multiply(told, EXACT.multiply(size, price))  # Commission (12): "5% ... represented as .05"
        case "3":
            return told
    return None


def _uncounted(found: ExecutionReport, text: str) -> str:
    told = f"commission {found.commission} {found.commission_currency or ''}".rstrip()
    return f"{text}; {told} is not counted" if text else f"{told} is not counted"
