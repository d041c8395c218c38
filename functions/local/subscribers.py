"""Say how each kind of subscriber is reached: a handler in process or over HTTP, another broker, a dead letter sink."""

from collections.abc import Awaitable, Callable

from functions.local.delivery import Answer, told_by
from functions.local.dispatch import Subscriber
from functions.local.poster import Headers, Poster, PostError
from functions.ports.telemetry import NULL, TRACEPARENT, Telemetry
from functions.runtime.event_app import dispatch
from functions.runtime.hosting import HostedHandler
from functions.runtime.tracing import origin_of
from functions.wire.envelope import Event
from functions.wire.errors import Malformed
from functions.wire.http_binding import from_http, to_http

UNREACHABLE = 503
HANDLER = "local:/handlers/{}"
"""What dead letters call a handler, wherever it runs: no host and no port, for rows of two runs are compared."""

_PREFER = (b"prefer", b"reply")


def in_process(hosted: HostedHandler, kept: Telemetry = NULL) -> Subscriber:
    """Call a handler directly, through the same error table as its HTTP host."""

    async def deliver(event: Event) -> Answer:
        status, reply, error = await dispatch(hosted, event, kept=kept)
        return Answer(status, reply, b"" if status // 100 == 2 else error.encode())  # noqa: PLR2004 - class of 2xx

    pure = not (hosted.card.calls or hosted.card.stores)
    return Subscriber(HANDLER.format(hosted.card.name), deliver, inline=pure, silent=not hosted.card.emits)


def over_http(poster: Poster, address: str = "", *, traced: bool = False) -> Subscriber:
    """Post events in binary mode, as the Kafka Broker's dispatcher does.

    Args:
        poster: Who posts.
        address: What dead letters call the subscriber; empty for the URL.
        traced: Say in the header `traceparent`, for those who know no other, which span made the event.
    """

    async def deliver(event: Event) -> Answer:
        headers, body = to_http(event)
        if traced and (origin := origin_of(event)):
            headers.append((TRACEPARENT.encode(), origin.encode()))
        try:
            return _answer(*await poster.post([*headers, _PREFER], body))
        except PostError as error:
            return Answer(UNREACHABLE, other_body=str(error).encode())

    return Subscriber(address or poster.url, deliver)


def _answer(status: int, headers: Headers, body: bytes) -> Answer:
    if status // 100 != 2:  # noqa: PLR2004 - class of 2xx
        return Answer(status, other_body=body, told=told_by(headers))
    if not body and not any(name.lower().startswith(b"ce-") for name, _ in headers):
        return Answer(status)
    try:
        return Answer(status, from_http(headers, body))
    except Malformed as error:
        return Answer(status, other_body=body or str(error).encode())


def into_broker(broker: str, accept: Callable[[str, Event], Awaitable[None]], *, inline: bool = True) -> Subscriber:
    """Append events to another broker, unchanged; `inline` where appending never waits."""

    async def deliver(event: Event) -> Answer:
        try:
            await accept(broker, event)
        except Malformed as error:
            return Answer(413, other_body=str(error).encode())
        return Answer(202)

    return Subscriber(f"local:/brokers/{broker}", deliver, inline=inline)
