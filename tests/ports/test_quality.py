"""One suite for every adapter of the port `Quality`: memory and PostgreSQL keep the same rows."""

import asyncio
from collections.abc import AsyncIterator
from dataclasses import asdict, dataclass, replace
from typing import Any

import pytest

from functions.adapters.memory_quality import MemoryQuality
from functions.adapters.postgres import Pool
from functions.adapters.postgres_quality import PostgresQuality
from functions.domain.quality import FeedQuality, InstrumentQuality

WINDOW = InstrumentQuality("ETH-USDT.BINANCE", 10, 20, rows=5, missing_trades=2, delay_ns_mean=-7)
TOLD = FeedQuality("BINANCE-0", (WINDOW, replace(WINDOW, instrument_id="BTC-USDT.BINANCE")))


@dataclass
class Kept:
    """An adapter, and its rows."""

    quality: MemoryQuality | PostgresQuality
    pool: Pool | None

    async def rows(self) -> list[dict[str, Any]]:
        """Give every row, by key."""
        if isinstance(self.quality, MemoryQuality):
            return [row for _, row in sorted(self.quality.rows.items())]
        assert self.pool is not None
        query = "SELECT * FROM feed_quality ORDER BY instrument_id, shard, window_end_ns"
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
        yield Kept(MemoryQuality(), None)
        return
    pool = Pool(place)
    await (await pool.get()).execute("TRUNCATE feed_quality")
    quality = PostgresQuality(pool)
    yield Kept(quality, pool)
    await quality.close()
    await pool.close()


async def test_rows(kept: Kept) -> None:
    """Every figure is kept, by instrument, shard and window."""
    await kept.quality.put_quality(TOLD)
    btc, eth = await kept.rows()
    assert eth == {"shard": "BINANCE-0", **asdict(WINDOW)}
    assert btc["instrument_id"] == "BTC-USDT.BINANCE"


async def test_again(kept: Kept) -> None:
    """Keeping a window again changes nothing, whatever it says."""
    other = replace(TOLD, instruments=(replace(WINDOW, rows=99),))
    await kept.quality.put_quality(TOLD)
    await asyncio.gather(*(kept.quality.put_quality(one) for one in (TOLD, other)))
    assert [row["rows"] for row in await kept.rows()] == [5, 5]


async def test_windows(kept: Kept) -> None:
    """Windows, and shards, stay apart."""
    later = replace(WINDOW, window_start_ns=20, window_end_ns=30)
    for shard, window in (("BINANCE-0", WINDOW), ("BINANCE-0", later), ("BINANCE-1", WINDOW)):
        await kept.quality.put_quality(FeedQuality(shard, (window,)))
    found = [(row["shard"], row["window_end_ns"]) for row in await kept.rows()]
    assert found == [("BINANCE-0", 20), ("BINANCE-0", 30), ("BINANCE-1", 20)]
