"""What a table's consumer makes of a fetch."""

from aiokafka import ConsumerRecord
from faust.types import TP

from functions.runtime.faust_driver import Consumer

PLACE = TP("market", 3)


def record(offset: int, kind: bytes) -> ConsumerRecord:
    """Make a record of a type."""
    return ConsumerRecord(PLACE.topic, PLACE.partition, offset, 0, 0, b"k", b"v", None, 1, 1, (("ce_type", kind),))


def consumer() -> Consumer:
    """Make a consumer that hears one type and is joined to no app."""
    made = object.__new__(Consumer)
    made.hears = lambda headers: ("ce_type", b"heard") in headers
    made.before, made.last = {}, {}
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
