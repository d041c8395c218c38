"""Keep one FIX 4.4 session."""

from typing import Final

from functions.ports.card import Card, Kind

CARD: Final = Card(
    name="fix",
    kind=Kind.FEED,
    version="1",
    summary="Keeps one FIX 4.4 session, as initiator or acceptor, and gives every application message on as it came.",
    emits=("tickloom.market.v1.RawBatch",),
    key="shard",
    state="FIX sequence numbers, sent messages, next batch number and row, the batches under way",
)
