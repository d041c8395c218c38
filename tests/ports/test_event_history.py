"""One suite for every adapter of the port `EventHistory`: events by id, their causes, and what came before them."""

import asyncio
import contextlib
import itertools
import time
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Protocol

import pytest
from forecast import signal_of

from functions.adapters.kafka_events import EventProducer, make_topics
from functions.adapters.kafka_history import KafkaHistory
from functions.adapters.log_history import LogHistory
from functions.adapters.postgres import Pool
from functions.adapters.postgres_views import PostgresViews
from functions.domain.decisions import Signal
from functions.local.log import DiskLog
from functions.ports.errors import Unavailable
from functions.ports.history import EventHistory
from functions.wire.codecs.predictions import PREDICTION_BATCH
from functions.wire.codecs.signals import SIGNAL, encode_signal
from functions.wire.envelope import Event
from functions.wire.facts import batch_id, sequence_text

DESK, MARKET = "desk", "market"
SOURCE = "/tickloom/handlers/infer/BINANCE-0"
CAUSES_MAX = 8
PARTITIONS = 3
_numbers = itertools.count(1)


class Brokers(Protocol):
    """Store events as brokers do."""

    history: EventHistory

    async def store(self, broker: str, *events: Event) -> None:
        """Store events, each behind the one before."""
        ...

    async def known(self, signal: Signal) -> None:
        """Have a signal stored where `project` stores it."""
        ...


@dataclass
class Logs:
    """A folder's logs."""

    folder: Path
    history: EventHistory

    async def store(self, broker: str, *events: Event) -> None:
        """Append to a log."""
        with contextlib.closing(DiskLog(self.folder / "log" / f"{broker}.sqlite")) as log:
            for one in events:
                log.append(one)

    async def known(self, signal: Signal) -> None:
        """Do nothing: logs know all there is."""


@dataclass
class Topics:
    """Topics of Kafka, and PostgreSQL's table."""

    producer: EventProducer
    prefix: str
    views: PostgresViews
    history: EventHistory
    stored: list[Signal] = field(default_factory=list)

    async def store(self, broker: str, *events: Event) -> None:
        """Write to a topic."""
        for one in events:
            await self.producer.write(f"{self.prefix}-{broker}", one)

    async def known(self, signal: Signal) -> None:
        """Store a row."""
        await self.views.put_signal(signal)


@pytest.fixture(params=["log", "kafka"])
def kind(request: pytest.FixtureRequest) -> tuple[str, str]:
    """Give the addresses of Kafka and PostgreSQL; none for logs."""
    if request.param == "log":
        return "", ""
    return str(request.getfixturevalue("kafka_servers")), str(request.getfixturevalue("database_url"))


@pytest.fixture
async def brokers(kind: tuple[str, str], tmp_path: Path) -> AsyncIterator[Brokers]:
    """Give each adapter over brokers that have nothing yet."""
    servers, url = kind
    if not servers:
        logs = Logs(tmp_path, LogHistory(tmp_path))
        await logs.store(DESK)
        await logs.store(MARKET)
        yield logs
        return
    prefix = f"explained-{next(_numbers)}"
    await make_topics(servers, {f"{prefix}-{DESK}": 1, f"{prefix}-{MARKET}": PARTITIONS})
    pool, producer = Pool(url), EventProducer(servers)
    await producer.start()
    views = PostgresViews(pool)
    history = KafkaHistory(servers, (f"{prefix}-{DESK}", f"{prefix}-{MARKET}"), url)
    yield Topics(producer, prefix, views, history)
    await history.close()
    await producer.close()
    await views.close()
    await pool.close()


def batch(number: int, *, cause: str = "", source: str = SOURCE, key: str = "BINANCE-0") -> Event:
    """Make a batch of a source."""
    more = {"causationid": cause} if cause else {}
    extensions = {"sequence": sequence_text(number), "partitionkey": key, **more}
    return Event(batch_id(source, number), source, PREDICTION_BATCH, b"x", extensions=extensions)


def signal(number: int, *, cause: str = "", as_of_ns: int = 0) -> tuple[Signal, Event]:
    """Make a signal and its event."""
    value = signal_of(1000 + number)
    value = replace(value, as_of_ns=as_of_ns) if as_of_ns else value
    extensions = {"sequence": sequence_text(number), "partitionkey": value.shard, "causationid": cause or "none"}
    source = "/tickloom/tables/signals/desk"
    return value, Event(value.signal_id, source, SIGNAL, encode_signal(value), extensions=extensions)


def numbers(events: Sequence[Event]) -> list[int]:
    """Read the numbers of events."""
    return [int(str(one.extensions["sequence"])) for one in events]


async def test_a_signal_is_found(brokers: Brokers) -> None:
    """A signal is found by its id with all its attributes, and others' ids find none, nor do those of other types."""
    (value, event), (_, other) = signal(1), signal(2)
    await brokers.store(DESK, batch(1), event, other, batch(2))
    await brokers.known(value)
    placed = await brokers.history.signal(event.id)
    assert placed is not None
    assert (placed.event, placed.broker, placed.offset) == (event, DESK, 1)
    assert abs(placed.recorded_ns - time.time_ns()) < 600 * 10**9
    assert await brokers.history.signal(batch(1).id) is None
    assert await brokers.history.signal(signal(3)[1].id) is None


