"""Run tables as Faust workers, and see how far they are: by the offsets their groups have committed."""

import asyncio
import importlib
import signal
import sys
import time
from collections.abc import Callable, Iterable, Sequence
from typing import Final

from aiokafka.errors import KafkaError  # type: ignore[import-untyped]  # the package says nothing of its types

from functions.adapters.kafka_events import broker_topic
from functions.adapters.kafka_groups import GroupOffsets
from functions.local import processes
from functions.local.children import Children, Spec, http_ok
from functions.local.foundation import Foundation
from functions.local.kafka import Kafka, Pace
from functions.local.kafka_topic import Topic
from functions.local.topology import Broker, Sink, Table
from functions.runtime import logs
from functions.runtime.groups import group_of

_log: Final = logs.logger("kafka_tables")

READY_S: Final = 300.0
"""A worker loads its kernel before it is ready, and compiles it where nobody has yet; one that ends is seen at once."""
STOP_S: Final = 10.0
PATIENT_WAIT_MS: Final = 200
PATIENT_BYTES_MIN: Final = 1024 * 1024
"""How long, and for how much, a table that nobody waits for lets the broker gather: each fetch costs both of them."""

LOOK_S: Final = 1.0
STANDS_STILL_S: Final = 20.0
"""A table that says about once a second how far it is, and has not moved for so long while nothing else has anything to
do, waits for an event that was lost."""

TABLE_LAYER: Final = 2
"""Workers stop before services and stores, and all of them before the broker."""


class FaustTable:
    """One table, served by one worker or several.

    Args:
        table: The table.
        broker: The broker it reads.
        sink: Where its failures go.
        topic: The broker's topic.
    """

    def __init__(self, table: Table, *, broker: Broker, sink: Sink, topic: Topic) -> None:
        """Start nothing yet."""
        self.name = table.name
        self.broker = table.broker
        self._table = table
        self._declared = broker
        self._sink = sink
        self._topic = topic
        self._done = [0] * broker.partitions
        self._moved_at = time.monotonic()
        self._workers: list[str] = []
        self.emits = _emits(table)

    def specs(
        self, foundation: Foundation, kafka: Kafka, workers: int, *, pace: Pace, patient: bool = False
    ) -> list[Spec]:
        """Say how its workers are started; a patient one may hear of events a moment later."""
        module = importlib.import_module(f"functions.tables.{self.name}.main")
        env = {
            **foundation.share(module),
            "KAFKA_BOOTSTRAP_SERVERS": kafka.servers,
            "TICKLOOM_TABLE_TOPIC": broker_topic(self._declared.name),
            "TICKLOOM_TABLE_TYPES": " ".join(self._table.types),
            "TICKLOOM_TABLE_PARTITIONS": str(self._declared.partitions),
            "TICKLOOM_DEAD_LETTER_TOPIC": self._sink.topic,
            "TICKLOOM_TABLE_FETCH_WAIT_MS": str(kafka.fetch_wait_ms),
            "TICKLOOM_TABLE_GATHER_MS": str(pace.gather_ms),
            "TICKLOOM_TABLE_LINGER_MS": str(pace.linger_ms),
            "PORT": "{port}",
        }
        if patient and kafka.wakes:
            env["TICKLOOM_TABLE_FETCH_WAIT_MS"] = str(PATIENT_WAIT_MS)
            env["TICKLOOM_TABLE_FETCH_BYTES_MIN"] = str(PATIENT_BYTES_MIN)
        command = (sys.executable, "-m", f"functions.tables.{self.name}.main")
        found = []
        for number in range(1, workers + 1):
            name = f"table-{self.name}-{number}"
            self._workers.append(name)
            folder = str(foundation.options.folder / "tables" / name)
            found.append(
                Spec(
                    name,
                    command,
                    env={**env, "TICKLOOM_FOLDER": folder},
                    probe=http_ok("/health/readiness"),
                    layer=TABLE_LAYER,
                    ready_s=READY_S,
                    stop_s=STOP_S,
                )
            )
        return found

    @property
    def lag(self) -> int:
        """Count the events whose offsets are not committed, as far as they are known here."""
        return sum(max(self._topic.end(number) - self._done[number], 0) for number in self._topic.used)

    @property
    def moves(self) -> bool:
        """Tell whether it got on lately: one that waits for a lost event does not, and nobody should wait for it."""
        return time.monotonic() - self._moved_at < STANDS_STILL_S

    def done_to(self, ends: list[int]) -> bool:
        """Tell whether every event before these offsets was folded, its outputs sent and its state kept."""
        return all(done >= end for done, end in zip(self._done, ends, strict=True))

    async def look(self, offsets: GroupOffsets) -> None:
        """Ask the broker how far the table is; keep what is known where it does not answer."""
        try:
            done = await offsets.committed(group_of(self.name), self._topic.name, self._topic.partitions)
        except KafkaError:
            self._moved_at = time.monotonic()  # who knows how it would have moved
            return
        if done != self._done:
            self._done, self._moved_at = done, time.monotonic()

    def hears(self, other: "FaustTable") -> bool:
        """Tell whether this table hears what another one says."""
        return not set(self._table.types).isdisjoint(other.emits)

    def give_up_waiting(self, children: Children, up_since: Callable[[str], float]) -> None:
        """Tell workers that what they wait for will not come, once they have stood still for long."""
        still_since = max([self._moved_at, *map(up_since, (*self._workers, "kafka"))])
        if time.monotonic() - still_since < STANDS_STILL_S:
            return
        self._moved_at = time.monotonic()
        _log.warning("table_told_to_give_up", table=self.name, lag=self.lag)
        for name in self._workers:
            processes.send(children[name].known, signal.SIGUSR1)


def unawaited(tables: Sequence[Table], handlers: Iterable[str]) -> frozenset[str]:
    """Name the tables that nobody waits for: what they say, no table hears, nor who then says or calls something.

    Args:
        tables: All tables.
        handlers: Names of all handlers.
    """
    hearing = [importlib.import_module(f"functions.handlers.{name}").CARD for name in handlers]
    acting = {kind for card in hearing if card.emits or card.calls for kind in card.consumes}
    awaited = acting.union(*(one.types for one in tables))
    return frozenset(one.name for one in tables if awaited.isdisjoint(_emits(one)))


def _emits(table: Table) -> frozenset[str]:
    return frozenset(importlib.import_module(f"functions.tables.{table.name}").CARD.emits)


async def look_for_ever(tables: list[FaustTable], offsets: GroupOffsets) -> None:
    """See how far tables are, now and then; cancel to stop."""
    while True:
        for table in tables:
            await table.look(offsets)
        await asyncio.sleep(LOOK_S)
