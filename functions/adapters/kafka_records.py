"""Read a Kafka topic in a consumer group; a reservation is kept as the committed offset and its metadata.

A broker that drops the metadata of commits (Tansu does, 0.6) needs the notes in a file, which one replica can use: the
file is then what counts, and the group's offsets only show where it stands.
"""

import asyncio
import json
import pathlib
import re
import ssl
from collections.abc import Mapping, Sequence
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass, field
from typing import Final, Self

from aiokafka import (  # type: ignore[import-untyped]  # the package says nothing of its types
    AIOKafkaConsumer,
    ConsumerRebalanceListener,
    ConsumerRecord,
    TopicPartition,
)
from aiokafka.admin import AIOKafkaAdminClient  # type: ignore[import-untyped]  # as above
from aiokafka.errors import CommitFailedError, IllegalStateError  # type: ignore[import-untyped]  # as above

from functions.ports.records import Record, Reservation
from functions.wire.errors import Malformed

NS_PER_MS: Final = 1_000_000
HEADER_BYTES_MAX: Final = 256
TIMESTAMP_MS_MAX: Final = (2**63 - 1) // NS_PER_MS
"""Latest time whose nanoseconds fit int64; a record of a later one, or of none, counts as received at 0."""
_NOTE: Final = re.compile(r"tickloom 1 ([0-9]{1,18}) ([0-9]{1,18})")
_PROTOCOLS: Final = ("PLAINTEXT", "SSL", "SASL_PLAINTEXT", "SASL_SSL")


@dataclass(frozen=True, slots=True)
class Topic:
    """Say what is read, and how.

    Args:
        servers: Addresses of brokers, `host:port` separated by commas.
        name: The topic.
        group: The consumer group.
        security: `PLAINTEXT`, `SSL`, `SASL_PLAINTEXT` or `SASL_SSL`.
        mechanism: Of SASL: `PLAIN`, `SCRAM-SHA-256` or `SCRAM-SHA-512`.
        user: Of SASL.
        password: Of SASL.
        records_max: Most records of one poll.
        fetch_bytes_max: Most bytes of a partition that are fetched at once.
        fetch_wait_ms: How long a broker may wait for something to come, milliseconds.
        session_ms: Silence after which the group counts a reader as gone, milliseconds.
        first_sequence: Number of the next batch where somebody moved the group on without a note; 0 refuses that.
        notes: File that keeps the notes; None keeps them in the group.
    """

    servers: str
    name: str
    group: str
    security: str = "PLAINTEXT"
    mechanism: str = "PLAIN"
    user: str = ""
    password: str = field(default="", repr=False)
    records_max: int = 2_048
    fetch_bytes_max: int = 1_048_576
    fetch_wait_ms: int = 20
    session_ms: int = 6_000
    first_sequence: int = 0
    notes: pathlib.Path | None = None

    def __post_init__(self) -> None:
        """Refuse what no broker understands."""
        if self.security not in _PROTOCOLS:
            msg = f"security must be one of {', '.join(_PROTOCOLS)}, found {self.security!r}"
            raise ValueError(msg)
        if not (self.servers and self.name and self.group):
            msg = "servers, topic and group must be named"
            raise ValueError(msg)


