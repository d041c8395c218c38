"""Run the wiring on one machine: logs, handlers, tables, services and stores, from `eventing/` alone.

`local` calls each function's `compose` and wires nothing itself: who hears what comes from the topology, addresses of
stores and services go in through each function's own settings.
"""

import asyncio
import contextlib
import dataclasses
import gc
import importlib
import itertools
import json
import os
import pathlib
import sys
import time
from collections.abc import AsyncIterator, Callable, Mapping
from dataclasses import dataclass, field
from types import ModuleType
from typing import TYPE_CHECKING, Final

import aiohttp

from functions.adapters.orders_client import GrpcOrders
from functions.adapters.postgres import migrate, open_pool
from functions.domain.market import RawBatch
from functions.local import subscribers
from functions.local.children import Child, Children, Spec, grpc_serving, http_ok
from functions.local.delivery import Answer, dead_letter
from functions.local.dispatch import Consumer, Subscriber
from functions.local.ingress import Ingress
from functions.local.log import DiskLog, EventLog, MemoryLog
from functions.local.processes import identify
from functions.local.servers import Stores, start_stores
from functions.local.table_host import TableConsumer
from functions.local.topology import DEFAULT_FOLDER, Topology, load
from functions.local.waterfall import Waterfall
from functions.runtime import settings
from functions.wire.codecs.market import decode_raw_batch
from functions.wire.envelope import Event
from functions.wire.facts import sequence_of

if TYPE_CHECKING:
    from functions.runtime.hosting import HostedFeed, HostedHandler, HostedTable

COMMIT_S: Final = 0.005
"""How long whoever waits for his event to be durable may wait for the next commit."""

COMMIT_TICKS_MAX: Final = 4
"""Ticks of `COMMIT_S` between commits while nobody waits: a commit costs more than the events in it."""

SNAPSHOT_S: Final = 0.5
LAG_EVENTS_MAX: Final = 256
"""A feed waits while some consumer has more events than this to do."""

GC_ALLOCATIONS: Final = 50_000
"""Allocations between two looks of the garbage collector: batches are acyclic, so it finds next to nothing."""

WHERE: Final = "platform.json"
SERVICES: Final = ("risk", "inference", "orders")  # in start order: orders calls risk
REPLAY_DEADLINE_MS: Final = "30000"


@dataclass(frozen=True, slots=True)
class Options:
    """Say how the platform runs.

    Args:
        folder: Where logs, stores and spool lie.
        log: `disk` or `memory`.
        processes: Run each handler as its own HTTP process.
        live: Deadlines on models act; a replay switches them off.
        environ: Settings for functions, by their environment names.
        cpus: Processor of the platform and processor of its children, to pin them; empty = do not pin.
        port: Port of the brokers' ingress; 0 takes a free one.
        wiring: Folder of the wiring.
    """

    folder: pathlib.Path
    log: str = "disk"
    processes: bool = False
    live: bool = False
    environ: Mapping[str, str] = field(default_factory=dict)
    cpus: tuple[int, ...] = ()
    port: int = 0
    wiring: pathlib.Path = DEFAULT_FOLDER


