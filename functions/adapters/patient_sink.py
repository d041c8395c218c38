"""Publish with patience: the same event again, later and later, until the broker has it (design R7)."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Final

from functions.adapters.resilience import full_jitter
from functions.ports.errors import Overloaded, Unavailable
from functions.ports.sink import Sink
from functions.wire.envelope import Event

BACKOFF_S: Final = 0.05
BACKOFF_MAX_S: Final = 5.0


class PatientSink:
    """Wait out a sink that is down or asks to slow down; whoever publishes waits with it.

    Args:
        sink: Takes the events.
        pause: Waits for seconds.
        base_s: Longest wait after the first failure, seconds; it doubles.
        max_s: Longest wait of all, seconds.
    """

    def __init__(
        self,
        sink: Sink,
        *,
        pause: Callable[[float], Awaitable[None]] = asyncio.sleep,
        base_s: float = BACKOFF_S,
        max_s: float = BACKOFF_MAX_S,
    ) -> None:
        """Wrap a sink."""
        self._sink = sink
        self._pause = pause
        self._base_s = base_s
        self._max_s = max_s
        self.retries = 0

    async def publish(self, event: Event) -> None:
        """Hand over one event, however long it takes.

        Raises:
            Malformed: The broker refuses the event for good.
        """
        attempt = 0
        while True:
            try:
                return await self._sink.publish(event)
            except (Unavailable, Overloaded):
                self.retries += 1
                await self._pause(full_jitter(attempt, base_s=self._base_s, max_s=self._max_s))
                attempt += 1
