"""Hold what one shard's bars remember, and write it down: arrays in the kernel's layout, instruments by index."""

import json
import struct
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Final

import numpy as np

from functions.domain.bars import columns as col
from functions.domain.bars.days import DayTables
from functions.domain.bars.layout import Sink, State
from functions.domain.enrichment import STATUSES_MAX, InstrumentFacts
from functions.domain.errors import DomainError
from functions.domain.market import InstrumentRef, Int32, Int64
from functions.domain.reference import Status, TradingStatus

INSTRUMENTS_MAX: Final = 8
BOOK_LEVELS_MAX: Final = 256
STREAMS_MAX: Final = 32
"""Streams of a shard whose progress is remembered; of more, the one heard first is forgotten."""
STREAM_BYTES_MAX: Final = 96
"""Longest name of a stream that is remembered; what comes on others is never taken as late."""
BLOB_BYTES_MAX: Final = 256 * 1024
STATUS_BYTES: Final = 32
"""Most that a status adds to what is written down: 20 digits with brackets, and its share of the list's name."""
UTC_DAYS: Final = DayTables({})
"""Days of instruments whose calendars are not known."""

_MAGIC: Final = b"TLBARS05"
_HEAD: Final = struct.Struct("<8sI")


@dataclass(slots=True, eq=False)
class BarState:
    """Remember one shard.

    Args:
        shard: Key of the state.
        instruments: Instruments by index, in order of first appearance.
        arrays: (regs, bars, market, levels, seen, prints) in the layout of `columns`; change in place.
        emitted: Events emitted so far: the next sequence number.
        told: Quality events emitted so far, which count in a sequence of their own.
        next_rows: Number of the row that follows on each stream; a batch below it comes late.
        calendars: Code of each instrument's session calendar as it was told first; empty for UTC days.
        statuses: Halts and their ends around now, as each instrument was told last.
    """

    shard: str
    arrays: State
    instruments: tuple[InstrumentRef, ...] = ()
    emitted: int = 0
    told: int = 0
    next_rows: dict[str, int] = field(default_factory=dict)
    calendars: tuple[str, ...] = ()
    statuses: tuple[tuple[Status, ...], ...] = ()
    facts: Sequence[InstrumentFacts] = ()  # the last batch's; not part of the state
    dictionary: tuple[InstrumentRef, ...] = ()  # the last batch's, with its mapping; not part of the state
    mapping: Int32 = field(default_factory=lambda: np.empty(0, np.int32))
    days: tuple[Int64, Int64] | None = None  # where days begin, laid out when an instrument appears
    sink: Sink | None = None  # scratch

    def room(self, rows: int, *, provisional: bool, fills: int = 0, tables: DayTables = UTC_DAYS) -> Sink:
        """Give a sink that `rows` further rows cannot fill: every bar there may be, and one of each interval a row.

        Args:
            rows: Rows to fold.
            provisional: Whether each second shows the longer bars.
            fills: Synthetic bars there may be besides.
            tables: Days of calendars.
        """
        if self.days is None:
            self.days = tables.table(self.calendars)
            self.sink = None
        held = len(self.instruments) * col.SLOTS
        each = col.INTERVALS if provisional else 1
        wanted = (held + col.INTERVALS * rows) * each + held + fills
        told = len(self.instruments) + rows
        if self.sink is None or len(self.sink[0]) < wanted or len(self.sink[1]) < rows or len(self.sink[3]) < told:
            out = np.empty((wanted, col.OUT_WIDTH), np.int64)
            rejects = np.empty((rows, col.REJECT_WIDTH), np.int64)
            # A window is told of once for each instrument that has a row in it.
            quality = np.empty((told, col.QUALITY_HEAD + col.QUALITY_WIDTH), np.int64)
            scratch = np.empty(4 * self.arrays[3].shape[2], np.int64)
            work = np.empty(col.BAR + col.PRINT, np.int64)
            self.sink = (out, rejects, scratch, quality, work, *self.days)
        return self.sink


