"""Listen to Binance spot live."""

from typing import Final

from functions.ports.card import Card, Kind

CARD: Final = Card(
    name="binance",
    kind=Kind.FEED,
    version="1",
    summary="Listens to Binance spot and gives every message on as it came, with book snapshots when a book broke.",
    emits=("tickloom.market.v1.RawBatch",),
    key="shard",
    state="next sequence number and row",
)
