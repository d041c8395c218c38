"""Run the wiring over Kafka: brokers are topics, Triggers are consumer groups, handlers HTTP processes, tables Faust.

The same functions, stores, services and rules of delivery as in one process (`platform`); only what lies beneath
differs. What ends by itself is started again: handlers, services, workers and a broker of our own.
"""

import asyncio
import contextlib
import dataclasses
import gc
import itertools
import logging
from collections import deque
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from typing import Final

from functions.adapters.kafka_events import EventProducer, broker_topic, make_topics
from functions.adapters.kafka_groups import GroupOffsets, TopicReader
from functions.domain.market import RawBatch
from functions.local import subscribers
from functions.local.children import Children
from functions.local.delivery import Answer, dead_letter
from functions.local.dispatch import Subscriber
from functions.local.foundation import SERVICES, Foundation, Options, PlatformFailedError, pin
from functions.local.ingress import Ingress
from functions.local.kafka import BULK, PROMPT, Kafka, start_kafka
from functions.local.kafka_consumer import TopicConsumer
from functions.local.kafka_places import changelogs, places
from functions.local.kafka_scan import TopicScan, last_from
from functions.local.kafka_tables import FaustTable, look_for_ever, unawaited
from functions.local.kafka_topic import Topic
from functions.local.platform import GC_ALLOCATIONS
from functions.local.servers import Stores
from functions.local.supervision import Supervisor
from functions.local.topology import Topology, load
from functions.local.waterfall import Waterfall
from functions.runtime import logs
from functions.runtime.groups import CHANGELOG, group_of
from functions.runtime.tracing import traced
from functions.wire.codecs.market import decode_raw_batch
from functions.wire.envelope import Event
from functions.wire.errors import Malformed
from functions.wire.facts import sequence_of

_log: Final = logs.logger("kafka_platform")

TICK_S: Final = 0.01
LAG_EVENTS_MAX: Final = 512
"""A feed waits while some Trigger has more events than this to do."""

TABLE_LAG_EVENTS_MAX: Final = 4096
"""The same for a table, which says only about once a second how far it is."""

UNSTORED_MAX: Final = 64
"""Events a replay may send ahead of the broker's answers; the partition keeps their order."""

UNTOLD_S: Final = 1.0
"""How much later a broker that tells ends late has told them."""

ASK_S: Final = 0.1
"""How often the broker is asked, at the end of a tape, whether all is done: ten questions of half a millisecond."""

MS_PER_S: Final = 1_000
REPLAY: Final = "replay"


