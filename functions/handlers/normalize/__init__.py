"""Turn raw rows into ticks."""

from typing import Final

from functions.ports.card import Card, Kind

CARD: Final = Card(
    name="normalize",
    kind=Kind.HANDLER,
    version="1",
    summary="Turns a batch of raw venue rows into columns of trades, quotes and book updates; bad rows ride along.",
    consumes=("tickloom.market.v1.RawBatch",),
    emits=("tickloom.market.v1.TickBatch",),
    stores=("postgres",),
    budget_ms=20,
)
