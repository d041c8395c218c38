"""Turn raw news, posts and calendar documents into facts."""

from typing import Final

from functions.ports.card import Card, Kind

CARD: Final = Card(
    name="digest",
    kind=Kind.HANDLER,
    version="1",
    summary="Turns raw documents into news items or calendar events; doubles are marked, bad rows ride along.",
    consumes=("tickloom.market.v1.RawBatch",),
    emits=("tickloom.news.v1.NewsBatch", "tickloom.calendar.v1.CalendarBatch"),
    budget_ms=100,
)
