"""Hosting over gRPC: errors with details, deadlines, health, reflection, limits and the stop."""

import asyncio
from collections.abc import AsyncIterator, Callable
from typing import Any

import grpc
import grpc.aio
import pytest
from google.rpc import error_details_pb2, status_pb2  # type: ignore[import-untyped] # generated without stubs
from grpc_health.v1 import health_pb2, health_pb2_grpc
from grpc_reflection.v1alpha import reflection_pb2, reflection_pb2_grpc

from functions.domain.errors import Rejected
from functions.ports.card import Card, Kind
from functions.ports.errors import Overloaded, Unavailable
from functions.ports.telemetry import NULL
from functions.runtime import grpc_app
from functions.runtime.hosting import HostedService
from functions.runtime.settings import Hosting
from functions.wire.errors import Malformed

NAME = "test.v1.EchoService"
AT_ONCE = 64
CARD = Card("echo", Kind.SERVICE, "1", "Say it back.")
ERRORS: dict[bytes, Exception] = {
    b"malformed": Malformed("bad bytes"),
    b"rejected": Rejected("broken rule"),
    b"unavailable": Unavailable("store down"),
    b"overloaded": Overloaded("slow down"),
    b"bug": KeyError("secret-token"),
}


async def say(request: bytes, context: Any) -> bytes:  # noqa: ANN401 - gRPC's context
    if request in ERRORS:
        raise ERRORS[request]
    if request == b"abort":
        await context.abort(grpc.StatusCode.NOT_FOUND, "nobody")
    if request.startswith(b"sleep"):
        await asyncio.sleep(float(request[5:]))
    return request


async def say_each(requests: AsyncIterator[bytes], context: Any) -> AsyncIterator[bytes]:  # noqa: ANN401
    async for request in requests:
        yield await say(request, context)


def register(server: grpc.aio.Server) -> None:
    methods: dict[str, Any] = {
        "Say": grpc.unary_unary_rpc_method_handler(say),
        "SayEach": grpc.stream_stream_rpc_method_handler(say_each),
    }
    server.add_generic_rpc_handlers((grpc.method_handlers_generic_handler(NAME, methods),))


Started = tuple[grpc.aio.Channel, grpc_app.Running, list[str]]


@pytest.fixture
async def started() -> AsyncIterator[Started]:
    steps: list[str] = []

    async def step(name: str) -> None:
        steps.append(name)

    hosted = HostedService(CARD, register, (NAME,), lambda: step("started"), lambda: step("closed"))
    hosting = Hosting(drain_ms=0, body_bytes_max=1000, graceful_s=5, concurrency_max=AT_ONCE)
    running = await grpc_app.start(hosted, host="127.0.0.1", port=0, hosting=hosting)
    async with grpc.aio.insecure_channel(f"127.0.0.1:{running.port}") as channel:
        yield channel, running, steps
    if "closed" not in steps:
        await running.stop()


def call(channel: grpc.aio.Channel) -> Callable[..., Any]:
    return channel.unary_unary(f"/{NAME}/Say")


async def failure(awaited: Any) -> grpc.aio.AioRpcError:  # noqa: ANN401 - a call
    with pytest.raises(grpc.aio.AioRpcError) as caught:
        await awaited
    return caught.value


async def test_answer(started: Started) -> None:
    """A call is answered."""
    assert await call(started[0])(b"hello") == b"hello"


@pytest.mark.parametrize(
    ("request_", "code", "reason", "text"),
    [
        (b"malformed", grpc.StatusCode.INVALID_ARGUMENT, "MALFORMED", "bad bytes"),
        (b"rejected", grpc.StatusCode.FAILED_PRECONDITION, "REJECTED", "broken rule"),
        (b"unavailable", grpc.StatusCode.UNAVAILABLE, "UNAVAILABLE", "store down"),
        (b"overloaded", grpc.StatusCode.RESOURCE_EXHAUSTED, "OVERLOADED", "slow down"),
        (b"bug", grpc.StatusCode.INTERNAL, "FAILED", "echo failed with KeyError"),
    ],
)
async def test_error_table(started: Started, request_: bytes, code: grpc.StatusCode, reason: str, text: str) -> None:
    """Every error becomes its status with an ErrorInfo; a bug's own text stays inside."""
    error = await failure(call(started[0])(request_))
    raw = dict(error.trailing_metadata() or ())["grpc-status-details-bin"]
    status = status_pb2.Status.FromString(raw)
    info = error_details_pb2.ErrorInfo()
    assert status.details[0].Unpack(info)
    assert (error.code(), error.details(), info.reason, info.domain) == (code, text, reason, "tickloom")
    assert status.code == code.value[0]


