"""Run one broker of the local platform with subscribers over real HTTP: ingress, log, Triggers and dead letters."""

import asyncio
import contextlib
import pathlib
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from typing import Any

import aiohttp
from aiohttp import web
from waiting import until

from functions.local import subscribers
from functions.local.children import Children
from functions.local.consumer import Consumer
from functions.local.delivery import Delivery, compile_filters
from functions.local.dispatch import Subscriber
from functions.local.foundation import Options
from functions.local.log import EventLog, MemoryLog
from functions.local.platform import Platform
from functions.local.poster import Poster
from functions.local.topology import Broker, Subscription, Topology
from functions.wire.envelope import Event
from functions.wire.http_binding import from_http, to_http

BROKER = "market"
GRAVES = "market-dead-letters"

Serve = Callable[[web.Request, bytes], Awaitable[web.Response]]


class Hearing:
    """A subscriber that notes what it is sent, and answers what it is told to, the last answer for ever."""

    def __init__(self, *answers: web.Response | Callable[[], web.Response]) -> None:
        """Answer 204 unless told otherwise."""
        self.headers: list[Mapping[str, str]] = []
        self.events: list[Event] = []
        self._answers = answers or (lambda: web.Response(status=204),)

    async def __call__(self, request: web.Request, body: bytes) -> web.Response:
        """Take an event."""
        self.headers.append(request.headers)
        self.events.append(from_http(request.raw_headers, body))
        answer = self._answers[min(len(self.events), len(self._answers)) - 1]
        return answer() if callable(answer) else answer

    @property
    def ids(self) -> list[str]:
        """Give the ids of the events in the order in which they came."""
        return [event.id for event in self.events]


def replying(event: Event) -> Callable[[], web.Response]:
    """Answer with an event."""
    headers, body = to_http(event)
    named = {name.decode(): value.decode() for name, value in headers}
    return lambda: web.Response(body=body, headers=named)


def saying(status: int, body: bytes = b"", **headers: str) -> Callable[[], web.Response]:
    """Answer with a status and perhaps a body that is no event."""
    return lambda: web.Response(status=status, body=body or None, headers=headers)


class LocalBroker:
    """A broker under test."""

    def __init__(
        self, folder: pathlib.Path, served: dict[str, Serve], port: int, session: aiohttp.ClientSession
    ) -> None:
        """Lay out what `brokering` opens."""
        topology = Topology({BROKER: Broker(BROKER, 4, GRAVES)}, (), (), {}, {})
        self.platform = Platform(Options(folder, log="memory"), topology, Children(folder))
        self.log: EventLog = MemoryLog()
        self.graves: EventLog = MemoryLog()
        self.platform.logs = {BROKER: self.log, GRAVES: self.graves}
        self.consumers: dict[str, Consumer] = {}
        self.tasks: dict[str, asyncio.Task[None]] = {}
        self.posters: list[Poster] = []
        self._served = served
        self._port = port
        self._session = session

    @property
    def url(self) -> str:
        """Give the address of the ingress."""
        return self.platform.ingress.url(BROKER)

    async def request(self, headers: Mapping[str, str] = (), body: bytes = b"", *, method: str = "POST") -> int:
        """Send a request to the ingress; give the status of the answer."""
        async with self._session.request(method, self.url, headers=headers, data=body) as answer:
            return answer.status

    async def send(self, *events: Event) -> None:
        """Produce events, each of which must be accepted."""
        for event in events:
            headers, body = to_http(event)
            named = {name.decode(): value.decode() for name, value in headers}
            assert await self.request(named, body) // 100 == 2

    def trigger(
        self,
        name: str,
        serve: Serve,
        *filters: Mapping[str, Any],
        retry: int = 0,
        path: str = "",
        subscriber: Subscriber | None = None,
    ) -> Consumer:
        """Add a Trigger and begin to deliver; several may share a path, so a subscriber."""
        path = path or name
        self._served[path] = serve
        self.posters.append(Poster("127.0.0.1", self._port, f"/{path}"))
        delivery = Delivery(retry, 0.0, exponential=True, timeout_s=5.0, dead_letter_sink=GRAVES)
        accepts = compile_filters(filters, name)
        subscription = Subscription(name, BROKER, False, accepts, tuple(filters), "Service", path, delivery)  # noqa: FBT003 - not ordered
        reached = subscriber or subscribers.over_http(self.posters[-1])
        consumer = Consumer(
            subscription, reached, log=self.log, outbound=self.platform, partitions=4, bulk=self.platform.options.bulk
        )
        self.consumers[name] = consumer
        self.tasks[name] = asyncio.create_task(consumer.run())
        return consumer

    async def drained(self) -> None:
        """Return once every Trigger has done everything there is."""
        await until(lambda: all(one.caught_up for one in self.consumers.values()))

    def buried(self) -> Sequence[Event]:
        """Give the dead letters."""
        return self.graves.read(0)


@contextlib.asynccontextmanager
async def brokering(folder: pathlib.Path) -> AsyncIterator[LocalBroker]:
    """Run a broker and a server for its subscribers, and stop both whatever happens."""
    served: dict[str, Serve] = {}

    async def take(request: web.Request) -> web.Response:
        return await served[request.match_info["name"]](request, await request.read())

    app = web.Application()
    app.router.add_route("*", "/{name}", take)
    runner = web.AppRunner(app)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    async with aiohttp.ClientSession() as session:
        broker = LocalBroker(folder, served, runner.addresses[0][1], session)
        await broker.platform.ingress.start()
        try:
            yield broker
        finally:
            for task in broker.tasks.values():
                task.cancel()
            await asyncio.gather(*broker.tasks.values(), return_exceptions=True)
            for poster in broker.posters:
                poster.close()
            await broker.platform.ingress.stop()
            await runner.cleanup()
