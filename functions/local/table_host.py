"""Host a table on the local log: read it in order, emit before remembering, rewind after a bug.

A state is written down with the offset it was reached at; what was folded after the last write is folded again after
a crash and emits the same bytes, which those behind drop by sequence number.
"""

import asyncio
from collections.abc import Sequence
from typing import Final

from functions.domain.sequence import REORDER_EVENTS_MAX
from functions.local.delivery import Answer
from functions.local.dispatch import Outbound
from functions.local.log import EventLog
from functions.local.topology import Table
from functions.ports.telemetry import NULL, Telemetry
from functions.runtime.hosting import HostedTable
from functions.runtime.keeping import KEYS_MAX, SOURCES_MAX, Bounds, Keeper
from functions.runtime.outcomes import status_of
from functions.wire.envelope import Event

SNAPSHOT_EVENTS: Final = 256


class TableConsumer:
    """Read one broker for one table."""

    def __init__(  # noqa: PLR0913 - what it reads, what it runs, where it puts things
        self,
        table: Table,
        hosted: HostedTable,
        *,
        log: EventLog,
        outbound: Outbound,
        sink: str,
        reorder_max: int = REORDER_EVENTS_MAX,
        kept: Telemetry = NULL,
        bulk: bool = False,
    ) -> None:
        """Start from the remembered states; failed events go to the dead letter sink `sink`.

        Others go on between any two events, unless it is in `bulk`: then between two reads of the log.
        """
        self.name = table.name
        self._table = table
        self._types = frozenset(table.types)
        self._log = log
        self._outbound = outbound
        self._sink = sink
        self._bulk = bulk
        self._saved: dict[str, bytes] = log.states(self.name)
        bounds = Bounds(reorder_max, KEYS_MAX, SOURCES_MAX)
        self._keeper = Keeper[int](
            self.name,
            hosted.fold,
            emit=self._emit,
            bury=self._bury,
            bounds=bounds,
            only_key=hosted.only_key,
            unnumbered=hosted.unnumbered,
            kept=kept,
        )
        self._at = 0
        self._since = 0
        self._rewind()

    @property
    def folded(self) -> int:
        """Count the events that were folded."""
        return self._keeper.folded

    @property
    def caught_up(self) -> bool:
        """Tell whether every event so far was folded or waits for a missing one."""
        return self._at == self._log.head

    @property
    def waiting(self) -> int:
        """Count the events that wait for a missing one."""
        return self._keeper.waiting

    @property
    def lag(self) -> int:
        """Count the events not read yet."""
        return self._log.head - self._at

    async def run(self) -> None:
        """Fold for ever; cancel to stop."""
        log = self._log
        while True:
            await log.wait(self._at, self._passes)
            for event in log.read(self._at):
                offset = self._at
                self._at += 1
                if event.type not in self._types:
                    continue
                if not self._take(offset, event):
                    break
                if not self._bulk and self._at < log.head:
                    await asyncio.sleep(0)
            if self._at < log.head:  # else waiting lets the others run
                await asyncio.sleep(0)

    def _passes(self, event: Event) -> bool:
        """Step over an event that is not for this table while it sleeps at the head, and was not rewound meanwhile."""
        if event.type in self._types or self._at != self._log.head - 1:
            return False
        self._at += 1
        return True

    def give_up_waiting(self) -> None:
        """Declare what is missing a hole; for the end of a tape, when nothing more can come."""
        if not self._keeper.give_up_waiting():
            self._rewind()

    def snapshot(self) -> None:
        """Write the states down with the offset they were reached at; they are durable with the next commit."""
        for key, blob in self._keeper.dump():
            self._saved[key] = blob
            self._log.put_state(self.name, key, blob)
        self._keeper.written()
        self._log.cursors[self.name] = min(self._keeper.waiting_places(), default=self._at)
        self._since = 0

    def _take(self, offset: int, event: Event) -> bool:
        going_on = self._keeper.take(offset, event)
        if not going_on:
            self._rewind()
        self._since += 1
        if self._since >= SNAPSHOT_EVENTS:
            self.snapshot()
        return going_on

    def _bury(self, _: int, event: Event, error: Exception) -> None:
        answer = Answer(status_of(error), other_body=f"{type(error).__name__}: {error}".encode())
        self._outbound.bury(self._sink, event, destination=f"/tables/{self.name}", answer=answer)

    def _emit(self, _: int, events: Sequence[Event]) -> None:
        for event in events:
            self._outbound.publish(self._table.broker, event)

    def _rewind(self) -> None:
        self._at = self._log.cursors.setdefault(self.name, 0)
        self._keeper.load(self._saved)
