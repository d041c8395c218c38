"""Fold ticks into bars and say when each is final."""

from typing import Final

from functions.ports.card import Card, Kind

CARD: Final = Card(
    name="bars",
    kind=Kind.TABLE,
    version="1",
    summary="Folds trades into bars of six intervals, with the quote and depth known at the close; late trades revise.",
    consumes=("tickloom.market.v1.TickBatch",),
    emits=("tickloom.market.v1.BarBatch", "tickloom.market.v1.GapDetected"),
    key="shard",
    state="per instrument: open and recent bars, latest quote, sorted book, trade ids seen; one watermark",
    budget_ms=5,
)