async def test_stream_errors(started: Started) -> None:
    """An error in a stream ends it with the same status."""
    method: Any = started[0].stream_stream(f"/{NAME}/SayEach")
    seen: list[bytes] = []

    async def read() -> None:
        async for answer in method(iter([b"a", b"b", b"rejected"])):
            seen.append(answer)  # noqa: PERF401 - what came before the error counts

    with pytest.raises(grpc.aio.AioRpcError) as caught:
        await read()
    assert (seen, caught.value.code()) == ([b"a", b"b"], grpc.StatusCode.FAILED_PRECONDITION)


async def test_own_abort(started: Started) -> None:
    """A status the service chose itself passes unchanged."""
    assert (await failure(call(started[0])(b"abort"))).code() is grpc.StatusCode.NOT_FOUND


async def test_deadline(started: Started) -> None:
    """A call that takes too long ends at its deadline."""
    error = await failure(call(started[0])(b"sleep5", timeout=0.1))
    assert error.code() is grpc.StatusCode.DEADLINE_EXCEEDED


class Late:
    """A call whose deadline has passed on the way."""

    def __init__(self) -> None:
        """Nothing was aborted yet."""
        self.aborted: grpc.StatusCode | None = None

    def time_remaining(self) -> float:
        """Give what remains: nothing."""
        return 0.0

    async def abort(self, code: grpc.StatusCode, *_: object) -> None:
        """Remember the code, and end as gRPC does."""
        self.aborted = code
        raise grpc.aio.AbortError


async def test_deadline_before_effects() -> None:
    """A call that arrives too late has no effect."""
    done = []

    async def behavior(request: bytes, context: object) -> None:  # noqa: ARG001 - gRPC's signature
        done.append(request)

    guarded = grpc_app.Guard("echo", NULL)._around("/x", behavior)  # noqa: SLF001 - time cannot be sent
    late = Late()
    with pytest.raises(grpc.aio.AbortError):
        await guarded(b"x", late)
    assert (late.aborted, done) == (grpc.StatusCode.DEADLINE_EXCEEDED, [])


async def test_more_at_once_than_are_taken(started: Started) -> None:
    """Calls beyond those that are taken at once wait in the caller's channel; none is refused, burst after burst."""
    say_ = call(started[0])
    await say_(b"hello")  # from now on the channel knows how many are taken
    for _ in range(5):
        assert set(await asyncio.gather(*(say_(b"sleep0.003") for _ in range(8 * AT_ONCE)))) == {b"sleep0.003"}


async def test_message_limit(started: Started) -> None:
    """A message over the limit is refused."""
    error = await failure(call(started[0])(b"x" * 2000))
    assert error.code() is grpc.StatusCode.RESOURCE_EXHAUSTED


async def test_unknown_method(started: Started) -> None:
    """A method there is not is unimplemented."""
    missing: Any = started[0].unary_unary(f"/{NAME}/Nothing")
    assert (await failure(missing(b""))).code() is grpc.StatusCode.UNIMPLEMENTED


@pytest.mark.parametrize("service", ["", NAME])
async def test_health(started: Started, service: str) -> None:
    """Health serves for the server and for each service."""
    stub: Any = health_pb2_grpc.HealthStub(started[0])
    answer = await stub.Check(health_pb2.HealthCheckRequest(service=service))
    assert answer.status == health_pb2.HealthCheckResponse.SERVING


async def test_health_unknown(started: Started) -> None:
    """Health of a service there is not is NOT_FOUND."""
    stub: Any = health_pb2_grpc.HealthStub(started[0])
    error = await failure(stub.Check(health_pb2.HealthCheckRequest(service="nobody")))
    assert error.code() is grpc.StatusCode.NOT_FOUND


async def test_wait_serving(started: Started) -> None:
    """A parent can wait for a service, and gives up in time."""
    await grpc_app.wait_serving(f"127.0.0.1:{started[1].port}", timeout_s=5, service=NAME)
    with pytest.raises(TimeoutError):
        await grpc_app.wait_serving("127.0.0.1:1", timeout_s=0.2)


async def test_reflection(started: Started) -> None:
    """Reflection lists the services."""
    stub: Any = reflection_pb2_grpc.ServerReflectionStub(started[0])  # type: ignore[arg-type] # generated for both kinds of channel
    requests = iter([reflection_pb2.ServerReflectionRequest(list_services="")])
    listed = [answer async for answer in stub.ServerReflectionInfo(requests)]
    assert NAME in {service.name for service in listed[0].list_services_response.service}


async def test_stop(started: Started) -> None:
    """A stop finishes what runs, then closes what was opened."""
    channel, running, steps = started
    slow = call(channel)(b"sleep0.3")
    await call(channel)(b"on its way")
    await running.stop()
    assert await slow == b"sleep0.3"
    assert steps == ["started", "closed"]


async def test_port_taken(started: Started) -> None:
    """A port that is taken is an error, never shared."""
    hosted = HostedService(CARD, register, (NAME,))
    with pytest.raises(OSError, match="cannot listen"):
        await grpc_app.start(hosted, host="127.0.0.1", port=started[1].port)
