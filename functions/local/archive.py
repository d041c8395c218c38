"""Keep events outside of any broker: a folder of compressed segments, a manifest, and the digest of every file.

    SHA256SUMS                     as `sha256sum -c` reads it; written last, so a folder without it is unfinished
    manifest.json                  what is here: `Manifest` below, member for member
    events/LOG/PP-OOOOOOOOOOOO.gz  a segment: partition P of a broker or sink, from offset O on
    states.gz                      states of tables; how far they have come says the manifest
    stores/TABLE.gz                rows of a PostgreSQL table, in its text COPY format

A segment is gzip over frames; a frame is its length (4 bytes, big-endian) and that many bytes of MessagePack. Of an
event the array is [offset, recorded_ns, key, attributes, data]: the record's key, a map of the CloudEvents attributes
by name (`time` as RFC 3339), and the payload, or nil. Of a state it is [owner, partition, key, state].

ArchiveError
├── Incomplete    the folder lacks a file, or was never finished
└── Damaged       a file is not what was written
"""

import contextlib
import gzip
import hashlib
import os
import pathlib
import shutil
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, BinaryIO, Final, cast

import msgspec

from functions.wire.attributes import core_texts, event_of
from functions.wire.envelope import Event, ExtensionValue

FORMAT: Final = 1
SUMS: Final = "SHA256SUMS"
MANIFEST: Final = "manifest.json"
STATES: Final = "states.gz"
SEGMENT_BYTES_MAX: Final = 64 * 1024 * 1024
"""Bytes of frames in a segment: what is lost with one bad file, and what a reader need hold of it is one frame."""

FRAME_BYTES_MAX: Final = 16 * 1024 * 1024
GZIP_LEVEL: Final = (
    3  # of our batches, which are packed already, the highest level saves 2 % more in five times the time
)
_LENGTH_BYTES: Final = 4

_pack: Final = msgspec.msgpack.Encoder().encode
_Frame = tuple[int, int, bytes | None, dict[str, Any], bytes | None]
_unpack: Final[Callable[[bytes], _Frame]] = msgspec.msgpack.Decoder(_Frame).decode
_unpack_state: Final = msgspec.msgpack.Decoder(tuple[str, int, bytes, bytes]).decode


class ArchiveError(Exception):
    """An archive cannot be written or read; the message says which, and what to do."""


class Incomplete(ArchiveError):  # noqa: N818 - it says what was found
    """The folder lacks a file, or was never finished."""


class Damaged(ArchiveError):  # noqa: N818 - it says what was found
    """A file is not what was written."""


@dataclass(frozen=True, slots=True)
class Record:
    """One event where a log held it."""

    partition: int
    offset: int
    recorded_ns: int
    event: Event


@dataclass(frozen=True, slots=True)
class State:
    """One state of a table as its log kept it: by owner and key; over Kafka the owner is the changelog's topic."""

    owner: str
    partition: int
    key: bytes
    blob: bytes


@dataclass(frozen=True, slots=True)
class Segment:
    """Name a file of events of one partition: its first and last offset, how many, when its first and newest came."""

    file: str
    partition: int
    first: int
    last: int
    events: int
    recorded_from_ns: int
    recorded_to_ns: int


@dataclass(frozen=True, slots=True)
class LogPart:
    """Say what is kept of one broker or sink.

    Attributes:
        partitions: Number of its partitions.
        cursors: How far each reader had come, one offset a partition; what lies behind is to be delivered again.
        segments: Its events, by partition and offset.
    """

    partitions: int
    cursors: dict[str, tuple[int, ...]] = field(default_factory=dict)
    segments: tuple[Segment, ...] = ()

    @property
    def events(self) -> int:
        """Count the events."""
        return sum(one.events for one in self.segments)


@dataclass(frozen=True, slots=True)
class TablePart:
    """Say what is kept of one PostgreSQL table."""

    file: str
    columns: tuple[str, ...]
    rows: int


@dataclass(frozen=True, slots=True)
class StoresPart:
    """Say what is kept of PostgreSQL: which steps its schema had taken, by number with their digests, and its rows.

    `sequences` holds the last value of each and whether it was given out; `tables` stand in an order in which each
    comes behind those it refers to.
    """

    migrations: dict[int, str]
    tables: dict[str, TablePart]
    sequences: dict[str, tuple[int, bool]]


