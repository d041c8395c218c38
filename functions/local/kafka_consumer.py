"""Serve one Trigger from a broker's topic, under the same rules as the log on disk; its offsets are its group's."""

import asyncio
from collections.abc import Sequence
from typing import Final

from aiokafka.errors import KafkaError  # type: ignore[import-untyped]  # the package says nothing of its types

from functions.adapters.kafka_events import read_event
from functions.adapters.kafka_groups import TopicReader
from functions.local.dispatch import Cursor, Dispatcher, Outbound, Subscriber
from functions.local.kafka_topic import AGAIN_S, Read, Topic, until_answered
from functions.local.topology import Subscription
from functions.runtime import logs
from functions.wire.envelope import Event

_log: Final = logs.logger("kafka_consumer")

COMMIT_S: Final = 1.0
"""Seconds between commits of offsets; a crash delivers so much again, which ids and sequences make harmless."""

COMMIT_ANSWER_S: Final = 5.0
READ_EVENTS_MAX: Final = 64
CATCH_UP_S: Final = 1.0


class TopicConsumer:
    """Read one topic for one Trigger.

    Args:
        subscription: The Trigger.
        subscriber: Who answers.
        topic: Where events come from.
        group: A paused reader of the topic with the Trigger's group.
        outbound: Where answers go.
    """

    def __init__(
        self,
        subscription: Subscription,
        subscriber: Subscriber,
        *,
        topic: Topic,
        group: TopicReader,
        outbound: Outbound,
    ) -> None:
        """Start nothing yet."""
        self.name = subscription.name
        self.broker = subscription.broker
        self.dispatcher = Dispatcher(subscription, subscriber, outbound)
        self._accepts = subscription.accepts
        self._topic = topic
        self._group = group
        self._woken = asyncio.Event()
        self._cursors: list[Cursor] = []
        self._committed: list[int] = []

    async def open(self) -> list[int]:
        """Connect and give the group's offsets, where it goes on."""
        await self._group.start(paused=True)
        self._committed = await until_answered(self._group.committed)
        self._cursors = [Cursor(offset) for offset in self._committed]
        self._topic.attach(self)
        return self._committed

    async def close(self) -> None:
        """Commit what is done and let go."""
        self.dispatcher.stop()
        await self._commit()
        await self._group.close()

    @property
    def lag(self) -> int:
        """Count the events not done yet, as far as they are known here."""
        return sum(self._topic.end(number) - self._cursors[number].next for number in self._topic.used)

    def done_to(self, ends: Sequence[int]) -> bool:
        """Tell whether every event before these offsets is done."""
        return all(cursor.next >= end for cursor, end in zip(self._cursors, ends, strict=True))

    def show(self, partition: int, offset: int, event: Event | None) -> None:
        """Step over an event that is not for this Trigger while it waits at the head; else wake up."""
        cursor = self._cursors[partition]
        if cursor.at == offset and (event is None or not self._accepts(event)):
            cursor.at += 1
        else:
            self._woken.set()

    async def run(self) -> None:
        """Deliver for ever; cancel to stop."""
        while True:
            self._woken.clear()
            moved = False
            for partition in self._topic.used:
                if self._cursors[partition].at < self._topic.head(partition):
                    await self._advance(partition)
                    moved = True
            self.dispatcher.check()
            if not moved:
                await self._woken.wait()

    async def _advance(self, partition: int) -> None:
        cursor = self._cursors[partition]
        found = self._topic.read(partition, cursor.at, READ_EVENTS_MAX)
        if found is None:
            found = await self._read_again(partition)
        for offset, event in found:
            cursor.at = offset  # the broker may have let go of what was between
            if event is None or not self._accepts(event):
                cursor.at += 1
                continue
            await self.dispatcher.take(event, lane=partition, offset=cursor.take(), done=cursor.finish)
        await asyncio.sleep(0)

    async def _read_again(self, partition: int) -> list[Read]:
        try:
            records = await self._group.fetch(partition, self._cursors[partition].at, CATCH_UP_S)
        except KafkaError as error:
            _log.warning("topic_unread", topic=self._topic.name, error=repr(error))
            await asyncio.sleep(AGAIN_S)
            return []
        return [(record.offset, read_event(record)) for record in records]

    async def commit_for_ever(self) -> None:
        """Commit the group's offsets now and then; cancel to stop."""
        while True:
            await asyncio.sleep(COMMIT_S)
            await self._commit()

    async def _commit(self) -> None:
        """Commit what has moved; a broker that does not take it is asked again next time."""
        moved = {
            number: cursor.next
            for number, (cursor, was) in enumerate(zip(self._cursors, self._committed, strict=True))
            if cursor.next > was
        }
        if not moved:
            return
        try:
            async with asyncio.timeout(COMMIT_ANSWER_S):
                await self._group.commit(moved)
        except (KafkaError, TimeoutError) as error:
            _log.warning("offsets_uncommitted", trigger=self.name, error=repr(error))
            return
        for number, offset in moved.items():
            self._committed[number] = offset
