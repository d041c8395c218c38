"""Reach the paper venue: requests leave as events, what it says of them comes back by the orders service's `Report`."""

import asyncio
import uuid
from dataclasses import replace
from typing import Final

from functions.domain.orders.life import Report
from functions.ports.errors import Unavailable
from functions.ports.sink import Sink
from functions.ports.telemetry import TRACEPARENT, carrying
from functions.ports.venue_orders import Connected, Heard, VenueMessage
from functions.wire import facts
from functions.wire.codecs.venue import VENUE_REQUEST, Asked, VenueRequest, encode_venue_request
from functions.wire.envelope import Event
from functions.wire.errors import Malformed

SERVICE: Final = "orders"
DESK: Final = "desk"
ANSWER_S: Final = 5.0
"""How long the venue may take to say how an order stands; executions come one by one before it does."""
ASKED_MAX: Final = 1024
"""Questions that may wait for their answers."""


class PaperVenue:
    """Port `VenueOrders` over events; what is sent again is not obeyed again, so nothing is ever in doubt for long.

    Args:
        sink: The broker that the venue hears.
        answer_s: How long an answer is waited for.
    """

    def __init__(self, sink: Sink, *, answer_s: float = ANSWER_S) -> None:
        """Ask nothing yet."""
        self._sink = sink
        self._answer_s = answer_s
        self._asked: dict[str, asyncio.Future[Report]] = {}

    async def start(self, heard: Heard, connected: Connected) -> None:
        """Need nothing: reports come to the service itself, and each event finds its own way."""
        del heard, connected

    async def close(self) -> None:
        """Wait for no more answers."""
        for one in self._asked.values():
            one.cancel()

    async def send(self, message: VenueMessage) -> None:
        """Publish a request.

        Raises:
            Unavailable: Nobody knows whether the broker has it.
        """
        order = message.order
        request = VenueRequest(
            kind=Asked(message.kind.value),
            client_order_id=message.client_order_id,
            account=order.account,
            request_id=message.request_id,
            number=message.sequence,
            order=order,
            quantity=message.quantity,
            limit_price=message.limit_price,
            quote=message.quote,
            as_of_ns=message.as_of_ns,
        )
        event_id = facts.fact_id(VENUE_REQUEST, order.account, message.sequence)
        await self._publish(request, event_id, traceparent=message.traceparent)

    async def ask(self, client_order_id: str) -> tuple[Report, ...]:
        """Ask how an order stands; its executions were stored on the way, the answer is its status alone.

        Raises:
            Unavailable: The venue did not answer in time, or too many questions wait.
        """
        if len(self._asked) >= ASKED_MAX:
            message = f"{ASKED_MAX} questions wait for the paper venue already"
            raise Unavailable(message)
        name = str(uuid.uuid4())  # an answer to whoever asked before must not be taken for ours
        answer = self._asked[name] = asyncio.get_running_loop().create_future()
        try:
            await self._publish(VenueRequest(Asked.STATUS, client_order_id, request_id=name), name)
            async with asyncio.timeout(self._answer_s):
                return (replace(await answer, request_id=""),)
        except TimeoutError as error:
            message = f"the paper venue did not say within {self._answer_s} s how order {client_order_id} stands"
            raise Unavailable(message) from error
        finally:
            del self._asked[name]

    def answered(self, report: Report) -> None:
        """Take an ORDER_STATUS; one that nobody waits for any more is dropped, for it may be out of date."""
        waiting = self._asked.get(report.request_id)
        if waiting is not None and not waiting.done():
            waiting.set_result(report)

    async def _publish(self, request: VenueRequest, event_id: str, *, traceparent: str = "") -> None:
        made_in = {TRACEPARENT: traceparent} if traceparent else {}
        event = Event(
            id=event_id,
            source=facts.source_of("services", SERVICE, request.account or DESK),
            type=VENUE_REQUEST,
            data=encode_venue_request(request),
            time_ns=request.as_of_ns or None,
            subject=request.order.instrument_id if request.order else None,
            datacontenttype=facts.PROTOBUF,
            extensions={"partitionkey": DESK, **made_in},
        )
        try:
            with carrying(made_in):
                await self._sink.publish(event)
        except Malformed as error:  # the broker's mistake or ours: the order waits, and says so
            message = f"the broker refuses a request of order {request.client_order_id}: {error}"
            raise Unavailable(message) from error