@dataclass(frozen=True, slots=True)
class Manifest:
    """Say what an archive holds.

    Attributes:
        format: Number of this format.
        release: Release that wrote it.
        made_ns: When it was begun, UTC nanoseconds.
        made_of: `disk` or `kafka`: whose offsets and states these are.
        logs: Brokers and sinks.
        states: Number of states of tables.
        stores: PostgreSQL; None where only events are kept.
    """

    format: int
    release: str
    made_ns: int
    made_of: str
    logs: dict[str, LogPart]
    states: int = 0
    stores: StoresPart | None = None

    @property
    def newest_ns(self) -> int:
        """Give when the newest event was recorded, UTC nanoseconds; 0 without events."""
        return max((one.recorded_to_ns for part in self.logs.values() for one in part.segments), default=0)


class Writer:
    """Write an archive into a folder that appears once it is whole.

    Args:
        folder: Where it shall lie; must not be there, or be empty.
    """

    def __init__(self, folder: pathlib.Path) -> None:
        """Begin beside the folder, anew where an earlier try was killed."""
        if folder.exists() and (not folder.is_dir() or any(folder.iterdir())):
            msg = f"{folder} is there already; an archive is never written over"
            raise ArchiveError(msg)
        self._folder = folder
        self._partial = folder.with_name(f"{folder.name}.partial")
        self._sums: dict[str, str] = {}
        shutil.rmtree(self._partial, ignore_errors=True)
        self._partial.mkdir(parents=True)

    def events(self, log: str, records: Iterable[Record]) -> tuple[Segment, ...]:
        """Write the events of a log; of each partition they come by offset, partitions may be mixed."""
        open_: dict[int, _Growing] = {}
        done: list[Segment] = []
        for record in records:
            growing = open_.get(record.partition)
            if growing is None:
                growing = open_[record.partition] = _Growing(self._partial, log, record)
            growing.add(record)
            if growing.bytes >= SEGMENT_BYTES_MAX:
                done.append(self._close(open_.pop(record.partition)))
        done += [self._close(growing) for growing in open_.values()]
        return tuple(sorted(done, key=lambda one: (one.partition, one.first)))

    def states(self, states: Iterable[State]) -> int:
        """Write the states of tables; give their number."""
        count = 0
        with self.file(STATES) as file:
            for one in states:
                _put(file, _pack((one.owner, one.partition, one.key, one.blob)))
                count += 1
        return count

    @contextlib.contextmanager
    def file(self, name: str) -> Iterator[BinaryIO]:
        """Write one compressed file."""
        path = self._partial / name
        path.parent.mkdir(parents=True, exist_ok=True)
        with _zipped(path) as file:
            yield file
        self._sum(name)

    def finish(self, manifest: Manifest) -> None:
        """Write the manifest and the digests, and let the folder appear."""
        (self._partial / MANIFEST).write_bytes(msgspec.json.format(msgspec.json.encode(manifest), indent=1) + b"\n")
        self._sum(MANIFEST)
        sums = self._partial / SUMS
        sums.write_text("".join(f"{digest}  {name}\n" for name, digest in sorted(self._sums.items())))
        _sync(sums)
        if self._folder.exists():
            self._folder.rmdir()
        self._partial.rename(self._folder)
        _sync(self._folder.parent)

    def _close(self, growing: "_Growing") -> Segment:
        segment = growing.close()
        self._sum(segment.file)
        return segment

    def _sum(self, name: str) -> None:
        path = self._partial / name
        _sync(path)
        self._sums[name] = _digest(path)


class _Growing:
    """A segment that is being written."""

    def __init__(self, folder: pathlib.Path, log: str, first: Record) -> None:
        self.bytes = 0
        self._name = f"events/{log}/{first.partition:02}-{first.offset:012}.gz"
        self._first, self._last, self._count = first, first, 0
        self._newest_ns = first.recorded_ns
        path = folder / self._name
        path.parent.mkdir(parents=True, exist_ok=True)
        self._stack = contextlib.ExitStack()
        self._file = self._stack.enter_context(_zipped(path))

    def add(self, record: Record) -> None:
        event, key = record.event, record.event.extensions.get("partitionkey")
        named = None if key is None else str(key).encode()
        frame = _pack((record.offset, record.recorded_ns, named, attributes_of(event), event.data))
        _put(self._file, frame)
        self.bytes += len(frame)
        self._last, self._count = record, self._count + 1
        self._newest_ns = max(self._newest_ns, record.recorded_ns)  # clocks are set back, and producers have their own

    def close(self) -> Segment:
        self._stack.close()
        first, last = self._first, self._last
        return Segment(
            self._name, first.partition, first.offset, last.offset, self._count, first.recorded_ns, self._newest_ns
        )


