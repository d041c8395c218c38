"""Whatever a subscriber answers becomes one delivery decision, as the Kafka Broker's dispatcher makes it."""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Awaitable, Callable

import pytest
from aiohttp import web
from envelopes import sample

from functions.domain.errors import Rejected
from functions.local import subscribers
from functions.local.delivery import Answer
from functions.local.dispatch import Subscriber
from functions.local.poster import Poster
from functions.ports.card import Card, Kind
from functions.runtime.hosting import HostedHandler
from functions.wire.envelope import Event
from functions.wire.http_binding import from_http, to_http

EVENT = sample()
REPLY = sample(id="reply", type="tickloom.market.v1.TickBatch")
Serve = Callable[[web.Request], Awaitable[web.Response]]


@contextlib.asynccontextmanager
async def over_http(serve: Serve) -> AsyncIterator[Subscriber]:
    """Reach a small server as a subscriber."""
    app = web.Application()
    app.router.add_route("*", "/", serve)
    runner = web.AppRunner(app)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    try:
        with contextlib.closing(Poster("127.0.0.1", runner.addresses[0][1])) as poster:
            yield subscribers.over_http(poster)
    finally:
        await runner.cleanup()


def answering(status: int, body: bytes = b"", headers: dict[str, str] | None = None) -> Serve:
    """Make a server that always says the same."""

    async def serve(_: web.Request) -> web.Response:
        return web.Response(status=status, body=body or None, headers=headers)

    return serve


def hosted(
    answer: Event | Exception | None, *, calls: tuple[str, ...] = (), stores: tuple[str, ...] = ()
) -> HostedHandler:
    """Host a handler that answers or fails."""

    async def handle(_: Event) -> Event | None:
        if isinstance(answer, Exception):
            raise answer
        return answer

    card = Card("x", Kind.HANDLER, "1", "Answer.", consumes=("*",), calls=calls, stores=stores)
    return HostedHandler(card, handle)


@pytest.mark.parametrize(
    ("status", "body", "delivered", "retryable"),
    [
        (204, b"", True, False),
        (202, b"", True, False),
        (200, b"", True, False),
        (200, b"OK", False, False),
        (301, b"", False, False),
        (400, b"bad", False, False),
        (422, b"rule", False, False),
        (429, b"", False, True),
        (503, b"down", False, True),
    ],
)
async def test_answers(status: int, body: bytes, *, delivered: bool, retryable: bool) -> None:
    """Only 2xx without a foreign body is a success; what else there is, is kept for the dead letter."""
    async with over_http(answering(status, body)) as subscriber:
        answer = await subscriber.deliver(EVENT)
    assert (answer.delivered, answer.retryable, answer.event) == (delivered, retryable, None)
    assert (answer.status, answer.other_body) == (status, body)


async def test_reply() -> None:
    """A 200 that is a CloudEvent is the reply, and the event arrived whole, asking for one."""
    heard: list[tuple[Event, str]] = []

    async def serve(request: web.Request) -> web.Response:
        heard.append((from_http(request.raw_headers, await request.read()), request.headers["Prefer"]))
        headers, body = to_http(REPLY)
        return web.Response(body=body, headers={name.decode(): value.decode() for name, value in headers})

    async with over_http(serve) as subscriber:
        answer = await subscriber.deliver(EVENT)
    assert (answer.delivered, answer.event) == (True, REPLY)
    assert heard == [(EVENT, "reply")]


async def test_broken_reply_is_a_failure() -> None:
    """A 200 that calls itself a CloudEvent and is none is a foreign body, even when it is empty."""
    async with over_http(answering(200, b"", {"ce-specversion": "1.0"})) as subscriber:
        answer = await subscriber.deliver(EVENT)
    assert not answer.delivered
    assert not answer.retryable


async def test_connections_stay_open() -> None:
    """One after the other, events go over the same connection; one whose answer was given up is not used again."""
    ports: list[int] = []
    released = asyncio.Event()

    async def serve(request: web.Request) -> web.Response:
        assert request.transport is not None
        ports.append(request.transport.get_extra_info("peername")[1])
        await released.wait()
        return web.Response(status=204)

    async with over_http(serve) as subscriber:
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(0.2):
                await subscriber.deliver(EVENT)
        released.set()
        for _ in range(3):
            assert (await subscriber.deliver(EVENT)).status == 204
    assert len(ports) == 4
    assert len(set(ports[1:])) == 1
    assert ports[0] != ports[1]


async def test_nobody_there() -> None:
    """A refused connection counts as 503, so it is tried again."""
    async with over_http(answering(204)) as subscriber:
        gone = subscriber
    answer = await gone.deliver(EVENT)
    assert (answer.status, answer.retryable) == (503, True)
    assert answer.other_body


@pytest.mark.parametrize(
    ("said", "status", "reply"), [(None, 204, None), (REPLY, 200, REPLY), (Rejected("no"), 422, None)]
)
async def test_in_process(said: Event | Exception | None, status: int, reply: Event | None) -> None:
    """A handler in process answers by the same table as over HTTP."""
    answer = await subscribers.in_process(hosted(said)).deliver(EVENT)
    assert (answer.status, answer.event) == (status, reply)
    assert answer.delivered is not isinstance(said, Exception)


@pytest.mark.parametrize(
    ("card", "inline"), [({}, True), ({"stores": ("redis",)}, False), ({"calls": ("risk",)}, False)]
)
def test_who_waits_gets_a_task(card: dict[str, tuple[str, ...]], inline: bool) -> None:  # noqa: FBT001 - a table column
    """A handler without calls and stores never waits, so it is called inline."""
    assert subscribers.in_process(hosted(None, **card)).inline is inline


async def test_into_broker() -> None:
    """A bridge appends the event to the other broker unchanged."""
    taken: list[tuple[str, Event]] = []

    async def accept(broker: str, event: Event) -> None:
        taken.append((broker, event))

    assert await subscribers.into_broker("desk", accept).deliver(EVENT) == Answer(202)
    assert taken == [("desk", EVENT)]
