"""Keep a partitioned topic in memory, with a group's notes: the twin of Kafka, for tests and dry runs."""

import asyncio
from collections.abc import Iterable, Mapping, Sequence
from contextlib import AbstractAsyncContextManager
from typing import Final

from functions.ports.records import Record, Reservation

RECORDS_MAX: Final = 2_048


class MemoryTopic:
    """Hold the records and the notes of one group; readers share its partitions round robin, as they come and go.

    Args:
        partitions: How many there are.
    """

    def __init__(self, partitions: int) -> None:
        """Begin empty, with nobody reading."""
        self.records: list[list[Record]] = [[] for _ in range(partitions)]
        self.notes: dict[int, Reservation] = {}
        self.readers: list[MemoryRecords] = []

    def append(self, partition: int, values: Iterable[bytes], *, ts_ns: int = 0, dialect: str = "") -> None:
        """Put records at a partition's end."""
        records = self.records[partition]
        for value in values:
            records.append(Record(records[-1].offset + 1 if records else 0, value, ts_ns, dialect))

    def join(self, reader: "MemoryRecords") -> None:
        """Let a reader in; partitions are shared out anew."""
        self.readers.append(reader)
        self._share()

    def leave(self, reader: "MemoryRecords") -> None:
        """Let a reader go; partitions are shared out anew."""
        self.readers.remove(reader)
        reader.take(frozenset())
        self._share()

    def _share(self) -> None:
        for place, reader in enumerate(self.readers):
            reader.take(frozenset(range(place, len(self.records), len(self.readers))))


class MemoryRecords:
    """Read a topic in memory.

    Args:
        topic: The topic; the reader joins its group at once.
        records_max: Most records of a partition that a poll gives.
    """

    def __init__(self, topic: MemoryTopic, *, records_max: int = RECORDS_MAX) -> None:
        """Join."""
        self._topic = topic
        self._max = records_max
        self._turn = asyncio.Lock()
        self._lost: set[int] = set()
        self._places: dict[int, int] = {}
        topic.join(self)

    def take(self, partitions: frozenset[int]) -> None:
        """Take the partitions that fall to this reader now; all it had are lost first, as in Kafka's usual protocol."""
        self._lost |= set(self._places)
        notes = self._topic.notes
        self._places = {one: notes[one].offset if one in notes else 0 for one in partitions}

    async def poll(self, wait_s: float) -> Mapping[int, Sequence[Record]]:
        """Give what has come; where nothing has, others get their turn instead of a wait."""
        await asyncio.sleep(min(wait_s, 0.0))
        found: dict[int, Sequence[Record]] = {}
        for partition, place in self._places.items():
            records = [one for one in self._topic.records[partition] if one.offset >= place][: self._max]
            if records:
                found[partition] = records
                self._places[partition] = records[-1].offset + 1
        return found

    def turn(self) -> AbstractAsyncContextManager[object]:
        """Hold partitions while the block runs."""
        return self._turn

    @property
    def partitions(self) -> frozenset[int]:
        """Name the partitions that fall to this reader now."""
        return frozenset(self._places)

    def lost(self) -> frozenset[int]:
        """Name the partitions taken away since the last call, also those that have come back."""
        found, self._lost = frozenset(self._lost), set()
        return found

    async def open(self, partition: int) -> Reservation:
        """Read a partition's note, and read on from its offset."""
        reservation = self._topic.notes.get(partition, Reservation(0, 0, 0))
        self._places[partition] = reservation.offset
        return reservation

    async def reserve(self, notes: Mapping[int, Reservation]) -> bool:
        """Keep notes; False when a partition has been taken away, and then none is kept."""
        if self not in self._topic.readers or not set(notes) <= set(self._places) or self._lost & set(notes):
            return False
        self._topic.notes |= notes
        return True
