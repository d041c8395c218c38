"""Say how a partitioned queue is read: in order, with a small note kept beside each partition's position."""

from collections.abc import Mapping, Sequence
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass
from typing import Protocol


@dataclass(frozen=True, slots=True)
class Record:
    """Hold one record of a partition.

    Args:
        offset: Its place in the partition; places may be left out, but never come twice or out of order.
        value: Its bytes; empty for a record without any.
        ts_ns: When the queue got it, UTC nanoseconds.
        dialect: Dialect it names itself; empty when it names none.
        symbol: What it says for its decoder beside its bytes; empty when it says nothing.
    """

    offset: int
    value: bytes
    ts_ns: int
    dialect: str = ""
    symbol: str = ""


@dataclass(frozen=True, slots=True)
class Reservation:
    """Say how far a partition has come, and what its next batch holds.

    Args:
        offset: Place of the first record that is not known to be published.
        sequence: Number of the batch that begins there; it may be published already.
        end: Place behind that batch's last record; equal to `offset` while it is empty.
    """

    offset: int
    sequence: int
    end: int


class Records(Protocol):
    """Read the partitions of a topic that fall to this reader."""

    async def poll(self, wait_s: float) -> Mapping[int, Sequence[Record]]:
        """Give what has come, by partition; wait so long for anything."""
        ...

    def turn(self) -> AbstractAsyncContextManager[object]:
        """Hold partitions while the block runs: none is given to another reader meanwhile, as far as the queue lets."""
        ...

    @property
    def partitions(self) -> frozenset[int]:
        """Name the partitions that fall to this reader now."""
        ...

    def lost(self) -> frozenset[int]:
        """Name the partitions taken away since the last call, also those that have come back."""
        ...

    async def open(self, partition: int) -> Reservation:
        """Read a partition's note, and read on from its offset.

        Raises:
            Malformed: Somebody else has moved the partition on without a note.
        """
        ...

    async def reserve(self, notes: Mapping[int, Reservation]) -> bool:
        """Keep notes; False when a partition has been taken away, and then none may be kept."""
        ...
