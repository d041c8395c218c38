"""What every platform stands on: stores, services, handlers, and the note by which commands find it.

A platform adds its log: SQLite or memory in one process (`platform`), topics of Kafka (`kafka_platform`). `compose` of
each function is called here and nothing is wired: addresses go in through each function's own settings.
"""

import contextlib
import importlib
import json
import os
import pathlib
import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from types import ModuleType
from typing import TYPE_CHECKING, Final

from functions.adapters.orders_client import GrpcOrders
from functions.adapters.postgres import migrate, open_pool
from functions.domain.market import RawBatch
from functions.local import subscribers
from functions.local.children import Child, Children, Spec, grpc_serving, http_ok
from functions.local.dispatch import Subscriber
from functions.local.poster import Poster
from functions.local.processes import identify
from functions.local.servers import Stores, start_stores
from functions.local.topology import DEFAULT_FOLDER, Topology
from functions.runtime import settings, telemetry

if TYPE_CHECKING:
    from functions.ports.telemetry import Telemetry
    from functions.runtime.hosting import HostedFeed, HostedHandler

PLATFORM: Final = "platform"
WHERE: Final = "platform.json"
SERVICES: Final = ("risk", "inference", "features", "orders")  # in start order, each knowing those before it
REPLAY: Final = {
    "TICKLOOM_INFERENCE_DEADLINE_MS": "30000",
    "TICKLOOM_MODEL_TIMEOUT_MS": "0",
    "TICKLOOM_MODELS_RELOAD_S": "0",
    "TICKLOOM_RISK_BLIND_S_MAX": "0",
    "TICKLOOM_SIGNAL_AGE_S_MAX": "0",
}
"""What a replay says unless it is told otherwise: deadlines, breakers and hot reload act live only (design R5)."""
FEED_STATES: Final = "state"
FEED_PLACES: Final = {
    "TICKLOOM_SPOOL": "spool",
    "TICKLOOM_POLL_STATE": f"{FEED_STATES}/rest.json",
    "TICKLOOM_MT4_STATE": f"{FEED_STATES}/mt4.json",
}
"""Where feeds keep things in the platform's folder unless they are told otherwise: another's numbers are not theirs."""
ORDERS_VENUE: Final = "TICKLOOM_ORDERS_VENUE"
REAL_VENUES: Final = frozenset(("fix", "mt4"))
SERVICE_READY_S: Final = 30.0


@dataclass(frozen=True, slots=True)
class Options:
    """Say how the platform runs.

    Args:
        folder: Where logs, stores and spool lie.
        log: `disk`, `memory` or `kafka`.
        processes: Run each handler as its own HTTP process; on Kafka they always are.
        live: Deadlines on models, their breakers and their hot reload act; a replay switches them off.
        environ: Settings for functions, by their environment names.
        cpus: Processor of the platform and processor of its children, to pin them; empty = do not pin.
        port: Port of the brokers' ingress; 0 takes a free one.
        wiring: Folder of the wiring.
        workers: Faust workers of a table, by its name; 1 where it is not named. Kafka only.
        bulk: Only the end counts, as of a tape that goes as fast as it can: events gather at every hop.
        beside: Services that no function calls, started for who asks from outside.
    """

    folder: pathlib.Path
    log: str = "disk"
    processes: bool = False
    live: bool = False
    environ: Mapping[str, str] = field(default_factory=dict)
    cpus: tuple[int, ...] = ()
    port: int = 0
    wiring: pathlib.Path = DEFAULT_FOLDER
    workers: Mapping[str, int] = field(default_factory=dict)
    bulk: bool = False
    beside: tuple[str, ...] = ()


class RealVenueError(RuntimeError):
    """What is replayed would become orders at a real venue; the message says what to do."""


class PlatformFailedError(RuntimeError):
    """A part of the platform ended by itself; its own error is the cause."""


