"""Read capture files, plain or gzip, in blocks; keep rows that are too long to travel in a spool folder."""

import contextlib
import gzip
import itertools
import os
import pathlib
import zlib
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from io import BufferedIOBase
from typing import Final

from functions.domain.market import RawBatch
from functions.wire.errors import Malformed
from functions.wire.tape import (
    PLAIN,
    SNIFF_LINES,
    Cutter,
    Loops,
    Position,
    Sniffed,
    TapeOptions,
    end_of_tape,
    read_line,
    shard_of,
    sniff,
)

BLOCK_BYTES: Final = 1024 * 1024
SNIFF_BYTES_MAX: Final = 64 * 1024 * 1024
_GZIP_MAGIC: Final = b"\x1f\x8b"
_DONTCACHE: Final = 0x80  # RWF_DONTCACHE of Linux 6.14, which Python does not name; see preadv2(2)


def open_tape(path: pathlib.Path) -> BufferedIOBase:
    """Open a capture as the bytes that were recorded; offsets are those of the uncompressed text."""
    with path.open("rb") as file:
        zipped = file.read(len(_GZIP_MAGIC)) == _GZIP_MAGIC
    return gzip.open(path, "rb") if zipped else path.open("rb")


def read_blocks(path: pathlib.Path, offset: int = 0, *, block_bytes: int = BLOCK_BYTES) -> Iterator[memoryview]:
    """Read a capture from an offset on, in whole lines where they are short; each block lies where the last one lay.

    Raises:
        Malformed: It is compressed and damaged, or ends too soon; what came before was given.
    """
    room = bytearray(2 * block_bytes)  # memory taken anew for every block costs more than reading it
    block = memoryview(room)
    rest, at = 0, offset
    with reading(path) as file:
        file.seek(offset)
        while length := _read(file, block[rest : rest + block_bytes - at % block_bytes], at):
            at += length
            end = rest + length
            last = room.rfind(b"\n", 0, end) + 1 or end
            yield block[:last].toreadonly()
            rest = end - last
            block[:rest] = block[last:end]
    if rest:
        yield block[:rest].toreadonly()


def _read(file: BufferedIOBase, room: memoryview, at: int) -> int:
    """Read on from an offset; of a plain file the kernel keeps no more than it held before, so it takes few pages."""
    if isinstance(file, gzip.GzipFile):
        return file.readinto(room)
    try:
        return os.preadv(file.fileno(), (room,), at, _DONTCACHE)
    except OSError:  # an older kernel does not know how, and other systems do not either
        return os.preadv(file.fileno(), (room,), at)


@contextlib.contextmanager
def reading(path: pathlib.Path) -> Iterator[BufferedIOBase]:
    """Read a capture as `open_tape` opens it.

    Raises:
        Malformed: It is compressed and damaged, or ends too soon, as that of a killed recorder does.
    """
    try:
        with open_tape(path) as file:
            yield file
    except (EOFError, gzip.BadGzipFile, zlib.error) as error:
        message = (
            f"{path} is compressed and damaged, or was cut off: {error}; get it whole again, or go on with what is "
            f"left of it: zcat {path} > {path.with_suffix('.left')}"
        )
        raise Malformed(message) from error


def sniff_tape(path: pathlib.Path, *, dialect: str = "") -> Sniffed:
    """Tell what a capture is from its head, wherever reading will start.

    Raises:
        Malformed: The dialect is not given and cannot be told, or the capture is compressed and damaged.
    """
    with reading(path) as file:
        return sniff(_head(file), dialect=dialect)


def _head(file: BufferedIOBase) -> Iterator[bytes]:
    left = SNIFF_BYTES_MAX
    for line in itertools.islice(file, SNIFF_LINES):
        left -= len(line)
        if left < 0:
            return
        yield line


def time_before(path: pathlib.Path, offset: int) -> int:
    """Find the receive time in force just before an offset; 0 at the head of a tape.

    A line without a readable time takes that of the line before, so a resumed reader has to know it.
    """
    window = BLOCK_BYTES
    with reading(path) as file:
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


@dataclass(frozen=True, slots=True)
class Reel:
    """Read captures, one after the other, as one tape; rows and offsets run on across files.

    Args:
        paths: The captures.
        options: How they are cut; what is empty in it is told from each capture's head.
        spool: Keeps rows that are too long to travel.
        block_bytes: How much is read at once; it never changes a batch.
        loops: Do what is done to every line.
    """

    paths: tuple[pathlib.Path, ...]
    options: TapeOptions
    spool: Spool
    block_bytes: int = BLOCK_BYTES
    loops: Loops = PLAIN

    def batches(self, *, start_offset: int = 0, start_row: int = 0) -> Iterator[RawBatch]:
        """Read from a batch's end (its `tape_offset`, and the row behind it) to the tape's end, which is a batch too.

        Raises:
            Malformed: A dialect is not given and cannot be told.
        """
        base, row, last = 0, start_row, None
        told = TapeOptions("", "", "")
        for path in self.paths:
            told = self.told(path)
            within = max(0, start_offset - base)
            if start_offset and (length := tape_length(path)) <= within:
                base += length
                continue
            position = Position(within, row, time_before(path, within), base)
            cutter = Cutter(told, self.spool.keep, position, loops=self.loops)
            for batch in _cut(cutter, read_blocks(path, within, block_bytes=self.block_bytes)):
                yield batch
                last = batch
                row = batch.first_row + batch.row_count
            base = cutter.offset
        end = self.paths[-1]
        ts = last.ts_cut_ns if last else time_before(end, tape_length(end))
        yield end_of_tape(told, row=row, offset=base, ts_cut_ns=ts)

    def told(self, path: pathlib.Path) -> TapeOptions:
        """Fill what the options leave empty from a capture's head."""
        options = self.options
        head = sniff_tape(path, dialect=options.dialect)
        shard = options.shard or shard_of(head.dialect)
        return replace(
            options,
            shard=shard,
            stream=options.stream or f"{shard}.replay",
            dialect=head.dialect,
            symbol=options.symbol or head.symbol,
            bar_channel=head.bar_channel,
        )


def _cut(cutter: Cutter, blocks: Iterable[memoryview]) -> Iterator[RawBatch]:
    for block in blocks:
        yield from cutter.feed(block)
    yield from cutter.finish()


def tape_length(path: pathlib.Path) -> int:
    """Measure a capture's text in bytes."""
    with open_tape(path) as file:
        return file.seek(0, os.SEEK_END) if not isinstance(file, gzip.GzipFile) else sum(map(len, read_blocks(path)))


def batches(
    path: pathlib.Path,
    *,
    options: TapeOptions,
    spool: pathlib.Path,
    start_offset: int = 0,
    start_row: int = 0,
) -> Iterator[RawBatch]:
    """Read one capture as a whole tape; what the options leave empty is told from its head.

    Raises:
        Malformed: The dialect is not given and cannot be told.
    """
    return Reel((path,), options, Spool(spool)).batches(start_offset=start_offset, start_row=start_row)
