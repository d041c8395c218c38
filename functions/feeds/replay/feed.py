"""Send a tape's batches into the sink in order, as fast as it takes them or paced by their receive times."""

from collections.abc import Awaitable, Callable, Iterable
from dataclasses import dataclass
from typing import Final

from functions.domain.market import NS_PER_S, RawBatch
from functions.feeds.replay import CARD
from functions.ports.sink import Sink
from functions.wire.raw import raw_event

UNPACED: Final = 0.0


@dataclass(slots=True)
class Pace:
    """Hold batches back until their time has come.

    Args:
        speed: How many times faster than received; 0 holds nothing back.
        elapsed: Gives seconds on a clock that never goes back.
        pause: Waits for seconds.
    """

    speed: float
    elapsed: Callable[[], float]
    pause: Callable[[float], Awaitable[None]]
    _began: float | None = None
    _first_ns: int = 0

    async def hold(self, batch: RawBatch) -> None:
        """Return when the batch is due: as long after the first as it was cut after it, divided by the speed."""
        if self.speed <= UNPACED:
            return
        now = self.elapsed()
        if self._began is None:
            self._began, self._first_ns = now, batch.ts_cut_ns
        due = self._began + (batch.ts_cut_ns - self._first_ns) / NS_PER_S / self.speed
        if due > now:
            await self.pause(due - now)


async def replay(batches: Iterable[RawBatch], sink: Sink, *, pace: Pace, first_sequence: int) -> None:
    """Publish every batch of a tape, one after the other.

    Args:
        batches: The tape, up to and including its end.
        sink: Takes the events.
        pace: Holds batches back until they are due.
        first_sequence: Number of the first batch.
    """
    for number, batch in enumerate(batches, first_sequence):
        await pace.hold(batch)
        await sink.publish(raw_event(batch, number, feed=CARD.name))
