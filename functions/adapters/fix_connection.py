"""Carry a FIX session over TCP: an acceptor that listens, an initiator that connects again and again.

The rules are `wire.fix.session`'s; here its actions are carried out. What is delivered reaches the application before
its number is kept; what is sent is kept before it leaves.
"""

import asyncio
import contextlib
import ssl
import time
from collections.abc import Awaitable, Callable, Iterable
from dataclasses import dataclass
from typing import Final, TypeAlias

from functions.adapters.resilience import full_jitter
from functions.ports.errors import PortError
from functions.ports.fix_session import Application
from functions.ports.fix_store import FixStore, Lease, SessionTaken
from functions.wire.fix.actions import (
    Action,
    Deliver,
    Disconnect,
    KeepNextIn,
    KeepReset,
    KeepSent,
    LoggedOn,
    Note,
    NotLoggedOn,
    Role,
    Send,
    Terms,
)
from functions.wire.fix.codec import Framer, Message
from functions.wire.fix.messages import LOGON
from functions.wire.fix.rules import Identity, meant_for
from functions.wire.fix.session import Session

READ_BYTES_MAX: Final = 64 * 1024
WRITE_BYTES_MAX: Final = 1024 * 1024
"""Bytes that may wait for a slow reader before whoever sends waits too."""
TICK_S_MAX: Final = 0.25
"""Longest sleep between two looks at the session's timers, seconds."""
SOCKETS_MAX: Final = 16
"""Sockets an acceptor holds before they have logged on."""
CLOSE_S: Final = 2.0
"""Longest wait for the last bytes to leave a connection that ends, seconds."""
WRITE_S: Final = 30.0
"""Longest wait for a reader that does not read, seconds."""

Report: TypeAlias = Callable[..., None]
"""Take what an operator should know: an event in the past tense, ids and units as keys."""


@dataclass(frozen=True, slots=True)
class Line:
    """Say what a connection needs beside its socket.

    Args:
        identity: Whose session it is.
        terms: Its limits.
        lease: Takes the session's store for the time of one connection.
        application: Takes what comes in.
        report: Is told what an operator should know.
        clock: Gives UTC nanoseconds.
        tamper: Changes what leaves, message by message; for simulators that misbehave on demand.
    """

    identity: Identity
    terms: Terms
    lease: Lease
    application: Application
    report: Report
    clock: Callable[[], int] = time.time_ns
    tamper: Callable[[bytes], Iterable[bytes]] | None = None


