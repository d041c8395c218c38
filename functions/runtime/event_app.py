"""Host a handler over HTTP: one CloudEvent in, one CloudEvent or 204 out (design R1, R8).

A handler's `main.py` says::

    respond = event_app.endpoint(Settings, compose)

    @functions_framework.aio.http
    async def handle(request: Request) -> Response:
        return await respond(request)

    if __name__ == "__main__":
        event_app.serve(respond, handle)

It then runs with `python -m functions.handlers.<name>.main` and with the plain `functions-framework --asgi
--target=handle`. The local platform calls `dispatch` in process: the same type check and the same error table.
A 2xx answer never carries any other body than a CloudEvent: the Kafka Broker would dead-letter it.
"""

import contextlib
import http
import json
import os
import time
import types
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from typing import Any, Final, TypeVar

from starlette.requests import Request
from starlette.responses import Response
from starlette.types import Receive, Scope, Send

from functions.ports.telemetry import NO_CONTEXT, NULL, Telemetry
from functions.runtime import logs, outcomes, settings, telemetry, tracing
from functions.runtime.health import Health
from functions.runtime.hosting import HostedHandler
from functions.wire.envelope import Event
from functions.wire.errors import Malformed
from functions.wire.http_binding import from_http, to_http

S = TypeVar("S")


DETAIL_CHARS_MAX: Final = 500  # a dead letter keeps the first 1024 bytes of the answer (knative.md section 2.3)
DISCARDED_BYTES_MAX: Final = 8 * 1024 * 1024
"""Of a refused body, read and thrown away before the answer: a connection that is closed on bytes under way is reset,
and their sender may never see why (RFC 9112 section 9.6)."""
ANY: Final = ("*",)
_NO_PROBE: Final = 404

_log: Final = logs.logger("event_app")


class Answer(Response):
    """Send a status, raw headers and a body, without the work that text responses need."""

    def __init__(self, status: int, headers: list[tuple[bytes, bytes]], body: bytes) -> None:
        """Keep what is sent; the base class's own set-up is for text and cookies."""
        self.status_code = status
        # A 204 has no body, so no length either (RFC 9110 section 8.6).
        self.raw_headers = headers if status == outcomes.NO_CONTENT else [*headers, _length(body)]
        self.body = body
        self.background = None

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:  # noqa: ARG002 - the ASGI signature
        """Send it."""
        await send({"type": "http.response.start", "status": self.status_code, "headers": self.raw_headers})
        await send({"type": "http.response.body", "body": self.body})


class Endpoint:
    """Answer HTTP requests with one handler, which is composed at the start or with the first request."""

    def __init__(self, compose: Callable[[], HostedHandler]) -> None:
        """Keep how the handler is composed; nothing is read or opened yet."""
        self._compose = compose
        self._hosted: HostedHandler | None = None
        self._telemetry: Telemetry = NULL
        self._body_bytes_max = settings.Hosting().body_bytes_max
        self._health = Health()

    def open(self) -> HostedHandler:
        """Compose the handler, once.

        Raises:
            SettingsError: The environment does not say what the handler must know.
        """
        if self._hosted is None:
            hosting = settings.hosting(os.environ)
            self._body_bytes_max = hosting.body_bytes_max
            hosted = self._compose()
            self._telemetry = telemetry.start(hosted.card.name, os.environ)
            self._hosted = hosted
            self._health.ready = True
        return self._hosted

    def drain(self) -> None:
        """Say `not ready` from now on, while requests are still answered."""
        self._health.ready = False

    async def close(self) -> None:
        """Let go of what the handler opened."""
        if self._hosted is not None:
            await self._hosted.close()
            self._telemetry.close()

    async def __call__(self, request: Request) -> Response:
        """Answer one request."""
        if self._telemetry.enabled:
            return await self._measured(request)
        return await self._respond(request)

    async def _measured(self, request: Request) -> Response:
        begun = time.perf_counter()
        response = await self._respond(request)
        if self._hosted is not None and request.scope["method"] == "POST":
            function = {"function": self._hosted.card.name}
            self._telemetry.count("http_requests_total", {**function, "status": str(response.status_code)})
            self._telemetry.observe("http_request_duration_seconds", function, time.perf_counter() - begun)
        return response

    async def _respond(self, request: Request) -> Response:
        scope = request.scope
        hosted = self._hosted or self.open()
        if scope["method"] != "POST":
            return self._answer_probe(scope)
        headers = scope["headers"]
        have = dict(headers)
        try:
            _check(have, self._body_bytes_max)
        except Malformed as error:
            if b"expect" not in have:  # who asks first has sent nothing yet
                await _discard(request.receive)
            return _refused(error)
        try:
            body = await _body(request.receive, self._body_bytes_max)
            event = from_http(headers, body)
        except Malformed as error:
            return _refused(error)
        if self._telemetry.enabled:
            status, reply, text = await dispatch(hosted, event, kept=self._telemetry, context=_context(have))
        else:
            status, reply, text = await dispatch(hosted, event)
        if reply is not None:
            return Answer(status, *to_http(reply))
        return Answer(status, [], b"") if status == outcomes.NO_CONTENT else _problem(status, text)

    def _answer_probe(self, scope: Scope) -> Response:
        status = self._health.answer(scope["path"])
        if scope["method"] not in {"GET", "HEAD"} or status == _NO_PROBE:
            return _problem(405, "functions take POST; probes are GET", [(b"allow", b"POST")])
        if status != outcomes.OK:
            return _problem(status, "stopping")
        return Answer(status, [(b"cache-control", b"no-store")], b"")

    @contextlib.asynccontextmanager
    async def lifespan(self, app: object) -> AsyncIterator[None]:  # noqa: ARG002 - the ASGI lifespan's signature
        """Compose before the port opens, close after it is shut."""
        self.open()
        try:
            yield
        finally:
            await self.close()


