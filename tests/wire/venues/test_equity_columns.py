"""Check that equity and currency dialects say the same as columns and row by row, on any bytes."""

import dataclasses

import numpy as np
import pytest
from decoding import NOW, batch_of
from equity_rows import EXAMPLES
from hypothesis import given, settings
from hypothesis import strategies as st

from functions.wire.codecs.market import encode_tick_batch
from functions.wire.venues.columns import Decoder
from functions.wire.venues.registry import decoder_of
from functions.wire.venues.work import Work

PIECES = (
    b"",
    b",",
    b".",
    b"-",
    b" ",
    b"0",
    b"1",
    b"9",
    b"e",
    b"null",
    b"true",
    b"\r",
    b'"',
    b"[",
    b"{}",
    b"+00:00",
    b"Z",
)
"""What mutations put into rows."""


@st.composite
def mutated(draw: st.DrawFn, raw: bytes) -> bytes:
    """Put pieces into a row, or in the place of some of its bytes, up to three times."""
    for _ in range(draw(st.integers(0, 3))):
        begin = draw(st.integers(0, len(raw)))
        end = min(len(raw), begin + draw(st.integers(0, 4)))
        raw = raw[:begin] + draw(st.sampled_from(PIECES)) + raw[end:]
    return raw


@pytest.mark.parametrize("dialect", EXAMPLES)
@settings(max_examples=150, deadline=None)
@given(data=st.data())
def test_columns_say_what_rows_say(dialect: str, data: st.DataObject) -> None:
    """Whatever becomes of a batch's rows, reading them as columns gives the bytes of reading them one by one."""
    symbols = sorted({symbol for _, symbol in EXAMPLES[dialect]} | {"", "IBM@0001-01-01", "IBM@9999-12-31", "X Y"})
    symbol = data.draw(st.sampled_from(symbols))
    rows = data.draw(st.lists(st.sampled_from([raw for raw, _ in EXAMPLES[dialect]]).flatmap(mutated), max_size=6))
    batch = batch_of(rows, dialect, symbol=symbol)
    decoder = decoder_of(dialect)
    one_by_one = Decoder(dataclasses.replace(decoder.venue, fast=None))
    assert encode_tick_batch(decoder(batch, {})) == encode_tick_batch(one_by_one(batch, {}))


@pytest.mark.parametrize("dialect", EXAMPLES)
def test_batches_say_what_their_rows_say(dialect: str) -> None:
    """All examples in one batch give as many ticks and kinds as each gives alone."""
    decoder = decoder_of(dialect)
    for symbol in {symbol for _, symbol in EXAMPLES[dialect]}:
        rows = [raw for raw, of in EXAMPLES[dialect] if of == symbol]
        alone = [decoder(batch_of([raw], dialect, symbol=symbol), {}) for raw in rows]
        whole = decoder(batch_of(rows, dialect, symbol=symbol), {})
        assert whole.trades.price.tolist() == [one for batch in alone for one in batch.trades.price.tolist()]
        assert whole.quotes.ask_price.tolist() == [one for batch in alone for one in batch.quotes.ask_price.tolist()]
        assert (whole.trades.ts_receive == NOW).all()


PLAIN = {
    "polygon.stocks": 3,
    "nyse.json": 3,
    "nasdaq.json": 2,
    "truefx.csv": 2,
    "lseg.json": 3,
    "bloomberg.json": 2,
    "lean.equity": 3,
    "lean.forex": 1,
}
"""How many of each dialect's examples are plain trades and quotes."""


@pytest.mark.parametrize(("dialect", "plain"), PLAIN.items())
def test_plain_rows_are_read_as_columns(dialect: str, plain: int) -> None:
    """Trades and quotes of the live forms take the fast path; nothing but odd rows is left to be read one by one."""
    venue = decoder_of(dialect).venue
    assert venue.fast is not None
    left = 0
    for raw, symbol in EXAMPLES[dialect]:
        work = Work(batch_of([raw], dialect, symbol=symbol), venue, {}, 0, np.ones(1, np.bool_))
        venue.fast(work)
        left += int(work.slow.sum())
    assert len(EXAMPLES[dialect]) - left == plain
