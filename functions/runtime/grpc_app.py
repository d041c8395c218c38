"""Host a gRPC service: who may call, health, reflection, deadlines, errors as status details, an orderly stop.

A service's `main.py` says `grpc_app.run(Settings, compose)`. The local platform, which has its own loop, uses `start`.
"""

import asyncio
import gc
import inspect
import ipaddress
import os
import signal
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable, Mapping
from contextlib import AbstractContextManager
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, Final, TypeVar

import grpc
import grpc.aio
from google.protobuf import any_pb2, duration_pb2
from google.rpc import error_details_pb2, status_pb2  # type: ignore[import-untyped] # generated without stubs
from grpc_health.v1 import health_pb2, health_pb2_grpc
from grpc_health.v1.health import aio as health_aio
from grpc_reflection.v1alpha import reflection

from functions.ports.telemetry import NULL, Telemetry, Work
from functions.runtime import logs, outcomes, settings, telemetry, tls
from functions.runtime.collector import CollectorPauses
from functions.runtime.hosting import HostedService

if TYPE_CHECKING:
    from functions.runtime.door import Door

S = TypeVar("S")

PING_INTERVAL_MS_MIN: Final = 10_000  # clients may ping an idle connection this often; gRPC's own limit is 300 s
DETAIL_CHARS_MAX: Final = 500  # status details travel in headers, which are limited to 8 KiB
_DETAILS_KEY: Final = "grpc-status-details-bin"

_log: Final = logs.logger("grpc_app")


@dataclass(frozen=True, slots=True)
class Running:
    """A service that answers: where, and how to stop it."""

    port: int
    stop: Callable[[], Awaitable[None]]


async def start(
    hosted: HostedService,
    *,
    host: str,
    port: int,
    hosting: settings.Hosting | None = None,
    kept: Telemetry = NULL,
) -> Running:
    """Open what a service needs, then its port; it is ready when this returns.

    Args:
        hosted: Service with its collaborators.
        host: Address to listen on.
        port: Port to listen on; 0 picks a free one.
        hosting: Limits, and who may call.
        kept: Where calls are measured and traced.

    Raises:
        SettingsError: Anybody could call, or nobody; or a file that says who may cannot be used.
        OSError: The port is taken.
    """
    limits = replace(hosting or settings.Hosting(), host=host, port=port)
    server = _server(hosted, limits, kept, _door(limits))
    health = health_aio.HealthServicer()
    health_pb2_grpc.add_HealthServicer_to_server(health, server)
    reflection.enable_server_reflection(
        (*hosted.service_names, "grpc.health.v1.Health", reflection.SERVICE_NAME), server
    )
    hosted.register(server)
    hosted.measure(kept)
    names = ("", *hosted.service_names)
    await _say(health, names, health_pb2.HealthCheckResponse.NOT_SERVING)
    bound = _bind(server, limits)
    await hosted.start()
    await server.start()
    await _say(health, names, health_pb2.HealthCheckResponse.SERVING)
    # What is there now stays: the collector need not look at it again, which spares calls its longest pauses.
    gc.collect()
    gc.freeze()
    pauses = CollectorPauses(kept)  # begins here, so that it tells what calls may have felt
    pauses.start()

    async def stop() -> None:
        await health.enter_graceful_shutdown()
        await asyncio.sleep(limits.drain_ms / 1000)
        await server.stop(limits.graceful_s)
        await hosted.close()
        await pauses.close()

    return Running(bound, stop)


async def serve(
    hosted: HostedService,
    *,
    host: str,
    port: int,
    hosting: settings.Hosting | None = None,
    kept: Telemetry = NULL,
) -> None:
    """Serve until SIGTERM or SIGINT: say NOT_SERVING, finish what is running, close."""
    stopped = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stopped.set)
    running = await start(hosted, host=host, port=port, hosting=hosting, kept=kept)
    _log.info("service_started", service=hosted.card.name, address=host, port=running.port)
    try:
        await stopped.wait()
    finally:
        await running.stop()
        kept.close()
        _log.info("service_stopped", service=hosted.card.name)


def run(cls: type[S], compose: Callable[[S], HostedService]) -> None:
    """Run a service's process; wrong settings exit with 2."""
    try:
        hosting = settings.hosting(os.environ)
        logs.configure(hosting.log_level)
        hosted = compose(settings.load(cls, os.environ))
        kept = telemetry.start(hosted.card.name, os.environ)
    except (settings.SettingsError, ValueError) as error:
        _log.error("start_refused", reason=str(error))
        raise SystemExit(2) from None
    try:
        with asyncio.Runner(loop_factory=_loop_factory()) as runner:
            runner.run(serve(hosted, host=hosting.host, port=hosting.port, hosting=hosting, kept=kept))
    except settings.SettingsError as error:
        _log.error("start_refused", reason=str(error))
        raise SystemExit(2) from None


