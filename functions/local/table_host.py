"""Host a table on the local log: contiguous order for each source, emit before remembering, rewind after a bug.

A state is written down with the offset it was reached at; what was folded after the last write is folded again after
a crash and emits the same bytes, which those behind drop by sequence number.
"""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final

import msgspec

from functions.domain.market import GapDetected
from functions.domain.sequence import REORDER_EVENTS_MAX, Duplicate, Gap, Progress, Ready, Sequencer
from functions.local.delivery import Answer
from functions.local.dispatch import Outbound
from functions.local.log import EventLog
from functions.local.topology import Table
from functions.ports.errors import Overloaded
from functions.runtime.hosting import HostedTable
from functions.runtime.outcomes import status_of
from functions.wire.envelope import Event
from functions.wire.errors import Malformed
from functions.wire.facts import partition_of, sequence_of

SNAPSHOT_EVENTS: Final = 256
STATE_BYTES_MAX: Final = 256 * 1024
KEYS_MAX: Final = 1024
SOURCES_MAX: Final = 256
"""Keys of a table and sources of a key: anyone may post to a broker, and none may fill a table with new names."""

_pack: Final = msgspec.msgpack.Encoder().encode
_unpack: Final = msgspec.msgpack.Decoder(tuple[dict[str, tuple[int, list[int]]], bytes]).decode


@dataclass(slots=True)
class _Cell:
    """One key's state and the order of its sources."""

    state: Any
    order: Sequencer[tuple[int, Event]]
    dirty: bool = False


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
    ) -> None:
        """Start from the remembered states; failed events go to the dead letter sink `sink`."""
        self.name = table.name
        self._table = table
        self._types = frozenset(table.types)
        self._fold = hosted.fold
        self._log = log
        self._outbound = outbound
        self._sink = sink
        self._reorder_max = reorder_max
        self._poison: set[tuple[str, int]] = set()
        self._saved: dict[str, bytes] = log.states(self.name)
        self._cells: dict[str, _Cell] = {}
        self._at = 0
        self._since = 0
        self.folded = 0
        self._rewind()

    @property
    def caught_up(self) -> bool:
        """Tell whether every event so far was folded or waits for a missing one."""
        return self._at == self._log.head

    @property
    def waiting(self) -> int:
        """Count the events that wait for a missing one."""
        return sum(cell.order.waiting for cell in self._cells.values())

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
        for key, cell in self._cells.items():
            self._perform(key, cell, cell.order.give_up_all())

    def snapshot(self) -> None:
        """Write the states down with the offset they were reached at; they are durable with the next commit."""
        for key, cell in self._cells.items():
            if cell.dirty:
                self._saved[key] = self._dump(key, cell)
                self._log.put_state(self.name, key, self._saved[key])
                cell.dirty = False
        self._log.cursors[self.name] = self._reached()
        self._since = 0

    def _reached(self) -> int:
        waiting = [offset for cell in self._cells.values() for offset, _ in cell.order.waiting_items()]
        return min(waiting, default=self._at)

    def _take(self, offset: int, event: Event) -> bool:
        key = partition_of(event)
        try:
            number, cell = sequence_of(event), self._cell(key, event.source)
        except (Malformed, Overloaded) as error:
            self._bury(event, error)
            return True
        cell.dirty = True
        going_on = self._perform(key, cell, cell.order.offer(event.source, number, (offset, event)))
        self._since += 1
        if self._since >= SNAPSHOT_EVENTS:
            self.snapshot()
        return going_on

    def _cell(self, key: str, source: str) -> _Cell:
        cell = self._cells.get(key)
        if cell is None:
            if len(self._cells) >= KEYS_MAX:
                msg = f"table {self.name} has {KEYS_MAX} keys, its bound; {key!r:.80} is one more"
                raise Overloaded(msg)
            cell = self._cells[key] = _Cell(self._fold.start(key), Sequencer(reorder_max=self._reorder_max))
        if source not in cell.order.progress and len(cell.order.progress) >= SOURCES_MAX:
            msg = f"table {self.name} hears {SOURCES_MAX} sources for {key!r:.80}, its bound; {source:.80} is one more"
            raise Overloaded(msg)
        return cell

    def _perform(self, key: str, cell: _Cell, steps: Sequence[Any]) -> bool:
        for step in steps:
            match step:
                case Ready(item=(_, event)):
                    if (event.source, sequence_of(event)) not in self._poison and not self._advance(cell, event):
                        return False
                case Gap(source=source, first=first, last=last, behind=(_, event)):
                    gap = GapDetected(key, source, first, last)
                    cell.state, emitted = self._fold.gap(cell.state, event, gap)
                    self._emit(emitted)
                case Duplicate():
                    pass
        return True

    def _advance(self, cell: _Cell, event: Event) -> bool:
        """Fold one event, emit before the state counts; False after a bug: all starts again from the last write."""
        try:
            cell.state, emitted = self._fold.fold(cell.state, event)
        except Exception as error:  # noqa: BLE001 - the host turns every failure into a delivery decision
            if self._bury(event, error) < 500:  # noqa: PLR2004 - the event was wrong, the state is untouched
                cell.order.progress[event.source].open_holes((sequence_of(event),))  # a redriven one is folded late
                return True
            self._poison.add((event.source, sequence_of(event)))
            self._rewind()
            return False
        self.folded += 1
        self._emit(emitted)
        return True

    def _bury(self, event: Event, error: Exception) -> int:
        status = status_of(error)
        answer = Answer(status, other_body=f"{type(error).__name__}: {error}".encode())
        self._outbound.bury(self._sink, event, destination=f"/tables/{self.name}", answer=answer)
        return status

    def _emit(self, events: Sequence[Event]) -> None:
        for event in events:
            self._outbound.publish(self._table.broker, event)

    def _rewind(self) -> None:
        self._at = self._log.cursors.setdefault(self.name, 0)
        self._cells = {key: self._load(key, blob) for key, blob in self._saved.items()}

    def _dump(self, key: str, cell: _Cell) -> bytes:
        order = {source: (one.next, sorted(one.holes)) for source, one in cell.order.progress.items()}
        blob = _pack((order, self._fold.dump(cell.state)))
        if len(blob) > STATE_BYTES_MAX:
            msg = (
                f"table {self.name}: the state of {key} has {len(blob)} bytes, more than {STATE_BYTES_MAX}; add shards"
            )
            raise OverflowError(msg)
        return blob

    def _load(self, key: str, blob: bytes) -> _Cell:
        order, state = _unpack(blob)
        progress = {source: Progress(number, set(holes)) for source, (number, holes) in order.items()}
        return _Cell(self._fold.load(key, state), Sequencer(progress, reorder_max=self._reorder_max))
