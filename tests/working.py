"""Run table workers on a real broker: topics, enriched batches of a capture, processes, and what they put out."""

import asyncio
import contextlib
import os
import pathlib
import signal
import subprocess
import sys
from collections.abc import AsyncIterator, Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace

from aiokafka import AIOKafkaConsumer, AIOKafkaProducer, TopicPartition
from aiokafka.admin import AIOKafkaAdminClient, NewTopic
from ticking import Row, batch, cut

from functions.domain.enrichment import InstrumentFacts
from functions.domain.market import TickBatch
from functions.wire import facts
from functions.wire.codecs.enriched import ENRICHED_BATCH, encode_enriched_batch, encode_facts
from functions.wire.codecs.market import encode_tick_batch
from functions.wire.envelope import Event
from functions.wire.kafka_binding import from_kafka, to_kafka

STARTED_S = 60.0
OUTPUTS = "/tickloom/tables/"


def enriched(rows: Sequence[Row], shard: str, *, size: int = 512) -> list[Event]:
    """Cut rows into EnrichedBatches of a shard, as enrich numbers them."""
    return [_enriched(replace(one, shard=shard), shard, number) for number, one in enumerate(_cut(rows, size))]


def _cut(rows: Sequence[Row], size: int) -> Iterator[TickBatch]:
    yield from cut(rows, size) if rows else [batch([])]


def _enriched(ticks: TickBatch, shard: str, number: int) -> Event:
    source = f"/tickloom/handlers/enrich/{shard}.replay"
    told = [encode_facts(InstrumentFacts(ref.instrument_id)) for ref in ticks.instruments]
    return Event(
        id=facts.batch_id(source, number),
        source=source,
        type=ENRICHED_BATCH,
        data=encode_enriched_batch(encode_tick_batch(ticks), told),
        time_ns=1_700_000_000_000_000_000 + number,
        extensions={"sequence": facts.sequence_text(number), "partitionkey": shard, "correlationid": "c"},
    )


@dataclass
class Bench:
    """One topic on a broker, and the workers of one table over it."""

    servers: str
    name: str
    folder: pathlib.Path
    partitions: int = 2
    module: str = "functions.tables.bars.main"
    settings: Mapping[str, object] = field(default_factory=dict)
    workers: list["subprocess.Popen[bytes]"] = field(default_factory=list)

    async def create(self) -> None:
        """Create the topics."""
        admin = AIOKafkaAdminClient(bootstrap_servers=self.servers)
        await admin.start()
        try:
            await admin.create_topics([NewTopic(self.name, self.partitions, 1), NewTopic(f"{self.name}-dead", 1, 1)])
        finally:
            await admin.close()

    def start(self, **more: object) -> "subprocess.Popen[bytes]":
        """Start one more worker."""
        own = {
            "KAFKA_BOOTSTRAP_SERVERS": self.servers,
            "TICKLOOM_TABLE_TOPIC": self.name,
            "TICKLOOM_TABLE_TYPES": ENRICHED_BATCH,
            "TICKLOOM_TABLE_PARTITIONS": self.partitions,
            "TICKLOOM_TABLE_GROUP": f"{self.name}-group",
            "TICKLOOM_DEAD_LETTER_TOPIC": f"{self.name}-dead",
            "TICKLOOM_FOLDER": self.folder / "data",
            **{f"TICKLOOM_{name.upper()}": value for name, value in {**self.settings, **more}.items()},
        }
        kept = {name: value for name, value in os.environ.items() if not name.startswith("TICKLOOM_")}
        with (self.folder / f"worker{len(self.workers)}.log").open("wb") as log:
            process = subprocess.Popen(  # noqa: S603 - ours
                [sys.executable, "-m", self.module],
                env={**kept, **{name: str(value) for name, value in own.items()}},
                stdout=log,
                stderr=log,
            )
        self.workers.append(process)
        return process

    def stop(self) -> None:
        """Ask every worker to end, and wait for it; one that will not is killed, and told of once none is left."""
        for one in self.workers:
            one.send_signal(signal.SIGTERM)
        stuck = [one for one in self.workers if not _ended(one)]
        for one in stuck:
            one.kill()
            one.wait()
        assert not stuck, f"{len(stuck)} workers went on for 30 s after SIGTERM:\n{self.logs()}"

    async def said(self, event: str) -> str:
        """Wait until the last worker has logged an event; give the line."""
        path = self.folder / f"worker{len(self.workers) - 1}.log"
        tail = await asyncio.create_subprocess_exec("tail", "-n", "+1", "-f", path, stdout=asyncio.subprocess.PIPE)
        lines, line = tail.stdout, b""
        assert lines is not None
        try:
            async with asyncio.timeout(STARTED_S):
                while f'"{event}"'.encode() not in line:
                    line = await lines.readline()
        finally:
            tail.kill()
            await tail.wait()
        return line.decode()

    def logs(self) -> str:
        """Give what all workers wrote."""
        return "\n".join(one.read_text() for one in sorted(self.folder.glob("worker*.log")))

    async def post(self, lanes: Sequence[Sequence[Event]]) -> None:
        """Write events, a lane of them into each partition."""
        async with producer(self.servers) as out:
            sent = []
            for partition, lane in enumerate(lanes):
                for event in lane:
                    key, headers, value = to_kafka(event)
                    sent.append(await out.send(self.name, value, key=key, headers=headers, partition=partition))
            await asyncio.gather(*sent)

    async def outputs(self, done: Callable[[list[Event]], bool], *, within_s: float = STARTED_S) -> list[Event]:
        """Read what the tables put out until it is enough."""
        return await self.outputs_of(range(self.partitions), done, within_s=within_s)

    async def outputs_of(
        self, partitions: Iterable[int], done: Callable[[list[Event]], bool], *, within_s: float = STARTED_S
    ) -> list[Event]:
        """Read what the tables put out into some partitions until it is enough."""
        places = [TopicPartition(self.name, one) for one in partitions]
        return emitted(await read(self.servers, places, lambda found: done(emitted(found)), within_s=within_s))


