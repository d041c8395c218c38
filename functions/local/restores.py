"""Bring a backup back: into a folder's logs or a cluster's topics, and into PostgreSQL. Digests were checked before.

Readers go on where they were when the backup was begun, so all that came after that is delivered again. Stores are
loaded first and in one transaction, logs appear last: what a killed restore left has no logs, is refused as a target,
and is dropped by the next with `replace`.

RestoreError    the target is not one to restore into; the message says why and what to do
"""

import asyncio
import bisect
import pathlib
import shutil
from collections import deque
from collections.abc import Awaitable, Mapping, Sequence
from typing import Final

from aiokafka import AIOKafkaProducer  # type: ignore[import-untyped]  # the package says nothing of its types

from functions.adapters.kafka_events import EventProducer, make_topics
from functions.adapters.kafka_groups import TopicReader
from functions.adapters.log_bodies import bodies_of
from functions.local.archive import Archive, Record
from functions.local.backups import DISK, KAFKA
from functions.local.children import Children
from functions.local.dumps import check_target, known_steps, load
from functions.local.foundation import FEED_STATES
from functions.local.kafka import Kafka, start_kafka
from functions.local.kafka_places import changelogs, places, readers
from functions.local.log import DiskLog
from functions.local.servers import start_stores
from functions.local.topology import Topology
from functions.runtime.groups import CHANGELOG, OFFSET_BYTES, group_of

COMMIT_EVENTS: Final = 256
UNSTORED_MAX: Final = 256
OWN: Final = ("postgres", "valkey", "kafka", FEED_STATES)
"""Folders of the stores, of the broker and of what feeds remember that lie in a platform's own folder."""


class RestoreError(Exception):
    """The target is not one to restore into; the message says why and what to do."""


async def restore(  # noqa: PLR0913 - what, where to, and what may be lost there
    archive: Archive,
    folder: pathlib.Path,
    topology: Topology,
    *,
    environ: Mapping[str, str],
    replace: bool = False,
    again: Sequence[str] = (),
) -> None:
    """Restore an archive into a platform's folder, or into the stores and the broker that the environment names.

    Args:
        archive: A checked archive.
        folder: The platform's folder; no platform may run there.
        topology: The wiring that goes on from it.
        environ: May hold DATABASE_URL and REDIS_URL.
        replace: What is in the folder, and rows in a given database, are dropped; without, both must be empty.
        again: Triggers and tables that shall hear everything that is kept once more.

    Raises:
        RestoreError: The target is not empty, or the archive does not fit it.
        DumpError: The database is not one to load it into.
        FolderInUse: A platform runs in the folder.
    """
    _check(archive, topology, again)
    assert archive.manifest.stores is not None, "checked"  # noqa: S101 - see `_check`
    async with Children(folder) as children:
        if replace and (given := environ.get("DATABASE_URL", "")):  # before anything of the folder is dropped
            await check_target(given, archive.manifest.stores, replace=True)
        _clear(folder, replace=replace)
        stores = await start_stores(
            folder,
            children,
            database_url=environ.get("DATABASE_URL", ""),
            redis_url=environ.get("REDIS_URL", ""),
        )
        kafka = await start_kafka(folder, children) if archive.manifest.made_of == KAFKA else None
        if kafka is not None:
            await _empty_topics(kafka, topology)
        await load(stores.database_url, archive.manifest.stores, archive.file, replace=replace)
        if kafka is None:
            await asyncio.to_thread(_write_logs, archive, folder / "log", again)
        else:
            await _write_topics(archive, kafka, topology, again)


def _check(archive: Archive, topology: Topology, again: Sequence[str]) -> None:
    manifest = archive.manifest
    if manifest.stores is None or manifest.made_of not in {DISK, KAFKA}:
        msg = f"{archive.folder} holds events only, no stores and no positions; a platform's backup has them"
        raise RestoreError(msg)
    if gone := manifest.logs.keys() - {*topology.brokers, *topology.sinks}:
        msg = f"{archive.folder} holds the log {min(gone)}, which the wiring does not know; restore it with its release"
        raise RestoreError(msg)
    known_steps(manifest.stores)
    for name, part in manifest.logs.items() if manifest.made_of == KAFKA else ():
        if part.partitions != (wired := places(topology)[name][1]):
            msg = (
                f"{name} had {part.partitions} partitions, the wiring gives it {wired}; restore it with its own wiring"
            )
            raise RestoreError(msg)
    if unknown := set(again) - {name for name, _ in readers(topology)}:
        msg = f"there is no Trigger or table {min(unknown)}; `tickloom graph` shows who there is"
        raise RestoreError(msg)


def _clear(folder: pathlib.Path, *, replace: bool) -> None:
    """See that no log and no store of an earlier platform is there, or drop them."""
    found = [*sorted((folder / "log").glob("*.sqlite*")), *(path for name in OWN if (path := folder / name).exists())]
    if found and not replace:
        msg = (
            f"{folder} holds {found[0].relative_to(folder)}; name an empty folder, or drop what is there with --replace"
        )
        raise RestoreError(msg)
    for path in found:
        shutil.rmtree(path) if path.is_dir() else path.unlink()


