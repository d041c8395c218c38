"""Write feature rows as `tickloom.features.v1` messages and read them back; columns are checked here.

Reading copies no column: arrays look into the message's bytes and are read-only.
"""

from typing import Any, Final, TypeVar

import numpy as np
from google.protobuf.message import DecodeError
from numpy.typing import NDArray
from tickloom.features.v1 import feature_pb2
from tickloom.reference.v1 import instrument_pb2

from functions.domain.market import STATE_DEGENERATE, STATE_VALID, FeatureBatch, FeatureColumns, InstrumentRef
from functions.wire.errors import Malformed

FEATURE_BATCH: Final = "tickloom.features.v1.FeatureBatch"

_U1: Final = np.dtype("<u1")
_U2: Final = np.dtype("<u2")
_I4: Final = np.dtype("<i4")
_I8: Final = np.dtype("<i8")
_F8: Final = np.dtype("<f8")
_Number = TypeVar("_Number", bound=np.number[Any])


def encode_feature_batch(value: FeatureBatch) -> bytes:
    """Write a batch; equal batches give equal bytes."""
    message = feature_pb2.FeatureBatch(
        shard=value.shard, columns=columns_message(value.columns), end_of_tape=value.end_of_tape
    )
    return message.SerializeToString(deterministic=True)


def decode_feature_batch(data: bytes) -> FeatureBatch:
    """Read a batch.

    Raises:
        Malformed: The bytes are no FeatureBatch, name no shard, or the columns do not fit each other.
    """
    try:
        message = feature_pb2.FeatureBatch.FromString(data)
    except DecodeError as error:
        detail = f"{len(data)} bytes are no {FEATURE_BATCH}: {error}"
        raise Malformed(detail) from error
    if not message.shard:
        detail = f"a {FEATURE_BATCH} of {len(data)} bytes names no shard"
        raise Malformed(detail)
    return FeatureBatch(shard=message.shard, columns=columns_value(message.columns), end_of_tape=message.end_of_tape)


def columns_message(value: FeatureColumns) -> feature_pb2.FeatureColumns:
    """Write columns into the message that batches and requests carry."""
    return feature_pb2.FeatureColumns(
        instruments=[
            instrument_pb2.InstrumentRef(
                instrument_id=ref.instrument_id, price_exponent=ref.price_exponent, size_exponent=ref.size_exponent
            )
            for ref in value.instruments
        ],
        instrument=pack(value.instrument, _U2),
        interval_s=pack(value.interval_s, _I4),
        start_ns=pack(value.start_ns, _I8),
        bar_revision=pack(value.bar_revision, _I4),
        close=pack(value.close, _I8),
        bid_price=pack(value.bid_price, _I8),
        bid_size=pack(value.bid_size, _I8),
        ask_price=pack(value.ask_price, _I8),
        ask_size=pack(value.ask_size, _I8),
        flags=pack(value.flags, _U1),
        names=value.names,
        values=pack(value.values, _F8),
        states=pack(value.states, _U1),
    )


def columns_value(message: feature_pb2.FeatureColumns) -> FeatureColumns:
    """Read columns from a message.

    Raises:
        Malformed: A column's length, an index, an interval, a name, a state or a number is impossible.
    """
    names = tuple(message.names)
    rows, cells = len(message.start_ns) // 8, len(message.start_ns) // 8 * len(names)
    columns = FeatureColumns(
        instruments=tuple(
            InstrumentRef(ref.instrument_id, ref.price_exponent, ref.size_exponent) for ref in message.instruments
        ),
        instrument=unpack("instrument", message.instrument, _U2, rows),
        interval_s=unpack("interval_s", message.interval_s, _I4, rows),
        start_ns=unpack("start_ns", message.start_ns, _I8, rows),
        bar_revision=unpack("bar_revision", message.bar_revision, _I4, rows),
        close=unpack("close", message.close, _I8, rows),
        bid_price=unpack("bid_price", message.bid_price, _I8, rows),
        bid_size=unpack("bid_size", message.bid_size, _I8, rows),
        ask_price=unpack("ask_price", message.ask_price, _I8, rows),
        ask_size=unpack("ask_size", message.ask_size, _I8, rows),
        flags=unpack("flags", message.flags, _U1, rows),
        names=names,
        values=unpack("values", message.values, _F8, cells).reshape(rows, len(names)),
        states=unpack("states", message.states, _U1, cells).reshape(rows, len(names)),
    )
    _check(columns)
    return columns


def pack(column: NDArray[_Number], dtype: "np.dtype[_Number]") -> bytes:
    """Write a column as little-endian bytes, row by row."""
    return np.ascontiguousarray(column, dtype=dtype).tobytes()


def unpack(name: str, data: bytes, dtype: "np.dtype[_Number]", count: int) -> NDArray[_Number]:
    """Read a column of `count` entries without a copy.

    Raises:
        Malformed: The bytes hold another number of entries.
    """
    if len(data) != count * dtype.itemsize:
        detail = f"column {name} has {len(data)} bytes, {count} entries of {dtype.itemsize} were expected"
        raise Malformed(detail)
    return np.frombuffer(data, dtype=dtype)


def _check(columns: FeatureColumns) -> None:
    """Raise Malformed for whatever no feature row can be."""
    known = len(columns.instruments)
    faults = {
        "an instrument index is beyond the dictionary": bool((columns.instrument >= known).any()),
        "an interval is not positive": bool((columns.interval_s <= 0).any()),
        "a feature is named twice": len(set(columns.names)) != len(columns.names),
        "a state is unknown": bool((columns.states > STATE_DEGENERATE).any()),
        "a value is not finite": not bool(np.isfinite(columns.values).all()),
        "a value stands where none exists": bool(columns.values[columns.states != STATE_VALID].any()),
    }
    found = [fault for fault, present in faults.items() if present]
    if found:
        detail = f"{columns.row_count} feature rows cannot be: {'; '.join(found)}"
        raise Malformed(detail)
