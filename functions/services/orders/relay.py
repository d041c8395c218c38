"""Publish what the ledger has stored: in order, at least once, always the same bytes."""

import asyncio
from typing import Final

import structlog

from functions.ports.errors import Overloaded, Unavailable
from functions.ports.ledger import Ledger, OutboxRow
from functions.ports.sink import Sink
from functions.ports.telemetry import Telemetry
from functions.runtime.tracing import traced
from functions.services.orders import CARD
from functions.wire.errors import Malformed

BATCH_MAX: Final = 128
BACKOFF_MIN_S: Final = 0.05
BACKOFF_MAX_S: Final = 5.0
LOOK_S: Final = 1.0
"""How often the outbox is looked at unasked, for events of another process or of a run before this one."""


class Relay:
    """Carry events from the outbox to the broker; an event is marked only after the broker took it.

    Args:
        ledger: Whose outbox it is.
        sink: Where events go.
        batch_max: Most events read at once.
        look_s: Seconds after which the outbox is looked at although nobody asked.
    """

    def __init__(self, ledger: Ledger, sink: Sink, *, batch_max: int = BATCH_MAX, look_s: float = LOOK_S) -> None:
        """Start with an unlooked-at outbox."""
        self._ledger = ledger
        self._sink = sink
        self._batch_max = batch_max
        self._look_s = look_s
        self._stored = asyncio.Event()
        self._log = structlog.get_logger()
        self._running: asyncio.Task[None] | None = None

    def measure(self, kept: Telemetry) -> None:
        """Say where what is published is counted and traced."""
        self._sink = traced(self._sink, CARD.name, kept, begins=False)

    def start(self) -> None:
        """Publish from now on, beside the service."""
        self._running = asyncio.create_task(self.run())

    async def close(self) -> None:
        """Stop publishing; what was not taken stays in the outbox."""
        if self._running is not None:
            self._running.cancel()
            await asyncio.gather(self._running, return_exceptions=True)
            self._running = None

    def wake(self) -> None:
        """Say that events were stored."""
        self._stored.set()

    async def run(self) -> None:
        """Publish until cancelled; when the broker or the ledger is down, try again ever more slowly."""
        backoff_s = BACKOFF_MIN_S
        while True:
            self._stored.clear()
            carried = await self._try()
            if carried is None:
                await asyncio.sleep(backoff_s)
                backoff_s = min(2 * backoff_s, BACKOFF_MAX_S)
                continue
            backoff_s = BACKOFF_MIN_S
            if not carried:
                await self._rest()

    async def _try(self) -> int | None:
        try:
            return await self.carry()
        except (Unavailable, Overloaded) as error:
            self._log.warning("outbox_blocked", error=str(error))
        except Exception:  # noqa: BLE001 - a bug must not end the only one who publishes; it is told until mended
            self._log.exception("outbox_failed")
        return None

    async def carry(self) -> int:
        """Publish one batch; tell how many events left the outbox.

        Raises:
            Unavailable: The broker or the ledger is down; what was taken before is marked.
            Overloaded: The broker asks to slow down; what was taken before is marked.
        """
        rows = await self._ledger.unpublished(self._batch_max)
        taken: list[int] = []
        try:
            for row in rows:
                await self._publish(row, taken)
        finally:
            if taken:
                await self._ledger.mark_published(tuple(taken))
        return len(rows)

    async def _publish(self, row: OutboxRow, taken: list[int]) -> None:
        try:
            await self._sink.publish(row.event)
        except Malformed as error:
            # Waiting for it would hold every later order back; it stays in the outbox with its reason.
            await self._ledger.mark_refused(row.position, str(error))
            self._log.exception("event_refused", event_id=row.event.id, event_type=row.event.type)
        else:
            taken.append(row.position)

    async def _rest(self) -> None:
        try:
            async with asyncio.timeout(self._look_s):
                await self._stored.wait()
        except TimeoutError:
            return
