"""Keep a feed's journal in a file that is replaced whole, or nowhere."""

import pathlib
from typing import Final

import msgspec

from functions.ports.journal import Entry
from functions.wire.codecs.market import decode_raw_batch, encode_raw_batch
from functions.wire.errors import Malformed


class _Head(msgspec.Struct):
    number: int
    marks: list[tuple[str, str, int]]


_decode: Final = msgspec.json.Decoder(_Head).decode


class FileJournal:
    """Keep the newest entry in one file: a line of JSON, then the batch as it travels.

    It outlives its process, not the machine: nothing is forced to disk.

    Args:
        path: The file; its folder is made.
    """

    def __init__(self, path: pathlib.Path) -> None:
        """Open nothing yet."""
        self._path = path
        self._next = path.with_name(f"{path.name}.next")

    def write(self, entry: Entry) -> None:
        """Replace the entry; at no moment is there a half-written one."""
        marks = [(symbol, channel, number) for (symbol, channel), number in entry.marks.items()]
        text = msgspec.json.encode(_Head(entry.number, marks)) + b"\n" + encode_raw_batch(entry.batch)
        self._path.parent.mkdir(parents=True, exist_ok=True)
        self._next.write_bytes(text)
        self._next.replace(self._path)

    def read(self) -> Entry | None:
        """Give the newest entry; None when there is none.

        Raises:
            Malformed: The file is no journal.
        """
        if not self._path.exists():
            return None
        head, _, data = self._path.read_bytes().partition(b"\n")
        try:
            told = _decode(head)
        except msgspec.MsgspecError as error:
            message = f"{self._path} is no feed's journal: {error}"
            raise Malformed(message) from error
        marks = {(symbol, channel): number for symbol, channel, number in told.marks}
        return Entry(told.number, decode_raw_batch(data), marks)


class NoJournal:
    """Keep nothing: a feed whose numbers are told by others, as by the local platform's log."""

    def write(self, entry: Entry) -> None:
        """Forget it."""

    def read(self) -> Entry | None:
        """Give nothing."""
        return None
