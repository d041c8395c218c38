"""Look up events in the topics of brokers over Kafka, by when they were stored; nothing is kept, no group is joined.

Kafka finds no event by its id, but the first record of a time. When a signal was decided PostgreSQL knows, where
`project` stores it; live it was stored a moment later. A cause was stored before its effect, and is searched backwards
from there, in the partition of its key.
"""

import asyncio
from collections.abc import AsyncIterator, Iterable, Sequence
from contextlib import asynccontextmanager
from typing import Final

from aiokafka import AIOKafkaConsumer, ConsumerRecord, TopicPartition  # type: ignore[import-untyped]  # no types
from aiokafka.admin import AIOKafkaAdminClient  # type: ignore[import-untyped]  # as above
from aiokafka.errors import KafkaError  # type: ignore[import-untyped]  # as above
from aiokafka.partitioner import murmur2  # type: ignore[import-untyped]  # as above

from functions.adapters.kafka_events import read_event
from functions.adapters.postgres import Pool, port_errors
from functions.ports.errors import Unavailable
from functions.ports.history import Placed
from functions.wire.codecs.signals import SIGNAL
from functions.wire.envelope import Event
from functions.wire.facts import partition_of, sequence_of

SEARCHED_MAX: Final = 16_384
"""Most records of a partition that are read for one event; live it lies some dozens before or behind."""
UNKNOWN_SEARCHED_MAX: Final = 1_024
"""The same for a signal that PostgreSQL does not know: it is among the newest, or there is none."""
BATCHES_SEARCHED_MAX: Final = 131_072
"""The same for the batches before one: a desk holds several events for each."""
FIRST_SEARCHED: Final = 32
REORDER_MAX: Final = 1_024
"""How far behind a batch an earlier one of its source may be stored."""
SLACK_MS: Final = 1_000
"""How far the clocks of two brokers may lie apart."""
EVENTS_A_BATCH: Final = 8
"""Events of the desk for each batch that it decides on, about."""
STEP_MAX: Final = 2_048
"""Most records that are read at a time; an answer holds the batches that it asks for beside them."""
READ_S: Final = 10.0
"""A broker that gives nothing for so long cannot be reached."""
POLL_MS: Final = 1_000
PARTITION_BYTES_MAX: Final = 1024 * 1024
FETCH_BYTES_MAX: Final = 8 * 1024 * 1024
NS_PER_MS: Final = 1_000_000

_WHEN: Final = "SELECT as_of_ns FROM signals WHERE signal_id = $1"


