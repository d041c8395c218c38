"""Write down as events what happened to orders: every step and every fill, in the order they happened."""

from collections.abc import Mapping
from typing import Final

from functions.domain.decisions import Fill, OrderUpdate, Submission
from functions.ports.telemetry import NO_CONTEXT
from functions.services.orders import CARD
from functions.wire import facts
from functions.wire.codecs.orders import FILL, ORDER_UPDATE, encode_fill, encode_order_update
from functions.wire.envelope import Event, ExtensionValue

_SOURCE_KIND: Final = "services"


def event_of(step: OrderUpdate | Fill, submission: Submission, made_in: Mapping[str, str] = NO_CONTEXT) -> Event:
    """Give a step's event; equal steps give equal bytes.

    Args:
        step: What happened; its sequence is its number on the account's stream.
        submission: The order as it was handed in: what caused it goes on with all that became of it.
        made_in: `traceparent` of the span it was asked in, if there is one.
    """
    if isinstance(step, Fill):
        message_type, data = FILL, encode_fill(step)
    else:
        message_type, data = ORDER_UPDATE, encode_order_update(step)
    return Event(
        id=facts.fact_id(message_type, step.client_order_id, step.n),
        source=facts.source_of(_SOURCE_KIND, CARD.name, step.account),
        type=message_type,
        data=data,
        time_ns=step.as_of_ns,
        subject=step.instrument_id,
        datacontenttype=facts.PROTOBUF,
        extensions={**_extensions(submission, step.account, step.sequence), **made_in},
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
