"""Cut what a live feed receives into raw batches; when to cut by wall time is each feed's own business."""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from functions.domain.market import BYTES_PER_BATCH_MAX, ROWS_PER_BATCH_MAX, OversizedRow, RawBatch
from functions.wire.tape import LINE_BYTES_MAX, OVERSIZED_HEAD_BYTES, Keep, oversized_row


@dataclass(frozen=True, slots=True)
class Cut:
    """Say whose rows these are and how much a batch holds."""

    shard: str
    stream: str
    dialect: str
    bar_channel: str
    rows_max: int = ROWS_PER_BATCH_MAX
    bytes_max: int = BYTES_PER_BATCH_MAX
    line_bytes_max: int = LINE_BYTES_MAX


class Batcher:
    """Fill one batch after the other.

    Args:
        cut: How much a batch holds.
        keep: Keeps oversized rows.
        clock: Gives UTC nanoseconds.
        first_row: Index of the first row on the stream.
    """

    def __init__(self, cut: Cut, keep: Keep, clock: Callable[[], int], *, first_row: int = 0) -> None:
        """Begin empty."""
        self._cut = cut
        self._keep = keep
        self._clock = clock
        self._row = first_row
        self._clear()

    def _clear(self) -> None:
        self._rows: list[bytes] = []
        self._times: list[int] = []
        self._oversized: list[OversizedRow] = []
        self._symbol = ""
        self._size = 0

    def __len__(self) -> int:
        """Count the rows that wait."""
        return len(self._rows)

    def add(self, row: bytes, ts_receive: int, *, symbol: str = "") -> RawBatch | None:
        """Take a row; give the batch that was full, or of another symbol, before it.

        Args:
            row: What was received.
            ts_receive: When, UTC nanoseconds.
            symbol: Symbol it is about when it names none itself; else empty.
        """
        size = len(row) if len(row) <= self._cut.line_bytes_max else OVERSIZED_HEAD_BYTES
        full = len(self._rows) >= self._cut.rows_max or self._size + size > self._cut.bytes_max
        other = self._symbol and symbol not in {"", self._symbol}
        batch = self.flush() if self._rows and (full or other) else None
        self._symbol = self._symbol or symbol
        if len(row) > self._cut.line_bytes_max:
            entry = oversized_row(len(self._rows), row)
            self._keep(entry.spool_ref, row)
            self._oversized.append(entry)
            row = row[:OVERSIZED_HEAD_BYTES]
        self._rows.append(row)
        self._times.append(ts_receive)
        self._size += len(row)
        return batch

    def flush(self) -> RawBatch | None:
        """Give the rows that wait; None when there are none."""
        if not self._rows:
            return None
        batch = self._batch()
        self._row += len(self._rows)
        self._clear()
        return batch

    def heartbeat(self) -> RawBatch:
        """Give the feed's clock: a batch without rows."""
        return self._batch(heartbeat=True)

    def end(self) -> RawBatch:
        """Give the batch that closes every stage behind the feed."""
        return self._batch(end_of_tape=True)

    def _batch(self, *, heartbeat: bool = False, end_of_tape: bool = False) -> RawBatch:
        offsets = np.zeros(len(self._rows) + 1, np.uint32)
        offsets[1:] = np.cumsum([len(row) for row in self._rows], dtype=np.uint32)
        return RawBatch(
            shard=self._cut.shard,
            stream=self._cut.stream,
            dialect=self._cut.dialect,
            first_row=self._row,
            payload=b"".join(self._rows),
            offsets=offsets,
            ts_receive=np.array(self._times, np.int64),
            symbol=self._symbol,
            bar_channel=self._cut.bar_channel,
            oversized=tuple(self._oversized),
            heartbeat=heartbeat,
            end_of_tape=end_of_tape,
            ts_cut_ns=self._clock(),
        )
