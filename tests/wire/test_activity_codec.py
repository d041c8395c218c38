"""Bars of equal activity read back as they were written, and what no bar can be is refused."""

import random

import numpy as np
import pytest
from active import lines, rules, run
from hypothesis import given, settings
from hypothesis import strategies as st
from ticking import T0, Trade
from tickloom.market.v1 import activity_pb2

from functions.domain.activity.batch import ActivityBarBatch
from functions.domain.market import TRADE_CANCEL
from functions.wire.codecs.activity import decode_activity_bar_batch, encode_activity_bar_batch
from functions.wire.errors import Malformed


def batches(seed: int) -> list[ActivityBarBatch]:
    """Fold a tape with a refused row."""
    draw = random.Random(seed)  # noqa: S311 - a seeded tape
    rows = [Trade(T0 + n, draw.randint(1, 2**60), draw.randint(1, 2**50), id=n) for n in range(50)]
    return run([*rows, Trade(T0, id=99, flags=TRADE_CANCEL)], rules(3, 2**52, 2**112))


@settings(max_examples=20, deadline=None)
@given(seed=st.integers(0, 2**32))
def test_round_trip(seed: int) -> None:
    """Every figure, rejection and mark survives, and equal batches give equal bytes."""
    for one in batches(seed):
        data = encode_activity_bar_batch(one)
        again = decode_activity_bar_batch(data)
        assert lines([again]) == lines([one])
        assert (again.threshold_hi.tolist(), again.threshold_lo.tolist()) == (
            one.threshold_hi.tolist(),
            one.threshold_lo.tolist(),
        )
        assert (again.rejections, again.stream, again.end_of_tape) == (one.rejections, one.stream, one.end_of_tape)
        assert encode_activity_bar_batch(again) == data


@pytest.mark.parametrize("data", [b"", b"\xff", activity_pb2.ActivityBarBatch(stream="x").SerializeToString()])
def test_no_message(data: bytes) -> None:
    """Bytes that are no message, or that name no shard, are malformed."""
    with pytest.raises(Malformed):
        decode_activity_bar_batch(data)


@pytest.mark.parametrize(
    ("column", "value"),
    [
        ("instrument", np.uint16(9)),
        ("basis", np.uint8(4)),
        ("basis", np.uint8(0)),
        ("day", np.int32(200_000)),
        ("finality", np.uint8(1)),
        ("revision", np.int32(1)),
        *((name, np.int32(-1)) for name in ("ordinal", "revision", "trades")),
        *((name, np.int64(-1)) for name in ("open", "low", "volume", "buy_volume", "notional_hi", "threshold_hi")),
    ],
)
def test_impossible(column: str, value: np.generic) -> None:
    """A column that holds what no bar can be is malformed."""
    message = activity_pb2.ActivityBarBatch.FromString(encode_activity_bar_batch(batches(1)[0]))
    had = getattr(message, column)
    setattr(message, column, value.tobytes() + had[value.itemsize :])
    with pytest.raises(Malformed):
        decode_activity_bar_batch(message.SerializeToString())


@pytest.mark.parametrize("column", ["basis", "threshold_lo", "close", "flags"])
def test_length(column: str) -> None:
    """A column of another length is malformed and named."""
    message = activity_pb2.ActivityBarBatch.FromString(encode_activity_bar_batch(batches(1)[0]))
    setattr(message, column, getattr(message, column)[1:])
    with pytest.raises(Malformed, match=column):
        decode_activity_bar_batch(message.SerializeToString())
