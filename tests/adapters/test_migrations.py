"""Migrations are applied once, in order, by one migrator at a time, and never change afterwards."""

import asyncio
from collections.abc import AsyncIterator
from dataclasses import replace

import asyncpg
import pytest
from stores import fresh_database

from functions.adapters.postgres import ChangedMigration, Migration, Pool, migrate, migrations, open_pool
from functions.ports.errors import Unavailable

FIRST = Migration(1, "0001_first.sql", "CREATE TABLE first (a integer); INSERT INTO first VALUES (1);")
SECOND = Migration(2, "0002_second.sql", "INSERT INTO first VALUES (2);")


@pytest.fixture
async def pool(postgres_url: str) -> AsyncIterator[asyncpg.Pool]:
    """Give a pool on an empty database."""
    opened = await open_pool(await fresh_database(postgres_url))
    yield opened
    await opened.close()


async def test_own_steps(pool: asyncpg.Pool) -> None:
    """This release's own steps apply to an empty database, and a second run finds nothing to do."""
    assert await migrate(pool) == tuple(step.name for step in migrations())
    assert await migrate(pool) == ()


def test_numbers() -> None:
    """Steps are numbered from 1 without a hole, so nobody can slip one in between."""
    assert [step.number for step in migrations()] == list(range(1, len(migrations()) + 1))


async def test_only_new_steps(pool: asyncpg.Pool) -> None:
    """A database gets what it has not seen, in order."""
    await migrate(pool, (FIRST,))
    assert await migrate(pool, (FIRST, SECOND)) == ("0002_second.sql",)
    assert [row["a"] for row in await pool.fetch("SELECT a FROM first ORDER BY a")] == [1, 2]


async def test_changed_step(pool: asyncpg.Pool) -> None:
    """A step that was applied and reads differently now stops the start; nothing after it is applied."""
    await migrate(pool, (FIRST,))
    changed = replace(FIRST, sql="CREATE TABLE first (a bigint)")
    with pytest.raises(ChangedMigration, match=r"0001_first\.sql was applied with other contents"):
        await migrate(pool, (changed, SECOND))
    assert await pool.fetchval("SELECT count(*) FROM first") == 1


async def test_unknown_step(pool: asyncpg.Pool) -> None:
    """A step of a newer release is left alone: old and new run side by side during an upgrade."""
    await migrate(pool, (FIRST, SECOND))
    assert await migrate(pool, (FIRST,)) == ()


async def test_broken_step(pool: asyncpg.Pool) -> None:
    """A step that fails leaves the schema as it was, the steps before it included."""
    broken = Migration(2, "0002_broken.sql", "CREATE TABLE second (a integer); SELECT no_such_function();")
    with pytest.raises(asyncpg.UndefinedFunctionError):
        await migrate(pool, (FIRST, broken))
    assert await pool.fetchval("SELECT to_regclass('first') IS NULL AND to_regclass('second') IS NULL")
    assert await migrate(pool, (FIRST, SECOND)) == (FIRST.name, SECOND.name)


async def test_many_migrators(pool: asyncpg.Pool) -> None:
    """Processes that start together apply each step once."""
    applied = await asyncio.gather(*(migrate(pool, (FIRST, SECOND)) for _ in range(4)))
    assert sorted(applied) == [(), (), (), (FIRST.name, SECOND.name)]


async def test_lazy_pool(postgres_url: str) -> None:
    """A pool opens and migrates on first use, once for all who come together; closing it unused is no error."""
    await Pool(postgres_url).close()
    pool = Pool(await fresh_database(postgres_url))
    first, *others = await asyncio.gather(*(pool.get() for _ in range(5)))
    assert all(other is first for other in others)
    assert await first.fetchval("SELECT count(*) FROM bars") == 0
    await pool.close()


async def test_nobody_there() -> None:
    """An address where nothing listens is unavailable, and the sentence says what to check."""
    with pytest.raises(Unavailable, match="check that it runs at DATABASE_URL"):
        await Pool("postgresql://postgres@127.0.0.1:9/none").get()
