"""One suite for every adapter of the port `Reports`: the newest report of a day stays."""

import datetime as dt
from collections.abc import AsyncIterator
from dataclasses import replace

import pytest

from functions.adapters.memory_reports import MemoryReports
from functions.adapters.postgres import Pool
from functions.adapters.postgres_reports import PostgresReports
from functions.ports.reports import Report, Reports

DAY = dt.date(2024, 3, 1)
REPORT = Report("paper", DAY, "UTC", 5, '{"profit": "1.00"}', "a,b\n", "<p>€</p>")


@pytest.fixture(params=["memory", "postgres"])
def place(request: pytest.FixtureRequest) -> str:
    """Say where reports are kept: nowhere but in memory, or a database."""
    return "" if request.param == "memory" else str(request.getfixturevalue("database_url"))


@pytest.fixture
async def reports(place: str) -> AsyncIterator[Reports]:
    """Give each adapter, empty."""
    if not place:
        yield MemoryReports()
        return
    pool = Pool(place)
    await (await pool.get()).execute("TRUNCATE report")
    yield PostgresReports(pool)
    await pool.close()


async def test_kept_as_it_is(reports: Reports) -> None:
    """A report is read as it was written, byte for byte; other days, zones and accounts have none."""
    await reports.put(REPORT)
    await reports.put(REPORT)
    assert await reports.get("paper", DAY, "UTC") == REPORT
    assert await reports.get("paper", DAY, "Europe/Berlin") is None
    assert await reports.get("other", DAY, "UTC") is None
    assert await reports.get("paper", dt.date(2024, 3, 2), "UTC") is None


@pytest.mark.parametrize(("made_ns", "stays"), [(4, "<p>€</p>"), (5, "new"), (6, "new")])
async def test_newest_stays(reports: Reports, made_ns: int, stays: str) -> None:
    """A report that was asked for before the one that is kept changes nothing."""
    await reports.put(REPORT)
    await reports.put(replace(REPORT, made_ns=made_ns, html="new"))
    kept = await reports.get("paper", DAY, "UTC")
    assert kept is not None
    assert kept.html == stays
