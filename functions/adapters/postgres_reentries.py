"""Keep decisions on re-entries in PostgreSQL: one statement writes what many calls brought, each decision once."""

from typing import Any, Final, TypeAlias

import msgspec

from functions.adapters.group_commit import GroupCommit
from functions.adapters.postgres import Pool, port_errors
from functions.domain.money import plain
from functions.domain.reentry import ENTERING, ORIGINAL, Cap, Entry, ReentryDecision

Row: TypeAlias = dict[str, Any]
"""A row by column name."""

_COLUMNS: Final = {
    "decision_id": "text",
    "signal_id": "text",
    "strategy": "text",
    "instrument_id": "text",
    "interval_s": "integer",
    "as_of_ns": "bigint",
    "ending": "text",
    "duration": "text",
    "proximity": "text",
    "generation": "integer",
    "reaction": "text",
    "side": "text",
    "size_factor": "numeric",
    "generation_max": "integer",
    "notional_factor_max": "numeric",
    "rule_line": "integer",
    "rule": "text",
    "rules_digest": "text",
    "event_id": "text",
    "event_ns": "bigint",
    "until_ns": "bigint",
    "shard": "text",
}
_PUT: Final = f"""
INSERT INTO reentry_decisions ({", ".join(_COLUMNS)})
SELECT * FROM jsonb_to_recordset($1::jsonb) AS r ({", ".join(f"{name} {kind}" for name, kind in _COLUMNS.items())})
ON CONFLICT DO NOTHING
"""  # noqa: S608 - built of the constants above alone
_ENTERED: Final = """
SELECT generation, generation_max, notional_factor_max FROM reentry_decisions
WHERE decision_id = $1 AND reaction = ANY ($2)
"""


class PostgresReentries:
    """Keep decisions in PostgreSQL; calls that come together share a statement.

    Args:
        pool: Where to write; opened on first use, closed by its owner.
    """

    def __init__(self, pool: Pool) -> None:
        """Open nothing."""
        self._pool = pool
        self._decisions = GroupCommit[ReentryDecision](self._write)

    async def put_reentry(self, decision: ReentryDecision) -> None:
        """Keep a decision; keeping another one of its id changes nothing."""
        await self._decisions.put(decision)

    async def entered(self, signal_id: str) -> Entry:
        """Say what a signal's trade was: a re-entry if a decision of this id asked for it, else an original trade."""
        pool = await self._pool.get()
        with port_errors():
            found = await pool.fetchrow(_ENTERED, signal_id, [one.value for one in ENTERING])
        return ORIGINAL if found is None else entry_of(found)

    async def close(self) -> None:
        """Wait until everything handed over is stored or has failed."""
        await self._decisions.close()

    async def _write(self, decisions: list[ReentryDecision]) -> None:
        document = msgspec.json.encode(list(map(reentry_row, decisions))).decode()
        pool = await self._pool.get()
        with port_errors():
            await pool.execute(_PUT, document)


def entry_of(row: Any) -> Entry:  # noqa: ANN401 - a record, or a row of the twin
    """Read from a decision that asked for a trade what that trade is."""
    return Entry(row["generation"] + 1, Cap(row["generation_max"], row["notional_factor_max"]))


def reentry_row(decision: ReentryDecision) -> Row:
    """Write a decision as a row of the table, factors as text."""
    ruling, near = decision.ruling, decision.near
    return {
        "decision_id": decision.decision_id,
        "signal_id": decision.signal_id,
        "strategy": decision.strategy,
        "instrument_id": decision.instrument_id,
        "interval_s": decision.interval_s,
        "as_of_ns": decision.as_of_ns,
        "ending": ruling.case.ending.value,
        "duration": ruling.case.duration,
        "proximity": ruling.case.proximity.value,
        "generation": ruling.case.generation,
        "reaction": ruling.reaction.value,
        "side": decision.side.value,
        "size_factor": plain(ruling.size_factor),
        "generation_max": ruling.cap.generation,
        "notional_factor_max": plain(ruling.cap.notional),
        "rule_line": ruling.line,
        "rule": ruling.text,
        "rules_digest": decision.digest,
        "event_id": near.event.event_id if near.event else None,
        "event_ns": near.event.ts_scheduled if near.event else None,
        "until_ns": near.until_ns or None,
        "shard": decision.shard,
    }
