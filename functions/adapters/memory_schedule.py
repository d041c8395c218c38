"""Read the calendar by time from memory: the twin of `postgres_schedule`."""

from collections.abc import Collection

from functions.adapters.memory_news import MemoryNews
from functions.adapters.postgres_schedule import EVENTS_MAX
from functions.domain.calendar import CalendarEvent, Impact, Timing
from functions.domain.reentry import Scheduled


class MemorySchedule:
    """Read scheduled events from what `MemoryNews` keeps.

    Args:
        news: Whose calendar.
    """

    def __init__(self, news: MemoryNews) -> None:
        """Remember whose calendar is read."""
        self._news = news

    async def around(
        self, currencies: Collection[str], *, from_ns: int, to_ns: int, as_of_ns: int
    ) -> tuple[Scheduled, ...]:
        """Give the high-impact events whose exact time is in (from_ns, to_ns], by their newest versions known then."""
        versions = (one for _, one in self._news.events.values() if one.ts_available <= as_of_ns)
        newest: dict[str, CalendarEvent] = {}
        for one in sorted(versions, key=lambda one: (one.revision, one.ts_available, one.content_key)):
            newest[one.event_id] = one
        found = (
            Scheduled(one.event_id, one.name, one.currency, one.ts_scheduled)
            for one in newest.values()
            if from_ns < one.ts_scheduled <= to_ns
            and (one.impact, one.timing) == (Impact.HIGH, Timing.EXACT)
            and (not currencies or one.currency in currencies)
        )
        return tuple(sorted(found, key=lambda one: (one.ts_scheduled, one.event_id))[:EVENTS_MAX])
