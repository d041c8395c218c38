"""Explain signals: what they were made of, and what would have flipped them."""

from typing import Final

from functions.ports.card import Card, Kind

CARD: Final = Card(
    name="explain",
    kind=Kind.SERVICE,
    version="1",
    summary="Tells of any signal, by its id alone, what it was made of, and the smallest change that would flip it.",
    stores=("postgres", "kafka"),
    budget_ms=50,
)
