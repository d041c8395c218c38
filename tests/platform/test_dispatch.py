"""A consumer delivers every event at least once, in order where asked, and moves its cursor only over what is done."""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import replace

import pytest
from waiting import until

from functions.domain.sequence import REORDER_EVENTS_MAX
from functions.local.consumer import Consumer
from functions.local.delivery import Answer, Delivery
from functions.local.dispatch import SPREAD_MAX, Subscriber
from functions.local.log import MemoryLog
from functions.local.topology import Subscription
from functions.wire.envelope import Event
from functions.wire.errors import Malformed


class Outbox:
    """Collect what a consumer puts out."""

    def __init__(self) -> None:
        """Start empty."""
        self.published: list[Event] = []
        self.buried: list[tuple[str, Event, Answer]] = []

    def publish(self, broker: str, event: Event) -> None:
        """Collect a reply."""
        assert broker == "market"
        self.published.append(event)

    def bury(self, sink: str, event: Event, *, destination: str, answer: Answer) -> None:
        """Collect a dead letter."""
        assert destination == "nowhere"
        self.buried.append((sink, event, answer))


def event(number: int, key: str = "k") -> Event:
    """Make a numbered event of a partition."""
    return Event(id=str(number), source="/s", type="t", extensions={"partitionkey": key})


def trigger(*, ordered: bool = False, retry: int = 2) -> Subscription:
    """Make a Trigger that lets `t` through and hardly pauses."""
    delivery = Delivery(retry, 0.0, exponential=True, timeout_s=0.2, dead_letter_sink="graves")
    return Subscription("x-market", "market", ordered, lambda one: one.type == "t", (), "Service", "x", delivery)


async def consume(
    events: list[Event],
    deliver: Callable[[Event], Awaitable[Answer]],
    subscription: Subscription,
    *,
    inline: bool = False,
) -> tuple[Outbox, MemoryLog]:
    """Run a consumer until it has caught up."""
    log, outbox = MemoryLog(), Outbox()
    consumer = Consumer(
        subscription, Subscriber("nowhere", deliver, inline=inline), log=log, outbound=outbox, partitions=4
    )
    for one in events:
        log.append(one)
    task = asyncio.create_task(consumer.run())
    await until(lambda: consumer.caught_up)
    task.cancel()
    return outbox, log


@pytest.mark.parametrize("inline", [False, True])
async def test_replies_and_filters(*, inline: bool) -> None:
    """A reply is published, an event the filter does not let through is done at once."""
    heard: list[str] = []

    async def deliver(one: Event) -> Answer:
        heard.append(one.id)
        return Answer(200, Event(id=f"r{one.id}", source="/h", type="u"))

    events = [event(0), Event(id="1", source="/s", type="other"), event(2)]
    outbox, log = await consume(events, deliver, trigger(), inline=inline)
    assert sorted(heard) == ["0", "2"]
    assert sorted(one.id for one in outbox.published) == ["r0", "r2"]
    assert log.cursors["x-market"] == 3


async def test_nobody_runs_far_ahead() -> None:
    """While one event is not answered, only so many later ones are that a table behind still waits for it."""
    gate, heard = asyncio.Event(), list[int]()

    async def deliver(one: Event) -> Answer:
        if one.id == "0":
            await gate.wait()
        heard.append(int(one.id))
        return Answer(204)

    async def hold() -> None:
        await until(lambda: len(heard) == SPREAD_MAX - 1)
        for _ in range(100):
            await asyncio.sleep(0)
        assert sorted(heard) == list(range(1, SPREAD_MAX))
        gate.set()

    slow = replace(trigger(), delivery=replace(trigger().delivery, timeout_s=30.0))
    holding = asyncio.create_task(hold())
    await consume([event(number) for number in range(3 * SPREAD_MAX)], deliver, slow)
    await holding
    assert sorted(heard) == list(range(3 * SPREAD_MAX))
    assert SPREAD_MAX < REORDER_EVENTS_MAX


async def test_sleeper_moves_its_cursor() -> None:
    """While it sleeps at the head, events that are not for it are done the moment they are stored."""
    heard: list[str] = []

    async def deliver(one: Event) -> Answer:
        heard.append(one.id)
        return Answer(204)

    log = MemoryLog()
    consumer = Consumer(trigger(), Subscriber("nowhere", deliver), log=log, outbound=Outbox(), partitions=4)
    task = asyncio.create_task(consumer.run())
    await asyncio.sleep(0)
    for number in range(3):
        log.append(Event(id=f"other{number}", source="/s", type="other"))
        assert (consumer.caught_up, log.cursors["x-market"]) == (True, number + 1)
    log.append(event(3))
    assert (consumer.caught_up, consumer.lag) == (False, 1)
    log.append(Event(id="other4", source="/s", type="other"))
    await until(lambda: consumer.caught_up)
    task.cancel()
    assert (heard, log.cursors["x-market"]) == (["3"], 5)


async def test_retries_then_buries() -> None:
    """A retryable answer is tried `retry` times more, then the event is buried with the last answer."""
    tries: list[str] = []

    async def deliver(one: Event) -> Answer:
        tries.append(one.id)
        return Answer(503, other_body=b"down")

    outbox, _ = await consume([event(0)], deliver, trigger(retry=2))
    assert tries == ["0", "0", "0"]
    assert [(sink, answer.status) for sink, _, answer in outbox.buried] == [("graves", 503)]


async def test_foreign_body_is_buried_at_once() -> None:
    """A 2xx with a body that is no CloudEvent is a failure without retries."""
    tries: list[str] = []

    async def deliver(one: Event) -> Answer:
        tries.append(one.id)
        return Answer(200, other_body=b"OK")

    outbox, _ = await consume([event(0)], deliver, trigger())
    assert tries == ["0"]
    assert len(outbox.buried) == 1