class Foundation:
    """Stores, services and handlers of one platform."""

    def __init__(self, options: Options, topology: Topology, children: Children) -> None:
        """Lay out what `start_stores` and `start_services` open."""
        self.options = options
        self.children = children
        self.stores: Stores
        self.orders: GrpcOrders
        self.environ: dict[str, str] = {}
        self.kept: Telemetry = telemetry.start(PLATFORM, os.environ)
        self._topology = topology
        self._posters: list[Poster] = []
        self._hosted: list[HostedHandler] = []

    async def start_stores(self) -> None:
        """Start the stores and bring their tables up to date."""
        options = self.options
        options.folder.mkdir(parents=True, exist_ok=True)
        self.stores = await start_stores(
            options.folder,
            self.children,
            database_url=options.environ.get("DATABASE_URL", ""),
            redis_url=options.environ.get("REDIS_URL", ""),
        )
        pool = await open_pool(self.stores.database_url)
        await migrate(pool)
        await pool.close()
        self.environ = {
            **options.environ,
            "TICKLOOM_HOST": "127.0.0.1",
            "DATABASE_URL": self.stores.database_url,
            "REDIS_URL": self.stores.redis_url,
            "TICKLOOM_EXPLAIN_HISTORY": "folder",
            "TICKLOOM_EXPLAIN_FOLDER": str(options.folder.resolve()),
        }
        # One platform runs in a folder at a time, so a new one need not wait for the leases of one that was killed.
        self.environ.setdefault("TICKLOOM_ORDERS_HOLDER", str(options.folder.resolve()))
        self.environ.setdefault("TICKLOOM_REPLAY_KERNELS", "compiled")  # it replays in this process, as below
        if not options.processes:  # this process stays, and has numba for its tables anyway
            self.environ.setdefault("TICKLOOM_NORMALIZE_KERNELS", "compiled")
        if not options.live:
            self.environ = {**REPLAY, **self.environ}

    async def start_services(self, address: Callable[[str], str], names: Sequence[str] = SERVICES) -> None:
        """Start services, each knowing those before it; `address` gives the URL of a broker's ingress.

        Raises:
            RealVenueError: This is no live platform, and its orders would go to a venue.
        """
        venue = self.environ.get(ORDERS_VENUE, "")
        if "orders" in names and not self.options.live and venue in REAL_VENUES:
            msg = (
                f"{ORDERS_VENUE} is {venue}: what is replayed would become orders at that venue; unset it, or leave "
                "what is sent to a running `tickloom up`"
            )
            raise RealVenueError(msg)
        for name in (*names, *self.options.beside):
            child = await self._start_service(name, address)
            self.environ[f"TICKLOOM_{name.upper()}_TARGET"] = f"127.0.0.1:{child.port}"
        if "orders" in names:
            self.orders = GrpcOrders(self.environ["TICKLOOM_ORDERS_TARGET"])

    async def _start_service(self, name: str, address: Callable[[str], str]) -> Child:
        module = importlib.import_module(f"functions.services.{name}.main")
        env = self.share(module)
        if name in self._topology.sources:
            env["K_SINK"] = address(self._topology.sources[name])
        command = (sys.executable, "-m", f"functions.services.{name}.main")
        return await self.children.start(
            Spec(name, command, env={**env, "PORT": "{port}"}, probe=grpc_serving, ready_s=SERVICE_READY_S)
        )

    def target(self, name: str) -> str:
        """Give the address of a service that was started, `host:port`."""
        return self.environ[f"TICKLOOM_{name.upper()}_TARGET"]

    def share(self, module: ModuleType) -> dict[str, str]:
        """Give a function the part of the settings that is its own."""
        return settings.share(module.Settings, self.environ)

    def compose_handler(self, name: str) -> Subscriber:
        """Bind a handler in this process."""
        module = importlib.import_module(f"functions.handlers.{name}.main")
        hosted: HostedHandler = module.compose(settings.load(module.Settings, self.share(module)))
        self._hosted.append(hosted)
        return subscribers.in_process(hosted, self.kept.named(name))

    async def start_handler(self, name: str) -> Subscriber:
        """Start a handler as an HTTP process of its own."""
        module = importlib.import_module(f"functions.handlers.{name}.main")
        command = (sys.executable, "-m", f"functions.handlers.{name}.main")
        env = {**self.share(module), "PORT": "{port}"}
        child = await self.children.start(
            Spec(f"handler-{name}", command, env=env, probe=http_ok("/health/readiness"), ready_s=SERVICE_READY_S)
        )
        poster = Poster("127.0.0.1", child.port)
        self._posters.append(poster)
        return subscribers.over_http(poster, subscribers.HANDLER.format(name), traced=self.kept.enabled)

    def compose_feed(self, name: str, environ: Mapping[str, str], last: tuple[int, RawBatch] | None) -> "HostedFeed":
        """Bind a feed, to go on behind the last batch it published, given with its sequence number."""
        module = importlib.import_module(f"functions.feeds.{name}.main")
        known = settings.names(module.Settings)
        own = {key: str(self.options.folder / place) for key, place in FEED_PLACES.items() if key in known}
        resume = {key: value for key, value in _resume(last).items() if key in known}
        told = {**own, **self.share(module), **environ, **resume}
        feed: HostedFeed = module.compose(settings.load(module.Settings, told))
        return feed

    def say_where(self, ingress_port: int, **more: str) -> None:
        """Leave a note in the folder by which commands find the running platform; no passwords in it."""
        me = identify(os.getpid())
        assert me is not None, "we run"  # noqa: S101 - a process that asks is there
        given = {"DATABASE_URL", "REDIS_URL"} & set(self.options.environ)
        note = {
            "pid": me.pid,
            "start": me.start,
            "ingress_port": ingress_port,
            "database_url": "" if "DATABASE_URL" in given else self.stores.database_url,
            "redis_url": "" if "REDIS_URL" in given else self.stores.redis_url,
            **more,
        }
        (self.options.folder / WHERE).write_text(json.dumps(note))

    async def stop(self) -> None:
        """Let go of handlers and connections; the children end with their owner."""
        for hosted in self._hosted:
            await hosted.close()
        with contextlib.suppress(AttributeError):
            await self.orders.close()
        for poster in self._posters:
            poster.close()
        self.kept.close()
        (self.options.folder / WHERE).unlink(missing_ok=True)


def pin(options: Options, which: int) -> None:
    """Keep this process, and what it starts from now on, to one of the cores that are named, if any."""
    if options.cpus:
        os.sched_setaffinity(0, {options.cpus[which]})


def _resume(last: tuple[int, RawBatch] | None) -> dict[str, str]:
    if last is None:
        return {}
    number, batch = last
    return {
        "TICKLOOM_FIRST_SEQUENCE": str(number + 1),
        "TICKLOOM_FIRST_ROW": str(batch.first_row + batch.row_count),
        "TICKLOOM_TAPE_OFFSET": str(batch.tape_offset),
    }
