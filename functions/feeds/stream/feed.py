"""Take what the venue says, cut it by rows, bytes and wall time, and publish it with a clock beside it."""

import asyncio
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Self

from functions.domain.market import RawBatch
from functions.feeds.stream import CARD
from functions.feeds.stream.mailbox import Mailbox
from functions.ports.outbox import Outbox
from functions.ports.venue import Mark, Received, Venue
from functions.wire.batcher import Batcher


@dataclass(frozen=True, slots=True)
class Rhythm:
    """Say when to cut.

    Args:
        flush_s: Longest a row waits for others, seconds.
        heartbeat_s: Time between two of the feed's clock, seconds.
        duration_s: When the tape ends, seconds; 0 is never.
    """

    flush_s: float = 0.01
    heartbeat_s: float = 1.0
    duration_s: float = 0.0


@dataclass(slots=True)
class Out:
    """Publish each batch with the last trade of every symbol and channel up to it.

    Args:
        outbox: Takes the batches; its cursors, `<symbol>@<channel>`, are those trades' ids.
        marks: Last trades by symbol and channel, of the run before at first.
    """

    outbox: Outbox
    marks: dict[tuple[str, str], int] = field(default_factory=dict)

    @classmethod
    def of(cls, outbox: Outbox) -> Self:
        """Go on from where an outbox stands."""
        found = ((name.rpartition("@"), value) for name, value in outbox.standing.cursors.items())
        return cls(outbox, {(symbol, channel): int(value) for (symbol, _, channel), value in found})

    async def publish(self, batch: RawBatch | None) -> None:
        """Publish a batch if there is one."""
        if batch is not None:
            cursors = {f"{symbol}@{channel}": str(number) for (symbol, channel), number in self.marks.items()}
            await self.outbox.send(batch, cursors=cursors)

    def note(self, marks: Iterable[Mark]) -> None:
        """Take note of the trades of a row that is in the batch under way."""
        for mark in marks:
            key = mark.symbol, mark.channel
            self.marks[key] = max(mark.trade_id, self.marks.get(key, 0))


async def listen(venue: Venue, batcher: Batcher, out: Out, *, rhythm: Rhythm, mailbox: Mailbox) -> None:
    """Run until the tape ends or this is cancelled; what has come in by then is published either way."""

    async def put(received: Received) -> None:
        await mailbox.put(received, quote_of=received.quote_of)

    reader = asyncio.create_task(venue.run(put), name=f"{CARD.name}-reader")
    try:
        await _pump(reader, batcher, out, rhythm=rhythm, mailbox=mailbox)
    finally:
        reader.cancel()
        await asyncio.gather(reader, return_exceptions=True)
        await _drain(batcher, out, mailbox)
    await out.outbox.end()


async def _pump(reader: asyncio.Task[None], batcher: Batcher, out: Out, *, rhythm: Rhythm, mailbox: Mailbox) -> None:
    now = asyncio.get_running_loop().time
    end = now() + rhythm.duration_s if rhythm.duration_s else float("inf")
    beat = now() + rhythm.heartbeat_s
    flush = float("inf")
    while now() < end:
        await mailbox.wait(min(flush, beat, end) - now())
        if reader.done():
            reader.result()
        while (received := mailbox.take()) is not None:
            if not len(batcher):
                flush = now() + rhythm.flush_s
            await _add(received, batcher, out)
            if now() >= min(flush, beat):
                break
        if now() >= min(flush, beat):
            await out.publish(batcher.flush())
            flush = float("inf")
        if now() >= beat:
            await out.outbox.heartbeat()
            beat = max(beat + rhythm.heartbeat_s, now())


async def _add(received: Received, batcher: Batcher, out: Out) -> None:
    await out.publish(batcher.add(received.row, received.ts_receive, symbol=received.symbol))
    out.note(received.marks)  # behind the batch it is not in


async def _drain(batcher: Batcher, out: Out, mailbox: Mailbox) -> None:
    while (received := mailbox.take()) is not None:
        await _add(received, batcher, out)
    await out.publish(batcher.flush())
