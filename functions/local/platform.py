"""Run the wiring in one process: logs, handlers, tables, services and stores, from `eventing/` alone.

`local` calls each function's `compose` and wires nothing itself: who hears what comes from the topology, addresses of
stores and services go in through each function's own settings.
"""

import asyncio
import contextlib
import dataclasses
import gc
import importlib
import itertools
import time
from collections.abc import AsyncIterator, Callable, Mapping
from typing import TYPE_CHECKING, Final

from functions.adapters.orders_client import GrpcOrders
from functions.domain.market import RawBatch
from functions.local import subscribers
from functions.local.children import Children
from functions.local.consumer import Consumer
from functions.local.delivery import Answer, dead_letter
from functions.local.dispatch import Subscriber
from functions.local.foundation import Foundation, Options, PlatformFailedError, pin
from functions.local.ingress import Ingress
from functions.local.log import DiskLog, EventLog, MemoryLog
from functions.local.servers import Stores
from functions.local.table_host import TableConsumer
from functions.local.topology import Topology, load
from functions.local.waterfall import Waterfall
from functions.runtime import settings
from functions.runtime.tracing import traced
from functions.wire.codecs.market import decode_raw_batch
from functions.wire.envelope import Event
from functions.wire.facts import sequence_of

if TYPE_CHECKING:
    from functions.runtime.hosting import HostedTable

COMMIT_S: Final = 0.005
"""How long whoever waits for his event to be durable may wait for the next commit."""

COMMIT_TICKS_MAX: Final = 4
"""Ticks of `COMMIT_S` between commits while nobody waits: a commit costs more than the events in it."""

SNAPSHOT_S: Final = 0.5
LAG_EVENTS_MAX: Final = 256
"""A feed waits while some consumer has more events than this to do."""

TURN_EVENTS: Final = 16
"""Events a feed publishes before the others go on, where only the end counts: a stage that has several batches to go
through takes a fifth less time for each than one that shares the processor's caches with all in between."""

TURNS: Final = 12
"""Turns of the loop that the others have then: in so many a batch passes every stage that waits for nobody."""

GC_ALLOCATIONS: Final = 50_000
"""Allocations between two looks of the garbage collector: batches are acyclic, so it finds next to nothing."""