class KafkaRecords:
    """Read one topic.

    Args:
        topic: What is read.
    """

    def __init__(self, topic: Topic) -> None:
        """Connect to nothing yet."""
        self._topic = topic
        self._turn = asyncio.Lock()
        self._lost: set[int] = set()
        self._consumer: AIOKafkaConsumer | None = None
        self._admin: AIOKafkaAdminClient | None = None

    async def __aenter__(self) -> Self:
        """Join the group."""
        topic = self._topic
        access = _access(topic)
        self._admin = AIOKafkaAdminClient(bootstrap_servers=topic.servers, **access)
        self._consumer = AIOKafkaConsumer(
            bootstrap_servers=topic.servers,
            group_id=topic.group,
            enable_auto_commit=False,
            auto_offset_reset="earliest",
            isolation_level="read_committed",  # what a transaction took back is written again under other offsets
            max_partition_fetch_bytes=topic.fetch_bytes_max,
            fetch_max_wait_ms=topic.fetch_wait_ms,
            session_timeout_ms=topic.session_ms,
            rebalance_timeout_ms=topic.session_ms,
            heartbeat_interval_ms=max(topic.session_ms // 6, 1),
            **access,
        )
        self._consumer.subscribe([topic.name], listener=_Listener(self))
        try:
            await self._admin.start()
            await self._consumer.start()
        except BaseException:
            await self.__aexit__()
            raise
        return self

    async def __aexit__(self, *_: object) -> None:
        """Leave the group."""
        if self._consumer is not None:
            await self._consumer.stop()
        if self._admin is not None:
            await self._admin.close()
        self._consumer = self._admin = None

    async def poll(self, wait_s: float) -> Mapping[int, Sequence[Record]]:
        """Give what has come, by partition; wait so long for anything."""
        found = await self._open().getmany(timeout_ms=int(wait_s * 1_000), max_records=self._topic.records_max)
        return {place.partition: [_record(one) for one in records] for place, records in found.items()}

    def turn(self) -> AbstractAsyncContextManager[object]:
        """Hold partitions while the block runs; who takes them waits for its end, unless the group loses patience."""
        return self._turn

    @property
    def partitions(self) -> frozenset[int]:
        """Name the partitions that fall to this reader now."""
        return frozenset(place.partition for place in self._open().assignment())

    def lost(self) -> frozenset[int]:
        """Name the partitions taken away since the last call, also those that have come back."""
        found, self._lost = frozenset(self._lost), set()
        return found

    async def open(self, partition: int) -> Reservation:
        """Read a partition's note, and read on from its offset.

        Raises:
            Malformed: Somebody else has moved the group on without a note.
        """
        place, consumer = TopicPartition(self._topic.name, partition), self._open()
        if self._admin is None:
            msg = "records are read inside `async with` only"
            raise RuntimeError(msg)
        if self._topic.notes and (noted := self._noted().get(f"{self._topic.name}/{partition}")):
            consumer.seek(place, noted[0])
            return Reservation(*noted)
        kept = (await self._admin.list_consumer_group_offsets(self._topic.group, partitions=[place])).get(place)
        if kept is None or kept.offset < 0:
            start = (await consumer.beginning_offsets([place]))[place]
            reservation = Reservation(start, self._topic.first_sequence, start)
        else:
            reservation = self._read(kept.offset, kept.metadata, partition)
        consumer.seek(place, reservation.offset)
        return reservation

    async def reserve(self, notes: Mapping[int, Reservation]) -> bool:
        """Keep notes; False when a partition has been taken away, and then none may be kept."""
        offsets = {
            TopicPartition(self._topic.name, partition): (one.offset, f"tickloom 1 {one.sequence} {one.end}")
            for partition, one in notes.items()
        }
        if not set(notes) <= self.partitions:
            return False
        if self._topic.notes:
            found = {
                f"{self._topic.name}/{partition}": (one.offset, one.sequence, one.end)
                for partition, one in notes.items()
            }
            _write(self._topic.notes, json.dumps({**self._noted(), **found}))
        try:
            await self._open().commit(offsets)
        except (CommitFailedError, IllegalStateError):
            return False
        return True

    def _noted(self) -> dict[str, tuple[int, int, int]]:
        path = self._topic.notes
        content = json.loads(path.read_bytes()) if path and path.exists() else {}
        return {str(name): (int(one[0]), int(one[1]), int(one[2])) for name, one in content.items()}

    async def revoked(self, partitions: frozenset[int]) -> None:
        """Take note of lost partitions, once nobody works on them any more."""
        self._lost |= partitions
        async with self._turn:
            pass

    def _read(self, offset: int, note: str, partition: int) -> Reservation:
        found = _NOTE.fullmatch(note)
        if found:
            return Reservation(offset, int(found[1]), max(int(found[2]), offset))
        if self._topic.first_sequence:
            return Reservation(offset, self._topic.first_sequence, offset)
        msg = (
            f"group {self._topic.group!r} stands at {offset} of {self._topic.name}/{partition} without our note; say "
            f"with first_sequence which number comes next, or take another group (and keep notes in a file where the "
            f"broker drops the metadata of commits)"
        )
        raise Malformed(msg)

    def _open(self) -> AIOKafkaConsumer:
        if self._consumer is None:
            msg = "records are read inside `async with` only"
            raise RuntimeError(msg)
        return self._consumer


class _Listener(ConsumerRebalanceListener):  # type: ignore[misc]  # its parent has no types
    def __init__(self, records: KafkaRecords) -> None:
        self._records = records

    async def on_partitions_revoked(self, revoked: Sequence[TopicPartition]) -> None:
        await self._records.revoked(frozenset(place.partition for place in revoked))

    async def on_partitions_assigned(self, assigned: Sequence[TopicPartition]) -> None:
        """Do nothing: a partition is opened when its turn comes."""


def _access(topic: Topic) -> dict[str, object]:
    found: dict[str, object] = {"security_protocol": topic.security}
    if topic.security.endswith("SSL"):
        found["ssl_context"] = ssl.create_default_context()
    if topic.security.startswith("SASL"):
        found["sasl_mechanism"] = topic.mechanism
        found["sasl_plain_username"] = topic.user
        found["sasl_plain_password"] = topic.password
    return found


def _record(one: ConsumerRecord) -> Record:
    headers = {name: _text(value) for name, value in one.headers if name in {"dialect", "symbol"}}
    stamp = one.timestamp if 0 <= one.timestamp <= TIMESTAMP_MS_MAX else 0  # whoever wrote it may have said anything
    return Record(
        one.offset, one.value or b"", stamp * NS_PER_MS, headers.get("dialect", ""), headers.get("symbol", "")
    )


def _text(value: bytes | None) -> str:
    return (value or b"")[:HEADER_BYTES_MAX].decode("utf-8", "replace")


def _write(path: pathlib.Path, text: str) -> None:
    """Replace a file whole; a half-written one never has its final name."""
    path.parent.mkdir(parents=True, exist_ok=True)
    partial = path.with_name(f"{path.name}.new")
    partial.write_text(text, encoding="ascii")
    partial.replace(path)
