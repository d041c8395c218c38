"""Replace the parts of Faust that would lose something, and say why each is replaced. What uses them is `faust_app`.

What Faust 0.15.3 does by itself, and what stands against it:

- It commits what a stream has finished with. Here the topic is read without acknowledgements, so it commits nothing;
  offsets are committed by the worker alone.
- Its memory store throws standby copies away and forgets how far it read. `States` keeps both, by partition.
- It holds 1,000 changelog records and 4,096 events before it applies or folds them: with states of 200 KiB and batches
  of 64 KiB that is a gigabyte. Both are named here.
- It fetches with a wait of 1.5 s, which a broker that does not wake on new data (the wheel's) turns into latency.
- It restarts an agent that failed, on the next event. Here a failure ends the process: states are read again.
- It goes on where a changelog was not assigned beside its topic; that would lose states, so it ends the process.
- It empties its queues whenever flow resumes, also after the seek that ends a recovery: what was fetched in between is
  lost to streams and to standby copies. `FlowControl` empties them only when flow was stopped.
- It spends a dozen tasks and two threads' wake-ups on each record. `Consumer` makes one message of all that a fetch
  brought of a partition, and lets a moment pass between fetches, so that what comes meanwhile comes together.
- It stops asking for a partition whose queue is full, and then waits a second for all others: nothing of this one comes
  in that time, however soon there is room. `Consumer` waits for room, then asks for all.
- It pauses partitions by itself, aiokafka goes on fetching them: of every changelog this process writes some megabytes
  that nobody takes, and beside them what is wanted waits (see `HELD_S`). `Thread` pauses them there too.
- Should it still drop a fetched message: each one knows its predecessor, and a missing one ends the process.
"""

import asyncio
import contextlib
import dataclasses
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from functools import cached_property
from typing import Any, Final

import aiokafka  # type: ignore[import-untyped]  # the package says nothing of its types
import faust
from aiokafka.errors import KafkaError  # type: ignore[import-untyped]  # as above
from faust.stores import memory
from faust.tables.table import Table
from faust.transport.drivers import aiokafka as driver
from faust.types import TP
from mode.utils.queues import FlowControlEvent

from functions.runtime import logs
from functions.runtime.groups import GATHERED_BYTES, HELD_S, OFFSET_BYTES

_log: Final = logs.logger("faust_driver")

ROOM_S: Final = 1.0
"""How long to wait for room in a queue before the broker is asked all the same: one that was emptied says nothing."""


class States(memory.Store[bytes, bytes]):
    """Keep states by partition, standby copies too, and how far each partition's changelog was read.

    A value begins with the offset its state was reached at: of two writes the greater counts, not the later.
    """

    def __post_init__(self) -> None:
        """Begin with nothing."""
        super().__post_init__()
        self.kept: dict[int, dict[bytes, bytes]] = {}
        self._offsets: dict[TP, int] = {}

    def put(self, partition: int, key: bytes, value: bytes) -> None:
        """Keep a value unless the one at hand was reached later."""
        states = self.kept.setdefault(partition, {})
        if value[:OFFSET_BYTES] >= states.get(key, b"")[:OFFSET_BYTES]:
            states[key] = value

    def apply_changelog_batch(self, batch: Iterable[Any], to_key: object, to_value: object) -> None:  # noqa: ARG002
        """Take what was read from the changelog."""
        for event in batch:
            message = event.message
            self.put(message.partition, message.key, message.value or b"")
            self.set_persisted_offset(message.tp, message.offset)

    def persisted_offset(self, tp: TP) -> int | None:
        """Give the offset of the last changelog record that is kept here."""
        return self._offsets.get(tp)

    def set_persisted_offset(self, tp: TP, offset: int) -> None:
        """Note that the changelog is kept up to an offset."""
        self._offsets[tp] = max(offset, self._offsets.get(tp, -1))

    async def on_recovery_completed(self, active_tps: set[TP], standby_tps: set[TP]) -> None:
        """Let go of partitions that are no longer ours, nor copied here."""
        here = active_tps | standby_tps
        self._offsets = {tp: offset for tp, offset in self._offsets.items() if tp in here}
        numbers = {tp.partition for tp in here}
        self.kept = {number: states for number, states in self.kept.items() if number in numbers}


class Verbatim(faust.Schema):  # type: ignore[type-arg]  # it takes no arguments when it runs
    """Take records as they are: nothing is decoded, so nothing can fail before the worker sees it."""

    def compile(self, app: Any, **_: object) -> Any:  # noqa: ANN401 - Faust's own signature is wider still
        """Give the function that makes an event of a record."""
        create_event = app.create_event

        async def decode(message: Any, *, propagate: bool = False) -> Any:  # noqa: ANN401, ARG001
            return create_event(message.key, message.value, message.headers, message)

        return decode


class StateTable(Table[bytes, bytes]):
    """A Faust table whose store is `States`."""

    def _new_store(self) -> Any:  # noqa: ANN401 - Faust's stores
        return States("memory://", self.app, self, table_name=self.name, key_type=bytes, value_type=bytes)


