"""What a table's consumer makes of a fetch."""

import asyncio
from collections.abc import Awaitable, Callable
from types import SimpleNamespace
from typing import Any

from aiokafka import ConsumerRecord, TopicPartition
from faust.types import TP

from functions.runtime.faust_driver import Consumer, Thread

PLACE = TP("market", 3)


def record(offset: int, kind: bytes) -> ConsumerRecord:
    """Make a record of a type."""
    return ConsumerRecord(PLACE.topic, PLACE.partition, offset, 0, 0, b"k", b"v", None, 1, 1, (("ce_type", kind),))


async def nothing(*_: object) -> dict[TP, Any]:
    """Fetch nothing."""
    return {}


def consumer(getmany: Callable[..., Awaitable[Any]] = nothing) -> Any:  # noqa: ANN401 - a part of Faust's
    """Make a consumer that hears one type and is joined to no app."""
    made: Any = object.__new__(Consumer)
    made._thread = SimpleNamespace(getmany=getmany)  # noqa: SLF001 - what Faust's own asks
    made.hears = lambda headers: ("ce_type", b"heard") in headers
    made.before, made.last, made.room = {}, {}, asyncio.Event()
    made.topic, made.gather_s, made.app = PLACE.topic, 0.0, SimpleNamespace(in_recovery=False)
    made.room.set()
    return made


def test_fetch_is_one_message() -> None:
    """What is heard of a fetch comes together with the last record, in order, under the last offset."""
    fetched = [record(4, b"heard"), record(5, b"other"), record(6, b"heard"), record(7, b"other")]
    (message,) = consumer().join(PLACE, fetched)
    assert message.offset == 7
    assert [one.offset for one in message.value] == [4, 6, 7]


def test_messages_know_their_predecessors() -> None:
    """Each message names the last offset of the one before, so that one that is lost is missed."""
    made = consumer()
    for first in (0, 2, 4):
        made.join(PLACE, [record(first, b"heard"), record(first + 1, b"heard")])
    assert made.before == {(3, 3): 1, (3, 5): 3}


def test_fetch_after_a_seek_back_misses_nothing() -> None:
    """What was fetched and thrown away before Faust went back is brought again, in a message that may reach further."""
    made = consumer()
    made.join(PLACE, [record(4, b"heard"), record(5, b"heard")])
    made.join(PLACE, [record(4, b"heard"), record(5, b"heard"), record(6, b"heard")])
    assert made.before == {}
    made.join(PLACE, [record(7, b"heard")])
    assert made.before == {(3, 7): 6}


async def test_full_queue_is_waited_for() -> None:
    """While a queue is full nothing is fetched; once there is room everything is asked for again, and at once."""
    asked: list[set[TP]] = []

    async def getmany(partitions: set[TP], _timeout: float) -> dict[TP, Any]:
        asked.append(partitions)
        return {}

    made = consumer(getmany)
    made.on_buffer_full(PLACE)
    fetching = asyncio.create_task(made._getmany({PLACE}, 1.0))  # noqa: SLF001 - as Faust calls it
    await asyncio.sleep(0.05)
    assert asked == []
    made.on_buffer_drop(PLACE)
    await asyncio.wait_for(fetching, 0.5)
    assert asked == [{PLACE}]


async def test_queue_that_is_silent_is_not_waited_for_for_ever() -> None:
    """A full queue that was emptied by Faust tells nobody of its room: the broker is asked all the same."""
    made = consumer()
    made.on_buffer_full(PLACE)
    assert await asyncio.wait_for(made._getmany({PLACE}, 1.0), 5) == {}  # noqa: SLF001 - as Faust calls it


async def test_recovery_is_never_held_up() -> None:
    """What a recovery reads has room of its own."""
    made = consumer()
    made.app.in_recovery = True
    made.on_buffer_full(PLACE)
    assert made.room.is_set()


async def test_only_what_is_wanted_is_fetched() -> None:
    """The client is told which partitions Faust paused and resumed: else it fetches what nobody takes."""
    topic, changelog = TopicPartition(*PLACE), TopicPartition("changelog", 3)
    paused: set[TopicPartition] = {topic}
    client = SimpleNamespace(
        _closed=False,
        paused=lambda: set(paused),
        assignment=lambda: {topic, changelog},
        pause=lambda *some: paused.update(some),
        resume=lambda *some: paused.difference_update(some),
    )
    made: Any = object.__new__(Thread)
    made.consumer = SimpleNamespace(flow_active=False)
    fetch = made._fetch_records  # noqa: SLF001 - as Faust calls it
    assert await fetch(client, {PLACE, TP("lost", 0)}) == {}
    assert paused == {changelog}
    await fetch(client, {PLACE, TP(*changelog)})
    assert paused == set()
