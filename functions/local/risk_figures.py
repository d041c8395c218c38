"""Time risk: the decision by itself, and checks over loopback beside bare echoes of the same size.

The twins are called in turns within one run, so that what the machine does meanwhile hits all of them. In a closed loop
the next call waits for the last; in an open loop calls leave on time whatever the answers do, and a call's time begins
when it was due; at saturation as many calls as are under way at once follow each other.
"""

import asyncio
import contextlib
import pathlib
import statistics
import time
from collections import deque
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from decimal import Decimal
from functools import partial
from typing import Any, Final, TypeAlias, cast

import grpc
import grpc.aio

from functions.adapters.memory_kill_switch import MemoryKillSwitches
from functions.adapters.memory_limits import MemoryLimits
from functions.adapters.risk_client import GrpcRisk
from functions.adapters.risk_conversation import RiskConversation, asked_message
from functions.adapters.risk_engine import RiskEngine
from functions.domain.decisions import AccountState, OrderIntent, Quote, Side
from functions.domain.risk import RiskState
from functions.local.echo import HOST, METHOD, STREAM
from functions.local.figures import Figure, Tell, quantile, quantiles
from functions.services.risk import main as risk
from functions.wire.codecs.limits import decode_limits
from functions.wire.codecs.risk import Question

OPEN_RATE: Final = 1000
"""Questions a second of an open loop."""

AT_ONCE: Final = 32
"""Calls under way at saturation."""

MANY: Final = 50
"""Questions in one message."""

POSITIONS: Final = 50
WORKING: Final = 200
"""What the account holds on which decisions are timed."""

NOW_NS: Final = 1_700_000_000_000_000_000
WARM_CALLS: Final = 100
ANSWER_MS: Final = 30_000
HOUR_S: Final = 3600.0

Call: TypeAlias = Callable[[], Awaitable[object]]


@dataclass(frozen=True, slots=True)
class Way:
    """Hold one way to ask: its name, bytes and number of the questions in a message, and the call."""

    name: str
    size: int
    questions: int
    call: Call


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


# --- the decision by itself -------------------------------------------------------------------------------------------


def question() -> tuple[OrderIntent, Quote, AccountState, int]:
    """Give an order that the shipped limits accept, with its market, account and time."""
    order = OrderIntent("bench", "ETH-USDT.BINANCE", Side.BUY, 10_000, 250_010, price_exponent=-2, size_exponent=-4)
    quote = Quote(bid_price=249_990, bid_size=50_000, ask_price=250_010, ask_size=50_000, ts_event=NOW_NS)
    capital = Decimal(1_000_000)
    return order, quote, AccountState(capital, Decimal(0), position=0, position_price=0, equity=capital), NOW_NS


