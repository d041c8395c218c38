"""Keep users' feedback in PostgreSQL: one statement writes what many calls brought, and the latest stands."""

from typing import Any, Final, TypeAlias

import asyncpg
import msgspec

from functions.adapters.group_commit import GroupCommit
from functions.adapters.postgres import Pool, port_errors
from functions.domain.feedback import Feedback, FeedbackOutcome
from functions.domain.money import plain

_Row: TypeAlias = dict[str, Any]

_COLUMNS: Final = {
    "signal_id": "text",
    "who": "text",
    "outcome": "text",
    "actual_entry_price": "numeric",
    "actual_exit_price": "numeric",
    "profit_loss_pct": "numeric",
    "notes": "text",
    "as_of_ns": "bigint",
}
_FIGURES: Final = ("actual_entry_price", "actual_exit_price", "profit_loss_pct")
_KEY: Final = ("signal_id", "who")
_PUT: Final = f"""
INSERT INTO feedback AS kept ({", ".join(_COLUMNS)})
SELECT DISTINCT ON (signal_id, who) *
FROM jsonb_to_recordset($1::jsonb) AS f ({", ".join(f"{name} {kind}" for name, kind in _COLUMNS.items())})
ORDER BY signal_id, who, as_of_ns DESC
ON CONFLICT (signal_id, who) DO UPDATE SET
    {", ".join(f"{name} = excluded.{name}" for name in _COLUMNS if name not in _KEY)}
WHERE excluded.as_of_ns > kept.as_of_ns
"""  # noqa: S608 - built of the constants above alone
_OF: Final = "SELECT * FROM feedback WHERE signal_id = $1 ORDER BY as_of_ns DESC, who"


class PostgresFeedback:
    """Keep feedback in PostgreSQL; calls that come together share a statement.

    Args:
        pool: Where to write; opened on first use, closed by its owner.
    """

    def __init__(self, pool: Pool) -> None:
        """Open nothing."""
        self._pool = pool
        self._said = GroupCommit[Feedback](self._write)

    async def put_feedback(self, feedback: Feedback) -> None:
        """Keep feedback by (signal, user); the one with the greater `as_of_ns` wins."""
        await self._said.put(feedback)

    async def feedback_of(self, signal_id: str) -> tuple[Feedback, ...]:
        """Give what users said of a signal, latest first; empty when nobody said anything."""
        pool = await self._pool.get()
        with port_errors():
            return tuple(map(_value, await pool.fetch(_OF, signal_id)))

    async def close(self) -> None:
        """Wait until everything handed over is stored or has failed."""
        await self._said.close()

    async def _write(self, group: list[Feedback]) -> None:
        document = msgspec.json.encode(list(map(_row, group))).decode()
        pool = await self._pool.get()
        with port_errors():
            await pool.execute(_PUT, document)


def _row(one: Feedback) -> _Row:
    row = {name: getattr(one, name) for name in _COLUMNS} | {"outcome": one.outcome.value}
    return row | {name: None if row[name] is None else plain(row[name]) for name in _FIGURES}


def _value(row: asyncpg.Record) -> Feedback:
    return Feedback(**{**row, "outcome": FeedbackOutcome(row["outcome"])})
