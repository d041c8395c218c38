"""Join feature rows with what models say of them; pure selections over columns live here."""

from collections.abc import Sequence
from functools import lru_cache
from typing import Final

import numpy as np
from numpy.typing import NDArray

from functions.domain.market import FeatureBatch, FeatureColumns, ModelOutput, PredictionBatch

CHOICES_MAX: Final = 64
"""Combinations of features that come and features that are kept whose places are remembered; a process sees one."""


def choose(columns: FeatureColumns, names: Sequence[str]) -> FeatureColumns:
    """Keep the named features in the given order and drop the others; a name without a column is left out.

    Args:
        columns: n rows of f features.
        names: Features to keep.

    Returns:
        The same rows with at most `len(names)` features.
    """
    kept, places = _places(columns.names, tuple(names))
    return FeatureColumns(  # `replace` would take three times as long
        instruments=columns.instruments,
        instrument=columns.instrument,
        interval_s=columns.interval_s,
        start_ns=columns.start_ns,
        bar_revision=columns.bar_revision,
        close=columns.close,
        bid_price=columns.bid_price,
        bid_size=columns.bid_size,
        ask_price=columns.ask_price,
        ask_size=columns.ask_size,
        flags=columns.flags,
        names=kept,
        values=columns.values.take(places, axis=1),
        states=columns.states.take(places, axis=1),
        flags_hi=columns.flags_hi,
    )


@lru_cache(maxsize=CHOICES_MAX)
def _places(names: tuple[str, ...], wanted: tuple[str, ...]) -> tuple[tuple[str, ...], NDArray[np.intp]]:
    kept = tuple(name for name in wanted if name in names)
    return kept, np.array([names.index(name) for name in kept], np.intp)


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
