"""File dead letters in PostgreSQL by (stream, row), and find them again for the operator."""

from dataclasses import dataclass
from typing import Final, TypeAlias

import asyncpg

from functions.adapters.group_commit import GroupCommit
from functions.adapters.postgres import Pool, port_errors
from functions.domain.market import Rejection

LIST_MAX: Final = 1000
"""Letters one listing returns at most."""

_Letters: TypeAlias = tuple[str, str, tuple[Rejection, ...]]
"""Stream, shard and rejected rows of one batch: a batch is one call, however many rows it lost."""

_PUT: Final = """
INSERT INTO dead_letters (stream, shard, row_index, reason, detail, raw, dialect, symbol, ts_receive, spool_ref)
SELECT * FROM unnest(
    $1::text[], $2::text[], $3::bigint[], $4::text[], $5::text[], $6::bytea[], $7::text[], $8::text[], $9::bigint[],
    $10::text[])
ON CONFLICT (stream, row_index) DO NOTHING
"""
_LIST: Final = """
SELECT * FROM dead_letters WHERE $1 = '' OR reason = $1 ORDER BY ts_receive DESC, stream, row_index LIMIT $2
"""
_GET: Final = "SELECT * FROM dead_letters WHERE stream = $1 AND row_index = $2"
_MARK: Final = "UPDATE dead_letters SET redriven = redriven + 1 WHERE stream = $1 AND row_index = $2"


@dataclass(frozen=True, slots=True)
class DeadLetter:
    """Hold a filed row: where it came from, why it was refused, and how often it was sent again."""

    stream: str
    shard: str
    rejection: Rejection
    redriven: int


class PostgresDeadLetters:
    """Keep dead letters in PostgreSQL; calls that come together share a statement.

    Args:
        pool: Where to write; opened on first use, closed by its owner.
    """

    def __init__(self, pool: Pool) -> None:
        """Open nothing."""
        self._pool = pool
        self._letters = GroupCommit[_Letters](self._write)

    async def put(self, stream: str, shard: str, *rejections: Rejection) -> None:
        """File the rejected rows of a batch; filing one twice changes nothing.

        Raises:
            Unavailable: PostgreSQL did not store it.
            Overloaded: Too many writes wait.
        """
        await self._letters.put((stream, shard, rejections), rows=len(rejections))

    async def list_dead_letters(self, limit: int, reason: str = "") -> tuple[DeadLetter, ...]:
        """List letters, newest receive time first.

        Args:
            limit: Most letters to return, at most `LIST_MAX`.
            reason: Reason code to keep; empty keeps all.

        Raises:
            Unavailable: PostgreSQL did not answer.
        """
        pool = await self._pool.get()
        with port_errors():
            rows = await pool.fetch(_LIST, reason, min(limit, LIST_MAX))
        return tuple(_letter(row) for row in rows)

    async def get(self, stream: str, row: int) -> DeadLetter | None:
        """Show one letter; None when nothing was filed under this name.

        Raises:
            Unavailable: PostgreSQL did not answer.
        """
        pool = await self._pool.get()
        with port_errors():
            found = await pool.fetchrow(_GET, stream, row)
        return None if found is None else _letter(found)

    async def mark_redriven(self, stream: str, row: int) -> None:
        """Count that a letter was sent again; the letter stays.

        Raises:
            Unavailable: PostgreSQL did not answer.
        """
        pool = await self._pool.get()
        with port_errors():
            await pool.execute(_MARK, stream, row)

    async def close(self) -> None:
        """Wait for the writes that have begun; the pool stays open."""
        await self._letters.close()

    async def _write(self, group: list[_Letters]) -> None:
        rows = (_row(stream, shard, one) for stream, shard, rejections in group for one in rejections)
        columns = [list(column) for column in zip(*rows, strict=True)]
        pool = await self._pool.get()
        with port_errors():
            await pool.execute(_PUT, *columns)


def _row(stream: str, shard: str, found: Rejection) -> tuple[object, ...]:
    return (
        stream,
        shard,
        found.row,
        found.reason,
        _storable(found.detail),
        found.raw,
        found.dialect,
        _storable(found.symbol),
        found.ts_receive,
        found.spool_ref,
    )


def _storable(text: str) -> str:
    """Show NUL as U+FFFD: a detail may quote a poisoned row, and PostgreSQL's text cannot hold NUL; `raw` keeps it."""
    return text.replace("\x00", "\ufffd")


def _letter(row: asyncpg.Record) -> DeadLetter:
    return DeadLetter(
        stream=row["stream"],
        shard=row["shard"],
        rejection=Rejection(
            row=row["row_index"],
            reason=row["reason"],
            detail=row["detail"],
            raw=row["raw"],
            dialect=row["dialect"],
            ts_receive=row["ts_receive"],
            symbol=row["symbol"],
            spool_ref=row["spool_ref"],
        ),
        redriven=row["redriven"],
    )
