"""Time round trips over loopback, each server in a process of its own on one core and the client on the other.

Risk checks and submitted orders stand beside bare echoes (`round_trips`); one function over HTTP is driven by as many
connections as keep its core busy.
"""

import asyncio
import os
import pathlib
import statistics
import sys
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final, Self, cast

from functions.adapters.postgres import migrate, open_pool
from functions.adapters.tapes import Reel, Spool
from functions.feeds.replay import CARD as REPLAY
from functions.handlers.normalize import main as normalize
from functions.local import loop, risk_figures, submit_figures
from functions.local.children import Child, Children, Spec, grpc_serving, http_ok, tcp_open
from functions.local.echo import HOST
from functions.local.figures import Figure, Tell, pin, settle
from functions.local.inference_figures import ANSWER_MS, over_grpc, registry
from functions.local.round_trips import AT_ONCE, Effort, measured
from functions.local.servers import start_stores
from functions.runtime import settings
from functions.services.inference import main as inference
from functions.services.orders import main as orders
from functions.services.risk import main as risk
from functions.wire.envelope import Event
from functions.wire.http_binding import to_http
from functions.wire.raw import raw_event
from functions.wire.tape import TapeOptions

CONNECTIONS: Final = 32
EVENT_BYTES: Final = 1024
READY_S: Final = 30.0


@dataclass(frozen=True, slots=True)
class Request:
    """Say what is measured.

    Args:
        tape: Capture whose first rows make the event that `normalize` gets over HTTP.
        dialect: Its dialect; empty to tell it from its head.
        folder: Where stores and logs lie.
        environ: Settings of functions and stores.
        rounds: Rounds a figure is the median of.
        calls: Calls of a closed loop, each round.
        open_s: Seconds of an open loop, each round.
        http_s: Seconds of an HTTP load, each round.
        cpus: Core of the client, core of the servers; empty = do not pin.
    """

    tape: str
    dialect: str
    folder: str
    environ: Mapping[str, str]
    rounds: int
    calls: int
    open_s: float
    http_s: float
    cpus: Sequence[int]


def measure(request: dict[str, Any], tell: Tell) -> dict[str, Any]:
    """Measure every round trip; give rows and figures for JSON."""
    return loop.run(_measure(Request(**request), tell))


async def _measure(request: Request, tell: Tell) -> dict[str, Any]:
    folder = pathlib.Path(request.folder)
    async with Children(folder) as children:
        started = await _start(children, request)
        if request.cpus:  # only now: starting is quicker with all cores
            pin(request.cpus[0])
            for child in started.values():
                pin(request.cpus[-1], child.pid)
        settle()
        ports = {name: child.port for name, child in started.items()}
        async with risk_figures.ways(ports) as checks, submit_figures.ways(ports) as submits:
            effort = Effort(request.rounds, request.calls, request.open_s)
            trips = await measured([*checks, *submits], effort, tell)
        functions = await _functions(started, request, tell)
        scored = await over_grpc(f"{HOST}:{started['inference'].port}", request.calls)
    figures, inferences = ([one.as_dict() for one in found] for found in (functions, scored))
    return {
        "rounds": request.rounds,
        "at_once": AT_ONCE,
        "round_trips": trips,
        "figures": figures,
        "inferences": inferences,
    }


async def _start(children: Children, request: Request) -> dict[str, Child]:
    stores = await start_stores(
        pathlib.Path(request.folder),
        children,
        database_url=request.environ.get("DATABASE_URL", ""),
        redis_url=request.environ.get("REDIS_URL", ""),
    )
    pool = await open_pool(stores.database_url)
    await migrate(pool)
    await pool.close()
    environ = {**request.environ, "DATABASE_URL": stores.database_url, "TICKLOOM_HOST": HOST, "PORT": "{port}"}
    models = {
        "TICKLOOM_MODELS_FOLDER": str(registry(pathlib.Path(request.folder) / "models")),
        "TICKLOOM_MODEL_TIMEOUT_MS": str(ANSWER_MS),  # run as live, but a stall of the machine is no failure of a model
    }
    ours = (sys.executable, "-m")
    echo = (*ours, "functions.local.echo")
    ready = http_ok("/health/readiness")
    specs = (
        Spec(
            "risk",
            (*ours, "functions.services.risk.main"),
            env=settings.share(risk.Settings, environ),
            probe=grpc_serving,
            ready_s=READY_S,
        ),
        Spec(
            "orders",
            (*ours, "functions.services.orders.main"),
            env=settings.share(orders.Settings, {**environ, **submit_figures.settings(pathlib.Path(request.folder))}),
            probe=grpc_serving,
            ready_s=READY_S,
        ),
        Spec(
            "inference",
            (*ours, "functions.services.inference.main"),
            env=settings.share(inference.Settings, {**environ, **models}),
            probe=grpc_serving,
            ready_s=READY_S,
        ),
        Spec(
            "normalize",
            (*ours, "functions.handlers.normalize.main"),
            env=settings.share(normalize.Settings, environ),
            probe=ready,
            ready_s=READY_S,
        ),
        Spec("echo-grpc", (*echo, "grpc", "{port}"), probe=tcp_open, ready_s=READY_S),
        Spec("echo-tcp", (*echo, "tcp", "{port}"), probe=tcp_open, ready_s=READY_S),
        Spec("echo-http", (*echo, "http", "{port}"), probe=ready, ready_s=READY_S),
    )
    return {child.name: child for child in await asyncio.gather(*map(children.start, specs))}


