"""One suite for every adapter of the port `FeedbackStore`: the last word of each user stands, however it comes."""

import asyncio
from collections.abc import AsyncIterator
from dataclasses import replace
from decimal import Decimal

import pytest
from forecast import outcome_of, signal_of

from functions.adapters.memory_feedback import MemoryFeedback
from functions.adapters.postgres import Pool
from functions.adapters.postgres_feedback import PostgresFeedback
from functions.adapters.postgres_performance import PostgresPerformance
from functions.adapters.postgres_views import PostgresViews
from functions.domain.feedback import Feedback, FeedbackOutcome
from functions.domain.outcomes import HORIZON_MAX
from functions.ports.errors import Unavailable
from functions.ports.feedback import FeedbackStore

WON = Feedback("buy-100", "u-7", FeedbackOutcome.WIN, 9, Decimal("2301.25"), Decimal("2340.5"), Decimal("1.6"), "q'ed")
OTHER = Feedback("buy-100", "u-8", FeedbackOutcome.DISMISSED, 8, notes="too late\nfor me")


@pytest.fixture(params=["memory", "postgres"])
def place(request: pytest.FixtureRequest) -> str:
    """Say where feedback is kept: nowhere but in memory, or a database."""
    return "" if request.param == "memory" else str(request.getfixturevalue("database_url"))


@pytest.fixture
async def kept(place: str) -> AsyncIterator[FeedbackStore]:
    """Give each adapter, empty."""
    pool = Pool(place or "postgresql://p@127.0.0.1:9/none")
    if place:
        await (await pool.get()).execute("TRUNCATE feedback, signals, outcomes")
    store = PostgresFeedback(pool) if place else MemoryFeedback()
    yield store
    await store.close()
    await pool.close()


async def test_kept(kept: FeedbackStore) -> None:
    """What users said comes back exactly, latest first; of a signal nobody spoke of there is nothing."""
    for one in (OTHER, WON, replace(WON, signal_id="sell-7")):
        await kept.put_feedback(one)
    assert await kept.feedback_of("buy-100") == (WON, OTHER)
    assert await kept.feedback_of("nobody") == ()


async def test_the_last_word_stands(kept: FeedbackStore) -> None:
    """A later word replaces an earlier one, an earlier one changes nothing, in whatever order and company they come."""
    words = [replace(WON, as_of_ns=ns, notes=f"{ns}") for ns in (3, 9, 4, 7)]
    await asyncio.gather(*(kept.put_feedback(one) for one in words))
    await kept.put_feedback(words[0])
    assert await kept.feedback_of("buy-100") == (words[1],)
    later = replace(OTHER, who="u-7", as_of_ns=10)
    await kept.put_feedback(later)
    assert await kept.feedback_of("buy-100") == (later,)


async def test_again(kept: FeedbackStore) -> None:
    """The same word again changes nothing, nor does another one of the same time."""
    for one in (WON, WON, replace(WON, notes="another")):
        await kept.put_feedback(one)
    assert await kept.feedback_of("buy-100") == (WON,)


async def test_joined(database_url: str) -> None:
    """A signal, what a user said and what the tape says stand in one row; without an outcome yet, its part is null."""
    pool = Pool(database_url)
    await (await pool.get()).execute("TRUNCATE feedback, signals, outcomes")
    views, records, store = PostgresViews(pool), PostgresPerformance(pool), PostgresFeedback(pool)
    for bar in (100, 101):
        await views.put_signal(signal_of(bar))
        await store.put_feedback(replace(WON, signal_id=f"buy-{bar}"))
    await records.put_outcome(outcome_of(*[6_120_050] * HORIZON_MAX))
    rows = await (await pool.get()).fetch("SELECT * FROM signal_feedback ORDER BY signal_id")
    told = [(row["outcome"], row["price"], row["actual_entry_price"], row["exit"], row["bars"]) for row in rows]
    await pool.close()
    ours = (WON.outcome.value, Decimal(60_000), WON.actual_entry_price)
    assert told == [(*ours, "take_profit", 1), (*ours, None, None)]


async def test_nobody_there() -> None:
    """A store that is away is unavailable, for writing and reading."""
    pool = Pool("postgresql://p@127.0.0.1:9/none")
    store = PostgresFeedback(pool)
    with pytest.raises(Unavailable):
        await store.put_feedback(WON)
    with pytest.raises(Unavailable):
        await store.feedback_of("buy-100")
    await store.close()
