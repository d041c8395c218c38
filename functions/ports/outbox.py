"""Say how a feed publishes so that a killed one goes on without a loss or a double: in order, with cursors beside."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Protocol

from functions.domain.market import RawBatch


@dataclass(frozen=True, slots=True)
class Standing:
    """Say how far a feed has come.

    Args:
        sequence: Number of the next batch.
        row: Index of the next row on the stream.
        cursors: Where each of its series goes on, by name; what a cursor means is the venue's business.
    """

    sequence: int = 0
    row: int = 0
    cursors: Mapping[str, str] = field(default_factory=dict)


class Outbox(Protocol):
    """Publish batches of one stream; a crash between publishing and noting it sends the same bytes again."""

    @property
    def standing(self) -> Standing:
        """Say how far the feed has come."""
        ...

    async def publish(
        self, rows: Sequence[tuple[bytes, int]], *, symbol: str = "", cursors: Mapping[str, str] = ...
    ) -> None:
        """Publish rows, each with its receive time in UTC nanoseconds, and go on to new cursors once they are stored.

        Raises:
            Malformed: The broker refuses the event for good.
        """
        ...

    async def send(self, batch: RawBatch, *, cursors: Mapping[str, str] = ...) -> None:
        """Publish a batch that is cut already, and go on to new cursors once it is stored.

        Raises:
            Malformed: The broker refuses the event for good.
        """
        ...

    async def heartbeat(self) -> None:
        """Publish the feed's clock: a batch without rows."""
        ...

    async def end(self) -> None:
        """Publish the end of the tape."""
        ...
