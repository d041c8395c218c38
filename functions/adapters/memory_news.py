"""Keep news and the calendar in memory: the twin of `postgres_news`, version for version."""

from dataclasses import replace
from typing import TypeAlias, TypeVar

from functions.adapters.postgres_news import with_state
from functions.domain.calendar import CalendarBatch, CalendarEvent
from functions.domain.news import NewsBatch, NewsItem

Fact = TypeVar("Fact", NewsItem, CalendarEvent)
_Key: TypeAlias = tuple[str, str]
_First: TypeAlias = tuple[int, int, str, int]


class MemoryNews:
    """Keep versions in dicts by (id, content key)."""

    def __init__(self) -> None:
        """Start empty."""
        self.items: dict[_Key, tuple[str, NewsItem]] = {}
        self.events: dict[_Key, tuple[str, CalendarEvent]] = {}

    async def put_news(self, batch: NewsBatch) -> None:
        """Keep the items of a batch."""
        for item in batch.items:
            own = replace(item, duplicate_of="")  # what else was in its batch is no part of a version
            _keep(self.items, (item.news_id, item.content_key), batch.stream, own)

    async def put_calendar(self, batch: CalendarBatch) -> None:
        """Keep the events of a batch."""
        for event in batch.events:
            _keep(self.events, (event.event_id, event.content_key), batch.stream, event)

    async def news_at(self, news_id: str, as_of_ns: int) -> NewsItem | None:
        """Give the newest version of an item that could be known at a time; None when none could."""
        known = _known(self.items, news_id, as_of_ns)
        return known[0] if known else None

    async def event_at(self, event_id: str, as_of_ns: int) -> CalendarEvent | None:
        """Give the newest version of an event that could be known at a time, its state told by those before it."""
        return with_state(_known(self.events, event_id, as_of_ns))

    async def close(self) -> None:
        """Let go of nothing; versions stay readable."""


def _keep(kept: dict[_Key, tuple[str, Fact]], key: _Key, stream: str, fact: Fact) -> None:
    if key not in kept or _first(stream, fact) < _first(*kept[key]):
        kept[key] = (stream, fact)


def _first(stream: str, fact: NewsItem | CalendarEvent) -> _First:
    return fact.ts_available, fact.ts_receive, stream, fact.row


def _known(kept: dict[_Key, tuple[str, Fact]], name: str, as_of_ns: int) -> list[Fact]:
    """Give the versions that could be known, newest first."""
    found = [fact for (own, _), (_, fact) in kept.items() if own == name and fact.ts_available <= as_of_ns]
    return sorted(found, key=lambda fact: (fact.revision, fact.ts_available, fact.content_key), reverse=True)
