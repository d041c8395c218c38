"""Listen to any venue that has a profile: one supervised WebSocket, connected again whenever it must be.

What the loop promises, whatever the venue:

- A connection that is refused, lost, silent for too long or as old as the venue allows is made anew; between attempts
  it waits by full jitter, by a circuit breaker, and by the venue's own limits. Everything is subscribed to again.
- A book that broke is fetched anew, over REST or by subscribing again, as its venue documents.
- Trades that were missed (their ids leave a hole, or the connection was away) are fetched over REST where the venue
  offers them by id, and handed over before the messages that came after them. What cannot be fetched yet is owed: it
  is asked for until it comes or the venue refuses for good.
"""

import asyncio
import contextlib
from collections import deque
from dataclasses import dataclass, replace
from typing import Final

from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import WebSocketException

from functions.adapters.resilience import CircuitBreaker, IdleWatch, TokenBucket
from functions.adapters.venues._backfill import Holes
from functions.adapters.venues._patience import Counts, Hands, Patience
from functions.adapters.venues._profile import Glance, Missing, Profile, Subscription, Trades
from functions.adapters.venues._rest import Rest
from functions.adapters.venues._sync import Books, Breach, Key, Marks
from functions.ports.errors import PortError, Unavailable
from functions.ports.venue import Mark, Put, Received

MESSAGE_BYTES_MAX: Final = 32 * 1024 * 1024
CLOSE_S: Final = 1.0  # a peer that is gone does not answer a farewell
PARTING_S: Final = 1.0  # to hand over what was read when the feed is told to stop
BOOK_S: Final = 10.0  # to wait for a book that was subscribed to
REASON_CHARS_MAX: Final = 200  # of what a venue says when it refuses


class Lost(Exception):  # noqa: N818 - it says what became of the connection
    """The connection is up and of no use any more; the message says why."""


@dataclass(frozen=True, slots=True)
class _Heard:
    """Hold a message until its turn, with the trades it tells."""

    row: bytes
    ts: int
    quote_of: str
    marks: tuple[Mark, ...]