async def test_no_answer_in_time_is_retried() -> None:
    """A subscriber that does not answer in time is tried again, and the event buried as 504."""

    async def deliver(_: Event) -> Answer:
        await asyncio.Event().wait()
        return Answer(204)

    outbox, _ = await consume([event(0)], deliver, trigger(retry=1))
    assert outbox.buried[0][2].status == 504


async def test_ordered_keeps_each_partition_in_order() -> None:
    """With order asked for, an event starts only when the one before it in its partition is done."""
    running: dict[str, int] = {"a": 0, "b": 0}
    heard: list[str] = []

    async def deliver(one: Event) -> Answer:
        key = str(one.extensions["partitionkey"])
        running[key] += 1
        assert running[key] == 1
        await asyncio.sleep(0)
        heard.append(one.id)
        running[key] -= 1
        return Answer(204)

    await consume([event(at, "ab"[at % 2]) for at in range(20)], deliver, trigger(ordered=True))
    assert [one for one in heard if int(one) % 2] == [str(at) for at in range(1, 20, 2)]


async def test_cursor_waits_for_the_slowest() -> None:
    """Out-of-order completion moves the cursor only over what is done without holes."""
    release = asyncio.Event()
    log, outbox = MemoryLog(), Outbox()

    async def deliver(one: Event) -> Answer:
        if one.id == "0":
            await release.wait()
        return Answer(204)

    consumer = Consumer(trigger(), Subscriber("nowhere", deliver), log=log, outbound=outbox, partitions=1)
    for at in range(3):
        log.append(event(at))
    task = asyncio.create_task(consumer.run())
    for _ in range(10):
        await asyncio.sleep(0)
    assert log.cursors["x-market"] == 0
    release.set()
    await until(lambda: consumer.caught_up)
    task.cancel()
    assert log.cursors["x-market"] == 3


class Slow:
    """Store nothing before it is let: what is put out is a promise, as with a broker elsewhere."""

    def __init__(self) -> None:
        """Start with nothing promised."""
        self.stored: list[asyncio.Future[None]] = []

    def publish(self, broker: str, event: Event) -> asyncio.Future[None]:
        """Promise to store a reply."""
        assert (broker, event.id) == ("market", "r")
        return self._promised()

    def bury(self, sink: str, event: Event, *, destination: str, answer: Answer) -> asyncio.Future[None]:
        """Promise to store a dead letter."""
        assert (sink, event.id, destination, answer.status) == ("graves", "0", "nowhere", 400)
        return self._promised()

    def _promised(self) -> asyncio.Future[None]:
        self.stored.append(asyncio.get_running_loop().create_future())
        return self.stored[-1]


@pytest.mark.parametrize("inline", [False, True])
@pytest.mark.parametrize("answer", [Answer(200, Event(id="r", source="/h", type="u")), Answer(400)])
async def test_done_once_it_is_stored(answer: Answer, *, inline: bool) -> None:
    """An event is done when its reply, or its dead letter, is stored, and not before: whoever dies between loses it."""

    async def deliver(_: Event) -> Answer:
        return answer

    log, outbox = MemoryLog(), Slow()
    subscriber = Subscriber("nowhere", deliver, inline=inline)
    consumer = Consumer(trigger(), subscriber, log=log, outbound=outbox, partitions=1)
    log.append(event(0))
    task = asyncio.create_task(consumer.run())
    await until(lambda: len(outbox.stored) == 1)
    for _ in range(10):
        await asyncio.sleep(0)
    assert (consumer.caught_up, log.cursors["x-market"], consumer.dispatcher.delivered) == (False, 0, 0)
    outbox.stored[0].set_result(None)
    await until(lambda: consumer.caught_up)
    task.cancel()
    assert (log.cursors["x-market"], consumer.dispatcher.delivered) == (1, 1)


async def test_stopped_is_not_done() -> None:
    """What is under way when a dispatcher is stopped goes no further, and counts as not done."""
    heard: list[str] = []
    gate = asyncio.Event()

    async def deliver(one: Event) -> Answer:
        heard.append(one.id)
        await gate.wait()
        return Answer(200, Event(id="r", source="/h", type="u"))

    log, outbox = MemoryLog(), Outbox()
    consumer = Consumer(trigger(), Subscriber("nowhere", deliver), log=log, outbound=outbox, partitions=1)
    log.append(event(0))
    task = asyncio.create_task(consumer.run())
    await until(lambda: heard == ["0"])
    under_way = asyncio.all_tasks() - {asyncio.current_task(), task}
    assert under_way
    consumer.dispatcher.stop()
    gate.set()
    await asyncio.wait(under_way)
    consumer.dispatcher.check()
    task.cancel()
    assert (outbox.published, log.cursors["x-market"]) == ([], 0)


async def test_reply_that_no_broker_takes() -> None:
    """A reply that is greater than a record may be: its cause is buried, and the Trigger goes on."""

    class Bounded(Outbox):
        def publish(self, broker: str, event: Event) -> None:
            if event.id == "r0":
                msg = "too large"
                raise Malformed(msg)
            super().publish(broker, event)

    async def deliver(one: Event) -> Answer:
        return Answer(200, Event(id=f"r{one.id}", source="/h", type="u"))

    log, outbox = MemoryLog(), Bounded()
    consumer = Consumer(trigger(), Subscriber("nowhere", deliver), log=log, outbound=outbox, partitions=4)
    for number in range(3):
        log.append(event(number))
    task = asyncio.create_task(consumer.run())
    await until(lambda: consumer.caught_up)
    task.cancel()
    assert [(one.id, answer.status) for _, one, answer in outbox.buried] == [("0", 413)]
    assert [one.id for one in outbox.published] == ["r1", "r2"]
