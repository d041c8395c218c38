"""Measure how long Python's garbage collector holds a process up.

A collection may begin inside the telemetry itself, under its locks; so a pause is only noted when it ends, and told
later from the loop.
"""

import asyncio
import contextlib
import gc
import time
from collections import deque
from collections.abc import Callable
from typing import Final

from functions.ports.telemetry import Telemetry

PAUSES_MAX: Final = 4096
"""Pauses that wait to be told; a busy process has some hundred a second, nearly all of the youngest generation."""
TELL_EVERY_S: Final = 1.0
METRIC: Final = "tickloom_gc_pause_seconds"


class CollectorPauses:
    """Put every pause of the collector into a histogram, by generation; where nothing is kept, do nothing."""

    def __init__(self, kept: Telemetry, clock: Callable[[], float] = time.perf_counter) -> None:
        """Say where pauses are told, and which clock measures them, seconds."""
        self._kept = kept
        self._clock = clock
        self._begun: float | None = None
        self._noted: deque[tuple[int, float]] = deque(maxlen=PAUSES_MAX)
        self._teller: asyncio.Task[None] | None = None

    def start(self) -> None:
        """Listen to the collector, and tell each second what was noted; needs a running loop."""
        if self._kept.enabled:
            gc.callbacks.append(self.note)
            self._teller = asyncio.get_running_loop().create_task(self._tell_on())

    def note(self, phase: str, info: dict[str, int]) -> None:
        """Note a pause: the collector calls this before and after each.

        Args:
            phase: `start` or `stop`.
            info: The collector's own figures; `generation` is the oldest it looks at.
        """
        if phase == "start":
            self._begun = self._clock()
        elif self._begun is not None:  # otherwise it had begun before anybody listened
            self._noted.append((info["generation"], self._clock() - self._begun))

    def tell(self) -> None:
        """Hand what was noted to the telemetry."""
        while self._noted:
            generation, pause_s = self._noted.popleft()
            self._kept.observe(METRIC, {"generation": str(generation)}, pause_s)

    async def close(self) -> None:
        """Listen no more, and tell the rest."""
        if self._teller is None:
            return
        gc.callbacks.remove(self.note)
        self._teller.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await self._teller
        self._teller = None
        self.tell()

    async def _tell_on(self) -> None:
        while True:
            await asyncio.sleep(TELL_EVERY_S)
            self.tell()
