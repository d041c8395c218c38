"""File the rows that could not be used."""

from typing import Final

from functions.ports.card import Card, Kind

CARD: Final = Card(
    name="quarantine",
    kind=Kind.HANDLER,
    version="1",
    summary="Files each rejected row of a batch by (stream, row), with its reason and its bytes, for redrive.",
    consumes=("*",),
    stores=("postgres",),
    budget_ms=100,
)
