"""Poll a venue over REST."""

from typing import Final

from functions.ports.card import Card, Kind

CARD: Final = Card(
    name="rest",
    kind=Kind.FEED,
    version="1",
    summary="Polls a venue's REST interface, page by page from a cursor that survives restarts; each reply is a row.",
    emits=("tickloom.market.v1.RawBatch",),
    key="shard",
    state="next sequence number and row, and a cursor for each symbol and channel",
)
