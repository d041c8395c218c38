"""One suite for every adapter of the port `Valuation`: memory and PostgreSQL tell the same of accounts and prices."""

import asyncio
from collections.abc import AsyncIterator
from decimal import Decimal

import numpy as np
import pytest
from stores import fresh_database
from trading import paper
from valued import BTC, ETH, HOUR, MIDNIGHT, closes, filled, history, trade

from functions.adapters import memory_valuation, postgres_valuation
from functions.adapters.memory_valuation import MemoryValuation
from functions.adapters.postgres import Pool
from functions.adapters.postgres_ledger import PostgresLedger
from functions.adapters.postgres_valuation import PostgresValuation
from functions.domain.errors import Rejected
from functions.domain.orders.account import Position
from functions.domain.portfolio.analytics import Mark
from functions.domain.portfolio.history import History
from functions.ports.valuation import Valuation

TOLD = history(
    trade(1, 1, "2", "100.5", fee="0.201"),
    trade(2, 2, "-1", "101", of=BTC),
    trade(3, 3, "1.5", "100.25", replaces=1),
    held=[(BTC, "-0.25", "40000")],
)
CLOSES = closes({ETH: {1: "100", 2: "101.25", 4: "99"}, BTC: {3: "41000"}})


@pytest.fixture(scope="module")
def store(postgres_url: str) -> str:
    """Give a store with what is told above; nothing here writes into it."""
    return asyncio.run(filled(postgres_url, CLOSES, TOLD))


@pytest.fixture(params=["memory", "postgres"])
def place(request: pytest.FixtureRequest) -> str:
    """Say where it is kept: nowhere but in memory, or a store."""
    return "" if request.param == "memory" else str(request.getfixturevalue("store"))


@pytest.fixture
async def valuation(place: str) -> AsyncIterator[Valuation]:
    """Give each adapter, with what is told above."""
    if not place:
        yield MemoryValuation([TOLD], CLOSES)
        return
    pool = Pool(place)
    yield PostgresValuation(pool)
    await pool.close()


async def test_history(valuation: Valuation) -> None:
    """An account is told whole: what it was opened with, its fills in the order of its stream, their corrections."""
    assert await valuation.accounts() == ("paper",)
    assert await valuation.history("paper") == TOLD
    assert await valuation.history("other") is None


async def test_closes(valuation: Valuation) -> None:
    """At each time the newest final bar of a minute that had ended is told, from its very end on."""
    times = MIDNIGHT + np.array([1 * HOUR - 1, 1 * HOUR, 3 * HOUR, 4 * HOUR - 1, 4 * HOUR, 90 * HOUR])
    found = await valuation.closes([ETH, BTC, "X.Y"], times)
    first, second, last = (
        Mark(Decimal(price), MIDNIGHT + at * HOUR) for price, at in (("100", 1), ("101.25", 2), ("99", 4))
    )
    assert list(found[ETH]) == [None, first, second, second, last, last]
    assert list(found[BTC]) == [None, None, *[Mark(Decimal(41000), MIDNIGHT + 3 * HOUR)] * 4]
    assert list(found["X.Y"]) == [None] * 6


async def test_bars_without_a_close(postgres_url: str) -> None:
    """A bar whose trades may set no close is no mark: the one before it stands."""
    place = await filled(postgres_url, closes({ETH: {1: "100", 2: "0"}}))
    pool = Pool(place)
    found = await PostgresValuation(pool).closes([ETH], MIDNIGHT + np.array([3 * HOUR]))
    assert list(found[ETH]) == [Mark(Decimal(100), MIDNIGHT + HOUR)]
    await pool.close()


async def test_too_many_fills(valuation: Valuation, monkeypatch: pytest.MonkeyPatch) -> None:
    """An account with more fills than may be folded is refused, not told in part."""
    for module in (memory_valuation, postgres_valuation):
        monkeypatch.setattr(module, "FILLS_MAX", 2)
    with pytest.raises(Rejected, match="more than 2 fills"):
        await valuation.history("paper")


async def test_opening_positions_stay(postgres_url: str) -> None:
    """What an account was opened with stays what it was, wherever bookings move its positions."""
    pool = Pool(await fresh_database(postgres_url))
    await PostgresLedger(pool).open_account(paper(1000, Position(ETH, Decimal(2), Decimal(100))))
    await (await pool.get()).execute("UPDATE ledger_position SET quantity = 7, price = 3")
    assert await PostgresValuation(pool).history("paper") == History(
        "paper", Decimal(1000), ((ETH, Decimal(2), Decimal(100)),), ()
    )
    await pool.close()
