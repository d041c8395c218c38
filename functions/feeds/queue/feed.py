"""Read records, reserve what each partition's next batch holds, publish it, and note that it is published."""

import asyncio
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace

from functions.domain.market import RawBatch
from functions.feeds.queue import CARD
from functions.feeds.queue.cutting import Batch, Limits, Partition
from functions.ports.records import Records
from functions.ports.sink import Sink
from functions.ports.venue import Report
from functions.wire.batching import Label, Mark, batch_of
from functions.wire.raw import raw_event
from functions.wire.tape import Keep

_NOT_A_NAME = re.compile(r"[^A-Za-z0-9_-]+")
_NOT_A_DIALECT = re.compile(r"[^A-Za-z0-9_.-]+")


@dataclass(frozen=True, slots=True)
class Rhythm:
    """Say when to do what.

    Args:
        poll_s: How long to wait for records, seconds.
        heartbeat_s: Time between two of a quiet partition's clock, seconds.
        idle_end_s: Silence of all partitions after which their tapes end, seconds; 0 is never.
    """

    poll_s: float
    heartbeat_s: float
    idle_end_s: float = 0.0


@dataclass(frozen=True, slots=True)
class Writer:
    """Make events of batches.

    Args:
        shard: First part of every shard; the partition's number is the second.
        limits: How much a batch holds.
        keep: Keeps rows that are too long to travel.
        clock: Gives UTC nanoseconds, for batches without rows.
    """

    shard: str
    limits: Limits
    keep: Keep
    clock: Callable[[], int]

    def raw(self, partition: int, batch: Batch, *, end_of_tape: bool = False) -> RawBatch:
        """Write a batch; one with records is the same bytes each time.

        What no dialect's name can hold becomes a dash there: such a batch is refused where it is decoded, and not here.
        """
        shard = f"{self.shard}-{partition}"
        label = Label(shard, f"{shard}.{CARD.name}", self.limits.dialect)
        rows = [(one.value, one.ts_ns) for one in batch.records]
        ts_cut = max(ts for _, ts in rows) if rows else self.clock()
        mark = Mark(batch.reservation.offset, ts_cut, heartbeat=not rows and not end_of_tape, end_of_tape=end_of_tape)
        if rows:
            first = batch.records[0]
            label = replace(label, dialect=_NOT_A_DIALECT.sub("-", first.dialect) or label.dialect, symbol=first.symbol)
            mark = replace(mark, first_row=first.offset)
        return batch_of(label, rows, mark, keep=self.keep)


def shard_of(topic: str) -> str:
    """Name the shards of a topic; what a source cannot hold becomes a dash.

    >>> shard_of("venue.ticks")
    'VENUE-TICKS'
    """
    return _NOT_A_NAME.sub("-", topic).upper()


class Reader:
    """Take records from a queue to a sink.

    Args:
        records: The queue.
        sink: Takes the events.
        writer: Makes events of batches.
        report: Is told of partitions that come and go.
    """

    def __init__(self, records: Records, sink: Sink, writer: Writer, report: Report) -> None:
        """Begin with no partition."""
        self._records = records
        self._sink = sink
        self._writer = writer
        self._report = report
        self._partitions: dict[int, Partition] = {}

    async def run(self, rhythm: Rhythm) -> None:
        """Run until all was silent for so long as the rhythm says, which ends every tape, or this is cancelled."""
        now = asyncio.get_running_loop().time
        heard = beat = now()
        while not rhythm.idle_end_s or now() - heard < rhythm.idle_end_s:
            polled = await self._records.poll(rhythm.poll_s)
            async with self._records.turn():
                fresh = await self._assign()
                for partition, found in polled.items():
                    if partition in self._partitions and partition not in fresh:
                        self._partitions[partition].add(found)
                if await self._publish() or fresh:
                    heard = now()
                if now() - beat >= rhythm.heartbeat_s:
                    beat = now()
                    await self._round({n: one.clock() for n, one in self._partitions.items()})
        async with self._records.turn():
            await self._round({n: one.clock() for n, one in self._partitions.items()}, end_of_tape=True)

    async def _assign(self) -> set[int]:
        """Let go of lost partitions and open new ones; records of these that are at hand will be read again."""
        for partition in self._records.lost():
            if self._partitions.pop(partition, None) is not None:
                self._report("partition_lost", partition=partition)
        fresh = set(self._records.partitions) - set(self._partitions)
        for partition in sorted(fresh):
            reservation = await self._records.open(partition)
            self._partitions[partition] = Partition(reservation, self._writer.limits)
            self._report("partition_opened", partition=partition, offset=reservation.offset)
        return fresh

    async def _publish(self) -> bool:
        """Publish all that can be cut, a batch of each partition at a time; say whether there was anything."""
        some = False
        while await self._round({n: one.cut() for n, one in self._partitions.items()}):
            some = True
        return some

    async def _round(self, cuts: Mapping[int, Batch | None], *, end_of_tape: bool = False) -> bool:
        batches = {n: one for n, one in cuts.items() if one is not None}
        if not batches:
            return False
        if not await self._reserve({n: one for n, one in batches.items() if one.records}):
            return False
        for n, one in batches.items():
            raw = self._writer.raw(n, one, end_of_tape=end_of_tape)
            await self._sink.publish(raw_event(raw, one.reservation.sequence, feed=CARD.name))
        notes = {n: self._partitions[n].standing for n in batches}
        if not await self._records.reserve(notes):
            self._let_go()
            return False
        return True

    async def _reserve(self, batches: Mapping[int, Batch]) -> bool:
        if not batches or await self._records.reserve({n: one.reservation for n, one in batches.items()}):
            return True
        self._let_go()
        return False

    def _let_go(self) -> None:
        """Forget every partition: what was cut and not noted is read and made again by whoever opens it next."""
        self._report("reservation_refused", partitions=sorted(self._partitions))
        self._partitions.clear()
