"""Read a broker's topic once for all its Triggers: the newest events lie in memory, older ones in Kafka.

Every Trigger goes at its own pace and keeps its own group's offsets; it is shown each event as it comes, takes what it
has not done from the tail, and reads again from Kafka what has left the tail. So one slow subscriber holds nobody up,
and a dozen Triggers cost one fetch. What comes while the last fetch is worked on comes together: a fetch costs the
broker half a millisecond, whatever it brings.
"""

import asyncio
import itertools
from collections import deque
from collections.abc import Awaitable, Callable, Sequence
from typing import Final, Protocol, TypeAlias

from aiokafka.errors import KafkaError  # type: ignore[import-untyped]  # the package says nothing of its types

from functions.adapters.kafka_events import read_event
from functions.adapters.kafka_groups import TopicReader
from functions.runtime import logs
from functions.runtime.groups import GATHERED_BYTES
from functions.wire.envelope import Event

_log: Final = logs.logger("kafka_topic")

TAIL_BYTES_MAX: Final = 64 * 1024 * 1024
POLL_S: Final = 0.5
AGAIN_S: Final = 0.2
NS_PER_MS: Final = 1_000_000

Read: TypeAlias = tuple[int, Event | None]
"""An offset and its event; None for a record that is no event."""

Observe: TypeAlias = Callable[[Event, int], None]
"""Told every event and when the broker stored it, UTC nanoseconds."""


class Hearer(Protocol):
    """Somebody who is shown what comes."""

    def show(self, partition: int, offset: int, event: Event | None) -> None:
        """Be shown the next record of a partition."""
        ...


class _Tail:
    """The newest records of one partition, without holes."""

    def __init__(self, first: int) -> None:
        self._events: deque[Event | None] = deque()
        self.first = first
        self.bytes = 0

    @property
    def end(self) -> int:
        return self.first + len(self._events)

    def add(self, offset: int, event: Event | None) -> None:
        if offset != self.end:  # the broker let go of what was between
            self._events.clear()
            self.first, self.bytes = offset, 0
        self._events.append(event)
        self.bytes += _weight(event)

    def read(self, offset: int, limit: int) -> list[Read]:
        start = offset - self.first
        some = itertools.islice(self._events, start, start + limit)
        return list(enumerate(some, offset))

    def trim(self, bytes_max: int) -> None:
        while self.bytes > bytes_max:
            self.bytes -= _weight(self._events.popleft())
            self.first += 1


def _weight(event: Event | None) -> int:
    return len(event.data or b"") if event is not None else 0


class Topic:
    """The topic of one broker.

    Args:
        reader: Reads it; keeps no offsets.
        observe: Told every event once.
        gather_s: Least time between two fetches, seconds.
    """

    def __init__(self, reader: TopicReader, observe: Observe, *, gather_s: float = 0.0) -> None:
        """Read nothing yet."""
        self.name = reader.topic
        self.partitions = reader.partitions
        self.unreadable = 0
        self._reader = reader
        self._observe = observe
        self._gather_s = gather_s
        self._hearers: list[Hearer] = []
        self._tails: list[_Tail] = []
        self._written = [0] * reader.partitions
        self.used: list[int] = []  # partitions that have shown a record here, so that empty ones cost nothing

    def attach(self, hearer: Hearer) -> None:
        """Show somebody everything from the start of `run` on."""
        self._hearers.append(hearer)

    def head(self, partition: int) -> int:
        """Give the offset behind the last record that was seen."""
        return self._tails[partition].end

    def end(self, partition: int) -> int:
        """Give the offset behind the last record that was seen, or written by this process."""
        return max(self._tails[partition].end, self._written[partition])

    def written(self, partition: int, offset: int) -> None:
        """Take note of a record that the broker has stored."""
        self._written[partition] = max(self._written[partition], offset + 1)
        self._use(partition)

    def read(self, partition: int, offset: int, limit: int) -> list[Read] | None:
        """Give records from an offset on; None where they have left the tail."""
        tail = self._tails[partition]
        return None if offset < tail.first else tail.read(offset, limit)

    async def open(self, offsets: Sequence[int]) -> None:
        """Begin at these offsets."""
        self._tails = [_Tail(offset) for offset in offsets]
        await self._reader.start()
        self._reader.seek(offsets)

    async def close(self) -> None:
        """Let go."""
        await self._reader.close()

    async def run(self) -> None:
        """Read for ever; cancel to stop. While the broker is away, wait for it."""
        while True:
            try:
                found = await self._reader.poll(POLL_S)
            except KafkaError as error:
                _log.warning("topic_unread", topic=self.name, error=repr(error))
                await asyncio.sleep(AGAIN_S)
                continue
            for partition, records in found.items():
                for record in records:
                    self._take(partition, record.offset, read_event(record), record.timestamp * NS_PER_MS)
                await asyncio.sleep(0)
            self._trim()
            if sum(len(one.value or b"") for records in found.values() for one in records) < GATHERED_BYTES:
                await asyncio.sleep(self._gather_s)

    def _take(self, partition: int, offset: int, event: Event | None, stored_ns: int) -> None:
        if event is None:
            self.unreadable += 1
            _log.warning("record_skipped", topic=self.name, partition=partition, offset=offset)
        else:
            self._observe(event, stored_ns)
        self._tails[partition].add(offset, event)
        self._use(partition)
        for hearer in self._hearers:
            hearer.show(partition, offset, event)

    def _use(self, partition: int) -> None:
        if partition not in self.used:
            self.used.append(partition)

    def _trim(self) -> None:
        if sum(tail.bytes for tail in self._tails) > TAIL_BYTES_MAX:
            for tail in self._tails:
                tail.trim(tail.bytes // 2)

    async def ends(self) -> list[int]:
        """Ask the broker for the offset of the next record, by partition; never less than what is known here."""
        told = await until_answered(self._reader.ends)
        return [max(end, self.end(number)) for number, end in enumerate(told)]


async def until_answered(ask: Callable[[], Awaitable[list[int]]]) -> list[int]:
    """Ask a broker until it answers: it may be starting again."""
    while True:
        try:
            return await ask()
        except KafkaError:
            await asyncio.sleep(AGAIN_S)
