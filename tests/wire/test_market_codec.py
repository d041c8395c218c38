"""Check that raw batches, tick batches and gaps survive the wire, and that broken bytes are named."""

from collections.abc import Callable
from dataclasses import fields, replace
from typing import Any, TypeVar

import numpy as np
import pytest
from counts import examples
from hypothesis import given, settings
from hypothesis import strategies as st
from tickloom.market.v1 import raw_pb2, tick_pb2

from functions.domain.market import (
    Book,
    Candles,
    GapDetected,
    InstrumentRef,
    OversizedRow,
    Quotes,
    RawBatch,
    Rejection,
    TickBatch,
    Trades,
)
from functions.wire.codecs.market import (
    NO_BOOK,
    NO_CANDLES,
    NO_QUOTES,
    NO_TRADES,
    PAYLOAD_BYTES_MAX,
    decode_gap,
    decode_raw_batch,
    decode_tick_batch,
    encode_gap,
    encode_raw_batch,
    encode_tick_batch,
)
from functions.wire.errors import Malformed

ETH = InstrumentRef("ETH-USDT.BINANCE", -2, -4)
BTC = InstrumentRef("BTC-USDT.BINANCE", -2, -5)


S = TypeVar("S", Trades, Quotes, Book)


def filled(section: S, rows: int, seed: int) -> S:
    """Fill a section's columns with numbers that fit them, over the two instruments."""
    random = np.random.default_rng(seed)
    columns: dict[str, Any] = {
        field.name: random.integers(0, 200, rows).astype(getattr(section, field.name).dtype)
        for field in fields(section)
    }
    columns["instrument"] = random.integers(0, 2, rows).astype(np.uint16)
    return replace(section, **columns)


def book_of(messages: int, seed: int) -> Book:
    book = filled(NO_BOOK, messages, seed)
    levels = int(book.bids.sum()) + int(book.asks.sum())
    return replace(book, level_price=np.arange(levels), level_size=np.arange(levels) * 3)


def tick_batch(trades: int = 3, quotes: int = 2, messages: int = 2, seed: int = 1) -> TickBatch:
    return TickBatch(
        shard="BINANCE-0",
        stream="BINANCE-0.replay",
        first_row=7,
        row_count=trades + quotes + messages + 1,
        instruments=(ETH, BTC),
        trades=filled(NO_TRADES, trades, seed),
        quotes=filled(NO_QUOTES, quotes, seed + 1),
        book=book_of(messages, seed + 2),
        candles=filled(NO_CANDLES, trades, seed + 3),
        rejections=(Rejection(9, "bad_json", "found x", b"\xff{", "binance.spot", 5, "ETHUSDT", spool_ref="spool/1"),),
        kinds=(("rejected", 1), ("trade", trades)),
        ts_cut_ns=99,
    )


def raw_batch(rows: tuple[bytes, ...] = (b"{}", b"", b'{"a":1}')) -> RawBatch:
    return RawBatch(
        shard="BINANCE-0",
        stream="BINANCE-0.replay",
        dialect="binance.spot",
        first_row=3,
        payload=b"".join(rows),
        offsets=np.cumsum([0, *map(len, rows)]).astype(np.uint32),
        ts_receive=np.arange(len(rows), dtype=np.int64) + 10**18,
        symbol="ETHUSDT",
        bar_channel="trade",
        oversized=(OversizedRow(1, 2**21, b"\x01" * 32, "spool/2"),) if len(rows) > 1 else (),
        end_of_tape=not rows,
        tape_offset=11,
        ts_cut_ns=12,
    )


def same(one: object, other: object) -> bool:
    """Compare two values of ours, column by column."""
    if isinstance(one, Trades | Quotes | Book | Candles | TickBatch | RawBatch):
        return all(same(getattr(one, field.name), getattr(other, field.name)) for field in fields(one))
    if isinstance(one, np.ndarray):
        return isinstance(other, np.ndarray) and one.dtype == other.dtype and bool(np.array_equal(one, other))
    return bool(one == other)


@settings(max_examples=examples(500), deadline=None)
@given(st.integers(0, 40), st.integers(0, 40), st.integers(0, 9), st.integers(0, 2**32))
def test_ticks_round_trip(trades: int, quotes: int, messages: int, seed: int) -> None:
    """A tick batch comes back with every column as it was."""
    batch = tick_batch(trades, quotes, messages, seed)
    assert same(decode_tick_batch(encode_tick_batch(batch)), batch)


