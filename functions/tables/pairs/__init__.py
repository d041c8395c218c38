"""Relate instruments to each other, across shards and venues."""

from typing import Final

from functions.ports.card import Card, Kind

CARD: Final = Card(
    name="pairs",
    kind=Kind.TABLE,
    version="1",
    summary="Joins bars of paired instruments on buckets of venue time: correlation, spread, arbitrage, lead-lag.",
    consumes=("tickloom.market.v1.BarBatch", "tickloom.market.v1.GapDetected"),
    emits=("tickloom.features.v1.PairBatch",),
    key="desk",
    state="per pair and interval: the last 125 returns and 60 spreads, bars that wait; how far each shard has come",
    budget_ms=5,
)
