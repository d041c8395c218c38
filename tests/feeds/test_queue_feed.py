"""The queue feed names rows by their offsets, and neither loses nor doubles one, whoever dies and whenever."""

import asyncio
import contextlib
import itertools
import pathlib
import random
import uuid
from collections.abc import AsyncIterator, Iterable

import pytest
from aiokafka import AIOKafkaProducer, ConsumerRecord, TopicPartition
from aiokafka.admin import AIOKafkaAdminClient, NewTopic
from counts import FULL
from hypothesis import given, settings
from hypothesis import strategies as st
from waiting import until

from functions.adapters.kafka_records import KafkaRecords, Topic
from functions.adapters.memory_records import MemoryRecords, MemoryTopic
from functions.adapters.memory_sink import MemorySink
from functions.domain.market import RawBatch
from functions.feeds.queue.cutting import Limits, Partition
from functions.feeds.queue.feed import Reader, Rhythm, Writer, shard_of
from functions.feeds.queue.main import Settings, compose
from functions.local.kafka import choose
from functions.ports.records import Record, Reservation
from functions.wire.codecs.market import decode_raw_batch
from functions.wire.envelope import Event
from functions.wire.errors import Malformed

NOW = 1_700_000_000_000_000_000
LIMITS = Limits(rows_max=5, bytes_max=1_000, dialect="binance.spot")
AT_ONCE = Rhythm(poll_s=0.0, heartbeat_s=1e9, idle_end_s=0.01)


def forget(name: str, row: bytes) -> None:
    """Keep nothing: no row here is too long."""
    raise AssertionError(name, len(row))


def writer() -> Writer:
    return Writer("TICKS", LIMITS, forget, lambda: NOW)


def silent(event: str, **_: object) -> None:
    """Report nothing."""
    assert event


async def read(topic: MemoryTopic, sink: MemorySink, rhythm: Rhythm = AT_ONCE) -> None:
    """Read until nothing comes any more; the reader leaves its group however it ends."""
    records = MemoryRecords(topic, records_max=7)
    try:
        await Reader(records, sink, writer(), silent).run(rhythm)
    finally:
        if records in topic.readers:
            topic.leave(records)


def raw(event: Event) -> RawBatch:
    assert event.data is not None
    return decode_raw_batch(event.data)


def rows_of(events: Iterable[Event]) -> dict[str, list[tuple[int, bytes]]]:
    """Give each stream's rows as (index, bytes), each event counted once: by its id, as every stage behind does."""
    found: dict[str, list[tuple[int, bytes]]] = {}
    for event in {event.id: event for event in events}.values():
        batch = raw(event)
        spans = itertools.pairwise(batch.offsets.tolist())
        rows = [(batch.first_row + n, batch.payload[start:end]) for n, (start, end) in enumerate(spans)]
        found.setdefault(batch.stream, []).extend(rows)
    return found


def assert_sound(events: Iterable[Event]) -> None:
    """Every number of a stream is there, in order, and no number ever stood for two contents with rows."""
    kept: dict[tuple[str, str], RawBatch] = {}
    for event in events:
        key = event.source, str(event.extensions["sequence"])
        batch = raw(event)
        if key in kept and (batch.row_count or kept[key].row_count):
            assert (batch.payload, batch.first_row) == (kept[key].payload, kept[key].first_row)
            assert batch.ts_receive.tolist() == kept[key].ts_receive.tolist()
        kept[key] = batch
    for source in {source for source, _ in kept}:
        numbers = sorted(int(number) for of, number in kept if of == source)
        assert numbers == list(range(len(numbers)))


def values(count: int, prefix: str = "r") -> list[bytes]:
    return [f"{prefix}{n}".encode() for n in range(count)]


async def test_a_rows_index_is_its_offset() -> None:
    """Each partition is a shard and stream of its own, and (topic, partition, offset) names a row."""
    topic, sink = MemoryTopic(2), MemorySink()
    topic.append(0, values(12))
    topic.append(1, values(3, "s"))
    await read(topic, sink)
    assert rows_of(sink.events) == {
        "TICKS-0.queue": list(enumerate(values(12))),
        "TICKS-1.queue": list(enumerate(values(3, "s"))),
    }
    assert {raw(event).shard for event in sink.events} == {"TICKS-0", "TICKS-1"}
    assert max(raw(event).row_count for event in sink.events) == LIMITS.rows_max
    assert_sound(sink.events)


