"""Answer about features: now, then, and as they move."""

from typing import Final

from functions.ports.card import Card, Kind

CARD: Final = Card(
    name="features",
    kind=Kind.SERVICE,
    version="1",
    summary="Serves the newest features from Redis, those known at any time from PostgreSQL, and streams what moves.",
    stores=("postgres", "redis"),
    budget_ms=5,
)
