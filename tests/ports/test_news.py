"""One suite for every adapter of the port `News`: memory and PostgreSQL keep the same versions."""

import asyncio
import itertools
import pathlib
import random
from collections.abc import AsyncIterator, Sequence
from dataclasses import replace

import pytest
from counts import examples
from documented import ATOM, DAY, NOW, as_json, raw
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from functions.adapters.memory_news import MemoryNews
from functions.adapters.postgres import Pool
from functions.adapters.postgres_news import PostgresNews
from functions.domain.calendar import CalendarBatch, CalendarEvent, EventState, figure
from functions.domain.news import NewsBatch, NewsItem, NewsStatus
from functions.wire.batcher import Cut
from functions.wire.news.cutting import document_batcher
from functions.wire.news.digesting import digest

LATER = 2**62


def item() -> NewsItem:
    """Give an item with every field set."""
    found = digest(raw("news.rss", ATOM))
    assert isinstance(found, NewsBatch)
    return replace(found.items[0], tickers=("A", "B"), urgency=2, body='"quoted" \\ \u0153\n{}', revision=5)


def event() -> CalendarEvent:
    """Give an event with every field set."""
    found = digest(raw("calendar.forexfactory.json", as_json(DAY)))
    assert isinstance(found, CalendarBatch)
    return found.events[0]


def news(*items: NewsItem, stream: str = "N-0.news") -> NewsBatch:
    """Make a batch of items."""
    return NewsBatch("N-0", stream, 0, 1, items=items)


def calendar(*events: CalendarEvent, stream: str = "C-0.calendar") -> CalendarBatch:
    """Make a batch of events."""
    return CalendarBatch("C-0", stream, 0, 1, events=events)


@pytest.fixture(params=["memory", "postgres"])
def place(request: pytest.FixtureRequest) -> str:
    """Say where versions are kept: nowhere but in memory, or a database."""
    return "" if request.param == "memory" else str(request.getfixturevalue("database_url"))


@pytest.fixture
async def store(place: str) -> AsyncIterator[MemoryNews | PostgresNews]:
    """Give each adapter, empty."""
    if not place:
        yield MemoryNews()
        return
    pool = Pool(place)
    await (await pool.get()).execute("TRUNCATE news_versions, calendar_versions")
    kept = PostgresNews(pool)
    yield kept
    await kept.close()
    await pool.close()


async def test_kept_whole(store: MemoryNews | PostgresNews) -> None:
    """An item and an event come back as they were stored, field by field; before they could be known there is none."""
    one, other = item(), event()
    await asyncio.gather(store.put_news(news(one)), store.put_calendar(calendar(other)))
    assert await store.news_at(one.news_id, one.ts_available) == one
    assert await store.event_at(other.event_id, other.ts_available) == other
    assert await store.news_at(one.news_id, one.ts_available - 1) is None
    assert await store.event_at(other.event_id, other.ts_available - 1) is None
    assert await store.news_at("nobody", LATER) is None


async def test_an_absent_time_stays_absent(store: MemoryNews | PostgresNews) -> None:
    """An item whose source tells no time has none, and what else was in its batch is no part of it."""
    one = replace(item(), ts_published=None, duplicate_of="first")
    await store.put_news(news(one))
    assert await store.news_at(one.news_id, LATER) == replace(one, duplicate_of="")


async def test_known_since_the_first_time(store: MemoryNews | PostgresNews) -> None:
    """The same version told again, earlier or later, is known since the earliest telling."""
    for ts_available in (NOW + 5, NOW + 9, NOW + 2, NOW + 7):
        await store.put_news(news(replace(item(), ts_available=ts_available)))
        await store.put_calendar(calendar(replace(event(), ts_available=ts_available)))
    assert await store.news_at(item().news_id, LATER) == replace(item(), ts_available=NOW + 2)
    assert await store.news_at(item().news_id, NOW + 1) is None
    assert await store.event_at(event().event_id, LATER) == replace(event(), ts_available=NOW + 2)


async def test_what_was_known_when(store: MemoryNews | PostgresNews) -> None:
    """A correction is the newest from the moment it could be known, and never before; a withdrawal ends the chain."""
    first = replace(item(), ts_available=10)
    corrected = replace(
        first, ts_available=20, revision=6, content_key="c", headline="CORRECTED", status=NewsStatus.CORRECTED
    )
    gone = replace(first, ts_available=30, revision=7, content_key="d", status=NewsStatus.WITHDRAWN)
    await store.put_news(news(gone, first, corrected))
    found = [await store.news_at(first.news_id, as_of_ns) for as_of_ns in (9, 10, 19, 20, 29, 30, LATER)]
    assert found == [None, first, first, corrected, corrected, gone, gone]


