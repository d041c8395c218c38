"""Publish a feed's batches, and keep how far it has come in a small file: written ahead, sent, then noted (design R7).

Before a batch is sent, its bytes are written to `<path>.pending`; once the broker has it, `<path>` moves on. A feed
that dies in between sends the pending bytes again under the same number when it starts, and only then asks its venue
for more. So no number ever stands for two contents, and no row is lost behind a cursor. Files are replaced whole; they
survive the end of the process, not a loss of power.
"""

import asyncio
import json
import pathlib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from types import MappingProxyType
from typing import Any, Final, Self

from functions.domain.market import RawBatch
from functions.ports.outbox import Standing
from functions.ports.sink import Sink
from functions.wire.batching import Label, Mark, Timed, batch_of
from functions.wire.codecs.market import decode_raw_batch, encode_raw_batch
from functions.wire.raw import raw_event
from functions.wire.tape import Keep

CURSORS_MAX: Final = 10_000
_NONE: Final[Mapping[str, str]] = MappingProxyType({})


class BadStateError(Exception):
    """A state file that cannot be used: it is of another stream, or nobody wrote it so."""


@dataclass(frozen=True, slots=True)
class OutboxOptions:
    """Say where an outbox keeps its notes, and what it writes with.

    Args:
        feed: Name of the feed.
        path: File of the standing; None remembers nothing beyond this process.
        keep: Keeps rows that are too long to travel.
        clock: Gives UTC nanoseconds.
        standing: Where to begin when there is no file, and the least of its numbers when there is.
    """

    feed: str
    path: pathlib.Path | None
    keep: Keep
    clock: Callable[[], int]
    standing: Standing = field(default_factory=Standing)


class FileOutbox:
    """Publish with a memory.

    Args:
        label: Whose rows these are.
        sink: Takes the events.
        options: Where it keeps its notes, and what it writes with.
    """

    def __init__(self, label: Label, sink: Sink, options: OutboxOptions) -> None:
        """Read and publish nothing yet."""
        self._path = options.path
        self._label = label
        self._sink = sink
        self._feed = options.feed
        self._keep = options.keep
        self._clock = options.clock
        self._standing = options.standing
        self._turn = asyncio.Lock()

    @property
    def standing(self) -> Standing:
        """Say how far the feed has come."""
        return self._standing

    async def __aenter__(self) -> Self:
        """Go on where the file says, and send again what may not have been stored.

        Raises:
            BadStateError: The file is of another stream or cannot be read.
        """
        if self._path is None:
            return self
        if self._path.exists():
            kept = _standing(self._path.read_bytes(), self._path, self._label.stream)
            self._standing = _greater(kept, self._standing)
        pending = self._path.with_name(f"{self._path.name}.pending")
        if pending.exists():
            head, _, data = pending.read_bytes().partition(b"\n")
            after = _standing(head, pending, self._label.stream)
            if after.sequence > self._standing.sequence:
                await self._send(decode_raw_batch(data), after)
        return self

    async def __aexit__(self, *_: object) -> None:
        """Hold nothing open."""

    async def publish(self, rows: Sequence[Timed], *, symbol: str = "", cursors: Mapping[str, str] = _NONE) -> None:
        """Publish rows, and go on to new cursors once they are stored; without rows only the cursors move.

        Raises:
            Malformed: The broker refuses the event for good.
        """
        async with self._turn:
            now = self._standing
            merged = {**now.cursors, **cursors}
            if len(merged) > CURSORS_MAX:
                msg = f"{len(merged)} cursors; a feed keeps at most {CURSORS_MAX}"
                raise BadStateError(msg)
            if not rows:
                self._note(replace(now, cursors=merged))
                return
            label = replace(self._label, symbol=symbol) if symbol else self._label
            batch = batch_of(label, rows, Mark(now.row, self._clock()), keep=self._keep)
            await self._ahead(batch, Standing(now.sequence + 1, now.row + len(rows), merged))

    async def heartbeat(self) -> None:
        """Publish the feed's clock: a batch without rows."""
        await self._empty(heartbeat=True)

    async def end(self) -> None:
        """Publish the end of the tape."""
        await self._empty(end_of_tape=True)

    async def _empty(self, *, heartbeat: bool = False, end_of_tape: bool = False) -> None:
        async with self._turn:
            now = self._standing
            mark = Mark(now.row, self._clock(), heartbeat, end_of_tape)
            batch = batch_of(self._label, (), mark, keep=self._keep)
            await self._ahead(batch, replace(now, sequence=now.sequence + 1))

    async def _ahead(self, batch: RawBatch, after: Standing) -> None:
        if self._path is not None:
            head = json.dumps(_content(after, self._label.stream)).encode()
            _write(self._path.with_name(f"{self._path.name}.pending"), head + b"\n" + encode_raw_batch(batch))
        await self._send(batch, after)

    async def _send(self, batch: RawBatch, after: Standing) -> None:
        await self._sink.publish(raw_event(batch, after.sequence - 1, feed=self._feed))
        self._note(after)

    def _note(self, after: Standing) -> None:
        self._standing = after
        if self._path is not None:
            _write(self._path, json.dumps(_content(after, self._label.stream)).encode())


def _greater(kept: Standing, told: Standing) -> Standing:
    """Take the cursors that were kept, and of each number the greater: a stream never goes back."""
    return Standing(max(kept.sequence, told.sequence), max(kept.row, told.row), {**told.cursors, **kept.cursors})


def _content(standing: Standing, stream: str) -> dict[str, object]:
    return {
        "stream": stream,
        "sequence": standing.sequence,
        "row": standing.row,
        "cursors": dict(standing.cursors),
    }


def _standing(data: bytes, path: pathlib.Path, stream: str) -> Standing:
    try:
        content = json.loads(data)
        found = _standing_of(content)
        of = content["stream"]
    except (ValueError, KeyError, TypeError) as error:
        msg = f"state file {path} cannot be read ({type(error).__name__}); move it away to begin anew"
        raise BadStateError(msg) from error
    if of != stream:
        msg = f"state file {path} is of stream {of!r}, not of {stream!r}; give each stream a file of its own"
        raise BadStateError(msg)
    return found


def _standing_of(content: dict[str, Any]) -> Standing:
    cursors = {str(name): str(value) for name, value in content["cursors"].items()}
    return Standing(int(content["sequence"]), int(content["row"]), cursors)


def _write(path: pathlib.Path, data: bytes) -> None:
    """Replace a file whole; a half-written one never has its final name."""
    path.parent.mkdir(parents=True, exist_ok=True)
    partial = path.with_name(f"{path.name}.new")
    partial.write_bytes(data)
    partial.replace(path)