class FlowControl(FlowControlEvent):
    """Let flow resume without a loss where it was not stopped."""

    def resume(self) -> None:
        """Empty the queues of what came before the stop, and go on."""
        if not self.is_active():
            super().resume()


class App(faust.App):
    """A Faust app with our flow control."""

    @cached_property
    def flow_control(self) -> FlowControlEvent:
        """Give what stops and resumes all queues."""
        return FlowControl()


class Thread(driver.AIOKafkaConsumerThread):
    """Faust's consumer with our wait, and commits that say how they went."""

    def _create_worker_consumer(self, transport: driver.Transport) -> aiokafka.AIOKafkaConsumer:
        made = super()._create_worker_consumer(transport)
        made._fetch_max_wait_ms = self.transport.fetch_wait_ms  # type: ignore[attr-defined]  # noqa: SLF001 - no setting says it
        made._fetch_min_bytes = self.transport.fetch_bytes_min  # type: ignore[attr-defined]  # noqa: SLF001 - as above
        return made

    async def on_start(self) -> None:
        """Connect."""
        await super().on_start()
        self._ensure_consumer()._fetcher._prefetch_backoff = HELD_S  # noqa: SLF001 - no setting says it

    async def _fetch_records(
        self,
        consumer: aiokafka.AIOKafkaConsumer,
        active_partitions: set[TP],
        timeout: float | None = None,  # noqa: ASYNC109 - Faust's
        max_records: int | None = None,
    ) -> Any:  # noqa: ANN401 - Faust's
        paused, assigned = consumer.paused(), consumer.assignment()
        wanted = assigned & {aiokafka.TopicPartition(*tp) for tp in active_partitions}
        consumer.pause(*assigned - wanted - paused)
        consumer.resume(*wanted & paused)
        return await super()._fetch_records(consumer, active_partitions, timeout, max_records)

    async def commit_now(self, offsets: Mapping[TP, int]) -> bool:
        """Commit; False when that failed, whatever the reason."""
        return bool(await self.call_thread(self._commit_now, offsets))

    async def _commit_now(self, offsets: Mapping[TP, int]) -> bool:
        try:
            await self._ensure_consumer().commit({aiokafka.TopicPartition(*tp): at for tp, at in offsets.items()})
        except KafkaError as error:
            _log.warning("commit_failed", reason=f"{type(error).__name__}: {error}")
            return False
        return True


class Consumer(driver.Consumer):
    """Faust's consumer, which makes one message of what a fetch brought of a partition and the table hears.

    The message stands under the last record's offset; its value are the records, as they came.
    """

    hears: Callable[[Any], bool]
    topic: str
    gather_s: float
    before: dict[tuple[int, int], int]
    last: dict[int, int]
    room: asyncio.Event
    _fetched_at = 0.0
    _brought = 0
    _behind = False

    def _new_consumer_thread(self) -> Thread:
        return Thread(self, loop=self.loop, beacon=self.beacon)

    def on_buffer_full(self, tp: TP) -> None:  # noqa: ARG002 - one queue takes all partitions
        """Ask for nothing until there is room again; what a recovery reads has room of its own."""
        if not self.app.in_recovery:
            self.room.clear()

    def on_buffer_drop(self, tp: TP) -> None:  # noqa: ARG002 - as above
        """Ask again."""
        self.room.set()

    async def _getmany(self, active_partitions: set[TP] | None, timeout: float) -> Any:  # noqa: ANN401, ASYNC109 - Faust's
        if not self._behind:  # else enough has gathered already
            await asyncio.sleep(max(self._fetched_at + self.gather_s - time.monotonic(), 0.0))
        if not self.room.is_set():
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(self.room.wait(), ROOM_S)
        found = await super()._getmany(active_partitions, timeout)
        self._fetched_at = time.monotonic()
        before, self._brought = self._brought, sum(len(one.value or b"") for some in found.values() for one in some)
        self._behind = before + self._brought >= GATHERED_BYTES  # both: what is left of a fetch may be little
        return {tp: self.join(tp, some) if tp.topic == self.topic else some for tp, some in found.items() if some}

    def join(self, tp: Any, records: Sequence[Any]) -> Sequence[Any]:  # noqa: ANN401
        """Join what is heard, and the last record, so that offsets move on; note the message's predecessor.

        One that begins at or before the end of the last has none: Faust went back, and brings all of that again.
        """
        *earlier, last = records
        if self.last.get(tp.partition, records[0].offset) < records[0].offset:
            self.before[tp.partition, last.offset] = self.last[tp.partition]
        self.last[tp.partition] = last.offset
        heard = [*filter(lambda one: self.hears(one.headers), earlier), last]
        return [dataclasses.replace(last, headers=(), value=heard)]


class Transport(driver.Transport):
    """A Faust transport with our consumer."""

    Consumer = Consumer
    fetch_wait_ms: int
    fetch_bytes_min: int