class KafkaHistory:
    """Port `EventHistory` over Kafka.

    Args:
        servers: Addresses of Kafka's brokers, `host:port` separated by commas.
        topics: Topics of our brokers, that of signals first; a broker is the last word of its topic's name.
        database_url: PostgreSQL with the signals that `project` stored.
    """

    def __init__(self, servers: str, topics: Sequence[str], database_url: str) -> None:
        """Connect to nothing yet."""
        self._servers = servers
        self._topics = tuple(topics)
        self._pool = Pool(database_url, size=1)
        self._turn = asyncio.Lock()
        self._consumer: AIOKafkaConsumer | None = None

    async def signal(self, id_: str) -> Placed | None:
        """Give the event of a signal by its id; see `EventHistory`."""
        pool = await self._pool.get()
        with port_errors():
            as_of_ns = await pool.fetchval(_WHEN, id_)
        async with self._reader() as reader:
            for place in reader.places(self._topics[0]):
                found = await _signal(reader, place, id_, as_of_ns)
                if found is not None:
                    return found
        return None

    async def causes(self, effect: Placed, most: int) -> Sequence[Placed]:
        """Follow an event's causes back; see `EventHistory`."""
        found: list[Placed] = []
        async with self._reader() as reader:
            while len(found) < most:
                of = found[-1] if found else effect
                id_ = str(of.event.extensions.get("causationid", ""))
                cause = await _cause(reader, id_, of, self._topics) if id_ else None
                if cause is None:
                    break
                found.append(cause)
        return found

    async def before(self, last: Placed, since: int) -> Sequence[Event]:
        """Give the events of the same type and source before another; see `EventHistory`."""
        topics = [topic for topic in self._topics if _broker(topic) == last.broker]
        async with self._reader() as reader:
            return await _before(reader, TopicPartition(topics[0], last.partition), last, since)

    async def close(self) -> None:
        """Let go of both connections."""
        consumer, self._consumer = self._consumer, None
        if consumer is not None:
            await consumer.stop()
        await self._pool.close()

    @asynccontextmanager
    async def _reader(self) -> AsyncIterator["_Reader"]:
        """Have the connection for oneself.

        Raises:
            Unavailable: Kafka cannot be reached, or a topic is not there.
        """
        async with self._turn:
            try:
                self._consumer = self._consumer or await self._connect()
                yield _Reader(self._consumer)
            except (KafkaError, TimeoutError, OSError) as error:
                message = f"Kafka at {self._servers} does not answer: {error!r}"
                raise Unavailable(message) from error

    async def _connect(self) -> AIOKafkaConsumer:
        places = await self._find_places()
        consumer = AIOKafkaConsumer(
            bootstrap_servers=self._servers,
            enable_auto_commit=False,
            max_partition_fetch_bytes=PARTITION_BYTES_MAX,
            fetch_max_bytes=FETCH_BYTES_MAX,
            check_crcs=False,  # what a loopback or TLS connection garbles is seen below us
        )
        try:
            await consumer.start()
        except BaseException:
            await consumer.stop()
            raise
        consumer.assign(places)
        consumer.pause(*places)
        return consumer

    async def _find_places(self) -> list[TopicPartition]:
        """Name the topics' partitions; all topics are asked for, since a broker may make one that is asked for alone.

        Raises:
            Unavailable: A topic is not there.
        """
        admin = AIOKafkaAdminClient(bootstrap_servers=self._servers)
        await admin.start()
        try:
            found = {one["topic"]: len(one["partitions"]) for one in await admin.describe_topics()}
        finally:
            await admin.close()
        if absent := [topic for topic in self._topics if not found.get(topic)]:
            message = f"Kafka at {self._servers} has no topic {', '.join(absent)}"
            raise Unavailable(message)
        return [TopicPartition(topic, number) for topic in self._topics for number in range(found[topic])]


class _Reader:
    """Read records of any place between two offsets; every partition is paused but the one that is read."""

    def __init__(self, consumer: AIOKafkaConsumer) -> None:
        self._consumer = consumer

    def places(self, topic: str) -> list[TopicPartition]:
        return sorted(place for place in self._consumer.assignment() if place.topic == topic)

    async def ends(self, place: TopicPartition) -> tuple[int, int]:
        """Give the oldest offset that is kept, and that of the next record."""
        firsts, ends = await self._consumer.beginning_offsets([place]), await self._consumer.end_offsets([place])
        return firsts[place], ends[place]

    async def at(self, place: TopicPartition, ms: int) -> int:
        """Give the first offset that was stored at a time, milliseconds, or later; that of the next record if none."""
        found = (await self._consumer.offsets_for_times({place: ms}))[place]
        return (await self.ends(place))[1] if found is None else int(found.offset)

    async def between(self, place: TopicPartition, lower: int, upper: int) -> list[Placed]:
        """Read the events between two offsets, oldest first; what is no event is left out."""
        found: list[Placed] = []
        self._consumer.seek(place, lower)
        self._consumer.resume(place)
        try:
            async with asyncio.timeout(READ_S):
                while await self._consumer.position(place) < upper:
                    records = await self._consumer.getmany(place, timeout_ms=POLL_MS)
                    found += _events(records.get(place, ()), upper)
        finally:
            self._consumer.pause(place)
        return found

    async def backwards(
        self, place: TopicPartition, upper: int, most: int, first: int = FIRST_SEARCHED
    ) -> AsyncIterator[Placed]:
        """Read events before an offset, newest first, in ever longer steps."""
        oldest, step = max((await self.ends(place))[0], upper - most), first
        while upper > oldest:
            lower = max(upper - step, oldest)
            for placed in reversed(await self.between(place, lower, upper)):
                yield placed
            upper, step = lower, min(step * 4, STEP_MAX)

    async def forwards(self, place: TopicPartition, lower: int, most: int) -> AsyncIterator[Placed]:
        """Read events from an offset on, oldest first."""
        oldest, end = await self.ends(place)
        lower, step = max(lower, oldest), FIRST_SEARCHED
        end = min(end, lower + most)
        while lower < end:
            upper = min(lower + step, end)
            for placed in await self.between(place, lower, upper):
                yield placed
            lower, step = upper, min(step * 4, STEP_MAX)


