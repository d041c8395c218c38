"""Over a topic a Trigger keeps the same rules, and its group's offsets stand only over what is done and stored."""

import asyncio
import contextlib
import itertools
from collections.abc import AsyncIterator, Awaitable, Callable

import pytest
from waiting import until

from functions.adapters.kafka_events import EventProducer, make_topics
from functions.adapters.kafka_groups import TopicReader
from functions.local import kafka_topic
from functions.local.delivery import Answer, Delivery
from functions.local.dispatch import Subscriber
from functions.local.kafka_consumer import TopicConsumer
from functions.local.kafka_topic import Topic
from functions.local.topology import Subscription
from functions.wire.envelope import Event

PARTITIONS = 3
_numbers = itertools.count()


class Outbox:
    """Collect what a Trigger puts out; `stored` says when it is acknowledged."""

    def __init__(self, stored: asyncio.Event | None = None) -> None:
        """Start empty; without `stored` all is acknowledged at once."""
        self.published: list[Event] = []
        self.buried: list[tuple[str, Event]] = []
        self._stored = stored

    def publish(self, broker: str, event: Event) -> Awaitable[object] | None:
        """Collect a reply."""
        assert broker == "market"
        self.published.append(event)
        return self._stored.wait() if self._stored else None

    def bury(self, sink: str, event: Event, *, destination: str, answer: Answer) -> Awaitable[object] | None:
        """Collect a dead letter."""
        assert (destination, answer.status) == ("nowhere", 400)
        self.buried.append((sink, event))
        return None


def event(number: int, kind: str = "t", key: str = "k") -> Event:
    """Make a numbered event of a partition."""
    return Event(id=str(number), source="/s", type=kind, data=b"x" * 100, extensions={"partitionkey": key})


@pytest.fixture
async def topic_name(kafka_servers: str) -> str:
    """Make a topic of the test's own."""
    name = f"consumed-{next(_numbers)}"
    await make_topics(kafka_servers, {name: PARTITIONS})
    return name


async def write(servers: str, topic: str, *events: Event) -> None:
    """Write events."""
    producer = EventProducer(servers)
    await producer.start()
    for one in events:
        await producer.write(topic, one)
    await producer.close()


@contextlib.asynccontextmanager
async def consuming(
    servers: str, name: str, deliver: Callable[[Event], Awaitable[Answer]], outbox: Outbox, *, ordered: bool = False
) -> AsyncIterator[tuple[TopicConsumer, Topic]]:
    """Serve a Trigger that lets `t` through; its offsets are committed at the end."""
    delivery = Delivery(1, 0.0, exponential=True, timeout_s=5.0, dead_letter_sink="graves")
    trigger = Subscription("x", "market", ordered, lambda one: one.type == "t", (), "Service", "x", delivery)
    topic = Topic(TopicReader(servers, name, PARTITIONS), lambda *_: None)
    group = TopicReader(servers, name, PARTITIONS, group=f"group-{name}")
    consumer = TopicConsumer(trigger, Subscriber("nowhere", deliver), topic=topic, group=group, outbound=outbox)
    await topic.open(await consumer.open())
    tasks = [asyncio.create_task(topic.run()), asyncio.create_task(consumer.run())]
    try:
        yield consumer, topic
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        await consumer.close()
        await topic.close()


async def committed(servers: str, name: str) -> int:
    """Give the sum of the group's offsets."""
    group = TopicReader(servers, name, PARTITIONS, group=f"group-{name}")
    await group.start(paused=True)
    try:
        return sum(await group.committed())
    finally:
        await group.close()


async def test_done_is_committed(kafka_servers: str, topic_name: str) -> None:
    """Events let through are answered, the others stepped over, and all of them are committed."""
    outbox = Outbox()

    async def deliver(one: Event) -> Answer:
        return Answer(200, Event(id=f"r{one.id}", source="/h", type="u")) if one.id != "2" else Answer(400)

    await write(kafka_servers, topic_name, event(0), event(1, "other"), event(2), event(3, key="l"))
    async with consuming(kafka_servers, topic_name, deliver, outbox) as (consumer, topic):
        ends = await topic.ends()
        await until(lambda: consumer.done_to(ends))
    assert sorted(one.id for one in outbox.published) == ["r0", "r3"]
    assert [(sink, one.id) for sink, one in outbox.buried] == [("graves", "2")]
    assert await committed(kafka_servers, topic_name) == 4


async def test_unstored_reply_holds_the_offset(kafka_servers: str, topic_name: str) -> None:
    """While a reply is not acknowledged its event is not done: whoever comes next delivers it again."""
    outbox, heard = Outbox(asyncio.Event()), []

    async def deliver(one: Event) -> Answer:
        heard.append(one.id)
        return Answer(200, Event(id=f"r{one.id}", source="/h", type="u")) if one.id == "1" else Answer(204)

    await write(kafka_servers, topic_name, *map(event, range(3)))
    async with consuming(kafka_servers, topic_name, deliver, outbox):
        await until(lambda: len(heard) == 3)
    assert await committed(kafka_servers, topic_name) == 1
    again = Outbox()
    async with consuming(kafka_servers, topic_name, deliver, again) as (consumer, topic):
        ends = await topic.ends()
        await until(lambda: consumer.done_to(ends))
    assert heard == ["0", "1", "2", "1", "2"]


async def test_slow_trigger_reads_again(kafka_servers: str, topic_name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """What has left the tail in memory is read from the topic again, in order."""
    monkeypatch.setattr(kafka_topic, "TAIL_BYTES_MAX", 250)
    release, heard = asyncio.Event(), []

    async def deliver(one: Event) -> Answer:
        await release.wait()
        heard.append(one.id)
        return Answer(204)

    async with consuming(kafka_servers, topic_name, deliver, Outbox(), ordered=True) as (consumer, topic):
        await write(kafka_servers, topic_name, *map(event, range(120)))
        ends = await topic.ends()
        await until(lambda: [topic.head(number) for number in range(PARTITIONS)] == ends)
        release.set()
        await until(lambda: consumer.done_to(ends))
    assert heard == [str(number) for number in range(120)]
