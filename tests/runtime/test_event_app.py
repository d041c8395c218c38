"""Hosting over HTTP: replies, the error table, limits and probes, through the framework's own application."""

import dataclasses
import json
import time
import types
from typing import Any

import functions_framework.aio
import pytest
from envelopes import BATCH, sample
from starlette.requests import Request
from starlette.responses import Response

from functions.domain.errors import Rejected
from functions.ports.card import Card, Kind
from functions.ports.errors import Overloaded, Unavailable
from functions.ports.telemetry import NullTelemetry
from functions.runtime import event_app
from functions.runtime.hosting import HostedHandler
from functions.wire import facts
from functions.wire.envelope import Event
from functions.wire.errors import Malformed
from functions.wire.http_binding import from_http, to_http, to_http_structured

CARD = Card("echo", Kind.HANDLER, "1", "Say it back.", consumes=(BATCH,), emits=("test.Said",))
ERRORS: dict[str, Exception] = {
    "malformed": Malformed("bad bytes"),
    "rejected": Rejected("broken rule"),
    "unavailable": Unavailable("store down"),
    "overloaded": Overloaded("slow down"),
    "bug": KeyError("secret-token"),
}


async def echo(event: Event) -> Event | None:
    wish = str(event.extensions.get("wish", "reply"))
    if wish in ERRORS:
        raise ERRORS[wish]
    if wish == "quiet":
        return None
    return facts.reply(event, name="echo", version="1", message_type="test.Said", data=event.data or b"", time_ns=None)


HOSTED = HostedHandler(CARD, echo)


class Client:
    """Speak to the application as an ASGI server would."""

    def __init__(self, hosted: HostedHandler) -> None:
        """Build the framework's application around an endpoint, as `serve` does."""
        self.respond = event_app.Endpoint(lambda: hosted)

        @functions_framework.aio.http
        async def handle(request: Request) -> Response:
            return await self.respond(request)

        module = types.SimpleNamespace(handle=handle)
        framework: Any = functions_framework.aio
        self._app = framework.create_asgi_app_from_module("handle", "", "http", module, None)

    async def request(
        self, headers: list[tuple[bytes, bytes]], *chunks: bytes, method: str = "POST", path: str = "/"
    ) -> tuple[int, dict[bytes, bytes], bytes]:
        """Send one request, its body in chunks; give status, headers and body."""
        scope = {
            "type": "http",
            "asgi": {"version": "3.0"},
            "http_version": "1.1",
            "method": method,
            "scheme": "http",
            "path": path,
            "raw_path": path.encode(),
            "root_path": "",
            "query_string": b"",
            "headers": headers,
            "client": ("127.0.0.1", 1),
            "server": ("127.0.0.1", 2),
        }
        self.unread = [
            {"type": "http.request", "body": chunk, "more_body": index + 1 < len(chunks)}
            for index, chunk in enumerate(chunks)
        ]
        sent: list[dict[str, Any]] = []

        async def receive() -> dict[str, Any]:
            return self.unread.pop(0) if self.unread else {"type": "http.disconnect"}

        async def send(message: dict[str, Any]) -> None:
            sent.append(message)

        await self._app(scope, receive, send)
        return sent[0]["status"], dict(sent[0]["headers"]), b"".join(message.get("body", b"") for message in sent[1:])

    async def post(self, event: Event, *more: tuple[bytes, bytes]) -> tuple[int, dict[bytes, bytes], bytes]:
        """Send an event in binary mode."""
        headers, body = to_http(event)
        return await self.request([HOST, *headers, *more], body)


HOST = (b"host", b"x")


@pytest.fixture
def client() -> Client:
    return Client(HOSTED)


def wish(word: str) -> Event:
    return sample(extensions={**sample().extensions, "wish": word})


async def test_reply(client: Client) -> None:
    """A reply is a CloudEvent in binary mode with status 200."""
    status, headers, body = await client.post(sample())
    came = from_http(list(headers.items()), body)
    assert status == 200
    assert (came.type, came.source, came.data) == (
        "test.Said",
        "/tickloom/handlers/echo/BINANCE-0.replay",
        sample().data,
    )
    assert came.extensions["causationid"] == sample().id
    assert headers[b"content-length"] == str(len(body)).encode()


async def test_structured_in(client: Client) -> None:
    """Structured mode is taken as well, and gives the same answer."""
    headers, body = to_http_structured(sample())
    assert await client.request([HOST, *headers], body) == await client.post(sample())


async def test_same_twice(client: Client) -> None:
    """The same event twice gives equal bytes."""
    assert await client.post(sample()) == await client.post(sample())