class Connection:
    """Listen to one venue.

    Args:
        profile: What the venue is like.
        wanted: What is listened to.
        patience: How patient to be.
        hands: Clocks, waiting, and who is told.
        known: Last trades of an earlier run; what came after them is fetched first.

    Raises:
        ValueError: One connection cannot carry what is wanted.
    """

    def __init__(
        self,
        profile: Profile,
        wanted: Subscription,
        patience: Patience,
        *,
        hands: Hands,
        known: dict[Key, int] | None = None,
    ) -> None:
        """Connect to nothing yet."""
        profile.check(wanted)
        self._profile = profile
        self._wanted = replace(wanted, depth=wanted.depth or profile.depth)
        self._patience = patience
        self._hands = hands
        self.counts = Counts()
        limits = profile.limits
        self._connects = TokenBucket(limits.connects, hands.elapsed)
        self._messages = TokenBucket(limits.messages, hands.elapsed)
        self._breaker = CircuitBreaker(patience.breaker, hands.elapsed)
        base = patience.rest_url or profile.rest_url
        self._rest = Rest(base, limits.requests, patience.breaker, hands=hands, timeout_s=patience.open_s)
        self._books = Books(profile.rule, 0 if profile.snapshot else self._wanted.depth)
        self._has_books = any(map(profile.is_book, self._wanted.channels))
        self._marks = Marks(known)
        self._holes = Holes(profile.backfill, self._rest, patience, hands=hands, counts=self.counts)
        self._due: asyncio.Queue[str] = asyncio.Queue()
        self._asked: set[str] = set()
        self._inbox: deque[_Heard] = deque()
        self._stirred = asyncio.Event()
        self._room = asyncio.Event()
        self._overdue: dict[str, float] = {}
        self._socket: ClientConnection | None = None
        self._number: int | None = None
        self._watch = IdleWatch(self._idle_s, hands.elapsed)

    @property
    def url(self) -> str:
        """Name what is connected to."""
        return (self._patience.websocket_url or self._profile.websocket_url).rstrip("/") + self._profile.path(
            self._wanted
        )

    def has_book(self, symbol: str) -> bool:
        """Tell whether a symbol's book is right: it came, and nothing was missed since."""
        return not self._books.waits(symbol)

    @property
    def _idle_s(self) -> float:
        return self._patience.idle_s or self._profile.keepalive.idle_s

    async def run(self, put: Put) -> None:
        """Hand over every message in the order it came, connecting again when it must; ends only by cancelling."""
        try:
            async with self._rest, asyncio.TaskGroup() as tasks:
                tasks.create_task(self._listen())
                tasks.create_task(self._give_all(put))
                tasks.create_task(self._resyncs(put))
                tasks.create_task(self._pay_debts(put))
        finally:
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(PARTING_S):
                    await self._give_rest(put)

    # -- the connection

    async def _listen(self) -> None:
        failures = 0
        while True:
            before = self.counts.connections
            await self._hands.pause(max(self._connects.take(), self._breaker.wait_s()))
            if not self._breaker.allow():
                continue
            try:
                await self._hear()
            except (OSError, TimeoutError, WebSocketException, Lost) as error:
                _heed_cancelling()
                connected = self.counts.connections > before
                failures = 0 if connected else failures + 1
                if not connected:
                    self._breaker.failed()
                self._hands.report("connection_lost", error=f"{type(error).__name__}: {error}", failures=failures)
            await self._hands.pause(self._wait_s(failures))

    async def _hear(self) -> None:
        """Listen to one connection until it breaks."""
        keep = self._profile.keepalive
        async with connect(
            self.url,
            open_timeout=self._patience.open_s,
            ping_interval=keep.ping_s,
            ping_timeout=keep.ping_s,
            close_timeout=CLOSE_S,
            max_size=MESSAGE_BYTES_MAX,
            compression=None,
        ) as socket:
            absent = self._begin(socket)
            try:
                async with asyncio.TaskGroup() as tasks:
                    tasks.create_task(self._subscribe(absent))
                    tasks.create_task(self._keep())
                    await self._read(socket)
            except ExceptionGroup as group:
                raise _first(group) from group
            finally:
                self._socket = None

    def _begin(self, socket: ClientConnection) -> list[Missing]:
        """Start anew on a connection; give what was traded since the last one, as far as it must be asked for."""
        self._breaker.succeeded()
        self.counts.connections += 1
        self._socket = socket
        self._number = None
        self._books.forget()
        self._watch.heard()
        if self._hands.tap:
            self._hands.tap.connected(self.url, self._hands.clock())
        backfill = self._profile.backfill
        # Where pages go back in time the venue tells its last trade first, and the hole before it is found by that.
        return self._marks.since(self._wanted) if backfill and backfill.ascending else []

    async def _subscribe(self, absent: list[Missing]) -> None:
        """Ask for everything again: streams, books, and the trades that were made meanwhile."""
        for text in self._profile.subscribe(self._wanted):
            await self._send(text)
        if self._has_books:
            for symbol in self._wanted.symbols:
                self._expect(symbol)
        for missing in absent:
            self._holes.miss(missing)
        self._stirred.set()

    async def _send(self, text: str) -> None:
        await self._hands.pause(self._messages.take())
        if self._socket is None:
            return
        await self._socket.send(text)
        if self._hands.tap:
            self._hands.tap.sent(self.url, self._hands.clock(), text)

    async def _keep(self) -> None:
        """Leave a connection that is silent or too old, and say what keeps it open."""
        keep, age_max = self._profile.keepalive, self._profile.limits.age_max_s
        now = self._hands.elapsed
        old = now() + age_max if age_max else float("inf")
        say = now() + keep.text_s if keep.text else float("inf")
        while True:
            if len(self._inbox) >= self._patience.held_max:
                self._watch.heard()  # it is us who do not listen
            if self._watch.idle:
                msg = f"silent for {self._idle_s:g} s"
                raise Lost(msg)
            if now() >= old:
                msg = f"as old as the venue allows: {age_max:g} s"
                raise Lost(msg)
            if now() >= say:
                await self._send(keep.text)
                say = now() + keep.text_s
            await self._hands.pause(max(0.0, min(self._watch.left_s, old - now(), say - now())))

    # -- messages

    async def _read(self, socket: ClientConnection) -> None:
        """Read as long as there is room; what was read cannot be lost with the connection."""
        while True:
            while len(self._inbox) >= self._patience.held_max:
                self._room.clear()
                await self._room.wait()
                self._watch.heard()
            row = await socket.recv(decode=False)
            self._watch.heard()
            self._take(row, self._hands.clock())

    def _take(self, row: bytes, ts: int) -> None:
        quote_of, marks = "", list[Mark]()
        glances = self._profile.glance(row, "")
        if len(glances) == 1 and glances[0].quote and not glances[0].crossed:
            quote_of = glances[0].symbol
        for glance in glances:
            if glance.trades:
                marks.append(Mark(glance.symbol, glance.trades.channel, glance.trades.last))
                self._count(glance.symbol, glance.trades)
        self._inbox.append(_Heard(row, ts, quote_of, tuple(marks)))
        self._stirred.set()
        for glance in glances:
            self._note(glance)

    async def _give_all(self, put: Put) -> None:
        """Hand messages over in their order, and fill every hole before the message behind it."""
        while True:
            if self._holes.waiting:
                await self._holes.fill_first(put)
            elif self._inbox:
                await self._give_first(put)
            else:
                self._stirred.clear()
                await self._stirred.wait()

    async def _give_rest(self, put: Put) -> None:
        while self._inbox:
            await self._give_first(put)

    async def _give_first(self, put: Put) -> None:
        """Hand the oldest message over; its marks hold only where nothing before them is missing."""
        heard = self._inbox[0]
        await put(Received(heard.row, heard.ts, quote_of=heard.quote_of, marks=self._holes.safe(heard.marks)))
        self._inbox.popleft()
        self._room.set()

    def _note(self, glance: Glance) -> None:
        if glance.number is not None:
            before, self._number = self._number, glance.number
            if before is not None and glance.number > before + 1:
                msg = f"messages {before + 1} to {glance.number - 1} never came"
                raise Lost(msg)
        if glance.refused:
            self._hands.report("subscription_refused", reason=glance.refused[:REASON_CHARS_MAX])
        if breach := self._books.see(glance):
            self._break(breach)

    def _break(self, breach: Breach) -> None:
        self.counts.breaches += 1
        self._hands.report("book_broken", symbol=breach.symbol, reason=breach.reason.value)
        self._resync(breach.symbol)

    # -- books

    def _resync(self, symbol: str) -> None:
        """Ask for a symbol's book anew, soon; of a symbol that is not listened to, do nothing."""
        if self._has_books and symbol in self._wanted.symbols and symbol not in self._asked:
            self._asked.add(symbol)
            self._due.put_nowait(symbol)  # never more than symbols, for each is in it at most once

    def _expect(self, symbol: str) -> None:
        """Have a symbol's book brought on a new connection, where the subscription alone does not."""
        if self._profile.snapshot:
            self._resync(symbol)
        else:
            self._overdue[symbol] = self._hands.elapsed() + BOOK_S

    async def _resyncs(self, put: Put) -> None:
        """Fetch books one after the other, each symbol's at most once in `resync_s`."""
        failures = 0
        while True:
            symbol = await self._due.get()
            try:
                await self._renew(symbol, put)
            except (PortError, OSError, WebSocketException) as error:
                failures += 1
                self._hands.report("snapshot_failed", symbol=symbol, error=f"{type(error).__name__}: {error}")
                await self._hands.pause(self._wait_s(failures))
                self._due.put_nowait(symbol)
                continue
            failures = 0
            await self._hands.pause(self._patience.resync_s / len(self._wanted.symbols))

    async def _renew(self, symbol: str, put: Put) -> None:
        """Bring a book anew; where the messages of a subscription bring it, they do so in their own time."""
        if self._profile.resubscribe:
            self._asked.discard(symbol)
            self._overdue[symbol] = self._hands.elapsed() + BOOK_S
            for text in self._profile.resubscribe(self._wanted, symbol):
                await self._send(text)
            return
        if self._profile.snapshot:
            received = await self._rest.get(self._profile.snapshot(symbol, self._wanted.depth), symbol)
            if not (glances := self._profile.glance(received.row, symbol)):
                await put(received)
                msg = "the answer holds no book"
                raise Unavailable(msg)
            self._asked.discard(symbol)
            for glance in glances:
                self._note(glance)
            await put(received)

    # -- trades

    def _count(self, symbol: str, trades: Trades) -> None:
        missing = self._marks.see(symbol, trades)
        if missing:
            self.counts.holes += 1
            self._hands.report("trades_missing", symbol=symbol, first=missing.first, last=missing.last)
            self._holes.miss(missing)

    async def _pay_debts(self, put: Put) -> None:
        """Ask again and again for what is owed: trades with growing patience, books that never came."""
        attempt = 0
        while True:
            await self._hands.pause(max(self._patience.resync_s, self._wait_s(attempt)))
            self._ask_again()
            if self._holes.owed:
                attempt = 0 if await self._holes.pay_first(put) else attempt + 1

    def _wait_s(self, attempt: int) -> float:
        return self._hands.wait_s(attempt, self._patience)

    def _ask_again(self) -> None:
        """Ask anew for books that were subscribed to and never came."""
        now = self._hands.elapsed()
        for symbol in [symbol for symbol, due in self._overdue.items() if due <= now]:
            del self._overdue[symbol]
            if self._books.waits(symbol):
                self._resync(symbol)


def _heed_cancelling() -> None:
    """Go on being cancelled: a task group that fails as it is cancelled tells of its failure only (Python 3.11)."""
    task = asyncio.current_task()
    if task is not None and task.cancelling():
        raise asyncio.CancelledError


def _first(group: ExceptionGroup[Exception]) -> Exception:
    """Give one error of a group: what broke the connection first."""
    error: Exception = group
    while isinstance(error, ExceptionGroup):
        error = error.exceptions[0]
    return error
