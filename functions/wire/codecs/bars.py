"""Write bars as `tickloom.market.v1.BarBatch` messages and read them back; columns are checked here.

Reading copies no column: arrays look into the message's bytes and are read-only.
"""

from typing import Any, Final

import numpy as np
from google.protobuf.message import DecodeError
from tickloom.market.v1 import bar_pb2

from functions.domain.market import BAR_FINAL, BAR_OPEN, BAR_PROVISIONAL, BarBatch
from functions.wire.codecs.market import instrument_messages, instrument_values, rejection_messages, rejection_values
from functions.wire.errors import Malformed

BAR_BATCH: Final = "tickloom.market.v1.BarBatch"

_U1: Final = np.dtype("<u1")
_U2: Final = np.dtype("<u2")
_U8: Final = np.dtype("<u8")
_I4: Final = np.dtype("<i4")
_I8: Final = np.dtype("<i8")

_COLUMNS: Final[tuple[tuple[str, np.dtype[Any]], ...]] = (
    ("start_ns", _I8),  # first: its length is the number of bars
    ("instrument", _U2),
    ("interval_s", _I4),
    ("finality", _U1),
    ("revision", _I4),
    ("open", _I8),
    ("high", _I8),
    ("low", _I8),
    ("close", _I8),
    ("volume", _I8),
    ("buy_volume", _I8),
    ("notional_hi", _I8),
    ("notional_lo", _U8),
    ("trades", _I4),
    ("bid_price", _I8),
    ("bid_size", _I8),
    ("ask_price", _I8),
    ("ask_size", _I8),
    ("bid_depth", _I8),
    ("ask_depth", _I8),
    ("flags", _U1),
)


def encode_bar_batch(value: BarBatch) -> bytes:
    """Write a batch; equal batches give equal bytes."""
    columns = {name: getattr(value, name).astype(dtype, copy=False).tobytes() for name, dtype in _COLUMNS}
    message = bar_pb2.BarBatch(
        shard=value.shard,
        instruments=instrument_messages(value.instruments),
        rejections=rejection_messages(value.rejections),
        stream=value.stream,
        end_of_tape=value.end_of_tape,
        **columns,
    )
    return message.SerializeToString(deterministic=True)


def decode_bar_batch(data: bytes) -> BarBatch:
    """Read a batch.

    Raises:
        Malformed: The bytes are no BarBatch, name no shard, or its columns do not fit each other.
    """
    try:
        message = bar_pb2.BarBatch.FromString(data)
    except DecodeError as error:
        detail = f"{len(data)} bytes are no {BAR_BATCH}: {error}"
        raise Malformed(detail) from error
    if not message.shard:
        detail = f"a {BAR_BATCH} of {len(data)} bytes names no shard"
        raise Malformed(detail)
    batch = BarBatch(
        shard=message.shard,
        instruments=instrument_values(message.instruments),
        rejections=rejection_values(message.rejections),
        stream=message.stream,
        end_of_tape=message.end_of_tape,
        **_columns(message),
    )
    _check(batch)
    return batch


def _columns(message: bar_pb2.BarBatch) -> dict[str, Any]:
    rows = len(message.start_ns) // _I8.itemsize
    columns = {}
    for name, dtype in _COLUMNS:
        data = getattr(message, name)
        if len(data) != rows * dtype.itemsize:
            detail = f"column {name} has {len(data)} bytes, {rows} entries of {dtype.itemsize} were expected"
            raise Malformed(detail)
        columns[name] = np.frombuffer(data, dtype)
    return columns


def _check(batch: BarBatch) -> None:
    """Raise Malformed for whatever no bar can be."""
    if not len(batch.start_ns):
        return
    faults = {
        "an instrument index is beyond the dictionary": int(batch.instrument.max()) >= len(batch.instruments),
        "an interval is not positive": int(batch.interval_s.min()) <= 0,
        "a finality is unknown": not BAR_PROVISIONAL
        <= int(batch.finality.min())
        <= int(batch.finality.max())
        <= BAR_OPEN,
        "a revision is negative": int(batch.revision.min()) < 0,
        "a final bar is a revision": bool((batch.revision[batch.finality == BAR_FINAL] != 0).any()),
    }
    found = [fault for fault, present in faults.items() if present]
    if found:
        detail = f"{len(batch.start_ns)} bars cannot be: {'; '.join(found)}"
        raise Malformed(detail)
