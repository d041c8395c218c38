"""Ask for documents round by round, and publish what is new; a round that finds nothing is the feed's clock."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass

from functions.domain.market import RawBatch
from functions.feeds.calendar import CARD
from functions.ports.documents import Documents
from functions.ports.sink import Sink
from functions.wire.news.cutting import Cutter
from functions.wire.raw import raw_event


@dataclass(frozen=True, slots=True)
class Rounds:
    """Say how often to ask.

    Args:
        count: Rounds until the tape ends; 0 goes on for ever.
        poll_s: Time between two rounds, seconds.
        pause: Waits for seconds.
    """

    count: int
    poll_s: float
    pause: Callable[[float], Awaitable[None]]


@dataclass(slots=True)
class Out:
    """Number batches and publish them."""

    sink: Sink
    number: int

    async def publish(self, batch: RawBatch) -> None:
        """Publish a batch under the next number."""
        number, self.number = self.number, self.number + 1
        await self.sink.publish(raw_event(batch, number, feed=CARD.name))


async def gather(documents: Documents, cutter: Cutter, out: Out, rounds: Rounds) -> None:
    """Run until the rounds are done, which ends the tape, or this is cancelled."""
    done = 0
    while True:
        found = await documents.poll()
        for batch in cutter.batches((one.row, one.ts_receive) for one in found):
            await out.publish(batch)
        if not found:
            await out.publish(cutter.heartbeat())
        done += 1
        if done == rounds.count:
            break
        await rounds.pause(rounds.poll_s)
    await out.publish(cutter.end())
