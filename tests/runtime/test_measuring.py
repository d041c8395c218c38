"""A host measures every call by its status, and every pause of the garbage collector by its generation."""

import asyncio
import gc
from collections.abc import AsyncIterator
from typing import Any

import grpc
import grpc.aio
import pytest
from measured import kept, points
from opentelemetry.sdk.metrics.export import InMemoryMetricReader

from functions.ports.card import Card, Kind
from functions.ports.telemetry import NULL
from functions.runtime import collector, grpc_app
from functions.runtime.collector import CollectorPauses
from functions.runtime.hosting import HostedService
from functions.runtime.settings import Hosting
from functions.runtime.telemetry import DURATION_BUCKETS_S

NAME = "test.v1.EchoService"
RPC = "tickloom_rpc_duration_seconds"
PAUSES = "tickloom_gc_pause_seconds"


async def say(request: bytes, context: Any) -> bytes:  # noqa: ANN401 - gRPC's context
    if request == b"abort":
        await context.abort(grpc.StatusCode.NOT_FOUND, "nobody")
    if request == b"collect":
        gc.collect()
    if request == b"wait":
        await asyncio.Event().wait()
    return request


def register(server: grpc.aio.Server) -> None:
    methods: dict[str, Any] = {"Say": grpc.unary_unary_rpc_method_handler(say)}
    server.add_generic_rpc_handlers((grpc.method_handlers_generic_handler(NAME, methods),))


@pytest.fixture
async def measured() -> AsyncIterator[tuple[Any, grpc_app.Running, InMemoryMetricReader]]:
    """Give a call to a service that measures, the service, and who reads it."""
    telemetry, reader = kept()
    hosted = HostedService(Card("echo", Kind.SERVICE, "1", "Say it back."), register, (NAME,))
    hosting = Hosting(drain_ms=0, graceful_s=1)
    running = await grpc_app.start(hosted, host="127.0.0.1", port=0, hosting=hosting, kept=telemetry)
    async with grpc.aio.insecure_channel(f"127.0.0.1:{running.port}") as channel:
        yield channel.unary_unary(f"/{NAME}/Say"), running, reader
    telemetry.close()


async def test_calls_by_status(measured: Any) -> None:  # noqa: ANN401
    """A call counts under the status its caller got, told apart from 50 microseconds on."""
    call, running, reader = measured
    await call(b"hello")
    with pytest.raises(grpc.aio.AioRpcError):
        await call(b"abort")
    await running.stop()
    found = points(reader, RPC)
    assert {key: point.count for key, point in found.items()} == {
        ("OK", f"/{NAME}/Say"): 1,
        ("NOT_FOUND", f"/{NAME}/Say"): 1,
    }
    assert tuple(found["OK", f"/{NAME}/Say"].explicit_bounds) == DURATION_BUCKETS_S
    assert DURATION_BUCKETS_S[0] == 50e-6


async def test_given_up(measured: Any) -> None:  # noqa: ANN401
    """A call that its caller gave up is no answered one."""
    call, running, reader = measured
    with pytest.raises(grpc.aio.AioRpcError):
        await call(b"wait", timeout=0.05)
    await running.stop()
    assert [key[0] for key in points(reader, RPC)] == ["CANCELLED"]


async def test_pauses(measured: Any) -> None:  # noqa: ANN401
    """A pause of the collector while calls are served is told, under its generation."""
    call, running, reader = measured
    await call(b"collect")
    await running.stop()
    assert points(reader, PAUSES)[("2",)].count >= 1
    assert not any(isinstance(getattr(one, "__self__", None), CollectorPauses) for one in gc.callbacks)


def test_pause_lasts_from_start_to_stop() -> None:
    """A pause lasts from the collector's start to its stop; one that had begun before is left out."""
    telemetry, reader = kept()
    times = iter([10.0, 10.25])
    pauses = CollectorPauses(telemetry, lambda: next(times))
    pauses.note("stop", {"generation": 1})
    pauses.note("start", {"generation": 0})
    pauses.note("stop", {"generation": 0})
    assert points(reader, PAUSES) == {}  # nothing is told from inside the collector
    pauses.tell()
    assert {key: (point.count, point.sum) for key, point in points(reader, PAUSES).items()} == {("0",): (1, 0.25)}
    telemetry.close()


def test_noted_pauses_are_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    """Of pauses that nobody tells only the newest are kept."""
    monkeypatch.setattr(collector, "PAUSES_MAX", 3)
    telemetry, reader = kept()
    times = iter(float(at) for at in range(20))
    pauses = CollectorPauses(telemetry, lambda: next(times))
    for _ in range(10):
        pauses.note("start", {"generation": 0})
        pauses.note("stop", {"generation": 0})
    pauses.tell()
    assert points(reader, PAUSES)[("0",)].count == 3
    telemetry.close()


async def test_nothing_kept() -> None:
    """Where nothing is kept the collector is not listened to."""
    pauses = CollectorPauses(NULL)
    before = list(gc.callbacks)
    pauses.start()
    assert gc.callbacks == before
    await pauses.close()