async def test_dialects_do_not_mix() -> None:
    """A record's header names its dialect, else the settings do; a batch has one."""
    topic, sink = MemoryTopic(1), MemorySink()
    topic.append(0, values(2))
    topic.append(0, values(2), dialect="kraken.v2")
    topic.append(0, values(1))
    await read(topic, sink)
    found = [(raw(event).dialect, raw(event).row_count) for event in sink.events if raw(event).row_count]
    assert found == [("binance.spot", 2), ("kraken.v2", 2), ("binance.spot", 1)]


async def test_any_dialect_travels() -> None:
    """A header that names what no dialect can be stops no partition: its batch is refused where it is decoded."""
    topic, sink = MemoryTopic(1), MemorySink()
    topic.append(0, values(1), dialect="kraken v2\n\ufffd")
    topic.append(0, values(1))
    await read(topic, sink)
    found = [raw(event).dialect for event in sink.events if raw(event).row_count]
    assert found == ["kraken-v2-", "binance.spot"]


class _Consumer:
    """Give what a broker would, once."""

    def __init__(self, *records: ConsumerRecord) -> None:
        self._records = {TopicPartition("ticks", 0): list(records)}

    async def getmany(self, *, timeout_ms: int, max_records: int) -> dict[TopicPartition, list[ConsumerRecord]]:
        """Give all."""
        assert (timeout_ms, max_records) == (0, 2_048)
        return self._records


