"""Cut one partition's records into batches, and make a batch again exactly as it was reserved."""

from collections import deque
from collections.abc import Iterable
from dataclasses import dataclass

from functions.ports.records import Record, Reservation


@dataclass(frozen=True, slots=True)
class Limits:
    """Say how much a batch holds, and what its rows are when they do not say it.

    Args:
        rows_max: Most rows.
        bytes_max: Most payload bytes; one longer row travels alone.
        dialect: Dialect of records that name none.
    """

    rows_max: int
    bytes_max: int
    dialect: str


@dataclass(frozen=True, slots=True)
class Batch:
    """Hold records that travel together: contiguous offsets of one dialect and symbol; or none, as a clock.

    Args:
        records: The records.
        reservation: Where it begins and ends, and its number.
    """

    records: tuple[Record, ...]
    reservation: Reservation


class Partition:
    """Know how far one partition has come.

    Args:
        reservation: Where it stands; its batch may be published already, so it is made first and as it was.
        limits: How much a batch holds.
    """

    def __init__(self, reservation: Reservation, limits: Limits) -> None:
        """Begin with nothing at hand."""
        self._offset = reservation.offset
        self._sequence = reservation.sequence
        self._reserved: Reservation | None = reservation
        self._limits = limits
        self._records: deque[Record] = deque()

    def __len__(self) -> int:
        """Count the records at hand."""
        return len(self._records)

    @property
    def standing(self) -> Reservation:
        """Say where the partition stands when all that was cut is published."""
        return Reservation(self._offset, self._sequence, self._offset)

    def add(self, records: Iterable[Record]) -> None:
        """Take records; those that are cut already are left out."""
        following = self._records[-1].offset + 1 if self._records else self._offset
        self._records.extend(one for one in records if one.offset >= following)

    def cut(self) -> Batch | None:
        """Give the next batch; None while there is nothing for one, or a reserved one is not all at hand."""
        if self._reserved is not None:
            return self._again(self._reserved)
        if not self._records:
            return None
        taken: list[Record] = []
        size = 0
        while self._records and self._joins(taken, size):
            taken.append(self._records.popleft())
            size += len(taken[-1].value)
        return self._batch(taken, taken[-1].offset + 1)

    def clock(self) -> Batch | None:
        """Give a batch without records; None while records wait, which are a clock themselves."""
        return None if self._records or self._reserved is not None else self._batch([], self._offset)

    def _again(self, reserved: Reservation) -> Batch | None:
        if reserved.end > reserved.offset and (not self._records or self._records[-1].offset + 1 < reserved.end):
            return None
        taken: list[Record] = []
        while self._records and self._records[0].offset < reserved.end:
            taken.append(self._records.popleft())
        self._reserved = None
        return self._batch(taken, reserved.end)

    def _joins(self, taken: list[Record], size: int) -> bool:
        if not taken:
            return True
        one, last = self._records[0], taken[-1]
        fits = len(taken) < self._limits.rows_max and size + len(one.value) <= self._limits.bytes_max
        alike = (one.dialect, one.symbol) == (last.dialect, last.symbol)
        return fits and alike and one.offset == last.offset + 1

    def _batch(self, taken: list[Record], end: int) -> Batch:
        batch = Batch(tuple(taken), Reservation(self._offset, self._sequence, end))
        self._offset, self._sequence = end, self._sequence + 1
        return batch
