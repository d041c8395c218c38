"""Decode venue rows both ways, with a venue's fast path and row by row alone, and read captures line by line."""

import gzip
import json
import pathlib
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from decimal import Decimal
from typing import Any

import numpy as np
from decoding import batch_of

from functions.domain.market import InstrumentRef, RawBatch, TickBatch
from functions.wire.codecs.market import NO_BOOK, NO_QUOTES, NO_TRADES, encode_tick_batch
from functions.wire.venues.columns import Decode, Decoder
from functions.wire.venues.registry import decoder_of
from functions.wire.venues.work import Found, Work


def both_ways(
    rows: Sequence[bytes],
    dialect: str,
    *,
    symbol: str = "",
    channel: str = "",
    known: Mapping[str, InstrumentRef] | None = None,
) -> TickBatch:
    """Decode rows both ways, hold the two equal, and give the ticks; all trades feed bars, or those of one channel."""
    batch = batch_of(rows, dialect, symbol=symbol, bar_channel=channel)
    return both_ways_with(decoder_of(dialect), batch, known or {})


def both_ways_with(decoder: Decode, batch: RawBatch, known: Mapping[str, InstrumentRef]) -> TickBatch:
    """Decode a batch both ways, hold the two equal, and give the ticks."""
    fast, slow = decoder(batch, known), row_by_row(decoder)(batch, known)
    assert encode_tick_batch(fast) == encode_tick_batch(slow)
    return fast


def row_by_row(decoder: Decode) -> Decoder:
    """Give a decoder's twin that leaves every row to its venue's `read_row`."""
    return Decoder(replace(decoder.venue, fast=_leave_all))


def _leave_all(work: Work) -> Found:
    work.slow[:] = True
    return Found(NO_TRADES, NO_QUOTES, NO_BOOK, {})


def taken_fast(decoder: Decode, rows: Sequence[bytes]) -> list[bool]:
    """Say which rows a decoder's fast path takes."""
    batch = batch_of(rows, "")
    work = Work(batch, decoder.venue, {}, 10_000, np.ones(len(rows), np.bool_))
    assert decoder.venue.fast is not None
    decoder.venue.fast(work)
    return [not slow for slow in work.slow.tolist()]


@dataclass(frozen=True, slots=True)
class CaptureLine:
    """Hold what a capture's line says, read with nothing of ours."""

    received: Decimal | None
    content: Any


_LINE = re.compile(r"(?:\S+ -> )?([0-9.]+): (.*)", re.DOTALL)


def capture_lines(path: pathlib.Path) -> list[CaptureLine]:
    """Read a capture of the form `seconds: JSON`; control and empty lines are left out, and numbers stay exact."""
    raw = path.read_bytes()
    text = (gzip.decompress(raw) if path.suffix == ".gz" else raw).decode()
    found = [_LINE.fullmatch(line) for line in text.splitlines()]
    return [CaptureLine(Decimal(one[1]), json.loads(one[2], parse_float=Decimal)) for one in found if one]
