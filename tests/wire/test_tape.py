"""Captures are cut by the file alone, and no line is lost on the way."""

import gzip
import hashlib
import pathlib
from collections.abc import Iterable

import pytest
from counts import examples
from hypothesis import given, settings
from hypothesis import strategies as st

from functions.adapters.kernels import tape_loops
from functions.domain.market import RawBatch
from functions.wire.errors import Malformed
from functions.wire.raw import raw_event, trace_of
from functions.wire.tape import (
    SPOT,
    USDM,
    Cutter,
    Position,
    TapeOptions,
    read_line,
    sniff,
)

OPTIONS = TapeOptions("BINANCE-0", "BINANCE-0.replay", SPOT, "ETHUSDT")
TRADE = b'{"stream":"ethusdt@trade","data":{"e":"trade","E":1723161601551,"s":"ETHUSDT","t":1}}'


def ignore(_name: str, _row: bytes) -> None:
    """Keep nothing."""


def cut(blocks: Iterable[bytes], options: TapeOptions = OPTIONS, position: Position | None = None) -> list[RawBatch]:
    cutter = Cutter(options, ignore, position or Position())
    return [*(batch for block in blocks for batch in cutter.feed(block)), *cutter.finish()]


def rows(batches: Iterable[RawBatch]) -> list[tuple[int, int, bytes, str]]:
    return [
        (
            batch.first_row + i,
            int(batch.ts_receive[i]),
            batch.payload[batch.offsets[i] : batch.offsets[i + 1]],
            batch.symbol,
        )
        for batch in batches
        for i in range(batch.row_count)
    ]


def facts(batches: Iterable[RawBatch]) -> list[object]:
    return [raw_event(batch, number, feed="replay") for number, batch in enumerate(batches)]


def blocks_of(text: bytes, size: int) -> list[bytes]:
    return [text[at : at + size] for at in range(0, len(text), size)]


LINE = st.one_of(
    st.tuples(st.integers(1723161254_000000000, 1723161256_000000000), st.binary(max_size=40)).map(
        lambda pair: b"%d %s" % (pair[0], pair[1].replace(b"\n", b""))
    ),
    st.sampled_from(
        (
            b"",
            b"{}",
            b"1633998512.0633569: {}",
            b"https://a/b?symbol=XY&limit=5 -> 1633998512.3: {}",
            b"wss://a/b <-> 1633998511.1",
            b"8999999999999999999 {}",
            b"9000000000000000000 {}",
            b"9223372036854775807 {}",
            b"9999999999999999999 {}",
            b"172316125402461956x {}",
            b"1723161254024619568",
            b"nan {}",
        )
    ),
)


@settings(max_examples=examples(2000), deadline=None)
@given(st.lists(LINE, max_size=40), st.integers(1, 300), st.sampled_from((1, 7, 64, 512)), st.booleans())
def test_cut_ignores_blocks(lines: list[bytes], size: int, rows_max: int, ended: bool) -> None:  # noqa: FBT001
    """How a file is read never changes a batch, whatever stands in it."""
    text = b"\n".join(lines) + (b"\n" if ended else b"")
    options = TapeOptions("S-0", "S-0.replay", SPOT, "ETHUSDT", rows_max=rows_max, bytes_max=128, line_bytes_max=32)
    assert facts(cut(blocks_of(text, size), options)) == facts(cut([text] if text else [], options))


@settings(max_examples=examples(2000), deadline=None)
@given(st.lists(LINE, max_size=40))
def test_rows_equal_lines(lines: list[bytes]) -> None:
    """Row by row a tape is what a plain reader of its lines gives, in order, with running indexes."""
    text = b"".join(line + b"\n" for line in lines)
    expected: list[tuple[int, int, bytes, str]] = []
    last = 0
    for line in lines:
        read = read_line(line)
        last = read.ts_receive if read.ts_receive >= 0 else last
        if not read.control:
            expected.append((len(expected), last, line[read.start :], read.symbol or "ETHUSDT"))
    assert rows(cut(blocks_of(text, 64))) == expected


