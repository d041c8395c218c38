"""Write figures of pairs as `tickloom.features.v1.PairBatch` messages and read them back; columns are checked here.

Reading copies no column: arrays look into the message's bytes and are read-only.
"""

from typing import Final

import numpy as np
from tickloom.features.v1 import pair_pb2

from functions.domain.market import STATE_COLD, STATE_DEGENERATE, STATE_VALID
from functions.domain.pairs.batch import MISSING_A, MISSING_B, STALE_A, STALE_B, PairBatch
from functions.wire.codecs.columns import F8, I4, I8, U1, U2, Columns, unpack
from functions.wire.codecs.market import instrument_fields, instrument_values
from functions.wire.codecs.messages import parse_named, refuse
from functions.wire.codecs.once import Once

PAIR_BATCH: Final = "tickloom.features.v1.PairBatch"

_COLUMNS: Final = Columns(
    ("instrument_a", U2),
    ("instrument_b", U2),
    ("interval_s", I4),
    ("start_ns", I8),
    ("close_a", I8),
    ("close_b", I8),
    ("flags", U1),
)
_STATES: Final = bytes((STATE_COLD, STATE_VALID, STATE_DEGENERATE))
_FLAGS: Final = STALE_A | STALE_B | MISSING_A | MISSING_B


def encode_pair_batch(value: PairBatch) -> bytes:
    """Write a batch; equal batches give equal bytes."""
    message = pair_pb2.PairBatch(
        join=value.join,
        instruments=instrument_fields(value.instruments),
        names=value.names,
        values=value.values.astype(F8, copy=False).tobytes(),
        states=value.states.astype(U1, copy=False).tobytes(),
        end_of_tape=value.end_of_tape,
        **_COLUMNS.pack(value),
    )
    return message.SerializeToString(deterministic=True)


def decode_pair_batch(data: bytes) -> PairBatch:
    """Read a batch.

    Raises:
        Malformed: The bytes are no PairBatch, name no join, or its columns do not fit each other.
    """
    message = parse_named(pair_pb2.PairBatch, data, by="join")
    rows = _COLUMNS.unpack(message)
    names = tuple(message.names)
    shape = len(rows["start_ns"]), len(names)
    batch = PairBatch(
        join=message.join,
        instruments=instrument_values(message.instruments),
        names=names,
        values=unpack("values", message.values, F8, shape[0] * shape[1]).reshape(shape),
        states=unpack("states", message.states, U1, shape[0] * shape[1]).reshape(shape),
        end_of_tape=message.end_of_tape,
        **rows,
    )
    _check(batch, message.states)
    return batch


read_pair_batch: Final = Once(decode_pair_batch)
"""Read a batch that others in this process may have read already."""


def _check(batch: PairBatch, states: bytes) -> None:
    """Raise Malformed for whatever no row of a pair can be; `states` are those of the batch, as they came."""
    members = (*batch.instrument_a.tolist(), *batch.instrument_b.tolist())
    faults = {
        "an instrument index is beyond the dictionary": max(members, default=-1) >= len(batch.instruments),
        "an interval is not positive": min(batch.interval_s.tolist(), default=1) <= 0,
        "a flag is unknown": any(flags & ~_FLAGS for flags in batch.flags.tolist()),
        "a figure is named twice": len(set(batch.names)) != len(batch.names),
        "a state is unknown": bool(states.translate(None, _STATES)),
        "a value is not finite": not np.isfinite(batch.values).all(),
        "a value stands where none exists": bool(batch.values[batch.states != STATE_VALID].any()),
    }
    refuse(f"{batch.row_count} rows of pairs", faults)
