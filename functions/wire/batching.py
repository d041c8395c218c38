"""Make a raw batch of rows at hand; when to cut, and which rows belong together, is each feed's own business."""

from collections.abc import Sequence
from dataclasses import dataclass
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
        symbol: What rows do not say themselves: venue symbol, and behind an `@` what else their decoder asks for.
        bar_channel: Channel whose trades feed bars; empty when all do.
    """

    shard: str
    stream: str
    dialect: str
    symbol: str = ""
    bar_channel: str = ""


@dataclass(frozen=True, slots=True)
class Mark:
    """Say where a batch stands: the index of its first row, when it was cut, and what it is if it has no rows."""

    first_row: int
    ts_cut_ns: int
    heartbeat: bool = False
    end_of_tape: bool = False


def batch_of(
    label: Label, rows: Sequence[Timed], mark: Mark, *, keep: Keep, line_bytes_max: int = LINE_BYTES_MAX
) -> RawBatch:
    """Make a batch; rows longer than `line_bytes_max` bytes are kept elsewhere and travel as their first KiB.

    Args:
        label: Whose rows they are.
        rows: (n,) the rows; none for a heartbeat and the end of a tape.
        mark: Where the batch stands.
        keep: Keeps rows that are too long.
        line_bytes_max: Longest row that travels whole.
    """
    pieces: list[bytes] = []
    oversized: list[OversizedRow] = []
    for index, (row, _) in enumerate(rows):
        if len(row) > line_bytes_max:
            entry = oversized_row(index, row)
            keep(entry.spool_ref, row)
            oversized.append(entry)
        pieces.append(row if len(row) <= line_bytes_max else row[:OVERSIZED_HEAD_BYTES])
    offsets = np.zeros(len(pieces) + 1, np.uint32)
    offsets[1:] = np.cumsum([len(piece) for piece in pieces], dtype=np.uint32)
    return RawBatch(
        shard=label.shard,
        stream=label.stream,
        dialect=label.dialect,
        first_row=mark.first_row,
        payload=b"".join(pieces),
        offsets=offsets,
        ts_receive=np.array([ts for _, ts in rows], np.int64),
        symbol=label.symbol,
        bar_channel=label.bar_channel,
        oversized=tuple(oversized),
        heartbeat=mark.heartbeat,
        end_of_tape=mark.end_of_tape,
        ts_cut_ns=mark.ts_cut_ns,
    )
