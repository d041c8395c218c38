"""Fold trades into bars of equal activity: tick, volume and dollar bars."""

from typing import Final

from functions.ports.card import Card, Kind

CARD: Final = Card(
    name="activity",
    kind=Kind.TABLE,
    version="1",
    summary="Folds trades into bars of so many trades, so much volume or so much notional, numbered within each day.",
    consumes=("tickloom.market.v1.EnrichedBatch",),
    emits=("tickloom.market.v1.ActivityBarBatch",),
    key="shard",
    state="per instrument: open bars and the last eight closed of three bases, the last 1,024 prints, trade ids seen",
    budget_ms=5,
)
