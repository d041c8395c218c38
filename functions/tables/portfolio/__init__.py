"""Keep accounts' books, and say what they are worth and may lose."""

from typing import Final

from functions.ports.card import Card, Kind

CARD: Final = Card(
    name="portfolio",
    kind=Kind.TABLE,
    version="1",
    summary="Books fills and values accounts at the bars: profits, exposure, drawdown, value at risk, broken limits.",
    consumes=(
        "tickloom.orders.v1.Fill",
        "tickloom.orders.v1.OrderUpdate",
        "tickloom.market.v1.BarBatch",
        "tickloom.market.v1.GapDetected",
    ),
    emits=("tickloom.portfolio.v1.RiskMetrics", "tickloom.portfolio.v1.LimitBreach"),
    key="desk",
    state="per account: settled books, the last 128 fills and rows; per instrument: 256 one-minute closes",
    budget_ms=5,
)
