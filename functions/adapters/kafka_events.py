"""Write events to topics and read them back: records in the CloudEvents Kafka binding, binary mode.

The record's key is the event's `partitionkey`, and Kafka's default partitioner (murmur2) places it, as Knative's data
plane does. The producer waits for all replicas (`acks=all`) and is idempotent where the broker can: what it sends
again after a lost answer is stored once, and a partition keeps the order of sending. While one request is under way the
next gathers, at most `BATCH_BYTES` a partition, so batches grow with the load by themselves; told to, it lingers too.
"""

import asyncio
import contextlib
from collections.abc import Awaitable, Mapping
from typing import Final

from aiokafka import AIOKafkaProducer, ConsumerRecord  # type: ignore[import-untyped]  # it says nothing of its types
from aiokafka.admin import AIOKafkaAdminClient, NewTopic  # type: ignore[import-untyped]  # as above
from aiokafka.errors import (  # type: ignore[import-untyped]  # as above
    KafkaError,
    MessageSizeTooLargeError,
    TopicAlreadyExistsError,
    for_code,
)

from functions.ports.errors import Unavailable
from functions.ports.telemetry import carried
from functions.wire.envelope import Event
from functions.wire.errors import Malformed
from functions.wire.kafka_binding import from_kafka, to_kafka

NAMESPACE: Final = "tickloom"
RECORD_BYTES_MAX: Final = 1024 * 1024
"""A whole record, headers included, as Knative's data plane has it (max.request.size)."""

BATCH_BYTES: Final = 512 * 1024
UNSENT_MS_MAX: Final = 120_000
"""How long an event may wait for a broker that is away before sending it counts as failed."""

CLOSE_S: Final = 10.0
AGAIN_S_MIN: Final = 0.1
AGAIN_S_MAX: Final = 2.0
STAMPED_BY_BROKER: Final = {"message.timestamp.type": "LogAppendTime"}
"""One clock for every record: when the broker stored it."""

COPIES_MAX: Final = 3
"""Replicas of a topic, where there are so many brokers."""

LEADER_S: Final = 30.0
LEADER_PAUSE_S: Final = 0.05


def broker_topic(broker: str, namespace: str = NAMESPACE) -> str:
    """Name the topic of a broker as Knative does.

    >>> broker_topic("market")
    'knative-broker-tickloom-market'
    """
    return f"knative-broker-{namespace}-{broker}"


async def make_topics(
    servers: str, topics: Mapping[str, int], *, config: Mapping[str, str] = STAMPED_BY_BROKER
) -> None:
    """Make topics that are not there yet, and wait until each partition has a leader.

    Args:
        servers: Addresses of brokers, `host:port` separated by commas.
        topics: Number of partitions by name.
        config: The broker's settings for those that are made.

    Raises:
        Unavailable: The broker refuses one, or a topic has another number of partitions.
    """
    admin = AIOKafkaAdminClient(bootstrap_servers=servers)
    await admin.start()
    try:
        copies = min(COPIES_MAX, len((await admin.describe_cluster())["brokers"]))
        wanted = [NewTopic(name, count, copies, topic_configs=dict(config)) for name, count in topics.items()]
        answer = await admin.create_topics(wanted)
        for name, code, *_ in answer.topic_errors:
            if code and for_code(code) is not TopicAlreadyExistsError:
                msg = f"the broker does not make topic {name}: {for_code(code).__name__}"
                raise Unavailable(msg)
        async with asyncio.timeout(LEADER_S):
            while not await _led(admin, topics):  # noqa: ASYNC110 - the broker does not call back
                await asyncio.sleep(LEADER_PAUSE_S)
    except (KafkaError, TimeoutError) as error:
        msg = f"topics {', '.join(topics)} cannot be made: {error!r}"
        raise Unavailable(msg) from error
    finally:
        await admin.close()


async def _led(admin: AIOKafkaAdminClient, topics: Mapping[str, int]) -> bool:
    for one in await admin.describe_topics(list(topics)):
        found, wanted = len(one["partitions"]), topics[one["topic"]]
        if found and found != wanted:
            msg = f"topic {one['topic']} has {found} partitions and the wiring says {wanted}; change either"
            raise Unavailable(msg)
        if one["error_code"] or any(part["leader"] < 0 or part["error_code"] for part in one["partitions"]):
            return False
    return True


