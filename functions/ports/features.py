"""Say where features are kept for reading: the newest of each series for a short time, all with when they were known.

Every method raises `Unavailable` when its store cannot be reached; those that write raise `Overloaded` when too many
writes wait. Writing the same twice changes nothing.
"""

from collections.abc import Awaitable, Sequence
from dataclasses import dataclass
from typing import Protocol

from functions.domain.features import FeatureKey, FeatureRow, Latest, PointInTime
from functions.domain.market import FeatureBatch, Int64


@dataclass(frozen=True, slots=True)
class Moves:
    """Hold which series moved, oldest first, a series once for each time it moved; and where to go on reading."""

    keys: tuple[FeatureKey, ...]
    cursor: str


class OnlineWriter(Protocol):
    """Keep the newest row of each series; a series moves forward only, by (start, revision)."""

    def put(self, batch: FeatureBatch, *, available_ns: Int64) -> Awaitable[None]:
        """Move series forward; `available_ns` (n,) says when each row was known."""
        ...


class OfflineWriter(Protocol):
    """Keep every row by (series, start, revision); of two forms of one row the higher sequence stays."""

    def put(self, batch: FeatureBatch, *, available_ns: Int64, sequence: int) -> Awaitable[None]:
        """Keep rows; `available_ns` (n,) says when each was known."""
        ...


class OnlineReader(Protocol):
    """Give the newest row of each series."""

    async def latest(self, keys: Sequence[FeatureKey]) -> list[Latest]:
        """Say what there is, in the order of the keys."""
        ...


class OfflineReader(Protocol):
    """Give rows as they were known."""

    async def as_of(self, points: Sequence[PointInTime]) -> list[FeatureRow | None]:
        """Give for each point the newest bar's newest revision that was known then; None when nothing was."""
        ...


class MovesReader(Protocol):
    """Follow which series move; what is read are keys, so a slow reader skips rows and never falls behind."""

    async def head(self) -> str:
        """Give the cursor behind the newest move."""
        ...

    async def covers(self, cursor: str) -> bool:
        """Tell whether every move behind a cursor is still there; a cursor of another store is not covered."""
        ...

    async def moves(self, cursor: str, *, wait_ms: int) -> Moves:
        """Give moves behind a cursor, a bounded number; with none, wait up to so long for the first."""
        ...

    async def known(self) -> tuple[FeatureKey, ...]:
        """Give every series that may have a row, ordered."""
        ...
