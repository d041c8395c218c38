"""Join feature rows with what models say of them; pure selections over columns live here."""

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from functions.domain.market import FeatureBatch, FeatureColumns, ModelOutput, PredictionBatch


def choose(columns: FeatureColumns, names: Sequence[str]) -> FeatureColumns:
    """Keep the named features in the given order and drop the others; a name without a column is left out.

    Args:
        columns: n rows of f features.
        names: Features to keep.

    Returns:
        The same rows with at most `len(names)` features.
    """
    kept = tuple(name for name in names if name in columns.names)
    places = [columns.names.index(name) for name in kept]
    return replace(columns, names=kept, values=columns.values[:, places], states=columns.states[:, places])


def predict_batch(batch: FeatureBatch, outputs: tuple[ModelOutput, ...], names: Sequence[str]) -> PredictionBatch:
    """Make the answer to a feature batch: its rows, the features that decide, and every model's output."""
    return PredictionBatch(
        shard=batch.shard, columns=choose(batch.columns, names), outputs=outputs, end_of_tape=batch.end_of_tape
    )


def degraded(model: str, rows: int, reason: str) -> ModelOutput:
    """Make the answer of a model that cannot be heard: no scores for `rows` rows, and why."""
    return ModelOutput(
        model=model,
        version="",
        scores=np.zeros(rows),
        states=np.zeros(rows, dtype=np.uint8),
        threshold=0.0,
        degraded=True,
        degraded_reason=reason,
    )
