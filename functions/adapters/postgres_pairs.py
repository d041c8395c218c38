"""Keep figures of pairs in PostgreSQL: one statement writes what many calls brought, the newest wins."""

from typing import Any, Final, TypeAlias

import msgspec

from functions.adapters.group_commit import GroupCommit
from functions.adapters.postgres import Pool, port_errors
from functions.domain.market import STATE_VALID
from functions.domain.money import plain, scaled
from functions.domain.pairs.batch import MISSING_A, MISSING_B, STALE_A, STALE_B, PairBatch

Row: TypeAlias = dict[str, Any]
"""A row by column name."""

_COLUMNS: Final = {
    "instrument_a": "text",
    "instrument_b": "text",
    "interval_s": "integer",
    "start_ns": "bigint",
    "sequence": "bigint",
    "join_name": "text",
    "close_a": "numeric",
    "close_b": "numeric",
    "stale_a": "boolean",
    "stale_b": "boolean",
    "missing_a": "boolean",
    "missing_b": "boolean",
    "pair_values": "jsonb",
}
_KEY: Final = ("instrument_a", "instrument_b", "interval_s", "start_ns")
_PUT: Final = f"""
INSERT INTO pairs AS kept ({", ".join(_COLUMNS)})
SELECT DISTINCT ON ({", ".join(_KEY)}) {", ".join(_COLUMNS)}
FROM jsonb_to_recordset($1::jsonb) AS p ({", ".join(f"{name} {kind}" for name, kind in _COLUMNS.items())})
ORDER BY {", ".join(_KEY)}, sequence DESC
ON CONFLICT ({", ".join(_KEY)}) DO UPDATE SET
    {", ".join(f"{name} = excluded.{name}" for name in _COLUMNS if name not in _KEY)}
WHERE excluded.sequence > kept.sequence
"""  # noqa: S608 - built of the constants above alone

_Numbered: TypeAlias = tuple[PairBatch, int]


class PostgresPairs:
    """Keep figures of pairs in PostgreSQL; calls that come together share a statement.

    Args:
        pool: Where to write; opened on first use, closed by its owner.
    """

    def __init__(self, pool: Pool) -> None:
        """Open nothing."""
        self._pool = pool
        self._batches = GroupCommit[_Numbered](self._write)

    async def put_pairs(self, batch: PairBatch, *, sequence: int) -> None:
        """Keep rows by (instrument a, instrument b, interval, start); a higher sequence wins."""
        await self._batches.put((batch, sequence), rows=batch.row_count)

    async def close(self) -> None:
        """Wait until everything handed over is stored or has failed."""
        await self._batches.close()

    async def _write(self, group: list[_Numbered]) -> None:
        document = msgspec.json.encode([row for batch, sequence in group for row in rows_of(batch, sequence)]).decode()
        with port_errors():
            await (await self._pool.get()).execute(_PUT, document)


def rows_of(batch: PairBatch, sequence: int) -> list[Row]:
    """Write a batch as rows of the table, prices as text."""
    return [{**row_of(batch, at), "sequence": sequence} for at in range(batch.row_count)]


def row_of(batch: PairBatch, at: int) -> Row:
    """Write one row as anyone reads it; what is not known is None."""
    a, b = batch.instruments[batch.instrument_a[at]], batch.instruments[batch.instrument_b[at]]
    flags = int(batch.flags[at])
    cells = zip(batch.names, batch.values[at].tolist(), batch.states[at].tolist(), strict=True)
    return {
        "instrument_a": a.instrument_id,
        "instrument_b": b.instrument_id,
        "interval_s": int(batch.interval_s[at]),
        "start_ns": int(batch.start_ns[at]),
        "join_name": batch.join,
        "close_a": None if flags & MISSING_A else plain(scaled(int(batch.close_a[at]), a.price_exponent)),
        "close_b": None if flags & MISSING_B else plain(scaled(int(batch.close_b[at]), b.price_exponent)),
        "stale_a": bool(flags & STALE_A),
        "stale_b": bool(flags & STALE_B),
        "missing_a": bool(flags & MISSING_A),
        "missing_b": bool(flags & MISSING_B),
        "pair_values": {name: value if state == STATE_VALID else None for name, value, state in cells},
    }