def read_event(record: ConsumerRecord) -> Event | None:
    """Read a record's event; None for a record that is none, which anyone may write to a topic."""
    try:
        return from_kafka(record.headers, record.value)
    except Malformed:
        return None


class EventProducer:
    """Write events to topics; an event that was taken is never given up while the broker may come back.

    Args:
        servers: Addresses of brokers.
        idempotent: Ask the broker to drop what is sent again; not every broker of Kafka's protocol can.
        linger_ms: How long the first event of a request waits for others, milliseconds.
    """

    def __init__(self, servers: str, *, idempotent: bool = True, linger_ms: int = 0) -> None:
        """Connect to nothing yet."""
        self._servers = servers
        self._idempotent = idempotent
        self._linger_ms = linger_ms
        self._producer: AIOKafkaProducer | None = None
        self._renewing = asyncio.Lock()

    async def start(self) -> None:
        """Connect."""
        self._producer = await self._connect()

    async def _connect(self) -> AIOKafkaProducer:
        producer = AIOKafkaProducer(
            bootstrap_servers=self._servers,
            acks="all",
            enable_idempotence=self._idempotent,
            linger_ms=self._linger_ms,
            max_batch_size=BATCH_BYTES,
            max_request_size=RECORD_BYTES_MAX,
            request_timeout_ms=UNSENT_MS_MAX,
        )
        try:
            await producer.start()
        except BaseException:
            await producer.stop()
            raise
        return producer

    async def close(self) -> None:
        """Send what is left, if the broker takes it soon, and let go."""
        if self._producer is not None:
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(CLOSE_S):
                    await self._producer.stop()

    async def send(self, topic: str, event: Event) -> "Awaitable[tuple[int, int]]":
        """Hand an event over, in the order of calls; the answer, to be awaited, is its partition and offset.

        Raises:
            Malformed: It is greater than a record may be.
            Unavailable: When the answer is awaited: the broker did not take it, and later ones may be stored.
        """
        return _stored(await self._hand_over(topic, event))

    async def write(self, topic: str, event: Event) -> tuple[int, int]:
        """Store an event; return its partition and offset once all replicas have it, however long that takes.

        Raises:
            Malformed: It is greater than a record may be.
        """
        pause_s = AGAIN_S_MIN
        while True:
            producer = self._producer
            try:
                return await _stored(await self._hand_over(topic, event))
            except (Unavailable, KafkaError):
                await asyncio.sleep(pause_s)
                pause_s = min(pause_s * 2, AGAIN_S_MAX)
                with contextlib.suppress(KafkaError):  # it is away still
                    await self._renew(producer)

    async def _hand_over(self, topic: str, event: Event) -> "asyncio.Future[ConsumerRecord]":
        if self._producer is None:
            msg = "events are written between `start` and `close`"
            raise RuntimeError(msg)
        key, headers, value = to_kafka(event)
        headers += [(name, text.encode()) for name, text in carried().items()]
        try:
            taken: asyncio.Future[ConsumerRecord] = await self._producer.send(topic, value, key=key, headers=headers)
        except MessageSizeTooLargeError:
            size = len(value or b"")
            msg = f"{event.type} {event.id} of {event.source} has {size} bytes; a record holds {RECORD_BYTES_MAX}"
            raise Malformed(msg) from None
        return taken

    async def _renew(self, failed: AIOKafkaProducer | None) -> None:
        """Take another producer: one that met an error of its sequence numbers never sends again."""
        async with self._renewing:
            if self._producer is failed:
                self._producer = await self._connect()
                if failed is not None:
                    await failed.stop()


async def _stored(taken: "asyncio.Future[ConsumerRecord]") -> tuple[int, int]:
    try:
        at = await taken
    except KafkaError as error:
        msg = f"the broker did not store an event: {error!r}"
        raise Unavailable(msg) from error
    return at.partition, at.offset
