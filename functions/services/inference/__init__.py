"""Score feature rows behind a call."""

from typing import Final

from functions.ports.card import Card, Kind

CARD: Final = Card(
    name="inference",
    kind=Kind.SERVICE,
    version="1",
    summary="Scores feature rows with every loaded model; a model that is missing or broken answers degraded.",
    budget_ms=5,
)
