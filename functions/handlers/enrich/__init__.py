"""Put beside ticks what is known about their instruments."""

from typing import Final

from functions.ports.card import Card, Kind

CARD: Final = Card(
    name="enrich",
    kind=Kind.HANDLER,
    version="1",
    summary="Puts beside a batch of ticks what was known then of its instruments: steps, session, halts, adjustments.",
    consumes=("tickloom.market.v1.TickBatch",),
    emits=("tickloom.market.v1.EnrichedBatch",),
    stores=("postgres", "redis"),
    budget_ms=20,
)
