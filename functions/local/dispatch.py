"""Deliver events to one subscriber as its Trigger says: order, retries, replies, dead letters. The log is another's.

Written once and used above every log: who reads a log hands events over by lane and offset and is told how far all is
done. At least once: what is done moves only over events whose reply or dead letter is stored, so a restart delivers
the rest again.
"""

import asyncio
import math
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Final, Protocol, TypeAlias

from functions.adapters.time_limit import TimeLimit
from functions.domain.sequence import REORDER_EVENTS_MAX
from functions.local.delivery import Answer
from functions.local.topology import Subscription
from functions.wire.envelope import Event
from functions.wire.errors import Malformed

Deliver: TypeAlias = Callable[[Event], Awaitable[Answer]]
Done: TypeAlias = Callable[[int], object]
"""Told an offset once it is done."""

IN_FLIGHT_MAX: Final = 50
"""Events of one Trigger under way at once; the Kafka data plane's max.poll.records."""

SILENT_IN_FLIGHT_MAX: Final = 200
"""The same where no answer is an event: who only stores waits for others to store with, and no order is to be kept."""

SPREAD_MAX: Final = REORDER_EVENTS_MAX // 4
"""Events a Trigger may be past its oldest one under way: the table behind three such Triggers still waits for it."""

REPLY_REFUSED: Final = 413
TIMED_OUT: Final = Answer(504, other_body=b"no answer in time")


@dataclass(frozen=True, slots=True)
class Subscriber:
    """Somebody who answers events.

    Args:
        address: What dead letters call them.
        deliver: Answers an event.
        inline: Answering never waits, so it needs no task of its own.
        silent: No answer is an event, so none is out of its order.
    """

    address: str
    deliver: Deliver
    inline: bool = False
    silent: bool = False


class Outbound(Protocol):
    """Where a dispatcher puts what comes of an event."""

    def publish(self, broker: str, event: Event) -> Awaitable[object] | None:
        """Append an event to a broker; None when it is stored, else what to wait for until it is.

        Raises:
            Malformed: Now or when it is awaited: the broker takes no event like it.
        """
        ...

    def bury(self, sink: str, event: Event, *, destination: str, answer: Answer) -> Awaitable[object] | None:
        """Append an event that cannot be delivered to a dead letter sink; as `publish`."""
        ...


class Cursor:
    """How far one lane was read: everything below `at` is done, but for what is under way."""

    def __init__(self, start: int) -> None:
        """Begin with everything below `start` done."""
        self.at = start
        self._under_way: dict[int, None] = {}  # lowest first

    @property
    def next(self) -> int:
        """Give the first offset that is not done."""
        return next(iter(self._under_way), self.at)

    def take(self) -> int:
        """Step over an offset that is done once `finish` is told of it; give it."""
        offset = self.at
        self._under_way[offset] = None
        self.at += 1
        return offset

    def finish(self, offset: int) -> None:
        """Count an offset that was taken as done."""
        del self._under_way[offset]


class Dispatcher:
    """Deliver events for one Trigger, a bounded number at once, in order inside a lane where it asks for it."""

    def __init__(self, subscription: Subscription, subscriber: Subscriber, outbound: Outbound) -> None:
        """Name the Trigger, who answers, and where answers go."""
        self.name = subscription.name
        self.subscription = subscription
        self.inline = subscriber.inline
        self._most = SILENT_IN_FLIGHT_MAX if subscriber.silent else IN_FLIGHT_MAX
        self._spread_max = math.inf if subscriber.silent else SPREAD_MAX
        self._once = subscriber.deliver if subscriber.inline else self._in_time
        self._subscriber = subscriber
        self._outbound = outbound
        self._limit = TimeLimit(subscription.delivery.timeout_s)
        self._in_flight: dict[asyncio.Task[None], int] = {}  # oldest first, each with how many were taken before it
        self._taken = 0
        self._lanes: dict[int, asyncio.Task[None]] = {}
        self._failure: BaseException | None = None
        self.delivered = 0
        self.retried = 0
        self.buried = 0

    async def take(self, event: Event, *, lane: int, offset: int, done: Done) -> None:
        """Take an event its filter let through; return once it is under way, or done where that never waits."""
        if self.inline:
            await self._handle(event, offset, done)
            return
        while len(self._in_flight) >= self._most or self._spread >= self._spread_max:
            await asyncio.wait(self._in_flight, return_when=asyncio.FIRST_COMPLETED)
            self.check()
        if self.subscription.ordered:
            task = asyncio.create_task(self._in_turn(self._lanes.get(lane), event, offset, done))
            self._lanes[lane] = task
        else:
            task = asyncio.create_task(self._handle(event, offset, done))
        self._in_flight[task] = self._taken
        self._taken += 1
        task.add_done_callback(self._leave)

    def stop(self) -> None:
        """Let go of what is under way; it counts as not done."""
        for task in self._in_flight:
            task.cancel()

    def check(self) -> None:
        """Raise what a delivery died of: a bug of ours, for every answer of a subscriber is a decision."""
        if self._failure is not None:
            raise self._failure

    @property
    def _spread(self) -> int:
        """Count the events that were taken since the oldest one under way."""
        return self._taken - next(iter(self._in_flight.values()), self._taken)

    def _leave(self, task: "asyncio.Task[None]") -> None:
        del self._in_flight[task]
        if not task.cancelled() and task.exception() is not None:
            self._failure = task.exception()

    async def _in_turn(self, before: "asyncio.Task[None] | None", event: Event, offset: int, done: Done) -> None:
        if before is not None and not before.done():
            await asyncio.wait([before])
        await self._handle(event, offset, done)

    async def _handle(self, event: Event, offset: int, done: Done) -> None:
        answer = await self._once(event)
        if not answer.delivered:
            answer = await self._again(event, answer)
        if answer.event is not None and answer.delivered:
            try:
                await _until(self._outbound.publish(self.subscription.broker, answer.event))
            except Malformed as error:  # nor will it take the same reply later
                answer = Answer(REPLY_REFUSED, other_body=str(error).encode())
        if not answer.delivered:
            self.buried += 1
            sink = self.subscription.delivery.dead_letter_sink
            await _until(self._outbound.bury(sink, event, destination=self._subscriber.address, answer=answer))
        self.delivered += 1
        done(offset)

    async def _again(self, event: Event, answer: Answer) -> Answer:
        delivery = self.subscription.delivery
        for attempt in range(1, delivery.retry + 1):
            if answer.delivered or not answer.retryable:
                return answer
            self.retried += 1
            await asyncio.sleep(delivery.pause_s(attempt))
            answer = await self._once(event)
        return answer

    async def _in_time(self, event: Event) -> Answer:
        try:
            return await self._limit.within(self._subscriber.deliver(event))
        except TimeoutError:
            return TIMED_OUT


async def _until(stored: Awaitable[object] | None) -> None:
    """Wait until something is stored, unless it is."""
    if stored is not None:
        await stored
