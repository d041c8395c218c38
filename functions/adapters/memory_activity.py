"""Keep bars of equal activity in memory: the twin of `postgres_activity`, row for row."""

from datetime import date
from typing import Final, TypeAlias

from functions.adapters.postgres_activity import FINALITY, Row, rows_of
from functions.domain.activity.batch import ActivityBarBatch

Key: TypeAlias = tuple[str, str, date, int]

_RANKS: Final = tuple(FINALITY.values())


class MemoryActivity:
    """Keep rows in a dict by (instrument, basis, day, ordinal); they have the columns of the table."""

    def __init__(self) -> None:
        """Start empty."""
        self.rows: dict[Key, Row] = {}

    async def put_activity_bars(self, batch: ActivityBarBatch, *, sequence: int) -> None:
        """Keep bars by (instrument, basis, day, ordinal); higher (finality, revision, sequence) wins."""
        for row in rows_of(batch, sequence):
            key = (row["instrument_id"], row["basis"], row["day"], row["ordinal"])
            if _rank(row) >= _rank(self.rows.get(key, row)):
                self.rows[key] = row


def _rank(row: Row) -> tuple[int, int, int]:
    return _RANKS.index(row["finality"]), row["revision"], row["sequence"]
