"""When a store dies the writer says `Unavailable`, and when it is back the same writer goes on (F-7, F-8)."""

import asyncio
import json
import os
import pathlib
import signal
import time
from collections.abc import AsyncIterator
from dataclasses import dataclass, replace

import pytest
from barred import Bar, bar_batch
from counts import count
from redis.asyncio import Redis

from functions.adapters.postgres import Pool
from functions.adapters.postgres_views import PostgresViews
from functions.adapters.redis_latest import RedisLatest
from functions.local.children import Children
from functions.local.servers import Stores, start_stores
from functions.ports.errors import Unavailable

RECOVERY_S_MAX = 2.0
ETH_PRICE = "latest:price:ETH-USDT.BINANCE"


@dataclass(frozen=True, slots=True)
class Servers:
    """Stores of this test's own, which it may kill."""

    children: Children
    stores: Stores

    async def kill(self, name: str) -> None:
        """Kill a store as the kernel would, with all its processes."""
        child = self.children[name]
        os.kill(child.pid, signal.SIGKILL)
        await child.wait()

    async def restart(self, name: str) -> None:
        """Start a killed store again where it was."""
        child = self.children[name]
        await self.children.stop(name)
        await self.children.start(replace(child.spec, port=child.port))


@pytest.fixture
async def servers(tmp_path: pathlib.Path, stores: Stores) -> AsyncIterator[Servers]:  # noqa: ARG001 - skips without stores
    """Start both stores for one test; skip where the session's own could not start."""
    async with Children(tmp_path / "run") as children:
        yield Servers(children, await start_stores(tmp_path / "run", children))


@pytest.fixture
async def pool(servers: Servers) -> AsyncIterator[Pool]:
    """Give a pool on the PostgreSQL that may be killed."""
    one = Pool(servers.stores.database_url)
    yield one
    await one.close()


async def test_postgres_killed(servers: Servers, pool: Pool) -> None:
    """Killed again and again under load: every acknowledged row is there, no write is left without an answer."""
    views = PostgresViews(pool)
    acknowledged: set[int] = set()
    refused = 0

    async def put(number: int) -> None:
        nonlocal refused
        try:
            await views.put_bars(bar_batch([Bar(bar=number)]), sequence=number)
        except Unavailable:
            refused += 1
        else:
            acknowledged.add(number)

    await put(0)
    for kill in range(1, count(20) + 1):
        first = kill * 100
        writes = [asyncio.create_task(put(number)) for number in range(first, first + 50)]
        await put(first + 50)
        await servers.kill("postgres")
        await asyncio.gather(*writes)
        refused_then = refused
        while refused == refused_then:  # an orphaned session serves until it notices
            await put(first + 51)
        await servers.restart("postgres")
        began = time.monotonic()
        while first + 52 not in acknowledged:
            await put(first + 52)
        assert time.monotonic() - began < RECOVERY_S_MAX
    rows = await (await pool.get()).fetch("SELECT start_ns / 1000000000 AS number FROM bars")
    assert acknowledged <= {row["number"] for row in rows}
    await views.close()


async def test_sessions_ended(pool: Pool) -> None:
    """Sessions that an operator ended are replaced: at most one write is refused for each."""
    views = PostgresViews(pool)
    await views.put_bars(bar_batch([Bar()]), sequence=0)
    opened = await pool.get()
    await opened.execute(
        "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = 'tickloom' "
        "AND pid <> pg_backend_pid()"
    )
    for number in range(opened.get_size() + 1):
        try:
            await views.put_bars(bar_batch([Bar(bar=number)]), sequence=number)
        except Unavailable:
            continue
    assert await opened.fetchval("SELECT count(*) FROM bars") > 0
    await views.close()


async def test_valkey_flushed(servers: Servers) -> None:
    """After FLUSHALL, which forgets the script's keys but not its writers, the next write restores its keys."""
    latest = RedisLatest(servers.stores.redis_url)
    async with Redis.from_url(servers.stores.redis_url) as redis:
        for number in range(count(50)):
            await latest.put_bars(bar_batch([Bar(bar=number)]))
            await redis.flushall()
            await redis.script_flush()
            await latest.put_bars(bar_batch([Bar(bar=number + 1)]))
            assert json.loads(await redis.hget(ETH_PRICE, "value") or b"")["start_ns"] == (number + 1) * 10**9
    await latest.close()


async def test_valkey_killed(servers: Servers) -> None:
    """While Valkey is away writes say Unavailable; when it is back the same writer goes on."""
    latest = RedisLatest(servers.stores.redis_url)
    for number in range(1, count(50) + 1):
        await latest.put_bars(bar_batch([Bar(bar=2 * number)]))
        await servers.kill("valkey")
        with pytest.raises(Unavailable, match="check that it runs at REDIS_URL"):
            await latest.put_bars(bar_batch([Bar(bar=2 * number + 1)]))
        await servers.restart("valkey")
        began = time.monotonic()
        await latest.put_bars(bar_batch([Bar(bar=2 * number + 1)]))
        assert time.monotonic() - began < RECOVERY_S_MAX
    await latest.close()


async def test_valkey_paused(servers: Servers) -> None:
    """A pause of two seconds is waited out; nothing fails."""
    latest = RedisLatest(servers.stores.redis_url)
    await latest.put_bars(bar_batch([Bar(bar=1)]))
    async with Redis.from_url(servers.stores.redis_url) as redis:
        await redis.execute_command("CLIENT PAUSE 2000 WRITE")  # type: ignore[no-untyped-call]  # redis-py's stub
    await latest.put_bars(bar_batch([Bar(bar=2)]))
    await latest.close()
