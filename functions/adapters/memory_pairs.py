"""Keep figures of pairs in memory: the twin of `postgres_pairs`, row for row."""

from decimal import Decimal
from typing import Final

from functions.adapters.postgres_pairs import Row, rows_of
from functions.domain.pairs.batch import PairBatch

_PRICES: Final = ("close_a", "close_b")


class MemoryPairs:
    """Keep rows in a dict by (instrument a, instrument b, interval, start); they have the columns of the table."""

    def __init__(self) -> None:
        """Start empty."""
        self.rows: dict[tuple[str, str, int, int], Row] = {}

    async def put_pairs(self, batch: PairBatch, *, sequence: int) -> None:
        """Keep rows by (instrument a, instrument b, interval, start); a higher sequence wins."""
        for row in rows_of(batch, sequence):
            key = row["instrument_a"], row["instrument_b"], row["interval_s"], row["start_ns"]
            prices = {name: None if row[name] is None else Decimal(row[name]) for name in _PRICES}
            if key not in self.rows or self.rows[key]["sequence"] < sequence:
                self.rows[key] = {**row, **prices}

    async def close(self) -> None:
        """Let go of nothing; rows stay readable."""
