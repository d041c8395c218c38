"""Say how each kind of subscriber is reached: a handler in process or over HTTP, another broker, a dead letter sink."""

from collections.abc import Awaitable, Callable

import aiohttp

from functions.local.delivery import Answer
from functions.local.dispatch import Subscriber
from functions.runtime.event_app import dispatch
from functions.runtime.hosting import HostedHandler
from functions.wire.envelope import Event
from functions.wire.errors import Malformed
from functions.wire.http_binding import from_http, to_http

UNREACHABLE = 503


def in_process(hosted: HostedHandler) -> Subscriber:
    """Call a handler directly, through the same error table as its HTTP host."""

    async def deliver(event: Event) -> Answer:
        status, reply, error = await dispatch(hosted, event)
        return Answer(status, reply, b"" if status // 100 == 2 else error.encode())  # noqa: PLR2004 - class of 2xx

    pure = not (hosted.card.calls or hosted.card.stores)
    return Subscriber(f"local:/handlers/{hosted.card.name}", deliver, inline=pure)


def over_http(url: str, session: aiohttp.ClientSession) -> Subscriber:
    """Post events in binary mode, as the Kafka Broker's dispatcher does."""

    async def deliver(event: Event) -> Answer:
        headers, body = to_http(event)
        sent = {name.decode(): value.decode() for name, value in headers} | {"Prefer": "reply"}
        try:
            async with session.post(url, data=body, headers=sent, allow_redirects=False) as response:
                return _answer(response.status, response.raw_headers, await response.read())
        except aiohttp.ClientError as error:
            return Answer(UNREACHABLE, other_body=str(error).encode())

    return Subscriber(url, deliver)


def _answer(status: int, headers: tuple[tuple[bytes, bytes], ...], body: bytes) -> Answer:
    if status // 100 != 2:  # noqa: PLR2004 - class of 2xx
        return Answer(status, other_body=body)
    if not body and not any(name.lower().startswith(b"ce-") for name, _ in headers):
        return Answer(status)
    try:
        return Answer(status, from_http(headers, body))
    except Malformed as error:
        return Answer(status, other_body=body or str(error).encode())


def into_broker(broker: str, accept: Callable[[str, Event], Awaitable[None]]) -> Subscriber:
    """Append events to another broker, unchanged."""

    async def deliver(event: Event) -> Answer:
        await accept(broker, event)
        return Answer(202)

    return Subscriber(f"local:/brokers/{broker}", deliver, inline=True)