def _write_logs(archive: Archive, folder: pathlib.Path, again: Sequence[str]) -> None:
    written = []
    for name, part in archive.manifest.logs.items():
        partial = folder / f"{name}.restoring"
        partial.unlink(missing_ok=True)
        log = DiskLog(partial)
        for count, record in enumerate(archive.records(name), 1):
            log.head = record.offset
            log.append(record.event, record.recorded_ns)
            if count % COMMIT_EVENTS == 0:
                log.commit()
        log.cursors.update({reader: 0 if reader in again else at for reader, (at,) in part.cursors.items()})
        for state in archive.states():
            owner, _, table = state.owner.partition("/")
            if owner == name and table not in again:
                log.put_state(table, state.key.decode(), state.blob)
        log.close()
        written.append(partial)
    for partial in written:
        whole = partial.with_suffix(".sqlite")
        bodies_of(partial).rename(bodies_of(whole))
        partial.rename(whole)


# -- Kafka


async def _empty_topics(kafka: Kafka, topology: Topology) -> None:
    if not kafka.durable:
        msg = f"{kafka.origin} keeps nothing when this command ends; name a cluster with KAFKA_BOOTSTRAP_SERVERS"
        raise RestoreError(msg)
    await make_topics(kafka.servers, dict(places(topology).values()))
    await make_topics(kafka.servers, changelogs(topology), config=CHANGELOG)
    for topic, count in (*places(topology).values(), *changelogs(topology).items()):
        reader = TopicReader(kafka.servers, topic, count)
        await reader.start(paused=True)
        try:
            ends = await reader.ends()
        finally:
            await reader.close()
        if any(ends):
            msg = f"topic {topic} holds records; name another cluster, or delete its topics first"
            raise RestoreError(msg)


async def _write_topics(archive: Archive, kafka: Kafka, topology: Topology, again: Sequence[str]) -> None:
    """Write states, then events, then offsets: a worker that joins too early has at most to do more."""
    await _write_states(archive, kafka, again)
    producer = EventProducer(kafka.servers, idempotent=kafka.idempotent)
    await producer.start()
    try:
        for name, part in archive.manifest.logs.items():
            topic, count = places(topology)[name]
            moved = await _write_events(archive, name, producer, topic, count)
            for reader, cursors in part.cursors.items():
                offsets = {} if reader in again else {at: moved[at].place(old) for at, old in enumerate(cursors)}
                await _commit(kafka, topic, count, reader, offsets)
    finally:
        await producer.close()


class _Moved:
    """Where the records of one partition went: a topic that lost its oldest begins anew at 0."""

    def __init__(self) -> None:
        self.old: list[int] = []
        self.new: list[int] = []

    def place(self, offset: int) -> int:
        """Give where a reader goes on that stood at an old offset."""
        at = bisect.bisect_left(self.old, offset)
        return self.new[at] if at < len(self.new) else (self.new[-1] + 1 if self.new else 0)


async def _write_events(
    archive: Archive, name: str, producer: EventProducer, topic: str, partitions: int
) -> list[_Moved]:
    moved = [_Moved() for _ in range(partitions)]
    sent: deque[tuple[Record, Awaitable[tuple[int, int]]]] = deque()

    async def settle(most: int) -> None:
        while len(sent) > most:
            record, taken = sent.popleft()
            partition, offset = await taken
            if partition != record.partition:
                msg = f"{topic} has not the partitions that the backup was made of; make it with as many"
                raise RestoreError(msg)
            moved[partition].old.append(record.offset)
            moved[partition].new.append(offset)

    for record in archive.records(name):
        sent.append((record, await producer.send(topic, record.event)))
        await settle(UNSTORED_MAX)
    await settle(0)
    return moved


async def _write_states(archive: Archive, kafka: Kafka, again: Sequence[str]) -> None:
    left_out = tuple(f"{group_of(name)}-" for name in again)
    producer = AIOKafkaProducer(bootstrap_servers=kafka.servers, acks="all")
    await producer.start()
    try:
        for state in archive.states():
            if not state.owner.startswith(left_out):
                blob = _begun_anew(state.blob)
                await producer.send_and_wait(state.owner, blob, key=state.key, partition=state.partition)
    finally:
        await producer.stop()


def _begun_anew(blob: bytes) -> bytes:
    """Take off where a state was reached: offsets begin anew, and of two states workers keep the one of the greater."""
    return bytes(OFFSET_BYTES) + blob[OFFSET_BYTES:]


async def _commit(kafka: Kafka, topic: str, partitions: int, reader: str, offsets: Mapping[int, int]) -> None:
    group = TopicReader(kafka.servers, topic, partitions, group=group_of(reader))
    await group.start(paused=True)
    try:
        if offsets:
            await group.commit(offsets)
    finally:
        await group.close()