class Connection:
    """Carry a session over one socket; the application's `Link`.

    Args:
        line: What it needs.
        role: Who connected.
        store: The session's store, taken.
        streams: The socket.
    """

    def __init__(
        self, line: Line, role: Role, store: FixStore, streams: tuple[asyncio.StreamReader, asyncio.StreamWriter]
    ) -> None:
        """Load what is remembered."""
        self._line = line
        self._store = store
        self._reader, self._writer = streams
        self._session = Session(role, line.identity, line.terms, store.load().numbers)
        self._taking = self._resetting = False
        self._reason = ""
        self.was_active = False

    async def run(self, begun: bytes = b"") -> str:
        """Carry the session until it ends; give the reason.

        Args:
            begun: Bytes that were read from the socket already.
        """
        self._writer.transport.set_write_buffer_limits(high=WRITE_BYTES_MAX)
        tasks = [asyncio.create_task(self._read(begun)), asyncio.create_task(self._time())]
        try:
            done, _ = await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
            for task in done:
                task.result()
        except (OSError, TimeoutError) as error:
            self._reason = self._reason or f"{type(error).__name__}: {error}"
        finally:
            await self._end(tasks)
        return self._reason

    async def send(self, value: object) -> None:
        """Send an application message.

        Raises:
            NotLoggedOn: The session is not active; nothing was sent.
        """
        if self._resetting or self._reason:
            msg = "the session is being reset or has ended"
            raise NotLoggedOn(msg)
        self._act(self._session.send(value, self._line.clock()))
        await self._drain_or_end()

    async def logout(self, text: str = "") -> None:
        """Ask the other side to end the session."""
        self._act(self._session.logout(self._line.clock(), text))
        await self._drain_or_end()

    # -- reading

    async def _read(self, begun: bytes) -> None:
        await self._do(self._session.connected(self._line.clock()))
        data = begun or await self._reader.read(READ_BYTES_MAX)
        while data and not self._reason:
            await self._do(self._session.received(data, self._line.clock()))
            if not self._reason:
                data = await self._reader.read(READ_BYTES_MAX)
        self._reason = self._reason or "the other side ended the connection"

    async def _do(self, actions: list[Action]) -> None:
        """Carry out what a read leads to: what is sent leaves at once, then the application takes what came in."""
        resets = [place for place, action in enumerate(actions) if isinstance(action, KeepReset)]
        for place in resets[-1:]:  # what came before a reset is taken under the old numbers
            self._resetting = True
            await self._take(actions[:place])
            self._resetting = False
        self._act(actions)
        if any(isinstance(action, LoggedOn) for action in actions):
            self.was_active = True
            await self._line.application.logged_on(self)
        await self._take(actions[resets[-1] :] if resets else actions)
        await self._drain()

    async def _take(self, actions: list[Action]) -> None:
        delivered = [action for action in actions if isinstance(action, Deliver)]
        numbers = [action.number for action in actions if isinstance(action, KeepNextIn)]
        if not numbers and not delivered:
            return
        next_in = numbers[-1] if numbers else self._session.numbers.next_in
        if delivered:
            self._taking = True
            try:
                await self._line.application.take(delivered, next_in)
            finally:
                self._taking = False
                self._session.heard(self._line.clock())
        self._store.keep_next_in(next_in)

    # -- timers

    async def _time(self) -> None:
        while not self._reason:
            now = self._line.clock()
            due = self._session.deadline()
            wait_s = TICK_S_MAX if due is None else min(max((due - now) / 1e9, 0.001), TICK_S_MAX)
            await asyncio.sleep(wait_s)
            if self._taking:  # nobody listens meanwhile, so silence says nothing
                self._session.heard(self._line.clock())
            if not self._resetting:
                self._act(self._session.tick(self._line.clock()))

    # -- what needs no waiting

    def _act(self, actions: list[Action]) -> None:
        for action in actions:
            match action:
                case KeepSent(number, data):
                    self._store.keep_sent(number, data)
                case Send(data):
                    self._write(data)
                case KeepReset(next_in, next_out):
                    self._store.reset(next_in, next_out)
                case Disconnect(reason):
                    self._reason = reason
                case Note(event, text):
                    self._line.report(event, session=self._name, found=text)

    def _write(self, data: bytes) -> None:
        for one in (data,) if self._line.tamper is None else self._line.tamper(data):
            self._writer.write(one)

    @property
    def _name(self) -> str:
        return f"{self._line.identity.sender}-{self._line.identity.target}"

    async def _drain(self) -> None:
        async with asyncio.timeout(WRITE_S):
            await self._writer.drain()

    async def _drain_or_end(self) -> None:
        """Wait for the socket; a broken one ends the connection, and what was kept goes out with the next one."""
        try:
            await self._drain()
        except (OSError, TimeoutError):
            self._writer.transport.abort()

    async def _end(self, tasks: list[asyncio.Task[None]]) -> None:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        if not self._reason:  # we are told to stop: say so, and do not wait for an answer
            self._reason = "stopped"
            with contextlib.suppress(OSError, PortError):
                self._act(self._session.logout(self._line.clock(), "stopped"))
        await closed(self._writer)
        await self._line.application.logged_off(self._reason)


async def closed(writer: asyncio.StreamWriter) -> None:
    """Close a socket; what does not leave in time is dropped."""
    writer.close()
    try:
        async with asyncio.timeout(CLOSE_S):
            await writer.wait_closed()
    except (OSError, TimeoutError):
        writer.transport.abort()


async def carry(
    line: Line,
    role: Role,
    store: FixStore,
    streams: tuple[asyncio.StreamReader, asyncio.StreamWriter],
    begun: bytes = b"",
) -> Connection:
    """Carry a session over a socket to its end."""
    await line.application.opened()
    connection = Connection(line, role, store, streams)
    reason = await connection.run(begun)
    line.report("fix_connection_ended", session=f"{line.identity.sender}-{line.identity.target}", reason=reason)
    return connection


async def _cancelled(task: asyncio.Task[None]) -> None:
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)