async def _signal(reader: _Reader, place: TopicPartition, id_: str, as_of_ns: int | None) -> Placed | None:
    """Search from when it was decided on, and then, for it may have been replayed, from the newest record back."""
    if as_of_ns is not None:
        begin = await reader.at(place, as_of_ns // NS_PER_MS - SLACK_MS)
        async for placed in reader.forwards(place, begin, SEARCHED_MAX):
            if (placed.event.type, placed.event.id) == (SIGNAL, id_):
                return placed
    most = UNKNOWN_SEARCHED_MAX if as_of_ns is None else SEARCHED_MAX
    async for placed in reader.backwards(place, (await reader.ends(place))[1], most):
        if (placed.event.type, placed.event.id) == (SIGNAL, id_):
            return placed
    return None


async def _cause(reader: _Reader, id_: str, effect: Placed, topics: Iterable[str]) -> Placed | None:
    """Search the topics backwards from where an effect lies, all of them in ever longer steps."""
    upper = dict([await _upper(reader, topic, effect) for topic in topics])
    lowest = {place: max((await reader.ends(place))[0], at - SEARCHED_MAX) for place, at in upper.items()}
    step = FIRST_SEARCHED
    while any(upper[place] > lowest[place] for place in upper):
        for place, at in upper.items():
            upper[place] = max(at - step, lowest[place])
            for placed in await reader.between(place, upper[place], at) if at > lowest[place] else ():
                if placed.event.id == id_:
                    return placed
        step = min(step * 4, STEP_MAX)
    return None


async def _upper(reader: _Reader, topic: str, effect: Placed) -> tuple[TopicPartition, int]:
    """Say in which partition the cause of an event would be, and before which offset."""
    places = reader.places(topic)
    place = places[(murmur2(partition_of(effect.event).encode()) & 0x7FFFFFFF) % len(places)]
    if (_broker(topic), place.partition) == (effect.broker, effect.partition):
        return place, effect.offset
    return place, await reader.at(place, effect.recorded_ns // NS_PER_MS + SLACK_MS)


async def _before(reader: _Reader, place: TopicPartition, last: Placed, since: int) -> list[Event]:
    upto, own = sequence_of(last.event), (last.event.type, last.event.source)
    events: dict[int, Event] = {}
    end = 0
    first = max(FIRST_SEARCHED, min((upto - since) * EVENTS_A_BATCH, STEP_MAX))
    async for placed in reader.backwards(place, last.offset, BATCHES_SEARCHED_MAX, first):
        if len(events) == upto - since or placed.offset < end:
            break
        number = sequence_of(placed.event) if (placed.event.type, placed.event.source) == own else -1
        if since <= number < upto:
            events[number] = placed.event
        elif 0 <= number < since:
            end = max(end, placed.offset - REORDER_MAX)
    if len(events) < upto - since:
        async for placed in reader.forwards(place, last.offset + 1, REORDER_MAX):
            number = sequence_of(placed.event) if (placed.event.type, placed.event.source) == own else -1
            if since <= number < upto:
                events[number] = placed.event
    return [events[number] for number in sorted(events)]


def _broker(topic: str) -> str:
    return topic.rpartition("-")[2]


def _events(records: Iterable[ConsumerRecord], upper: int) -> list[Placed]:
    """Read the events of records below an offset."""
    return [
        Placed(event, _broker(one.topic), one.offset, one.timestamp * NS_PER_MS, one.partition)
        for one in records
        if one.offset < upper and (event := read_event(one)) is not None
    ]
