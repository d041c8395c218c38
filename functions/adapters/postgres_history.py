"""Look up past signals and their outcomes in PostgreSQL, in the tables that `project` writes."""

from typing import Final

from functions.adapters.postgres import Pool, port_errors
from functions.domain.history import PAST_MAX, Likeness, Past
from functions.domain.outcomes import HORIZON_MAX

_PAST: Final = f"""
SELECT o.gain, o.bars
FROM outcomes AS o JOIN signals AS s USING (signal_id)
WHERE o.strategy = $1 AND o.instrument_id = $2 AND o.interval_s = $3 AND o.action = $4
    AND coalesce(s.evidence #>> '{{predictions,regime}}', '') = $5
    AND s.evidence ->> 'confidence_kind' = $6
    AND o.confidence BETWEEN $7 AND $8 AND o.bar_start_ns <= $9 AND o.return_{HORIZON_MAX} IS NOT NULL
ORDER BY o.bar_start_ns DESC LIMIT $10
"""  # noqa: S608 - built of the constant above alone


class PostgresHistory:
    """Look up past signals in PostgreSQL.

    Args:
        pool: Where to read; opened on first use, closed by its owner.
    """

    def __init__(self, pool: Pool) -> None:
        """Open nothing."""
        self._pool = pool

    async def past_of(self, likeness: Likeness) -> tuple[Past, ...]:
        """Give the outcomes of like signals, at most `PAST_MAX`, newest bar first; see the port.

        Raises:
            Unavailable: The store cannot be reached.
        """
        values = (
            *(likeness.strategy, likeness.instrument_id, likeness.interval_s, likeness.action.value),
            *(likeness.regime, likeness.confidence_kind.value),
            *(likeness.confidence_low, likeness.confidence_high, likeness.started_by_ns),
        )
        pool = await self._pool.get()
        with port_errors():
            return tuple(Past(*row) for row in await pool.fetch(_PAST, *values, PAST_MAX))
