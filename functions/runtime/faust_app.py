"""Run a table worker under Faust: consumer group, table with a changelog topic, recovery. Nothing is folded here."""

import asyncio
import contextlib
import pathlib
import time
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Final, cast

import faust
from aiokafka.errors import (  # type: ignore[import-untyped]  # the package says nothing of its types
    KafkaError,
    MessageSizeTooLargeError,
)
from faust.exceptions import ProducerSendError
from faust.types import TP

from functions.ports.errors import Unavailable
from functions.runtime import logs
from functions.runtime.faust_driver import App, States, StateTable, Transport, Verbatim
from functions.runtime.groups import CHANGELOG, OFFSET_BYTES
from functions.runtime.health import Health
from functions.runtime.table_worker import Record, RecordTooLarge, TableWorker

RECOVERY_RECORDS_MAX: Final = 16
"""Changelog records held before they are applied; each holds a state of up to 256 KiB."""
MESSAGES_MAX: Final = 4
"""Messages held between fetch and fold; each holds all that a fetch brought of a partition."""
RECORD_BYTES_MAX: Final = 1024 * 1024
"""What everybody who writes to the topic may write (Knative's max.request.size); Faust's own bound is 1,000,000."""
STOP_S: Final = 15.0

_log: Final = logs.logger("faust_app")


@dataclass(frozen=True, slots=True)
class Group:
    """Say where a worker joins in, and with which limits.

    Args:
        servers: Addresses of brokers, `host:port` separated by commas.
        name: Name of the group, the Faust app and the start of its changelog's name.
        topic: Topic that is read.
        partitions: Partitions of that topic.
        folder: Where Faust may keep files.
        standbys: Other workers that keep a copy of each state.
        replication: Copies of the changelog topic the broker keeps.
        session_ms: Silence after which the group counts a worker as gone, milliseconds.
        fetch_wait_ms: How long a broker may wait for enough to come, milliseconds.
        fetch_bytes_min: What is enough, bytes.
        gather_s: Least time between two fetches, seconds.
        linger_s: How long the first output of a request waits for others, seconds.
        buffer_events: Most events of a message, of which four may wait between broker and fold.
        fetch_bytes_max: Most bytes of a partition that are fetched at once.
    """

    servers: str
    name: str
    topic: str
    partitions: int
    folder: str
    standbys: int = 0
    replication: int = 1
    session_ms: int = 6_000
    fetch_wait_ms: int = 20
    fetch_bytes_min: int = 1
    gather_s: float = 0.0
    linger_s: float = 0.0
    buffer_events: int = 128
    fetch_bytes_max: int = 4 * 1024 * 1024