def start(shard: str, *, instruments_max: int = INSTRUMENTS_MAX, levels_max: int = BOOK_LEVELS_MAX) -> BarState:
    """Make the state of a shard that has seen nothing.

    >>> start("BINANCE-0").instruments
    ()
    """
    regs = np.zeros(col.REGS, np.int64)
    regs[col.WATERMARK] = -col.NEVER
    regs[col.NEXT_CLOSE] = col.NEVER
    regs[col.QUALITY_END] = col.NEVER
    regs[col.NEXT_END : col.NEXT_END + col.INTERVALS] = col.NEVER
    bars = np.zeros((instruments_max, col.SLOTS, col.BAR), np.int64)
    bars[:, :, col.START] = col.NO_BAR
    market = np.zeros((instruments_max, col.MARKET), np.int64)
    market[:, col.DAY_NUMBER : col.DAY_NUMBER + 2] = col.NO_BAR
    market[:, col.BOOK_EDGE : col.BOOK_EDGE + 2] = col.NEVER
    market[:, col.HIGH_ID] = -1
    market[:, col.CURRENT] = -col.NEVER
    levels = np.zeros((instruments_max, 2, levels_max, 2), np.int64)
    seen = np.zeros((instruments_max, col.IDS_KEPT // 8), np.uint8)
    prints = np.zeros((instruments_max, col.PRINTS_KEPT * col.PRINT), np.int64)
    prints[:, col.PRINT_ID :: col.PRINT] = col.NO_ID
    return BarState(shard, (regs, bars, market, levels, seen, prints))


def weight(*, instruments_max: int, levels_max: int) -> int:
    """Compute how many bytes the fullest state weighs, with a head of 96 bytes for each instrument and its halts.

    >>> weight(instruments_max=8, levels_max=256) <= BLOB_BYTES_MAX
    True
    """
    numbers = col.SLOTS * col.BAR + col.MARKET + 4 * levels_max + col.PRINTS_KEPT * col.PRINT
    streams = STREAMS_MAX * (STREAM_BYTES_MAX + 24)  # a name with the number of its next row
    halts = 2 * STATUSES_MAX * STATUS_BYTES
    return instruments_max * (8 * numbers + col.IDS_KEPT // 8 + 96 + halts) + streams + 8 * col.REGS + _HEAD.size


def dump(state: BarState) -> bytes:
    """Write a state down: a JSON head, then the arrays of the instruments that have appeared."""
    known = [[ref.instrument_id, ref.price_exponent, ref.size_exponent] for ref in state.instruments]
    regs, bars, market, levels, seen, prints = state.arrays
    told = {"instruments": known, "emitted": state.emitted, "told": state.told, "levels": levels.shape[2]}
    told |= {"next_rows": state.next_rows, "calendars": state.calendars}
    if any(state.statuses):
        told["statuses"] = [[[one.from_ns, int(one.status)] for one in each] for each in state.statuses]
    head = json.dumps(told, ensure_ascii=False).encode()
    n = len(known)
    parts = [part.tobytes() for part in (regs, bars[:n], market[:n], levels[:n], seen[:n], prints[:n])]
    return b"".join((_HEAD.pack(_MAGIC, len(head)), head, *parts))


def load(shard: str, blob: bytes, *, instruments_max: int = INSTRUMENTS_MAX) -> BarState:
    """Read what `dump` wrote.

    Raises:
        DomainError: The blob is not such a state, or has more instruments than are allowed now.
    """
    magic, length = _HEAD.unpack_from(blob) if len(blob) >= _HEAD.size else (b"", 0)
    if magic != _MAGIC:
        message = f"state of {shard}: {len(blob)} bytes that start with {blob[:8]!r}, expected {_MAGIC!r}"
        raise DomainError(message)
    head = json.loads(blob[_HEAD.size : _HEAD.size + length])
    known = tuple(InstrumentRef(*entry) for entry in head["instruments"])
    if len(known) > instruments_max:
        message = f"state of {shard} holds {len(known)} instruments, more than the {instruments_max} allowed"
        raise DomainError(message)
    state = start(shard, instruments_max=instruments_max, levels_max=head["levels"])
    state.instruments = known
    state.emitted = head["emitted"]
    state.told = head["told"]
    state.next_rows = head["next_rows"]
    state.calendars = tuple(head["calendars"])
    halts = head.get("statuses") or [()] * len(known)
    state.statuses = tuple(tuple(Status(TradingStatus(one), ns) for ns, one in each) for each in halts)
    _fill(state, blob, _HEAD.size + length)
    return state


def _fill(state: BarState, blob: bytes, offset: int) -> None:
    n = len(state.instruments)
    regs, bars, market, levels, seen, prints = state.arrays
    for part in (regs, bars[:n], market[:n], levels[:n], seen[:n], prints[:n]):
        if offset + part.nbytes > len(blob):
            message = f"state of {state.shard} ends at {len(blob)} bytes, expected {offset + part.nbytes}"
            raise DomainError(message)
        part[...] = np.frombuffer(blob, part.dtype, part.size, offset).reshape(part.shape)
        offset += part.nbytes