async def test_a_late_old_version_is_not_the_newest(store: MemoryNews | PostgresNews) -> None:
    """A lower revision that arrives later replaces nothing; without revisions the later known is newer."""
    new, old = replace(item(), ts_available=10), replace(item(), ts_available=20, revision=1, content_key="old")
    await store.put_news(news(new))
    await store.put_news(news(old))
    assert await store.news_at(new.news_id, LATER) == new
    silent = [replace(item(), news_id="s", revision=0, ts_available=at, content_key=f"k{at}") for at in (20, 10)]
    await store.put_news(news(*silent))
    assert await store.news_at("s", LATER) == silent[0]


async def test_states_are_told_by_history(store: MemoryNews | PostgresNews) -> None:
    """A figure is scheduled, then released, then revised, as it was known; a new forecast revises nothing."""
    told = [("", "1%"), ("", "2%"), ("3%", "2%"), ("3%", "2.5%"), ("4%", "2.5%")]
    versions = [
        replace(
            event(),
            actual=figure(actual),
            forecast=figure(forecast),
            ts_available=at,
            revision=at,
            content_key=f"k{at}",
        )
        for at, (actual, forecast) in enumerate(told, start=1)
    ]
    await store.put_calendar(calendar(*reversed(versions)))
    found = [await store.event_at(event().event_id, at) for at in range(1, 6)]
    assert [one.state for one in found if one] == [
        EventState.SCHEDULED,
        EventState.SCHEDULED,
        EventState.RELEASED,
        EventState.RELEASED,
        EventState.REVISED,
    ]


VERSIONS = st.lists(
    st.builds(
        lambda key, at, revision, row: replace(
            item(), content_key=f"{key}{revision}", ts_available=at, revision=revision, row=row
        ),
        st.sampled_from("ab"),
        st.integers(1, 4),
        st.integers(0, 2),
        st.integers(0, 2),
    ),
    min_size=1,
    max_size=6,
)


@given(versions=VERSIONS, order=st.randoms(use_true_random=False), batches=st.integers(1, 3))
@settings(
    max_examples=examples(200),
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
    database=None,
)
def test_order_and_repetition_change_nothing(
    place: str, versions: list[NewsItem], order: random.Random, batches: int
) -> None:
    """However often and in whatever order versions are stored, together or one by one, the same are known."""
    expected = asyncio.run(known(place, [versions]))
    shuffled = versions * 2
    order.shuffle(shuffled)
    step = max(1, len(shuffled) // batches)
    assert asyncio.run(known(place, [shuffled[at : at + step] for at in range(0, len(shuffled), step)])) == expected


async def known(place: str, parts: Sequence[Sequence[NewsItem]]) -> list[NewsItem | None]:
    """Store parts in an empty store, and say what was known at each time."""
    if not place:
        return await asked(MemoryNews(), parts)
    pool = Pool(place)
    await (await pool.get()).execute("TRUNCATE news_versions")
    try:
        return await asked(PostgresNews(pool), parts)
    finally:
        await pool.close()


async def asked(store: MemoryNews | PostgresNews, parts: Sequence[Sequence[NewsItem]]) -> list[NewsItem | None]:
    """Store parts, and ask at each time."""
    for part in parts:
        await store.put_news(news(*part))
    return [await store.news_at(item().news_id, at) for at in range(6)]


async def test_poison_can_be_kept(store: MemoryNews | PostgresNews) -> None:
    """NUL in a text, which PostgreSQL cannot hold, does not keep an item from being stored."""
    await store.put_news(news(replace(item(), news_id="nul", headline="a\x00b")))
    found = await store.news_at("nul", LATER)
    assert found is not None
    assert found.headline.replace("\x00", "\ufffd") == "a\ufffdb"


async def test_the_captures(store: MemoryNews | PostgresNews, captures: pathlib.Path) -> None:
    """The 118 real days, stored twice, are 1,705 versions of as many events as they have ids; moved events moved."""
    folder = captures / "econ_calendar" / "date"
    cutter = document_batcher(
        Cut("C-0", "C-0.calendar", "calendar.forexfactory.json"), lambda _name, _row: None, lambda: NOW
    )
    documents = [(file.read_bytes(), NOW) for file in sorted(folder.glob("*.json"))]
    batches = [one for one in map(digest, cutter.cut(documents)) if isinstance(one, CalendarBatch)]
    for batch in (*batches, *reversed(batches)):
        await store.put_calendar(batch)
    versions = list(itertools.chain.from_iterable(batch.events for batch in batches))
    moved = [one for one in versions if one.native_id == "101762"]
    assert [(await store.event_at(one.event_id, one.ts_available)) for one in moved] == moved
    ids = {one.event_id for one in versions}
    found = [await store.event_at(one, LATER) for one in sorted(ids)]
    newest = {one.event_id: one for one in sorted(versions, key=lambda one: one.revision)}
    assert [one.content_key if one else "" for one in found] == [newest[one].content_key for one in sorted(ids)]