@settings(max_examples=examples(500), deadline=None)
@given(st.lists(LINE, max_size=40), st.sampled_from((1, 7, 512)))
def test_compiled_loops_are_equal(lines: list[bytes], rows_max: int) -> None:
    """Rows that a kernel reads and puts together are those of plain code, oversized ones too."""
    text = b"".join(line + b"\n" for line in lines) + b"\n"
    options = TapeOptions("S-0", "S-0.replay", SPOT, "ETHUSDT", rows_max=rows_max, bytes_max=128, line_bytes_max=32)
    cutter = Cutter(options, ignore, loops=tape_loops())
    assert facts([*cutter.feed(text), *cutter.finish()]) == facts(cut([text], options))


@settings(max_examples=examples(500), deadline=None)
@given(st.lists(LINE, min_size=2, max_size=40), st.sampled_from((1, 7, 64)))
def test_batch_offsets(lines: list[bytes], rows_max: int) -> None:
    """Reading on from any batch's end gives the batches that an undisturbed reader gives."""
    text = b"".join(line + b"\n" for line in lines)
    options = TapeOptions("S-0", "S-0.replay", SPOT, "ETHUSDT", rows_max=rows_max)
    whole = cut([text], options)
    for number, batch in enumerate(whole[:-1], 1):
        position = Position(batch.tape_offset, batch.first_row + batch.row_count, batch.ts_cut_ns)
        assert facts(cut([text[batch.tape_offset :]], options, position)) == facts(whole[number:])


def test_cut_by_receive_time() -> None:
    """A batch spans less than `cut_ms` from its first row on."""
    lines = [b"%d %s\n" % (1723161254_000000000 + ms * 1_000_000, TRADE) for ms in (0, 999, 1000, 1500, 2000)]
    assert [batch.row_count for batch in cut([b"".join(lines)])] == [2, 2, 1]


def test_cut_by_rows_and_bytes() -> None:
    """A batch holds at most `rows_max` rows and `bytes_max` bytes, a longer row travels alone."""
    line = b"1723161254000000000 %s\n" % (b"x" * 60_000)
    long = b"1723161254000000000 %s\n" % (b"x" * 200_000)
    assert [batch.row_count for batch in cut([line * 3 + long + line])] == [2, 1, 1, 1]
    small = b"1723161254000000000 {}\n"
    assert [batch.row_count for batch in cut([small * 1030])] == [512, 512, 6]


def test_symbol_change_cuts() -> None:
    """A REST row takes the symbol of its URL, and a batch has one symbol."""
    rest = b'https://a/depth?symbol=%s&limit=5 -> 1633998512.320639: {"lastUpdateId":1}\n'
    text = b"1633998512.0: {}\n" + rest % b"NKNUSDT" + rest % b"BLZETH" + b"1633998512.4: {}\n"
    assert [(batch.symbol, batch.row_count) for batch in cut([text])] == [
        ("ETHUSDT", 1),
        ("NKNUSDT", 1),
        ("BLZETH", 1),
        ("ETHUSDT", 1),
    ]


def test_seconds_are_exact() -> None:
    """Seconds become nanoseconds from their text; a float would round them."""
    assert read_line(b"1633998512.123456789: {}").ts_receive == 1633998512123456789
    assert read_line(b"1633998512: {}").ts_receive == 1633998512000000000
    assert read_line(b"1633998512.1234567891: {}").ts_receive == 1633998512123456789


def test_oversized_row() -> None:
    """A row over `line_bytes_max` travels as its length, digest and first KiB; its bytes are kept first."""
    row = b"{" + b"y" * 300_000 + b"}"
    kept: dict[str, bytes] = {}
    cutter = Cutter(OPTIONS, kept.__setitem__)
    small = b"1723161254000000000 {}\n"
    batches = [*cutter.feed(small + b"1723161254000000000 " + row + b"\n" + small), *cutter.finish()]
    [batch] = batches
    [entry] = batch.oversized
    assert (entry.index, entry.length, entry.sha256) == (1, len(row), hashlib.sha256(row).digest())
    assert kept == {entry.spool_ref: row}
    assert [found[2] for found in rows(batches)] == [b"{}", row[:1024], b"{}"]


