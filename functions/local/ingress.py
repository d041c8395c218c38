"""Take CloudEvents over HTTP as a Broker's ingress does: `POST /<namespace>/<broker>`, 202 once they are stored."""

from collections.abc import Awaitable, Callable, Mapping
from typing import Final

from aiohttp import web

from functions.local.log import LogFullError
from functions.wire.envelope import Event
from functions.wire.errors import Malformed
from functions.wire.http_binding import from_http

NAMESPACE: Final = "tickloom"
BODY_BYTES_MAX: Final = 1024 * 1024

Accept = Callable[[str, Event], Awaitable[None]]


class Ingress:
    """An HTTP server on loopback that appends what it is sent to the named broker."""

    def __init__(self, brokers: Mapping[str, object], accept: Accept) -> None:
        """Serve the named brokers; `accept(broker, event)` returns once the event is stored."""
        self._brokers = frozenset(brokers)
        self._accept = accept
        self._runner: web.AppRunner | None = None
        self.port = 0

    async def start(self, port: int = 0) -> None:
        """Listen on loopback; 0 takes a free port."""
        app = web.Application(client_max_size=BODY_BYTES_MAX)
        app.router.add_route("*", "/{namespace}/{broker}", self._take)
        self._runner = web.AppRunner(app, access_log=None)
        await self._runner.setup()
        site = web.TCPSite(self._runner, "127.0.0.1", port)
        await site.start()
        self.port = self._runner.addresses[0][1]

    def url(self, broker: str) -> str:
        """Give the address of a broker's ingress."""
        return f"http://127.0.0.1:{self.port}/{NAMESPACE}/{broker}"

    async def stop(self) -> None:
        """Stop listening."""
        if self._runner is not None:
            await self._runner.cleanup()

    async def _take(self, request: web.Request) -> web.Response:
        if request.match_info["namespace"] != NAMESPACE or request.match_info["broker"] not in self._brokers:
            return web.Response(status=404, text=f"no broker at {request.path}")
        if request.method != "POST":
            return web.Response(status=405, text="only POST", headers={"Allow": "POST"})
        try:
            event = from_http(request.raw_headers, await request.read())
        except Malformed as error:
            return web.Response(status=400, text=str(error))
        try:
            await self._accept(request.match_info["broker"], event)
        except Malformed as error:  # with its attributes it is greater than a record may be
            return web.Response(status=413, text=str(error))
        except LogFullError as error:
            return web.Response(status=503, text=str(error))
        return web.Response(status=202)
