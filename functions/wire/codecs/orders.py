"""Write orders and what became of them as `tickloom.orders.v1` messages, and read them back.

Events go as bytes (`encode_`, `decode_`); what travels inside a call goes as messages (`x_message`, `x_value`).
"""

from collections.abc import Mapping
from decimal import Decimal
from types import MappingProxyType
from typing import Final

from tickloom.orders.v1 import order_pb2, service_pb2

from functions.domain.decisions import ExecType, Fill, OrderOutcome, OrderStatus, OrderUpdate, Side, Submission
from functions.wire.codecs.messages import parse
from functions.wire.codecs.risk import (
    check_name,
    decimal_text,
    decimal_value,
    order_message,
    order_value,
    quote_message,
    quote_value,
)
from functions.wire.errors import Malformed

ORDER_UPDATE: Final = "tickloom.orders.v1.OrderUpdate"
FILL: Final = "tickloom.orders.v1.Fill"
ORDER: Final = "tickloom.orders.v1.SubmitRequest"
"""What names an order: its id is a function of this type, the account, the signal and the leg."""

_WRITTEN: Final[Mapping[OrderStatus, order_pb2.OrderStatus]] = MappingProxyType(
    {status: getattr(order_pb2, f"ORDER_STATUS_{status.name}") for status in OrderStatus}
)
_READ: Final = MappingProxyType({number: status for status, number in _WRITTEN.items()})
_EXEC_TYPES: Final[Mapping[ExecType | None, order_pb2.ExecType]] = MappingProxyType(
    {one: getattr(order_pb2, f"EXEC_TYPE_{one.name}") for one in ExecType} | {None: order_pb2.EXEC_TYPE_UNSPECIFIED}
)
_EXEC_TYPES_READ: Final = MappingProxyType({number: one for one, number in _EXEC_TYPES.items()})
_SIDES: Final = MappingProxyType({side.value: side for side in Side})


def encode_order_update(value: OrderUpdate) -> bytes:
    """Write a step of an order; equal steps give equal bytes."""
    return update_message(value).SerializeToString(deterministic=True)


def decode_order_update(data: bytes) -> OrderUpdate:
    """Read a step of an order.

    Raises:
        Malformed: The bytes are no OrderUpdate, or a figure is no plain decimal.
    """
    message = parse(order_pb2.OrderUpdate, data)
    return update_value(message)


def encode_fill(value: Fill) -> bytes:
    """Write a fill; equal fills give equal bytes."""
    return fill_message(value).SerializeToString(deterministic=True)


def decode_fill(data: bytes) -> Fill:
    """Read a fill.

    Raises:
        Malformed: The bytes are no Fill, or a figure is no plain decimal.
    """
    message = parse(order_pb2.Fill, data)
    return fill_value(message)


def update_message(value: OrderUpdate) -> order_pb2.OrderUpdate:
    """Write a step of an order as a message."""
    return order_pb2.OrderUpdate(
        client_order_id=value.client_order_id,
        n=value.n,
        account=value.account,
        instrument_id=value.instrument_id,
        side=value.side.value,
        status=_WRITTEN[value.status],
        quantity=decimal_text(value.quantity),
        limit_price=decimal_text(value.limit_price),
        cumulative_quantity=decimal_text(value.cumulative_quantity),
        leaves_quantity=decimal_text(value.leaves_quantity),
        reasons=value.reasons,
        signal_id=value.signal_id,
        as_of_ns=value.as_of_ns,
        exec_type=_EXEC_TYPES[value.exec_type],
        venue_order_id=value.venue_order_id,
        request_id=value.request_id,
        average_price=decimal_text(value.average_price),
        outcome_unknown=value.outcome_unknown,
        sequence=value.sequence,
    )


def update_value(message: order_pb2.OrderUpdate) -> OrderUpdate:
    """Read a step of an order from its message.

    Raises:
        Malformed: Its key is incomplete, a word is unknown, or a figure is no plain decimal.
    """
    _check_key("OrderUpdate", message.client_order_id, message.n)
    if message.status not in _READ:
        detail = f"order {message.client_order_id}: status {message.status} is unknown"
        raise Malformed(detail)
    if message.exec_type not in _EXEC_TYPES_READ:
        detail = f"order {message.client_order_id}: exec_type {message.exec_type} is unknown"
        raise Malformed(detail)
    return OrderUpdate(
        client_order_id=message.client_order_id,
        n=message.n,
        account=message.account,
        instrument_id=message.instrument_id,
        side=_side(message.side),
        status=_READ[message.status],
        quantity=decimal_value("quantity", message.quantity),
        limit_price=decimal_value("limit_price", message.limit_price),
        cumulative_quantity=decimal_value("cumulative_quantity", message.cumulative_quantity),
        leaves_quantity=decimal_value("leaves_quantity", message.leaves_quantity),
        reasons=tuple(message.reasons),
        signal_id=message.signal_id,
        as_of_ns=message.as_of_ns,
        exec_type=_EXEC_TYPES_READ[message.exec_type],
        venue_order_id=message.venue_order_id,
        request_id=message.request_id,
        average_price=_perhaps("average_price", message.average_price, "0"),
        outcome_unknown=message.outcome_unknown,
        sequence=message.sequence,
    )


