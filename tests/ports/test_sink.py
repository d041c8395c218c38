"""What every sink keeps to, run on each adapter: over HTTP against a real server, and in memory."""

import asyncio
import contextlib
import pathlib
import ssl
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass

import pytest
from aiohttp import web
from aiohttp.test_utils import TestServer, unused_port
from counts import examples
from cryptography import x509
from envelopes import events, sample
from hypothesis import HealthCheck, given, settings
from identified import Authority

from functions.adapters.http_sink import HttpSink, overrides_of, sink_from
from functions.adapters.memory_sink import MemorySink
from functions.ports.errors import Overloaded, Unavailable
from functions.ports.sink import Sink
from functions.ports.telemetry import carrying
from functions.wire.envelope import Event
from functions.wire.errors import Malformed
from functions.wire.http_binding import from_http

ERRORS: dict[str, tuple[int, Exception]] = {
    "Unavailable": (503, Unavailable("down")),
    "Overloaded": (429, Overloaded("slow down")),
    "Malformed": (400, Malformed("refused")),
}


@dataclass
class Broker:
    """A sink, what it stored, and how to make its next answer an error."""

    sink: Sink
    stored: list[Event]
    refuse: Callable[[str], None]


class Ingress:
    """A broker's ingress: stores what it takes, answers what it is told."""

    def __init__(self) -> None:
        """Begin empty, taking everything."""
        self.stored: list[Event] = []
        self.headers: list[dict[str, str]] = []
        self.answers: list[int] = []
        self.default = 202
        self.delay_s = 0.0

    async def handle(self, request: web.Request) -> web.Response:
        """Take one request."""
        body = await request.read()
        await asyncio.sleep(self.delay_s)
        status = self.answers.pop(0) if self.answers else self.default
        if status < 300:
            self.stored.append(from_http(request.raw_headers, body))
            self.headers.append(dict(request.headers))
        return web.Response(status=status, text="why not" if status >= 300 else None)


@pytest.fixture
async def ingress() -> AsyncIterator[tuple[Ingress, str]]:
    broker = Ingress()
    app = web.Application(client_max_size=2**21)
    app.router.add_post("/{path:.*}", broker.handle)
    async with TestServer(app) as server:
        yield broker, str(server.make_url("/default/market"))


async def over_http(ingress: tuple[Ingress, str]) -> Broker:
    broker, url = ingress
    return Broker(HttpSink(url), broker.stored, lambda name: broker.answers.append(ERRORS[name][0]))


async def in_memory(_: object) -> Broker:
    sink = MemorySink()
    return Broker(sink, sink.events, lambda name: sink.answers.append(ERRORS[name][1]))


@pytest.fixture(params=[over_http, in_memory])
async def broker(request: pytest.FixtureRequest, ingress: tuple[Ingress, str]) -> AsyncIterator[Broker]:
    make: Callable[[tuple[Ingress, str]], Awaitable[Broker]] = request.param
    made = await make(ingress)
    async with contextlib.AsyncExitStack() as stack:
        if isinstance(made.sink, HttpSink):
            await stack.enter_async_context(made.sink)
        yield made


async def test_stores_in_order(broker: Broker) -> None:
    """What is published is stored unchanged, in order, before the call returns."""
    published = [sample(id=str(number), data=bytes([number])) for number in range(5)]
    for number, event in enumerate(published):
        await broker.sink.publish(event)
        assert len(broker.stored) == number + 1
    assert broker.stored == published


async def test_stores_twice(broker: Broker) -> None:
    """A sink does not look for duplicates: at least once is the contract."""
    await broker.sink.publish(sample())
    await broker.sink.publish(sample())
    assert broker.stored == [sample(), sample()]


@pytest.mark.parametrize("name", ERRORS)
async def test_refusals(broker: Broker, name: str) -> None:
    """A broker that is down, overloaded or refuses for good raises its own error; nothing is stored."""
    broker.refuse(name)
    with pytest.raises(type(ERRORS[name][1])):
        await broker.sink.publish(sample())
    assert broker.stored == []


async def test_works_again(broker: Broker) -> None:
    """After an error the same call works."""
    broker.refuse("Unavailable")
    with pytest.raises(Unavailable):
        await broker.sink.publish(sample())
    await broker.sink.publish(sample())
    assert broker.stored == [sample()]


@pytest.mark.parametrize(
    "event",
    [
        sample(data=None, datacontenttype=None),
        sample(data=b""),
        sample(subject="Euro € %"),
        sample(data=b"x" * 1_000_000),
        sample(extensions={}),
    ],
)
async def test_odd_events(broker: Broker, event: Event) -> None:
    """Empty, large and percent-encoded events arrive as they were."""
    await broker.sink.publish(event)
    assert broker.stored == [event]