def emitted(events: Iterable[Event]) -> list[Event]:
    """Keep what tables put out."""
    return [one for one in events if one.source.startswith(OUTPUTS)]


def once(events: Iterable[Event]) -> dict[tuple[str, str], Event]:
    """Keep the first event of each (source, sequence)."""
    found: dict[tuple[str, str], Event] = {}
    for one in events:
        found.setdefault((one.source, str(one.extensions["sequence"])), one)
    return found


@contextlib.asynccontextmanager
async def producer(servers: str) -> AsyncIterator[AIOKafkaProducer]:
    """Give a producer."""
    made = AIOKafkaProducer(bootstrap_servers=servers, linger_ms=5, max_request_size=4 * 1024 * 1024)
    await made.start()
    try:
        yield made
    finally:
        await made.stop()


async def read(
    servers: str, places: Sequence[TopicPartition], done: Callable[[list[Event]], bool], *, within_s: float
) -> list[Event]:
    """Read the events of partitions from their beginning until they are enough; partitions' own order is kept."""
    found: list[Event] = []
    async with reading(servers, places) as consumer:
        try:
            async with asyncio.timeout(within_s):
                while not done(found):
                    for records in (await consumer.getmany(timeout_ms=100)).values():
                        found += [from_kafka(one.headers, one.value) for one in records]
        except TimeoutError:
            message = f"after {within_s} s only {len(emitted(found))} outputs"
            raise AssertionError(message) from None
    return found


@contextlib.asynccontextmanager
async def reading(servers: str, places: Sequence[TopicPartition]) -> AsyncIterator[AIOKafkaConsumer]:
    """Give a consumer that stands at the beginning of partitions."""
    consumer = AIOKafkaConsumer(bootstrap_servers=servers, enable_auto_commit=False, auto_offset_reset="earliest")
    await consumer.start()
    consumer.assign(list(places))
    try:
        yield consumer
    finally:
        await consumer.stop()


def _ended(process: "subprocess.Popen[bytes]") -> bool:
    """Wait for a process to end; say whether it did."""
    try:
        process.wait(30)
    except subprocess.TimeoutExpired:
        return False
    return True
