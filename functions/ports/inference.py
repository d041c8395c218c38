"""Say how rows are scored by models."""

from typing import Protocol

from functions.domain.market import FeatureColumns, ModelOutput


class Inference(Protocol):
    """Score feature rows."""

    async def predict(self, columns: FeatureColumns) -> tuple[ModelOutput, ...]:
        """Score every row with every model; never raises: an answer that did not come in time is degraded."""
        ...