# --- one function over HTTP -------------------------------------------------------------------------------------------


async def _functions(started: Mapping[str, Child], request: Request, tell: Tell) -> list[Figure]:
    """Load a function that does nothing, then `normalize`, with events of a kilobyte."""
    raw = _raw_of(EVENT_BYTES, request)
    plain = Event(
        id=raw.id,
        source=raw.source,
        type="tickloom.echo.v1.Kilobyte",
        data=bytes(EVENT_BYTES),
        time_ns=raw.time_ns,
        datacontenttype="application/octet-stream",
        extensions=raw.extensions,
    )
    found = []
    for name, child, event in (
        ("a function that answers its event", "echo-http", plain),
        ("normalize", "normalize", raw),
    ):
        tell(request.rounds, request.rounds + 1, f"HTTP: {name}")
        rounds = [await _load(started[child], _post(event), request.http_s) for _ in range(request.rounds)]
        rate, share = (statistics.median(column) for column in zip(*rounds, strict=True))
        note = f"on its core {share:.0%} of the time"
        bars = ("8,000", "12,000") if child == "echo-http" else ("", "")
        size = len(event.data or b"")
        found.append(Figure(f"{name}, {size:,} bytes in", rate, "events/s", *bars, note))
    return found


def _raw_of(size: int, request: Request) -> Event:
    """Cut the tape's first rows so that they weigh about as much as asked."""
    options = TapeOptions("", "", request.dialect, bytes_max=size)
    reel = Reel((pathlib.Path(request.tape),), options, Spool(pathlib.Path(request.folder) / "spool"))
    batch = next(one for one in reel.batches() if one.row_count > 1 or one.end_of_tape)
    return raw_event(batch, 0, feed=REPLAY.name)


def _post(event: Event) -> bytes:
    headers, body = to_http(event)
    lines = [b"POST / HTTP/1.1", b"host: localhost", *(name + b": " + value for name, value in headers)]
    return b"\r\n".join((*lines, b"content-length: %d" % len(body), b"", body))


async def _load(server: Child, request: bytes, seconds: float) -> tuple[float, float]:
    """Keep connections busy; give answers a second, and the share of the time the server was on its core."""
    running = asyncio.get_running_loop()
    clients = [_Poster(request) for _ in range(CONNECTIONS)]
    for client in clients:
        await running.create_connection(client.itself, HOST, server.port)
    await asyncio.gather(*(client.first for client in clients))  # both sides get going
    before = sum(client.answers for client in clients)
    began, spent = time.perf_counter(), _cpu_s(server.pid)
    await asyncio.sleep(seconds)
    took, spent = time.perf_counter() - began, _cpu_s(server.pid) - spent
    answers = sum(client.answers for client in clients) - before
    for client in clients:
        client.stop()
    if wrong := next((client.wrong for client in clients if client.wrong), b""):
        message = f"{server.name} answered {wrong[:200]!r}"
        raise RuntimeError(message)
    return answers / took, spent / took


def _cpu_s(pid: int) -> float:
    """Read the processor time of a process, seconds."""
    fields = pathlib.Path(f"/proc/{pid}/stat").read_text().rpartition(") ")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


class _Poster(asyncio.Protocol):
    """Post the same request over one connection, again as soon as it is answered."""

    def __init__(self, request: bytes) -> None:
        self.answers = 0
        self.wrong = b""
        self.first: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._request = request
        self._got = bytearray()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast("asyncio.Transport", transport)
        self._transport.write(self._request)

    def data_received(self, data: bytes) -> None:
        self._got += data
        head, found, body = self._got.partition(b"\r\n\r\n")
        if not found or len(body) < _content_length(head):
            return
        if not head.startswith(b"HTTP/1.1 200"):
            self.wrong = bytes(self._got)
            self._transport.close()
            return
        self.answers += 1
        if not self.first.done():
            self.first.set_result(None)
        self._got.clear()
        self._transport.write(self._request)

    def connection_lost(self, error: Exception | None) -> None:
        if not self.first.done():
            self.first.set_exception(error or ConnectionError(f"no answer but {self.wrong[:200]!r}"))

    def itself(self) -> Self:
        """Be the protocol of a connection."""
        return self

    def stop(self) -> None:
        """Hang up."""
        self._transport.close()


def _content_length(head: bytearray) -> int:
    at = head.lower().find(b"content-length: ")
    return int(head[at + 16 :].partition(b"\r\n")[0]) if at >= 0 else 0