class Archive:
    """A finished archive; open one with `open_archive`."""

    def __init__(self, folder: pathlib.Path, manifest: Manifest) -> None:
        """Keep where it lies and what it holds."""
        self.folder = folder
        self.manifest = manifest

    def records(self, log: str, *, since_ns: int = 0) -> Iterator[Record]:
        """Read the events of a log, partition after partition, by offset; segments that end before a time are skipped.

        Args:
            log: Broker or sink.
            since_ns: Events recorded before are left out, UTC nanoseconds.
        """
        for segment in self.manifest.logs[log].segments:
            if segment.recorded_to_ns < since_ns:
                continue
            with self.file(segment.file) as file:
                for frame in _frames(file, segment.file):
                    offset, recorded_ns, _, attributes, data = _unpack(frame)
                    if recorded_ns >= since_ns:
                        yield Record(segment.partition, offset, recorded_ns, event_from(attributes, data))

    def states(self) -> Iterator[State]:
        """Read the states of tables."""
        if not self.manifest.states:
            return
        with self.file(STATES) as file:
            for frame in _frames(file, STATES):
                yield State(*_unpack_state(frame))

    def file(self, name: str) -> BinaryIO:
        """Open one compressed file."""
        return cast("BinaryIO", gzip.open(self.folder / name, "rb"))


def open_archive(folder: pathlib.Path) -> Archive:
    """Check every digest, then read the manifest.

    Raises:
        Incomplete: It was never finished, or a file is gone.
        Damaged: A file is not what was written.
        ArchiveError: Another release wrote it in a format that is not known here.
    """
    sums = folder / SUMS
    if not sums.is_file():
        msg = f"{folder} is no finished archive: it has no {SUMS}; take another backup"
        raise Incomplete(msg)
    named = {name: digest for digest, name in (line.split("  ", 1) for line in sums.read_text().splitlines())}
    for name, digest in named.items():
        path = folder / name
        if not path.is_file():
            msg = f"{folder} lacks {name}, which {SUMS} names; take another copy of the backup"
            raise Incomplete(msg)
        if _digest(path) != digest:
            msg = f"{path} is not what was written: its SHA-256 differs from {SUMS}; take another copy of the backup"
            raise Damaged(msg)
    return Archive(folder, _manifest(folder, named))


def _manifest(folder: pathlib.Path, named: Mapping[str, str]) -> Manifest:
    if MANIFEST not in named:
        msg = f"{folder} lacks {MANIFEST}; take another copy of the backup"
        raise Incomplete(msg)
    text = (folder / MANIFEST).read_bytes()
    found = msgspec.json.decode(text).get("format")
    if found != FORMAT:
        msg = f"{folder} has format {found}, this release reads {FORMAT}; restore it with the release that wrote it"
        raise ArchiveError(msg)
    return msgspec.json.decode(text, type=Manifest)


def attributes_of(event: Event) -> dict[str, ExtensionValue]:
    """Write all attributes of an event by name; extensions keep their kind: text, integer, boolean or bytes."""
    attributes: dict[str, ExtensionValue] = {**dict(core_texts(event)), **event.extensions}
    if event.datacontenttype is not None:
        attributes["datacontenttype"] = event.datacontenttype
    return attributes


def event_from(attributes: Mapping[str, ExtensionValue], data: bytes | None) -> Event:
    """Build an event from its attributes.

    Raises:
        Malformed: They are no CloudEvent's.

    >>> event_from(attributes_of(Event(id="1", source="/a", type="t", extensions={"rejected": 2})), None).extensions
    mappingproxy({'rejected': 2})
    """
    texts = {name: value for name, value in attributes.items() if isinstance(value, str)}
    others = {name: value for name, value in attributes.items() if not isinstance(value, str)}
    return event_of(texts, others, data)


def _put(file: BinaryIO, frame: bytes) -> None:
    file.write(len(frame).to_bytes(_LENGTH_BYTES, "big"))
    file.write(frame)


def _frames(file: BinaryIO, name: str) -> Iterator[bytes]:
    while prefix := file.read(_LENGTH_BYTES):
        length = int.from_bytes(prefix, "big")
        frame = file.read(length) if len(prefix) == _LENGTH_BYTES and length <= FRAME_BYTES_MAX else b""
        if not 0 < len(frame) == length:
            msg = f"{name} ends inside of a frame, or has one of {length} bytes"
            raise Damaged(msg)
        yield frame


@contextlib.contextmanager
def _zipped(path: pathlib.Path) -> Iterator[BinaryIO]:
    """Write gzip without name and time, so that equal contents are equal files."""
    with path.open("xb") as file, gzip.GzipFile("", "wb", GZIP_LEVEL, file, 0) as zipped:
        yield cast("BinaryIO", zipped)


def _digest(path: pathlib.Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _sync(path: pathlib.Path) -> None:
    place = os.open(path, os.O_RDONLY)
    try:
        os.fsync(place)
    finally:
        os.close(place)
