"""Say how a feed remembers what it was about to publish, so that a killed one goes on without a loss or a double."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Protocol, TypeAlias

from functions.domain.market import RawBatch

Marks: TypeAlias = Mapping[tuple[str, str], int]
"""Last trade id by symbol and channel."""


@dataclass(frozen=True, slots=True)
class Entry:
    """Hold a batch that is about to be published.

    Args:
        number: Its sequence number.
        batch: The batch itself: publishing it again publishes the same bytes, which is publishing it once.
        marks: Trades up to which nothing is missing once it is published.
    """

    number: int
    batch: RawBatch
    marks: Marks = field(default_factory=dict)


class Journal(Protocol):
    """Keep one entry: the newest."""

    def write(self, entry: Entry) -> None:
        """Keep an entry in place of the one before; returns once a killed process would find it."""
        ...

    def read(self) -> Entry | None:
        """Give what was kept; None when nothing was.

        Raises:
            Malformed: What is kept is no entry.
        """
        ...
