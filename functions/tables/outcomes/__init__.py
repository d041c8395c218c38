"""Compare what models said with what came after."""

from typing import Final

from functions.ports.card import Card, Kind

CARD: Final = Card(
    name="outcomes",
    kind=Kind.TABLE,
    version="1",
    summary="Settles forecasts at their horizon: calibration, coverage, errors and skill of each model, and drift.",
    consumes=("tickloom.inference.v1.PredictionBatch",),
    emits=("tickloom.performance.v1.ModelPerformance", "tickloom.performance.v1.DriftDetected"),
    key="shard",
    state="per instrument and interval: forecasts that wait, drift of each series; per model and horizon: a tally",
    budget_ms=5,
)
