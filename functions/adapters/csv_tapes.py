"""Turn files that are no captures into capture lines: CSV without receive times, plain or zipped, and JSON documents.

A capture line is `<receive time, ns> <row>`. Such files tell no receive time, so each row gets the earliest at which it
could have been known: the latest venue time it tells, and for a candle its end. A row without a time (a header, a row
that will be refused) was received with the row before it; those at the head, with the first that has one. Rows are kept
verbatim; only line ends between a JSON document's tokens become blanks, since a row is one line. Where rows do not name
their instrument, a control line at the head does, `wss://tape/?symbol=IBM@2013-10-07 <-`, so that the capture is whole.
"""

import re
import zipfile
import zlib
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from itertools import chain
from pathlib import Path
from typing import IO, BinaryIO, Final

from functions.wire.errors import Malformed
from functions.wire.tape import CARRY_BYTES_MAX
from functions.wire.venues.digits import BadText
from functions.wire.venues.registry import decoder_of
from functions.wire.venues.rows import CandleRow, IgnoredRow, MarketRow

DOCUMENT_BYTES_MAX: Final = 64 * 1024 * 1024
"""Longest JSON document that is read as one row."""
HEAD_LINES_MAX: Final = 1000
"""Lines without a time that are held until the first that has one."""
_UNTOLD: Final = -1

_LEAN_NAME: Final = re.compile(
    r"(\d{4})(\d{2})(\d{2})_([a-z0-9.]+)_(?:(?:trade|quote)_tick|(tick|second|minute|hour)_(?:trade|quote))\.csv",
    re.ASCII | re.IGNORECASE,
)
_SYMBOL: Final = re.compile(r"[A-Za-z0-9_.@/-]{1,64}")
_SECONDS: Final = {"second": 1, "minute": 60, "hour": 3600}
_DAMAGED: Final = (
    zipfile.BadZipFile,
    zlib.error,
    NotImplementedError,  # how zipfile refuses a packing that it does not know
    RuntimeError,  # and a member behind a password
)


def is_csv_tape(path: Path) -> bool:
    """Say whether a file is one of these by its name: `.csv`, `.zip` or `.json`."""
    return path.suffix.lower() in {".csv", ".zip", ".json"}


def symbol_of(path: Path) -> str:
    """Read the batch's symbol from the name that LEAN gives a file, or its only member; empty when it is another's.

    Raises:
        Malformed: The file is a ZIP that cannot be read.
    """
    name = _member(path) if path.suffix.lower() == ".zip" else path.name
    found = _LEAN_NAME.fullmatch(name)
    if not found:
        return ""
    year, month, day, ticker, span = found.groups()
    seconds = f"@{_SECONDS[span.lower()]}" if span and span.lower() in _SECONDS else ""
    return f"{ticker.upper()}@{year}-{month}-{day}{seconds}"


def capture_lines(path: Path, *, dialect: str, symbol: str = "") -> Iterator[bytes]:
    """Give a file's capture lines, in the file's order: its symbol, then the rows; memory does not grow with the file.

    Args:
        path: A `.csv`, a `.zip` with one member, or a `.json`, which is one row.
        dialect: Which decoder reads the rows; it tells their times.
        symbol: Symbol of the batch, for dialects whose rows name none; empty takes it from the file's name.

    Raises:
        Malformed: The file cannot be read, or no decoder reads the dialect.
    """
    symbol = symbol or symbol_of(path)
    head = [b"wss://tape/?symbol=%b <-\n" % symbol.encode()] if symbol else []
    if symbol and not _SYMBOL.fullmatch(symbol):
        message = f"{symbol[:64]!r} cannot be a tape's symbol; letters, digits and any of _.@/- can"
        raise Malformed(message)
    return chain(head, _timed(_rows(path), dialect, symbol))


def write_capture(path: Path, target: BinaryIO, *, dialect: str, symbol: str = "") -> int:
    """Write a file as a capture; see `capture_lines`.

    Returns:
        Number of lines, the head's included.
    """
    count = 0
    for line in capture_lines(path, dialect=dialect, symbol=symbol):
        target.write(line)
        count += 1
    return count


def _timed(rows: Iterable[bytes], dialect: str, symbol: str) -> Iterator[bytes]:
    read_row = decoder_of(dialect).venue.read_row
    held: list[bytes] = []
    last = _UNTOLD
    for row in rows:
        try:
            read = read_row(row, symbol)
        except BadText:
            read = IgnoredRow("")
        told = _known_at(read if isinstance(read, tuple) else (read,))
        if last == told == _UNTOLD and len(held) < HEAD_LINES_MAX:
            held.append(row)
            continue
        last = max(told, 0) if told != _UNTOLD or last == _UNTOLD else last
        yield from (_line(last, one) for one in (*held, row))
        held.clear()
    yield from (_line(0, one) for one in held)


def _known_at(read: Iterable[MarketRow | IgnoredRow]) -> int:
    """Give the time at which all of it could be known, UTC nanoseconds."""
    return max((_row_known_at(row) for row in read), default=_UNTOLD)


def _row_known_at(row: MarketRow | IgnoredRow) -> int:
    if isinstance(row, IgnoredRow) or row.ts_ns is None:
        return _UNTOLD
    return row.ts_ns + row.interval_ns if isinstance(row, CandleRow) else row.ts_ns


def _line(ts_receive: int, row: bytes) -> bytes:
    return b"%d %b\n" % (ts_receive, row)


def _rows(path: Path) -> Iterator[bytes]:
    if path.suffix.lower() == ".json":
        yield _document(path)
        return
    with _opened(path) as file:
        while line := file.readline(CARRY_BYTES_MAX + 1):
            if len(line) > CARRY_BYTES_MAX:
                message = f"{path}: a line is longer than {CARRY_BYTES_MAX} bytes; this is no CSV"
                raise Malformed(message)
            row = line.rstrip(b"\r\n")
            if row:
                yield row


def _document(path: Path) -> bytes:
    with path.open("rb") as file:
        text = file.read(DOCUMENT_BYTES_MAX + 1)
    if len(text) > DOCUMENT_BYTES_MAX:
        message = f"{path}: longer than {DOCUMENT_BYTES_MAX} bytes; ask for smaller pages"
        raise Malformed(message)
    # JSON allows no line end inside of a string, so every one stands between tokens.
    return text.strip().replace(b"\r", b" ").replace(b"\n", b" ")


@contextmanager
def _opened(path: Path) -> Iterator[IO[bytes]]:
    if path.suffix.lower() != ".zip":
        with path.open("rb") as file:
            yield file
        return
    name = _member(path)
    try:
        with zipfile.ZipFile(path) as archive, archive.open(name) as member:
            yield member
    except _DAMAGED as error:
        message = f"{path}: no readable ZIP ({error})"
        raise Malformed(message) from error


def _member(path: Path) -> str:
    try:
        with zipfile.ZipFile(path) as archive:
            names = [one.filename for one in archive.infolist() if not one.is_dir()]
    except zipfile.BadZipFile as error:
        message = f"{path}: no readable ZIP ({error})"
        raise Malformed(message) from error
    if len(names) != 1:
        message = f"{path}: {len(names)} members; a tape is one"
        raise Malformed(message)
    return names[0]
