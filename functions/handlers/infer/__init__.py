"""Score feature rows."""

from typing import Final

from functions.ports.card import Card, Kind

CARD: Final = Card(
    name="infer",
    kind=Kind.HANDLER,
    version="1",
    summary="Has feature rows scored by every model; an answer that does not come in time is degraded, never an error.",
    consumes=("tickloom.features.v1.FeatureBatch",),
    emits=("tickloom.inference.v1.PredictionBatch",),
    calls=("inference",),
    budget_ms=250,
)
