"""Time round trips over loopback beside bare echoes of the same size, in turns, so that a busy moment hits all of them.

In a closed loop the next call waits for the last; in an open loop calls leave on time whatever the answers do, and a
call's time begins when it was due; at saturation as many calls as are under way at once follow each other.
"""

import asyncio
import contextlib
import statistics
import time
from collections import deque
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any, Final, TypeAlias, cast

import grpc
import grpc.aio
from google.protobuf.message import Message

from functions.local.echo import HOST, MESSAGES, METHOD, STREAM
from functions.local.figures import Tell, quantile
from functions.ports.errors import Overloaded

OPEN_RATE: Final = 1000
"""Questions a second of an open loop."""

AT_ONCE: Final = 32
"""Calls under way at saturation."""

WARM_CALLS: Final = 100
CALLS_MIN: Final = 20
ANSWER_MS: Final = 30_000

Call: TypeAlias = Callable[[], Awaitable[object]]


@dataclass(frozen=True, slots=True)
class Way:
    """Hold one way to ask.

    Args:
        name: What it is called.
        size: Bytes of a message.
        questions: Questions in a message.
        call: Asks, and returns with the answer.
        beside: Names of the bare echoes that it is held against; none for an echo.
        weight: How many times fewer calls are made of it, for one that takes long.
    """

    name: str
    size: int
    questions: int
    call: Call
    beside: tuple[str, ...] = ()
    weight: int = 1


@dataclass(frozen=True, slots=True)
class Effort:
    """Say how much is measured.

    Args:
        rounds: Rounds a figure is the median of.
        calls: Calls of a closed loop and of a saturated one, each round.
        open_s: Seconds of an open loop, each round.
    """

    rounds: int
    calls: int
    open_s: float


async def measured(ways: Sequence[Way], effort: Effort, tell: Tell) -> list[dict[str, Any]]:
    """Call each way in turns, round after round; give the medians of the rounds.

    Args:
        ways: What is called.
        effort: How much is measured.
        tell: Told how far it is.
    """
    rounds: dict[str, list[dict[str, float]]] = {way.name: [] for way in ways}
    for number in range(effort.rounds):
        for way in ways:
            tell(number, effort.rounds + 1, way.name)
            rounds[way.name].append(await _round(way, effort))
    return [
        {"name": way.name, "bytes": way.size, "questions": way.questions, "beside": way.beside}
        | {key: statistics.median(one[key] for one in rounds[way.name]) for key in _FIGURES}
        for way in ways
    ]


# --- bare echoes ------------------------------------------------------------------------------------------------------

TCP: Final = "bare TCP echo"
UNARY: Final = "bare grpc.aio echo, unary"
STREAMED: Final = "bare grpc.aio echo, stream"
MESSAGED: Final = "bare grpc.aio echo of messages, stream"


@contextlib.asynccontextmanager
async def echoes(
    ports: Mapping[str, int], ask: Callable[[], Message], large: bytes, many: int
) -> AsyncIterator[list[Way]]:
    """Open the ways to the echoes.

    Args:
        ports: Ports of `echo-grpc` and `echo-tcp` on loopback.
        ask: Writes one question as a message, which goes to one echo as it is, to the others as bytes made before.
        large: Bytes of `many` in one message.
        many: How many these are.
    """
    async with contextlib.AsyncExitStack() as stack:
        channel = await stack.enter_async_context(grpc.aio.insecure_channel(f"{HOST}:{ports['echo-grpc']}"))
        small, kind = ask().SerializeToString(), type(ask())
        bare: Any = channel.stream_stream(STREAM)
        stubbed: Any = channel.stream_stream(MESSAGES, kind.SerializeToString, kind.FromString)
        echo, messages = _Conversation(bare), _Conversation(stubbed)
        stack.push_async_callback(echo.close)
        stack.push_async_callback(messages.close)
        connect = asyncio.get_running_loop().create_connection
        _, tcp = await connect(lambda: _Pipe(len(small)), HOST, ports["echo-tcp"])
        stack.callback(tcp.close)
        yield [
            Way(TCP, len(small), 1, partial(tcp.call, small)),
            Way(UNARY, len(small), 1, partial(_unary(channel), small)),
            Way(STREAMED, len(small), 1, partial(echo.call, small)),
            Way(MESSAGED, len(small), 1, lambda: messages.call(ask())),
            Way(streamed(many), len(large), many, partial(echo.call, large)),
        ]


def streamed(many: int) -> str:
    """Name the echo of a message with as many questions."""
    return f"{STREAMED}, {many} x"


def _unary(channel: grpc.aio.Channel) -> Callable[[bytes], Awaitable[object]]:
    """Give the echo's method; no serialisers, so bytes travel as they are."""
    method: Any = channel.unary_unary(METHOD)

    async def call(data: bytes) -> object:
        return await method(data, timeout=ANSWER_MS / 1000)

    return call