async def wait_serving(address: str, *, timeout_s: float, service: str = "") -> None:
    """Wait until a service says that it serves.

    Args:
        address: `host:port` or `unix:path`.
        timeout_s: Seconds to wait at most.
        service: Full name of the service; empty for the whole server.

    Raises:
        TimeoutError: It did not in time.
    """
    async with asyncio.timeout(timeout_s), grpc.aio.insecure_channel(address) as channel:
        stub: Any = health_pb2_grpc.HealthStub(channel)
        updates = stub.Watch(health_pb2.HealthCheckRequest(service=service), wait_for_ready=True)
        async for update in updates:
            if update.status == health_pb2.HealthCheckResponse.SERVING:
                return


async def _say(health: health_aio.HealthServicer, names: Iterable[str], status: Any) -> None:  # noqa: ANN401 - an enum value
    for name in names:
        await health.set(name, status)


def _server(hosted: HostedService, limits: settings.Hosting, kept: Telemetry, door: "Door | None") -> grpc.aio.Server:
    return grpc.aio.server(
        interceptors=(Guard(hosted.card.name, kept, door),),
        maximum_concurrent_rpcs=limits.concurrency_max,
        options=(
            ("grpc.max_receive_message_length", limits.body_bytes_max),
            ("grpc.max_send_message_length", limits.body_bytes_max),
            ("grpc.max_concurrent_streams", limits.concurrency_max),
            ("grpc.http.overload_protection", 0),  # it counts answered calls too, and resets who keeps to the limit
            ("grpc.http2.min_recv_ping_interval_without_data_ms", PING_INTERVAL_MS_MIN),
            ("grpc.so_reuseport", 0),  # a port that is taken is an error, never shared silently
        ),
    )


def _door(limits: settings.Hosting) -> "Door | None":
    """Make the door of a service that asks who calls; one that does not must stand where nobody else reaches it."""
    if limits.authentication == settings.REQUIRED:
        from functions.runtime.authentication import authentication  # noqa: PLC0415 - 0.1 s that only a door needs
        from functions.runtime.door import Door  # noqa: PLC0415

        return Door(authentication(limits, time.time), time.time)
    if limits.authentication == settings.OFF and not (limits.uds or _is_loopback(limits.host)):
        msg = (
            f"cannot start: anybody could call on {limits.host}; set TICKLOOM_AUTHENTICATION to {settings.REQUIRED}, "
            f"to {settings.MESH} behind a mesh that knows its callers, or TICKLOOM_HOST to 127.0.0.1"
        )
        raise settings.SettingsError(msg)
    return None


def _is_loopback(host: str) -> bool:
    try:
        return host == "localhost" or ipaddress.ip_address(host.strip("[]")).is_loopback
    except ValueError:  # another name may mean any address
        return False


def _bind(server: grpc.aio.Server, limits: settings.Hosting) -> int:
    address = f"unix:{limits.uds}" if limits.uds else f"{limits.host}:{limits.port}"
    credentials = tls.server_credentials(limits)
    try:
        if credentials is None:
            _log.info("listened_in_clear", address=address, authentication=limits.authentication)
            bound = server.add_insecure_port(address)
        else:
            bound = server.add_secure_port(address, credentials)
    except RuntimeError as error:
        msg = f"cannot listen on {address}"
        raise OSError(msg) from error
    return int(bound)


def _loop_factory() -> Callable[[], asyncio.AbstractEventLoop] | None:
    try:
        import uvloop  # noqa: PLC0415 - there on Linux only
    except ImportError:
        return None
    return uvloop.new_event_loop


