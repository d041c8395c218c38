"""One suite for every adapter of the port `Exposures`: memory and PostgreSQL keep the same rows."""

import asyncio
import json
from collections.abc import AsyncIterator
from dataclasses import dataclass, replace
from decimal import Decimal
from typing import Any

import pytest
from accounted import fill, fold, minute, numbered, rows

from functions.adapters.memory_exposures import MemoryExposures
from functions.adapters.postgres import Pool
from functions.adapters.postgres_exposures import PostgresExposures, breach_row, metrics_row
from functions.domain.portfolio.metrics import LimitBreach, Tail

TOLD = fold(
    [
        minute(10, 300_000),
        *numbered([fill(0, "32", "3001", fee="0.5"), fill(1, "-1", after_ms=60)]),
        minute(11, 310_000),
    ]
)
FIRST, SECOND, LAST = rows(TOLD)
BREACH = next(one for one in TOLD if isinstance(one, LimitBreach))
TAIL = Tail(40, 1.5, 2.5, 1.25, 2.25, 2.0, 3.0)
DOCUMENTS = ("broken_limits", "balances", "positions")


@dataclass
class Kept:
    """An adapter, and its rows."""

    exposures: MemoryExposures | PostgresExposures
    pool: Pool | None

    async def rows(self, table: str) -> list[dict[str, Any]]:
        """Give every row of a table, by key."""
        if isinstance(self.exposures, MemoryExposures):
            return [row for _, row in sorted(getattr(self.exposures, table).items())]
        assert self.pool is not None
        query = f"SELECT * FROM {table} ORDER BY account, end_ns, start_ns, part"  # noqa: S608 - ours
        found = await (await self.pool.get()).fetch(query)
        return [{name: json.loads(cell) if name in DOCUMENTS else cell for name, cell in row.items()} for row in found]


@pytest.fixture(params=["memory", "postgres"])
def place(request: pytest.FixtureRequest) -> str:
    """Say where rows are kept: nowhere but in memory, or a database."""
    return "" if request.param == "memory" else str(request.getfixturevalue("database_url"))


@pytest.fixture
async def kept(place: str) -> AsyncIterator[Kept]:
    """Give each adapter, empty."""
    pool = Pool(place) if place else None
    if pool is not None:
        await (await pool.get()).execute("TRUNCATE risk_metrics, limit_breaches")
    exposures = MemoryExposures() if pool is None else PostgresExposures(pool)
    yield Kept(exposures, pool)
    await exposures.close()
    if pool is not None:
        await pool.close()


def exact(row: dict[str, Any]) -> dict[str, Any]:
    """Read the texts of money as a database does."""
    texts = {name for name, cell in row.items() if isinstance(cell, str)} - {"account", "currency", "limit_name"}
    return {name: Decimal(cell) if name in texts else cell for name, cell in row.items()}


async def test_rows(kept: Kept) -> None:
    """Each window is a row with exact money, positions and the limits it breaks; what is unknown is null."""
    unknown = replace(SECOND, totals=None)
    for one in (replace(FIRST, tail=TAIL), unknown, LAST):
        await kept.exposures.put_risk_metrics(one)
    found = await kept.rows("risk_metrics")
    assert found == [exact(metrics_row(one)) for one in (replace(FIRST, tail=TAIL), unknown, LAST)]
    assert [row["equity"] for row in found] == [Decimal("99967.5"), None, Decimal("103067.5")]
    assert [row["var_99"] for row in found] == [2.5, None, None]
    assert found[0]["broken_limits"] == ["exposure_ratio"]


async def test_breaches(kept: Kept) -> None:
    """A breach is a row; withdrawn by a higher revision it stays one that says so."""
    await kept.exposures.put_limit_breach(BREACH)
    assert await kept.rows("limit_breaches") == [exact(breach_row(BREACH))]
    await kept.exposures.put_limit_breach(replace(BREACH, revision=BREACH.revision + 1, withdrawn=True))
    (row,) = await kept.rows("limit_breaches")
    assert row["withdrawn"]


async def test_revisions(kept: Kept) -> None:
    """The highest revision of a row wins, in whatever order and together; keeping one again changes nothing."""
    later = replace(FIRST, revision=FIRST.revision + 2, fills=9)
    told = [replace(FIRST, revision=FIRST.revision + 1), later, FIRST, replace(later, fills=1)]
    await asyncio.gather(*(kept.exposures.put_risk_metrics(one) for one in told[:3]))
    await kept.exposures.put_risk_metrics(told[3])
    assert await kept.rows("risk_metrics") == [exact(metrics_row(later))]


async def test_held(database_url: str) -> None:
    """What an account holds is read from its newest row."""
    pool = Pool(database_url)
    await (await pool.get()).execute("TRUNCATE risk_metrics")
    exposures = PostgresExposures(pool)
    for one in (LAST, FIRST):
        await exposures.put_risk_metrics(one)
    (held,) = await (await pool.get()).fetch("SELECT * FROM held_positions")
    assert (held["account"], held["end_ns"], held["quantity"]) == ("paper", LAST.window.end_ns, Decimal(31))
    assert held["unrealized_pnl"] == held["value"] - held["cost"]
    await exposures.close()
    await pool.close()
