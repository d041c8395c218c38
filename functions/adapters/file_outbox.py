"""Publish a feed's batches, each written ahead to one small file, sent, then noted (design R7).

Before a batch is sent, the file is replaced by where the feed stands behind it (a line of JSON), a byte that says "not
stored yet", and the batch as it travels; once the broker has it, that byte says "stored". A feed that was killed in
between sends the batch again under its own number when it starts, unless it is told that the log has it, and only then
asks its venue for more. So no number ever stands for two contents, and no row is lost behind a cursor. The file
survives the end of the process, not a loss of power.
"""

import asyncio
import pathlib
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from types import MappingProxyType
from typing import Final, Self

import msgspec

from functions.adapters.tapes import Spool
from functions.domain.market import RawBatch
from functions.ports.outbox import Standing
from functions.ports.sink import Sink
from functions.wire.batching import Label, Mark, Timed, batch_of
from functions.wire.codecs.market import decode_raw_batch
from functions.wire.envelope import Event
from functions.wire.raw import raw_event

CURSORS_MAX: Final = 10_000
_NOT_STORED: Final = b"?"
_STORED: Final = b"."
_NONE: Final[Mapping[str, str]] = MappingProxyType({})


class BadStateError(Exception):
    """A state file that cannot be used: it is of another stream, or nobody wrote it so."""


@dataclass(frozen=True, slots=True)
class OutboxOptions:
    """Say where an outbox keeps its notes, and what it writes with.

    Args:
        feed: Name of the feed.
        state: File that is written ahead; empty remembers nothing beyond this process.
        spool: Folder that keeps rows too long to travel.
        standing: Where to begin when there is no file, and the least of its numbers when there is.
        clock: Gives UTC nanoseconds.
    """

    feed: str
    state: str
    spool: str
    standing: Standing = field(default_factory=Standing)
    clock: Callable[[], int] = time.time_ns


class _Head(msgspec.Struct):
    stream: str
    sequence: int
    row: int
    cursors: dict[str, str]


_read_head: Final = msgspec.json.Decoder(_Head).decode


class FileOutbox:
    """Publish with a memory.

    Args:
        label: Whose rows these are.
        sink: Takes the events.
        options: Where it keeps its notes, and what it writes with.
    """

    def __init__(self, label: Label, sink: Sink, options: OutboxOptions) -> None:
        """Read and publish nothing yet."""
        self._path = pathlib.Path(options.state) if options.state else None
        self._label = label
        self._sink = sink
        self._feed = options.feed
        self._keep = Spool(pathlib.Path(options.spool)).keep
        self._clock = options.clock
        self._standing = options.standing
        self._left: tuple[Event, Standing] | None = None
        self._head_bytes = 0
        self._turn = asyncio.Lock()

    @property
    def standing(self) -> Standing:
        """Say how far the feed has come."""
        return self._standing

    async def __aenter__(self) -> Self:
        """Go on where the file says, and send again what may not have been stored.

        Raises:
            BadStateError: The file is of another stream or cannot be read.
            Malformed: What it holds behind its first line is no batch.
        """
        if self._path is None or not self._path.exists():
            return self
        head, _, rest = self._path.read_bytes().partition(b"\n")
        self._head_bytes = len(head) + 1
        kept, told = _standing(head, self._path, self._label.stream), self._standing
        after = Standing(max(kept.sequence, told.sequence), max(kept.row, told.row), {**told.cursors, **kept.cursors})
        if rest.startswith(_NOT_STORED) and kept.sequence > told.sequence:
            self._left = self._event(decode_raw_batch(rest[1:]), after), after
            await self._finish()
        self._standing = after
        return self

    async def __aexit__(self, *_: object) -> None:
        """Hold nothing open."""

    async def publish(self, rows: Sequence[Timed], *, symbol: str = "", cursors: Mapping[str, str] = _NONE) -> None:
        """Publish rows, and go on to new cursors once they are stored; without rows only the cursors move.

        Raises:
            Malformed: The broker refuses the event for good.
        """
        async with self._turn:
            await self._finish()
            if not rows:
                self._standing = self._with(cursors)
                self._write(self._standing, b"")
                return
            label = replace(self._label, symbol=symbol) if symbol else self._label
            mark = Mark(self._standing.row, self._clock())
            await self._ahead(batch_of(label, rows, mark, keep=self._keep), cursors)

    async def send(self, batch: RawBatch, *, cursors: Mapping[str, str] = _NONE) -> None:
        """Publish a batch that is cut already, and go on to new cursors once it is stored.

        Raises:
            Malformed: The broker refuses the event for good.
        """
        async with self._turn:
            await self._finish()
            await self._ahead(batch, cursors)

    async def heartbeat(self) -> None:
        """Publish the feed's clock: a batch without rows."""
        await self._empty(heartbeat=True)

    async def end(self) -> None:
        """Publish the end of the tape."""
        await self._empty(end_of_tape=True)

    async def _empty(self, *, heartbeat: bool = False, end_of_tape: bool = False) -> None:
        async with self._turn:
            await self._finish()
            mark = Mark(self._standing.row, self._clock(), heartbeat, end_of_tape)
            await self._ahead(batch_of(self._label, (), mark, keep=self._keep), _NONE)

    async def _ahead(self, batch: RawBatch, cursors: Mapping[str, str]) -> None:
        assert batch.first_row == self._standing.row  # noqa: S101 - rows of a stream are contiguous
        now = self._with(cursors)
        after = replace(now, sequence=now.sequence + 1, row=now.row + batch.row_count)
        event = self._event(batch, after)
        self._write(after, event.data or b"")
        self._left = event, after
        await self._finish()

    def _event(self, batch: RawBatch, after: Standing) -> Event:
        return raw_event(batch, after.sequence - 1, feed=self._feed)

    async def _finish(self) -> None:
        """Send what is written ahead, also what an earlier call was cancelled over, and stand behind it."""
        if self._left is not None:
            event, after = self._left
            await self._sink.publish(event)
            self._standing, self._left = after, None
            if self._path is not None:
                with self._path.open("r+b") as file:
                    file.seek(self._head_bytes)
                    file.write(_STORED)

    def _with(self, cursors: Mapping[str, str]) -> Standing:
        merged = {**self._standing.cursors, **cursors}
        if len(merged) > CURSORS_MAX:
            msg = f"{len(merged)} cursors; a feed keeps at most {CURSORS_MAX}"
            raise BadStateError(msg)
        return replace(self._standing, cursors=merged)

    def _write(self, after: Standing, batch: bytes) -> None:
        """Replace the file whole; a half-written one never has its final name."""
        if self._path is None:
            return
        head = msgspec.json.encode(_Head(self._label.stream, after.sequence, after.row, dict(after.cursors))) + b"\n"
        self._head_bytes = len(head)
        flag = _NOT_STORED if batch else _STORED
        self._path.parent.mkdir(parents=True, exist_ok=True)
        partial = self._path.with_name(f"{self._path.name}.new")
        partial.write_bytes(head + flag + batch)
        partial.replace(self._path)


def _standing(data: bytes, path: pathlib.Path, stream: str) -> Standing:
    try:
        found = _read_head(data)
    except msgspec.MsgspecError as error:
        msg = f"state file {path} cannot be read ({error}); move it away to begin anew"
        raise BadStateError(msg) from error
    if found.stream != stream:
        msg = f"state file {path} is of stream {found.stream!r}, not of {stream!r}; give each stream a file of its own"
        raise BadStateError(msg)
    return Standing(found.sequence, found.row, found.cursors)
