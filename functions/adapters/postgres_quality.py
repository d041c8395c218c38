"""Keep the quality of feeds in PostgreSQL: one statement writes what many calls brought."""

from typing import Any, Final, TypeAlias

import msgspec

from functions.adapters.group_commit import GroupCommit
from functions.adapters.postgres import Pool, port_errors
from functions.domain.quality import COUNTS, FeedQuality, counts_of

Row: TypeAlias = dict[str, Any]
"""A row by column name."""

_COLUMNS: Final = {
    "shard": "text",
    **{name: "text" if name == "instrument_id" else "bigint" for name in COUNTS},
}
_PUT: Final = f"""
INSERT INTO feed_quality ({", ".join(_COLUMNS)})
SELECT * FROM jsonb_to_recordset($1::jsonb) AS q ({", ".join(f"{name} {kind}" for name, kind in _COLUMNS.items())})
ON CONFLICT (instrument_id, shard, window_end_ns) DO NOTHING
"""  # noqa: S608 - built of the constants above alone


class PostgresQuality:
    """Keep the quality of feeds in PostgreSQL; calls that come together share a statement.

    Args:
        pool: Where to write; opened on first use, closed by its owner.
    """

    def __init__(self, pool: Pool) -> None:
        """Open nothing."""
        self._pool = pool
        self._told = GroupCommit[FeedQuality](self._write)

    async def put_quality(self, quality: FeedQuality) -> None:
        """Keep every entry by (instrument, shard, end of the window)."""
        await self._told.put(quality, rows=len(quality.instruments))

    async def close(self) -> None:
        """Wait until everything handed over is stored or has failed."""
        await self._told.close()

    async def _write(self, told: list[FeedQuality]) -> None:
        document = msgspec.json.encode([row for one in told for row in rows_of(one)]).decode()
        with port_errors():
            await (await self._pool.get()).execute(_PUT, document)


def rows_of(quality: FeedQuality) -> list[Row]:
    """Write entries as rows of the table."""
    return [{"shard": quality.shard, **counts_of(one)} for one in quality.instruments]