@given(event=events())
@settings(max_examples=examples(1000), deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
async def test_any_event(broker: Broker, event: Event) -> None:
    """Any event arrives as it was."""
    await broker.sink.publish(event)
    assert broker.stored[-1] == event


async def test_memory_is_bounded() -> None:
    """A full memory sink asks to slow down."""
    sink = MemorySink(events_max=1)
    await sink.publish(sample())
    with pytest.raises(Overloaded):
        await sink.publish(sample())


@pytest.mark.parametrize(
    ("status", "error"),
    [
        (301, Unavailable),
        (400, Malformed),
        (401, Malformed),
        (404, Unavailable),
        (408, Unavailable),
        (409, Unavailable),
        (413, Malformed),
        (422, Malformed),
        (429, Overloaded),
        (500, Unavailable),
        (503, Unavailable),
    ],
)
async def test_http_statuses(ingress: tuple[Ingress, str], status: int, error: type[Exception]) -> None:
    """Statuses that say something about the event refuse it for good; the others may pass."""
    ingress[0].default = status
    async with HttpSink(ingress[1]) as sink:
        with pytest.raises(error, match=f"{status}.*why not"):
            await sink.publish(sample())


@pytest.mark.parametrize("status", [200, 202, 204])
async def test_http_taken(ingress: tuple[Ingress, str], status: int) -> None:
    """Three statuses say that the event is stored."""
    ingress[0].default = status
    async with HttpSink(ingress[1]) as sink:
        await sink.publish(sample())
    assert ingress[0].stored == [sample()]


async def test_http_unreachable() -> None:
    """A broker that is not there is unavailable; its address is named without its password."""
    async with HttpSink(f"http://user:hunter2@127.0.0.1:{unused_port()}/x") as sink:
        with pytest.raises(Unavailable) as caught:
            await sink.publish(sample())
    assert "127.0.0.1" in str(caught.value)
    assert "hunter2" not in str(caught.value)


async def test_http_too_slow(ingress: tuple[Ingress, str]) -> None:
    """A broker that does not answer in time is unavailable."""
    ingress[0].delay_s = 5.0
    async with HttpSink(ingress[1], timeout_s=0.05) as sink:
        with pytest.raises(Unavailable):
            await sink.publish(sample())


async def test_http_overrides(ingress: tuple[Ingress, str]) -> None:
    """A SinkBinding's extensions are on every event, and win."""
    environ = {"K_SINK": ingress[1], "K_CE_OVERRIDES": '{"extensions": {"env": "dev", "partitionkey": "P"}}'}
    async with sink_from(environ) as sink:
        await sink.publish(sample())
    assert dict(ingress[0].stored[0].extensions) == {**sample().extensions, "env": "dev", "partitionkey": "P"}


async def test_http_authority(tmp_path: pathlib.Path) -> None:
    """An ingress over TLS is trusted by the authority that a SinkBinding names, and by no other."""
    authority, broker = Authority(tmp_path), Ingress()
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(*authority.certificate("ingress", x509.DNSName("localhost")))
    app = web.Application()
    app.router.add_post("/", broker.handle)
    secure = TestServer(app, scheme="https")
    await secure.start_server(ssl=context)
    async with secure:
        environ = {"K_SINK": f"https://localhost:{secure.port}/"}
        async with (
            sink_from(environ) as stranger,
            sink_from({**environ, "K_CA_CERTS": authority.path.read_text()}) as sink,
        ):
            await sink.publish(sample())
            with pytest.raises(Unavailable, match="Certificate"):
                await stranger.publish(sample())
    assert broker.stored == [sample()]


async def test_http_trace(ingress: tuple[Ingress, str]) -> None:
    """The current trace travels in the HTTP header and leaves the event's own alone."""
    origin = "00-" + "c" * 32 + "-" + "d" * 16 + "-01"
    here = {"traceparent": "00-" + "a" * 32 + "-" + "b" * 16 + "-01"}
    async with HttpSink(ingress[1]) as sink:
        with carrying(here):
            await sink.publish(sample(extensions={"traceparent": origin}))
    assert ingress[0].headers[0]["traceparent"] == here["traceparent"]
    assert ingress[0].stored[0].extensions["traceparent"] == origin


@pytest.mark.parametrize(
    "environ",
    [
        {},
        {"K_SINK": "ftp://x"},
        {"K_SINK": "http://x", "K_CE_OVERRIDES": "{"},
        {"K_SINK": ""},
        {"K_SINK": "https://x", "K_CA_CERTS": "-"},
    ],
)
def test_bad_binding(environ: dict[str, str]) -> None:
    """A sink that the environment does not name properly stops the start."""
    with pytest.raises(ValueError, match=r"K_SINK|K_CE_OVERRIDES|Expecting|K_CA_CERTS"):
        sink_from(environ)


@pytest.mark.parametrize("text", ["[]", "7", '{"extensions": []}', '{"extensions": {"a": 1}}'])
def test_bad_overrides(text: str) -> None:
    """Overrides are extensions of text."""
    with pytest.raises(ValueError, match="K_CE_OVERRIDES"):
        overrides_of(text)


@pytest.mark.parametrize("text", ["", "{}", '{"extensions": null}', '{"extensions": {}}'])
def test_no_overrides(text: str) -> None:
    """No overrides are no extensions."""
    assert overrides_of(text) == {}
