"""Read the calendar by time from PostgreSQL: the versions that `project` keeps there."""

from collections.abc import Collection
from typing import Final

from functions.adapters.postgres import Pool, port_errors
from functions.domain.calendar import Impact, Timing
from functions.domain.reentry import Scheduled

EVENTS_MAX: Final = 1_000
"""Events that are read: a real day has some ten of high impact."""

_AROUND: Final = """
WITH newest AS (
    SELECT DISTINCT ON (event_id) event_id, name, currency, impact, timing, ts_scheduled
    FROM calendar_versions
    WHERE ts_available <= $1 AND event_id IN (
        SELECT event_id FROM calendar_versions WHERE ts_scheduled > $2 AND ts_scheduled <= $3 AND ts_available <= $1
    )
    ORDER BY event_id, revision DESC, ts_available DESC, content_key DESC
)
SELECT event_id, name, currency, ts_scheduled FROM newest
WHERE ts_scheduled > $2 AND ts_scheduled <= $3 AND impact = $4 AND timing = $5
    AND (cardinality($6::text[]) = 0 OR currency = ANY ($6))
ORDER BY ts_scheduled, event_id LIMIT $7
"""


class PostgresSchedule:
    """Read scheduled events from PostgreSQL.

    Args:
        pool: Where to read; opened on first use, closed by its owner.
    """

    def __init__(self, pool: Pool) -> None:
        """Open nothing."""
        self._pool = pool

    async def around(
        self, currencies: Collection[str], *, from_ns: int, to_ns: int, as_of_ns: int
    ) -> tuple[Scheduled, ...]:
        """Give the high-impact events whose exact time is in (from_ns, to_ns], by their newest versions known then."""
        which = (Impact.HIGH.value, Timing.EXACT.value, sorted(currencies), EVENTS_MAX)
        pool = await self._pool.get()
        with port_errors():
            found = await pool.fetch(_AROUND, as_of_ns, from_ns, to_ns, *which)
        return tuple(Scheduled(row["event_id"], row["name"], row["currency"], row["ts_scheduled"]) for row in found)
