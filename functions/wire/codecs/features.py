"""Write feature rows as `tickloom.features.v1` messages and read them back; columns are checked here.

Reading copies no column: arrays look into the message's bytes and are read-only. A submessage on the wire is its bytes
behind a tag and a length, so columns that several messages carry are written once.
"""

from functools import lru_cache
from typing import Any, Final

import numpy as np
from tickloom.features.v1 import feature_pb2

from functions.domain.market import STATE_COLD, STATE_DEGENERATE, STATE_VALID, FeatureBatch, FeatureColumns
from functions.wire.codecs.columns import F8, I4, I8, U1, U2, Columns, unpack, unpack_if_any
from functions.wire.codecs.market import instrument_fields, instrument_values
from functions.wire.codecs.messages import parse_named, refuse, varint
from functions.wire.codecs.once import VALUES_MAX, Once

FEATURE_BATCH: Final = "tickloom.features.v1.FeatureBatch"

COLUMNS: Final = b"\x12"
"""Tag of the columns in a batch of features or predictions: field number << 3 | wire type 2, bytes with a length."""

NAMES_MAX: Final = 256
"""Sets of names whose bytes are remembered; a process sees a few."""

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
    columns = feature_bytes(value.columns)
    head = feature_pb2.FeatureBatch(shard=value.shard).SerializeToString()
    end = feature_pb2.FeatureBatch(end_of_tape=value.end_of_tape).SerializeToString()
    return b"".join((head, COLUMNS, varint(len(columns)), columns, end))


def decode_feature_batch(data: bytes) -> FeatureBatch:
    """Read a batch.

    Raises:
        Malformed: The bytes are no FeatureBatch, name no shard, or the columns do not fit each other.
    """
    message = parse_named(feature_pb2.FeatureBatch, data)
    return FeatureBatch(shard=message.shard, columns=columns_value(message.columns), end_of_tape=message.end_of_tape)


read_feature_batch: Final = Once(decode_feature_batch)
"""Read a batch that others in this process may have read already."""


def columns_bytes(value: FeatureColumns) -> bytes:
    """Write columns, as a submessage of what carries them; the names, hundreds of words, are written once for all."""
    fields: dict[str, Any] = {"instruments": instrument_fields(value.instruments), **_COLUMNS.pack(value)}
    rows = feature_pb2.FeatureColumns(**fields)
    cells = feature_pb2.FeatureColumns(
        values=value.values.astype(F8, copy=False).tobytes(),
        states=value.states.astype(U1, copy=False).tobytes(),
        flags_hi=value.flags_hi.tobytes(),
    )
    return b"".join((rows.SerializeToString(), _names(value.names), cells.SerializeToString()))


feature_bytes: Final = lru_cache(maxsize=VALUES_MAX)(columns_bytes)
"""Write columns whose bytes go on to others from this process: they are written once, and read-only from now on."""


@lru_cache(maxsize=NAMES_MAX)
def _names(names: tuple[str, ...]) -> bytes:
    return feature_pb2.FeatureColumns(names=names).SerializeToString()


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
