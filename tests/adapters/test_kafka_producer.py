"""An event that was taken is written however long the broker is away: also past the patience of one producer."""

import asyncio

import pytest
from aiokafka.errors import KafkaConnectionError, KafkaTimeoutError  # type: ignore[import-untyped]  # no types
from aiokafka.structs import RecordMetadata  # type: ignore[import-untyped]  # as above

from functions.adapters import kafka_events
from functions.adapters.kafka_events import EventProducer
from functions.wire.envelope import Event


class Producer:
    """Fail what is sent, or store it."""

    def __init__(self, *, stores: bool) -> None:
        """Say which."""
        self._stores = stores

    async def send(self, *_: object, **__: object) -> "asyncio.Future[RecordMetadata]":
        """See AIOKafkaProducer."""
        taken: asyncio.Future[RecordMetadata] = asyncio.get_running_loop().create_future()
        if self._stores:
            taken.set_result(RecordMetadata("t", 1, None, 7, 0, 0, 0))
        else:
            taken.set_exception(KafkaTimeoutError())
        return taken

    async def stop(self) -> None:
        """See AIOKafkaProducer."""


async def test_broker_away_for_long(monkeypatch: pytest.MonkeyPatch) -> None:
    """A producer gave up and no other can connect yet: the event waits, and is stored by the first that can."""
    monkeypatch.setattr(kafka_events, "AGAIN_S_MIN", 0.0)
    events, away = EventProducer("127.0.0.1:1"), [True, True]

    async def connect() -> Producer:
        if away and away.pop():
            raise KafkaConnectionError
        return Producer(stores=True)

    monkeypatch.setattr(events, "_connect", connect)
    monkeypatch.setattr(events, "_producer", Producer(stores=False))
    assert await events.write("t", Event(id="1", source="/s", type="t")) == (1, 7)
    assert not away
