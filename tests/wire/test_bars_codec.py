"""Bars read back as they were written; what bars seldom say costs nothing when they do not."""

import json
from dataclasses import replace

import numpy as np
import pytest
from barred import Bar, bar_batch
from tickloom.market.v1 import bar_pb2

from functions.domain.market import MARKET_CLOSED, MARKET_HALTED, flags_at
from functions.wire.codecs.bars import BAR_BATCH, decode_bar_batch, encode_bar_batch
from functions.wire.envelope import Event
from functions.wire.errors import Malformed
from functions.wire.rows import render

BARS = bar_batch([Bar(bar=1), Bar(bar=2)])
SHUT = replace(BARS, flags_hi=np.array([1, 2], np.uint8))


def test_round_trip() -> None:
    """Flags above the first eight come back, each at its row."""
    for batch in (BARS, SHUT):
        data = encode_bar_batch(batch)
        assert encode_bar_batch(decode_bar_batch(data)) == data
    read = decode_bar_batch(encode_bar_batch(SHUT))
    assert [flags_at(read, row) & ~255 for row in (0, 1)] == [MARKET_HALTED, MARKET_CLOSED]


def test_unflagged_is_unwritten() -> None:
    """Bars that were traded throughout have not a byte for it."""
    message = bar_pb2.BarBatch.FromString(encode_bar_batch(BARS))
    assert message.flags_hi == b""
    assert encode_bar_batch(replace(SHUT, flags_hi=BARS.flags_hi)) == encode_bar_batch(BARS)


def test_column_of_another_length() -> None:
    """A column for some of the bars only is refused."""
    message = bar_pb2.BarBatch.FromString(encode_bar_batch(SHUT))
    message.flags_hi = b"\x01"
    with pytest.raises(Malformed, match="column flags_hi has 1 bytes, 2 entries"):
        decode_bar_batch(message.SerializeToString())


def test_row() -> None:
    """A bar's canonical row tells all flags as one number."""
    event = Event(id="1", source="/t", type=BAR_BATCH, data=encode_bar_batch(SHUT))
    told = [json.loads(row.line)["flags"] for row in render(event)]
    assert told == [int(BARS.flags[0]) + MARKET_HALTED, int(BARS.flags[1]) + MARKET_CLOSED]
