"""Cut what a live feed receives into raw batches; when to cut by wall time is each feed's own business."""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, replace
from typing import TypeAlias

from functions.domain.market import BYTES_PER_BATCH_MAX, ROWS_PER_BATCH_MAX, RawBatch
from functions.wire.batching import Label, Mark, Rows, Timed
from functions.wire.tape import LINE_BYTES_MAX, OVERSIZED_HEAD_BYTES, Keep

Follow: TypeAlias = Callable[[bytes], bool]
"""Is told every row of one batch in order, and says whether the next belongs in the same batch."""


@dataclass(frozen=True, slots=True)
class Cut(Label):
    """Say whose rows these are and how much a batch holds.

    Args:
        rows_max: Most rows of a batch.
        bytes_max: Most payload bytes of a batch; one longer row travels alone.
        line_bytes_max: Longest row that travels whole.
        joined_bytes_max: Most payload bytes of a batch whose rows belong together; then it is cut all the same.
    """

    rows_max: int = ROWS_PER_BATCH_MAX
    bytes_max: int = BYTES_PER_BATCH_MAX
    line_bytes_max: int = LINE_BYTES_MAX
    joined_bytes_max: int = BYTES_PER_BATCH_MAX


class Batcher:
    """Fill one batch after the other.

    Args:
        cut: How much a batch holds.
        keep: Keeps oversized rows.
        clock: Gives UTC nanoseconds.
        first_row: Index of the first row on the stream.
        follow: Makes for each batch what knows which of its rows belong together; None where each stands for itself.
    """

    def __init__(
        self,
        cut: Cut,
        keep: Keep,
        clock: Callable[[], int],
        *,
        first_row: int = 0,
        follow: Callable[[], Follow] | None = None,
    ) -> None:
        """Begin empty."""
        self._cut = cut
        self._keep = keep
        self._clock = clock
        self._row = first_row
        self._new_follow = follow
        self._clear()

    def _clear(self) -> None:
        self._rows = Rows(self._keep, self._cut.line_bytes_max)
        self._symbol = ""
        self._joined = False
        self._follow = self._new_follow() if self._new_follow else None

    def __len__(self) -> int:
        """Count the rows that wait."""
        return len(self._rows.pieces)

    def add(self, row: bytes, ts_receive: int, *, symbol: str = "") -> RawBatch | None:
        """Take a row; give the batch that was full, or of another symbol, before it.

        Args:
            row: What was received.
            ts_receive: When, UTC nanoseconds.
            symbol: Symbol it is about when it names none itself; else empty.
        """
        size = len(row) if len(row) <= self._cut.line_bytes_max else OVERSIZED_HEAD_BYTES
        other = self._symbol and symbol not in {"", self._symbol}
        batch = self.flush() if other or self._full(size) else None  # none while nothing waits
        self._symbol = self._symbol or symbol
        self._rows.add(row, ts_receive)
        if self._follow is not None:
            self._joined = self._follow(row)
        return batch

    def cut(self, rows: Iterable[Timed]) -> Iterator[RawBatch]:
        """Take rows that name their symbols, and give their batches.

        None waits for the next call but those that the next row may belong to; a call without rows gives these too.
        """
        empty = True
        for row, ts_receive in rows:
            empty = False
            if (batch := self.add(row, ts_receive)) is not None:
                yield batch
        if (empty or not self._joined) and (last := self.flush()) is not None:
            yield last

    def flush(self) -> RawBatch | None:
        """Give the rows that wait; None when there are none."""
        if not self._rows.pieces:
            return None
        batch = self._batch(Mark(self._row, self._clock()))
        self._row += len(self._rows.pieces)
        self._clear()
        return batch

    def heartbeat(self) -> RawBatch:
        """Give the feed's clock: a batch without rows."""
        return self._batch(Mark(self._row, self._clock(), heartbeat=True))

    def end(self) -> RawBatch:
        """Give the batch that closes every stage behind the feed."""
        return self._batch(Mark(self._row, self._clock(), end_of_tape=True))

    def _full(self, size: int) -> bool:
        if self._joined:
            return self._rows.size + size > self._cut.joined_bytes_max
        return len(self._rows.pieces) >= self._cut.rows_max or self._rows.size + size > self._cut.bytes_max

    def _batch(self, mark: Mark) -> RawBatch:
        label = replace(self._cut, symbol=self._symbol) if self._symbol else self._cut
        return self._rows.batch(label, mark)
