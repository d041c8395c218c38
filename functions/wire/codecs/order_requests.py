"""Read what is asked about orders from `tickloom.orders.v1` messages, and write the answers."""

from typing import Final

from tickloom.orders.v1 import order_pb2, service_pb2

from functions.domain.decisions import OrderUpdate, Submission
from functions.domain.money import MANTISSA_MAX
from functions.domain.orders.requests import CancelRequest, MassCancelRequest, OrdersPage, ReplaceRequest
from functions.wire import facts
from functions.wire.codecs.orders import ORDER_UPDATE, submission_value, update_message
from functions.wire.codecs.risk import check_name, quote_value
from functions.wire.envelope import Event
from functions.wire.errors import Malformed

MANY_MAX: Final = 64
PAGE_SIZE: Final = 100
PAGE_SIZE_MAX: Final = 1000


def submissions_value(message: service_pb2.SubmitManyRequest) -> tuple[Submission, ...]:
    """Read orders that are handed in together.

    Raises:
        Malformed: There are too many, or one of them cannot be read.
    """
    if len(message.orders) > MANY_MAX:
        detail = f"{len(message.orders)} orders are more than {MANY_MAX} in one message"
        raise Malformed(detail)
    return tuple(map(submission_value, message.orders))


def cancel_value(message: service_pb2.CancelRequest) -> CancelRequest:
    """Read a request for a cancel.

    Raises:
        Malformed: A name is missing or unusable, or its time is negative.
    """
    _check(message)
    check_name("client_order_id", message.client_order_id)
    return CancelRequest(message.request_id, message.account, message.client_order_id, message.as_of_ns)


def replace_value(message: service_pb2.ReplaceRequest) -> ReplaceRequest:
    """Read a request for another quantity or price.

    Raises:
        Malformed: A name is missing or unusable, or its time is negative.
    """
    _check(message)
    check_name("client_order_id", message.client_order_id)
    return ReplaceRequest(
        request_id=message.request_id,
        account=message.account,
        client_order_id=message.client_order_id,
        quantity=message.quantity,
        limit_price=message.limit_price,
        quote=quote_value(message.quote),
        as_of_ns=message.as_of_ns,
    )


def mass_cancel_value(message: service_pb2.MassCancelRequest) -> MassCancelRequest:
    """Read a request to cancel all that works.

    Raises:
        Malformed: A name is missing or unusable, or its time is negative.
    """
    _check(message)
    if message.instrument_id:
        check_name("instrument_id", message.instrument_id)
    return MassCancelRequest(message.request_id, message.account, message.instrument_id, message.as_of_ns)


def page_value(message: service_pb2.ListOrdersRequest) -> OrdersPage:
    """Read which page of orders is wanted.

    Raises:
        Malformed: A name is unusable, the page is too large, or its token is none of ours.
    """
    check_name("account", message.account)
    if not 0 <= message.page_size <= PAGE_SIZE_MAX:
        detail = f"page_size {message.page_size} is not 0 to {PAGE_SIZE_MAX}"
        raise Malformed(detail)
    token = message.page_token
    digits = token.removeprefix("-")
    if token and not (
        digits.isascii() and digits.isdigit() and len(token) < facts.SEQUENCE_DIGITS and int(digits) <= MANTISSA_MAX
    ):
        detail = f"page_token {token[: facts.SEQUENCE_DIGITS]!r} is none that was given"
        raise Malformed(detail)
    return OrdersPage(
        account=message.account,
        working=message.working,
        instrument_id=message.instrument_id,
        limit=message.page_size or PAGE_SIZE,
        before=int(token) if token else None,
    )


def page_message(wanted: OrdersPage, found: tuple[tuple[int, OrderUpdate], ...]) -> service_pb2.ListOrdersResponse:
    """Write a page of orders; one that is full names where the next begins."""
    full = len(found) == wanted.limit
    return service_pb2.ListOrdersResponse(
        updates=[update_message(update) for _, update in found],
        next_page_token=str(found[-1][0]) if full else "",
    )


def watched_message(event: Event) -> service_pb2.WatchOrdersResponse:
    """Write an event of an account's stream as it was stored."""
    message = service_pb2.WatchOrdersResponse(sequence=facts.sequence_of(event))
    data = event.data or b""
    if event.type == ORDER_UPDATE:
        message.update.CopyFrom(order_pb2.OrderUpdate.FromString(data))
    else:
        message.fill.CopyFrom(order_pb2.Fill.FromString(data))
    return message


def _check(message: service_pb2.CancelRequest | service_pb2.ReplaceRequest | service_pb2.MassCancelRequest) -> None:
    check_name("request_id", message.request_id)
    check_name("account", message.account)
    if message.as_of_ns < 0:
        detail = f"request {message.request_id}: as_of_ns {message.as_of_ns} is negative"
        raise Malformed(detail)
