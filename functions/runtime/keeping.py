"""Keep a table's cells, whatever log is beneath: one state for each key, each source folded in contiguous order (R7).

What belongs here: the order of sources, poison, gaps, bounds, and how a cell is written down. Nothing here reads a
log, sends or waits: a host offers events with the place it found them at, and hears what is to be sent or buried.
"""

import time
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final, Generic, TypeAlias, TypeVar

import msgspec

from functions.domain.market import GapDetected
from functions.domain.sequence import REORDER_EVENTS_MAX, Duplicate, Gap, Progress, Ready, Sequencer
from functions.ports.errors import Overloaded
from functions.ports.fold import Fold
from functions.ports.telemetry import NULL, Telemetry
from functions.runtime.outcomes import INTERNAL_ERROR, Outcome, outcome_of, status_of
from functions.runtime.tracing import LINKS_MAX, all_made_here, attributes_of, origin_of
from functions.wire.envelope import Event
from functions.wire.errors import Malformed
from functions.wire.facts import partition_of, sequence_of

STATE_BYTES_MAX: Final = 256 * 1024
KEYS_MAX: Final = 1024
SOURCES_MAX: Final = 256
"""Keys of a table and sources of a key: anyone may post to a broker, and none may fill a table with new names."""

Place = TypeVar("Place")
Emit: TypeAlias = Callable[[Place, Sequence[Event]], None]
"""Take what came of the event at a place; it is sent in this order, before the state is stored."""
Bury: TypeAlias = Callable[[Place, Event, Exception], None]
"""Take an event that cannot be folded, and why."""

_pack: Final = msgspec.msgpack.Encoder().encode
_unpack: Final = msgspec.msgpack.Decoder(tuple[dict[str, tuple[int, list[int]]], bytes]).decode


@dataclass(frozen=True, slots=True)
class Bounds:
    """Say how much is kept.

    Args:
        reorder_events_max: Events of a source that wait for a missing one before it is given up.
        keys_max: Keys.
        sources_max: Sources of a key.
        state_bytes_max: Bytes of a state that is written down.
    """

    reorder_events_max: int = REORDER_EVENTS_MAX
    keys_max: int = KEYS_MAX
    sources_max: int = SOURCES_MAX
    state_bytes_max: int = STATE_BYTES_MAX


@dataclass(slots=True)
class _Cell(Generic[Place]):
    """One key's state and the order of its sources."""

    state: Any  # of any table
    order: Sequencer[tuple[Place, Event]]
    dirty: bool = False
    gathered: deque[str] = field(default_factory=lambda: deque(maxlen=LINKS_MAX))  # origins of what said nothing yet


