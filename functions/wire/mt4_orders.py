"""Read what a MetaTrader 4 bridge says of orders as reports of their life; quantities and prices become mantissas.

The lines are those that `functions.adapters.mt4_venue` documents.
"""

import re
from collections.abc import Mapping, Sequence
from decimal import Decimal
from types import MappingProxyType
from typing import Final

from functions.domain.decisions import ExecType, OrderIntent, OrderStatus
from functions.domain.money import MANTISSA_MAX, mantissa_of
from functions.domain.orders.life import Report
from functions.wire.errors import Malformed

NOBODY: Final = "-"
"""Stands for the request where nobody asked."""

STATUSES: Final[Mapping[str, OrderStatus]] = MappingProxyType(
    {
        "NEW": OrderStatus.NEW,
        "PARTLY": OrderStatus.PARTIALLY_FILLED,
        "FILLED": OrderStatus.FILLED,
        "CANCELED": OrderStatus.CANCELED,
        "EXPIRED": OrderStatus.EXPIRED,
        "REJECTED": OrderStatus.REJECTED,
    }
)

_NUMBER: Final = re.compile(r"-?\d{1,18}(?:\.\d{1,12})?")
_MS_DIGITS: Final = 15
_NS_PER_MS: Final = 1_000_000


def read_execution(words: Sequence[str], order: OrderIntent) -> Report:
    """Read what happened to an order.

    Args:
        words: Words of an EXEC line behind its number: milliseconds, id, kind, and what belongs to the kind.
        order: The order it is about; its exponents are the units.

    Raises:
        Malformed: The words are not what the protocol says.
        Rejected: A quantity or price is finer than the order's unit, or does not fit.
    """
    match words:
        case [ms, _, "NEW", ticket]:
            return Report(ExecType.NEW, _time_ns(ms), venue_order_id=ticket)
        case [ms, _, "TRADE", exec_id, units, price, *fee] if len(fee) in {0, 2}:
            report = Report(
                ExecType.TRADE,
                _time_ns(ms),
                exec_id=exec_id,
                quantity=mantissa_of(_decimal(units), order.size_exponent),
                price=mantissa_of(_decimal(price), order.price_exponent),
                fee=_decimal(fee[0]) if fee else Decimal(0),
                currency=fee[1] if fee else "",
            )
            if exec_id and report.quantity > 0 and report.price > 0:
                return report
        case [ms, _, "CANCELED" | "REPLACED" as kind, request]:
            exec_type = ExecType.CANCELED if kind == "CANCELED" else ExecType.REPLACED
            return Report(exec_type, _time_ns(ms), request_id="" if request == NOBODY else request)
        case [ms, _, "EXPIRED"]:
            return Report(ExecType.EXPIRED, _time_ns(ms))
        case [ms, _, "REJECTED", *text]:
            return Report(ExecType.REJECTED, _time_ns(ms), text=" ".join(text))
        case [ms, _, "REFUSED", request, *text]:
            return Report(ExecType.CANCEL_REJECT, _time_ns(ms), request_id=request, text=" ".join(text))
    detail = f"{' '.join(words)[:120]!r} is no execution"
    raise Malformed(detail)


def read_status(words: Sequence[str], order: OrderIntent) -> Report:
    """Read how an order stands.

    Args:
        words: Words of a STATUS line behind the question: milliseconds, id, status, and the units filled.
        order: The order it is about; its exponents are the units.

    Returns:
        ORDER_STATUS, without a status when the bridge knows no such order.

    Raises:
        Malformed: The words are not what the protocol says.
        Rejected: The quantity is finer than the order's unit, or does not fit.
    """
    match words:
        case [ms, _, "UNKNOWN"]:
            return Report(ExecType.ORDER_STATUS, _time_ns(ms))
        case [ms, _, status, filled] if status in STATUSES:
            quantity = mantissa_of(_decimal(filled), order.size_exponent)
            return Report(ExecType.ORDER_STATUS, _time_ns(ms), quantity=quantity, status=STATUSES[status])
    detail = f"{' '.join(words)[:120]!r} says not how an order stands"
    raise Malformed(detail)


def is_word(text: str) -> bool:
    """Tell whether a text can stand in a line: printable ASCII without blanks."""
    return bool(text) and text.isascii() and text.isprintable() and " " not in text


def _time_ns(ms: str) -> int:
    if not (ms.isascii() and ms.isdecimal() and len(ms) <= _MS_DIGITS and int(ms) * _NS_PER_MS <= MANTISSA_MAX):
        detail = f"{ms[:40]!r} is no time in UTC milliseconds"
        raise Malformed(detail)
    return int(ms) * _NS_PER_MS


def _decimal(text: str) -> Decimal:
    if not _NUMBER.fullmatch(text):
        detail = f"{text[:40]!r} is no plain decimal"
        raise Malformed(detail)
    return Decimal(text)
