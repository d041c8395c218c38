"""Keep bars of equal activity in PostgreSQL: one statement writes what many calls brought, the newest wins."""

from collections.abc import Iterator
from datetime import date, timedelta
from typing import Any, Final, TypeAlias

import msgspec

from functions.adapters.group_commit import GroupCommit
from functions.adapters.postgres import Pool, port_errors
from functions.domain.activity.batch import (
    ACTIVITY_AMENDED,
    ACTIVITY_MISSING,
    ACTIVITY_SHORT,
    BASIS_NAMES,
    ActivityBarBatch,
    unit_exponent,
)
from functions.domain.market import BAR_FINAL, BAR_OPEN, BAR_REVISED
from functions.domain.money import scaled

Row: TypeAlias = dict[str, Any]
"""A row by column name."""

FINALITY: Final = {BAR_OPEN: "open", BAR_FINAL: "final", BAR_REVISED: "revised"}
"""Lower ranks first, as `bar_finality` declares them."""

_COLUMNS: Final = {
    "instrument_id": "text",
    "basis": "text",
    "day": "date",
    "ordinal": "integer",
    "finality": "bar_finality",
    "revision": "integer",
    "sequence": "bigint",
    "shard": "text",
    "threshold": "numeric",
    "start_ns": "bigint",
    "end_ns": "bigint",
    **dict.fromkeys(("open", "high", "low", "close", "volume", "buy_volume", "notional"), "numeric"),
    "trades": "integer",
    "short": "boolean",
    "amended": "boolean",
    "missing": "boolean",
}
_KEY: Final = ("instrument_id", "basis", "day", "ordinal")
_RANK: Final = ("finality", "revision", "sequence")
_PUT: Final = f"""
INSERT INTO activity_bars AS kept ({", ".join(_COLUMNS)})
SELECT DISTINCT ON ({", ".join(_KEY)}) {", ".join(_COLUMNS)}
FROM jsonb_to_recordset($1::jsonb) AS a ({", ".join(f"{name} {kind}" for name, kind in _COLUMNS.items())})
ORDER BY {", ".join(_KEY)}, {", ".join(f"{name} DESC" for name in _RANK)}
ON CONFLICT ({", ".join(_KEY)}) DO UPDATE SET
    {", ".join(f"{name} = excluded.{name}" for name in _COLUMNS if name not in _KEY)}
WHERE ({", ".join(f"excluded.{name}" for name in _RANK)}) > ({", ".join(f"kept.{name}" for name in _RANK)})
"""  # noqa: S608 - built of the constants above alone

_EPOCH: Final = date(1970, 1, 1)
_Numbered: TypeAlias = tuple[ActivityBarBatch, int]


class PostgresActivity:
    """Keep bars of equal activity in PostgreSQL; calls that come together share a statement.

    Args:
        pool: Where to write; opened on first use, closed by its owner.
    """

    def __init__(self, pool: Pool) -> None:
        """Open nothing."""
        self._pool = pool
        self._bars = GroupCommit[_Numbered](self._write)

    async def put_activity_bars(self, batch: ActivityBarBatch, *, sequence: int) -> None:
        """Keep bars by (instrument, basis, day, ordinal); higher (finality, revision, sequence) wins."""
        await self._bars.put((batch, sequence), rows=batch.row_count)

    async def close(self) -> None:
        """Wait until everything handed over is stored or has failed."""
        await self._bars.close()

    async def _write(self, group: list[_Numbered]) -> None:
        rows = [row for batch, sequence in group for row in rows_of(batch, sequence)]
        with port_errors():
            await (await self._pool.get()).execute(_PUT, msgspec.json.encode(rows).decode())


def day_of(days: int) -> date:
    """Give the date so many days behind 1970-01-01.

    >>> day_of(19943).isoformat()
    '2024-08-08'
    """
    return _EPOCH + timedelta(days=days)


def rows_of(batch: ActivityBarBatch, sequence: int) -> Iterator[Row]:
    """Write bars as rows of the table, exact in quote and base currency; a price that no trade may set is null."""
    for at in range(batch.row_count):
        ref = batch.instruments[int(batch.instrument[at])]
        basis, flags = int(batch.basis[at]), int(batch.flags[at])
        prices = {name: int(getattr(batch, name)[at]) for name in ("open", "high", "low", "close")}
        threshold = (int(batch.threshold_hi[at]) << 64) + int(batch.threshold_lo[at])
        notional = (int(batch.notional_hi[at]) << 64) + int(batch.notional_lo[at])
        yield {
            "instrument_id": ref.instrument_id,
            "basis": BASIS_NAMES[basis],
            "day": day_of(int(batch.day[at])),
            "ordinal": int(batch.ordinal[at]),
            "finality": FINALITY[int(batch.finality[at])],
            "revision": int(batch.revision[at]),
            "sequence": sequence,
            "shard": batch.shard,
            "threshold": scaled(threshold, unit_exponent(basis, ref)),
            "start_ns": int(batch.start_ns[at]),
            "end_ns": int(batch.end_ns[at]),
            **{name: scaled(price, ref.price_exponent) if price else None for name, price in prices.items()},
            **{name: scaled(int(getattr(batch, name)[at]), ref.size_exponent) for name in ("volume", "buy_volume")},
            "notional": scaled(notional, ref.price_exponent + ref.size_exponent),
            "trades": int(batch.trades[at]),
            "short": bool(flags & ACTIVITY_SHORT),
            "amended": bool(flags & ACTIVITY_AMENDED),
            "missing": bool(flags & ACTIVITY_MISSING),
        }
