"""Back a platform up while it runs: how far its readers are, then its stores, then its events.

The order is what makes the three parts fit: *positions, stores, events*, and events of a broker after those of the
brokers and sinks that its functions write to. So no reader is further than the stores and events that are kept, no
store holds what no event says, and no event lacks its cause. What lies between a reader's position and the end of its
log is delivered again after a restore; ids and sequence numbers make that harmless, as after a crash.

Not kept: Redis, which holds the newest of what is kept here and fills again; the spool of feeds, which resume behind
their last event; a FIX session's store, which belongs on a volume of its own; how far Knative's Triggers are, which it
keeps in groups of its own (runbook "Restore").
"""

import pathlib
import time
from collections.abc import Iterable, Iterator, Mapping
from importlib.metadata import version
from typing import Final, Protocol

from functions.adapters.kafka_events import read_event
from functions.adapters.kafka_groups import GroupOffsets
from functions.local import log
from functions.local.archive import FORMAT, ArchiveError, LogPart, Manifest, Record, State, Writer
from functions.local.dumps import dump
from functions.local.kafka import Kafka
from functions.local.kafka_places import changelogs, places, readers
from functions.local.kafka_scan import TopicScan
from functions.local.kafka_topic import NS_PER_MS
from functions.local.topology import Topology
from functions.runtime.groups import OFFSET_BYTES, group_of

DISK: Final = "disk"
KAFKA: Final = "kafka"
PAGE_EVENTS: Final = 256

Cursors = Mapping[str, dict[str, tuple[int, ...]]]
"""By log and reader: the first offset in each partition that is not done."""


class Source(Protocol):
    """Where events lie."""

    made_of: str

    def partitions(self) -> Mapping[str, int]:
        """Number the partitions of each log; in this order, a log comes before those it is caused by."""
        ...

    async def positions(self) -> tuple[Cursors, Iterable[State]]:
        """Read how far readers are, then the states of tables."""
        ...

    def records(self, log: str) -> Iterator[Record]:
        """Read a log as it is now; of each partition by offset."""
        ...


async def backup(source: Source, database_url: str, target: pathlib.Path) -> Manifest:
    """Write an archive of events, positions, states and stores.

    Args:
        source: Where events lie; may be in use.
        database_url: PostgreSQL; may be in use.
        target: Folder of the archive; must not be there, or be empty.

    Raises:
        ArchiveError: The target is there already.
        DumpError: The database has no tables of ours.
        Unavailable: A store or broker cannot be reached.
    """
    made_ns = time.time_ns()
    writer = Writer(target)
    cursors, states = await source.positions()
    kept = writer.states(states)
    stores = await dump(database_url, writer.file)
    logs = {
        name: LogPart(count, dict(cursors.get(name, {})), writer.events(name, source.records(name)))
        for name, count in source.partitions().items()
    }
    manifest = Manifest(FORMAT, version("tickloom"), made_ns, source.made_of, logs, kept, stores)
    writer.finish(manifest)
    return manifest


class DiskSource:
    """The logs of a platform in one process.

    Args:
        folder: The platform's folder.
        topology: The wiring.

    Raises:
        ArchiveError: The folder has no logs.
    """

    made_of = DISK

    def __init__(self, folder: pathlib.Path, topology: Topology) -> None:
        """Find the logs."""
        names = (*topology.brokers, *topology.sinks)
        self._files = {name: path for name in names if (path := folder / "log" / f"{name}.sqlite").exists()}
        if not self._files:
            msg = f"no event log under {folder}; name a platform's folder with --folder (a log in memory leaves none)"
            raise ArchiveError(msg)

    def partitions(self) -> Mapping[str, int]:
        """See Source; the platform commits in this order too."""
        return dict.fromkeys(reversed(self._files), 1)

    async def positions(self) -> tuple[Cursors, Iterable[State]]:
        """See Source; of one log, both are of one moment."""
        cursors: dict[str, dict[str, tuple[int, ...]]] = {}
        states: list[State] = []
        for name, path in self._files.items():
            read, blobs = log.positions(path)
            cursors[name] = {reader: (offset,) for reader, offset in sorted(read.items())}
            states += [State(f"{name}/{owner}", 0, key.encode(), blob) for (owner, key), blob in sorted(blobs.items())]
        return cursors, states

    def records(self, log: str) -> Iterator[Record]:
        """See Source."""
        return read_log(self._files[log])


def read_log(path: pathlib.Path, start: int = 0) -> Iterator[Record]:
    """Read the events of a log file from an offset on, a page at a time, up to where it ends when it is read."""
    while page := log.find(path, where=f"offset >= ? AND offset < ? + {PAGE_EVENTS}", values=(start, start)):
        for offset, recorded_ns, event in page:
            yield Record(0, offset, recorded_ns, event)
        start = page[-1][0] + 1


class KafkaSource:
    """The topics of a platform over Kafka.

    Args:
        kafka: The broker.
        topology: The wiring.
    """

    made_of = KAFKA

    def __init__(self, kafka: Kafka, topology: Topology) -> None:
        """Connect to nothing yet."""
        self._kafka = kafka
        self._topology = topology

    def partitions(self) -> Mapping[str, int]:
        """See Source."""
        return {name: count for name, (_, count) in reversed(places(self._topology).items())}

    async def positions(self) -> tuple[Cursors, Iterable[State]]:
        """See Source; workers store a state before they commit what led to it, so states are never behind."""
        offsets = GroupOffsets(self._kafka.servers)
        await offsets.start()
        try:
            cursors: dict[str, dict[str, tuple[int, ...]]] = {}
            for name, broker in readers(self._topology):
                topic, count = places(self._topology)[broker]
                done = await offsets.committed(group_of(name), topic, count)
                cursors.setdefault(broker, {})[name] = tuple(done)
        finally:
            await offsets.close()
        return cursors, self._states()

    def _states(self) -> Iterator[State]:
        """Read each changelog, and of each key what was reached last: a worker taken for dead may write late."""
        for topic, count in changelogs(self._topology).items():
            newest: dict[tuple[int, bytes], bytes] = {}
            for one in TopicScan(self._kafka.servers, topic, count, exact=self._kafka.wakes).records():
                key, value = (one.partition, one.key or b""), one.value or b""
                if value[:OFFSET_BYTES] >= newest.get(key, b"")[:OFFSET_BYTES]:
                    newest[key] = value
            yield from (State(topic, at, key, blob) for (at, key), blob in newest.items() if blob)

    def records(self, log: str) -> Iterator[Record]:
        """See Source; what anyone wrote to a topic that is no event is left out, as it is nowhere delivered."""
        topic, count = places(self._topology)[log]
        for one in TopicScan(self._kafka.servers, topic, count, exact=self._kafka.wakes).records():
            event = read_event(one)
            if event is not None:
                yield Record(one.partition, one.offset, one.timestamp * NS_PER_MS, event)