def endpoint(cls: type[S], compose: Callable[[S], HostedHandler]) -> Endpoint:
    """Make the endpoint of a handler.

    Where functions-framework loads the file (it sets FUNCTION_TARGET), settings are read now, so that wrong ones stop
    the start; a mere import, as the local platform does, reads nothing.

    Raises:
        SettingsError: functions-framework starts with wrong settings.
    """
    made = Endpoint(lambda: compose(settings.load(cls, os.environ)))
    if os.environ.get("FUNCTION_TARGET"):
        made.open()
    return made


async def dispatch(
    hosted: HostedHandler,
    event: Event,
    *,
    kept: Telemetry = NULL,
    context: Mapping[str, str] = NO_CONTEXT,
) -> tuple[int, Event | None, str]:
    """Give one event to a handler and say what became of it, as an HTTP status.

    Args:
        hosted: Handler with its collaborators.
        event: Event to handle.
        kept: Where the work is measured.
        context: `traceparent` and `tracestate` of the request.

    Returns:
        Status; the reply (only with 200); why not (only from 400 on). Never raises but when cancelled.
    """
    name = hosted.card.name
    if hosted.age_s_max and _expired(hosted, event):
        kept.count("tickloom_events_handled_total", {"function": name, "outcome": outcomes.Outcome.EXPIRED.value})
        return outcomes.NO_CONTENT, None, ""
    if not kept.enabled:
        return await _attempt(hosted, event)
    begun = time.perf_counter()
    attributes = {**tracing.attributes_of(event), "faas.trigger": "pubsub"}
    with kept.span(f"process {name}", attributes, context=context, origin=tracing.origin_of(event)):
        status, reply, text = await _attempt(hosted, event)
        outcome = outcomes.outcome_at(status).value
        if text:
            kept.fail(outcome)
        if reply is not None:
            reply = tracing.made_here(reply)
    kept.count("tickloom_events_handled_total", {"function": name, "outcome": outcome})
    kept.observe("tickloom_handler_duration_seconds", {"function": name}, time.perf_counter() - begun)
    if not text:
        await _measure(hosted, event, kept)
    return status, reply, text


def _expired(hosted: HostedHandler, event: Event) -> bool:
    """Tell whether an event would act too late; one without a time, or of another type, is for the handler to judge."""
    if event.time_ns is None or event.type not in hosted.card.consumes:
        return False
    age_s = time.time() - event.time_ns / 1e9
    if age_s <= hosted.age_s_max:
        return False
    keys = {"function": hosted.card.name, "event_id": event.id, "source": event.source, "type": event.type}
    _log.warning("event_expired", age_s=round(age_s, 3), age_s_max=hosted.age_s_max, **keys)
    return True


async def _measure(hosted: HostedHandler, event: Event, kept: Telemetry) -> None:
    """Measure what a handled event adds; whatever goes wrong in that, the event is handled and its reply is sent."""
    try:
        for metric, own, value in await hosted.measures(event):
            telemetry.record(kept, metric, own, value)
    except Exception as error:  # noqa: BLE001 - a figure is no reason to deliver an event again
        _log.error("measure_failed", error=error, function=hosted.card.name, event_id=event.id)


async def _attempt(hosted: HostedHandler, event: Event) -> tuple[int, Event | None, str]:
    card = hosted.card
    try:
        if event.type not in card.consumes and card.consumes != ANY:
            msg = f"{card.name} takes {', '.join(card.consumes)}, found {event.type!r:.120}"
            raise Malformed(msg)  # noqa: TRY301 - the table below decides on it like on any other
        reply = await hosted.handle(event)
    except Exception as error:  # noqa: BLE001 - the one place where any error becomes a delivery decision
        return _decided(card.name, event, error)
    if reply is None:
        return outcomes.NO_CONTENT, None, ""
    return outcomes.OK, reply, ""


