"""One suite for every adapter of the port `Pairs`: memory and PostgreSQL keep the same rows."""

import asyncio
import json
from collections.abc import AsyncIterator
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

import pytest
from barred import Bar
from paired import SILENCE_S, fold, perp, spot

from functions.adapters.memory_pairs import MemoryPairs
from functions.adapters.postgres import Pool
from functions.adapters.postgres_pairs import PostgresPairs
from functions.domain.pairs.kernel import NAMES

FIRST, SECOND = (one.batch for one in fold([spot(Bar(), Bar(bar=101, close=300_150)), perp(Bar(), Bar(bar=102))]))
MISSING = fold([spot(Bar()), perp(Bar()), *(spot(Bar(bar=101 + n)) for n in range(SILENCE_S + 1))])[1].batch


@dataclass
class Kept:
    """An adapter, and its rows."""

    pairs: MemoryPairs | PostgresPairs
    pool: Pool | None

    async def rows(self) -> list[dict[str, Any]]:
        """Give every row, by key."""
        if isinstance(self.pairs, MemoryPairs):
            return [row for _, row in sorted(self.pairs.rows.items())]
        assert self.pool is not None
        query = "SELECT * FROM pairs ORDER BY instrument_a, instrument_b, interval_s, start_ns"
        found = await (await self.pool.get()).fetch(query)
        return [{**row, "pair_values": json.loads(row["pair_values"])} for row in found]


@pytest.fixture(params=["memory", "postgres"])
def place(request: pytest.FixtureRequest) -> str:
    """Say where rows are kept: nowhere but in memory, or a database."""
    return "" if request.param == "memory" else str(request.getfixturevalue("database_url"))


@pytest.fixture
async def kept(place: str) -> AsyncIterator[Kept]:
    """Give each adapter, empty."""
    pool = Pool(place) if place else None
    if pool is not None:
        await (await pool.get()).execute("TRUNCATE pairs")
    pairs = MemoryPairs() if pool is None else PostgresPairs(pool)
    yield Kept(pairs, pool)
    await pairs.close()
    if pool is not None:
        await pool.close()


async def test_rows(kept: Kept) -> None:
    """Prices are exact; figures are kept by name, and null where there is none."""
    await kept.pairs.put_pairs(SECOND, sequence=1)
    (row,) = await kept.rows()
    values = row.pop("pair_values")
    assert row == {
        "instrument_a": "ETH-USDT.BINANCE",
        "instrument_b": "ETH-USDT-PERP.BINANCEUSDM",
        "interval_s": 1,
        "start_ns": 101_000_000_000,
        "sequence": 1,
        "join_name": "BINANCE-0~BINANCEUSDM-0",
        "close_a": Decimal("3001.5"),
        "close_b": Decimal(3000),
        "stale_a": False,
        "stale_b": True,
        "missing_a": False,
        "missing_b": False,
    }
    assert set(values) == set(NAMES)
    assert values["spread_bps"] == SECOND.values[0, NAMES.index("spread_bps")]
    assert values["correlation_20"] is None


async def test_missing(kept: Kept) -> None:
    """A member that is missing has no price."""
    await kept.pairs.put_pairs(MISSING, sequence=1)
    (row,) = await kept.rows()
    assert (row["close_a"], row["close_b"], row["missing_b"]) == (Decimal(3000), None, True)


async def test_again(kept: Kept) -> None:
    """Keeping a row again changes nothing; of several forms the one with the highest sequence stays."""
    puts = [kept.pairs.put_pairs(FIRST, sequence=n) for n in (2, 5, 3)]
    await asyncio.gather(*puts)
    await kept.pairs.put_pairs(FIRST, sequence=4)
    await kept.pairs.put_pairs(SECOND, sequence=6)
    assert [row["sequence"] for row in await kept.rows()] == [5, 6]
