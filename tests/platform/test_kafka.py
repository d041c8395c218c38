"""A Kafka broker is the one that is named, else a real one that ends with us; without either the reason is said."""

import pathlib

import pytest
from aiokafka import AIOKafkaConsumer, AIOKafkaProducer

from functions.local.children import Children
from functions.local.kafka import KafkaError, start_kafka


async def test_named_broker_is_taken(monkeypatch: pytest.MonkeyPatch, tmp_path: pathlib.Path) -> None:
    """The environment's broker is taken as it is; nothing is started."""
    monkeypatch.setenv("KAFKA_BOOTSTRAP_SERVERS", "broker:9092")
    async with Children(tmp_path) as children:
        found = await start_kafka(tmp_path, children)
    assert (found.servers, found.origin) == ("broker:9092", "KAFKA_BOOTSTRAP_SERVERS")


async def test_missing_programs_are_named(monkeypatch: pytest.MonkeyPatch, tmp_path: pathlib.Path) -> None:
    """Without Java and Maven the message says what to install or set."""
    monkeypatch.delenv("KAFKA_BOOTSTRAP_SERVERS", raising=False)
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.setenv("TICKLOOM_CACHE", str(tmp_path))
    monkeypatch.setattr("functions.local.kafka_wheel.PACKAGE", "no_such_wheel")
    async with Children(tmp_path) as children:
        with pytest.raises(KafkaError, match=r"no java and no mvn.*KAFKA_BOOTSTRAP_SERVERS"):
            await start_kafka(tmp_path, children)


async def test_records_come_back(kafka_servers: str) -> None:
    """What is written to the session's broker is read from it."""
    producer = AIOKafkaProducer(bootstrap_servers=kafka_servers)
    await producer.start()
    await producer.send_and_wait("here", b"row")
    await producer.stop()
    consumer = AIOKafkaConsumer("here", bootstrap_servers=kafka_servers, auto_offset_reset="earliest")
    await consumer.start()
    record = await consumer.getone()
    await consumer.stop()
    assert record.value == b"row"
