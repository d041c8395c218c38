"""Give a recorded capture back, row by row as it was received."""

from typing import Final

from functions.ports.card import Card, Kind

CARD: Final = Card(
    name="replay",
    kind=Kind.FEED,
    version="1",
    summary="Reads captures, plain or gzip, and gives every line back as it was received, cut by the file alone.",
    emits=("tickloom.market.v1.RawBatch",),
    key="shard",
    state="position on the tape",
)