class PlatformFailedError(RuntimeError):
    """A part of the platform ended by itself; its own error is the cause."""


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
        self.stores: Stores
        self.ingress = Ingress(topology.brokers, self._accept)
        self._children = children
        self._session: aiohttp.ClientSession
        self._environ: dict[str, str] = {}
        self._hosted: list[HostedHandler] = []
        self._tasks: list[asyncio.Task[None]] = []
        self._ticks: list[asyncio.Future[None]] = []
        self._awaited = False
        self._orders: GrpcOrders

    async def start(self) -> None:
        """Start stores, services, handlers and tables, in this order."""
        options = self.options
        options.folder.mkdir(parents=True, exist_ok=True)
        self._pin(-1)
        self.stores = await start_stores(
            options.folder,
            self._children,
            database_url=options.environ.get("DATABASE_URL", ""),
            redis_url=options.environ.get("REDIS_URL", ""),
        )
        pool = await open_pool(self.stores.database_url)
        await migrate(pool)
        await pool.close()
        for name in (*self.topology.brokers, *self.topology.sinks):
            self.logs[name] = self._open_log(name)
        await self.ingress.start(options.port)
        self._session = aiohttp.ClientSession()
        self._environ = {
            **options.environ,
            "TICKLOOM_HOST": "127.0.0.1",
            "DATABASE_URL": self.stores.database_url,
            "REDIS_URL": self.stores.redis_url,
        }
        if not options.processes:  # this process stays, and has numba for its tables anyway
            self._environ.setdefault("TICKLOOM_NORMALIZE_KERNELS", "compiled")
        if not options.live:
            self._environ.setdefault("TICKLOOM_INFERENCE_DEADLINE_MS", REPLAY_DEADLINE_MS)
        for name in SERVICES:
            child = await self._start_service(name)
            self._environ[f"TICKLOOM_{name.upper()}_TARGET"] = f"127.0.0.1:{child.port}"
        self._orders = GrpcOrders(self._environ["TICKLOOM_ORDERS_TARGET"])
        await self._subscribe()
        self._pin(0)
        gc.collect()
        gc.freeze()  # what start made stays; the collector need not look at it again
        gc.set_threshold(GC_ALLOCATIONS)
        self._run()
        self._say_where()

    def _pin(self, which: int) -> None:
        if self.options.cpus:
            os.sched_setaffinity(0, {self.options.cpus[which]})

    def _open_log(self, name: str) -> EventLog:
        return MemoryLog() if self.options.log == "memory" else DiskLog(self.options.folder / "log" / f"{name}.sqlite")

    async def _start_service(self, name: str) -> Child:
        module = importlib.import_module(f"functions.services.{name}.main")
        env = self._share(module)
        if name in self.topology.sources:
            env["K_SINK"] = self.ingress.url(self.topology.sources[name])
        command = (sys.executable, "-m", f"functions.services.{name}.main")
        return await self._children.start(
            Spec(name, command, env={**env, "PORT": "{port}"}, probe=grpc_serving, ready_s=30.0)
        )

    def _share(self, module: ModuleType) -> dict[str, str]:
        """Give a function the part of the settings that is its own."""
        return settings.share(module.Settings, self._environ)

    async def _subscribe(self) -> None:
        reached: dict[str, Subscriber] = {}
        for one in self.topology.subscriptions:
            if one.subscriber not in reached:
                reached[one.subscriber] = await self._reach(one.subscriber_kind, one.subscriber)
            broker = self.topology.brokers[one.broker]
            consumer = Consumer(
                one, reached[one.subscriber], log=self.logs[one.broker], outbound=self, partitions=broker.partitions
            )
            self.consumers.append(consumer)
        for table in self.topology.tables:
            module = importlib.import_module(f"functions.tables.{table.name}.main")
            hosted: HostedTable = module.compose(settings.load(module.Settings, self._share(module)))
            broker = self.topology.brokers[table.broker]
            self.tables.append(
                TableConsumer(table, hosted, log=self.logs[table.broker], outbound=self, sink=broker.dead_letter_sink)
            )

    async def _reach(self, kind: str, name: str) -> Subscriber:
        if kind == "Broker":
            return subscribers.into_broker(name, self._append)
        module = importlib.import_module(f"functions.handlers.{name}.main")
        environ = self._share(module)
        if not self.options.processes:
            hosted: HostedHandler = module.compose(settings.load(module.Settings, environ))
            self._hosted.append(hosted)
            return subscribers.in_process(hosted)
        command = (sys.executable, "-m", f"functions.handlers.{name}.main")
        child = await self._children.start(
            Spec(f"handler-{name}", command, env={**environ, "PORT": "{port}"}, probe=http_ok("/health/readiness"))
        )
        return subscribers.over_http(f"http://127.0.0.1:{child.port}/", self._session)

    def _say_where(self) -> None:
        """Leave a note in the folder by which commands find the running platform; no passwords in it."""
        me = identify(os.getpid())
        assert me is not None, "we run"  # noqa: S101 - a process that asks is there
        given = {"DATABASE_URL", "REDIS_URL"} & set(self.options.environ)
        note = {
            "pid": me.pid,
            "start": me.start,
            "ingress_port": self.ingress.port,
            "database_url": "" if "DATABASE_URL" in given else self.stores.database_url,
            "redis_url": "" if "REDIS_URL" in given else self.stores.redis_url,
        }
        (self.options.folder / WHERE).write_text(json.dumps(note))

    def _run(self) -> None:
        parts = [*((one.name, one.run()) for one in self.consumers), *((one.name, one.run()) for one in self.tables)]
        for name, coroutine in (*parts, ("committer", self._commit_for_ever())):
            self._tasks.append(asyncio.create_task(coroutine, name=name))

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
            for waiter in self._ticks:
                if not waiter.done():
                    waiter.set_result(None)
            self._ticks.clear()

    def commit(self) -> None:
        """Commit every log, effects before their causes' cursors: sinks and desk before market."""
        for name in reversed(self.logs):
            self.logs[name].commit()

    async def tick(self) -> None:
        """Wait a moment for others to go on, and raise what a part of the platform died of."""
        waiter: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._ticks.append(waiter)
        await asyncio.wait([waiter, *self._tasks], return_when=asyncio.FIRST_COMPLETED)
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
        module = importlib.import_module(f"functions.feeds.{name}.main")
        known = settings.names(module.Settings)
        resume = {key: value for key, value in self._resume(name).items() if key in known}
        feed: HostedFeed = module.compose(settings.load(module.Settings, {**self._share(module), **environ, **resume}))
        try:
            await feed.run(_BrokerSink(self, self.topology.sources[name]))
        finally:
            await feed.close()

    def last_raw(self, feed: str) -> tuple[int, RawBatch] | None:
        """Find the last batch a feed published, with its sequence number; None when it never did."""
        last = self.logs[self.topology.sources[feed]].last_from(f"/tickloom/feeds/{feed}/")
        return None if last is None else (sequence_of(last), decode_raw_batch(last.data or b""))

    def _resume(self, feed: str) -> dict[str, str]:
        last = self.last_raw(feed)
        if last is None:
            return {}
        number, batch = last
        return {
            "TICKLOOM_FIRST_SEQUENCE": str(number + 1),
            "TICKLOOM_FIRST_ROW": str(batch.first_row + batch.row_count),
            "TICKLOOM_TAPE_OFFSET": str(batch.tape_offset),
        }

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
            pending = await self._orders.outbox_pending()
            if not pending and self.caught_up and heads == {name: log.head for name, log in self.logs.items()}:
                return
            await self.tick()

    async def stop(self) -> None:
        """Stop consuming, write everything down, end the children."""
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        for table in self.tables:
            table.snapshot()
        for hosted in self._hosted:
            await hosted.close()
        for name in reversed(self.logs):
            self.logs[name].close()
        with contextlib.suppress(AttributeError):
            await self._orders.close()
        with contextlib.suppress(AttributeError):
            await self._session.close()
        await self.ingress.stop()
        (self.options.folder / WHERE).unlink(missing_ok=True)


class _BrokerSink:
    """Let a feed append to a broker, no faster than the slowest consumer allows."""

    def __init__(self, platform: Platform, broker: str) -> None:
        self._platform = platform
        self._broker = broker

    async def publish(self, event: Event) -> None:
        self._platform.publish(self._broker, event)
        self._platform.newest_raw = event
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
