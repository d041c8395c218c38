"""Check that CSV files and JSON documents become capture lines: verbatim rows, and a time when each could be known."""

import io
import pathlib
import zipfile

import pytest

from functions.adapters import csv_tapes
from functions.adapters.csv_tapes import capture_lines, is_csv_tape, symbol_of, write_capture
from functions.adapters.tapes import batches
from functions.wire.errors import Malformed
from functions.wire.tape import TapeOptions

HEADER = b"timestamp,bid,ask"
TICK = b"2013-01-01 22:00:00.295000+00:00,86.655,86.728"
AT = 1_357_077_600_295_000_000


def zipped(folder: pathlib.Path, **members: bytes) -> pathlib.Path:
    """Write a ZIP; a name's double underscores are its dots."""
    path = folder / "file.zip"
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, text in members.items():
            archive.writestr(name.replace("__", "."), text)
    return path


def test_rows_are_verbatim_with_their_times(tmp_path: pathlib.Path) -> None:
    """Rows lose their line ends and nothing else; a header is received with the first tick, blank lines are none."""
    path = tmp_path / "usdjpy.csv"
    path.write_bytes(b"\r\n".join((HEADER, TICK, b"", b"odd , row", TICK.replace(b".295", b".296"))))
    assert list(capture_lines(path, dialect="truefx.csv", symbol="USDJPY")) == [
        b"wss://tape/?symbol=USDJPY <-\n",
        b"%d %b\n" % (AT, HEADER),
        b"%d %b\n" % (AT, TICK),
        b"%d odd , row\n" % AT,
        b"%d %b\n" % (AT + 1_000_000, TICK.replace(b".295", b".296")),
    ]


def test_a_zip_tells_its_instrument(tmp_path: pathlib.Path) -> None:
    """The only member is read, and its name gives ticker, day and length of bars; a candle is known at its end."""
    path = zipped(tmp_path, **{"20131007_ibm_minute_trade__csv": b"34200000,1815200,1818000,1815200,1818000,1283\n"})
    assert symbol_of(path) == "IBM@2013-10-07@60"
    [head, line] = capture_lines(path, dialect="lean.equity")
    assert head == b"wss://tape/?symbol=IBM@2013-10-07@60 <-\n"
    assert line == b"%d 34200000,1815200,1818000,1815200,1818000,1283\n" % (1_381_152_600_000_000_000 + 60_000_000_000)


@pytest.mark.parametrize(
    ("name", "symbol"),
    [
        ("20131007_ibm_Trade_Tick.csv", "IBM@2013-10-07"),
        ("20140501_eurusd_tick_quote.csv", "EURUSD@2014-05-01"),
        ("20140501_eurusd_second_quote.csv", "EURUSD@2014-05-01@1"),
        ("20240102_brk.b_hour_trade.csv", "BRK.B@2024-01-02@3600"),
        ("truefx_usdjpy-ticks.csv", ""),
    ],
)
def test_symbols_from_names(name: str, symbol: str) -> None:
    """LEAN's file names tell what its rows leave out; other names tell nothing."""
    assert symbol_of(pathlib.Path(name)) == symbol


def test_a_document_is_one_row(tmp_path: pathlib.Path) -> None:
    """A JSON document becomes one line, received at its latest time; one without times is received at 0."""
    path = tmp_path / "page.json"
    path.write_text('{\r\n "results": [\n  {"bid_price": 2, "ask_price": 3, "sip_timestamp": 50}]\n}\n')
    [_, line] = capture_lines(path, dialect="polygon.stocks", symbol="AAPL")
    assert line == b'50 {   "results": [   {"bid_price": 2, "ask_price": 3, "sip_timestamp": 50}] }\n'
    path.write_text('{"results": []}')
    assert list(capture_lines(path, dialect="polygon.stocks")) == [b'0 {"results": []}\n']


def test_writing_counts_lines(tmp_path: pathlib.Path) -> None:
    """Writing gives the same lines and their number."""
    path = tmp_path / "usdjpy.csv"
    path.write_bytes(b"%b\n%b\n" % (HEADER, TICK))
    target = io.BytesIO()
    assert write_capture(path, target, dialect="truefx.csv", symbol="USDJPY") == 3
    assert target.getvalue() == b"".join(capture_lines(path, dialect="truefx.csv", symbol="USDJPY"))


def test_a_head_without_times_is_bounded(tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """No more than so many lines wait for the first time; after that they were received at 0."""
    monkeypatch.setattr(csv_tapes, "HEAD_LINES_MAX", 2)
    path = tmp_path / "usdjpy.csv"
    path.write_bytes(b"\n".join((b"a", b"b", b"c", TICK, b"d")))
    _, *lines = capture_lines(path, dialect="truefx.csv", symbol="USDJPY")
    times = [int(line.split()[0]) for line in lines]
    assert times == [0, 0, 0, AT, AT]


def test_what_cannot_be_read(tmp_path: pathlib.Path) -> None:
    """A ZIP that is none or has two members, and a document beyond all bounds, are refused."""
    path = tmp_path / "broken.zip"
    path.write_bytes(b"no zip")
    with pytest.raises(Malformed, match="no readable ZIP"):
        list(capture_lines(path, dialect="lean.equity"))
    with pytest.raises(Malformed, match="2 members"):
        list(capture_lines(zipped(tmp_path, a=b"1", b=b"2"), dialect="lean.equity"))
    with pytest.raises(Malformed, match="cannot be a tape's symbol"):
        list(capture_lines(tmp_path / "x.csv", dialect="truefx.csv", symbol="USD JPY"))
    with pytest.raises(Malformed, match="no decoder"):
        list(capture_lines(tmp_path / "x.csv", dialect="none.csv"))


@pytest.mark.parametrize(("name", "answer"), [("a.zip", True), ("a.CSV", True), ("a.json", True), ("a.gz", False)])
def test_which_files_are_such_tapes(name: str, *, answer: bool) -> None:
    """A file is one of these by its name."""
    assert is_csv_tape(pathlib.Path(name)) is answer


def test_a_capture_tells_its_symbol(tmp_path: pathlib.Path) -> None:
    """What is written is a tape like any other: it tells its symbol, its head is no row, and its rows come back."""
    path = tmp_path / "usdjpy.csv"
    path.write_bytes(b"%b\n%b\n" % (HEADER, TICK))
    capture = tmp_path / "usdjpy.txt"
    with capture.open("wb") as target:
        write_capture(path, target, dialect="truefx.csv", symbol="USDJPY@1/day")
    [batch, end] = batches(capture, options=TapeOptions("", "", "truefx.csv"), spool=tmp_path / "spool")
    assert (batch.symbol, batch.payload, end.end_of_tape) == ("USDJPY@1/DAY", HEADER + TICK, True)
    assert batch.ts_receive.tolist() == [AT, AT]
