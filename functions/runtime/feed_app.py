"""Host a feed: run it until its input ends or the process is told to stop, and answer probes beside it.

A feed's `main.py` says `feed_app.serve(Settings, compose, sink)`, where `sink` makes the adapter that publishes.
"""

import asyncio
import contextlib
import os
import signal
import time
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import AbstractAsyncContextManager
from typing import Final, TypeVar

from functions.ports.errors import PortError
from functions.ports.sink import Sink
from functions.ports.telemetry import Telemetry
from functions.runtime import health, logs, settings, telemetry, tracing
from functions.runtime.hosting import HostedFeed
from functions.wire.envelope import Event

SAY_S: Final = 30.0  # seconds between two lines that say that a broker takes no events

S = TypeVar("S")

_log: Final = logs.logger("feed_app")


def serve(
    cls: type[S],
    compose: Callable[[S], HostedFeed],
    sink: Callable[[Mapping[str, str]], AbstractAsyncContextManager[Sink]],
) -> None:
    """Run a feed's process; wrong settings exit with 2, a feed that fails with 1.

    Args:
        cls: The feed's settings class.
        compose: The feed's composition.
        sink: Opens the sink that the environment names.
    """
    try:
        hosting = settings.hosting(os.environ)
        logs.configure(hosting.log_level)
        hosted = compose(settings.load(cls, os.environ))
        kept = telemetry.start(hosted.card.name, os.environ)
        opened = sink(os.environ)
    except (settings.SettingsError, ValueError) as error:
        _log.error("start_refused", reason=str(error))
        raise SystemExit(2) from None
    try:
        asyncio.run(_serve(hosted, opened, hosting, kept))
    except Exception as error:  # noqa: BLE001 - the last line of a process that ends
        _log.error("feed_failed", error=error, feed=hosted.card.name)
        raise SystemExit(1) from None
    finally:
        kept.close()


class ToldSink:
    """Say in the log that a sink takes no events, and when it does again: who waits it out says nothing.

    Args:
        sink: Where events go.
        name: Who publishes.
    """

    def __init__(self, sink: Sink, name: str) -> None:
        """Stand before a sink."""
        self._sink = sink
        self._name = name
        self._failed = 0
        self._said_s = float("-inf")

    async def publish(self, event: Event) -> None:
        """Hand over one event; what is raised is the sink's."""
        try:
            await self._sink.publish(event)
        except PortError as error:
            self._failed += 1
            if time.monotonic() - self._said_s >= SAY_S:
                self._said_s = time.monotonic()
                _log.warning("event_not_published", feed=self._name, failed=self._failed, reason=str(error))
            raise
        if self._failed:
            _log.info("publishing_resumed", feed=self._name, failed=self._failed)
            self._failed = 0


async def run(hosted: HostedFeed, sink: Sink) -> bool:
    """Run a feed until its input ends (True) or SIGTERM or SIGINT arrives (False); close it either way."""
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stop.set)
    work = asyncio.ensure_future(hosted.run(sink))
    stopped = asyncio.create_task(stop.wait())
    try:
        await asyncio.wait((work, stopped), return_when=asyncio.FIRST_COMPLETED)
        ended = work.done()
        work.cancel()
        stopped.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await work
    finally:
        await hosted.close()
        for number in (signal.SIGTERM, signal.SIGINT):
            loop.remove_signal_handler(number)
    return ended


async def _serve(
    hosted: HostedFeed, opened: AbstractAsyncContextManager[Sink], hosting: settings.Hosting, kept: Telemetry
) -> None:
    async with opened as sink, _probes(hosting):
        _log.info("feed_started", feed=hosted.card.name)
        told = ToldSink(sink, hosted.card.name)
        ended = await run(hosted, tracing.traced(told, hosted.card.name, kept, begins=True))
        _log.info("feed_ended" if ended else "feed_stopped", feed=hosted.card.name)


@contextlib.asynccontextmanager
async def _probes(hosting: settings.Hosting) -> AsyncIterator[None]:
    """Answer probes while the feed runs, where PORT says that something probes it."""
    if not os.environ.get("PORT"):
        yield
        return
    state = health.Health()
    server = await health.listen(state, hosting)
    state.ready = True
    try:
        yield
    finally:
        server.close()
        await server.wait_closed()
