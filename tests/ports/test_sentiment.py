"""One suite for every adapter of the port `SentimentStore`: memory and PostgreSQL count the same texts."""

import asyncio
from collections.abc import AsyncIterator

import pytest
from worded import NOW, S, item, scored, unscored

from functions.adapters.memory_sentiment import MemorySentiment
from functions.adapters.postgres import Pool
from functions.adapters.postgres_sentiment import PostgresSentiment
from functions.domain.news import NewsStatus, Symbology
from functions.domain.sentiment import SentimentBatch, Told

XYZ = {(Symbology.TICKER, "XYZ")}


@pytest.fixture(params=["memory", "postgres"])
def place(request: pytest.FixtureRequest) -> str:
    """Say where tellings are kept: nowhere but in memory, or a database."""
    return "" if request.param == "memory" else str(request.getfixturevalue("database_url"))


@pytest.fixture
async def store(place: str) -> AsyncIterator[MemorySentiment | PostgresSentiment]:
    """Give each adapter, empty."""
    if not place:
        yield MemorySentiment()
        return
    pool = Pool(place)
    await (await pool.get()).execute("TRUNCATE sentiment_versions")
    kept = PostgresSentiment(pool)
    yield kept
    await kept.close()
    await pool.close()


async def texts(store: MemorySentiment | PostgresSentiment, *, after: int = 0, at: int = NOW + 99 * S) -> list[Told]:
    """Read what counts for XYZ."""
    return await store.texts_of(XYZ, after_ns=after, as_of_ns=at)


async def test_everything_is_kept(store: MemorySentiment | PostgresSentiment) -> None:
    """A telling comes back as it was told, an odd letter in a source's words apart."""
    await store.put_sentiment(scored(item("a", tickers=("XYZ", 'O\'Neil, "x"'))))
    (one,) = await texts(store)
    assert (one.item.news_id, one.item.tickers, one.model, one.version) == (
        "a",
        ("XYZ", 'O\'Neil, "x"'),
        "sentiment",
        "1",
    )
    assert one.score == pytest.approx(0.7)
    assert one.item.kind.value == "news"


async def test_again(store: MemorySentiment | PostgresSentiment) -> None:
    """Keeping a telling again, alone or with others, changes nothing."""
    batch = scored(item("a"), item("b", "Shares fall"))
    await store.put_sentiment(batch)
    first = await texts(store)
    await asyncio.gather(*(store.put_sentiment(batch) for _ in range(3)))
    assert await texts(store) == first


@pytest.mark.parametrize("turned", [False, True])
async def test_answer_beats_none(store: MemorySentiment | PostgresSentiment, turned: bool) -> None:  # noqa: FBT001 - a pytest parameter
    """An answer stays before a degraded telling of the same version, whichever comes first."""
    both = [scored(item("a")), unscored(item("a"))]
    for batch in reversed(both) if turned else both:
        await store.put_sentiment(batch)
    (one,) = await texts(store)
    assert one.score == pytest.approx(0.7)


@pytest.mark.parametrize("turned", [False, True])
async def test_first_known_stays(store: MemorySentiment | PostgresSentiment, turned: bool) -> None:  # noqa: FBT001 - a pytest parameter
    """A version told twice is known since the first time, whichever comes first."""
    both = [scored(item("a", at=NOW)), scored(item("a", at=NOW + S), version="2")]
    for batch in reversed(both) if turned else both:
        await store.put_sentiment(batch)
    assert [(one.item.ts_available, one.version) for one in await texts(store)] == [(NOW, "1")]


async def test_syndicated_text_counts_once(store: MemorySentiment | PostgresSentiment) -> None:
    """A text sent by many is one, in the window of its first moment alone, also where batches are hours apart."""
    for n in range(4):
        await store.put_sentiment(scored(item(f"n{n}", at=NOW + n * S), item("other", "Meeting", at=NOW + S)))
    assert [one.item.news_id for one in await texts(store)] == ["n0", "other"]
    assert [one.item.news_id for one in await texts(store, after=NOW)] == ["other"]


async def test_nothing_from_later(store: MemorySentiment | PostgresSentiment) -> None:
    """What was not yet available is not seen: not a text, a correction or a withdrawal."""
    await store.put_sentiment(scored(item("a")))
    await store.put_sentiment(scored(item("a", "Shares fall", at=NOW + S, revision=1)))
    await store.put_sentiment(scored(item("a", at=NOW + 2 * S, revision=2, status=NewsStatus.WITHDRAWN)))
    scores = [[one.score for one in await texts(store, at=NOW + n * S)] for n in (-1, 0, 1, 2)]
    assert scores == [[], pytest.approx([0.7]), pytest.approx([-0.7]), []]


async def test_symbols_stay_apart(store: MemorySentiment | PostgresSentiment) -> None:
    """Only items that name the symbol count, and a model that was not asked for does not."""
    await store.put_sentiment(scored(item("a", tickers=("ABC",))))
    await store.put_sentiment(scored(item("b", tickers=())))
    assert await texts(store) == []
    assert await store.texts_of({(Symbology.TICKER, "ABC")}, after_ns=0, as_of_ns=NOW, model="another") == []


async def test_nothing_to_keep(store: MemorySentiment | PostgresSentiment) -> None:
    """A clock's batch is kept as nothing."""
    await store.put_sentiment(SentimentBatch("NEWS-0", "NEWS-0.news", 0, 0, heartbeat=True))
    assert await texts(store) == []