class Platform:
    """A running platform; make one with `running`."""

    def __init__(self, options: Options, topology: Topology, children: Children) -> None:
        """Lay out what `start` opens."""
        self.options = options
        self.topology = topology
        self.waterfall = Waterfall()
        self.logs: dict[str, EventLog] = {}
        self.consumers: list[Consumer] = []
        self.tables: list[TableConsumer] = []
        self.newest_raw: Event | None = None
        self.observers: list[Callable[[Event], None]] = []
        self.ingress = Ingress(topology.brokers, self._accept)
        self._foundation = Foundation(options, topology, children)
        self._tasks: list[asyncio.Task[None]] = []
        self._ticks: list[asyncio.Future[None]] = []
        self._awaited = False

    @property
    def stores(self) -> Stores:
        """Say where the stores are."""
        return self._foundation.stores

    def target(self, service: str) -> str:
        """Say where a service listens, `host:port`."""
        return self._foundation.target(service)

    @property
    def orders(self) -> GrpcOrders:
        """Give the orders service."""
        return self._foundation.orders

    async def start(self) -> None:
        """Start stores, services, handlers and tables, in this order."""
        foundation, options = self._foundation, self.options
        pin(options, -1)
        await foundation.start_stores()
        for name in (*self.topology.brokers, *self.topology.sinks):
            self.logs[name] = self._open_log(name)
        await self.ingress.start(options.port)
        await foundation.start_services(self.ingress.url)
        await self._subscribe()
        pin(options, 0)
        gc.collect()
        gc.freeze()  # what start made stays; the collector need not look at it again
        gc.set_threshold(GC_ALLOCATIONS)
        self._run()
        foundation.say_where(self.ingress.port)

    def _open_log(self, name: str) -> EventLog:
        return MemoryLog() if self.options.log == "memory" else DiskLog(self.options.folder / "log" / f"{name}.sqlite")

    async def _subscribe(self) -> None:
        reached: dict[str, Subscriber] = {}
        for one in self.topology.subscriptions:
            if one.subscriber not in reached:
                reached[one.subscriber] = await self._reach(one.subscriber_kind, one.subscriber)
            broker = self.topology.brokers[one.broker]
            consumer = Consumer(
                one,
                reached[one.subscriber],
                log=self.logs[one.broker],
                outbound=self,
                partitions=broker.partitions,
                bulk=self.options.bulk,
            )
            self.consumers.append(consumer)
        for table in self.topology.tables:
            module = importlib.import_module(f"functions.tables.{table.name}.main")
            hosted: HostedTable = module.compose(settings.load(module.Settings, self._foundation.share(module)))
            broker = self.topology.brokers[table.broker]
            self.tables.append(
                TableConsumer(
                    table,
                    hosted,
                    log=self.logs[table.broker],
                    outbound=self,
                    sink=broker.dead_letter_sink,
                    kept=self._foundation.kept.named(table.name),
                    bulk=self.options.bulk,
                )
            )

    async def _reach(self, kind: str, name: str) -> Subscriber:
        if kind == "Broker":
            return subscribers.into_broker(name, self._append)
        if self.options.processes:
            return await self._foundation.start_handler(name)
        return self._foundation.compose_handler(name)

    def _run(self) -> None:
        parts = [*((one.name, one.run()) for one in self.consumers), *((one.name, one.run()) for one in self.tables)]
        for name, coroutine in (*parts, ("committer", self._commit_for_ever())):
            task = asyncio.create_task(coroutine, name=name)
            task.add_done_callback(lambda _: self._wake())
            self._tasks.append(task)

    # -- what consumers put out

    def publish(self, broker: str, event: Event) -> None:
        """Append an event to a broker; durable with the next commit."""
        self.waterfall.observe(event, self.logs[broker].append(event))
        for observe in self.observers:
            observe(event)

    def bury(self, sink: str, event: Event, *, destination: str, answer: Answer) -> None:
        """Append an event to a dead letter sink, with the extensions that say why."""
        extensions = {**event.extensions, **dead_letter(destination=destination, answer=answer)}
        self.logs[sink].append(dataclasses.replace(event, extensions=extensions))

    async def _append(self, broker: str, event: Event) -> None:
        self.publish(broker, event)

    async def _accept(self, broker: str, event: Event) -> None:
        self.publish(broker, event)
        self._awaited = True
        await self.logs[broker].durable()

    # -- durability

    async def _commit_for_ever(self) -> None:
        snapshot_at = time.monotonic() + SNAPSHOT_S
        for tick in itertools.count(1):
            await asyncio.sleep(COMMIT_S)
            if time.monotonic() >= snapshot_at:
                snapshot_at = time.monotonic() + SNAPSHOT_S
                for table in self.tables:
                    table.snapshot()
            if self._awaited or tick % COMMIT_TICKS_MAX == 0:
                self._awaited = False
                self.commit()
            self._wake()

    def commit(self) -> None:
        """Commit every log, effects before their causes' cursors: sinks and desk before market."""
        for name in reversed(self.logs):
            self.logs[name].commit()

    def _wake(self) -> None:
        for waiter in self._ticks:
            if not waiter.done():
                waiter.set_result(None)
        self._ticks.clear()

    async def tick(self) -> None:
        """Wait a moment for others to go on, and raise what a part of the platform died of."""
        waiter: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._ticks.append(waiter)
        if any(task.done() for task in self._tasks):  # it may be the one that wakes
            self._wake()
            await asyncio.sleep(0)
        await waiter
        for task in self._tasks:
            if task.done() and not task.cancelled():
                msg = f"{task.get_name()} ended: {task.exception()}"
                raise PlatformFailedError(msg) from task.exception()

    async def failed(self) -> None:
        """Return never, unless a part of the platform ends by itself: then raise what it died of."""
        while True:
            await self.tick()

    # -- feeds and the end

    @property
    def lag(self) -> int:
        """Give the events the slowest consumer has still to do."""
        readers: list[Consumer | TableConsumer] = [*self.consumers, *self.tables]
        return max(one.lag for one in readers)

    async def run_feed(self, name: str, environ: Mapping[str, str]) -> None:
        """Run a feed into its broker until its input ends; it goes on where the log of an earlier run ends."""
        stream = self._foundation.compose_feed(name, environ, None).stream
        feed = self._foundation.compose_feed(name, environ, await self.last_raw(name, stream))
        try:
            sink = BrokerSink(self, self.topology.sources[name])
            kept = self._foundation.kept.named(name)
            await feed.run(traced(sink, name, kept, begins=True))
        finally:
            await feed.close()

    async def last_raw(self, feed: str, stream: str = "") -> tuple[int, RawBatch] | None:
        """Find the last batch a feed published, on one stream or any, with its number; None when it never did."""
        last = self.logs[self.topology.sources[feed]].last_from(f"/tickloom/feeds/{feed}/{stream}")
        return None if last is None else (sequence_of(last), decode_raw_batch(last.data or b""))

    def table_counts(self) -> dict[str, dict[str, int]]:
        """Count what each table folded, and what it holds back."""
        return {one.name: {"folded": one.folded, "waiting": one.waiting} for one in self.tables}

    @property
    def caught_up(self) -> bool:
        """Tell whether nothing that was stored is still to be done."""
        return all(one.caught_up for one in self.consumers) and all(one.caught_up for one in self.tables)

    async def drained(self) -> None:
        """Return once nothing is left to do: all consumers caught up, nothing waits, the outbox is empty."""
        while True:
            while not self.caught_up:
                await self.tick()
            if any(table.waiting for table in self.tables):
                for table in self.tables:
                    table.give_up_waiting()
                continue
            heads = {name: log.head for name, log in self.logs.items()}
            pending = await self._foundation.orders.outbox_pending()
            if not pending and self.caught_up and heads == {name: log.head for name, log in self.logs.items()}:
                return
            await self.tick()

    async def stop(self) -> None:
        """Stop consuming, write everything down, end the children."""
        await self.ingress.stop()  # while commits go on: who posts waits for one
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        for table in self.tables:
            table.snapshot()
        for name in reversed(self.logs):
            self.logs[name].close()
        await self._foundation.stop()


class BrokerSink:
    """Let a feed append to a broker, no faster than the slowest consumer allows."""

    def __init__(self, platform: Platform, broker: str) -> None:
        """Name the platform and its broker."""
        self._platform = platform
        self._broker = broker
        self._published = 0
        self._turn = TURN_EVENTS if platform.options.bulk else 1

    async def publish(self, event: Event) -> None:
        """Append an event; now and then the others have their turns, or must catch up first."""
        self._platform.publish(self._broker, event)
        self._platform.newest_raw = event
        self._published += 1
        if self._published % self._turn:
            return
        for _ in range(TURNS):
            await asyncio.sleep(0)
        while self._platform.lag > LAG_EVENTS_MAX:
            await self._platform.tick()


@contextlib.asynccontextmanager
async def running(options: Options) -> AsyncIterator[Platform]:
    """Start a platform, give it, and stop it whatever happens; no child outlives it."""
    topology = load(options.wiring)
    async with Children(options.folder) as children:
        platform = Platform(options, topology, children)
        try:
            await platform.start()
            yield platform
        finally:
            await platform.stop()
