"""A backup of topics comes back into empty ones: partitions, order, states, and where each group goes on."""

import asyncio
import pathlib
import types

import pytest
from aiokafka import AIOKafkaProducer  # type: ignore[import-untyped]  # the package says nothing of its types
from aiokafka.admin import AIOKafkaAdminClient  # type: ignore[import-untyped]  # as above
from stores import fresh_database

from functions.adapters.kafka_events import EventProducer, make_topics
from functions.adapters.kafka_groups import GroupOffsets, TopicReader
from functions.adapters.postgres import migrate, open_pool
from functions.local import restores
from functions.local.archive import State, open_archive
from functions.local.backups import KafkaSource, backup, changelogs, places
from functions.local.delivery import Delivery
from functions.local.kafka import NAMED, Kafka
from functions.local.restores import RestoreError, restore
from functions.local.topology import Broker, Sink, Subscription, Table, Topology
from functions.runtime.faust_driver import States
from functions.runtime.groups import CHANGELOG, group_of
from functions.wire.envelope import Event

PARTITIONS = 3
READER = Subscription(
    "kept-reader",
    "kept",
    ordered=False,
    accepts=lambda _: True,
    filters=(),
    subscriber_kind="Service",
    subscriber="x",
    delivery=Delivery(0, 0.1, exponential=False, timeout_s=1.0, dead_letter_sink="kept-dead-letters"),
)
TOPOLOGY = Topology(
    brokers={"kept": Broker("kept", PARTITIONS, "kept-dead-letters")},
    subscriptions=(READER,),
    tables=(Table("kept-table", "kept", ("t",)),),
    sources={},
    sinks={"kept-dead-letters": Sink("kept-dead-letters", "kept-dead-letters", 1)},
)
EVENTS = [
    Event(str(number), "/s", "t", b"x" * number, extensions={"partitionkey": f"k{number % 7}"}) for number in range(60)
]
TOPIC = places(TOPOLOGY)["kept"][0]


@pytest.fixture
def given(
    kafka_servers: str, redis_url: str, postgres_url: str, monkeypatch: pytest.MonkeyPatch
) -> types.SimpleNamespace:
    """Name the broker and an empty database."""
    monkeypatch.setenv(NAMED, kafka_servers)
    return types.SimpleNamespace(kafka=Kafka(kafka_servers, "the test's"), redis=redis_url, postgres=postgres_url)


async def fill(kafka: Kafka) -> None:
    """Write events, a foreign record, states of which one is replaced, and how far a group is."""
    await make_topics(kafka.servers, dict(places(TOPOLOGY).values()))
    await make_topics(kafka.servers, changelogs(TOPOLOGY), config=CHANGELOG)
    events = EventProducer(kafka.servers)
    await events.start()
    for event in EVENTS:
        await events.write(TOPIC, event)
    await events.close()
    raw = AIOKafkaProducer(bootstrap_servers=kafka.servers)
    await raw.start()
    await raw.send_and_wait(TOPIC, b"no event", partition=0)
    (changelog,) = changelogs(TOPOLOGY)
    for blob in (b"\0" * 7 + b"\1old", b"\0" * 7 + b"\2new", b"\0" * 7 + b"\1late"):
        await raw.send_and_wait(changelog, blob, key=b"k1", partition=2)
    await raw.stop()
    group = TopicReader(kafka.servers, TOPIC, PARTITIONS, group=group_of(READER.name))
    await group.start(paused=True)
    await group.commit({0: 5, 1: 0})
    await group.close()


async def forget(kafka: Kafka) -> None:
    """Delete the topics, as a lost cluster would."""
    admin = AIOKafkaAdminClient(bootstrap_servers=kafka.servers)
    await admin.start()
    names = [*(topic for topic, _ in places(TOPOLOGY).values()), *changelogs(TOPOLOGY)]
    await admin.delete_topics(names)
    async with asyncio.timeout(20):
        while set(await admin.list_topics()) & set(names):  # noqa: ASYNC110 - the broker does not call back
            await asyncio.sleep(0)
    await admin.close()


def held(source: KafkaSource) -> list[tuple[int, Event]]:
    """Read what each partition holds, in its order."""
    return sorted(((one.partition, one.event) for one in source.records("kept")), key=lambda found: found[0])


async def test_topics_come_back(given: types.SimpleNamespace, tmp_path: pathlib.Path) -> None:
    """Events keep partition and order, of each state the newest comes back, and groups go on at the same event."""
    kafka, source = given.kafka, KafkaSource(given.kafka, TOPOLOGY)
    await fill(kafka)
    before = await asyncio.to_thread(held, source)
    assert len(before) == len(EVENTS)
    url = await fresh_database(given.postgres)
    pool = await open_pool(url)
    await migrate(pool)
    await pool.close()
    manifest = await backup(source, url, tmp_path / "b")
    assert manifest.logs["kept"].cursors[READER.name] == (5, 0, 0)
    opened = open_archive(tmp_path / "b")
    environ = {"DATABASE_URL": await fresh_database(given.postgres), "REDIS_URL": given.redis}
    with pytest.raises(RestoreError, match="holds records"):
        await restore(opened, tmp_path / "up", TOPOLOGY, environ=environ)
    await forget(kafka)
    await restore(opened, tmp_path / "up", TOPOLOGY, environ=environ)
    assert await asyncio.to_thread(held, source) == before
    offsets = GroupOffsets(kafka.servers)
    await offsets.start()
    assert await offsets.committed(group_of(READER.name), TOPIC, PARTITIONS) == [5, 0, 0]
    await offsets.close()
    _, states = await source.positions()
    (changelog,) = changelogs(TOPOLOGY)
    assert await asyncio.to_thread(list, states) == [State(changelog, 2, b"k1", b"\0" * 8 + b"new")]


def test_states_begin_anew() -> None:
    """What is folded after a restore counts, though its offsets are below those of the state that came back."""
    kept = object.__new__(States)
    kept.kept = {}
    kept.put(0, b"k1", restores._begun_anew((5_000_000).to_bytes(8, "big") + b"old"))  # noqa: SLF001 - as below
    kept.put(0, b"k1", (7).to_bytes(8, "big") + b"new")
    assert kept.kept[0][b"k1"][8:] == b"new"


def test_offsets_move_with_their_events() -> None:
    """A topic that lost its oldest begins anew at 0: a reader goes on at the same event, or behind the last."""
    moved = restores._Moved()  # noqa: SLF001 - the rule is worth its own test
    moved.old, moved.new = [100, 101, 104], [0, 1, 2]
    assert [moved.place(old) for old in (0, 100, 101, 102, 104, 105)] == [0, 0, 1, 2, 2, 3]
    assert restores._Moved().place(7) == 0  # noqa: SLF001 - as above
