"""One suite for every adapter of the port `ModelRecords`: memory and PostgreSQL keep the same rows."""

import asyncio
import json
from collections.abc import AsyncIterator
from dataclasses import dataclass, replace
from decimal import Decimal
from typing import Any

import pytest
from forecast import DRIFT, REPORT, outcome_of

from functions.adapters.memory_performance import MemoryPerformance
from functions.adapters.postgres import Pool
from functions.adapters.postgres_performance import PostgresPerformance
from functions.domain.drift import DOWN, Shift
from functions.domain.outcomes import HORIZON_MAX

KEYS = {
    "model_performance": "shard, name, version, interval_s, horizon_bars, as_of_ns",
    "drifts": "name, as_of_ns",
    "outcomes": "signal_id",
}


@dataclass
class Kept:
    """An adapter, and its rows."""

    records: MemoryPerformance | PostgresPerformance
    pool: Pool | None

    async def rows(self, table: str) -> list[dict[str, Any]]:
        """Give every row of a table, by key."""
        if isinstance(self.records, MemoryPerformance):
            return [row for _, row in sorted(getattr(self.records, table).items())]
        assert self.pool is not None
        found = await (await self.pool.get()).fetch(f"SELECT * FROM {table} ORDER BY {KEYS[table]}")  # noqa: S608 - ours
        return [{name: json.loads(cell) if name == "curve" else cell for name, cell in row.items()} for row in found]


@pytest.fixture(params=["memory", "postgres"])
def place(request: pytest.FixtureRequest) -> str:
    """Say where rows are kept: nowhere but in memory, or a database."""
    return "" if request.param == "memory" else str(request.getfixturevalue("database_url"))


@pytest.fixture
async def kept(place: str) -> AsyncIterator[Kept]:
    """Give each adapter, empty."""
    pool = Pool(place) if place else None
    if pool is not None:
        await (await pool.get()).execute("TRUNCATE model_performance, drifts, outcomes")
    records = MemoryPerformance() if pool is None else PostgresPerformance(pool)
    yield Kept(records, pool)
    await records.close()
    if pool is not None:
        await pool.close()


async def test_report(kept: Kept) -> None:
    """Every entry is a row, with the figures that exist and the curve, and null where there is none."""
    await kept.records.put_model_performance(REPORT)
    rows = await kept.rows("model_performance")
    assert len(rows) == len(REPORT.entries)
    for row, entry in zip(rows, REPORT.entries, strict=True):
        assert (row["shard"], row["as_of_ns"], row["shadow"]) == (REPORT.shard, REPORT.as_of_ns, entry.shadow)
        assert {name: row[name] for name in entry.figures} == dict(entry.figures)
        assert row["curve"] == [[one.forecast, one.observed, one.count] for one in entry.curve]
        assert (row["skill"], row["broken"]) == (entry.skill, entry.broken)
    assert {row["brier"] is None for row in rows} == {row["skill"] is None for row in rows} == {True, False}


async def test_drift(kept: Kept) -> None:
    """A drift is a row, with how the series moved."""
    await kept.records.put_drift(DRIFT)
    (row,) = await kept.rows("drifts")
    assert (row["watched"], row["direction"], row["horizon_bars"]) == ("residual", "down", 4)
    assert (row["level"], row["reference_mean"], row["reference_deviation"]) == (2.5, 1.0, 0.25)


async def test_outcome(kept: Kept) -> None:
    """What became of a signal is a row with exact prices; what is missing has neither exit price nor gain."""
    await kept.records.put_outcome(outcome_of(*[6_120_050] * HORIZON_MAX))
    await kept.records.put_outcome(replace(outcome_of(6_000_000), signal_id="missing"))
    hit, missing = await kept.rows("outcomes")
    assert (hit["exit"], hit["price"], hit["exit_price"]) == ("take_profit", Decimal(60_000), Decimal("61200.5"))
    assert hit["gain"] == hit["return_1"] == hit["return_24"]
    assert (missing["exit"], missing["exit_price"], missing["gain"], missing["return_4"]) == ("missing", *[None] * 3)


async def test_again(kept: Kept) -> None:
    """Keeping a fact again changes nothing, whatever it says."""
    other = replace(REPORT, entries=tuple(replace(one, outcomes_count=10**6) for one in REPORT.entries))
    await kept.records.put_model_performance(REPORT)
    await kept.records.put_drift(DRIFT)
    await kept.records.put_outcome(outcome_of(6_000_000))
    before = [await kept.rows(table) for table in KEYS]
    await asyncio.gather(
        *(kept.records.put_model_performance(one) for one in (other, REPORT)),
        kept.records.put_drift(replace(DRIFT, shift=Shift(DOWN, 0.0, 0.0, 0.0))),
        kept.records.put_outcome(outcome_of(5_000_000)),
    )
    assert [await kept.rows(table) for table in KEYS] == before
