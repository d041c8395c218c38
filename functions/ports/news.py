"""Say where news and the calendar are kept: every version by its content, and which of them was known when."""

from typing import Protocol

from functions.domain.calendar import CalendarBatch, CalendarEvent
from functions.domain.news import NewsBatch, NewsItem


class News(Protocol):
    """Keep every version of items and events since it could first be known.

    A version is named by (id, content key). Storing it again only ever moves its `ts_available` back, never forward, so
    the order of storing and the number of times change nothing. The newest of the known versions is the one with the
    greatest (revision, ts_available, content key).
    """

    async def put_news(self, batch: NewsBatch) -> None:
        """Keep the items of a batch."""
        ...

    async def put_calendar(self, batch: CalendarBatch) -> None:
        """Keep the events of a batch."""
        ...

    async def news_at(self, news_id: str, as_of_ns: int) -> NewsItem | None:
        """Give the newest version of an item that could be known at a time; None when none could."""
        ...

    async def event_at(self, event_id: str, as_of_ns: int) -> CalendarEvent | None:
        """Give the newest version of an event that could be known at a time, its state told by those before it."""
        ...
