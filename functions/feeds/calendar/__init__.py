"""Gather the economic calendar."""

from typing import Final

from functions.ports.card import Card, Kind

CARD: Final = Card(
    name="calendar",
    kind=Kind.FEED,
    version="1",
    summary="Polls calendar documents, JSON or CSV, from pages and files, and gives each on as it came.",
    emits=("tickloom.market.v1.RawBatch",),
    key="shard",
    state="next sequence number and row",
)
