"""Write finished facts where people and pages read them."""

from typing import Final

from functions.ports.card import Card, Kind

CARD: Final = Card(
    name="project",
    kind=Kind.HANDLER,
    version="1",
    summary="Writes finished facts, news and the calendar to PostgreSQL, and the newest prices and features to Redis.",
    consumes=(
        "tickloom.market.v1.BarBatch",
        "tickloom.market.v1.ActivityBarBatch",
        "tickloom.features.v1.FeatureBatch",
        "tickloom.market.v1.FeedQuality",
        "tickloom.features.v1.PairBatch",
        "tickloom.performance.v1.ModelPerformance",
        "tickloom.performance.v1.DriftDetected",
        "tickloom.performance.v1.Outcome",
        "tickloom.signals.v1.Signal",
        "tickloom.signals.v1.Feedback",
        "tickloom.signals.v1.ReentryDecision",
        "tickloom.orders.v1.OrderUpdate",
        "tickloom.orders.v1.Fill",
        "tickloom.portfolio.v1.RiskMetrics",
        "tickloom.portfolio.v1.LimitBreach",
        "tickloom.orders.v1.OrderFlow",
        "tickloom.news.v1.NewsBatch",
        "tickloom.calendar.v1.CalendarBatch",
        "tickloom.inference.v1.SentimentBatch",
    ),
    stores=("postgres", "redis"),
    budget_ms=100,
)
