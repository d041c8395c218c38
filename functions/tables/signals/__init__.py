"""Decide on scored bars and say why."""

from typing import Final

from functions.ports.card import Card, Kind

CARD: Final = Card(
    name="signals",
    kind=Kind.TABLE,
    version="1",
    summary="Weighs rules and model scores on each scored bar, asks gates, sizes; emits signals with their reasons.",
    consumes=("tickloom.inference.v1.PredictionBatch",),
    emits=("tickloom.signals.v1.Signal",),
    key="desk",
    state="per instrument and interval: the last bar, what may turn, the last signal each way; standings of models",
    budget_ms=5,
)
