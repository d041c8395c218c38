"""One suite for every adapter of the port `Activity`: memory and PostgreSQL keep the same rows."""

import asyncio
import itertools
import random
from collections.abc import AsyncIterator
from dataclasses import dataclass, replace
from datetime import date
from decimal import Decimal
from typing import Any

import numpy as np
import pytest
from active import every, run
from counts import examples
from ticking import T0, S, Trade

from functions.adapters.memory_activity import MemoryActivity
from functions.adapters.postgres import Pool
from functions.adapters.postgres_activity import PostgresActivity
from functions.domain.activity.batch import ActivityBarBatch
from functions.domain.activity.fold import ActivityRules
from functions.domain.market import TRADE_CANCEL, TRADE_NOT_HIGH_LOW, TRADE_NOT_LAST

RULES = ActivityRules(ticks=every("2"), volume=every("0.02"), notional=every("0.01"))
TRADES = [Trade(T0, 12_340, 15, id=1), Trade(T0 + S, 12_350, 5, id=2), Trade(T0 + 2 * S, 12_360, 1, id=3)]
"""Two of them fill a bar of ticks and one of volume, each one of notional."""


@dataclass
class Kept:
    """An adapter, and its rows."""

    activity: MemoryActivity | PostgresActivity
    pool: Pool | None

    async def rows(self) -> list[dict[str, Any]]:
        """Give every row, by key."""
        if isinstance(self.activity, MemoryActivity):
            return [row for _, row in sorted(self.activity.rows.items())]
        assert self.pool is not None
        query = "SELECT * FROM activity_bars ORDER BY instrument_id, basis, day, ordinal"
        found = await (await self.pool.get()).fetch(query)
        return [dict(row) for row in found]


@pytest.fixture(params=["memory", "postgres"])
def place(request: pytest.FixtureRequest) -> str:
    """Say where rows are kept: nowhere but in memory, or a database."""
    return "" if request.param == "memory" else str(request.getfixturevalue("database_url"))


@pytest.fixture
async def kept(place: str) -> AsyncIterator[Kept]:
    """Give each adapter, empty."""
    if not place:
        yield Kept(MemoryActivity(), None)
        return
    pool = Pool(place)
    await (await pool.get()).execute("TRUNCATE activity_bars")
    activity = PostgresActivity(pool)
    yield Kept(activity, pool)
    await activity.close()
    await pool.close()


def batches(*more: Trade) -> list[ActivityBarBatch]:
    """Fold the trades, then more, one a batch."""
    return run([*TRADES, *more], RULES, 1)


async def put(kept: Kept, given: list[ActivityBarBatch]) -> list[dict[str, Any]]:
    """Keep batches one behind the other, and give all rows."""
    for sequence, one in enumerate(given):
        await kept.activity.put_activity_bars(one, sequence=sequence)
    return await kept.rows()


async def test_rows(kept: Kept) -> None:
    """Every figure is kept in quote and base currency, by instrument, basis, day and number."""
    first, *others = [row for row in await put(kept, batches()) if row["basis"] == "volume"]
    assert first == {
        "instrument_id": "I0-USDT.BINANCE",
        "basis": "volume",
        "day": date(2023, 11, 15),
        "ordinal": 0,
        "finality": "final",
        "revision": 0,
        "sequence": 1,
        "shard": "BINANCE-0",
        "threshold": Decimal("0.02"),
        "start_ns": T0,
        "end_ns": T0 + S,
        "open": Decimal("123.4"),
        "high": Decimal("123.5"),
        "low": Decimal("123.4"),
        "close": Decimal("123.5"),
        "volume": Decimal("0.02"),
        "buy_volume": Decimal("0.02"),
        "notional": Decimal("2.4685"),
        "trades": 2,
        "short": False,
        "amended": False,
        "missing": False,
    }
    assert [(row["ordinal"], row["finality"], row["trades"]) for row in others] == [(1, "open", 1)]


async def test_any_order(kept: Kept) -> None:
    """Higher (finality, revision, sequence) wins, in whatever order forms come, and coming again changes nothing."""
    given = batches(Trade(T0, id=1, flags=TRADE_CANCEL), Trade(T0, id=2, flags=TRADE_CANCEL))
    wanted = await put(kept, given)
    assert [(row["basis"], row["revision"], row["amended"]) for row in wanted if row["ordinal"] == 0] == [
        ("notional", 1, True),
        ("ticks", 2, True),
        ("volume", 2, True),
    ]
    orders = list(itertools.permutations(enumerate(given)))
    draw = random.Random(1)  # noqa: S311 - reproducible
    for order in draw.sample(orders, min(examples(len(orders)), len(orders))):
        await asyncio.gather(*(kept.activity.put_activity_bars(one, sequence=n) for n, one in order))
    assert await kept.rows() == wanted


async def test_unset_prices(kept: Kept) -> None:
    """A price that no trade may set is null."""
    unpriced = TRADE_NOT_LAST | TRADE_NOT_HIGH_LOW
    given = run([Trade(T0, id=1, flags=unpriced)], ActivityRules(ticks=every("1")))
    (row,) = await put(kept, given)
    assert [row[name] for name in ("open", "high", "low", "close")] == [None] * 4


async def test_beyond_64_bits(kept: Kept) -> None:
    """Sums of any size are kept exactly."""
    (one,) = [each for each in run([Trade(T0, 2**61, 2**61, id=1)], ActivityRules(ticks=every("1"))) if each.row_count]
    (row,) = await put(kept, [one])
    assert row["notional"] == Decimal("53169119831396634916152282411213.78304")  # 2**122 * 10**-5


async def test_nothing(kept: Kept) -> None:
    """A batch without bars keeps nothing."""
    (empty,) = run([], RULES)
    assert await put(kept, [replace(empty, day=np.empty(0, np.int32))]) == []
