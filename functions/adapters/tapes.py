"""Read capture files, plain or gzip, in blocks; keep rows that are too long to travel in a spool folder."""

import gzip
import os
import pathlib
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from typing import BinaryIO, Final, cast

from functions.domain.market import RawBatch
from functions.wire.tape import SNIFF_LINES, Cutter, Position, Sniffed, TapeOptions, read_line, sniff

BLOCK_BYTES: Final = 1024 * 1024
SNIFF_BYTES_MAX: Final = 64 * 1024 * 1024
_GZIP_MAGIC: Final = b"\x1f\x8b"


def open_tape(path: pathlib.Path) -> BinaryIO:
    """Open a capture as the bytes that were recorded; offsets are those of the uncompressed text."""
    with path.open("rb") as file:
        zipped = file.read(len(_GZIP_MAGIC)) == _GZIP_MAGIC
    return cast("BinaryIO", gzip.open(path, "rb")) if zipped else path.open("rb")


def read_blocks(path: pathlib.Path, offset: int = 0, *, block_bytes: int = BLOCK_BYTES) -> Iterator[bytes]:
    """Read a capture from an offset on; blocks end anywhere."""
    with open_tape(path) as file:
        file.seek(offset)
        while block := file.read(block_bytes):
            yield block


def sniff_tape(path: pathlib.Path, *, dialect: str = "") -> Sniffed:
    """Tell what a capture is from its head, wherever reading will start.

    Raises:
        Malformed: The dialect is not given and cannot be told.
    """
    with open_tape(path) as file:
        return sniff(file.readlines(SNIFF_BYTES_MAX)[:SNIFF_LINES], dialect=dialect)


def time_before(path: pathlib.Path, offset: int) -> int:
    """Find the receive time in force just before an offset; 0 at the head of a tape.

    A line without a readable time takes that of the line before, so a resumed reader has to know it.
    """
    window = BLOCK_BYTES
    with open_tape(path) as file:
        while offset > 0:
            start = max(0, offset - window)
            file.seek(start)
            lines = file.read(offset - start).splitlines()
            times = (read_line(line).ts_receive for line in reversed(lines[1 if start else 0 :]))
            known = next((ts for ts in times if ts >= 0), -1)
            if known >= 0 or start == 0:
                return max(known, 0)
            window *= 4
    return 0


@dataclass(frozen=True, slots=True)
class Spool:
    """Keep rows under their digest in a folder."""

    folder: pathlib.Path

    def keep(self, name: str, row: bytes) -> None:
        """Write a row once; a half-written file never has its final name."""
        path = self.folder / name
        if path.exists():
            return
        self.folder.mkdir(parents=True, exist_ok=True)
        partial = path.with_suffix(f".{os.getpid()}")
        partial.write_bytes(row)
        partial.replace(path)


@dataclass(slots=True)
class Tape:
    """Read one capture as raw batches.

    Args:
        path: The capture.
        options: Whose rows these are and how they are cut.
        spool: Keeps rows that are too long to travel.
        block_bytes: How much is read at once; it never changes a batch.
    """

    path: pathlib.Path
    options: TapeOptions
    spool: Spool
    block_bytes: int = BLOCK_BYTES
    control_lines: int = field(default=0, init=False)
    length: int = field(default=0, init=False)

    def batches(self, *, start_offset: int = 0, start_row: int = 0) -> Iterator[RawBatch]:
        """Read from the end of a batch (its `tape_offset`, and the row behind it) to the end of the capture."""
        ts = time_before(self.path, start_offset)
        cutter = Cutter(self.options, self.spool.keep, Position(start_offset, start_row, ts))
        self.length = start_offset
        for block in read_blocks(self.path, start_offset, block_bytes=self.block_bytes):
            self.length += len(block)
            yield from cutter.feed(block)
        yield from cutter.finish()
        self.control_lines = cutter.control_lines


def batches(
    path: pathlib.Path,
    *,
    options: TapeOptions,
    spool: pathlib.Path,
    start_offset: int = 0,
    start_row: int = 0,
) -> Iterator[RawBatch]:
    """Read one capture as raw batches; what the options leave empty is told from the capture's head.

    Raises:
        Malformed: The dialect is not given and cannot be told.
    """
    told = sniff_tape(path, dialect=options.dialect)
    known = replace(
        options,
        dialect=told.dialect,
        symbol=options.symbol or told.symbol,
        bar_channel=told.bar_channel,
    )
    return Tape(path, known, Spool(spool)).batches(start_offset=start_offset, start_row=start_row)
