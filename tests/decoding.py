"""Decode rows of any dialect in tests: rows in, ticks and kinds out, with times and receive times said once."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from functions.domain.market import InstrumentRef, RawBatch, TickBatch
from functions.wire.venues.registry import decoder_of

NOW = 1_800_000_000_000_000_000
"""A receive time behind every row of these tests, UTC nanoseconds."""


def batch_of(rows: Sequence[bytes], dialect: str, *, symbol: str = "", **more: object) -> RawBatch:
    """Put rows into a batch that was received at NOW."""
    values: dict[str, Any] = {
        "shard": "TEST-0",
        "stream": "TEST-0.replay",
        "dialect": dialect,
        "first_row": 0,
        "payload": b"".join(rows),
        "offsets": np.cumsum([0, *map(len, rows)]).astype(np.uint32),
        "ts_receive": np.full(len(rows), NOW, np.int64),
        "symbol": symbol,
        "bar_channel": "trade",
    }
    return RawBatch(**{**values, **more})


def decode(
    rows: Sequence[bytes], dialect: str, *, symbol: str = "", known: Mapping[str, InstrumentRef] | None = None
) -> TickBatch:
    """Decode rows that were received at NOW."""
    return decoder_of(dialect)(batch_of(rows, dialect, symbol=symbol), known or {})


def refused(row: bytes, dialect: str, *, symbol: str = "") -> str:
    """Give the reason for which a row is refused; empty when it is not."""
    rejections = decode([row], dialect, symbol=symbol).rejections
    return rejections[0].reason if rejections else ""


def table(section: object, *names: str) -> list[tuple[int, ...]]:
    """Write columns of a section as rows."""
    return list(zip(*(getattr(section, name).tolist() for name in names), strict=True))


def accounted(batch: TickBatch) -> int:
    """Count the rows that are told of by kind: every row has one, rejected or not."""
    return sum(count for _, count in batch.kinds)
