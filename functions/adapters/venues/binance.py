"""Listen to Binance: combined WebSocket streams that are connected again, and book snapshots over REST."""

import asyncio
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Final, Protocol

import aiohttp
from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import WebSocketException

from functions.adapters.patient_sink import full_jitter
from functions.ports.venue import Put, Received

MESSAGE_BYTES_MAX: Final = 16 * 1024 * 1024
STREAMS_MAX: Final = 1_024  # the venue's own limit for one connection
_OK: Final = 200


@dataclass(frozen=True, slots=True)
class Connection:
    """Say where the venue is and how patient to be with it.

    Args:
        websocket_url: Base of the streams, for example `wss://stream.binance.com:9443`.
        rest_url: Base of the REST answers, for example `https://api.binance.com`.
        symbols: Venue symbols.
        channels: Channels of each symbol.
        depth_limit: Levels a side of a snapshot.
        idle_s: Silence after which a connection counts as dead, seconds.
        ping_s: Time between pings, and for an answer to one, seconds.
        open_s: Time to connect, or for a snapshot to come, seconds.
        backoff_s: Longest wait after the first failure, seconds; it doubles.
        backoff_max_s: Longest wait of all, seconds.
        resync_s: Least time between two snapshots of a symbol, seconds.
    """

    websocket_url: str
    rest_url: str
    symbols: tuple[str, ...]
    channels: tuple[str, ...]
    depth_limit: int = 1_000
    idle_s: float = 30.0
    ping_s: float = 20.0
    open_s: float = 10.0
    backoff_s: float = 0.25
    backoff_max_s: float = 30.0
    resync_s: float = 1.0

    def __post_init__(self) -> None:
        """Refuse what one connection cannot carry."""
        streams = len(self.symbols) * len(self.channels)
        if not 0 < streams <= STREAMS_MAX:
            msg = f"one connection carries 1 to {STREAMS_MAX} streams; symbols times channels is {streams}"
            raise ValueError(msg)

    @property
    def url(self) -> str:
        """Name every stream."""
        names = (f"{symbol.lower()}@{channel}" for symbol in self.symbols for channel in self.channels)
        return f"{self.websocket_url.rstrip('/')}/stream?streams={'/'.join(names)}"


class Report(Protocol):
    """Take what an operator should know: an event in the past tense, ids and units as keys."""

    def __call__(self, event: str, **keys: object) -> None:
        """Write it down."""


class BinanceVenue:
    """Listen to the venue's streams.

    Args:
        connection: Where the venue is.
        report: Is told of lost connections and failed snapshots.
        clock: Gives UTC nanoseconds.
        pause: Waits for seconds.
        jitter: Draws the wait after failure n, in seconds.
    """

    def __init__(
        self,
        connection: Connection,
        *,
        report: Report,
        clock: Callable[[], int] = time.time_ns,
        pause: Callable[[float], Awaitable[None]] = asyncio.sleep,
        jitter: Callable[[int], float] | None = None,
    ) -> None:
        """Connect to nothing yet."""
        self._to = connection
        self._report = report
        self._clock = clock
        self._pause = pause
        self._jitter = jitter or self._full_jitter
        self._due: asyncio.Queue[str] = asyncio.Queue(len(connection.symbols))
        self._asked: set[str] = set()
        self.connections = 0

    def resync(self, symbol: str) -> None:
        """Ask for a snapshot of a symbol's book soon; of a symbol that is not listened to, do nothing."""
        if symbol in self._to.symbols and symbol not in self._asked:
            self._asked.add(symbol)
            self._due.put_nowait(symbol)  # never full: each symbol is in it at most once

    async def run(self, put: Put) -> None:
        """Hand over every message in the order it came, connecting again when it must; ends only by cancelling."""
        async with (
            aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(total=self._to.open_s)) as session,
            asyncio.TaskGroup() as tasks,
        ):
            tasks.create_task(self._listen(put))
            tasks.create_task(self._snapshots(session, put))

    # -- streams

    async def _listen(self, put: Put) -> None:
        failures = 0
        while True:
            heard = self.connections
            try:
                await self._hear(put)
            except (OSError, TimeoutError, WebSocketException) as error:
                failures = 0 if self.connections > heard else failures + 1
                self._report("connection_lost", error=f"{type(error).__name__}: {error}", failures=failures)
            await self._pause(self._jitter(failures))

    async def _hear(self, put: Put) -> None:
        """Listen to one connection until it breaks; every new one begins with fresh snapshots."""
        to = self._to
        async with connect(
            to.url,
            open_timeout=to.open_s,
            ping_interval=to.ping_s,
            ping_timeout=to.ping_s,
            max_size=MESSAGE_BYTES_MAX,
            compression=None,
        ) as socket:
            self.connections += 1
            for symbol in to.symbols:
                self.resync(symbol)
            while True:
                row = await self._next(socket)
                await put(Received(row, self._clock()))

    async def _next(self, socket: ClientConnection) -> bytes:
        async with asyncio.timeout(self._to.idle_s):
            return await socket.recv(decode=False)

    def _full_jitter(self, attempt: int) -> float:
        return full_jitter(attempt, base_s=self._to.backoff_s, max_s=self._to.backoff_max_s)

    # -- snapshots

    async def _snapshots(self, session: aiohttp.ClientSession, put: Put) -> None:
        """Fetch what is asked for, one after the other, so that the venue's request limits are never in sight."""
        failures = 0
        while True:
            symbol = await self._due.get()
            try:
                received = await self._snapshot(session, symbol)
            except (aiohttp.ClientError, OSError, TimeoutError) as error:
                failures += 1
                self._report("snapshot_failed", symbol=symbol, error=f"{type(error).__name__}: {error}")
                await self._pause(self._jitter(failures))
                self._due.put_nowait(symbol)
                continue
            failures = 0
            self._asked.discard(symbol)
            await put(received)
            await self._pause(self._to.resync_s / len(self._to.symbols))

    async def _snapshot(self, session: aiohttp.ClientSession, symbol: str) -> Received:
        url = f"{self._to.rest_url.rstrip('/')}/api/v3/depth"
        query = {"symbol": symbol, "limit": str(self._to.depth_limit)}
        async with session.get(url, params=query) as response:
            body = await response.read()
            if response.status != _OK:
                msg = f"{response.status}: {body[:200]!r}"
                raise aiohttp.ClientError(msg)
            return Received(body, self._clock(), symbol)
