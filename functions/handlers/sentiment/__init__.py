"""Score news and posts."""

from typing import Final

from functions.ports.card import Card, Kind

CARD: Final = Card(
    name="sentiment",
    kind=Kind.HANDLER,
    version="1",
    summary="Has news and posts scored, each syndicated text once; an answer that does not come in time is degraded.",
    consumes=("tickloom.news.v1.NewsBatch",),
    emits=("tickloom.inference.v1.SentimentBatch",),
    calls=("inference",),
    budget_ms=2500,
)