class KafkaPlatform:
    """A running platform over Kafka; make one with `running`."""

    def __init__(self, options: Options, topology: Topology, children: Children) -> None:
        """Lay out what `start` opens."""
        self.options = options
        self.topology = topology
        self.waterfall = Waterfall()
        self.topics: dict[str, Topic] = {}
        self.consumers: list[TopicConsumer] = []
        self.tables: list[FaustTable] = []
        self.newest_raw: Event | None = None
        self.observers: list[Callable[[Event], None]] = []
        self.ingress = Ingress(topology.brokers, self._accept)
        self.kafka: Kafka
        self.supervisor = Supervisor(children)
        self._pace = BULK if options.bulk else PROMPT
        self.children = children
        self._foundation = Foundation(dataclasses.replace(options, processes=True), topology, children)
        self._producer: EventProducer
        self._offsets: GroupOffsets
        self._tasks: list[asyncio.Task[None]] = []
        self._ended: asyncio.Task[None] | None = None

    @property
    def stores(self) -> Stores:
        """Say where the stores are."""
        return self._foundation.stores

    def target(self, service: str) -> str:
        """Say where a service listens, `host:port`."""
        return self._foundation.target(service)

    @property
    def logs(self) -> dict[str, TopicScan]:
        """Give every broker's and sink's topic, to be read as a log from its beginning."""
        servers, exact = self.kafka.servers, self.kafka.wakes
        return {name: TopicScan(servers, *place, exact=exact) for name, place in places(self.topology).items()}

    async def start(self) -> None:
        """Start broker and stores, then services, handlers and tables, then deliver."""
        foundation, options = self._foundation, self.options
        pin(options, -1)
        logging.getLogger("aiokafka").setLevel(logging.CRITICAL)  # while a broker is away it says so a thousand times
        options.folder.mkdir(parents=True, exist_ok=True)
        self.kafka, _ = await asyncio.gather(start_kafka(options.folder, self.children), foundation.start_stores())
        foundation.environ.setdefault("TICKLOOM_NORMALIZE_KERNELS", "compiled")  # the process stays
        foundation.environ |= {"KAFKA_BOOTSTRAP_SERVERS": self.kafka.servers, "TICKLOOM_EXPLAIN_HISTORY": "kafka"}
        await make_topics(self.kafka.servers, dict(places(self.topology).values()))
        await make_topics(self.kafka.servers, changelogs(self.topology), config=CHANGELOG)
        self._producer = EventProducer(
            self.kafka.servers, idempotent=self.kafka.idempotent, linger_ms=self._pace.linger_ms
        )
        await self._producer.start()
        self._offsets = GroupOffsets(self.kafka.servers)
        await self._offsets.start()
        await self.ingress.start(options.port)
        await foundation.start_services(self.ingress.url)
        for name, broker in self.topology.brokers.items():
            reader = TopicReader(
                self.kafka.servers, broker_topic(name), broker.partitions, fetch_wait_ms=self.kafka.fetch_wait_ms
            )
            self.topics[name] = Topic(reader, self._observe, gather_s=self._pace.gather_ms / MS_PER_S)
        await self._subscribe()
        await self._start_tables()
        pin(options, 0)
        gc.collect()
        gc.freeze()  # what start made stays; the collector need not look at it again
        gc.set_threshold(GC_ALLOCATIONS)
        self._run()
        foundation.say_where(self.ingress.port, kafka=self.kafka.servers)

    async def _subscribe(self) -> None:
        """Start every handler, bind each Trigger to its group, and read each topic from where its slowest group is."""
        named = dict.fromkeys((one.subscriber_kind, one.subscriber) for one in self.topology.subscriptions)
        reached = dict(zip(named, await asyncio.gather(*(self._reach(*one) for one in named)), strict=True))
        starts: dict[str, list[list[int]]] = {name: [] for name in self.topics}
        for one in self.topology.subscriptions:
            topic = self.topics[one.broker]
            group = TopicReader(self.kafka.servers, topic.name, topic.partitions, group=group_of(one.name))
            consumer = TopicConsumer(
                one, reached[one.subscriber_kind, one.subscriber], topic=topic, group=group, outbound=self
            )
            starts[one.broker].append(await consumer.open())
            self.consumers.append(consumer)
        for name, topic in self.topics.items():
            found = starts[name] or [[0] * topic.partitions]  # no Trigger reads it
            await topic.open([min(column) for column in zip(*found, strict=True)])

    async def _reach(self, kind: str, name: str) -> Subscriber:
        if kind == "Broker":
            return subscribers.into_broker(name, self._append, inline=False)
        handler = await self._foundation.start_handler(name)

        async def deliver(event: Event) -> Answer:
            """Hold an event while the handler is started again, as Knative's activator does."""
            await self.supervisor.running(f"handler-{name}")
            return await handler.deliver(event)

        return Subscriber(handler.address, deliver)

    async def _start_tables(self) -> None:
        for table in self.topology.tables:
            broker = self.topology.brokers[table.broker]
            sink = self.topology.sinks[broker.dead_letter_sink]
            self.tables.append(FaustTable(table, broker=broker, sink=sink, topic=self.topics[table.broker]))
        asked = self.options.workers
        handlers = {one.subscriber for one in self.topology.subscriptions if one.subscriber_kind != "Broker"}
        patient = unawaited(self.topology.tables, handlers)
        teams = [
            one.specs(
                self._foundation,
                self.kafka,
                asked.get(one.name, 1),
                pace=self._pace,
                patient=one.name in patient,
            )
            for one in self.tables
        ]
        for team in itertools.zip_longest(*teams):  # a first worker compiles what nobody has
            await asyncio.gather(*(self.supervisor.start(spec) for spec in team if spec is not None))

    def _run(self) -> None:
        services = (*SERVICES, *self.options.beside)
        kept = [one for one in self.children.names() if one in services or one.startswith(("handler-", "table-"))]
        if self.kafka.durable and "kafka" in self.children:  # another would begin empty
            kept.append("kafka")
        parts: list[tuple[str, Awaitable[None]]] = [
            *((f"topic {one.name}", one.run()) for one in self.topics.values()),
            *((one.name, one.run()) for one in self.consumers),
            *((f"{one.name} offsets", one.commit_for_ever()) for one in self.consumers),
            ("tables", look_for_ever(self.tables, self._offsets)),
            *((f"{name} supervision", self.supervisor.watch(name)) for name in kept),
        ]
        for name, coroutine in parts:
            self._tasks.append(asyncio.ensure_future(coroutine))
            self._tasks[-1].set_name(name)
            self._tasks[-1].add_done_callback(self._note_end)

    def _note_end(self, task: "asyncio.Task[None]") -> None:
        if not task.cancelled() and self._ended is None:
            self._ended = task

    # -- what comes in and what goes out

    def _observe(self, event: Event, stored_ns: int) -> None:
        self.waterfall.observe(event, stored_ns)
        for observe in self.observers:
            observe(event)

    async def publish(self, broker: str, event: Event) -> None:
        """Append an event to a broker; return once it is stored."""
        topic = self.topics[broker]
        topic.written(*await self._producer.write(topic.name, event))

    async def bury(self, sink: str, event: Event, *, destination: str, answer: Answer) -> None:
        """Append an event to a dead letter sink, with the extensions that say why; return once it is stored."""
        extensions = {**event.extensions, **dead_letter(destination=destination, answer=answer)}
        letter = dataclasses.replace(event, extensions=extensions)
        for one in (letter, dataclasses.replace(letter, data=None)):  # what is buried stays in its own topic
            try:
                await self._producer.write(self.topology.sinks[sink].topic, one)
            except Malformed as error:
                _log.error("letter_too_large", reason=str(error)[:200], sink=sink)
            else:
                return

    async def _append(self, broker: str, event: Event) -> None:
        await self.publish(broker, event)

    async def _accept(self, broker: str, event: Event) -> None:
        await self.publish(broker, event)

    async def send(self, broker: str, event: Event) -> Awaitable[None]:
        """Hand an event over, in the order of calls; await the answer to know that it is stored."""
        topic = self.topics[broker]
        taken = await self._producer.send(topic.name, event)

        async def stored() -> None:
            topic.written(*await taken)

        return stored()

    # -- feeds and the end

    async def tick(self) -> None:
        """Wait a moment for others to go on, and raise what a part of the platform died of."""
        await asyncio.sleep(TICK_S)
        if self._ended is not None:
            msg = f"{self._ended.get_name()} ended: {self._ended.exception()}"
            raise PlatformFailedError(msg) from self._ended.exception()

    async def failed(self) -> None:
        """Return never, unless a part of the platform ends by itself: then raise what it died of."""
        while True:
            await self.tick()

    @property
    def lag(self) -> int:
        """Give the events the slowest Trigger or table has still to do, as far as is known here."""
        readers: list[TopicConsumer | FaustTable] = [*self.consumers, *self.tables]
        return max(one.lag for one in readers)

    @property
    def overfull(self) -> bool:
        """Tell whether feeds should wait."""
        return any(one.lag > LAG_EVENTS_MAX for one in self.consumers) or any(
            one.lag > TABLE_LAG_EVENTS_MAX and one.moves for one in self.tables
        )

    async def run_feed(self, name: str, environ: Mapping[str, str]) -> None:
        """Run a feed into its broker until its input ends; it goes on where the topic says an earlier run ended."""
        stream = self._foundation.compose_feed(name, environ, None).stream
        feed = self._foundation.compose_feed(name, environ, await self.last_raw(name, stream))
        sink = _TopicSink(self, self.topology.sources[name], ahead=UNSTORED_MAX if name == REPLAY else 1)
        try:
            await feed.run(traced(sink, name, self._foundation.kept.named(name), begins=True))
            await sink.settle()
        finally:
            await feed.close()

    async def last_raw(self, feed: str, stream: str = "") -> tuple[int, RawBatch] | None:
        """Find the last batch a feed published, on one stream or any, with its number; None when it never did."""
        place = places(self.topology)[self.topology.sources[feed]]
        last = await last_from(self.kafka.servers, *place, f"/tickloom/feeds/{feed}/{stream}")
        return None if last is None else (sequence_of(last), decode_raw_batch(last.data or b""))

    async def drained(self) -> None:
        """Return once nothing is left to do: every group is at the end of its topic, and the outbox is empty."""
        while True:
            if any(one.lag for one in self.consumers):  # known here: the broker need not be asked
                await self.tick()
                continue
            ends = {name: await topic.ends() for name, topic in self.topics.items()}
            if not await self._done_to(ends):
                await asyncio.sleep(ASK_S)
                await self.tick()
                continue
            pending = await self._foundation.orders.outbox_pending()
            if not self.kafka.wakes:  # it tells ends late
                await asyncio.sleep(UNTOLD_S)
            if not pending and ends == {name: await topic.ends() for name, topic in self.topics.items()}:
                return
            await self.tick()

    async def _done_to(self, ends: Mapping[str, list[int]]) -> bool:
        """Tell whether all Triggers and tables have done what lies before these offsets."""
        if not all(one.done_to(ends[one.broker]) for one in self.consumers):
            return False
        for table in self.tables:
            if not table.done_to(ends[table.broker]):
                await table.look(self._offsets)
        behind = [one for one in self.tables if not one.done_to(ends[one.broker])]
        for table in behind:
            if not any(table.hears(other) for other in behind if other is not table):  # else its turn comes later
                table.give_up_waiting(self.children, self.supervisor.since)
        return not behind

    def table_counts(self) -> dict[str, dict[str, int]]:
        """Count what each table has still to do."""
        return {one.name: {"lag": one.lag} for one in self.tables}

    def commit(self) -> None:
        """Do nothing: what is done is stored already."""

    async def stop(self) -> None:
        """Stop delivering, commit offsets; the children end with their owner."""
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        await self.ingress.stop()
        for consumer in self.consumers:
            await consumer.close()
        for topic in self.topics.values():
            await topic.close()
        with contextlib.suppress(AttributeError):
            await self._offsets.close()
        with contextlib.suppress(AttributeError):
            await self._producer.close()
        await self._foundation.stop()


class _TopicSink:
    """Let a feed write to a broker's topic, no faster than the slowest consumer allows."""

    def __init__(self, platform: KafkaPlatform, broker: str, *, ahead: int) -> None:
        self._platform = platform
        self._broker = broker
        self._ahead = ahead
        self._unstored: deque[Awaitable[None]] = deque()

    async def publish(self, event: Event) -> None:
        """Hand over one event; return once all but the newest few are stored."""
        self._unstored.append(await self._platform.send(self._broker, event))
        while len(self._unstored) >= self._ahead:
            await self._unstored.popleft()
        self._platform.newest_raw = event
        while self._platform.overfull:
            await self._platform.tick()

    async def settle(self) -> None:
        """Return once all are stored."""
        while self._unstored:
            await self._unstored.popleft()


@contextlib.asynccontextmanager
async def running(options: Options) -> AsyncIterator[KafkaPlatform]:
    """Start a platform over Kafka, give it, and stop it whatever happens; no child outlives it."""
    topology = load(options.wiring)
    async with Children(options.folder) as children:
        platform = KafkaPlatform(options, topology, children)
        try:
            await platform.start()
            yield platform
        finally:
            await platform.stop()
