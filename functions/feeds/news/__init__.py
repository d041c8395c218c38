"""Gather news stories and social posts."""

from typing import Final

from functions.ports.card import Card, Kind

CARD: Final = Card(
    name="news",
    kind=Kind.FEED,
    version="1",
    summary="Polls news and post documents, RSS, Atom or JSON, from pages and files, and gives each on as it came.",
    emits=("tickloom.market.v1.RawBatch",),
    key="shard",
    state="next sequence number and row",
)
