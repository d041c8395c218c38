"""Read what a FIX message says about orders: a table of fields by MsgType; nothing here knows any order's state."""

from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import Any, Final, TypeVar

from functions.domain.flow import FlowEntry, FlowKind
from functions.domain.money import plain
from functions.wire.fix.codec import BEGIN_FIX44, SOH, Message, decode
from functions.wire.fix.messages import (
    BUSINESS_REJECT,
    CANCEL,
    CANCEL_REJECT,
    EXECUTION_REPORT,
    NEW_ORDER,
    REJECT,
    REPLACE,
    check,
)
from functions.wire.fix.values import BadValue, decimal, timestamp

T = TypeVar("T")

KINDS: Final[Mapping[str, FlowKind]] = MappingProxyType(
    {
        NEW_ORDER: FlowKind.NEW_ORDER_SINGLE,
        CANCEL: FlowKind.CANCEL,
        REPLACE: FlowKind.REPLACE,
        EXECUTION_REPORT: FlowKind.EXECUTION_REPORT,
        CANCEL_REJECT: FlowKind.CANCEL_REJECT,
        REJECT: FlowKind.REJECT,
        BUSINESS_REJECT: FlowKind.BUSINESS_REJECT,
    }
)
"""Messages about orders by MsgType."""
SIDES: Final = MappingProxyType({"1": "buy", "2": "sell"})

_TEXTS: Final = MappingProxyType(
    {
        "order_id": 37,
        "orig_cl_ord_id": 41,
        "exec_id": 17,
        "exec_type": 150,
        "ord_status": 39,
        "symbol": 55,
        "text": 58,
    }
)
_FIGURES: Final = MappingProxyType(
    {
        "quantity": 38,
        "price": 44,
        "last_quantity": 32,
        "last_price": 31,
        "leaves_quantity": 151,
        "cumulative_quantity": 14,
        "average_price": 6,
    }
)
_TIMES: Final = MappingProxyType({"ts_event": 60, "ts_sent": 52})
_REASONS: Final = MappingProxyType({REJECT: 373, BUSINESS_REJECT: 380, CANCEL_REJECT: 102})


def read_flow(raw: bytes, row: int, ts_receive: int) -> FlowEntry | None:
    """Read a row; None when it is no message about orders, or none at all.

    Args:
        raw: The row, with SOH or `|` between its fields.
        row: Its index on the stream.
        ts_receive: When it was received, UTC nanoseconds.
    """
    message = decode(raw if SOH in raw else raw.replace(b"|", SOH))
    if not isinstance(message, Message) or message.begin_string != BEGIN_FIX44:
        return None
    kind = KINDS.get(message.msg_type)
    return None if kind is None else _entry(message, kind, row, ts_receive)


def _entry(message: Message, kind: FlowKind, row: int, ts_receive: int) -> FlowEntry:
    flaw = check(message)
    said: dict[str, Any] = {name: message.text(tag) for name, tag in _TEXTS.items()}
    said |= {name: _or(message.text(tag), _figure, "") for name, tag in _FIGURES.items()}
    said |= {name: _or(message.text(tag), timestamp, 0) for name, tag in _TIMES.items()}
    return FlowEntry(
        row=row,
        kind=kind,
        sender=message.text(49),
        target=message.text(56),
        sequence_number=message.number(34) or 0,
        ts_receive=ts_receive,
        cl_ord_id=message.text(11) or message.text(379),
        side=SIDES.get(message.text(54), message.text(54)),
        poss_resend=message.text(97) == "Y",
        reason=message.text(_REASONS.get(message.msg_type, 0)),
        flaw=flaw.text if flaw else "",
        **said,
    )


def _figure(text: str) -> str:
    return plain(decimal(text))


def _or(text: str, read: Callable[[str], T], empty: T) -> T:
    """Read a value; what is not there or no value is empty, and the entry's flaw says so."""
    try:
        return read(text) if text else empty
    except BadValue:
        return empty
