"""Turn the order messages of a FIX session into order flow."""

from typing import Final

from functions.ports.card import Card, Kind

CARD: Final = Card(
    name="transcribe",
    kind=Kind.HANDLER,
    version="1",
    summary="Tells what a FIX session's messages say about orders, field by field; a batch without any says nothing.",
    consumes=("tickloom.market.v1.RawBatch",),
    emits=("tickloom.orders.v1.OrderFlow",),
    budget_ms=20,
)