async def test_what_comes_later_is_found(brokers: Brokers) -> None:
    """A signal that comes after the first look is found by the next, before any row of a store tells of it."""
    _, event = signal(1)
    assert await brokers.history.signal(event.id) is None
    await brokers.store(DESK, event)
    placed = await brokers.history.signal(event.id)
    assert placed is not None
    assert placed.event == event


async def test_a_live_signal_is_found(brokers: Brokers) -> None:
    """A signal as of now is found among many others by its time."""
    value, event = signal(1, as_of_ns=time.time_ns())
    await brokers.store(DESK, *(batch(number) for number in range(40)), event, *(batch(99 + n) for n in range(40)))
    await brokers.known(value)
    placed = await brokers.history.signal(event.id)
    assert placed is not None
    assert placed.offset == 40


async def test_causes(brokers: Brokers) -> None:
    """Causes are followed over brokers, nearest first, as far as they are found, and no farther than is asked."""
    raw, known = batch(7, source="/tickloom/feeds/replay/BINANCE-0", cause="lost"), SOURCE.replace("infer", "bars")
    bars = batch(7, source=known, cause=raw.id)
    scored = batch(7, cause=bars.id)
    _, event = signal(1, cause=scored.id)
    await brokers.store(MARKET, raw, *(batch(n, source="/other", key="X") for n in range(100)), bars)
    await brokers.store(DESK, scored, *(batch(8 + n) for n in range(50)), event)
    placed = await brokers.history.signal(event.id)
    assert placed is not None
    causes = await brokers.history.causes(placed, CAUSES_MAX)
    assert [(one.broker, one.event) for one in causes] == [(DESK, scored), (MARKET, bars), (MARKET, raw)]
    assert [one.event for one in await brokers.history.causes(placed, 2)] == [scored, bars]


async def test_before(brokers: Brokers) -> None:
    """What comes before a batch is given in sequence, each number once, late ones too, and nothing of other sources."""
    last = batch(6)
    _, event = signal(1, cause=last.id)
    told = [batch(0), batch(2), batch(1), batch(2), batch(3), batch(3, source="/other"), batch(4), last, event]
    await brokers.store(DESK, *told, batch(5), batch(7))
    placed = await brokers.history.signal(event.id)
    assert placed is not None
    (cause,) = await brokers.history.causes(placed, CAUSES_MAX)
    assert numbers(await brokers.history.before(cause, 0)) == [0, 1, 2, 3, 4, 5]
    assert numbers(await brokers.history.before(cause, 4)) == [4, 5]
    assert await brokers.history.before(cause, 6) == []


async def test_before_over_many(brokers: Brokers) -> None:
    """Holes that stay are left out, and the first numbers are found however many events lie between."""
    last = batch(400)
    _, event = signal(1, cause=last.id)
    told = [batch(number) for number in range(400) if number != 200]
    await brokers.store(DESK, *told, last, event)
    placed = await brokers.history.signal(event.id)
    assert placed is not None
    (cause,) = await brokers.history.causes(placed, CAUSES_MAX)
    assert numbers(await brokers.history.before(cause, 10)) == [n for n in range(10, 400) if n != 200]


async def test_without_logs(tmp_path: Path) -> None:
    """A folder without logs is unavailable, and this is said."""
    with pytest.raises(Unavailable, match="there are no logs"):
        await LogHistory(tmp_path).signal(signal(1)[1].id)


async def test_a_broken_log(tmp_path: Path) -> None:
    """A file that is no log is unavailable."""
    (tmp_path / "log").mkdir()
    (tmp_path / "log" / "desk.sqlite").write_bytes(b"no database at all" * 100)
    with pytest.raises(Unavailable, match="cannot be read"):
        await LogHistory(tmp_path).signal(signal(1)[1].id)


async def test_a_log_made_anew(tmp_path: Path) -> None:
    """A log that was deleted and written again is read again, and what it had is forgotten."""
    logs = Logs(tmp_path, LogHistory(tmp_path))
    (_, old), (_, new) = signal(1), signal(2)
    await logs.store(DESK, batch(1), old, batch(2))
    assert await logs.history.signal(old.id) is not None
    for file in (tmp_path / "log").iterdir():
        await asyncio.to_thread(file.unlink)
    await logs.store(DESK, new, *(batch(10 + number) for number in range(5)))
    assert await logs.history.signal(old.id) is None
    placed = await logs.history.signal(new.id)
    assert placed is not None


async def test_without_kafka(database_url: str) -> None:
    """Brokers that nobody reaches are unavailable, as is a topic that is not there."""
    history = KafkaHistory("127.0.0.1:1", ("no-desk",), database_url)
    with pytest.raises(Unavailable, match=r"Kafka at 127\.0\.0\.1:1 does not answer"):
        await history.signal(signal(1)[1].id)
    await history.close()


async def test_without_topics(kafka_servers: str, database_url: str) -> None:
    """A topic that is not there is unavailable, by its name."""
    history = KafkaHistory(kafka_servers, ("nobody-desk",), database_url)
    with pytest.raises(Unavailable, match="nobody-desk"):
        await history.signal(signal(1)[1].id)
    await history.close()
