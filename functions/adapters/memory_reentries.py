"""Keep decisions on re-entries in memory: the twin of `postgres_reentries`, row for row."""

from decimal import Decimal

from functions.adapters.postgres_reentries import Row, entry_of, reentry_row
from functions.domain.reentry import ENTERING, ORIGINAL, Entry, ReentryDecision


class MemoryReentries:
    """Keep rows in a dict by decision; they have the columns of the table."""

    def __init__(self) -> None:
        """Start empty."""
        self.rows: dict[str, Row] = {}

    async def put_reentry(self, decision: ReentryDecision) -> None:
        """Keep a decision; keeping another one of its id changes nothing."""
        row = reentry_row(decision)
        factors = {name: Decimal(row[name]) for name in ("size_factor", "notional_factor_max")}
        self.rows.setdefault(decision.decision_id, {**row, **factors})

    async def entered(self, signal_id: str) -> Entry:
        """Say what a signal's trade was: a re-entry if a decision of this id asked for it, else an original trade."""
        row = self.rows.get(signal_id)
        enters = row is not None and row["reaction"] in {one.value for one in ENTERING}
        return entry_of(row) if enters else ORIGINAL

    async def close(self) -> None:
        """Let go of nothing; rows stay readable."""
