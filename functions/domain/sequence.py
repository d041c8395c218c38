"""Keep sources in order: contiguous sequence numbers, duplicates dropped, holes declared (design R7). Pure."""

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Final, Generic, TypeVar

REORDER_EVENTS_MAX: Final = 256
HOLES_MAX: Final = 4096

T = TypeVar("T")


@dataclass(slots=True)
class Progress:
    """Remember how far one source has come: the number expected next, and the numbers given up below it."""

    next: int = 0
    holes: set[int] = field(default_factory=set)

    def open_holes(self, numbers: Iterable[int]) -> None:
        """Let these numbers be folded late when they come; of more than HOLES_MAX the lowest are forgotten."""
        self.holes.update(numbers)
        if len(self.holes) > HOLES_MAX:
            self.holes = set(sorted(self.holes)[-HOLES_MAX:])


@dataclass(frozen=True, slots=True)
class Gap(Generic[T]):
    """Numbers `first` to `last` of a source were given up; `behind` is the item that had waited longest."""

    source: str
    first: int
    last: int
    behind: T


@dataclass(frozen=True, slots=True)
class Ready(Generic[T]):
    """An item may be folded now; `late` when its number had been given up before."""

    item: T
    late: bool = False


@dataclass(frozen=True, slots=True)
class Duplicate(Generic[T]):
    """An item was folded before; acknowledge it and do nothing."""

    item: T


class Sequencer(Generic[T]):
    """Turn items of many sources, in any order, into contiguous order for each source.

    >>> order = Sequencer[str]()
    >>> [step.item for step in order.offer("a", 1, "second")]
    []
    >>> [step.item for step in order.offer("a", 0, "first")]
    ['first', 'second']
    >>> order.offer("a", 0, "first")
    [Duplicate(item='first')]
    """

    def __init__(self, progress: dict[str, Progress] | None = None, *, reorder_max: int = REORDER_EVENTS_MAX) -> None:
        """Start from remembered progress; at most `reorder_max` items of a source wait for a missing one."""
        self.progress: dict[str, Progress] = progress if progress is not None else {}
        self._reorder_max = reorder_max
        self._waiting: dict[str, dict[int, T]] = {}

    @property
    def waiting(self) -> int:
        """Count the items that wait for a missing one."""
        return sum(map(len, self._waiting.values()))

    def waiting_items(self) -> list[T]:
        """List the items that wait, in no particular order."""
        return [item for waiting in self._waiting.values() for item in waiting.values()]

    def offer(self, source: str, number: int, item: T) -> list[Ready[T] | Duplicate[T] | Gap[T]]:
        """Take one item; return what may happen now, in order. An item that waits is in none of the steps."""
        progress = self.progress.get(source) or self.progress.setdefault(source, Progress())
        if number < progress.next:
            return [self._below(progress, number, item)]
        if number == progress.next and source not in self._waiting:
            progress.next += 1
            return [Ready(item)]
        waiting = self._waiting.setdefault(source, {})
        if number in waiting:
            return [Duplicate(item)]
        waiting[number] = item
        steps = self._drain(source)
        if len(self._waiting.get(source, ())) >= self._reorder_max:
            steps += self._give_up(source)
        return steps

    def give_up_all(self) -> list[Ready[T] | Duplicate[T] | Gap[T]]:
        """Declare every missing number a hole; for a host that knows nothing more can come."""
        steps: list[Ready[T] | Duplicate[T] | Gap[T]] = []
        for source in sorted(self._waiting):
            while source in self._waiting:
                steps += self._give_up(source)
        return steps

    def _below(self, progress: Progress, number: int, item: T) -> Ready[T] | Duplicate[T]:
        if number not in progress.holes:
            return Duplicate(item)
        progress.holes.discard(number)
        return Ready(item, late=True)

    def _give_up(self, source: str) -> list[Ready[T] | Duplicate[T] | Gap[T]]:
        progress, waiting = self.progress[source], self._waiting[source]
        first_waiting = min(waiting)
        gap = Gap(source, progress.next, first_waiting - 1, waiting[first_waiting])
        progress.open_holes(range(max(progress.next, first_waiting - HOLES_MAX), first_waiting))
        progress.next = first_waiting
        return [gap, *self._drain(source)]

    def _drain(self, source: str) -> list[Ready[T] | Duplicate[T] | Gap[T]]:
        progress, waiting = self.progress[source], self._waiting[source]
        steps: list[Ready[T] | Duplicate[T] | Gap[T]] = []
        while progress.next in waiting:
            steps.append(Ready(waiting.pop(progress.next)))
            progress.next += 1
        if not waiting:
            del self._waiting[source]
        return steps
