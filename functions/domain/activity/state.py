"""Hold what one shard's activity bars remember, and write it down: arrays in the kernel's layout."""

import json
import struct
from dataclasses import dataclass, field
from typing import Final

import numpy as np

from functions.domain.activity import kernel as layout
from functions.domain.activity.layout import Sink, State
from functions.domain.errors import DomainError
from functions.domain.market import InstrumentRef, Int32, Int64

INSTRUMENTS_MAX: Final = 8
BLOB_BYTES_MAX: Final = 256 * 1024

_MAGIC: Final = b"TLACTV01"
_HEAD: Final = struct.Struct("<8sI")
_HEAD_BYTES: Final = 128
"""What an instrument adds to the head, at most; another such share is for the head itself."""


@dataclass(slots=True, eq=False)
class ActivityState:
    """Remember one shard.

    Args:
        shard: Key of the state.
        instruments: Instruments by index, in order of first appearance.
        arrays: (regs, bars, market, prints, seen) in the kernel's layout; change in place.
        emitted: Events emitted so far: the next sequence number.
    """

    shard: str
    arrays: State
    instruments: tuple[InstrumentRef, ...] = ()
    emitted: int = 0
    limits: Int64 = field(default_factory=lambda: np.empty((0, layout.BASES, 2), np.int64))  # of the settings
    dictionary: tuple[InstrumentRef, ...] = ()  # the last batch's, with its mapping; not part of the state
    mapping: Int32 = field(default_factory=lambda: np.empty(0, np.int32))
    sink: Sink | None = None  # scratch

    def room(self, rows: int) -> Sink:
        """Give a sink that so many trades and the end of a tape cannot fill."""
        wanted = layout.OUT_PER_TRADE * rows + layout.BASES * len(self.instruments)
        if self.sink is None or len(self.sink[0]) < wanted or len(self.sink[1]) < rows:
            out = np.empty((wanted, layout.OUT_WIDTH), np.int64)
            self.sink = (out, np.empty((rows, layout.REJECT_WIDTH), np.int64))
        return self.sink


def start(shard: str, *, instruments_max: int = INSTRUMENTS_MAX) -> ActivityState:
    """Make the state of a shard that has seen nothing.

    >>> start("BINANCE-0").instruments
    ()
    """
    bars = np.zeros((instruments_max, layout.BASES, layout.RING, layout.BAR), np.int64)
    market = np.zeros((instruments_max, layout.MARKET), np.int64)
    market[:, layout.HIGH_ID] = layout.NO_ID
    market[:, layout.MIDNIGHT] = layout.NO_DAY
    prints = np.zeros((instruments_max, layout.PRINTS_KEPT, layout.PRINT), np.int64)
    seen = np.zeros((instruments_max, layout.IDS_KEPT // 8), np.uint8)
    return ActivityState(shard, (np.zeros(layout.REGS, np.int64), bars, market, prints, seen))


def weight(*, instruments_max: int) -> int:
    """Compute how many bytes the fullest state weighs.

    >>> weight(instruments_max=INSTRUMENTS_MAX) <= BLOB_BYTES_MAX
    True
    """
    numbers = layout.BASES * layout.RING * layout.BAR + layout.MARKET + layout.PRINTS_KEPT * layout.PRINT
    each = 8 * numbers + layout.IDS_KEPT // 8 + _HEAD_BYTES
    return instruments_max * each + _HEAD_BYTES + 8 * layout.REGS + _HEAD.size


def dump(state: ActivityState) -> bytes:
    """Write a state down: a JSON head, then the arrays of the instruments that have appeared."""
    known = [[ref.instrument_id, ref.price_exponent, ref.size_exponent] for ref in state.instruments]
    head = json.dumps({"instruments": known, "emitted": state.emitted}, ensure_ascii=False).encode()
    parts = (part.tobytes() for part in _parts(state))
    return b"".join((_HEAD.pack(_MAGIC, len(head)), head, *parts))


def load(shard: str, blob: bytes, *, instruments_max: int = INSTRUMENTS_MAX) -> ActivityState:
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
    state = start(shard, instruments_max=instruments_max)
    state.instruments = known
    state.emitted = head["emitted"]
    offset = _HEAD.size + length
    for part in _parts(state):
        if offset + part.nbytes > len(blob):
            message = f"state of {shard} ends at {len(blob)} bytes, expected {offset + part.nbytes} at least"
            raise DomainError(message)
        part[...] = np.frombuffer(blob, part.dtype, part.size, offset).reshape(part.shape)
        offset += part.nbytes
    return state


def _parts(state: ActivityState) -> State:
    """Give the arrays of the instruments that have appeared, as views."""
    n = len(state.instruments)
    regs, bars, market, prints, seen = state.arrays
    return regs, bars[:n], market[:n], prints[:n], seen[:n]
