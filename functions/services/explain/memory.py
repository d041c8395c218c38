"""Remember how desks were folded, so that explaining a signal folds a few batches anew and not thousands.

What was remembered before a batch is folded from the batches of its source, from a start that its number alone says.
On the way the desk is put down at marks, and a later question goes on from the nearest one before its batch. So an
answer does not depend on what was asked before, as long as batches that were folded stay what they were.
"""

import pickle
from array import array
from bisect import bisect_left
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from math import isnan, nan
from typing import Final, TypeAlias

from functions.domain.explain import figures_seen
from functions.domain.learning import learn
from functions.domain.market import PredictionBatch
from functions.domain.scorebook import Rules
from functions.domain.signals import Desk, Identify, forget_turns
from functions.domain.strategy import Strategy

WINDOW: Final = 8_192
"""Least batches that are folded anew, where there are so many, and half of the most; earlier ones hardly reach."""
MARK_EVERY: Final = 4
"""Batches between two marks, at first."""
LANES_MAX: Final = 8
"""Most starts that are remembered; each keeps at most `MARKS_BYTES_MAX`, and 8 bytes for each figure it saw."""
MARKS_BYTES_MAX: Final = 32 * 1024 * 1024
SETTLED: Final = 256
"""A number that is missing so far behind the newest will not come any more."""
SPREAD_ROWS_MAX: Final = 512
"""Newest rows of the instrument that spreads are taken over, the one that was decided on among them."""

Series: TypeAlias = tuple[str, int]
"""An instrument and its bar interval, seconds."""


@dataclass(frozen=True, slots=True)
class Recalled:
    """Hold what was remembered before a batch.

    Args:
        desk: A copy; it may be changed.
        batches: Batches that were folded.
        since: Number of the first of them; the batch's own when there was none.
        rows: Rows of the series that is asked about whose figures are given, at most `SPREAD_ROWS_MAX` - 1.
        seen: Their figures by name, oldest first; a row need not have all.
    """

    desk: Desk
    batches: int
    since: int
    rows: int
    seen: Mapping[str, Sequence[float]]


@dataclass(slots=True)
class _Mark:
    """Hold a desk before a number, and how it came there."""

    number: int
    desk: bytes
    batches: int
    since: int


@dataclass(slots=True)
class _Seen:
    """Hold the figures of one series: numbers of the batches, and values by name, NaN where a row had none."""

    numbers: "array[int]" = field(default_factory=lambda: array("q"))
    values: "dict[str, array[float]]" = field(default_factory=dict)

    def add(self, number: int, figures: Mapping[str, float]) -> None:
        for name in figures.keys() - self.values.keys():
            self.values[name] = array("d", [nan]) * len(self.numbers)
        self.numbers.append(number)
        for name, values in self.values.items():
            values.append(figures.get(name, nan))

    def before(self, number: int) -> tuple[int, dict[str, list[float]]]:
        end = bisect_left(self.numbers, number)
        rows = slice(max(end - SPREAD_ROWS_MAX + 1, 0), end)
        seen = {name: [value for value in values[rows] if not isnan(value)] for name, values in self.values.items()}
        return rows.stop - rows.start, {name: values for name, values in seen.items() if values}


class _Lane:
    """The desk of one source from one start on."""

    def __init__(self) -> None:
        self.every = MARK_EVERY
        self.bytes = 0
        self.marks: list[_Mark] = []
        self.figured = 0
        self.series: dict[Series, _Seen] = {}

    def mark(self, mark: _Mark) -> None:
        """Put a desk down; when there are too many bytes, every other mark is let go."""
        self.marks.append(mark)
        self.bytes += len(mark.desk)
        if self.bytes > MARKS_BYTES_MAX:
            self.every *= 2
            self.marks = self.marks[::2]
            self.bytes = sum(len(one.desk) for one in self.marks)

    def nearest(self, number: int) -> _Mark | None:
        at = bisect_left(self.marks, number + 1, key=lambda mark: mark.number)
        return self.marks[at - 1] if at else None


class Memory:
    """Remember desks of sources; used by one thread at a time.

    Args:
        strategy: The rules that decide.
        rules: How models are followed.
        identify: Names signals as the table does.
    """

    def __init__(self, strategy: Strategy, rules: Rules, identify: Identify) -> None:
        """Remember nothing yet."""
        self._strategy = strategy
        self._rules = rules
        self._identify = identify
        self._lanes: dict[tuple[str, int], _Lane] = {}

    def needed(self, source: str, number: int) -> int:
        """Say from which number on batches of a source are needed to recall what was before one."""
        lane = self._lanes.get((source, _start(number)))
        mark = None if lane is None else lane.nearest(number)
        return _start(number) if mark is None else mark.number

    def recall(
        self, source: str, number: int, batches: Iterable[tuple[int, PredictionBatch]], series: Series
    ) -> Recalled:
        """Fold what is missing, and give what was remembered before a batch.

        Args:
            source: The batch's source.
            number: Its number.
            batches: Numbers and batches from `needed` on, in sequence; without holes, unless they are for ever.
            series: Whose figures are asked for.
        """
        lane = self._lane(source, _start(number))
        mark = lane.nearest(number) or _Mark(_start(number), b"", 0, number)
        desk = pickle.loads(mark.desk) if mark.desk else Desk()  # noqa: S301 - our own, which never left the process
        folded, since, after, whole = mark.batches, mark.since, mark.number, True
        for at, batch in batches:
            if at != after and folded:
                forget_turns(desk, batch.shard)
            whole = whole and (at == after or not folded or at < number - SETTLED)
            learn(desk, batch, self._strategy, identify=self._identify, rules=self._rules)
            folded, since, after = folded + 1, min(since, at), at + 1
            self._see(lane, at, batch)
            if whole and after % lane.every == 0 and (not lane.marks or lane.marks[-1].number < after):
                lane.mark(_Mark(after, pickle.dumps(desk), folded, since))
        return Recalled(desk, folded, since if folded else number, *lane.series.get(series, _Seen()).before(number))

    def _lane(self, source: str, start: int) -> _Lane:
        """Give a lane, now the newest; the one longest without a question is forgotten where there are too many."""
        lane = self._lanes.pop((source, start), None) or _Lane()
        self._lanes[source, start] = lane
        if len(self._lanes) > LANES_MAX:
            del self._lanes[next(iter(self._lanes))]
        return lane

    def _see(self, lane: _Lane, number: int, batch: PredictionBatch) -> None:
        """Remember the figures of rows that decide, once."""
        if number < lane.figured:
            return
        lane.figured = number + 1
        columns = batch.columns
        for row, interval_s in enumerate(columns.interval_s.tolist()):
            if interval_s in self._strategy.intervals_s:
                series = (columns.instruments[columns.instrument[row]].instrument_id, interval_s)
                lane.series.setdefault(series, _Seen()).add(number, figures_seen(batch, row, self._strategy))


def _start(number: int) -> int:
    """Say where folding begins for a number.

    >>> _start(5000), _start(16_383), _start(16_384), _start(30_000)
    (0, 0, 8192, 16384)
    """
    return max(number // WINDOW - 1, 0) * WINDOW
