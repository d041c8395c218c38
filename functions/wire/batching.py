"""Make a raw batch of rows at hand; when to cut is the business of `batcher`, or of a feed with rules of its own."""

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import TypeAlias

import numpy as np

from functions.domain.market import OversizedRow, RawBatch
from functions.wire.tape import LINE_BYTES_MAX, OVERSIZED_HEAD_BYTES, Keep, oversized_row

Timed: TypeAlias = tuple[bytes, int]
"""A row and when it was received, UTC nanoseconds."""


@dataclass(frozen=True, slots=True)
class Label:
    """Say whose rows a batch holds.

    Args:
        shard: Shard of the rows.
        stream: Stream inside the shard.
        dialect: Which decoder reads them.
        bar_channel: Channel whose trades feed bars; empty when all do.
        symbol: What rows do not say themselves: venue symbol, and behind an `@` what else their decoder asks for.
    """

    shard: str
    stream: str
    dialect: str
    bar_channel: str = ""
    symbol: str = ""


@dataclass(frozen=True, slots=True)
class Mark:
    """Say where a batch stands: the index of its first row, when it was cut, and what it is if it has no rows."""

    first_row: int
    ts_cut_ns: int
    heartbeat: bool = False
    end_of_tape: bool = False


@dataclass(slots=True, eq=False)
class Rows:
    """Collect rows as they travel: one longer than `line_bytes_max` bytes is kept elsewhere, all but its first KiB.

    Args:
        keep: Keeps rows that are too long.
        line_bytes_max: Longest row that travels whole.
        size: Bytes of the payload.
        pieces: What travels of each row.
    """

    keep: Keep
    line_bytes_max: int = LINE_BYTES_MAX
    size: int = 0
    pieces: list[bytes] = field(default_factory=list)
    _times: list[int] = field(default_factory=list)
    _oversized: list[OversizedRow] = field(default_factory=list)

    def add(self, row: bytes, ts_receive: int) -> None:
        """Take a row and when it was received, UTC nanoseconds."""
        if len(row) > self.line_bytes_max:
            entry = oversized_row(len(self.pieces), row)
            self.keep(entry.spool_ref, row)
            self._oversized.append(entry)
            row = row[:OVERSIZED_HEAD_BYTES]
        self.size += len(row)
        self.pieces.append(row)
        self._times.append(ts_receive)

    def batch(self, label: Label, mark: Mark) -> RawBatch:
        """Make a batch of what was taken."""
        offsets = np.zeros(len(self.pieces) + 1, np.uint32)
        offsets[1:] = np.cumsum([len(piece) for piece in self.pieces], dtype=np.uint32)
        return RawBatch(
            shard=label.shard,
            stream=label.stream,
            dialect=label.dialect,
            first_row=mark.first_row,
            payload=b"".join(self.pieces),
            offsets=offsets,
            ts_receive=np.array(self._times, np.int64),
            symbol=label.symbol,
            bar_channel=label.bar_channel,
            oversized=tuple(self._oversized),
            heartbeat=mark.heartbeat,
            end_of_tape=mark.end_of_tape,
            ts_cut_ns=mark.ts_cut_ns,
        )


def batch_of(label: Label, rows: Iterable[Timed], mark: Mark, *, keep: Keep) -> RawBatch:
    """Make a batch of rows at hand; none for a heartbeat and the end of a tape."""
    taken = Rows(keep)
    for row, ts_receive in rows:
        taken.add(row, ts_receive)
    return taken.batch(label, mark)
