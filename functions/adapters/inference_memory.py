"""Have rows scored in this process: the memory twin of the gRPC client."""

from collections.abc import Sequence
from typing import Protocol

from functions.domain.market import FeatureColumns, ModelOutput
from functions.domain.serving import ordered


class Scorer(Protocol):
    """Score rows in process."""

    def score(self, columns: FeatureColumns) -> ModelOutput:
        """Score every row; never raises."""
        ...


class MemoryInference:
    """Port `Inference` over scorers in this process; it answers as the service would, without a deadline."""

    def __init__(self, models: Sequence[Scorer]) -> None:
        """Take the scorers."""
        self._models = tuple(models)

    async def predict(self, columns: FeatureColumns) -> tuple[ModelOutput, ...]:
        """Score rows; outputs come in model name order. No rows, no outputs."""
        if not columns.row_count:
            return ()
        return ordered(model.score(columns) for model in self._models)
