"""The scanning kernel gives the same ticks as the decoder it stands before, for whatever bytes it is shown."""

import pathlib

import numpy as np
import pytest
from counts import FULL, examples
from hypothesis import given, settings
from hypothesis import strategies as st

from functions.adapters.kernels import CompiledDecoders, loops
from functions.adapters.tapes import Spool, batches
from functions.domain.market import InstrumentRef, RawBatch
from functions.wire.codecs.market import encode_tick_batch
from functions.wire.tape import TapeOptions
from functions.wire.venues import binance_kernel
from functions.wire.venues.binance import DECODERS
from functions.wire.venues.scanning import ScanningDecoder

UNITS = {"ETHUSDT": InstrumentRef("ETH-USDT.BINANCE", -2, -5), "BTCUSDT": InstrumentRef("BTC-USDT.BINANCE", -2, -5)}
TRADE = (
    b'{"stream":"ethusdt@trade","data":{"e":"trade","E":1723161255308,"s":"ETHUSDT","t":15,"p":"2683.80000000",'
    b'"q":"0.50000000","T":1723161255307,"m":true,"M":true}}'
)
AGG_TRADE = (
    b'{"e":"aggTrade","E":1723161255308,"s":"BTCUSDT","a":7,"p":"60000.01","q":"1.5","f":1,"l":2,'
    b'"T":1723161255307,"m":false}'
)
QUOTE = (
    b'{"stream":"ethusdt@bookTicker","data":{"u":35346513501,"s":"ETHUSDT","b":"2683.80000000","B":"3.02920000",'
    b'"a":"2683.81000000","A":"31.43950000"}}'
)
CROSSED = (
    b'{"e":"bookTicker","u":9,"s":"ETHUSDT","b":"2.1","B":"3","a":"2.0","A":"1","T":1723161256310,"E":1723161256311}'
)
DEPTH = (
    b'{"stream":"ethusdt@depth@100ms","data":{"e":"depthUpdate","E":1723161255308,"s":"ETHUSDT","U":1,"u":5,'
    b'"b":[["2683.80","3.0292"],["2500.00","0.00000000"]],"a":[["2733.70000000","0.00000000"]]}}'
)
EMPTY = b'{"e":"depthUpdate","E":1723161255308,"T":1723161255307,"s":"BTCUSDT","U":1,"u":5,"pu":0,"b":[],"a":[]}'
ROWS = (TRADE, AGG_TRADE, QUOTE, CROSSED, DEPTH, EMPTY)
SPOT = DECODERS["binance.spot"]
COMPILED = CompiledDecoders()["binance.spot"]


def batch_of(rows: list[bytes]) -> RawBatch:
    """Make a batch of rows that were all received at once."""
    offsets = np.cumsum([0, *map(len, rows)]).astype("<u4")
    received = np.full(len(rows), 1_723_161_254_000_000_000, "<i8")
    return RawBatch("S", "S.t", "binance.spot", 0, b"".join(rows), offsets, received, "ETHUSDT", "trade")


def test_plain_rows_are_scanned() -> None:
    """The kernel itself takes each plain form, so the equalities below compare two ways, not one with itself."""
    decoder = ScanningDecoder(SPOT, loops("plain", binance_kernel))  # type: ignore[arg-type] # the module is the kernel
    decoder(batch_of([ROWS[0]]), UNITS)
    found = decoder._scan(batch_of(list(ROWS)), 10_000)  # noqa: SLF001 - what the kernel took is seen nowhere else
    assert found.counts[: binance_kernel.LEVELS] == [0, 1, 1, 2, 2]


@pytest.mark.parametrize("kind", ["plain", "compiled"])
def test_sections_are_equal(kind: str) -> None:
    """Trades, quotes and book messages of several instruments come out byte for byte the same."""
    decoder = ScanningDecoder(SPOT, loops(kind, binance_kernel))  # type: ignore[arg-type] # the module is the kernel
    batch = batch_of([*ROWS, *ROWS[::-1]])
    assert encode_tick_batch(decoder(batch, UNITS)) == encode_tick_batch(SPOT(batch, UNITS))


MUTATION = st.tuples(
    st.integers(0, 220),
    st.sampled_from([b"", b"0", b"9", b'"', b",", b"}", b"]", b"[", b"-", b".", b"e", b"a", b"\\", b"\xff", b" "]),
    st.integers(0, 3),
)


@given(picks=st.lists(st.tuples(st.integers(0, len(ROWS) - 1), st.lists(MUTATION, max_size=2)), min_size=1, max_size=6))
@settings(max_examples=examples(5_000), deadline=None)
def test_damaged_rows_are_equal(picks: list[tuple[int, list[tuple[int, bytes, int]]]]) -> None:
    """However rows are damaged, both ways give the same ticks, rejections and counts."""
    rows = []
    for which, mutations in picks:
        row = ROWS[which]
        for at, put, drop in mutations:
            row = row[:at] + put + row[at + drop :]
        rows.append(row)
    batch = batch_of(rows)
    assert encode_tick_batch(COMPILED(batch, UNITS)) == encode_tick_batch(SPOT(batch, UNITS))


def test_a_quote_is_no_name() -> None:
    """A field whose name is one quote too many is read by neither."""
    row = b'{"e":"trade","E":1,"s":"ETHUSDT","t":15,"p":"2683.80","q":"0.5","T":1723161255307,"m":true,""":true}'
    batch = batch_of([row])
    assert encode_tick_batch(COMPILED(batch, UNITS)) == encode_tick_batch(SPOT(batch, UNITS))
    assert len(COMPILED(batch, UNITS).rejections) == 1


@given(text=st.from_regex(r"[0-9]{1,20}(\.[0-9]{0,10})?", fullmatch=True), exponent=st.integers(-9, 2))
@settings(max_examples=examples(5_000), deadline=None)
def test_any_decimal_is_equal(text: str, exponent: int) -> None:
    """Any decimal's text gives the same exact mantissa or the same rejection, whatever the instrument's unit."""
    units = {"ETHUSDT": InstrumentRef("ETH-USDT.BINANCE", exponent, exponent)}
    row = b'{"u":1,"s":"ETHUSDT","b":"%s","B":"1","a":"%s","A":"0"}' % (text.encode(), text.encode())
    batch = batch_of([row])
    assert encode_tick_batch(COMPILED(batch, units)) == encode_tick_batch(SPOT(batch, units))


@pytest.mark.parametrize(
    ("name", "dialect"),
    [
        ("binance_spot_ws_ethusdt/ethusdt_20240808.gz", "binance.spot"),
        ("binance_usdm_ws_ethusdt/ethusdt_20240808.gz", "binance.usdm"),
    ],
)
def test_captures_are_equal(name: str, dialect: str, captures: pathlib.Path, tmp_path: pathlib.Path) -> None:
    """Every batch of the real captures decodes to the same bytes both ways."""
    options = TapeOptions(shard="S", stream="S.t", dialect=dialect, symbol="ETHUSDT")
    compiled = CompiledDecoders()[dialect]
    for number, batch in enumerate(batches(captures / name, options=options, spool=Spool(tmp_path))):
        if FULL or number % 10 == 0:
            assert encode_tick_batch(compiled(batch, UNITS)) == encode_tick_batch(DECODERS[dialect](batch, UNITS))
