"""Take orders, check them, execute them on paper or let them rest at a venue, store and publish what became of them."""

from typing import Final

from functions.ports.card import Card, Kind

CARD: Final = Card(
    name="orders",
    kind=Kind.SERVICE,
    version="1",
    summary="Takes each order once: one writer an account checks, executes or sends it, books it, relays events.",
    emits=("tickloom.orders.v1.OrderUpdate", "tickloom.orders.v1.Fill", "tickloom.orders.v1.VenueRequest"),
    stores=("postgres",),
    key="account",
    state="cash, positions, orders, what is sent to venues and the outbox, behind a lease",
    budget_ms=50,
)
