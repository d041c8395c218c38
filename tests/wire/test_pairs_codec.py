"""Figures of pairs are written and read back without loss; what no batch can be is refused."""

from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from barred import Bar
from counts import examples
from hypothesis import given, settings
from hypothesis import strategies as st
from paired import COLUMNS, fold, perp, spot
from tickloom.features.v1 import pair_pb2

from functions.domain.market import STATE_COLD, STATE_VALID
from functions.domain.pairs.batch import PairBatch
from functions.wire.codecs.pairs import decode_pair_batch, encode_pair_batch
from functions.wire.errors import Malformed

TOLD = fold([spot(Bar(bar=1, close=7), Bar(bar=2)), perp(Bar(bar=1, close=9), Bar(bar=2))])
BATCH = TOLD[1].batch


def test_round_trip() -> None:
    """Every column, name and flag comes back; equal batches give equal bytes."""
    for batch in (BATCH, replace(BATCH, end_of_tape=True)):
        data = encode_pair_batch(batch)
        again = decode_pair_batch(data)
        assert (again.join, again.instruments, again.names) == (batch.join, batch.instruments, batch.names)
        assert again.end_of_tape == batch.end_of_tape
        for name in COLUMNS:
            one, other = getattr(again, name), getattr(batch, name)
            assert one.dtype == other.dtype
            assert one.tolist() == other.tolist()
        assert encode_pair_batch(again) == data


@pytest.mark.parametrize(
    ("changes", "fault"),
    [
        ({"instrument_b": np.array([2], np.uint16)}, "beyond the dictionary"),
        ({"interval_s": np.array([0], np.int32)}, "interval is not positive"),
        ({"flags": np.array([16], np.uint8)}, "flag is unknown"),
        ({"names": BATCH.names[:1] * len(BATCH.names)}, "named twice"),
        ({"states": np.full_like(BATCH.states, 3)}, "state is unknown"),
        ({"values": np.full_like(BATCH.values, np.nan), "states": np.full_like(BATCH.states, STATE_VALID)}, "finite"),
        ({"values": np.ones_like(BATCH.values), "states": np.full_like(BATCH.states, STATE_COLD)}, "where none exists"),
        ({"values": BATCH.values[:, :-1]}, "column values"),
        ({"close_a": np.array([], np.int64)}, "column close_a"),
    ],
)
def test_impossible(changes: dict[str, Any], fault: str) -> None:
    """A batch that cannot be is refused, with what is wrong."""
    with pytest.raises(Malformed, match=fault):
        decode_pair_batch(encode_pair_batch(replace(BATCH, **changes)))


def test_no_join() -> None:
    """A batch names the join it is of."""
    with pytest.raises(Malformed, match="names no join"):
        decode_pair_batch(pair_pb2.PairBatch().SerializeToString())


@given(st.binary(max_size=200))
@settings(max_examples=examples(1000))
def test_any_bytes(data: bytes) -> None:
    """Bytes of any kind are a batch or malformed, and nothing else."""
    try:
        batch = decode_pair_batch(data)
    except Malformed:
        return
    assert isinstance(batch, PairBatch)
