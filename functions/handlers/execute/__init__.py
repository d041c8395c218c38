"""Hand what a venue says to the orders service."""

from typing import Final

from functions.ports.card import Card, Kind

CARD: Final = Card(
    name="execute",
    kind=Kind.HANDLER,
    version="1",
    summary="Hands each report of a venue that speaks in events to the orders service, in the order they were said.",
    consumes=("tickloom.orders.v1.ExecutionReport",),
    calls=("orders",),
    budget_ms=50,
)
