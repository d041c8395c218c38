"""One suite for every adapter of the port `Schedule`: memory and PostgreSQL read the same events at every time."""

import pathlib
import random
from collections.abc import AsyncIterator, Collection
from dataclasses import dataclass, replace
from typing import Any

import pytest
from counts import count
from documented import DAY, as_json, raw
from reentered import MINUTE, NOW

from functions.adapters.memory_news import MemoryNews
from functions.adapters.memory_schedule import MemorySchedule
from functions.adapters.postgres import Pool
from functions.adapters.postgres_news import PostgresNews
from functions.adapters.postgres_schedule import PostgresSchedule
from functions.domain.calendar import CalendarBatch, CalendarEvent, Impact, Timing
from functions.domain.reentry import Scheduled
from functions.wire.batcher import Cut
from functions.wire.news.cutting import document_batcher
from functions.wire.news.digesting import digest

DAYS = 1440 * MINUTE


@dataclass(frozen=True, slots=True)
class Kept:
    """Hold a calendar, and how it is read by time."""

    news: MemoryNews | PostgresNews
    schedule: MemorySchedule | PostgresSchedule

    async def put(self, *events: CalendarEvent) -> None:
        """Keep events."""
        await self.news.put_calendar(CalendarBatch("C-0", "C-0.calendar", 0, 1, events=events))

    async def around(self, at: int = 0, currencies: Collection[str] = (), known: int = 0) -> list[str]:
        """Name the events within an hour of so many minutes from now, as known so many minutes from now."""
        ns = NOW + at * MINUTE
        found = await self.schedule.around(
            currencies, from_ns=ns - 60 * MINUTE, to_ns=ns + 60 * MINUTE, as_of_ns=NOW + known * MINUTE
        )
        return [one.event_id for one in found]


@pytest.fixture(params=["memory", "postgres"])
def place(request: pytest.FixtureRequest) -> str:
    """Say where the calendar is kept: nowhere but in memory, or a database."""
    return "" if request.param == "memory" else str(request.getfixturevalue("database_url"))


@pytest.fixture
async def kept(place: str) -> AsyncIterator[Kept]:
    """Give each adapter, with an empty calendar."""
    if not place:
        news = MemoryNews()
        yield Kept(news, MemorySchedule(news))
        return
    pool = Pool(place)
    await (await pool.get()).execute("TRUNCATE calendar_versions")
    store = PostgresNews(pool)
    yield Kept(store, PostgresSchedule(pool))
    await store.close()
    await pool.close()


def event(name: str, minutes: int, *, known: int = -9999, **changes: Any) -> CalendarEvent:  # noqa: ANN401 - any field
    """Make a version of a high-impact event so many minutes from now, known so many minutes from now."""
    found = digest(raw("calendar.forexfactory.json", as_json(DAY)))
    assert isinstance(found, CalendarBatch)
    values = {
        "event_id": name,
        "currency": "USD",
        "impact": Impact.HIGH,
        "timing": Timing.EXACT,
        "revision": 0,
        "content_key": f"{name}{minutes}{known}",
        "ts_scheduled": NOW + minutes * MINUTE,
        "ts_available": NOW + known * MINUTE,
        **changes,
    }
    return replace(found.events[0], **values)


async def test_reads(kept: Kept) -> None:
    """An event is given with its name, currency and time."""
    await kept.put(event("a", 10))
    (found,) = await kept.schedule.around((), from_ns=NOW, to_ns=NOW + 10 * MINUTE, as_of_ns=NOW)
    assert found == Scheduled("a", "German PPI m/m", "USD", NOW + 10 * MINUTE)


async def test_window(kept: Kept) -> None:
    """Events behind the start and up to the end are given, the earliest first, then by their ids."""
    await kept.put(*(event(f"e{at}", at) for at in (61, 60, 0, -59, -60)), event("d0", 0))
    assert await kept.around() == ["e-59", "d0", "e0", "e60"]


async def test_only_what_was_known(kept: Kept) -> None:
    """What was learnt later is not seen: neither a new event, nor that one moved, nor that it matters."""
    await kept.put(event("new", 5, known=1))
    await kept.put(event("moved", 10, known=-50), event("moved", 500, known=2, revision=1))
    await kept.put(event("raised", 20, known=-50, impact=Impact.LOW), event("raised", 20, known=3, revision=1))
    assert await kept.around(known=0) == ["moved"]
    assert await kept.around(known=1) == ["new", "moved"]
    assert await kept.around(known=2) == ["new"]
    assert await kept.around(known=3) == ["new", "raised"]
    assert await kept.around(at=500, known=1) == []
    assert await kept.around(at=500, known=2) == ["moved"]


async def test_only_what_has_a_minute_and_matters(kept: Kept) -> None:
    """Events of another impact, and those whose minute is not known, are near no minute."""
    await kept.put(*(event(f"i{one.value}", 5, impact=one) for one in Impact))
    await kept.put(*(event(f"t{one.value}", 6, timing=one) for one in Timing))
    assert await kept.around() == ["ihigh", "texact"]


async def test_currencies(kept: Kept) -> None:
    """Of named currencies only those events are given; without any, those of all."""
    await kept.put(event("a", 1), event("b", 2, currency="EUR"), event("c", 3, currency="ALL"))
    assert await kept.around(currencies={"USD", "ALL"}) == ["a", "c"]
    assert await kept.around(currencies={"EUR"}) == ["b"]
    assert await kept.around(currencies={"XAU"}) == []
    assert await kept.around() == ["a", "b", "c"]


async def test_the_captures(kept: Kept, captures: pathlib.Path) -> None:
    """On 118 real days both adapters give, at any time, what one who reads every newest version finds."""
    folder = captures / "econ_calendar" / "date"
    cutter = document_batcher(
        Cut("C-0", "C-0.calendar", "calendar.forexfactory.json"), lambda _name, _row: None, lambda: NOW
    )
    documents = [(file.read_bytes(), NOW) for file in sorted(folder.glob("*.json"))]
    events = [
        one for batch in map(digest, cutter.cut(documents)) if isinstance(batch, CalendarBatch) for one in batch.events
    ]
    await kept.put(*events)
    chance = random.Random(0)  # noqa: S311 - times to look at
    high = [one for one in events if one.impact is Impact.HIGH]
    assert len(high) > 100
    for _ in range(count(200)):
        at = chance.choice(high).ts_scheduled + chance.randint(-DAYS, DAYS)
        known = at + chance.randint(-DAYS, 5 * DAYS)
        currencies = frozenset(chance.sample(["USD", "EUR", "GBP", "JPY", "ALL"], 2))
        found = await kept.schedule.around(currencies, from_ns=at - DAYS, to_ns=at + DAYS, as_of_ns=known)
        newest = {
            one.event_id: one
            for one in sorted(events, key=lambda one: (one.revision, one.ts_available, one.content_key))
            if one.ts_available <= known
        }
        expected = [
            (one.ts_scheduled, one.event_id)
            for one in newest.values()
            if at - DAYS < one.ts_scheduled <= at + DAYS
            and (one.impact, one.timing) == (Impact.HIGH, Timing.EXACT)
            and one.currency in currencies
        ]
        assert [(one.ts_scheduled, one.event_id) for one in found] == sorted(expected)
