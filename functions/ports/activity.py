"""Say where bars of equal activity are kept for reading: one row a bar, written monotonically (design R7)."""

from typing import Protocol

from functions.domain.activity.batch import ActivityBarBatch


class Activity(Protocol):
    """Keep the newest form of each bar; writing the same twice changes nothing, and older never replaces newer.

    Every method raises `Unavailable` when the store cannot be reached, and `Overloaded` when too many writes wait.
    """

    async def put_activity_bars(self, batch: ActivityBarBatch, *, sequence: int) -> None:
        """Keep bars by (instrument, basis, day, ordinal); higher (finality, revision, sequence) wins."""
        ...
