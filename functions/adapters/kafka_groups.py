"""Keep the offsets of a consumer group, and read a topic: from its tail for everybody, or again from an offset.

A group here has offsets and no members: its one reader takes all partitions, and says how far it is done. Tools see its
lag as they see any other's.
"""

import asyncio
import contextlib
from collections.abc import Mapping, Sequence
from typing import Final

from aiokafka import AIOKafkaConsumer, ConsumerRecord, TopicPartition  # type: ignore[import-untyped]  # no types
from aiokafka.admin import AIOKafkaAdminClient  # type: ignore[import-untyped]  # as above

FETCH_WAIT_MS: Final = 500
"""How long the broker holds an answer while nothing comes; Apache Kafka answers the moment something does."""

FETCH_WAIT_MS_POLLED: Final = 20
"""The same for a broker that does not notice what comes while it waits (Tansu)."""

PARTITION_BYTES_MAX: Final = 4 * 1024 * 1024
FETCH_BYTES_MAX: Final = 8 * 1024 * 1024
AGAIN_MS: Final = 500

HELD_S: Final = 1.0
"""How long the broker is left alone while something that came is not taken yet: see `functions.runtime.groups`."""


class TopicReader:
    """Read every partition of a topic from given offsets on.

    Args:
        servers: Addresses of brokers.
        topic: The topic, which is there.
        partitions: Number of its partitions.
        group: Group whose offsets are kept; empty keeps none.
        fetch_wait_ms: How long the broker may hold an answer.
    """

    def __init__(
        self, servers: str, topic: str, partitions: int, *, group: str = "", fetch_wait_ms: int = FETCH_WAIT_MS
    ) -> None:
        """Connect to nothing yet."""
        self.topic = topic
        self.partitions = partitions
        self._places = [TopicPartition(topic, number) for number in range(partitions)]
        self._consumer = AIOKafkaConsumer(
            bootstrap_servers=servers,
            group_id=group or None,
            enable_auto_commit=False,
            auto_offset_reset="earliest",
            max_partition_fetch_bytes=PARTITION_BYTES_MAX,
            fetch_max_bytes=FETCH_BYTES_MAX,
            fetch_max_wait_ms=fetch_wait_ms,
            check_crcs=False,  # what a loopback or TLS connection garbles is seen below us
        )

    async def start(self, *, paused: bool = False) -> None:
        """Connect; a paused reader reads only what `fetch` asks for."""
        await self._consumer.start()
        self._consumer.assign(self._places)
        if paused:
            self._consumer.pause(*self._places)
        else:
            self._consumer._fetcher._prefetch_backoff = HELD_S  # noqa: SLF001 - no setting says it

    async def close(self) -> None:
        """Let go; a fetch that was not answered in time ends the client's own stop with a cancellation."""
        with contextlib.suppress(asyncio.CancelledError):
            await self._consumer.stop()

    def seek(self, offsets: Sequence[int]) -> None:
        """Read on from these offsets, one a partition."""
        for place, offset in zip(self._places, offsets, strict=True):
            self._consumer.seek(place, offset)

    async def poll(self, wait_s: float) -> Mapping[int, Sequence[ConsumerRecord]]:
        """Give what has come, by partition; wait so long for anything."""
        found = await self._consumer.getmany(timeout_ms=int(wait_s * 1000))
        return {place.partition: records for place, records in found.items()}

    async def fetch(self, partition: int, offset: int, wait_s: float) -> Sequence[ConsumerRecord]:
        """Read some records of one partition again, from an offset on; the reader must be paused."""
        place = self._places[partition]
        self._consumer.seek(place, offset)
        self._consumer.resume(place)
        try:
            found = await self._consumer.getmany(place, timeout_ms=int(wait_s * 1000))
        finally:
            self._consumer.pause(place)
        records: Sequence[ConsumerRecord] = found.get(place, ())
        return [one for one in records if one.offset >= offset]

    async def committed(self) -> list[int]:
        """Give the group's offset in each partition: where it goes on; the oldest kept where it has none."""
        oldest = await self.beginnings()
        return [await self._consumer.committed(place) or oldest[place.partition] for place in self._places]

    async def commit(self, offsets: Mapping[int, int]) -> None:
        """Say how far the group is done, by partition.

        Raises:
            aiokafka.errors.KafkaError: The broker does not take it now.
        """
        await self._consumer.commit({self._places[number]: offset for number, offset in offsets.items()})

    async def beginnings(self) -> list[int]:
        """Give the oldest offset that is kept, by partition."""
        found = await self._consumer.beginning_offsets(self._places)
        return [found[place] for place in self._places]

    async def ends(self) -> list[int]:
        """Give the offset of the next record, by partition."""
        found = await self._consumer.end_offsets(self._places)
        return [found[place] for place in self._places]


class GroupOffsets:
    """See how far groups of other processes are."""

    def __init__(self, servers: str) -> None:
        """Connect to nothing yet."""
        self._admin = AIOKafkaAdminClient(bootstrap_servers=servers)

    async def start(self) -> None:
        """Connect."""
        await self._admin.start()

    async def close(self) -> None:
        """Let go."""
        await self._admin.close()

    async def committed(self, group: str, topic: str, partitions: int) -> list[int]:
        """Give a group's offset in each partition of a topic; 0 where it has none.

        Raises:
            aiokafka.errors.KafkaError: The broker does not answer now.
        """
        places = [TopicPartition(topic, number) for number in range(partitions)]  # Tansu cannot tell of all
        found = await self._admin.list_consumer_group_offsets(group, partitions=places)
        at = {place.partition: one.offset for place, one in found.items()}
        return [max(at.get(number, 0), 0) for number in range(partitions)]
