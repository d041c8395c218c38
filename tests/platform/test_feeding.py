"""A feed that never waits goes on while nobody falls behind, and no further."""

import asyncio
import pathlib
from dataclasses import replace

from brokered import BROKER, LocalBroker, brokering
from waiting import until

from functions.local.delivery import Answer
from functions.local.dispatch import Subscriber
from functions.local.platform import LAG_EVENTS_MAX, TURN_EVENTS, BrokerSink
from functions.wire.envelope import Event


def event(number: int) -> Event:
    """Make an event."""
    return Event(id=str(number), source="/a", type="t")


async def unserved(*_: object) -> None:
    """Answer no request: none comes."""
    raise AssertionError


def heard(broker: LocalBroker, taken: list[str]) -> None:
    """Add a Trigger whose subscriber notes ids and never waits."""

    async def take(one: Event) -> Answer:
        taken.append(one.id)
        return Answer(204)

    broker.platform.options = replace(broker.platform.options, bulk=True)
    consumer = broker.trigger("t", unserved, subscriber=Subscriber("/t", take, inline=True))
    broker.platform.consumers.append(consumer)


async def published(broker: LocalBroker, count: int) -> None:
    """Publish so many events as fast as the sink takes them."""
    sink = BrokerSink(broker.platform, BROKER)
    for number in range(count):
        await sink.publish(event(number))


async def test_others_have_their_turn(tmp_path: pathlib.Path) -> None:
    """So many events are published, then whoever hears them goes through all of them."""
    taken: list[str] = []
    async with brokering(tmp_path) as broker:
        heard(broker, taken)
        await published(broker, TURN_EVENTS - 1)
        assert not taken
        await published(broker, TURN_EVENTS)
        assert len(taken) == 2 * TURN_EVENTS - 1


async def test_each_has_its_turn_where_somebody_waits(tmp_path: pathlib.Path) -> None:
    """Unless only the end counts, an event is heard before the next one is published."""
    taken: list[str] = []
    async with brokering(tmp_path) as broker:
        heard(broker, taken)
        broker.platform.options = replace(broker.platform.options, bulk=False)
        await published(broker, 1)
        assert taken == ["0"]


async def test_waits_for_the_slowest(tmp_path: pathlib.Path) -> None:
    """A feed goes on while the slowest has no more to do than it may have, and then waits."""
    async with brokering(tmp_path) as broker:
        heard(broker, [])
        broker.tasks["t"].cancel()  # it does nothing at all
        await published(broker, LAG_EVENTS_MAX)
        ahead = asyncio.create_task(published(broker, 2 * TURN_EVENTS))
        await until(lambda: broker.platform.lag == LAG_EVENTS_MAX + TURN_EVENTS)
        await asyncio.sleep(0)
        assert not ahead.done()
        ahead.cancel()
        assert broker.log.head == LAG_EVENTS_MAX + TURN_EVENTS
