"""One suite for every adapter of the port `Reentries`: memory and PostgreSQL keep the same decisions."""

import asyncio
from collections.abc import AsyncIterator
from dataclasses import replace
from decimal import Decimal
from typing import Any

import pytest
from reentered import DECISION, WAITING

from functions.adapters.memory_reentries import MemoryReentries
from functions.adapters.postgres import Pool
from functions.adapters.postgres_reentries import PostgresReentries
from functions.domain.reentry import ORIGINAL, Cap, Entry, Reaction, ReentryDecision

Store = MemoryReentries | PostgresReentries


@pytest.fixture(params=["memory", "postgres"])
def place(request: pytest.FixtureRequest) -> str:
    """Say where decisions are kept: nowhere but in memory, or a database."""
    return "" if request.param == "memory" else str(request.getfixturevalue("database_url"))


@pytest.fixture
async def pool(place: str) -> AsyncIterator[Pool | None]:
    """Give the database, empty, where there is one."""
    if not place:
        yield None
        return
    opened = Pool(place)
    await (await opened.get()).execute("TRUNCATE reentry_decisions")
    yield opened
    await opened.close()


@pytest.fixture
async def store(pool: Pool | None) -> AsyncIterator[Store]:
    """Give each adapter, empty."""
    kept = MemoryReentries() if pool is None else PostgresReentries(pool)
    yield kept
    await kept.close()


async def rows(store: Store, pool: Pool | None) -> list[dict[str, Any]]:
    """Read every row, by decision."""
    if isinstance(store, MemoryReentries):
        return [store.rows[name] for name in sorted(store.rows)]
    assert pool is not None
    found = await (await pool.get()).fetch("SELECT * FROM reentry_decisions ORDER BY decision_id")
    return [dict(row) for row in found]


async def test_rows(store: Store, pool: Pool | None) -> None:
    """A decision is a row with exact factors, its line of the rules, and what was near, or null where nothing was."""
    await store.put_reentry(DECISION)
    await store.put_reentry(WAITING)
    reverse, wait = await rows(store, pool)
    assert (reverse["signal_id"], reverse["ending"], reverse["duration"], reverse["side"]) == (
        *("buy-100", "loss", "quick", "sell"),
    )
    assert (reverse["reaction"], reverse["size_factor"], reverse["notional_factor_max"]) == (
        *("reverse", Decimal("0.5"), Decimal("0.5")),
    )
    assert (reverse["rule_line"], reverse["rule"], reverse["rules_digest"]) == (
        *(27, DECISION.ruling.text, DECISION.digest),
    )
    assert (reverse["event_id"], reverse["event_ns"], reverse["until_ns"]) == (None, None, None)
    near = WAITING.near
    assert near.event is not None
    assert (wait["proximity"], wait["event_id"], wait["event_ns"], wait["until_ns"]) == (
        *("before", near.event.event_id, near.event.ts_scheduled, near.until_ns),
    )


async def test_again(store: Store, pool: Pool | None) -> None:
    """Keeping a decision again changes nothing, whatever it says."""
    await store.put_reentry(DECISION)
    before = await rows(store, pool)
    other = replace(DECISION, strategy="other")
    await asyncio.gather(*(store.put_reentry(one) for one in (other, DECISION, other)))
    assert await rows(store, pool) == before


async def test_original(store: Store) -> None:
    """A signal that no decision asked for is an original trade, also after others were kept."""
    await store.put_reentry(DECISION)
    assert await store.entered(DECISION.signal_id) == await store.entered("") == ORIGINAL


@pytest.mark.parametrize("generation", [0, 3])
async def test_entered(store: Store, generation: int) -> None:
    """A trade that a decision asked for is the next generation, under the bounds of that decision."""
    case = DECISION.ruling.case._replace(generation=generation)
    await store.put_reentry(replace(DECISION, ruling=replace(DECISION.ruling, case=case, cap=Cap(7, Decimal("1.25")))))
    assert await store.entered(DECISION.decision_id) == Entry(generation + 1, Cap(7, Decimal("1.25")))


@pytest.mark.parametrize("reaction", [Reaction.WAIT, Reaction.STOP])
async def test_not_entered(store: Store, reaction: Reaction) -> None:
    """A decision that asked for no trade makes no re-entry of its id."""
    told: ReentryDecision = replace(WAITING, ruling=replace(WAITING.ruling, reaction=reaction))
    await store.put_reentry(told)
    assert await store.entered(told.decision_id) == ORIGINAL