class Keeper(Generic[Place]):
    """Fold events into cells; `folded` counts those that were.

    Args:
        name: Table's name, for messages.
        fold: The table.
        emit: Hears what is to be sent.
        bury: Hears what cannot be folded.
        bounds: How much is kept.
        only_key: The one key of a table whose state spans shards; empty where each partition key has its own.
        unnumbered: Types of events that have no numbers: folded as they come, and again when they come again.
        kept: Where folds are measured and traced.
    """

    def __init__(  # noqa: PLR0913 - what it runs, whom it tells, what it keeps
        self,
        name: str,
        fold: Fold[Any],
        *,
        emit: Emit[Place],
        bury: Bury[Place],
        bounds: Bounds | None = None,
        only_key: str = "",
        unnumbered: frozenset[str] = frozenset(),
        kept: Telemetry = NULL,
    ) -> None:
        """Begin with no cells."""
        self._kept = kept
        self._only_key = only_key
        self._unnumbered = unnumbered
        self._name = name
        self._fold = fold
        self._emit = emit
        self._bury = bury
        self._bounds = bounds or Bounds()
        self._cells: dict[str, _Cell[Place]] = {}
        self._poison: set[tuple[str, str]] = set()  # by source and id, until what is written down is past them
        self._passed: set[tuple[str, str]] = set()  # those of them that were stepped over since `load`
        self.folded = 0

    @property
    def waiting(self) -> int:
        """Count the events that wait for a missing one."""
        return sum(cell.order.waiting for cell in self._cells.values())

    @property
    def dirty(self) -> bool:
        """Tell whether a cell changed since it was written down."""
        return any(cell.dirty for cell in self._cells.values())

    def waiting_places(self) -> list[Place]:
        """List where the waiting events were found, in no particular order."""
        return [place for cell in self._cells.values() for place, _ in cell.order.waiting_items()]

    def load(self, blobs: Mapping[str, bytes]) -> None:
        """Replace all cells by those that were written down."""
        self._passed.clear()
        self._cells = {key: self._load(key, blob) for key, blob in blobs.items()}

    def dump(self) -> list[tuple[str, bytes]]:
        """Write down the cells that changed since the last time, by key; say `written` once they are safe.

        Raises:
            OverflowError: A state is larger than the bound.
        """
        return [(key, self._dump(key, cell)) for key, cell in self._cells.items() if cell.dirty]

    def written(self) -> None:
        """Learn that what `dump` gave is safe; nothing was folded since."""
        for cell in self._cells.values():
            cell.dirty = False
        if not self.waiting:  # else a host begins again before what waits, and may meet them once more
            self._poison -= self._passed
            self._passed.clear()

    def take(self, place: Place, event: Event) -> bool:
        """Fold an event, or let it wait for a missing one, or drop a duplicate, or bury it.

        Returns:
            False after a bug in the fold, which may have harmed its state: load what was written down and offer again
            what came since; the event that hit the bug is then stepped over.
        """
        try:
            key = self._only_key or partition_of(event)
            number, cell = self._number(event), self._cell(key, event.source)
        except (Malformed, Overloaded) as error:
            self._bury(place, event, error)
            return True
        cell.dirty = True
        if event.type in self._unnumbered:
            return self._perform(cell, [Ready((place, event))])
        return self._perform(cell, cell.order.offer(event.source, number, (place, event)))

    def give_up_waiting(self) -> bool:
        """Declare what is missing a hole; for the end of a tape. False after a bug, as `take`."""
        for cell in self._cells.values():
            cell.dirty = cell.dirty or cell.order.waiting > 0  # what waited may have been written down as waiting
        return all(self._perform(cell, cell.order.give_up_all()) for cell in self._cells.values())

    def _number(self, event: Event) -> int:
        if "sequence" not in event.extensions and event.type not in self._unnumbered:  # the second would be a duplicate
            msg = (
                f"{event.type} {event.id} of {event.source} has no sequence, by which table {self._name} folds: number "
                "the events of each source, sequence=00000000000000000000 first"
            )
            raise Malformed(msg)
        return sequence_of(event)

    def _cell(self, key: str, source: str) -> _Cell[Place]:
        cell, bounds = self._cells.get(key), self._bounds
        if cell is None:
            if len(self._cells) >= bounds.keys_max:
                msg = f"table {self._name} has {bounds.keys_max} keys, its bound; {key!r:.80} is one more"
                raise Overloaded(msg)
            cell = self._cells[key] = _Cell(
                self._fold.start(key), Sequencer(reorder_max=self._bounds.reorder_events_max)
            )
        if source not in cell.order.progress and len(cell.order.progress) >= bounds.sources_max:
            msg = (
                f"table {self._name} hears {bounds.sources_max} sources for {key!r:.80}, its bound; "
                f"{source:.80} is one more"
            )
            raise Overloaded(msg)
        return cell

    def _perform(self, cell: _Cell[Place], steps: Sequence[Any]) -> bool:
        for step in steps:
            match step:
                case Ready(item=(place, event)):
                    if self._poison and (name := (event.source, event.id)) in self._poison:
                        self._passed.add(name)
                    elif not self._advance(cell, place, event):
                        return False
                case Gap(source=source, first=first, last=last, behind=(place, event)):
                    gap = GapDetected(partition_of(event), source, first, last)
                    cell.state, emitted = self._fold.gap(cell.state, event, gap)
                    self._emit(place, emitted)
                case Duplicate(item=(_, event)):
                    self._passed |= {(event.source, event.id)} & self._poison
        return True

    def _advance(self, cell: _Cell[Place], place: Place, event: Event) -> bool:
        """Fold one event, emit before the state counts; False after a bug: all starts again from the last write."""
        try:
            cell.state, emitted = (
                self._traced(cell, event) if self._kept.enabled else self._fold.fold(cell.state, event)
            )
        except Exception as error:  # noqa: BLE001 - the host turns every failure into a delivery decision
            self._bury(place, event, error)
            if status_of(error) < INTERNAL_ERROR:  # the event was wrong, the state is untouched
                if event.source in cell.order.progress:
                    cell.order.progress[event.source].open_holes((sequence_of(event),))  # a redriven one is folded late
                return True
            self._poison.add((event.source, event.id))
            return False
        self.folded += 1
        self._emit(place, emitted)
        return True

    def _traced(self, cell: _Cell[Place], event: Event) -> tuple[Any, Sequence[Event]]:
        """Fold inside a span; one that says something links to those before it that said nothing, for it holds them."""
        kept, origin, begun = self._kept, origin_of(event), time.perf_counter()
        function = {"function": self._name}
        outcome = Outcome.CONSUMED
        try:
            with kept.span(f"process {self._name}", attributes_of(event), origin=origin):
                state, emitted = self._fold.fold(cell.state, event)
                if emitted:
                    outcome = Outcome.REPLIED
                    kept.link(cell.gathered)
                    cell.gathered.clear()
                    return state, all_made_here(emitted)
                cell.gathered.append(origin)
                return state, emitted
        except Exception as error:
            outcome = outcome_of(error)
            raise
        finally:
            kept.count("tickloom_events_handled_total", {**function, "outcome": outcome.value})
            kept.observe("tickloom_handler_duration_seconds", function, time.perf_counter() - begun)

    def _dump(self, key: str, cell: _Cell[Place]) -> bytes:
        order = {source: (one.next, sorted(one.holes)) for source, one in cell.order.progress.items()}
        blob = _pack((order, self._fold.dump(cell.state)))
        if len(blob) > self._bounds.state_bytes_max:
            msg = (
                f"table {self._name}: the state of {key} has {len(blob)} bytes, more than "
                f"{self._bounds.state_bytes_max}; add shards"
            )
            raise OverflowError(msg)
        return blob

    def _load(self, key: str, blob: bytes) -> _Cell[Place]:
        order, state = _unpack(blob)
        progress = {source: Progress(number, set(holes)) for source, (number, holes) in order.items()}
        sequencer: Sequencer[tuple[Place, Event]] = Sequencer(progress, reorder_max=self._bounds.reorder_events_max)
        return _Cell(self._fold.load(key, state), sequencer)
