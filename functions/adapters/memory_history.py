"""Look up past signals and their outcomes in memory: the twin of `postgres_history`, over the twins of its tables."""

from functions.adapters.memory_performance import MemoryPerformance
from functions.adapters.memory_views import MemoryViews, Row
from functions.domain.history import PAST_MAX, Likeness, Past
from functions.domain.outcomes import HORIZON_MAX


class MemoryHistory:
    """Look up past signals in the rows of other twins.

    Args:
        views: Where signals are.
        records: Where outcomes are.
    """

    def __init__(self, views: MemoryViews, records: MemoryPerformance) -> None:
        """Look where they are kept."""
        self._views = views
        self._records = records

    async def past_of(self, likeness: Likeness) -> tuple[Past, ...]:
        """Give the outcomes of like signals, at most `PAST_MAX`, newest bar first; see the port."""
        rows = [one for one in self._records.outcomes.values() if self._is_like(one, likeness)]
        rows.sort(key=lambda row: -row["bar_start_ns"])
        return tuple(Past(row["gain"], row["bars"]) for row in rows[:PAST_MAX])

    def _is_like(self, outcome: Row, likeness: Likeness) -> bool:
        signal = self._views.signals.get(outcome["signal_id"])
        seen = outcome[f"return_{HORIZON_MAX}"] is not None
        if signal is None or not seen or outcome["bar_start_ns"] > likeness.started_by_ns:
            return False
        evidence = signal["evidence"]
        told = (evidence.get("predictions", {}).get("regime", ""), evidence.get("confidence_kind"))
        names = tuple(outcome[name] for name in ("strategy", "instrument_id", "interval_s", "action"))
        wanted = (likeness.strategy, likeness.instrument_id, likeness.interval_s, likeness.action.value)
        near = likeness.confidence_low <= outcome["confidence"] <= likeness.confidence_high
        return near and names == wanted and told == (likeness.regime, likeness.confidence_kind.value)