class FixAcceptor:
    """Listen for the other side of one session; a second socket for it is refused without a word.

    Args:
        line: What a connection needs.
        host: Address to listen on.
        port: Port to listen on; 0 takes a free one.
    """

    def __init__(self, line: Line, *, host: str = "127.0.0.1", port: int = 0) -> None:
        """Bind to nothing yet."""
        self._line = line
        self._host = host
        self.port = port
        self._server: asyncio.Server | None = None
        self._tasks: set[asyncio.Task[None]] = set()
        self._early = 0
        self.refused = 0

    async def start(self) -> None:
        """Listen."""
        self._server = await asyncio.start_server(self._accept, self._host, self.port, limit=READ_BYTES_MAX)
        self.port = self._server.sockets[0].getsockname()[1]

    async def stop(self) -> None:
        """End every connection and stop listening."""
        if self._server is not None:
            self._server.close()
        await self.drop()

    async def drop(self) -> None:
        """Cut every connection; go on listening."""
        await asyncio.gather(*(_cancelled(task) for task in tuple(self._tasks)))

    async def run(self) -> None:
        """Listen until this is cancelled."""
        await self.start()
        try:
            await asyncio.Event().wait()
        finally:
            await self.stop()

    async def _accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None  # noqa: S101 - asyncio runs this as one
        self._tasks.add(task)
        try:
            await self._serve(reader, writer)
        except (OSError, TimeoutError, PortError) as error:
            self._line.report("fix_connection_failed", error=f"{type(error).__name__}: {error}")
        except asyncio.CancelledError:
            return  # `stop` waits for us; asyncio would log it as an error
        finally:
            self._tasks.discard(task)
            writer.transport.abort()

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        begun = await self._logon(reader)
        if not begun:
            self._refuse("it does not begin with a Logon of this session")
            return
        try:
            with self._line.lease() as store:
                await carry(self._line, Role.ACCEPTOR, store, (reader, writer), begun)
        except SessionTaken as error:
            self._refuse(str(error))

    def _refuse(self, reason: str) -> None:
        self.refused += 1
        self._line.report("fix_socket_refused", reason=reason)

    async def _logon(self, reader: asyncio.StreamReader) -> bytes:
        """Read up to the first message; empty when that is no Logon for this session, or there is no room."""
        if self._early >= SOCKETS_MAX:
            return b""
        self._early += 1
        framer, begun, first = Framer(READ_BYTES_MAX), b"", None
        try:
            async with asyncio.timeout(self._line.terms.logon_s):
                while first is None and len(begun) < READ_BYTES_MAX and (data := await reader.read(READ_BYTES_MAX)):
                    begun += data
                    first = next((one for one in framer.feed(data) if isinstance(one, Message)), None)
        finally:
            self._early -= 1
        wanted = first is not None and first.msg_type == LOGON and meant_for(first, self._line.identity)
        return begun if wanted else b""


class FixInitiator:
    """Connect to the other side of one session, again and again.

    Args:
        line: What a connection needs.
        host: Where the other side listens.
        port: Its port.
        tls: Whether the connection is encrypted, and the host proved, by TLS.
        backoff_s: Longest wait after the first failure, seconds; it doubles.
        backoff_max_s: Longest wait of all, seconds.
        connect_s: Longest wait for a connection, seconds.
        pause: Waits for seconds.
    """

    def __init__(  # noqa: PLR0913 - each is one setting
        self,
        line: Line,
        *,
        host: str,
        port: int,
        tls: bool = False,
        backoff_s: float = 0.25,
        backoff_max_s: float = 30.0,
        connect_s: float = 10.0,
        pause: Callable[[float], Awaitable[None]] = asyncio.sleep,
    ) -> None:
        """Connect to nothing yet."""
        self._line = line
        self._to = host, port
        self._tls = tls
        self._backoff_s, self._backoff_max_s, self._connect_s = backoff_s, backoff_max_s, connect_s
        self._pause = pause
        self.connections = 0

    async def run(self) -> None:
        """Keep the session up until this is cancelled."""
        failures = 0
        while True:
            try:
                failures = 0 if await self._once() else failures + 1
            except (OSError, TimeoutError, PortError) as error:
                failures += 1
                self._line.report("fix_connection_failed", error=f"{type(error).__name__}: {error}", failures=failures)
            await self._pause(full_jitter(failures, base_s=self._backoff_s, max_s=self._backoff_max_s))

    async def _once(self) -> bool:
        """Carry one connection to its end; say whether it ever was active."""
        with self._line.lease() as store:
            context = ssl.create_default_context() if self._tls else None
            async with asyncio.timeout(self._connect_s):
                streams = await asyncio.open_connection(*self._to, ssl=context, limit=READ_BYTES_MAX)
            self.connections += 1
            return (await carry(self._line, Role.INITIATOR, store, streams)).was_active