def test_control_lines_are_counted() -> None:
    """A control line is no row but is counted."""
    cutter = Cutter(OPTIONS, ignore)
    text = b"wss://a/b <-> 1633998511.1\n1633998512.5: {}\nwss://a/b <- 1633998513.1: {}\n"
    batches = [*cutter.feed(text), *cutter.finish()]
    assert (len(rows(batches)), cutter.control_lines) == (1, 2)


def test_unknown_dialect_names_the_option() -> None:
    """A tape of no known dialect is refused in a sentence that says what to do."""
    with pytest.raises(Malformed, match="--dialect"):
        sniff([b'1633998512.5: {"kind":"unheard of"}'])


def test_event_derives_from_the_batch() -> None:
    """A batch's event is named, traced and dated by facts alone."""
    [batch] = cut([b"1723161254000000002 {}\n1723161254000000001 {}\n"])
    event = raw_event(batch, 7, feed="replay")
    assert event.source == "/tickloom/feeds/replay/BINANCE-0.replay"
    assert event.time_ns == 1723161254000000002
    assert event.dataschema == "urn:tickloom:dialect:binance.spot"
    assert event.extensions == {
        "sequence": "00000000000000000007",
        "partitionkey": "BINANCE-0",
        "correlationid": event.id,
        "traceparent": trace_of(event.id),
    }


CAPTURES = (
    ("binance_spot_ws_ethusdt/ethusdt_20240808.gz", SPOT, "ETHUSDT", "trade", 33_618, 0),
    ("binance_spot_ws_ethusdt/ethusdt_20240809.gz", SPOT, "ETHUSDT", "trade", 46_126, 0),
    ("binance_usdm_ws_ethusdt/ethusdt_20240808.gz", USDM, "ETHUSDT", "trade", 74_655, 0),
    ("binance_multi_ws_rest_20211011/BINANCE.ws.1.0", SPOT, "NKNUSDT", "aggTrade", 265, 2),
    ("binance_multi_ws_rest_20211011/BINANCE.http.0.0", SPOT, "NKNUSDT", "aggTrade", 4, 1),
    ("coinbase_ws_20210417_a/COINBASE.ws.28.0.part_a.gz", "coinbase.exchange", "", "match", 4_428, 4),
    ("coinbase_ws_20210417_a/COINBASE.0", "coinbase.exchange", "", "match", 1, 1),
    ("kraken_ws_20210417/KRAKEN.ws.48.0", "kraken.v1", "", "trade", 49, 4),
    ("kraken_ws_20210417/KRAKEN.ws.49.0", "kraken.v1", "", "trade", 60, 4),
    ("kraken_ws_20210417/KRAKEN.ws.50.0.gz", "kraken.v1", "", "trade", 4_321, 4),
    ("kraken_ws_20210417/KRAKEN.0", "kraken.v1", "", "trade", 1, 1),
)


@pytest.mark.parametrize(("name", "dialect", "symbol", "channel", "messages", "controls"), CAPTURES)
def test_captures(  # noqa: PLR0913, PLR0917 - one row of the table above
    captures: pathlib.Path, name: str, dialect: str, symbol: str, channel: str, messages: int, controls: int
) -> None:
    """Every line of a real capture is a row, byte for byte, or a control line."""
    raw = (captures / name).read_bytes()
    text = gzip.decompress(raw) if name.endswith(".gz") else raw
    lines = text.splitlines()
    told = sniff(lines)
    assert (told.dialect, told.symbol, told.bar_channel) == (dialect, symbol, channel)
    cutter = Cutter(TapeOptions("BINANCE-0", "BINANCE-0.replay", dialect, symbol), ignore)
    batches = [*(batch for block in blocks_of(text, 1 << 20) for batch in cutter.feed(block)), *cutter.finish()]
    reads = [(read_line(line), line) for line in lines]
    expected = [(read.ts_receive, line[read.start :]) for read, line in reads if not read.control]
    assert [found[1:3] for found in rows(batches)] == expected
    assert (len(expected), cutter.control_lines) == (messages, controls)
    assert cutter.offset == len(text)
