"""Make the daily report of an account when its day is over."""

from typing import Final

from functions.ports.card import Card, Kind

CARD: Final = Card(
    name="report",
    kind=Kind.HANDLER,
    version="1",
    summary="Makes an account's daily report as JSON, CSV and one page when a timer or a person asks for it.",
    consumes=("tickloom.portfolio.v1.ReportDue", "dev.knative.sources.ping"),
    stores=("postgres",),
    budget_ms=5000,
)
