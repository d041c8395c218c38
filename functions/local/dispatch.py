"""Deliver a broker's events to one subscriber: ordered or unordered, with retries, replies and dead letters.

At least once: the cursor moves only over events that are done, so a restart delivers the rest again.
"""

import asyncio
import heapq
import zlib
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Final, Protocol, TypeAlias

from functions.local.delivery import Answer
from functions.local.log import EventLog
from functions.local.topology import Subscription
from functions.wire.envelope import Event
from functions.wire.facts import partition_of

Deliver: TypeAlias = Callable[[Event], Awaitable[Answer]]

IN_FLIGHT_MAX: Final = 50
"""Events of one Trigger under way at once; the Kafka data plane's max.poll.records."""

TIMED_OUT: Final = Answer(504, other_body=b"no answer in time")


@dataclass(frozen=True, slots=True)
class Subscriber:
    """Somebody who answers events. `inline` says that answering never waits, so it needs no task of its own."""

    address: str
    deliver: Deliver
    inline: bool = False


class Outbound(Protocol):
    """Where a consumer puts what comes of an event."""

    def publish(self, broker: str, event: Event) -> None:
        """Append a reply to a broker."""
        ...

    def bury(self, sink: str, event: Event, *, destination: str, answer: Answer) -> None:
        """Append an event that cannot be delivered to a dead letter sink."""
        ...


class _Cursor:
    """The offsets that are done: everything below `next`, and some above."""

    def __init__(self, start: int) -> None:
        self.next = start
        self._done: list[int] = []

    def finish(self, offset: int) -> int:
        if offset == self.next and not self._done:
            self.next += 1
            return self.next
        heapq.heappush(self._done, offset)
        while self._done and self._done[0] == self.next:
            heapq.heappop(self._done)
            self.next += 1
        return self.next


class Consumer:
    """Read one broker for one Trigger."""

    def __init__(
        self, subscription: Subscription, subscriber: Subscriber, *, log: EventLog, outbound: Outbound, partitions: int
    ) -> None:
        """Start at the Trigger's cursor; a new Trigger starts at the beginning."""
        self.name = subscription.name
        self._subscription = subscription
        self._subscriber = subscriber
        self._log = log
        self._outbound = outbound
        self._partitions = partitions
        self._at = log.cursors.setdefault(self.name, 0)
        self._cursor = _Cursor(self._at)
        self._in_flight: set[asyncio.Task[None]] = set()
        self._lanes: dict[int, asyncio.Task[None]] = {}
        self.delivered = 0
        self.retried = 0
        self.buried = 0

    @property
    def caught_up(self) -> bool:
        """Tell whether every event so far is done."""
        return self._cursor.next == self._log.head

    @property
    def lag(self) -> int:
        """Count the events not done yet."""
        return self._log.head - self._cursor.next

    async def run(self) -> None:
        """Deliver for ever; cancel to stop."""
        log, accepts = self._log, self._subscription.accepts
        try:
            while True:
                await log.wait(self._at, self._passes)
                for event in log.read(self._at):
                    offset = self._at
                    self._at += 1
                    if not accepts(event):
                        self._finish(offset)
                    elif self._subscriber.inline:
                        await self._handle(offset, event)
                        if self._at < log.head:  # else waiting lets the others run
                            await asyncio.sleep(0)
                    else:
                        await self._start(offset, event)
        finally:
            for task in self._in_flight:
                task.cancel()

    def _passes(self, event: Event) -> bool:
        """Step over an event that is not for this Trigger while it sleeps at the head."""
        if self._subscription.accepts(event):
            return False
        self._finish(self._at)
        self._at += 1
        return True

    async def _start(self, offset: int, event: Event) -> None:
        while len(self._in_flight) >= IN_FLIGHT_MAX:
            await asyncio.wait(self._in_flight, return_when=asyncio.FIRST_COMPLETED)
        if self._subscription.ordered:
            lane = zlib.crc32(partition_of(event).encode()) % self._partitions
            task = asyncio.create_task(self._in_turn(self._lanes.get(lane), offset, event))
            self._lanes[lane] = task
        else:
            task = asyncio.create_task(self._handle(offset, event))
        self._in_flight.add(task)
        task.add_done_callback(self._in_flight.discard)

    async def _in_turn(self, before: asyncio.Task[None] | None, offset: int, event: Event) -> None:
        if before is not None and not before.done():
            await asyncio.wait([before])
        await self._handle(offset, event)

    async def _handle(self, offset: int, event: Event) -> None:
        answer = await self._try(event)
        if not answer.delivered:
            self.buried += 1
            delivery = self._subscription.delivery
            self._outbound.bury(delivery.dead_letter_sink, event, destination=self._subscriber.address, answer=answer)
        elif answer.event is not None:
            self._outbound.publish(self._subscription.broker, answer.event)
        self.delivered += 1
        self._finish(offset)

    async def _try(self, event: Event) -> Answer:
        delivery = self._subscription.delivery
        answer = await self._once(event)
        for attempt in range(1, delivery.retry + 1):
            if answer.delivered or not answer.retryable:
                return answer
            self.retried += 1
            await asyncio.sleep(delivery.pause_s(attempt))
            answer = await self._once(event)
        return answer

    async def _once(self, event: Event) -> Answer:
        if self._subscriber.inline:
            return await self._subscriber.deliver(event)
        try:
            async with asyncio.timeout(self._subscription.delivery.timeout_s):
                return await self._subscriber.deliver(event)
        except TimeoutError:
            return TIMED_OUT

    def _finish(self, offset: int) -> None:
        self._log.cursors[self.name] = self._cursor.finish(offset)