def _decided(name: str, event: Event, error: Exception) -> tuple[int, None, str]:
    status, outcome = outcomes.status_of(error), outcomes.outcome_of(error)
    keys = {"function": name, "event_id": event.id, "source": event.source, "type": event.type, "status": status}
    if outcome is outcomes.Outcome.FAILED:  # its text may hold anything, so only its kind leaves the process
        _log.error("handler_failed", error=error, **keys)
        return status, None, f"{name} failed with {type(error).__name__}"
    text = str(error)[:DETAIL_CHARS_MAX]
    _log.warning("event_refused", outcome=outcome.value, reason=text, **keys)
    return status, None, text


def _check(headers: Mapping[bytes, bytes], body_bytes_max: int) -> None:
    """Refuse by the headers alone what need not be read."""
    length = headers.get(b"content-length")
    if length is not None and (not length.isdigit() or int(length) > body_bytes_max):
        msg = f"a body has at most {body_bytes_max} bytes, found content-length {length.decode('latin-1'):.40}"
        raise outcomes.TooLarge(msg)
    encoding = headers.get(b"content-encoding")
    if encoding is not None and encoding.lower() != b"identity":
        msg = f"bodies are taken as they are, found content-encoding {encoding.decode('latin-1'):.40}"
        raise outcomes.Unsupported(msg)
    if b"host" not in headers:
        msg = "header host is missing"
        raise Malformed(msg)


async def _body(receive: Receive, body_bytes_max: int) -> bytes:
    message = await receive()
    body: bytes = message.get("body", b"")
    if message.get("more_body"):
        body = await _rest(receive, bytearray(body), body_bytes_max)
    elif message["type"] != "http.request":
        msg = "the request ended before its body"
        raise Malformed(msg)
    if len(body) > body_bytes_max:
        msg = f"a body has at most {body_bytes_max} bytes"
        raise outcomes.TooLarge(msg)
    return body


async def _rest(receive: Receive, body: bytearray, body_bytes_max: int) -> bytes:
    more = True
    while more and len(body) <= body_bytes_max:
        message = await receive()
        if message["type"] != "http.request":
            msg = "the request ended before its body"
            raise Malformed(msg)
        body += message.get("body", b"")
        more = message.get("more_body", False)
    if more:
        await _discard(receive)
    return bytes(body)


async def _discard(receive: Receive) -> None:
    left, more = DISCARDED_BYTES_MAX, True
    while more and left > 0:
        message = await receive()
        left -= len(message.get("body", b""))
        more = message.get("more_body", False)


def _length(body: bytes) -> tuple[bytes, bytes]:
    return b"content-length", b"%d" % len(body)


def _context(headers: Mapping[bytes, bytes]) -> dict[str, str]:
    names = ("traceparent", "tracestate")
    return {name: headers[name.encode()].decode("latin-1") for name in names if name.encode() in headers}


def _refused(error: Malformed) -> Answer:
    status = outcomes.status_of(error)
    text = str(error)[:DETAIL_CHARS_MAX]
    _log.warning("request_refused", status=status, reason=text)
    # What was not read stands before the next request, so the connection ends here.
    return _problem(status, text, [(b"connection", b"close")] if isinstance(error, outcomes.Unread) else [])


def _problem(status: int, detail: str, headers: list[tuple[bytes, bytes]] | None = None) -> Answer:
    """Write an error as RFC 9457 says."""
    body = json.dumps(
        {
            "type": "about:blank",
            "title": http.HTTPStatus(status).phrase,
            "status": status,
            "detail": detail,
            "outcome": outcomes.outcome_at(status).value,
        }
    ).encode()
    sent = [(b"content-type", b"application/problem+json"), *(headers or ())]
    if outcomes.outcome_at(status) in outcomes.WAITED_FOR:
        sent.append((b"retry-after", b"%d" % outcomes.RETRY_AFTER_S))
    return Answer(status, sent, body)


def serve(respond: Endpoint, handle: Callable[[Request], Awaitable[Response] | Any]) -> None:
    """Serve a handler until SIGTERM or SIGINT, then finish what is running; wrong settings exit with 2.

    Args:
        respond: The handler's endpoint.
        handle: The function that functions-framework registered, which calls `respond`.
    """
    # Only a serving process pays for the framework and the server; the local platform calls `dispatch` without them.
    from functions_framework import aio  # noqa: PLC0415

    from functions.runtime import http_server  # noqa: PLC0415

    try:
        hosting = settings.hosting(os.environ)
        logs.configure(hosting.log_level)
        respond.open()
    except (settings.SettingsError, ValueError) as error:
        _log.error("start_refused", reason=str(error))
        raise SystemExit(2) from None
    module = types.SimpleNamespace(handle=handle)
    app = aio.create_asgi_app_from_module("handle", "", "http", module, None)  # type: ignore[no-untyped-call] # untyped there
    # The framework's own middlewares draw an execution id and turn crashes into text; here the endpoint answers every
    # error itself and the trace context names the execution, so each event is spared their 40 us.
    app.user_middleware.clear()
    app.router.lifespan_context = respond.lifespan
    http_server.run(app, hosting, on_stop=respond.drain)
