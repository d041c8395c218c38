"""Write what passes between the orders service and a venue as `tickloom.orders.v1` messages, and read it back."""

from dataclasses import dataclass
from enum import Enum
from types import MappingProxyType
from typing import Final

from tickloom.orders.v1 import order_pb2, service_pb2, venue_pb2

from functions.domain.decisions import ExecType, OrderIntent, OrderStatus, Quote
from functions.domain.money import plain
from functions.domain.orders.life import Report
from functions.wire.codecs.messages import parse
from functions.wire.codecs.risk import check_name, decimal_value, order_message, order_value, quote_message, quote_value
from functions.wire.errors import Malformed

VENUE_REQUEST: Final = "tickloom.orders.v1.VenueRequest"
EXECUTION_REPORT: Final = "tickloom.orders.v1.ExecutionReport"


class Asked(Enum):
    """What a venue is asked for."""

    NEW = "new"
    CANCEL = "cancel"
    REPLACE = "replace"
    STATUS = "status"


_WRITTEN: Final = MappingProxyType({one: getattr(venue_pb2, f"VENUE_REQUEST_KIND_{one.name}") for one in Asked})
_READ: Final = MappingProxyType({number: one for one, number in _WRITTEN.items()})
_EXEC_TYPES: Final = MappingProxyType({one: getattr(order_pb2, f"EXEC_TYPE_{one.name}") for one in ExecType})
_EXEC_TYPES_READ: Final = MappingProxyType({number: one for one, number in _EXEC_TYPES.items()})
_STATUSES: Final = MappingProxyType(
    {one: getattr(order_pb2, f"ORDER_STATUS_{one.name}") for one in OrderStatus}
    | {None: order_pb2.ORDER_STATUS_UNSPECIFIED}
)
_STATUSES_READ: Final = MappingProxyType({number: one for one, number in _STATUSES.items()})


@dataclass(frozen=True, slots=True)
class VenueRequest:
    """Ask a venue for one thing, as `venue.proto` says; a request for an order's status has its id alone."""

    kind: Asked
    client_order_id: str
    account: str = ""
    request_id: str = ""
    number: int = 0
    order: OrderIntent | None = None
    quantity: int = 0
    limit_price: int = 0
    quote: Quote | None = None
    as_of_ns: int = 0


@dataclass(frozen=True, slots=True)
class Reported:
    """Hold what a venue said, and of which order; the account is empty where the venue knows no such order."""

    account: str
    client_order_id: str
    report: Report


def encode_venue_request(value: VenueRequest) -> bytes:
    """Write a request; equal ones give equal bytes."""
    message = venue_pb2.VenueRequest(
        kind=_WRITTEN[value.kind],
        client_order_id=value.client_order_id,
        request_id=value.request_id,
        account=value.account,
        number=value.number,
        order=None if value.order is None else order_message(value.order),
        quantity=value.quantity,
        limit_price=value.limit_price,
        quote=None if value.quote is None else quote_message(value.quote),
        as_of_ns=value.as_of_ns,
    )
    return message.SerializeToString(deterministic=True)


def decode_venue_request(data: bytes) -> VenueRequest:
    """Read a request.

    Raises:
        Malformed: The bytes are none, its kind is unknown, a name is missing, or the order is missing or unreadable.
    """
    message = parse(venue_pb2.VenueRequest, data)
    if message.kind not in _READ:
        detail = f"request of order {message.client_order_id[:64]!r}: kind {message.kind} is unknown"
        raise Malformed(detail)
    kind = _READ[message.kind]
    check_name("client_order_id", message.client_order_id)
    if kind is not Asked.STATUS:
        check_name("account", message.account)
    if kind is not Asked.NEW:
        check_name("request_id", message.request_id)
    return VenueRequest(
        kind=kind,
        client_order_id=message.client_order_id,
        account=message.account,
        request_id=message.request_id,
        number=message.number,
        order=None if kind is Asked.STATUS else order_value(message.order),
        quantity=message.quantity,
        limit_price=message.limit_price,
        quote=quote_value(message.quote) if message.HasField("quote") else None,
        as_of_ns=message.as_of_ns,
    )


def encode_execution_report(value: Reported) -> bytes:
    """Write what a venue said; equal reports give equal bytes."""
    return execution_report_message(value).SerializeToString(deterministic=True)


def decode_execution_report(data: bytes) -> Reported:
    """Read what a venue said.

    Raises:
        Malformed: The bytes are no ExecutionReport, a name is missing, a word is unknown, or money is no plain decimal.
    """
    return execution_report_value(parse(venue_pb2.ExecutionReport, data))


def report_message(value: Reported) -> service_pb2.ReportRequest:
    """Write a call that hands on what a venue said."""
    return service_pb2.ReportRequest(report=execution_report_message(value))


def execution_report_message(value: Reported) -> venue_pb2.ExecutionReport:
    """Write what a venue said as a message."""
    report = value.report
    return venue_pb2.ExecutionReport(
        client_order_id=value.client_order_id,
        account=value.account,
        exec_type=_EXEC_TYPES[report.exec_type],
        as_of_ns=report.as_of_ns,
        exec_id=report.exec_id,
        quantity=report.quantity,
        price=report.price,
        replaces_exec_id=report.replaces_exec_id,
        venue_order_id=report.venue_order_id,
        request_id=report.request_id,
        text=report.text,
        status=_STATUSES[report.status],
        fee=plain(report.fee),
        currency=report.currency,
        multiplier=plain(report.multiplier),
    )


def execution_report_value(message: venue_pb2.ExecutionReport) -> Reported:
    """Read what a venue said from its message.

    Raises:
        Malformed: A name is missing, a word is unknown, or money is no plain decimal.
    """
    check_name("client_order_id", message.client_order_id)
    if message.exec_type != order_pb2.EXEC_TYPE_ORDER_STATUS:
        check_name("account", message.account)
    if message.exec_type not in _EXEC_TYPES_READ or message.status not in _STATUSES_READ:
        detail = f"order {message.client_order_id}: exec_type {message.exec_type} or status {message.status} is unknown"
        raise Malformed(detail)
    report = Report(
        exec_type=_EXEC_TYPES_READ[message.exec_type],
        as_of_ns=message.as_of_ns,
        exec_id=message.exec_id,
        quantity=message.quantity,
        price=message.price,
        replaces_exec_id=message.replaces_exec_id,
        venue_order_id=message.venue_order_id,
        request_id=message.request_id,
        text=message.text,
        status=_STATUSES_READ[message.status],
        fee=decimal_value("fee", message.fee or "0"),
        currency=message.currency,
        multiplier=decimal_value("multiplier", message.multiplier or "1"),
    )
    return Reported(message.account, message.client_order_id, report)