def questions(count: int) -> list[Question]:
    """Ask for an order in each of so many instruments, as at a bar's close; the account holds every other of them."""
    order, quote, account, now_ns = question()
    gross = Decimal(250) * (count // 2)
    busy = replace(account, gross_exposure=gross, net_exposure_low=gross, net_exposure_high=gross)
    return [
        Question(
            replace(order, instrument_id=f"INSTRUMENT-{number}.BENCH", limit_price=order.limit_price - number),
            quote,
            replace(busy, position=1000 * (number % 2), position_price=250_000),
            now_ns,
        )
        for number in range(count)
    ]


def in_process(calls: int) -> Iterator[Figure]:
    """Time decisions of an account with 50 positions and 200 working orders, one by one, garbage collector frozen."""
    p50, p99 = quantiles(asyncio.run(_decisions(max(calls, 2 * POSITIONS))))
    name = f"risk: one decision, {POSITIONS} positions and {WORKING} working orders"
    yield Figure(f"{name}, p50", p50 * 1e6, "us")
    yield Figure(f"{name}, p99", p99 * 1e6, "us", "20")


async def _decisions(calls: int) -> list[float]:
    limits = decode_limits((pathlib.Path(risk.__file__).parent / "limits.json").read_bytes())
    engine = RiskEngine(MemoryLimits(), MemoryKillSwitches(), shipped=limits, refresh_s=HOUR_S)
    await engine.start()
    try:
        state, orders = _busy_account()
        _, quote, _, now_ns = question()
        taken = []
        for number in range(calls):
            order = orders[number % POSITIONS]
            began = time.perf_counter()
            verdict = engine.decide(order, quote, state, as_of_ns=now_ns)
            taken.append(time.perf_counter() - began)
            assert verdict.accepted, verdict  # noqa: S101 - else less than all rules would be timed
        return taken[POSITIONS:]  # each instrument's limits are merged the first time
    finally:
        await engine.close()


def _busy_account() -> tuple[RiskState, list[OrderIntent]]:
    """Make an account that holds every instrument, long and short, with orders that rest; give an order for each."""
    order, quote, _, now_ns = question()
    names = [f"INSTRUMENT-{number}.BENCH" for number in range(POSITIONS)]
    signs = [1 if number % 2 else -1 for number in range(POSITIONS)]
    capital, price = Decimal(10_000_000), Decimal(2500)
    held = [(name, Decimal(sign), price) for name, sign in zip(names, signs, strict=True)]
    state = RiskState(capital, capital, held)
    for number in range(WORKING):
        name, away = names[number % POSITIONS], 1 + number // POSITIONS
        side, limit = (Side.BUY, 249_980 - away) if away % 2 else (Side.SELL, 250_020 + away)
        rests = replace(order, instrument_id=name, side=side, limit_price=limit, quantity=1000)
        state.apply_accepted(f"order-{number}", rests, quote, as_of_ns=now_ns - 10 * 10**9)
    return state, [replace(order, instrument_id=name) for name in names]


# --- round trips ------------------------------------------------------------------------------------------------------


async def round_trips(ports: Mapping[str, int], effort: Effort, tell: Tell) -> list[dict[str, Any]]:
    """Call each twin in turns, round after round; give the medians of the rounds.

    Args:
        ports: Ports of `risk`, `echo-grpc` and `echo-tcp` on loopback.
        effort: How much is measured.
        tell: Told how far it is.
    """
    async with _ways(ports) as ways:
        rounds: dict[str, list[dict[str, float]]] = {way.name: [] for way in ways}
        for number in range(effort.rounds):
            for way in ways:
                tell(number, effort.rounds + 1, way.name)
                rounds[way.name].append(await _round(way, effort))
    return [
        {"name": way.name, "bytes": way.size, "questions": way.questions}
        | {key: statistics.median(one[key] for one in rounds[way.name]) for key in _FIGURES}
        for way in ways
    ]


@contextlib.asynccontextmanager
async def _ways(ports: Mapping[str, int]) -> AsyncIterator[list[Way]]:
    """Open every way to ask."""
    asked = Question(*question())
    one, many = ([asked], questions(MANY))
    small, large = (asked_message(0, asks).SerializeToString() for asks in (one, many))
    risk_at, echo_at = (f"{HOST}:{ports[name]}" for name in ("risk", "echo-grpc"))
    client, conversation = GrpcRisk(risk_at, deadline_ms=ANSWER_MS), RiskConversation(risk_at, deadline_ms=ANSWER_MS)
    async with contextlib.AsyncExitStack() as stack:
        stack.push_async_callback(client.close)
        stack.push_async_callback(conversation.close)
        channel = await stack.enter_async_context(grpc.aio.insecure_channel(echo_at))
        echo = _Conversation(channel)
        stack.push_async_callback(echo.close)
        connect = asyncio.get_running_loop().create_connection
        _, tcp = await connect(lambda: _Pipe(len(small)), HOST, ports["echo-tcp"])
        stack.callback(tcp.close)
        check = partial(
            client.check, asked.order, asked.quote, account=asked.account, as_of_ns=asked.as_of_ns, status=asked.status
        )
        assert all(one.accepted for one in await conversation.ask(many))  # noqa: S101 - else rejections would be timed
        yield [
            Way("bare TCP echo", len(small), 1, partial(tcp.call, small)),
            Way("bare grpc.aio echo, unary", len(small), 1, partial(_unary(channel), small)),
            Way("risk check, unary", len(small), 1, check),
            Way("bare grpc.aio echo, stream", len(small), 1, partial(echo.call, small)),
            Way("risk check, stream", len(small), 1, partial(conversation.ask, one)),
            Way(f"bare grpc.aio echo, stream, {MANY} x", len(large), MANY, partial(echo.call, large)),
            Way(f"risk checks, stream, {MANY} in a message", len(large), MANY, partial(conversation.ask, many)),
        ]


def _unary(channel: grpc.aio.Channel) -> Callable[[bytes], Awaitable[object]]:
    """Give the echo's method; no serialisers, so bytes travel as they are."""
    method: Any = channel.unary_unary(METHOD)

    async def call(data: bytes) -> object:
        return await method(data, timeout=ANSWER_MS / 1000)

    return call


class _Conversation:
    """Send messages over one stream of the echo; answers come in order."""

    def __init__(self, channel: grpc.aio.Channel) -> None:
        method: Any = channel.stream_stream(STREAM)
        self._stream: Any = method()
        self._waiting: deque[asyncio.Future[None]] = deque()
        self._writing = asyncio.Lock()
        self._reading = asyncio.create_task(self._read())

    async def call(self, data: bytes) -> None:
        """Send, and return with the answer."""
        waiter: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        async with self._writing:
            self._waiting.append(waiter)
            await self._stream.write(data)
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
)


async def _round(way: Way, effort: Effort) -> dict[str, float]:
    closed = await _closed_loop(way.call, effort.calls)
    opened, late = await _open_loop(way.call, seconds=effort.open_s, rate=OPEN_RATE // way.questions)
    full, full_s = await _full_loop(way.call, effort.calls)
    figures = {
        f"{loop}_{share}_ms": quantile(sorted(taken), part) * 1e3
        for loop, taken in zip(_LOOPS, (closed, opened, full), strict=True)
        for share, part in _SHARES.items()
    }
    return figures | {
        "closed_per_second": len(closed) / sum(closed),
        "full_per_second": len(full) / full_s,
        "sent_late_p99_ms": quantile(sorted(late), 0.99) * 1e3,
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


async def _open_loop(call: Call, *, seconds: float, rate: int) -> tuple[list[float], list[float]]:
    """Send on time; give how long each call took from when it was due, and how late each one left.

    A thread keeps the time, because an event loop's own timers are only good to a millisecond.
    """
    running = asyncio.get_running_loop()
    count = max(int(seconds * rate), 1)
    late: list[float] = []
    tasks: list[asyncio.Task[float]] = []

    async def one(due: float) -> float:
        await call()
        return time.perf_counter() - due

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
    return list(await asyncio.gather(*tasks)), late
