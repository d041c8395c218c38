"""Write bars of equal activity as `tickloom.market.v1.ActivityBarBatch` messages and read them back.

Reading copies no column: arrays look into the message's bytes and are read-only.
"""

from typing import Final

from tickloom.market.v1 import activity_pb2

from functions.domain.activity.batch import BASIS_NAMES, ActivityBarBatch
from functions.domain.market import BAR_FINAL, BAR_OPEN, BAR_REVISED
from functions.wire.codecs.columns import I4, I8, U1, U2, U8, Columns
from functions.wire.codecs.market import instrument_fields, instrument_values, rejection_messages, rejection_values
from functions.wire.codecs.messages import parse_named, refuse
from functions.wire.codecs.once import Once

ACTIVITY_BAR_BATCH: Final = "tickloom.market.v1.ActivityBarBatch"

_COLUMNS: Final = Columns(
    ("instrument", U2),
    ("basis", U1),
    ("day", I4),
    ("ordinal", I4),
    ("finality", U1),
    ("revision", I4),
    ("threshold_hi", I8),
    ("threshold_lo", U8),
    ("start_ns", I8),
    ("end_ns", I8),
    ("open", I8),
    ("high", I8),
    ("low", I8),
    ("close", I8),
    ("volume", I8),
    ("buy_volume", I8),
    ("notional_hi", I8),
    ("notional_lo", U8),
    ("trades", I4),
    ("flags", U1),
)
_DAY_MAX: Final = 106_751
"""The last day that int64 nanoseconds reach, either way."""
_NOT_NEGATIVE: Final = ("ordinal", "revision", "open", "high", "low", "close", "volume", "buy_volume", "trades")


def encode_activity_bar_batch(value: ActivityBarBatch) -> bytes:
    """Write a batch; equal batches give equal bytes."""
    message = activity_pb2.ActivityBarBatch(
        shard=value.shard,
        instruments=instrument_fields(value.instruments),
        rejections=rejection_messages(value.rejections),
        stream=value.stream,
        end_of_tape=value.end_of_tape,
        **_COLUMNS.pack(value),
    )
    return message.SerializeToString(deterministic=True)


def decode_activity_bar_batch(data: bytes) -> ActivityBarBatch:
    """Read a batch.

    Raises:
        Malformed: The bytes are no ActivityBarBatch, name no shard, or its columns do not fit each other.
    """
    message = parse_named(activity_pb2.ActivityBarBatch, data)
    batch = ActivityBarBatch(
        shard=message.shard,
        instruments=instrument_values(message.instruments),
        rejections=rejection_values(message.rejections),
        stream=message.stream,
        end_of_tape=message.end_of_tape,
        **_COLUMNS.unpack(message),
    )
    _check(batch)
    return batch


read_activity_bar_batch: Final = Once(decode_activity_bar_batch)
"""Read a batch that others in this process may have read already."""


def _check(batch: ActivityBarBatch) -> None:
    """Raise Malformed for whatever no bar can be; lists, because a batch has a handful of bars."""
    finality, revision = batch.finality.tolist(), batch.revision.tolist()
    faults = {
        "an instrument index is beyond the dictionary": max(batch.instrument.tolist(), default=-1)
        >= len(batch.instruments),
        "a basis is unknown": not BASIS_NAMES.keys() >= set(batch.basis.tolist()),
        "a day is out of reach": max(map(abs, batch.day.tolist()), default=0) > _DAY_MAX,
        "a finality is unknown": not {BAR_FINAL, BAR_REVISED, BAR_OPEN} >= set(finality),
        "a final bar is a revision": any(
            (r > 0) != (f == BAR_REVISED) for r, f in zip(revision, finality, strict=True)
        ),
        **{f"{name} is negative": min(getattr(batch, name).tolist(), default=0) < 0 for name in _NOT_NEGATIVE},
        "a sum is negative": min((*batch.notional_hi.tolist(), *batch.threshold_hi.tolist()), default=0) < 0,
    }
    refuse(f"{len(finality)} activity bars", faults)