async def test_no_reply(client: Client) -> None:
    """No reply is 204 with nothing at all in it."""
    status, headers, body = await client.post(wish("quiet"))
    assert (status, headers, body) == (204, {}, b"")


@pytest.mark.parametrize(
    ("word", "status", "detail"),
    [
        ("malformed", 400, "bad bytes"),
        ("rejected", 422, "broken rule"),
        ("unavailable", 503, "store down"),
        ("overloaded", 429, "slow down"),
        ("bug", 500, "echo failed with KeyError"),
    ],
)
async def test_error_table(client: Client, word: str, status: int, detail: str) -> None:
    """Every error becomes its status and a problem document; a bug's own text stays inside."""
    found, headers, body = await client.post(wish(word))
    problem = json.loads(body)
    assert (found, problem["status"], problem["detail"]) == (status, status, detail)
    assert headers[b"content-type"] == b"application/problem+json"
    assert (b"retry-after" in headers) == (status in {429, 503})


async def test_unknown_type(client: Client) -> None:
    """A type the card does not name is malformed."""
    status, _, body = await client.post(sample(type="tickloom.market.v1.RawBatches"))
    assert status == 400
    assert "RawBatches" in json.loads(body)["detail"]


async def test_any_type() -> None:
    """A card that takes any type takes any type."""
    card = Card("echo", Kind.HANDLER, "1", "Say it back.", consumes=("*",))
    status, _, _ = await Client(HostedHandler(card, echo)).post(sample(type="whatever"))
    assert status == 200


@pytest.mark.parametrize(
    "headers",
    [
        [],
        [(b"content-type", b"application/json")],
        [(b"content-type", b"application/cloudevents+json")],
        [(b"content-type", b"application/cloudevents-batch+json")],
    ],
)
async def test_no_event(client: Client, headers: list[tuple[bytes, bytes]]) -> None:
    """What is no CloudEvent is 400."""
    status, _, body = await client.request([HOST, *headers], b"[]")
    assert (status, json.loads(body)["outcome"]) == (400, "malformed")


async def test_too_large(client: Client) -> None:
    """A length over the limit is refused by the head alone; the body is thrown away first, and the connection ends."""
    status, headers, _ = await client.request([HOST, (b"content-length", b"2097152")], *[b"x" * 524_288] * 4)
    assert (status, headers[b"connection"]) == (413, b"close")
    assert client.unread == []


async def test_too_large_asks_first(client: Client) -> None:
    """Who asks before sending is told at once, without a byte being read."""
    length, expect = (b"content-length", b"2097152"), (b"expect", b"100-continue")
    assert (await client.request([HOST, length, expect], b"x"))[0] == 413
    assert len(client.unread) == 1


@pytest.mark.parametrize("length", [b"-1", b"1_0", b"", b"1.5", b"0x1"])
async def test_odd_length(client: Client, length: bytes) -> None:
    """A length that is no number is refused."""
    status, _, _ = await client.request([HOST, (b"content-length", length)], b"x")
    assert status == 413


async def test_too_large_streamed(client: Client) -> None:
    """A body without a length is refused behind the limit, and not read for ever."""
    headers, _ = to_http(sample())
    status, _, _ = await client.request([HOST, *headers], *[b"x" * 1_000_000] * 30)
    assert status == 413
    assert 15 < len(client.unread) < 25


async def test_at_the_limit(client: Client) -> None:
    """A body of exactly the limit is taken, whole or in chunks."""
    headers, _ = to_http(sample())
    half = b"x" * 524_288
    assert (await client.request([HOST, *headers], half, half))[0] == 200
    assert (await client.request([HOST, *headers], half + half + b"x"))[0] == 413


async def test_encoded_body(client: Client) -> None:
    """A compressed body is refused, an identity one is not."""
    assert (await client.post(sample(), (b"content-encoding", b"gzip")))[0] == 415
    assert (await client.post(sample(), (b"content-encoding", b"identity")))[0] == 200


async def test_cut_off(client: Client) -> None:
    """A request that ends before its body is malformed, never half an event."""
    headers, _ = to_http(sample())
    assert (await client.request([HOST, *headers]))[0] == 400


async def test_no_host(client: Client) -> None:
    """A request without host is refused (RFC 9112 section 3.2)."""
    headers, body = to_http(sample())
    assert (await client.request(headers, body))[0] == 400


@pytest.mark.parametrize("method", ["GET", "PUT", "DELETE", "PATCH", "OPTIONS", "HEAD"])
async def test_post_only(client: Client, method: str) -> None:
    """Events come by POST."""
    status, headers, _ = await client.request([HOST], b"", method=method)
    assert (status, headers[b"allow"]) == (405, b"POST")


