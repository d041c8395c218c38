"""Decide on orders before they leave."""

from typing import Final

from functions.ports.card import Card, Kind

CARD: Final = Card(
    name="risk",
    kind=Kind.SERVICE,
    version="1",
    summary="Checks an order against limits and kill switches; names every broken rule, rejects what it cannot decide.",
    stores=("postgres",),
    key="account",
    state="limits and kill switches",
    budget_ms=1,
)
