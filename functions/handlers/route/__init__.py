"""Hand signals to the orders service."""

from typing import Final

from functions.ports.card import Card, Kind

CARD: Final = Card(
    name="route",
    kind=Kind.HANDLER,
    version="1",
    summary="Sizes the order a signal asks for and hands it in, once; what becomes of it is told by orders.",
    consumes=("tickloom.signals.v1.Signal",),
    calls=("orders",),
    budget_ms=50,
)
