"""One suite for every adapter of the port `Flow`: memory and PostgreSQL keep the same rows."""

import asyncio
from collections.abc import AsyncIterator
from dataclasses import dataclass, replace
from decimal import Decimal
from typing import Any

import pytest

from functions.adapters.memory_flow import MemoryFlow
from functions.adapters.postgres import Pool
from functions.adapters.postgres_flow import PostgresFlow
from functions.domain.flow import FlowEntry, FlowKind, OrderFlow

ENTRY = FlowEntry(
    row=7,
    kind=FlowKind.EXECUTION_REPORT,
    sender="VENUE",
    target="US",
    sequence_number=10**17,
    ts_receive=5,
    cl_ord_id="o-1",
    quantity="10.5",
    price="12345678901234567890.123456789",
    text='say "no"\x00',
    poss_resend=True,
    ts_event=-3,
    flaw="tag 38",
)
FLOW = OrderFlow("FIX-0", "FIX-0.fix", (ENTRY, replace(ENTRY, row=8, kind=FlowKind.REJECT)))


@dataclass
class Kept:
    """An adapter, and its rows."""

    flow: MemoryFlow | PostgresFlow
    pool: Pool | None

    async def rows(self) -> list[dict[str, Any]]:
        """Give every row, by key."""
        if isinstance(self.flow, MemoryFlow):
            return [row for _, row in sorted(self.flow.rows.items())]
        assert self.pool is not None
        found = await (await self.pool.get()).fetch("SELECT * FROM order_flow ORDER BY stream, row_index")
        return [dict(row) for row in found]


@pytest.fixture(params=["memory", "postgres"])
def place(request: pytest.FixtureRequest) -> str:
    """Say where rows are kept: nowhere but in memory, or a database."""
    return "" if request.param == "memory" else str(request.getfixturevalue("database_url"))


@pytest.fixture
async def kept(place: str) -> AsyncIterator[Kept]:
    """Give each adapter, empty."""
    if not place:
        yield Kept(MemoryFlow(), None)
        return
    pool = Pool(place)
    await (await pool.get()).execute("TRUNCATE order_flow")
    flow = PostgresFlow(pool)
    yield Kept(flow, pool)
    await flow.close()
    await pool.close()


async def test_row(kept: Kept) -> None:
    """An entry is kept field by field: exact decimals, null where nothing is said, no NUL in a text."""
    await kept.flow.put_order_flow(FLOW)
    row, other = await kept.rows()
    assert (row["stream"], row["row_index"], row["shard"], row["kind"]) == ("FIX-0.fix", 7, "FIX-0", "execution_report")
    assert (row["quantity"], row["price"]) == (Decimal("10.5"), Decimal("12345678901234567890.123456789"))
    assert (row["last_price"], row["message_text"]) == (None, 'say "no"\ufffd')
    assert (row["sequence_number"], row["ts_event"], row["poss_resend"]) == (10**17, -3, True)
    assert (other["row_index"], other["kind"]) == (8, "reject")


async def test_once(kept: Kept) -> None:
    """The same entry again, alone or beside others, changes nothing."""
    await kept.flow.put_order_flow(FLOW)
    first = await kept.rows()
    changed = replace(FLOW, entries=(replace(ENTRY, cl_ord_id="other"),))
    await asyncio.gather(*(kept.flow.put_order_flow(one) for one in (FLOW, changed, FLOW)))
    assert await kept.rows() == first


async def test_streams(kept: Kept) -> None:
    """Rows of two streams stay apart; a flow without entries keeps nothing."""
    for flow in (FLOW, replace(FLOW, stream="FIX-1.fix"), replace(FLOW, entries=())):
        await kept.flow.put_order_flow(flow)
    assert [(row["stream"], row["row_index"]) for row in await kept.rows()] == [
        ("FIX-0.fix", 7),
        ("FIX-0.fix", 8),
        ("FIX-1.fix", 7),
        ("FIX-1.fix", 8),
    ]


async def test_twins() -> None:
    """Both adapters' rows have the same columns."""
    memory = MemoryFlow()
    await memory.put_order_flow(FLOW)
    assert all(len(row) == 29 for row in memory.rows.values())
