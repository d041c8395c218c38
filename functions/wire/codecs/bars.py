"""Write bars as `tickloom.market.v1.BarBatch` messages and read them back; columns are checked here.

Reading copies no column: arrays look into the message's bytes and are read-only.
"""

from typing import Final

from tickloom.market.v1 import bar_pb2

from functions.domain.market import BAR_FINAL, BAR_OPEN, BAR_PROVISIONAL, BarBatch
from functions.wire.codecs.columns import I4, I8, U1, U2, U8, Columns, unpack_if_any
from functions.wire.codecs.market import instrument_fields, instrument_values, rejection_messages, rejection_values
from functions.wire.codecs.messages import parse_named, refuse
from functions.wire.codecs.once import Once

BAR_BATCH: Final = "tickloom.market.v1.BarBatch"

_COLUMNS: Final = Columns(
    ("instrument", U2),
    ("interval_s", I4),
    ("start_ns", I8),
    ("finality", U1),
    ("revision", I4),
    ("open", I8),
    ("high", I8),
    ("low", I8),
    ("close", I8),
    ("volume", I8),
    ("buy_volume", I8),
    ("notional_hi", I8),
    ("notional_lo", U8),
    ("trades", I4),
    ("bid_price", I8),
    ("bid_size", I8),
    ("ask_price", I8),
    ("ask_size", I8),
    ("bid_depth", I8),
    ("ask_depth", I8),
    ("bid_edge", I8),
    ("ask_edge", I8),
    ("ofi", I8),
    ("quotes", I4),
    ("flags", U1),
)


def encode_bar_batch(value: BarBatch) -> bytes:
    """Write a batch; equal batches give equal bytes."""
    message = bar_pb2.BarBatch(
        shard=value.shard,
        instruments=instrument_fields(value.instruments),
        rejections=rejection_messages(value.rejections),
        stream=value.stream,
        end_of_tape=value.end_of_tape,
        flags_hi=value.flags_hi.tobytes(),
        **_COLUMNS.pack(value),
    )
    return message.SerializeToString(deterministic=True)


def decode_bar_batch(data: bytes) -> BarBatch:
    """Read a batch.

    Raises:
        Malformed: The bytes are no BarBatch, name no shard, or its columns do not fit each other.
    """
    message = parse_named(bar_pb2.BarBatch, data)
    rows = _COLUMNS.unpack(message)
    batch = BarBatch(
        shard=message.shard,
        instruments=instrument_values(message.instruments),
        rejections=rejection_values(message.rejections),
        stream=message.stream,
        end_of_tape=message.end_of_tape,
        flags_hi=unpack_if_any("flags_hi", message.flags_hi, U1, len(rows["flags"])),
        **rows,
    )
    _check(batch)
    return batch


read_bar_batch: Final = Once(decode_bar_batch)
"""Read a batch that others in this process may have read already."""


def _check(batch: BarBatch) -> None:
    """Raise Malformed for whatever no bar can be; lists, because a batch has a handful of bars."""
    finality, revision = batch.finality.tolist(), batch.revision.tolist()
    faults = {
        "an instrument index is beyond the dictionary": max(batch.instrument.tolist(), default=-1)
        >= len(batch.instruments),
        "an interval is not positive": min(batch.interval_s.tolist(), default=1) <= 0,
        "a finality is unknown": min(finality, default=BAR_FINAL) < BAR_PROVISIONAL
        or max(finality, default=BAR_FINAL) > BAR_OPEN,
        "a revision is negative": min(revision, default=0) < 0,
        "a final bar is a revision": any(revision)
        and any(r and f == BAR_FINAL for r, f in zip(revision, finality, strict=True)),
    }
    refuse(f"{len(finality)} bars", faults)
