"""Cut documents into raw batches, each document one row; a story in fragments is not cut apart."""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from typing import Final

import numpy as np

from functions.domain.market import BYTES_PER_BATCH_MAX, ROWS_PER_BATCH_MAX, OversizedRow, RawBatch
from functions.wire.news.mrn import Fragments
from functions.wire.tape import LINE_BYTES_MAX, OVERSIZED_HEAD_BYTES, Keep, oversized_row
from functions.wire.venues.digits import BadText

STORY_BATCH_BYTES_MAX: Final = 512 * 1024
"""Payload of a batch that waits for the end of a story; then it is cut, and the story is refused as incomplete."""
FRAGMENTED: Final = "news.lseg"


@dataclass(frozen=True, slots=True)
class Cut:
    """Say whose rows these are and how much a batch holds.

    Args:
        shard: Shard of every batch.
        stream: Stream inside the shard.
        dialect: Which parser reads the rows.
        rows_max: Most rows of a batch.
        bytes_max: Most payload bytes of a batch; one longer row travels alone.
        line_bytes_max: Longest row that travels whole.
    """

    shard: str
    stream: str
    dialect: str
    rows_max: int = ROWS_PER_BATCH_MAX
    bytes_max: int = BYTES_PER_BATCH_MAX
    line_bytes_max: int = LINE_BYTES_MAX


class Cutter:
    """Make batches of documents, and number their rows.

    Args:
        cut: How much a batch holds.
        keep: Keeps rows that are too long to travel.
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

    def batches(self, documents: Iterable[tuple[bytes, int]]) -> Iterator[RawBatch]:
        """Cut documents, each with its receive time; nothing is held back for the next call."""
        for row, ts_receive in documents:
            size = len(row) if len(row) <= self._cut.line_bytes_max else OVERSIZED_HEAD_BYTES
            if self._rows and self._full(size):
                yield self._flush()
            self._add(row, ts_receive)
        if self._rows:
            yield self._flush()

    def heartbeat(self) -> RawBatch:
        """Give the feed's clock: a batch without rows."""
        return self._batch(heartbeat=True)

    def end(self) -> RawBatch:
        """Give the batch that closes every stage behind the feed."""
        return self._batch(end_of_tape=True)

    def _full(self, size: int) -> bool:
        if self._story.under_way:
            return self._size + size > STORY_BATCH_BYTES_MAX
        return len(self._rows) >= self._cut.rows_max or self._size + size > self._cut.bytes_max

    def _add(self, row: bytes, ts_receive: int) -> None:
        if self._cut.dialect == FRAGMENTED:
            _follow(self._story, row)
        if len(row) > self._cut.line_bytes_max:
            entry = oversized_row(len(self._rows), row)
            self._keep(entry.spool_ref, row)
            self._oversized.append(entry)
            row = row[:OVERSIZED_HEAD_BYTES]
        self._rows.append(row)
        self._times.append(ts_receive)
        self._size += len(row)

    def _flush(self) -> RawBatch:
        batch = self._batch()
        self._row += len(self._rows)
        self._clear()
        return batch

    def _clear(self) -> None:
        self._rows: list[bytes] = []
        self._times: list[int] = []
        self._oversized: list[OversizedRow] = []
        self._size = 0
        self._story = Fragments()

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
            oversized=tuple(self._oversized),
            heartbeat=heartbeat,
            end_of_tape=end_of_tape,
            ts_cut_ns=self._clock(),
        )


def _follow(story: Fragments, row: bytes) -> None:
    """Follow the stories a row begins or ends; what is wrong with it is said where it is read."""
    try:
        story.read(0, row)
    except BadText:
        return
