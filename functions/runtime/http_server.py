"""Run an ASGI application under uvicorn with every limit named."""

import asyncio
import signal
import socket
import time
from collections.abc import Callable
from types import FrameType
from typing import Final

import uvicorn
from starlette.types import ASGIApp
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

from functions.runtime import logs
from functions.runtime.settings import Hosting

HEAD_BYTES_MAX: Final = 65_536  # of a head, or of trailers, that are not complete; httptools has no limit of its own
RECEIVE_S: Final = 30.0  # time for a request to arrive whole, and for a connection's first one to begin
BACKLOG_MAX: Final = 2048  # connections that wait to be accepted

_log: Final = logs.logger("http_server")


class _BoundedProtocol(HttpToolsProtocol):
    """Close a connection whose request does not arrive in time, or whose head or trailers never end.

    Trailers say nothing of an event: what follows a body is no header of its message (RFC 9110 section 6.5.1).
    """

    _open = False  # a request has begun and is not there as a whole
    _no_body_bytes = 0
    _since: float | None = None  # when that was waited for first; None where nothing is
    _watch: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override] # as uvicorn has it
        """Wait for a first request."""
        super().connection_made(transport)
        self._since = self.loop.time()
        self._watch = self.loop.call_later(RECEIVE_S, self._look)

    def connection_lost(self, exc: Exception | None) -> None:
        """Wait no more."""
        if self._watch is not None:
            self._watch.cancel()
        super().connection_lost(exc)

    def on_message_begin(self) -> None:
        """Start to count a head."""
        self._open = True
        super().on_message_begin()

    def on_headers_complete(self) -> None:
        """Take no further headers."""
        super().on_headers_complete()
        self.headers = []

    def on_body(self, body: bytes) -> None:
        """Start to count anew."""
        self._no_body_bytes = 0
        super().on_body(body)

    def on_message_complete(self) -> None:
        """Stop counting and waiting."""
        self._open, self._since = False, None
        super().on_message_complete()

    def data_received(self, data: bytes) -> None:
        """Read bytes, and count those that neither are a body nor end a request."""
        if self._since is None:
            self._since = self.loop.time()
        self._no_body_bytes = self._no_body_bytes + len(data) if self._open else len(data)
        super().data_received(data)
        if self._open and self._no_body_bytes > HEAD_BYTES_MAX:
            self.transport.close()

    def _look(self) -> None:
        """Close what has not arrived in time, unless it is we who do not read."""
        late = self._since is not None and self.loop.time() - self._since >= RECEIVE_S
        if late and not self.flow.read_paused:
            self.transport.close()
        else:
            self._watch = self.loop.call_later(RECEIVE_S, self._look)


class _Server(uvicorn.Server):
    """Stop in two steps: say `not ready` while the port stays open, then finish what is running."""

    def __init__(self, config: uvicorn.Config, hosting: Hosting, on_stop: Callable[[], None]) -> None:
        super().__init__(config)
        self._hosting = hosting
        self._on_stop = on_stop
        self._stop_at: float | None = None

    def handle_exit(self, sig: int, frame: FrameType | None) -> None:  # noqa: ARG002 - uvicorn's signature
        """Begin to stop; a second signal cuts it short. The signal is not raised again: a clean stop exits with 0."""
        if self._stop_at is None:
            self._on_stop()
            self._stop_at = time.monotonic() + self._hosting.drain_ms / 1000
        elif sig == signal.SIGINT:
            self.force_exit = self.should_exit = True

    async def on_tick(self, counter: int) -> bool:
        """Leave the main loop once routers had their time to notice; uvicorn asks every 100 ms."""
        if self._stop_at is not None and time.monotonic() >= self._stop_at:
            self.should_exit = True
        return await super().on_tick(counter)

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        """Open the port and say where."""
        await super().startup(sockets)
        bound = [listener.getsockname() for server in self.servers for listener in server.sockets]
        # Who asked for any free port must be told; a known one is no news, and the first line costs structlog's import.
        say = _log.info if self._hosting.port == 0 and not self._hosting.uds else _log.debug
        say("port_opened", address=str(bound[0][0]) if bound else "", port=_port(bound))


def _port(bound: list[object]) -> int | None:
    first = bound[0] if bound else None
    return int(first[1]) if isinstance(first, tuple) else None


def run(app: ASGIApp, hosting: Hosting, *, on_stop: Callable[[], None]) -> None:
    """Serve until SIGTERM or SIGINT, then drain and return.

    Args:
        app: Application with its lifespan.
        hosting: Where to listen, and the limits.
        on_stop: Called when a stop begins, so that readiness can say so.
    """
    config = uvicorn.Config(
        app,
        host=hosting.host,
        port=hosting.port,
        uds=hosting.uds or None,
        loop="uvloop",
        http=_BoundedProtocol,
        ws="none",
        lifespan="on",
        log_config=None,
        access_log=False,
        server_header=False,
        proxy_headers=False,
        backlog=BACKLOG_MAX,
        limit_concurrency=hosting.concurrency_max,
        timeout_keep_alive=hosting.keep_alive_s,
        timeout_graceful_shutdown=hosting.graceful_s,
    )
    _Server(config, hosting, on_stop).run()
