"""One suite for every adapter of the port `Latest`: memory and Valkey hold the same keys, and none moves back."""

import asyncio
import json
import random
from collections.abc import AsyncIterator
from dataclasses import dataclass
from functools import partial
from typing import Any

import pytest
from barred import Bar, bar_batch
from counts import examples
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from paired import fold, perp, spot
from redis.asyncio import Redis

from functions.adapters.memory_views import MemoryLatest
from functions.adapters.redis_latest import RedisLatest
from functions.domain.market import BAR_FINAL, BAR_NO_PRICE, BAR_OPEN, BAR_PROVISIONAL, BAR_REVISED

ETH_PRICE = "latest:price:ETH-USDT.BINANCE"
DATABASE = "11"


@dataclass(frozen=True, slots=True)
class Kept:
    """An adapter and a way to read back what it keeps."""

    latest: MemoryLatest | RedisLatest
    redis: "Redis | None"

    async def keys(self) -> dict[str, Any]:
        """Read every key's document."""
        if self.redis is None:
            assert isinstance(self.latest, MemoryLatest)
            return {key: json.loads(value) for key, (_, value) in self.latest.keys.items()}
        found = [key.decode() async for key in self.redis.scan_iter("latest:*")]
        return {key: json.loads(await self.redis.hget(key, "value") or b"") for key in found}

    async def clear(self) -> None:
        """Forget every key."""
        if self.redis is None:
            assert isinstance(self.latest, MemoryLatest)
            self.latest.keys.clear()
        else:
            await self.redis.flushdb()


@pytest.fixture(params=["memory", "redis"])
def place(request: pytest.FixtureRequest) -> str:
    """Say where keys are kept: nowhere but in memory, or a database of this module's own."""
    if request.param == "memory":
        return ""
    return str(request.getfixturevalue("redis_url")).rsplit("/", 1)[0] + "/" + DATABASE


@pytest.fixture
async def kept(place: str) -> AsyncIterator[Kept]:
    """Give each adapter, empty."""
    redis = Redis.from_url(place) if place else None
    one = Kept(MemoryLatest() if redis is None else RedisLatest(place), redis)
    await one.clear()
    yield one
    await one.latest.close()
    if redis is not None:
        await redis.aclose()


async def test_price_document(kept: Kept) -> None:
    """A price is kept as an exact decimal with the quote it closed on."""
    await kept.latest.put_bars(bar_batch([Bar(close=300_050, ask=0)]))
    assert await kept.keys() == {
        ETH_PRICE: {
            "instrument_id": "ETH-USDT.BINANCE",
            "price": "3000.5",
            "bid_price": "2999.99",
            "bid_size": "0.0007",
            "ask_price": None,
            "ask_size": None,
            "crossed": False,
            "interval_s": 1,
            "start_ns": 100_000_000_000,
            "finality": "final",
            "revision": 0,
        }
    }


@pytest.mark.parametrize(
    ("newer", "older"),
    [
        (Bar(bar=101), Bar(bar=100)),
        (Bar(bar=101, finality=BAR_PROVISIONAL), Bar(bar=100, finality=BAR_REVISED, revision=3)),
        (Bar(finality=BAR_FINAL), Bar(finality=BAR_OPEN)),
        (Bar(finality=BAR_OPEN), Bar(finality=BAR_PROVISIONAL)),
        (Bar(finality=BAR_REVISED, revision=2), Bar(finality=BAR_REVISED, revision=1)),
        (Bar(finality=BAR_REVISED, revision=10), Bar(finality=BAR_REVISED, revision=9)),
    ],
)
async def test_forward_only(kept: Kept, newer: Bar, older: Bar) -> None:
    """A later start, then a higher form, then a higher revision stays, whichever comes last."""
    await kept.latest.put_bars(bar_batch([newer]))
    first = await kept.keys()
    await kept.latest.put_bars(bar_batch([older]))
    assert await kept.keys() == first


async def test_batch_brings_many(kept: Kept) -> None:
    """One batch moves every instrument in it, each to its newest bar."""
    await kept.latest.put_bars(bar_batch([Bar(bar=102, close=2), Bar(bar=101, close=1), Bar(instrument=1, close=30)]))
    found = {key: value["price"] for key, value in (await kept.keys()).items()}
    assert found == {ETH_PRICE: "0.02", "latest:price:BTC-USDT.BINANCE": "3"}


async def test_bar_without_a_close(kept: Kept) -> None:
    """A bar whose trades may set no close leaves the price; one that lost its close by a cancel has none, never 0."""
    await kept.latest.put_bars(bar_batch([Bar(bar=101), Bar(bar=102, close=0, flags=BAR_NO_PRICE)]))
    assert (await kept.keys())[ETH_PRICE]["price"] == "3000"
    await kept.latest.put_bars(bar_batch([Bar(bar=101, close=0, finality=BAR_REVISED, revision=1, flags=BAR_NO_PRICE)]))
    assert (await kept.keys())[ETH_PRICE]["price"] is None


async def test_empty_batch(kept: Kept) -> None:
    """A batch without rows moves nothing."""
    await kept.latest.put_bars(bar_batch([]))
    assert await kept.keys() == {}


BARS = st.builds(
    Bar,
    bar=st.integers(98, 102),
    close=st.just(1),
    finality=st.sampled_from([BAR_PROVISIONAL, BAR_FINAL, BAR_REVISED, BAR_OPEN]),
    revision=st.integers(0, 12),
    interval_s=st.sampled_from([1, 5]),
    instrument=st.integers(0, 1),
)


@settings(max_examples=examples(200), deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    bars=st.lists(st.lists(BARS, max_size=5), max_size=5),
    chance=st.randoms(use_true_random=False),
)
async def test_monotone(kept: Kept, bars: list[list[Bar]], chance: random.Random) -> None:
    """Any order of delivery, repeated and concurrent, ends in the keys that ordered delivery gives."""
    expected = Kept(MemoryLatest(), None)
    for batch in bars:
        await expected.latest.put_bars(bar_batch(batch))
    await kept.clear()
    writes = [partial(kept.latest.put_bars, bar_batch(batch)) for batch in bars * 2]
    chance.shuffle(writes)
    half = len(writes) // 2
    await asyncio.gather(*(write() for write in writes[:half]))
    await asyncio.gather(*(write() for write in writes[half:]))
    assert await kept.keys() == await expected.keys()


async def test_pairs(kept: Kept) -> None:
    """The newest figures of each pair and interval are kept, and none moves back."""
    told = [one.batch for one in fold([spot(Bar(), Bar(bar=101, close=300_150)), perp(Bar(), Bar(bar=101))])]
    for batch in (told[1], told[0]):
        await kept.latest.put_pairs(batch)
    (found,) = (await kept.keys()).items()
    assert found[0] == "latest:pair:ETH-USDT.BINANCE~ETH-USDT-PERP.BINANCEUSDM:1"
    assert (found[1]["start_ns"], found[1]["close_a"]) == (101_000_000_000, "3001.5")
    assert found[1]["pair_values"]["correlation_20"] is None