@settings(max_examples=examples(500), deadline=None)
@given(st.lists(st.binary(max_size=40), max_size=20))
def test_rows_round_trip(rows: list[bytes]) -> None:
    """A raw batch comes back with every row byte for byte."""
    batch = raw_batch(tuple(rows))
    back = decode_raw_batch(encode_raw_batch(batch))
    assert same(back, batch)
    assert [back.payload[a:b] for a, b in zip(back.offsets[:-1], back.offsets[1:], strict=True)] == rows


@settings(max_examples=examples(200), deadline=None)
@given(st.lists(st.sampled_from((b'{"price":"2683.80000000"}', b'{"bids":[]}', b"\x00\xff")), max_size=200))
def test_rows_alike_travel_packed(rows: list[bytes]) -> None:
    """Rows that have much in common come back byte for byte, and never take more room than they have."""
    batch = raw_batch(tuple(rows))
    message = raw_pb2.RawBatch.FromString(encode_raw_batch(batch))
    assert len(message.payload) + len(message.payload_lz4) <= len(batch.payload)
    assert same(decode_raw_batch(message.SerializeToString()), batch)


def test_rows_packed_by_nobody_are_read() -> None:
    """A payload as it is, which earlier versions wrote, is read as before."""
    batch = raw_batch((b"a" * 100,))
    message = raw_pb2.RawBatch.FromString(encode_raw_batch(batch))
    message.payload, message.payload_lz4, message.payload_size = batch.payload, b"", 0
    assert same(decode_raw_batch(message.SerializeToString()), batch)


def test_rows_beyond_the_bound_travel_as_they_are() -> None:
    """What a reader would refuse to unpack is not packed."""
    batch = raw_batch((b"a" * (PAYLOAD_BYTES_MAX + 1),))
    data = encode_raw_batch(batch)
    assert len(data) > PAYLOAD_BYTES_MAX
    assert same(decode_raw_batch(data), batch)


@pytest.mark.parametrize(
    "spoil",
    [
        {"payload_size": 99},
        {"payload_size": 101},
        {"payload_size": 0},
        {"payload_size": 2**32 - 1},
        {"payload_lz4": b""},
        {"payload_lz4": b"\xff\xff"},
        {"payload": b"a"},
    ],
)
def test_impossible_block_is_malformed(spoil: dict[str, Any]) -> None:
    """A block that does not give the bytes it tells of is refused before memory is taken for it."""
    message = raw_pb2.RawBatch.FromString(encode_raw_batch(raw_batch((b"a" * 100,))))
    for name, value in spoil.items():
        setattr(message, name, value)
    with pytest.raises(Malformed):
        decode_raw_batch(message.SerializeToString())


@pytest.mark.parametrize("share", [0.0, 0.25, 0.5, 0.75])
def test_half_a_raw_batch_is_malformed(share: float) -> None:
    """A raw batch that was cut off before its rows end is never read, also where protobuf could."""
    data = encode_raw_batch(raw_batch())
    head = encode_raw_batch(
        replace(raw_batch(()), end_of_tape=False, symbol="", bar_channel="", tape_offset=0, ts_cut_ns=0)
    )
    for part in (data[: int(len(data) * share)], head, head[:-2]):
        with pytest.raises(Malformed):
            decode_raw_batch(part)


def test_equal_batches_give_equal_bytes() -> None:
    """Writing is a function of the value."""
    assert encode_tick_batch(tick_batch()) == encode_tick_batch(tick_batch())
    assert encode_raw_batch(raw_batch()) == encode_raw_batch(raw_batch())


@pytest.mark.parametrize(("trades", "quotes", "messages"), [(3, 2, 2), (512, 0, 0), (0, 1, 40), (0, 0, 0)])
def test_ticks_are_as_protobuf_writes_them(trades: int, quotes: int, messages: int) -> None:
    """A batch written by hand is what protobuf writes: fields in the order of their numbers, empty ones left out."""
    batch, none = tick_batch(trades, quotes, messages), np.zeros(0, np.int64)
    book = replace(batch.book, bids=batch.book.bids * 0, asks=batch.book.asks * 0, level_price=none, level_size=none)
    for one in (batch, replace(batch, book=book, rejections=(), heartbeat=True, end_of_tape=True)):
        written = encode_tick_batch(one)
        assert tick_pb2.TickBatch.FromString(written).SerializeToString(deterministic=True) == written


def test_columns_are_little_endian_and_packed() -> None:
    """Any protobuf reader finds the columns as the contract says."""
    message = tick_pb2.TickBatch.FromString(encode_tick_batch(tick_batch(trades=2)))
    batch = tick_batch(trades=2)
    assert message.trades.price == b"".join(int(price).to_bytes(8, "little") for price in batch.trades.price)
    assert message.trades.instrument == b"".join(int(one).to_bytes(2, "little") for one in batch.trades.instrument)


