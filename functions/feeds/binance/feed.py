"""Take what the venue says, cut it by rows, bytes and wall time, and publish it with a clock beside it."""

import asyncio
from dataclasses import dataclass

from functions.domain.market import RawBatch
from functions.feeds.binance import CARD
from functions.feeds.binance.batcher import Batcher
from functions.feeds.binance.mailbox import Mailbox
from functions.feeds.binance.sync import UNSEEN, Watch, glance, needs_resync
from functions.ports.sink import Sink
from functions.ports.venue import Put, Received, Venue
from functions.wire.raw import raw_event


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
    """Number batches and publish them."""

    sink: Sink
    number: int

    async def publish(self, batch: RawBatch | None) -> None:
        """Publish a batch if there is one."""
        if batch is not None:
            number, self.number = self.number, self.number + 1
            await self.sink.publish(raw_event(batch, number, feed=CARD.name))


async def listen(venue: Venue, batcher: Batcher, out: Out, *, rhythm: Rhythm, mailbox: Mailbox) -> None:
    """Run until the tape ends or this is cancelled; what has come in by then is published either way."""
    reader = asyncio.create_task(venue.run(_into(mailbox, venue)), name=f"{CARD.name}-reader")
    try:
        await _pump(reader, batcher, out, rhythm=rhythm, mailbox=mailbox)
    finally:
        reader.cancel()
        await asyncio.gather(reader, return_exceptions=True)
        await _drain(batcher, out, mailbox)
    await out.publish(batcher.end())


def _into(mailbox: Mailbox, venue: Venue) -> Put:
    """Make what the venue puts messages into: the mailbox, with an eye on every book."""
    watches: dict[str, Watch] = {}

    async def put(received: Received) -> None:
        seen = glance(received.row, received.symbol)
        if seen.symbol:
            watches[seen.symbol], broken = needs_resync(watches.get(seen.symbol, UNSEEN), seen)
            if broken:
                venue.resync(seen.symbol)
        await mailbox.put(received, quote_of=seen.symbol if seen.quote and not seen.crossed else "")

    return put


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
            await out.publish(batcher.add(received))
            if now() >= min(flush, beat):
                break
        if now() >= min(flush, beat):
            await out.publish(batcher.flush())
            flush = float("inf")
        if now() >= beat:
            await out.publish(batcher.heartbeat())
            beat = max(beat + rhythm.heartbeat_s, now())


async def _drain(batcher: Batcher, out: Out, mailbox: Mailbox) -> None:
    while (received := mailbox.take()) is not None:
        await out.publish(batcher.add(received))
    await out.publish(batcher.flush())
