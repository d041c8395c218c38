"""Fold ticks into bars and say when each is final."""

from typing import Final

from functions.ports.card import Card, Kind

CARD: Final = Card(
    name="bars",
    kind=Kind.TABLE,
    version="1",
    summary="Folds trades into bars of eight intervals with quote and depth at the close; tells how its feeds are.",
    consumes=("tickloom.market.v1.EnrichedBatch",),
    emits=(
        "tickloom.market.v1.BarBatch",
        "tickloom.market.v1.FeedQuality",
        "tickloom.market.v1.GapDetected",
    ),
    key="shard",
    state="per instrument: open and recent bars, last trades, quote, sorted book, ids seen, row counts; one watermark",
    budget_ms=5,
)