class _Conversation:
    """Send messages over one stream of the echo; answers come in order."""

    def __init__(self, method: Callable[[], Any]) -> None:
        self._stream = method()
        self._waiting: deque[asyncio.Future[None]] = deque()
        self._writing = asyncio.Lock()
        self._reading = asyncio.create_task(self._read())

    async def call(self, message: object) -> None:
        """Send, and return with the answer."""
        waiter: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        async with self._writing:
            self._waiting.append(waiter)
            await self._stream.write(message)
        await waiter

    async def _read(self) -> None:
        async for _ in self._stream:
            self._waiting.popleft().set_result(None)

    async def close(self) -> None:
        """Hang up."""
        self._stream.cancel()
        await asyncio.gather(self._reading, return_exceptions=True)


class _Pipe(asyncio.Protocol):
    """Send messages of one size over a connection; answers come in order."""

    def __init__(self, size: int) -> None:
        self._size = size
        self._received = 0
        self._waiting: deque[asyncio.Future[None]] = deque()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast("asyncio.Transport", transport)

    def data_received(self, data: bytes) -> None:
        self._received += len(data)
        while self._received >= self._size:
            self._received -= self._size
            self._waiting.popleft().set_result(None)

    def connection_lost(self, error: Exception | None) -> None:
        for waiter in self._waiting:
            waiter.set_exception(error or ConnectionError("the echo closed the connection"))

    async def call(self, data: bytes) -> None:
        """Send, and return with the answer."""
        waiter: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._waiting.append(waiter)
        self._transport.write(data)
        await waiter

    def close(self) -> None:
        """Hang up."""
        self._transport.close()


# --- loops ------------------------------------------------------------------------------------------------------------

_SHARES: Final = {"p50": 0.5, "p99": 0.99, "p999": 0.999}
_LOOPS: Final = ("closed", "open", "full")
_FIGURES: Final = (
    *(f"{loop}_{share}_ms" for loop in _LOOPS for share in _SHARES),
    "closed_per_second",
    "full_per_second",
    "sent_late_p99_ms",
    "open_refused",
)


async def _round(way: Way, effort: Effort) -> dict[str, float]:
    calls = max(effort.calls // way.weight, CALLS_MIN)
    closed = await _closed_loop(way.call, calls)
    opened, late, refused = await _open_loop(way.call, seconds=effort.open_s, rate=OPEN_RATE // way.questions)
    full, full_s = await _full_loop(way.call, calls)
    figures = {
        f"{loop}_{share}_ms": quantile(sorted(taken), part) * 1e3
        for loop, taken in zip(_LOOPS, (closed, opened, full), strict=True)
        for share, part in _SHARES.items()
    }
    return figures | {
        "closed_per_second": len(closed) / sum(closed),
        "full_per_second": len(full) / full_s,
        "sent_late_p99_ms": quantile(sorted(late), 0.99) * 1e3,
        "open_refused": refused,
    }


async def _closed_loop(call: Call, count: int) -> list[float]:
    for _ in range(min(count, WARM_CALLS)):
        await call()
    taken = []
    for _ in range(count):
        began = time.perf_counter()
        await call()
        taken.append(time.perf_counter() - began)
    return taken


async def _full_loop(call: Call, count: int) -> tuple[list[float], float]:
    """Keep as many calls under way as saturate the server; give how long each took, and all together."""
    taken: list[float] = []

    async def caller() -> None:
        for _ in range(max(count // AT_ONCE, 1)):
            began = time.perf_counter()
            await call()
            taken.append(time.perf_counter() - began)

    began = time.perf_counter()
    await asyncio.gather(*(caller() for _ in range(AT_ONCE)))
    return taken, time.perf_counter() - began


async def _open_loop(call: Call, *, seconds: float, rate: int) -> tuple[list[float], list[float], int]:
    """Send on time; give how long each call took from when it was due, how late each one left, how many were refused.

    A thread keeps the time, because an event loop's own timers are only good to a millisecond.
    """
    running = asyncio.get_running_loop()
    count = max(int(seconds * rate), 1)
    late: list[float] = []
    tasks: list[asyncio.Task[None]] = []
    taken: list[float] = []

    async def one(due: float) -> None:
        with contextlib.suppress(Overloaded):  # more than can be answered is asked, and that is how a caller is told
            await call()
            taken.append(time.perf_counter() - due)

    def send(due: float) -> None:
        late.append(time.perf_counter() - due)
        tasks.append(running.create_task(one(due)))

    def keep_time() -> None:
        start = time.perf_counter()
        for number in range(1, count + 1):
            due = start + number / rate
            time.sleep(max(due - time.perf_counter(), 0))
            running.call_soon_threadsafe(send, due)

    await asyncio.to_thread(keep_time)
    await asyncio.gather(*tasks)
    return taken, late, count - len(taken)
