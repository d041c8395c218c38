"""Listen to a venue live."""

from typing import Final

from functions.ports.card import Card, Kind

CARD: Final = Card(
    name="stream",
    kind=Kind.FEED,
    version="1",
    summary="Listens to any venue that has a profile and gives every message on as it came, with books that broke "
    "and trades that were missed fetched anew.",
    emits=("tickloom.market.v1.RawBatch",),
    key="shard",
    state="next sequence number and row, last trade of each symbol",
)
