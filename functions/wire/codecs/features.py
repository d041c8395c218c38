"""Write feature rows as `tickloom.features.v1` messages and read them back; columns are checked here.

Reading copies no column: arrays look into the message's bytes and are read-only.
"""

from typing import Any, Final

import numpy as np
from tickloom.features.v1 import feature_pb2

from functions.domain.market import STATE_COLD, STATE_DEGENERATE, STATE_VALID, FeatureBatch, FeatureColumns
from functions.wire.codecs.columns import F8, I4, I8, U1, U2, Columns, unpack, unpack_if_any
from functions.wire.codecs.market import instrument_fields, instrument_values
from functions.wire.codecs.messages import parse_named, refuse
from functions.wire.codecs.once import Once

FEATURE_BATCH: Final = "tickloom.features.v1.FeatureBatch"

_COLUMNS: Final = Columns(
    ("instrument", U2),
    ("interval_s", I4),
    ("start_ns", I8),
    ("bar_revision", I4),
    ("close", I8),
    ("bid_price", I8),
    ("bid_size", I8),
    ("ask_price", I8),
    ("ask_size", I8),
    ("flags", U1),
)
_STATES: Final = bytes((STATE_COLD, STATE_VALID, STATE_DEGENERATE))


def encode_feature_batch(value: FeatureBatch) -> bytes:
    """Write a batch; equal batches give equal bytes."""
    message = feature_pb2.FeatureBatch(
        shard=value.shard, columns=columns_fields(value.columns), end_of_tape=value.end_of_tape
    )
    return message.SerializeToString(deterministic=True)


def decode_feature_batch(data: bytes) -> FeatureBatch:
    """Read a batch.

    Raises:
        Malformed: The bytes are no FeatureBatch, name no shard, or the columns do not fit each other.
    """
    message = parse_named(feature_pb2.FeatureBatch, data)
    return FeatureBatch(shard=message.shard, columns=columns_value(message.columns), end_of_tape=message.end_of_tape)


read_feature_batch: Final = Once(decode_feature_batch)
"""Read a batch that others in this process may have read already."""


def columns_fields(value: FeatureColumns) -> dict[str, Any]:
    """Write columns as fields by name, for the message that carries them; a message of their own would be copied."""
    return {
        "instruments": instrument_fields(value.instruments),
        "names": value.names,
        "values": value.values.astype(F8, copy=False).tobytes(),
        "states": value.states.astype(U1, copy=False).tobytes(),
        "flags_hi": value.flags_hi.tobytes(),
        **_COLUMNS.pack(value),
    }


def columns_value(message: feature_pb2.FeatureColumns) -> FeatureColumns:
    """Read columns from a message.

    Raises:
        Malformed: A column's length, an index, an interval, a name, a state or a number is impossible.
    """
    rows = _COLUMNS.unpack(message)
    names, states = tuple(message.names), message.states
    shape = len(rows["start_ns"]), len(names)
    cells = shape[0] * shape[1]
    columns = FeatureColumns(
        instruments=instrument_values(message.instruments),
        names=names,
        values=unpack("values", message.values, F8, cells).reshape(shape),
        states=unpack("states", states, U1, cells).reshape(shape),
        flags_hi=unpack_if_any("flags_hi", message.flags_hi, U1, shape[0]),
        **rows,
    )
    _check(columns, states)
    return columns


def _check(columns: FeatureColumns, states: bytes) -> None:
    """Raise Malformed for whatever no feature row can be; `states` are those of the columns, as they came."""
    faults = {
        "an instrument index is beyond the dictionary": max(columns.instrument.tolist(), default=-1)
        >= len(columns.instruments),
        "an interval is not positive": min(columns.interval_s.tolist(), default=1) <= 0,
        "a feature is named twice": len(set(columns.names)) != len(columns.names),
        "a state is unknown": bool(states.translate(None, _STATES)),
        "a value is not finite": False in np.isfinite(columns.values).tobytes(),
        "a value stands where none exists": states.count(STATE_VALID) != len(states)
        and bool(columns.values[columns.states != STATE_VALID].any()),
    }
    refuse(f"{columns.row_count} feature rows", faults)
