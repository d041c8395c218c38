"""Feature rows survive the wire bit for bit, and impossible bytes are refused."""

from dataclasses import fields

import numpy as np
import pytest
from counts import examples
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from scored import BTC, Row, features_of
from tickloom.features.v1 import feature_pb2

from functions.domain.market import FeatureBatch, FeatureColumns, InstrumentRef
from functions.wire.codecs.features import decode_feature_batch, encode_feature_batch
from functions.wire.errors import Malformed

NAMES = st.lists(st.text("abcxyz_0123456789", min_size=1, max_size=12), max_size=5, unique=True)
INT64 = np.iinfo(np.int64)


@st.composite
def feature_batches(draw: st.DrawFn) -> FeatureBatch:
    """Draw any batch a feature table could emit."""
    rows, names = draw(st.integers(0, 6)), tuple(draw(NAMES))
    ints = hnp.arrays(np.int64, rows, elements=st.integers(int(INT64.min), int(INT64.max)))
    states = draw(hnp.arrays(np.uint8, (rows, len(names)), elements=st.integers(0, 2)))
    finite = st.floats(allow_nan=False, allow_infinity=False)
    values = draw(hnp.arrays(np.float64, (rows, len(names)), elements=finite))
    return FeatureBatch(
        shard=draw(st.text("ABC-0", min_size=1, max_size=8)),
        columns=FeatureColumns(
            instruments=(BTC, InstrumentRef("ETH-USDT.BINANCE", -2, -4)),
            instrument=draw(hnp.arrays(np.uint16, rows, elements=st.integers(0, 1))),
            interval_s=draw(hnp.arrays(np.int32, rows, elements=st.integers(1, 86_400))),
            start_ns=draw(ints),
            bar_revision=draw(hnp.arrays(np.int32, rows, elements=st.integers(0, 9))),
            close=draw(ints),
            bid_price=draw(ints),
            bid_size=draw(ints),
            ask_price=draw(ints),
            ask_size=draw(ints),
            flags=draw(hnp.arrays(np.uint8, rows, elements=st.integers(0, 7))),
            names=names,
            values=np.where(states == 1, values, 0.0),
            states=states,
            flags_hi=draw(hnp.arrays(np.uint8, draw(st.sampled_from((0, rows))), elements=st.integers(0, 3))),
        ),
        end_of_tape=draw(st.booleans()),
    )


def same(one: object, other: object) -> bool:
    """Compare two dataclasses of columns field by field, arrays with their dtype and bits."""
    pairs = [(getattr(one, item.name), getattr(other, item.name)) for item in fields(one)]  # type: ignore[arg-type]
    return all(
        a.dtype == b.dtype and a.shape == b.shape and a.tobytes() == b.tobytes()
        if isinstance(a, np.ndarray)
        else a == b
        for a, b in pairs
    )


@given(feature_batches())
@settings(max_examples=examples(500), deadline=None)
def test_round_trip(batch: FeatureBatch) -> None:
    """What is decoded is what was encoded, and encodes to the same bytes."""
    data = encode_feature_batch(batch)
    read = decode_feature_batch(data)
    assert (read.shard, read.end_of_tape) == (batch.shard, batch.end_of_tape)
    assert same(read.columns, batch.columns)
    assert encode_feature_batch(read) == data


@given(st.binary(max_size=200))
@settings(max_examples=examples(2000), deadline=None)
def test_any_bytes(data: bytes) -> None:
    """Any bytes are read or refused as malformed, and nothing else happens."""
    try:
        decode_feature_batch(data)
    except Malformed:
        return


@pytest.mark.parametrize(
    ("column", "data", "found"),
    [
        ("close", b"1234567", "column close has 7 bytes, 1 entries of 8"),
        ("states", b"", "column states has 0 bytes"),
        ("flags_hi", b"\x00\x00", "column flags_hi has 2 bytes, 1 entries"),
        ("instrument", b"\x01\x00", "an instrument index is beyond the dictionary"),
        ("interval_s", b"\x00" * 4, "an interval is not positive"),
        ("states", b"\x03", "a state is unknown"),
        ("states", b"\x00", "a value stands where none exists"),
        ("values", np.array([np.nan]).tobytes(), "a value is not finite"),
        ("values", np.array([np.inf]).tobytes(), "a value is not finite"),
    ],
)
def test_impossible_columns(column: str, data: bytes, found: str) -> None:
    """A column that cannot be is refused, and the message says what was found."""
    message = feature_pb2.FeatureBatch.FromString(encode_feature_batch(features_of([Row(features={"rsi_14": 30.0})])))
    setattr(message.columns, column, data)
    with pytest.raises(Malformed, match=found):
        decode_feature_batch(message.SerializeToString())


def test_name_given_twice() -> None:
    """A feature named twice is refused: a name would not say which column."""
    message = feature_pb2.FeatureBatch(shard="A", columns=feature_pb2.FeatureColumns(names=["rsi_14", "rsi_14"]))
    with pytest.raises(Malformed, match="named twice"):
        decode_feature_batch(message.SerializeToString())


def test_no_shard() -> None:
    """Bytes without a shard, such as none at all, are no batch."""
    with pytest.raises(Malformed, match="no shard"):
        decode_feature_batch(b"")
