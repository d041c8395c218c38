"""Write a booking down as events: every step and every fill, in the order they happened."""

from types import MappingProxyType
from typing import Final

from functions.domain.decisions import Fill, OrderUpdate, Submission
from functions.domain.orders.booking import Booking
from functions.services.orders import CARD
from functions.wire import facts
from functions.wire.codecs.orders import FILL, ORDER_UPDATE, encode_fill, encode_order_update
from functions.wire.envelope import Event, ExtensionValue

_SOURCE_KIND: Final = "services"


def events_of(booking: Booking) -> tuple[Event, ...]:
    """Give a booking's events; the last step stands after the fills that led to it.

    Sequence numbers are the account's own, contiguous from the booking's; equal bookings give equal bytes.
    """
    steps: tuple[OrderUpdate | Fill, ...] = (*booking.updates[:-1], *booking.fills, booking.updates[-1])
    return tuple(_event(booking, number, step) for number, step in enumerate(steps, start=booking.sequence))


def _event(booking: Booking, number: int, step: OrderUpdate | Fill) -> Event:
    if isinstance(step, Fill):
        message_type, data = FILL, encode_fill(step)
    else:
        message_type, data = ORDER_UPDATE, encode_order_update(step)
    return Event(
        id=facts.fact_id(message_type, step.client_order_id, step.n),
        source=facts.source_of(_SOURCE_KIND, CARD.name, booking.account.name),
        type=message_type,
        data=data,
        time_ns=step.as_of_ns,
        subject=step.instrument_id,
        datacontenttype=facts.PROTOBUF,
        extensions=MappingProxyType(_extensions(booking.submission, booking.account.name, number)),
    )


def _extensions(submission: Submission, account: str, number: int) -> dict[str, ExtensionValue]:
    extensions: dict[str, ExtensionValue] = {
        "handlerversion": CARD.version,
        "partitionkey": account,
        "sequence": facts.sequence_text(number),
    }
    if submission.causation_id:
        extensions["causationid"] = submission.causation_id
    if submission.correlation_id:
        extensions["correlationid"] = submission.correlation_id
    return extensions
