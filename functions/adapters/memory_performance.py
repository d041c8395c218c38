"""Keep how models did in memory: the twin of `postgres_performance`, row for row."""

from decimal import Decimal
from typing import Final

from functions.adapters.postgres_performance import Row, drift_row, outcome_row, report_rows
from functions.domain.outcomes import Outcome
from functions.domain.performance import DriftDetected, ModelPerformance

_SERIES: Final = ("shard", "watched", "name", "version", "instrument_id", "interval_s", "horizon_bars", "as_of_ns")
_ENTRY: Final = ("shard", "name", "version", "interval_s", "horizon_bars", "as_of_ns")


class MemoryPerformance:
    """Keep rows in dicts by their keys; they have the columns of the tables."""

    def __init__(self) -> None:
        """Start empty."""
        self.model_performance: dict[tuple[object, ...], Row] = {}
        self.drifts: dict[tuple[object, ...], Row] = {}
        self.outcomes: dict[tuple[object, ...], Row] = {}

    async def put_model_performance(self, report: ModelPerformance) -> None:
        """Keep every entry by (shard, time, model, version, interval, horizon)."""
        for row in report_rows(report):
            self.model_performance.setdefault(tuple(row[name] for name in _ENTRY), row)

    async def put_drift(self, drift: DriftDetected) -> None:
        """Keep a drift by what drifted and when."""
        row = drift_row(drift)
        self.drifts.setdefault(tuple(row[name] for name in _SERIES), row)

    async def put_outcome(self, outcome: Outcome) -> None:
        """Keep what became of a signal, by the signal."""
        row = outcome_row(outcome)
        prices = {name: None if row[name] is None else Decimal(row[name]) for name in ("price", "exit_price")}
        self.outcomes.setdefault((outcome.signal_id,), {**row, **prices})

    async def close(self) -> None:
        """Let go of nothing; rows stay readable."""
