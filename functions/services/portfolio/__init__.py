"""Answer about portfolios: what they hold, how they did, what they traded."""

from typing import Final

from functions.ports.card import Card, Kind

CARD: Final = Card(
    name="portfolio",
    kind=Kind.SERVICE,
    version="1",
    summary="Tells what an account is worth, how it did over time and what it traded, as of any time.",
    stores=("postgres",),
    budget_ms=500,
)
