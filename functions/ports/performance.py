"""Say where the performance of models is kept for reading: reports, drifts, and what became of signals."""

from typing import Protocol

from functions.domain.outcomes import Outcome
from functions.domain.performance import DriftDetected, ModelPerformance


class ModelRecords(Protocol):
    """Keep how models did; keeping the same twice changes nothing, and a fact never changes.

    Every method raises `Unavailable` when the store cannot be reached, and `Overloaded` when too many writes wait.
    """

    async def put_model_performance(self, report: ModelPerformance) -> None:
        """Keep every entry by (shard, time, model, version, interval, horizon)."""
        ...

    async def put_drift(self, drift: DriftDetected) -> None:
        """Keep a drift by what drifted and when."""
        ...

    async def put_outcome(self, outcome: Outcome) -> None:
        """Keep what became of a signal, by the signal."""
        ...
