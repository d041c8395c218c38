"""Be a venue of paper: orders rest, and the market that passes fills them."""

from typing import Final

from functions.ports.card import Card, Kind

CARD: Final = Card(
    name="paper",
    kind=Kind.TABLE,
    version="1",
    summary="Lets orders rest by price and time, fills them by one-second bars of the market, and reports.",
    consumes=("tickloom.orders.v1.VenueRequest", "tickloom.market.v1.BarBatch"),
    emits=("tickloom.orders.v1.ExecutionReport",),
    key="desk",
    state="128 resting and 160 ended orders, each with its last 12 executions; 128 seconds of 8 instruments",
    budget_ms=5,
)
