"""`make demo` does what it promises: signals, an accepted and a rejected order in PostgreSQL, nothing left behind."""

import asyncio
import json
import os
import pathlib
from collections import Counter
from typing import TYPE_CHECKING, Any

import asyncpg
import pytest
from demonstrated import in_a_minute

from functions.local.children import Children, leftovers
from functions.local.log import find
from functions.local.servers import start_stores
from functions.local.summary import BARS

if TYPE_CHECKING:
    from demonstrated import Demo


@pytest.fixture(scope="module")
def summary(demo: "Demo") -> dict[str, Any]:
    """Read the summary the demo wrote."""
    found: dict[str, Any] = json.loads((demo.folder / "summary.json").read_text())
    return found


@pytest.mark.parametrize(("load", "limit_s"), [(0.5, 60), (2.0, 60), (2.6, 78), (6.0, 180)])
def test_a_busy_machine_is_no_excuse(monkeypatch: pytest.MonkeyPatch, load: float, limit_s: float) -> None:
    """Beside other work a demo may take as much longer as it gets less of the cores, and not for ever."""
    monkeypatch.setattr(os, "getloadavg", lambda: (load, load, load))
    monkeypatch.setattr(os, "cpu_count", lambda: 2)
    assert (in_a_minute(limit_s - 0.1), in_a_minute(limit_s + 0.1)) == (True, False)


def test_ends_well_and_in_time(demo: "Demo") -> None:
    """The demo ends by itself with exit status 0 in less than a minute."""
    assert demo.status == 0, demo.said
    assert in_a_minute(demo.seconds)


def test_counts_what_the_logs_hold(demo: "Demo", summary: dict[str, Any]) -> None:
    """The summary has of each type as many events as each log, those that crossed a bridge on both brokers."""
    for name in ("market", "desk"):
        events = Counter(event.type for _, _, event in find(demo.folder / "log" / f"{name}.sqlite", bodies=False))
        assert summary["events"][name] == events
    assert summary["events"]["market"][BARS] == summary["events"]["desk"][BARS] > 0


def test_leaves_no_process(demo: "Demo") -> None:
    """No child of the demo outlives it."""
    assert leftovers(demo.folder) == []
    assert leftovers(demo.folder / "venue") == []


def test_every_message_is_accounted_for(demo: "Demo", summary: dict[str, Any]) -> None:
    """What came in is what was accepted and rejected, and the feed's live rows are among it."""
    assert demo.status == 0
    assert summary["rows_in"] == summary["rows_accepted"] + summary["rows_rejected"]
    assert summary["rows_by_kind"]["trade"] > 0
    assert summary["events"]["market-dead-letters"] == {}


def test_orders_are_in_postgresql(demo: "Demo") -> None:
    """At least one signal, one accepted and one rejected order are stored, each order with the signal it came from."""

    async def look(folder: pathlib.Path) -> tuple[int, int, int, int]:
        async with Children(folder) as children:
            connection = await asyncpg.connect((await start_stores(folder, children)).database_url)
            try:
                signals = await connection.fetchval("SELECT count(*) FROM signals")
                rejected = await connection.fetchval(
                    "SELECT count(*) FROM ledger_order_update WHERE status = 'rejected'"
                )
                accepted = await connection.fetchval("SELECT count(*) FROM ledger_order_update WHERE status = 'new'")
                orphans = await connection.fetchval(
                    "SELECT count(*) FROM ledger_order WHERE signal_id NOT IN (SELECT signal_id FROM signals)"
                )
            finally:
                await connection.close()
        return int(signals), int(accepted), int(rejected), int(orphans)

    signals, accepted, rejected, orphans = asyncio.run(look(demo.folder))
    assert signals >= 1
    assert accepted >= 1
    assert rejected >= 1
    assert orphans == 0