class FaustApp:
    """Join a Faust app to a table worker; it is the worker's `Wire`."""

    def __init__(self, group: Group) -> None:
        """Declare app, table and topic; nothing is opened."""
        self._group = group
        self._failed: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._taken: dict[int, int] = {}
        self._assigned_at = time.monotonic()
        folder = pathlib.Path(group.folder)
        folder.mkdir(parents=True, exist_ok=True)
        self._app = _app(group, folder)
        made = self._app.Table(
            "states",
            schema=Verbatim(),
            partitions=group.partitions,
            recovery_buffer_size=RECOVERY_RECORDS_MAX,
            extra_topic_configs=CHANGELOG,
        )
        self._table = cast("StateTable", made)
        self._topic = self._app.topic(group.topic, schema=Verbatim(), acks=False)

    async def run(self, worker: TableWorker, stop: asyncio.Event, health: Health) -> None:
        """Work until told to stop.

        Raises:
            Exception: The worker or Faust failed; nothing is lost, start again.
        """
        app, recovered = self._app, self._recovered(worker, health)
        self._prepare(worker)
        self._table.on_recover(recovered)
        app.on_partitions_revoked.connect(self._revoked(worker, health))
        app.on_partitions_assigned.connect(self._assigned)
        app.agent(self._topic, name="fold")(self._agent(worker))
        endless = (self._started(), self._store_for_ever(worker), self._crashed(), stop.wait())
        ends: list[asyncio.Future[Any]] = [*map(asyncio.ensure_future, endless), self._failed]
        try:
            done, _ = await asyncio.wait(ends, return_when=asyncio.FIRST_COMPLETED)
            health.ready = False
            for one in done:
                await one
        finally:
            await worker.close()
            await _stopped(app)
            for one in ends:
                one.cancel()

    # -- what the worker asks for

    async def send(self, record: Record) -> object:
        """See Wire."""
        try:
            return await self._app.producer.send(
                record.topic, record.key, record.value, record.partition, None, list(record.headers)
            )
        except MessageSizeTooLargeError as error:
            raise RecordTooLarge(str(error)) from error
        except (KafkaError, ProducerSendError) as error:
            return error

    async def settle(self, ticket: Any) -> None:  # noqa: ANN401 - a future of Faust's, or why there is none
        """See Wire."""
        if isinstance(ticket, Exception):
            raise Unavailable(str(ticket)) from ticket
        try:
            await ticket
        except (KafkaError, ProducerSendError) as error:
            message = f"{type(error).__name__}: {error}"
            raise Unavailable(message) from error

    async def remember(self, partition: int, key: str, blob: bytes, *, reached: int) -> None:
        """See Wire."""
        value = reached.to_bytes(OFFSET_BYTES, "big") + blob
        name = self._table.changelog_topic_name
        try:
            sent = await self._app.producer.send_and_wait(name, key.encode(), value, partition, None, None)
        except (KafkaError, ProducerSendError) as error:
            message = f"{type(error).__name__}: {error}"
            raise Unavailable(message) from error
        states = self._states
        states.put(partition, key.encode(), value)
        states.set_persisted_offset(TP(name, partition), sent.offset)

    def remembered(self, partition: int) -> Mapping[str, bytes]:
        """See Wire."""
        found = self._states.kept.get(partition, {})
        return {key.decode(): value[OFFSET_BYTES:] for key, value in found.items()}

    async def commit(self, offsets: Mapping[int, int]) -> bool:
        """See Wire."""
        thread: Any = self._app.consumer._thread  # type: ignore[attr-defined]  # noqa: SLF001 - its own commit ends the process
        return bool(await thread.commit_now({TP(self._group.topic, one): at for one, at in offsets.items()}))

    # -- what Faust calls

    @property
    def _states(self) -> States:
        return cast("States", self._table.data)

    def _prepare(self, worker: TableWorker) -> None:
        transport = Transport(self._app.conf.broker_consumer, self._app)
        transport.fetch_wait_ms, transport.fetch_bytes_min = self._group.fetch_wait_ms, self._group.fetch_bytes_min
        self._app.transport = transport
        consumer: Any = self._app.consumer
        consumer.hears, consumer.topic = worker.hears, self._group.topic
        consumer.gather_s = self._group.gather_s
        consumer.before, consumer.last, consumer.room = {}, {}, asyncio.Event()
        consumer.room.set()

    def _agent(self, worker: TableWorker) -> Any:  # noqa: ANN401 - Faust's agent function
        consumer: Any = self._app.consumer

        async def fold(stream: Any) -> None:  # noqa: ANN401
            try:
                async for event in stream.noack().events():
                    message = event.message
                    if message.generation_id == self._app.consumer_generation_id:
                        self._check(consumer, message.partition, message.offset)
                    for one in message.value:  # see `Consumer`
                        if message.generation_id == self._app.consumer_generation_id:
                            await worker.take(one.partition, one.offset, one.headers, one.value)
            except Exception as error:  # noqa: BLE001 - Faust would go on with the next event
                self._fail(error)
                await asyncio.Event().wait()

        return fold

    def _check(self, consumer: Any, partition: int, offset: int) -> None:  # noqa: ANN401
        """See that no message was dropped between the fetch and here."""
        before, taken = consumer.before.pop((partition, offset), -1), self._taken.get(partition, -1)
        if taken < before < offset:
            message = f"{self._group.topic}/{partition}: {before} was fetched and never came; {taken} was the last"
            raise RuntimeError(message)
        self._taken[partition] = offset

    def _revoked(self, worker: TableWorker, health: Health) -> Any:  # noqa: ANN401 - a signal's receiver
        consumer: Any = self._app.consumer

        async def revoked(*_: object, **__: object) -> None:
            health.ready = False
            await worker.close()
            self._taken.clear()
            consumer.before.clear()
            consumer.last.clear()

        return revoked

    async def _assigned(self, *_: object, **__: object) -> None:
        self._assigned_at = time.monotonic()

    def _recovered(self, worker: TableWorker, health: Health) -> Any:  # noqa: ANN401 - Faust awaits it
        async def recovered() -> None:
            app, changelog = self._app, self._table.changelog_topic_name
            assigned = app.consumer.assignment()
            ours = {tp.partition for tp in assigned if tp.topic == self._group.topic}
            known = {tp.partition for tp in app.assignor.assigned_actives() if tp.topic == changelog}
            if not ours <= known:
                message = f"partitions {sorted(ours)} of {self._group.topic}, but {sorted(known)} of {changelog}"
                self._fail(RuntimeError(message))
                return
            worker.open()
            health.ready = True
            took_ms = int(1_000 * (time.monotonic() - self._assigned_at))
            states = _count(self._states, ours)
            _log.info("partitions_assigned", partitions=sorted(ours), states=states, recovery_ms=took_ms)

        return recovered

    async def _started(self) -> None:
        await self._app.start()
        await asyncio.Event().wait()

    async def _store_for_ever(self, worker: TableWorker) -> None:
        while True:
            await asyncio.sleep(worker.store_s)
            await worker.store()

    async def _crashed(self) -> None:
        await self._app.wait_until_stopped()
        reason = self._app.crash_reason or RuntimeError("Faust stopped")
        raise reason

    def _fail(self, error: Exception) -> None:
        if not self._failed.done():
            self._failed.set_exception(error)


def _app(group: Group, folder: pathlib.Path) -> faust.App:
    session_s = group.session_ms / 1_000
    return App(
        group.name,
        broker=f"kafka://{group.servers.replace(',', ';')}",
        datadir=str(folder),
        store="memory://",
        Table=StateTable,
        topic_partitions=group.partitions,
        topic_replication_factor=group.replication,
        topic_disable_leader=True,
        table_standby_replicas=group.standbys,
        reply_create_topic=False,
        web_enabled=False,
        worker_redirect_stdouts=False,
        stream_wait_empty=False,
        stream_buffer_maxsize=MESSAGES_MAX,
        stream_recovery_delay=0.0,
        consumer_auto_offset_reset="earliest",
        consumer_max_fetch_size=group.fetch_bytes_max,
        broker_max_poll_records=group.buffer_events,
        broker_session_timeout=session_s,
        broker_rebalance_timeout=session_s,
        broker_heartbeat_interval=session_s / 6,
        broker_request_timeout=max(session_s, 20.0),
        producer_acks=-1,
        producer_linger=group.linger_s,
        producer_max_request_size=RECORD_BYTES_MAX,
        producer_request_timeout=20.0,
    )


def _count(states: States, partitions: Iterable[int]) -> int:
    return sum(len(states.kept.get(one, ())) for one in partitions)


async def _stopped(app: faust.App) -> None:
    with contextlib.suppress(TimeoutError):
        async with asyncio.timeout(STOP_S):
            await app.stop()
            return
    _log.warning("stop_took_too_long", seconds=STOP_S)
