"""Hold what one shard's indicators remember, and write it down: averages, rings and the instruments they belong to."""

import json
import struct
from dataclasses import dataclass, field
from typing import Final

import numpy as np

from functions.domain.errors import DomainError
from functions.domain.indicators import columns
from functions.domain.indicators import kernel as layout
from functions.domain.indicators.layout import State
from functions.domain.market import InstrumentRef, Int64

INSTRUMENTS_MAX: Final = 8
SCALES: Final = 5
"""Columns of the mapping from a batch's instruments to the state's."""
BLOB_BYTES_MAX: Final = 256 * 1024

_MAGIC: Final = b"TLFEAT03"
_HEAD: Final = struct.Struct("<8sI")


@dataclass(slots=True, eq=False)
class FeatureState:
    """Remember one shard.

    Args:
        shard: Key of the state.
        arrays: (counts, memory, x) in the kernel's layout; change in place.
        instruments: Instruments by index, in order of first appearance.
        emitted: Events emitted so far: the next sequence number.
    """

    shard: str
    arrays: State
    instruments: tuple[InstrumentRef, ...] = ()
    emitted: int = 0
    dictionary: tuple[InstrumentRef, ...] = ()  # the last batch's, with its mapping; not part of the state
    mapping: Int64 = field(default_factory=lambda: np.empty((0, SCALES), np.int64))


def start(shard: str, *, instruments_max: int = INSTRUMENTS_MAX) -> FeatureState:
    """Make the state of a shard that has seen nothing.

    >>> start("BINANCE-0").emitted
    0
    """
    counts = np.zeros((instruments_max, layout.INTERVALS, layout.COUNTS), np.int64)
    counts[:, :, layout.LAST_START] = layout.NO_START
    memory = np.zeros((instruments_max, layout.INTERVALS, layout.MEMORY), np.float64)
    return FeatureState(shard, (counts, memory, np.zeros(columns.INPUTS)))


def weight(*, instruments_max: int) -> int:
    """Compute how many bytes the fullest state weighs, with a head of 96 bytes for each instrument.

    >>> weight(instruments_max=INSTRUMENTS_MAX) <= BLOB_BYTES_MAX
    True
    """
    return instruments_max * (8 * layout.INTERVALS * (layout.COUNTS + layout.MEMORY) + 96) + 64 + _HEAD.size


def dump(state: FeatureState) -> bytes:
    """Write a state down: a JSON head, then the arrays of the instruments that have appeared."""
    known = [[ref.instrument_id, ref.price_exponent, ref.size_exponent] for ref in state.instruments]
    head = json.dumps({"instruments": known, "emitted": state.emitted}).encode()
    counts, memory, _ = state.arrays
    n = len(known)
    return b"".join((_HEAD.pack(_MAGIC, len(head)), head, counts[:n].tobytes(), memory[:n].tobytes()))


def load(shard: str, blob: bytes, *, instruments_max: int = INSTRUMENTS_MAX) -> FeatureState:
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
    _fill(state, blob, _HEAD.size + length)
    return state


def _fill(state: FeatureState, blob: bytes, offset: int) -> None:
    n = len(state.instruments)
    for part in (state.arrays[0][:n], state.arrays[1][:n]):
        if offset + part.nbytes > len(blob):
            message = f"state of {state.shard} ends at {len(blob)} bytes, expected {offset + part.nbytes}"
            raise DomainError(message)
        part[...] = np.frombuffer(blob, part.dtype, part.size, offset).reshape(part.shape)
        offset += part.nbytes