@pytest.mark.parametrize(
    ("timestamp", "headers", "expected"),
    [
        (NOW // 10**6, [("dialect", b"kraken.v2"), ("symbol", None)], Record(5, b"x", NOW, "kraken.v2")),
        (NOW // 10**6, [("dialect", None)], Record(5, b"x", NOW)),
        (NOW // 10**3, [], Record(5, b"x", 0)),
        (-1, [], Record(5, b"x", 0)),
    ],
    ids=["null-symbol", "null-dialect", "microseconds", "no-time"],
)
async def test_whatever_a_record_says(
    timestamp: int, headers: list[tuple[str, bytes | None]], expected: Record
) -> None:
    """A header may have no value and a time be no milliseconds: the record is read all the same."""
    records = KafkaRecords(Topic("127.0.0.1:1", "ticks", "g"))
    records._consumer = _Consumer(ConsumerRecord("ticks", 0, 5, timestamp, 0, None, b"x", None, 0, 1, headers))  # noqa: SLF001 - a broker's part
    assert await records.poll(0.0) == {0: [expected]}


async def test_left_out_offsets_part_batches() -> None:
    """Offsets that a queue leaves out are no rows: the next row still has its record's offset."""
    topic, sink = MemoryTopic(1), MemorySink()
    topic.records[0] = [Record(offset, b"x", NOW) for offset in (0, 1, 4, 5, 9)]
    await read(topic, sink)
    assert [index for index, _ in rows_of(sink.events)["TICKS-0.queue"]] == [0, 1, 4, 5, 9]


class _Dying(MemorySink):
    """Store what comes, and die at some of it: before it is stored, or after without a word."""

    def __init__(self, chance: random.Random, rate: float) -> None:
        super().__init__()
        self._chance = chance
        self._rate = rate

    async def publish(self, event: Event) -> None:
        if self._chance.random() < self._rate:
            if self._chance.random() < 0.5:
                await super().publish(event)
            msg = "the process dies here"
            raise RuntimeError(msg)
        await super().publish(event)


@settings(max_examples=150, deadline=None)
@given(seed=st.integers(0, 2**32), rate=st.floats(0, 0.4), rounds=st.integers(1, 12))
def test_deaths_lose_and_double_nothing(seed: int, rate: float, rounds: int) -> None:
    """Wherever readers die, the rows that are published under distinct ids are the records, each once and in order."""
    chance = random.Random(seed)  # noqa: S311 - reproducible by its seed
    topic, sink = MemoryTopic(2), _Dying(chance, rate)

    async def live() -> None:
        for _ in range(rounds):
            for partition in range(2):
                topic.append(partition, values(chance.randrange(9), f"{chance.random()}"), ts_ns=chance.randrange(NOW))
            with contextlib.suppress(RuntimeError):
                await read(topic, sink)
        sink._rate = 0.0  # noqa: SLF001 - our own
        await read(topic, sink)

    asyncio.run(live())
    assert_sound(sink.events)
    for partition in range(2):
        expected = [(one.offset, one.value) for one in topic.records[partition]]
        assert sorted(rows_of(sink.events).get(f"TICKS-{partition}.queue", [])) == expected


async def test_a_partition_taken_away_goes_on_elsewhere() -> None:
    """When a second reader joins and the first one leaves, each partition goes on where it was noted."""
    topic, sink = MemoryTopic(4), MemorySink()
    never = Rhythm(poll_s=0.0, heartbeat_s=1e9)

    def fill(count: int) -> None:
        for partition in range(4):
            topic.append(partition, values(count, f"{partition}-{len(topic.records[partition])}-"))

    def done() -> bool:
        rows = rows_of(sink.events)
        return all(len(rows.get(f"TICKS-{n}.queue", [])) == len(topic.records[n]) for n in range(4))

    fill(20)
    first = asyncio.create_task(read(topic, sink, never))
    await until(done)
    second = asyncio.create_task(read(topic, sink, never))
    fill(20)
    await until(done)
    first.cancel()
    fill(20)
    await until(done)
    second.cancel()
    await asyncio.gather(first, second, return_exceptions=True)
    assert_sound(sink.events)
    for partition in range(4):
        expected = [(one.offset, one.value) for one in topic.records[partition]]
        assert rows_of(sink.events)[f"TICKS-{partition}.queue"] == expected


async def test_quiet_partitions_have_a_clock() -> None:
    """A partition without records says each second that it lives, under numbers that go on."""
    topic, sink = MemoryTopic(1), MemorySink()
    await read(topic, sink, Rhythm(poll_s=0.0, heartbeat_s=0.0, idle_end_s=0.005))
    assert sum(raw(event).heartbeat for event in sink.events) > 2
    assert raw(sink.events[-1]).end_of_tape
    assert_sound(sink.events)


def test_a_reserved_batch_is_made_again() -> None:
    """Whatever comes in one go and whatever the limits are, a reserved batch is made as it was."""
    one = Partition(Reservation(100, 7, 103), LIMITS)
    one.add([Record(100, b"a", 1), Record(101, b"b", 2)])
    assert one.cut() is None
    one.add(Record(offset, b"c", 3) for offset in range(102, 110))
    batch = one.cut()
    assert batch is not None
    assert ([record.offset for record in batch.records], batch.reservation.sequence) == ([100, 101, 102], 7)
    following = one.cut()
    assert following is not None
    assert following.reservation == Reservation(103, 8, 108)


@pytest.mark.parametrize(("topic", "shard"), [("ticks", "TICKS"), ("a/b c.d", "A-B-C-D")])
def test_shards_are_named_by_topics(topic: str, shard: str) -> None:
    """What a source cannot hold becomes a dash."""
    assert shard_of(topic) == shard


# --- a real broker ----------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def servers(kafka_servers: str) -> str:
    """Give the address of a real broker."""
    return kafka_servers


@pytest.fixture(params=["group", "file"])
def state(request: pytest.FixtureRequest, tmp_path: pathlib.Path) -> str:
    """Say where the feed's notes are kept: with the group's offsets, or in a file."""
    return "" if request.param == "group" else str(tmp_path / "notes.json")


@pytest.fixture
async def topic(servers: str) -> AsyncIterator[str]:
    """Make a topic of three partitions for one test."""
    name = f"ticks-{uuid.uuid4().hex[:8]}"
    admin = AIOKafkaAdminClient(bootstrap_servers=servers)
    await admin.start()
    await admin.create_topics([NewTopic(name, 3, 1)])
    yield name
    await admin.close()


async def produce(servers: str, topic: str, batches: Iterable[tuple[int, list[bytes]]]) -> None:
    producer = AIOKafkaProducer(bootstrap_servers=servers)
    await producer.start()
    for partition, found in batches:
        for value in found:
            await producer.send(topic, value, partition=partition, headers=[("dialect", b"kraken.v2")])
    await producer.flush()
    await producer.stop()


def feed_settings(
    servers: str, topic: str, folder: pathlib.Path, *, idle_end_s: float = 1.0, state: str = ""
) -> Settings:
    return Settings(
        queue_servers=servers,
        queue_topic=topic,
        queue_group=f"group-{topic}",
        queue_idle_end_s=idle_end_s,
        queue_state=state,
        queue_session_ms=6_000,
        spool=str(folder),
        rows_max=64,
        poll_ms=50,
    )


async def test_a_broker_is_read_to_the_end(servers: str, topic: str, tmp_path: pathlib.Path, state: str) -> None:
    """Every record of a real topic comes once, by its offset, with the dialect of its header; a restart goes on."""
    sent = {n: values(150 + n, f"{n}-") for n in range(3)}
    sink = MemorySink()
    what = feed_settings(servers, topic, tmp_path, state=state)
    await produce(servers, topic, sent.items())
    await compose(what).run(sink)
    more = {n: values(40, f"{n}+") for n in range(3)}
    await produce(servers, topic, more.items())
    await compose(what).run(sink)
    found = rows_of(sink.events)
    for n in range(3):
        assert found[f"{shard_of(topic)}-{n}.queue"] == list(enumerate(sent[n] + more[n]))
    assert {raw(event).dialect for event in sink.events if raw(event).row_count} == {"kraken.v2"}
    assert_sound(sink.events)


async def test_what_was_taken_back_is_no_row(servers: str, topic: str, tmp_path: pathlib.Path) -> None:
    """Records of a transaction that its producer aborted are not read: it writes them again, and each counts once."""
    if choose().kind == "wheel" and not FULL:
        pytest.skip("the wheel broker has no transactions; Apache Kafka does, which needs Java")
    producer = AIOKafkaProducer(bootstrap_servers=servers, transactional_id=f"writer-{topic}")
    await producer.start()
    for values_of, keep in ((values(3), False), (values(4), True)):
        await producer.begin_transaction()
        for value in values_of:
            await producer.send(topic, value, partition=0)
        await (producer.commit_transaction if keep else producer.abort_transaction)()
    await producer.stop()
    sink = MemorySink()
    await compose(feed_settings(servers, topic, tmp_path)).run(sink)
    assert [row for _, row in rows_of(sink.events)[f"{shard_of(topic)}-0.queue"]] == values(4)
    assert_sound(sink.events)


async def test_a_feed_that_dies_is_followed_without_a_seam(
    servers: str, topic: str, tmp_path: pathlib.Path, state: str
) -> None:
    """Feeds that die in the middle, before and after storing, leave every record of a real topic published once."""
    sent = {n: values(300, f"{n}-") for n in range(3)}
    await produce(servers, topic, sent.items())
    sink = _Dying(random.Random(5), 0.15)  # noqa: S311 - reproducible by its seed
    what = feed_settings(servers, topic, tmp_path, state=state)
    for _ in range(3):
        with contextlib.suppress(RuntimeError):
            await compose(what).run(sink)
    sink._rate = 0.0  # noqa: SLF001 - our own
    await compose(what).run(sink)
    found = rows_of(sink.events)
    for n in range(3):
        assert found[f"{shard_of(topic)}-{n}.queue"] == list(enumerate(sent[n]))
    assert_sound(sink.events)


async def test_a_foreign_offset_is_refused(servers: str, topic: str) -> None:
    """A group that somebody else moved on has no number for the next batch, and says so."""
    await produce(servers, topic, [(0, values(5))])
    records = KafkaRecords(Topic(servers, topic, f"group-{topic}"))
    async with records:
        await until_assigned(records)
        assert records._consumer is not None  # noqa: SLF001 - moved on behind its back
        place = next(iter(records._consumer.assignment()))  # noqa: SLF001 - as above
        await records._consumer.commit({place: (2, "")})  # noqa: SLF001 - as above
        with pytest.raises(Malformed, match="first_sequence"):
            await records.open(place.partition)


async def until_assigned(records: KafkaRecords) -> None:
    """Poll until partitions fall to the reader."""
    async with asyncio.timeout(30):
        while not records.partitions:
            await records.poll(0.1)


async def test_two_feeds_share_a_topic(servers: str, topic: str, tmp_path: pathlib.Path) -> None:
    """When a second feed joins the group and the first one leaves, every record is still published once, in order."""
    sink = MemorySink()
    what = feed_settings(servers, topic, tmp_path, idle_end_s=0.0)
    sent: dict[int, list[bytes]] = {n: [] for n in range(3)}

    async def send(count: int) -> None:
        more = {n: values(count, f"{n}-{len(sent[n])}-") for n in range(3)}
        for n in range(3):
            sent[n] += more[n]
        await produce(servers, topic, more.items())

    def done() -> bool:
        rows = rows_of(sink.events)
        return all(len(rows.get(f"{shard_of(topic)}-{n}.queue", [])) >= len(sent[n]) for n in range(3))

    await send(200)
    feeds = [asyncio.ensure_future(compose(what).run(sink))]
    await until(done, within_s=30)
    feeds.append(asyncio.ensure_future(compose(what).run(sink)))
    await send(200)
    await until(done, within_s=30)
    feeds[0].cancel()
    await send(200)
    await until(done, within_s=30)
    feeds[1].cancel()
    await asyncio.gather(*feeds, return_exceptions=True)
    found = rows_of(sink.events)
    for n in range(3):
        assert found[f"{shard_of(topic)}-{n}.queue"] == list(enumerate(sent[n]))
    assert_sound(sink.events)


def test_a_silence_that_cannot_be() -> None:
    """A silence of less than no time stops the start: every tape would end at once."""
    with pytest.raises(ValueError, match="queue_idle_end_s must not be negative"):
        Settings(queue_idle_end_s=-1.0)
