"""Decide on scored bars and say why."""

from typing import Final

from functions.ports.card import Card, Kind

CARD: Final = Card(
    name="signals",
    kind=Kind.TABLE,
    version="1",
    summary="Weighs rules and models on each scored bar, asks gates, sizes; emits signals with reasons, and outcomes.",
    consumes=("tickloom.inference.v1.PredictionBatch",),
    emits=("tickloom.signals.v1.Signal", "tickloom.performance.v1.Outcome"),
    key="desk",
    state="per series: last bar, what may turn, last signals, those that wait; per shard: models' outcomes, standings",
    budget_ms=5,
)
