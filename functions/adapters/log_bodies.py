"""Keep the larger bodies of a log's events in a file beside it: the log's name and `-bodies`.

SQLite writes a page into its WAL and once more into its file, and reads it in between; a body of some KiB is written
once, at the end of this file. Its row holds its place instead, one integer: position * `BODY_BYTES_MAX` + length.
Bodies are written before the transaction that names them, so those that a crash left unnamed are written over.

Bodies are read while they are new. Every `SPAN_BYTES` the kernel is asked to begin to write the newest, and to forget
those `SPANS_KEPT` spans behind, which are read from the disk from then on. So a log takes the same few pages of memory
again and again: on a virtual machine whose host takes free memory back, a page that was never used costs some 9 us.

BodiesCutError    a body that the log names is not in the file
"""

import os
import sqlite3
from pathlib import Path
from typing import Final, TypeAlias

BODY_BYTES_MIN: Final = 1024
"""Smaller ones lie in their rows: several share one of SQLite's pages."""
BODY_BYTES_MAX: Final = 1024 * 1024
"""Larger ones lie in their rows too; brokers take none. Of 63 bits, 43 are left for a position: 8 TiB."""
PARTS_MAX: Final = 1024  # IOV_MAX of Linux and macOS
SPAN_BYTES: Final = 8 * 1024 * 1024
SPANS_KEPT: Final = 8

Stored: TypeAlias = bytes | int | None
"""What a row holds of a body: all of it, or its place."""


def _forget(file: int, position: int, length: int) -> None:
    """Have the kernel begin to write what is not on the disk yet, and forget what is; macOS has no such call."""
    if hasattr(os, "posix_fadvise"):
        os.posix_fadvise(file, position, length, os.POSIX_FADV_DONTNEED)


class BodiesCutError(sqlite3.DatabaseError):
    """A body that the log names is not in the file; the message says where it should be."""


def bodies_of(log: Path) -> Path:
    """Name the file of a log's bodies.

    >>> bodies_of(Path("log/market.sqlite")).name
    'market.sqlite-bodies'
    """
    return log.with_name(f"{log.name}-bodies")


class Bodies:
    """The bodies of one log.

    Args:
        log: The log's file.
    """

    def __init__(self, log: Path) -> None:
        """Open nothing: an older log has no such file."""
        self._path = bodies_of(log)
        self._file = -1
        self._pending: list[bytes] = []
        self._written = 0
        self._end = 0

    def begin(self, newest: int) -> None:
        """Open the file to write behind the newest body that the log names, or make it; 0 is the place of none.

        Raises:
            BodiesCutError: The newest body is not there.
        """
        self._file = os.open(self._path, os.O_RDWR | os.O_CREAT, 0o644)
        self.get(newest)
        self._written = self._end = sum(divmod(newest, BODY_BYTES_MAX))

    def put(self, data: bytes | None) -> Stored:
        """Say what a row holds of a body; a larger one is written by the next `flush`."""
        if data is None or not BODY_BYTES_MIN <= len(data) < BODY_BYTES_MAX:
            return data
        self._pending.append(data)
        place = self._end * BODY_BYTES_MAX + len(data)
        self._end += len(data)
        return place

    def flush(self) -> None:
        """Write what was put; what failed half way is written again by the next call.

        Raises:
            OSError: The disk is full, or the file may be no longer.
        """
        while self._pending:
            parts = self._pending[:PARTS_MAX]
            end = self._written + sum(map(len, parts))
            at = self._written + os.pwritev(self._file, parts, self._written)
            while at < end:  # a disk that is nearly full takes a part
                at += os.pwrite(self._file, b"".join(parts)[at - self._written :], at)
            self._pass_on(self._written // SPAN_BYTES, end // SPAN_BYTES)
            self._written = end
            del self._pending[:PARTS_MAX]

    def _pass_on(self, first: int, end: int) -> None:
        """Have the spans [first, end) written, and as many forgotten that are no longer new."""
        for span in range(first, end):
            for at in (span, span - SPANS_KEPT):
                if at >= 0:
                    _forget(self._file, at * SPAN_BYTES, SPAN_BYTES)

    def get(self, stored: Stored) -> bytes | None:
        """Give the body of which a row holds this.

        Raises:
            BodiesCutError: It is not there.
        """
        if not isinstance(stored, int):
            return stored
        if self._file < 0:
            self._file = os.open(self._path, os.O_RDONLY)
        position, length = divmod(stored, BODY_BYTES_MAX)
        data = os.pread(self._file, length, position)
        if len(data) < length:
            msg = (
                f"{self._path} ends at {os.fstat(self._file).st_size}, and its log names {length} bytes at {position}: "
                "the two belong together; copy both again, or restore a backup"
            )
            raise BodiesCutError(msg)
        return data

    def close(self) -> None:
        """Let go."""
        if self._file >= 0:
            os.close(self._file)
            self._file = -1
