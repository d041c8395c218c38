"""One suite for every adapter of the port `DeadLetters`: memory and PostgreSQL file the same letters."""

import asyncio
from collections.abc import AsyncIterator
from dataclasses import replace

import pytest

from functions.adapters.memory_views import MemoryDeadLetters
from functions.adapters.postgres import Pool
from functions.adapters.postgres_dead_letters import PostgresDeadLetters
from functions.domain.market import Rejection

STREAM = "BINANCE-0.replay"
POISON = Rejection(
    row=17,
    reason="not_finite",
    detail="price NaN, expected a decimal",
    raw=b'{"e":"trade","p":"NaN"}\x00\xff',
    dialect="binance.spot",
    ts_receive=1_700_000_000_000_000_000,
    symbol="ETHUSDT",
    spool_ref="",
)


@pytest.fixture(params=["memory", "postgres"])
def place(request: pytest.FixtureRequest) -> str:
    """Say where letters are filed: nowhere but in memory, or a database."""
    return "" if request.param == "memory" else str(request.getfixturevalue("database_url"))


@pytest.fixture
async def letters(place: str) -> AsyncIterator[MemoryDeadLetters | PostgresDeadLetters]:
    """Give each adapter, empty."""
    if not place:
        yield MemoryDeadLetters()
        return
    pool = Pool(place)
    await (await pool.get()).execute("TRUNCATE dead_letters")
    filed = PostgresDeadLetters(pool)
    yield filed
    await filed.close()
    await pool.close()


async def test_filed_whole(letters: MemoryDeadLetters | PostgresDeadLetters) -> None:
    """A letter comes back as it was filed, bytes and all."""
    await letters.put(STREAM, "BINANCE-0", POISON)
    found = await letters.get(STREAM, 17)
    assert found is not None
    assert (found.stream, found.shard, found.rejection, found.redriven) == (STREAM, "BINANCE-0", POISON, 0)


async def test_filed_together(letters: MemoryDeadLetters | PostgresDeadLetters) -> None:
    """A batch is one call however many rows it lost: fifty at once, as a Trigger has under way, are all filed."""
    await letters.put(STREAM, "BINANCE-0")
    batches = [[replace(POISON, row=512 * n + row) for row in range(512)] for n in range(50)]
    await asyncio.gather(*(letters.put(STREAM, "BINANCE-0", *one) for one in batches))
    for row in (0, 511, 512 * 50 - 1):
        assert await letters.get(STREAM, row) is not None


async def test_filed_once(letters: MemoryDeadLetters | PostgresDeadLetters) -> None:
    """Filing a row again, even with other words, changes nothing."""
    again = replace(POISON, detail="other words")
    await asyncio.gather(*(letters.put(STREAM, "BINANCE-0", one) for one in (POISON, again, POISON)))
    await letters.put(STREAM, "BINANCE-0", again)
    assert [letter.rejection for letter in await letters.list_dead_letters(10)] == [POISON]


async def test_named_by_stream_and_row(letters: MemoryDeadLetters | PostgresDeadLetters) -> None:
    """The same row number of another stream is another letter; a name nobody filed gives None."""
    await letters.put(STREAM, "BINANCE-0", POISON)
    await letters.put("BINANCE-0.binance", "BINANCE-0", replace(POISON, detail="live"))
    found = await letters.get("BINANCE-0.binance", 17)
    assert found is not None
    assert found.rejection.detail == "live"
    assert await letters.get(STREAM, 18) is None


async def test_listed(letters: MemoryDeadLetters | PostgresDeadLetters) -> None:
    """Letters are listed newest first, at most as many as asked for, and by reason when one is given."""
    for row, reason in ((1, "bad_json"), (2, "not_finite"), (3, "bad_json")):
        await letters.put(STREAM, "BINANCE-0", replace(POISON, row=row, reason=reason, ts_receive=row))
    assert [letter.rejection.row for letter in await letters.list_dead_letters(2)] == [3, 2]
    assert [letter.rejection.row for letter in await letters.list_dead_letters(9, "bad_json")] == [3, 1]
    assert await letters.list_dead_letters(9, "too_late") == ()


async def test_redriven(letters: MemoryDeadLetters | PostgresDeadLetters) -> None:
    """Redrives are counted; the letter stays, and filing it again does not forget them."""
    await letters.put(STREAM, "BINANCE-0", POISON)
    for _ in range(2):
        await letters.mark_redriven(STREAM, 17)
    await letters.put(STREAM, "BINANCE-0", POISON)
    found = await letters.get(STREAM, 17)
    assert found is not None
    assert found.redriven == 2


async def test_poison_of_any_kind(letters: MemoryDeadLetters | PostgresDeadLetters) -> None:
    """A detail that quotes NUL or any other character can be filed: what is poison may hold anything."""
    await letters.put(STREAM, "BINANCE-0", replace(POISON, detail="found \x00 and \U0001f9f5 \\ \"{}'", symbol="A\x00"))
    found = await letters.get(STREAM, 17)
    assert found is not None
    assert found.rejection.detail.replace("\x00", "\ufffd") == "found \ufffd and \U0001f9f5 \\ \"{}'"
    assert found.rejection.raw == POISON.raw
