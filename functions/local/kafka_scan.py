"""Read a whole topic as logs are read, for what is made of a run at its end: rows, hashes, counts."""

import asyncio
import queue
import threading
from collections.abc import Iterator
from typing import TYPE_CHECKING, Final

from functions.adapters.kafka_events import read_event
from functions.adapters.kafka_groups import TopicReader
from functions.local.kafka_topic import NS_PER_MS
from functions.wire.envelope import Event

if TYPE_CHECKING:
    from aiokafka import ConsumerRecord  # type: ignore[import-untyped]  # the package says nothing of its types

RECORDS_WAITING_MAX: Final = 4096
POLL_S: Final = 5.0
QUIET_S: Final = 1.0
BACK_EVENTS: Final = 64
"""Records looked at first when the last of a source is searched backwards; then ever more."""


class TopicScan:
    """A topic up to where it ends now, partition after partition in each what was first comes first.

    Args:
        servers: Addresses of brokers.
        topic: The topic.
        partitions: Number of its partitions.
        exact: The broker tells ends right; without, records are read until none has come for a while.
    """

    def __init__(self, servers: str, topic: str, partitions: int, *, exact: bool = True) -> None:
        """Connect to nothing yet."""
        self._exact = exact
        self._servers = servers
        self._topic = topic
        self._partitions = partitions

    @property
    def head(self) -> int:
        """Count the records that are kept."""
        return sum(1 for _ in self.scan())

    def scan(self, start: int = 0) -> Iterator[tuple[int, int, Event]]:
        """Read (offset, recorded_ns, event), as `EventLog.scan`; offsets count in their own partitions."""
        for record in self.records(start):
            event = read_event(record)
            if event is not None:
                yield record.offset, record.timestamp * NS_PER_MS, event

    def records(self, start: int = 0) -> "Iterator[ConsumerRecord]":
        """Read the records themselves.

        It waits for the broker in a thread of its own, so it may be called where a loop runs.
        """
        found: queue.Queue[ConsumerRecord | BaseException | None] = queue.Queue(RECORDS_WAITING_MAX)
        reader = threading.Thread(target=self._read, args=(start, found), daemon=True)
        reader.start()
        while (record := found.get()) is not None:
            if isinstance(record, BaseException):
                raise record
            yield record
        reader.join()

    def _read(self, start: int, found: "queue.Queue[ConsumerRecord | BaseException | None]") -> None:
        try:
            asyncio.run(self._copy(start, found))
            found.put(None)
        except Exception as error:  # noqa: BLE001 - it is raised where it is waited for
            found.put(error)

    async def _copy(self, start: int, found: "queue.Queue[ConsumerRecord | BaseException | None]") -> None:
        reader = TopicReader(self._servers, self._topic, self._partitions)
        await reader.start()
        try:
            at = [max(first, start) for first in await reader.beginnings()]
            ends = await reader.ends()
            reader.seek(at)
            while True:
                missing = any(one < end for one, end in zip(at, ends, strict=True))
                if self._exact and not missing:
                    break
                some = await reader.poll(POLL_S if missing else QUIET_S)
                if not (some or missing):
                    break
                for partition, records in some.items():
                    at[partition] = records[-1].offset + 1
                    for record in records:
                        if not self._exact or record.offset < ends[partition]:
                            await asyncio.to_thread(found.put, record) if found.full() else found.put_nowait(record)
        finally:
            await reader.close()


async def last_from(servers: str, topic: str, partitions: int, source: str) -> Event | None:
    """Find the newest event whose source begins like this; of several partitions, the one stored last."""
    reader = TopicReader(servers, topic, partitions)
    await reader.start(paused=True)
    try:
        firsts, ends = await reader.beginnings(), await reader.ends()
        newest: tuple[int, Event] | None = None
        for partition in range(partitions):
            found = await _last_in(reader, partition, firsts[partition], ends[partition], source)
            if found is not None and (newest is None or found[0] > newest[0]):
                newest = found
    finally:
        await reader.close()
    return newest[1] if newest else None


async def _last_in(reader: TopicReader, partition: int, first: int, end: int, source: str) -> tuple[int, Event] | None:
    back = BACK_EVENTS
    upper = end
    while upper > first:
        lower = max(first, end - back)
        last = None
        at = lower
        while at < upper:
            records = await reader.fetch(partition, at, POLL_S)
            for record in records:
                event = read_event(record) if record.offset < upper else None
                if event is not None and event.source.startswith(source):
                    last = record.timestamp, event
            at = records[-1].offset + 1 if records else at
        if last is not None:
            return last
        upper, back = lower, back * 4
    return None
