"""Host a table as a Faust worker over Kafka: `python -m functions.tables.<name>.main`.

A table's `main.py` says `table_app.serve(Settings, compose)`. Several workers of a table share its partitions; one
more takes some over, from a standby's copy or from the changelog. What is stored when: `table_worker`. What Faust is
told: `faust_app`, imported when a worker starts, since nobody else needs its half second.

Reset a table only with its broker's topic: states say which sequence numbers and offsets they have seen.
"""

import asyncio
import contextlib
import os
import signal
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Final, TypeVar

from functions.ports.telemetry import Telemetry
from functions.runtime import health, logs, settings, telemetry
from functions.runtime.groups import group_of
from functions.runtime.hosting import HostedTable
from functions.runtime.table_worker import Rules, TableWorker

S = TypeVar("S")

_log: Final = logs.logger("table_app")


@dataclass(frozen=True, slots=True)
class TableHosting:
    """Say where a table's worker reads, writes and keeps.

    Args:
        servers: Kafka brokers, `host:port` separated by commas.
        table_topic: Topic that is read, and written to the partition an input came from.
        table_types: Types of events that are heard, separated by spaces.
        table_partitions: Partitions of the topic, and of the changelog.
        dead_letter_topic: Topic of events that cannot be folded.
        table_group: Name of the consumer group and start of the changelog's name; empty for `tickloom-<table>`.
        folder: Where Faust may keep files; states live in the changelog, so it may be empty at any start.
        table_store_events: Events folded between two stores of the states.
        table_store_ms: Longest time between two stores, milliseconds.
        table_in_flight: Outputs under way before all are waited for.
        table_send_attempts: Times that the same bytes are sent, a second apart, before the worker ends.
        table_standbys: Other workers that keep a copy of each state.
        table_replication: Copies of the changelog that the broker keeps.
        table_session_ms: Silence after which the group counts a worker as gone, milliseconds.
        table_fetch_wait_ms: How long a broker may wait for enough to come, milliseconds.
        table_fetch_bytes_min: What is enough, bytes; with more than 1 a table that nobody waits for asks less often.
        table_gather_ms: Least time between two fetches, milliseconds; what comes after a pause comes at once.
        table_linger_ms: How long the first output of a request waits for others, milliseconds.
        table_buffer_events: Most events taken at once; four times as many may wait between broker and fold.
    """

    servers: str = field(metadata={"env": "KAFKA_BOOTSTRAP_SERVERS"})
    table_topic: str
    table_types: str
    table_partitions: int
    dead_letter_topic: str
    folder: str
    table_group: str = ""
    table_store_events: int = 256
    table_store_ms: int = 1_000
    table_in_flight: int = 16
    table_send_attempts: int = 60
    table_standbys: int = 0
    table_replication: int = 1
    table_session_ms: int = 6_000
    table_fetch_wait_ms: int = 20
    table_fetch_bytes_min: int = 1
    table_gather_ms: int = 5
    table_linger_ms: int = 0
    table_buffer_events: int = 128

    def __post_init__(self) -> None:
        """Refuse limits that would hold nothing."""
        settings.at_least_one(
            self,
            "table_partitions",
            "table_store_events",
            "table_store_ms",
            "table_in_flight",
            "table_send_attempts",
            "table_replication",
            "table_session_ms",
            "table_fetch_wait_ms",
            "table_fetch_bytes_min",
            "table_buffer_events",
        )

    @property
    def rules(self) -> Rules:
        """Give what the worker must know."""
        return Rules(
            topic=self.table_topic,
            types=frozenset(self.table_types.split()),
            dead_letter_topic=self.dead_letter_topic,
            store_events_max=self.table_store_events,
            store_ms=self.table_store_ms,
            in_flight_max=self.table_in_flight,
            send_attempts_max=self.table_send_attempts,
            lease_s=self.table_session_ms / 2_000,
            revoke_s=self.table_session_ms / 2_000,
        )


def serve(cls: type[S], compose: Callable[[S], HostedTable]) -> None:
    """Run a table's worker until SIGTERM or SIGINT; wrong settings exit with 2, a worker that fails with 1.

    Args:
        cls: The table's settings class.
        compose: The table's composition.
    """
    environ = os.environ
    try:
        hosting = settings.hosting(environ)
        logs.configure(hosting.log_level)
        settings.check(environ, (cls, TableHosting))
        hosted = compose(settings.load(cls, settings.share(cls, environ)))
        own = settings.load(TableHosting, settings.share(TableHosting, environ))
        kept = telemetry.start(hosted.card.name, environ)
    except (settings.SettingsError, ValueError) as error:
        _log.error("start_refused", reason=str(error))
        raise SystemExit(2) from None
    code = 0
    _take_uvloop()
    try:
        asyncio.run(_serve(hosted, own, hosting, kept))
    except Exception as error:  # noqa: BLE001 - the last line of a process that ends
        _log.error("table_failed", error=error, table=hosted.card.name)
        code = 1
    finally:
        kept.close()
    os._exit(code)  # threads of a client that could not stop must not keep the process


def _take_uvloop() -> None:
    """Let uvloop make all loops, where it is installed: Faust's consumer has one of its own, in a thread."""
    with contextlib.suppress(ImportError):  # it is not built for every system
        import uvloop  # noqa: PLC0415 - as above

        asyncio.set_event_loop_policy(uvloop.EventLoopPolicy())


async def _serve(hosted: HostedTable, own: TableHosting, hosting: settings.Hosting, kept: Telemetry) -> None:
    from functions.runtime.faust_app import FaustApp, Group  # noqa: PLC0415 - see the file's docstring

    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stop.set)
    group = Group(
        servers=own.servers,
        name=own.table_group or group_of(hosted.card.name),
        topic=own.table_topic,
        partitions=own.table_partitions,
        folder=own.folder,
        standbys=own.table_standbys,
        replication=own.table_replication,
        session_ms=own.table_session_ms,
        fetch_wait_ms=own.table_fetch_wait_ms,
        fetch_bytes_min=own.table_fetch_bytes_min,
        gather_s=own.table_gather_ms / 1_000,
        linger_s=own.table_linger_ms / 1_000,
        buffer_events=own.table_buffer_events,
    )
    state = health.Health()
    probes = await health.listen(state, hosting) if os.environ.get("PORT") else None
    await asyncio.to_thread(hosted.load)  # probes are answered meanwhile: code that was never compiled takes minutes
    app = FaustApp(group)
    _log.info("table_started", table=hosted.card.name, topic=own.table_topic)
    worker = TableWorker(hosted, app, own.rules, kept)
    told: set[asyncio.Task[None]] = set()
    # Said by whoever drives a tape and sees that nothing more can come; a live platform never says it.
    loop.add_signal_handler(signal.SIGUSR1, lambda: told.add(asyncio.ensure_future(worker.give_up_waiting())))
    await app.run(worker, stop, state)
    _log.info("table_stopped", table=hosted.card.name)
    if probes is not None:
        probes.close()