def fill_message(value: Fill) -> order_pb2.Fill:
    """Write a fill as a message."""
    return order_pb2.Fill(
        client_order_id=value.client_order_id,
        n=value.n,
        account=value.account,
        instrument_id=value.instrument_id,
        side=value.side.value,
        quantity=decimal_text(value.quantity),
        price=decimal_text(value.price),
        signal_id=value.signal_id,
        as_of_ns=value.as_of_ns,
        exec_id=value.exec_id,
        fee=decimal_text(value.fee),
        currency=value.currency,
        multiplier=decimal_text(value.multiplier),
        replaces_exec_id=value.replaces_exec_id,
        sequence=value.sequence,
    )


def fill_value(message: order_pb2.Fill) -> Fill:
    """Read a fill from its message.

    Raises:
        Malformed: Its key is incomplete, its side is unknown, or a figure is no plain decimal.
    """
    _check_key("Fill", message.client_order_id, message.n)
    return Fill(
        client_order_id=message.client_order_id,
        n=message.n,
        account=message.account,
        instrument_id=message.instrument_id,
        side=_side(message.side),
        quantity=decimal_value("quantity", message.quantity),
        price=decimal_value("price", message.price),
        signal_id=message.signal_id,
        as_of_ns=message.as_of_ns,
        exec_id=message.exec_id,
        fee=_perhaps("fee", message.fee, "0"),
        currency=message.currency,
        multiplier=_perhaps("multiplier", message.multiplier, "1"),
        replaces_exec_id=message.replaces_exec_id,
        sequence=message.sequence,
    )


def submission_message(value: Submission) -> service_pb2.SubmitRequest:
    """Write an order that is handed in."""
    return service_pb2.SubmitRequest(
        client_order_id=value.client_order_id,
        order=order_message(value.order),
        quote=quote_message(value.quote),
        as_of_ns=value.as_of_ns,
        signal_id=value.signal_id,
        causation_id=value.causation_id,
        correlation_id=value.correlation_id,
    )


def submission_value(message: service_pb2.SubmitRequest) -> Submission:
    """Read an order that is handed in.

    Raises:
        Malformed: It has no usable client_order_id, no order, or a negative time.
    """
    check_name("client_order_id", message.client_order_id)
    if message.as_of_ns < 0:
        detail = f"order {message.client_order_id}: as_of_ns {message.as_of_ns} is negative"
        raise Malformed(detail)
    for what, name in (
        ("signal_id", message.signal_id),
        ("causation_id", message.causation_id),
        ("correlation_id", message.correlation_id),
    ):
        if name:
            check_name(what, name)
    return Submission(
        client_order_id=message.client_order_id,
        order=order_value(message.order),
        quote=quote_value(message.quote),
        as_of_ns=message.as_of_ns,
        signal_id=message.signal_id,
        causation_id=message.causation_id,
        correlation_id=message.correlation_id,
    )


def outcome_message(value: OrderOutcome) -> service_pb2.SubmitResponse:
    """Write what became of an order that was handed in."""
    return service_pb2.SubmitResponse(update=update_message(value.update), fills=map(fill_message, value.fills))


def order_response(value: OrderOutcome) -> service_pb2.GetOrderResponse:
    """Write what is known of an order."""
    return service_pb2.GetOrderResponse(update=update_message(value.update), fills=map(fill_message, value.fills))


def outcome_value(message: service_pb2.SubmitResponse | service_pb2.GetOrderResponse) -> OrderOutcome:
    """Read what became of an order.

    Raises:
        Malformed: The update or a fill cannot be.
    """
    return OrderOutcome(update_value(message.update), tuple(map(fill_value, message.fills)))


def _perhaps(what: str, text: str, otherwise: str) -> Decimal:
    """Read a figure that an earlier version did not tell."""
    return decimal_value(what, text or otherwise)


def _check_key(what: str, client_order_id: str, n: int) -> None:
    if not client_order_id or n < 1:
        detail = f"{what} ({client_order_id!r}, {n}) has no natural key"
        raise Malformed(detail)


def _side(word: str) -> Side:
    side = _SIDES.get(word)
    if side is None:
        detail = f"side {word!r} is neither buy nor sell"
        raise Malformed(detail)
    return side
