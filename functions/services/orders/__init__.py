"""Take orders, have them checked, execute them on paper, store and publish what became of them."""

from typing import Final

from functions.ports.card import Card, Kind

CARD: Final = Card(
    name="orders",
    kind=Kind.SERVICE,
    version="1",
    summary="Takes each order once: checks, executes on paper, books it with its events, and relays these.",
    emits=("tickloom.orders.v1.OrderUpdate", "tickloom.orders.v1.Fill"),
    calls=("risk",),
    stores=("postgres",),
    key="account",
    state="cash, positions, orders and the outbox",
    budget_ms=50,
)