class Guard(grpc.aio.ServerInterceptor):
    """Stand before every method of ours: refuse who may not and what is too late, measure, trace, name errors."""

    def __init__(self, name: str, kept: Telemetry, door: "Door | None" = None) -> None:
        """Name the service for details and metrics, and the door its callers come through, if there is one."""
        self._name = name
        self._kept = kept
        self._door = door
        self._open = "/grpc." if door is None else "/grpc.health."  # probes show nothing, and are shown nothing
        self._guarded: dict[str, Any] = {}  # at most one entry for each method there is

    async def intercept_service(self, continuation: Any, handler_call_details: Any) -> Any:  # noqa: ANN401 - gRPC's
        """Give the guarded form of a method, made once."""
        method = handler_call_details.method
        if method in self._guarded:
            return self._guarded[method]
        handler = await continuation(handler_call_details)
        if handler is None or method.startswith(self._open):
            return handler
        guarded = self._guarded[method] = self._guard(method, handler)
        return guarded

    def _guard(self, method: str, handler: Any) -> Any:  # noqa: ANN401 - gRPC's handlers are untyped tuples
        kinds = {
            (False, False): (grpc.unary_unary_rpc_method_handler, "unary_unary"),
            (False, True): (grpc.unary_stream_rpc_method_handler, "unary_stream"),
            (True, False): (grpc.stream_unary_rpc_method_handler, "stream_unary"),
            (True, True): (grpc.stream_stream_rpc_method_handler, "stream_stream"),
        }
        make, attribute = kinds[handler.request_streaming, handler.response_streaming]
        behavior = getattr(handler, attribute)
        if self._door is not None:
            asks_many, tells_many = handler.request_streaming, handler.response_streaming
            behavior = self._door.behind(method, behavior, asks_many=asks_many, tells_many=tells_many)
        wrap = self._around_stream if inspect.isasyncgenfunction(behavior) else self._around
        return make(
            wrap(method, behavior),
            request_deserializer=handler.request_deserializer,
            response_serializer=handler.response_serializer,
        )

    def _around(self, method: str, behavior: Any) -> Any:  # noqa: ANN401
        async def guarded(request: Any, context: Any) -> Any:  # noqa: ANN401
            begun = time.perf_counter()
            code = "OK"
            try:
                _check_deadline(context)
                if not self._kept.enabled:
                    return await behavior(request, context)
                with self._span(method, context):
                    return await behavior(request, context)
            except grpc.aio.AbortError:
                code = _aborted_with(context)
                raise
            except asyncio.CancelledError:  # the caller went away, or its deadline came
                code = "CANCELLED"
                raise
            except Exception as error:  # noqa: BLE001 - the one place where any error becomes a status
                code = outcomes.code_of(error)
                return await self._abort(method, context, error)
            finally:
                self._measure(method, code, begun)

        return guarded

    def _around_stream(self, method: str, behavior: Any) -> Any:  # noqa: ANN401
        async def guarded(request: Any, context: Any) -> AsyncIterator[Any]:  # noqa: ANN401
            begun = time.perf_counter()
            code = "OK"
            try:
                _check_deadline(context)
                async for answer in behavior(request, context):
                    yield answer
            except grpc.aio.AbortError:
                code = _aborted_with(context)
                raise
            except asyncio.CancelledError:  # the caller went away, or its deadline came
                code = "CANCELLED"
                raise
            except Exception as error:  # noqa: BLE001 - as above
                code = outcomes.code_of(error)
                await self._abort(method, context, error)
            finally:
                self._measure(method, code, begun)

        return guarded

    def _span(self, method: str, context: Any) -> AbstractContextManager[None]:  # noqa: ANN401
        name = method.removeprefix("/")
        attributes = {"rpc.system.name": "grpc", "rpc.method": name}
        return self._kept.span(name, attributes, work=Work.SERVER, context=_carried(context))

    def _measure(self, method: str, code: str, begun: float) -> None:
        if self._kept.enabled:
            labels = {"method": method, "code": code}
            self._kept.observe("tickloom_rpc_duration_seconds", labels, time.perf_counter() - begun)

    async def _abort(self, method: str, context: Any, error: Exception) -> None:  # noqa: ANN401
        outcome = outcomes.outcome_of(error)
        text = str(error)[:DETAIL_CHARS_MAX]
        if outcome is outcomes.Outcome.FAILED:  # its text may hold anything, so only its kind leaves the process
            _log.error("call_failed", error=error, service=self._name, method=method)
            text = f"{self._name} failed with {type(error).__name__}"
        else:
            reason = getattr(error, "because", text)  # of a caller who was refused, the log may know more
            _log.warning("call_refused", service=self._name, method=method, outcome=outcome.value, reason=reason)
        code = grpc.StatusCode[outcomes.code_of(error)]
        told = {"service": self._name}
        if isinstance(error, outcomes.Unauthenticated | outcomes.Forbidden):
            told["www-authenticate"] = error.challenge
        details = _details(code, text, outcome, told)
        await context.abort(code, text, ((_DETAILS_KEY, details),))


def _details(code: grpc.StatusCode, text: str, outcome: outcomes.Outcome, told: Mapping[str, str]) -> bytes:
    """Write google.rpc.Status with an ErrorInfo, and a RetryInfo where waiting helps."""
    info = error_details_pb2.ErrorInfo(reason=outcome.name, domain="tickloom", metadata=told)
    messages: list[Any] = [info]
    if outcome in outcomes.WAITED_FOR:
        delay = duration_pb2.Duration(seconds=outcomes.RETRY_AFTER_S)
        messages.append(error_details_pb2.RetryInfo(retry_delay=delay))
    packed = [any_pb2.Any() for _ in messages]
    for target, message in zip(packed, messages, strict=True):
        target.Pack(message)
    status: bytes = status_pb2.Status(code=code.value[0], message=text, details=packed).SerializeToString()
    return status


def _check_deadline(context: Any) -> None:  # noqa: ANN401
    """Refuse a call whose caller no longer waits, before it has any effect."""
    remaining = context.time_remaining()
    if remaining is not None and remaining <= 0:
        msg = "the deadline has passed before the call began"
        raise outcomes.TooLate(msg)


def _aborted_with(context: Any) -> str:  # noqa: ANN401
    code = context.code()
    return code.name if isinstance(code, grpc.StatusCode) else "UNKNOWN"


def _carried(context: Any) -> dict[str, str]:  # noqa: ANN401
    return {key: value for key, value in context.invocation_metadata() or () if key in {"traceparent", "tracestate"}}