@pytest.mark.parametrize("path", ["/health/liveness", "/health/readiness"])
@pytest.mark.parametrize("method", ["GET", "HEAD"])
async def test_probes(client: Client, path: str, method: str) -> None:
    """Probes are answered by the function itself, with an empty body."""
    status, _, body = await client.request([HOST], b"", method=method, path=path)
    assert (status, body) == (200, b"")


async def test_draining(client: Client) -> None:
    """While it stops a function is alive and not ready, and still answers events."""
    client.respond.open()
    client.respond.drain()
    assert (await client.request([HOST], b"", method="GET", path="/health/readiness"))[0] == 503
    assert (await client.request([HOST], b"", method="GET", path="/health/liveness"))[0] == 200
    assert (await client.post(sample()))[0] == 200


async def test_path_is_free(client: Client) -> None:
    """A Trigger may name any path."""
    headers, body = to_http(sample())
    assert (await client.request([HOST, *headers], body, path="/v1/events"))[0] == 200


async def test_composed_once_and_closed() -> None:
    """A handler is composed with the first use, once, and closed at the end."""
    steps: list[str] = []

    async def close() -> None:
        steps.append("closed")

    def compose() -> HostedHandler:
        steps.append("composed")
        return HostedHandler(CARD, echo, close)

    respond = event_app.Endpoint(compose)
    assert steps == []
    async with respond.lifespan(None):
        respond.open()
    assert steps == ["composed", "closed"]


@pytest.mark.parametrize(
    ("word", "status", "text"),
    [
        ("reply", 200, ""),
        ("quiet", 204, ""),
        ("rejected", 422, "broken rule"),
        ("bug", 500, "echo failed with KeyError"),
    ],
)
async def test_dispatch(word: str, status: int, text: str) -> None:
    """In process the same table decides."""
    found, reply, why = await event_app.dispatch(HOSTED, wish(word))
    assert (found, reply is not None, why) == (status, status == 200, text)


async def test_dispatch_type() -> None:
    """In process the same type check stands before the handler."""
    status, reply, why = await event_app.dispatch(HOSTED, sample(type="other"))
    assert (status, reply) == (400, None)
    assert why == f"echo takes {BATCH}, found 'other'"


class Remembering(NullTelemetry):
    """Remember what was kept."""

    enabled = True  # type: ignore[misc] # the one difference to its parent

    def __init__(self) -> None:
        """Begin empty."""
        self.kept: list[tuple[str, dict[str, str]]] = []

    def count(self, metric: str, labels: Any, amount: int = 1) -> None:  # noqa: ANN401, ARG002 - a mapping
        """Remember a count."""
        self.kept.append((metric, dict(labels)))

    def observe(self, metric: str, labels: Any, value: float) -> None:  # noqa: ANN401, ARG002
        """Remember a value."""
        self.kept.append((metric, dict(labels)))


async def test_a_failing_measure_keeps_no_reply_back() -> None:
    """What goes wrong while a handled event is measured changes nothing of its outcome."""

    async def fail(event: Event) -> list[Any]:
        raise LookupError(event.id)

    hosted = dataclasses.replace(HOSTED, measures=fail)
    status, reply, text = await event_app.dispatch(hosted, wish("reply"), kept=Remembering())
    assert (status, reply is not None, text) == (200, True, "")


async def test_dispatch_measured() -> None:
    """Handling is counted by outcome and timed."""
    kept = Remembering()
    await event_app.dispatch(HOSTED, wish("rejected"), kept=kept)
    assert kept.kept == [
        ("tickloom_events_handled_total", {"function": "echo", "outcome": "rejected"}),
        ("tickloom_handler_duration_seconds", {"function": "echo"}),
    ]


async def test_what_would_act_too_late_is_let_go() -> None:
    """An event older than its handler's bound is acknowledged and not handled; the wall clock decides, live only."""
    handled: list[Event] = []

    async def act(event: Event) -> None:
        handled.append(event)

    now_ns = time.time_ns()
    fresh, old = (sample(time_ns=now_ns - age_s * 1_000_000_000) for age_s in (1, 61))
    bound = HostedHandler(CARD, act, age_s_max=60.0)
    for event in (old, fresh, sample(time_ns=None)):
        assert await event_app.dispatch(bound, event) == (204, None, "")
    assert handled == [fresh, sample(time_ns=None)]
    assert await event_app.dispatch(HostedHandler(CARD, act), old) == (204, None, "")
    assert handled[-1] == old