def test_no_rows_give_empty_columns_of_the_right_type() -> None:
    """A heartbeat has empty sections whose columns still have their types."""
    batch = replace(tick_batch(0, 0, 0), heartbeat=True, row_count=0, rejections=(), kinds=(), instruments=())
    back = decode_tick_batch(encode_tick_batch(batch))
    assert back.heartbeat
    assert same(back.trades, NO_TRADES)
    assert back.quotes.update_id.dtype == np.uint64
    assert back.book.bids.dtype == np.uint16


def test_a_raw_heartbeat_has_no_rows() -> None:
    """A batch without rows needs no offsets."""
    back = decode_raw_batch(raw_pb2.RawBatch(heartbeat=True, ts_cut_ns=5).SerializeToString())
    assert back.row_count == 0
    assert back.offsets.tolist() == [0]


def test_gaps_round_trip() -> None:
    """A gap comes back as it was."""
    gap = GapDetected("BINANCE-0", "/tickloom/handlers/normalize/BINANCE-0.replay", 4, 6)
    assert decode_gap(encode_gap(gap)) == gap


def test_a_gap_that_ends_before_it_begins_is_malformed() -> None:
    """A gap has at least one missing number."""
    with pytest.raises(Malformed, match="before it begins"):
        decode_gap(encode_gap(GapDetected("s", "x", 6, 4)))


@settings(max_examples=examples(500), deadline=None)
@given(st.data())
def test_cut_bytes_never_pass_as_something_else(data: st.DataObject) -> None:
    """A truncated tick batch is Malformed or a batch whose columns fit each other; nothing else escapes."""
    whole = encode_tick_batch(tick_batch())
    cut = data.draw(st.integers(0, len(whole) - 1))
    try:
        batch = decode_tick_batch(whole[:cut])
    except Malformed:
        return
    assert len(batch.trades.price) == len(batch.trades.row)


@pytest.mark.parametrize("decode", [decode_raw_batch, decode_tick_batch, decode_gap])
def test_garbage_is_malformed(decode: Callable[[bytes], object]) -> None:
    """Bytes that are no protobuf are Malformed, with what was found."""
    with pytest.raises(Malformed, match="3 bytes"):
        decode(b"\xff\xff\xff")


@pytest.mark.parametrize(
    ("column", "value", "found"),
    [
        ("price", b"\0" * 7, "column price: 7 bytes for 3 rows"),
        ("row", b"\0" * 9, "bytes"),
        ("instrument", b"\x02\0" * 3, "index 2 in a dictionary of 2"),
    ],
)
def test_columns_must_fit_each_other(column: str, value: bytes, found: str) -> None:
    """A column of another length, or an index outside the dictionary, is Malformed."""
    message = tick_pb2.TickBatch.FromString(encode_tick_batch(tick_batch()))
    setattr(message.trades, column, value)
    with pytest.raises(Malformed, match=found):
        decode_tick_batch(message.SerializeToString())


def test_levels_must_add_up() -> None:
    """A book with fewer levels than its messages tell is Malformed."""
    message = tick_pb2.TickBatch.FromString(encode_tick_batch(tick_batch()))
    message.book.level_size = message.book.level_size[8:]
    with pytest.raises(Malformed, match="levels told"):
        decode_tick_batch(message.SerializeToString())


@pytest.mark.parametrize(
    ("offsets", "found"),
    [([0, 2, 2], "offsets for 3 rows"), ([0, 5, 2, 9], "must rise"), ([1, 2, 2, 9], "must rise"), ([], "offsets")],
)
def test_offsets_must_cut_the_payload(offsets: list[int], found: str) -> None:
    """Offsets that do not cut the payload into the rows told are Malformed."""
    message = raw_pb2.RawBatch.FromString(encode_raw_batch(raw_batch()))
    message.offsets = np.array(offsets, "<u4").tobytes()
    with pytest.raises(Malformed, match=found):
        decode_raw_batch(message.SerializeToString())


def test_an_oversized_row_must_be_in_the_batch() -> None:
    """A stand-in for a row that is not there is Malformed."""
    message = raw_pb2.RawBatch.FromString(encode_raw_batch(raw_batch()))
    message.oversized[0].index = 3
    with pytest.raises(Malformed, match="oversized row 3"):
        decode_raw_batch(message.SerializeToString())
