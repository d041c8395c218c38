"""Events go to the partition of their key and come back as they were."""

import pytest
from aiokafka.partitioner import murmur2

from functions.adapters.kafka_events import EventProducer, make_topics
from functions.local.kafka_scan import TopicScan, last_from
from functions.ports.errors import Unavailable
from functions.wire.envelope import Event
from functions.wire.errors import Malformed


def event(number: int, source: str = "/tickloom/feeds/replay/A.replay", key: str = "BINANCE-0") -> Event:
    """Make a numbered event."""
    extensions = {"partitionkey": key, "sequence": f"{number:020d}"}
    return Event(id=str(number), source=source, type="t", data=b"x", time_ns=7, extensions=extensions)


@pytest.mark.parametrize(
    ("key", "hashed"), [(b"21", -973932308), (b"foobar", -790332482), (b"a-little-bit-long-string", -985981536)]
)
def test_keys_hash_as_in_java(key: bytes, hashed: int) -> None:
    """The hash behind the partition is Kafka's own (UtilsTest.testMurmur2), so others' clients find our partitions."""
    found = murmur2(key)
    assert (found - 2**32 if found >= 2**31 else found) == hashed


async def test_events_come_back(kafka_servers: str) -> None:
    """Events of a key lie in its partition in order of writing, and read as they were written."""
    await make_topics(kafka_servers, {"back": 4})
    await make_topics(kafka_servers, {"back": 4})  # what is there is left as it is
    producer = EventProducer(kafka_servers)
    await producer.start()
    places = [await producer.write("back", event(number)) for number in range(3)]
    await producer.write("back", event(9, "/tickloom/tables/bars/A", key="other"))
    await producer.close()
    assert places == [((murmur2(b"BINANCE-0") & 0x7FFFFFFF) % 4, offset) for offset in range(3)]
    found = [one for _, _, one in TopicScan(kafka_servers, "back", 4).scan()]
    assert [one for one in found if one.id != "9"] == [event(0), event(1), event(2)]
    assert len(found) == 4
    last = await last_from(kafka_servers, "back", 4, "/tickloom/feeds/replay/")
    assert last == event(2)


async def test_another_number_of_partitions_is_refused(kafka_servers: str) -> None:
    """A topic that has other partitions than the wiring says stops the start, with both numbers."""
    await make_topics(kafka_servers, {"refused": 2})
    with pytest.raises(Unavailable, match=r"has 2 partitions and the wiring says 3"):
        await make_topics(kafka_servers, {"refused": 3})


async def test_too_large_is_malformed(kafka_servers: str) -> None:
    """An event greater than a record may be is refused for good, not tried for ever."""
    await make_topics(kafka_servers, {"large": 1})
    producer = EventProducer(kafka_servers)
    await producer.start()
    try:
        with pytest.raises(Malformed, match="a record holds 1048576"):
            await producer.write("large", Event(id="1", source="/s", type="t", data=bytes(2**20 + 1)))
    finally:
        await producer.close()
