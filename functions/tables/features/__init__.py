"""Compute indicators over closed bars."""

from typing import Final

from functions.ports.card import Card, Kind

CARD: Final = Card(
    name="features",
    kind=Kind.TABLE,
    version="1",
    summary="Computes indicators of every bar that closes, each with whether it is warm; a gap makes them cold.",
    consumes=("tickloom.market.v1.BarBatch", "tickloom.market.v1.GapDetected"),
    emits=("tickloom.features.v1.FeatureBatch",),
    key="shard",
    state="per instrument and interval: averages, the last 64 closes, 80 ranges and 32 volumes; a day's sums",
    budget_ms=5,
)
