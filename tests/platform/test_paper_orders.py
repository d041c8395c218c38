"""Orders rest at the paper venue of a running platform, through all its processes, logs and stores."""

import asyncio
import pathlib
from collections.abc import Callable
from dataclasses import replace
from decimal import Decimal

import pytest
from counts import FULL
from stores import fresh_database
from trading import NOW, order, submission
from venued import BASE, passed

from functions.adapters.postgres import Pool
from functions.adapters.postgres_ledger import PostgresLedger
from functions.domain.decisions import ExecType, OrderStatus, OrderUpdate, TimeInForce
from functions.local.foundation import Options
from functions.local.platform import Platform, running
from functions.local.servers import Stores
from functions.wire.codecs.orders import ORDER_UPDATE, decode_order_update
from functions.wire.envelope import Event

RESTING = submission(1, replace(order(quantity=10_000, limit=249_000), time_in_force=TimeInForce.GOOD_TILL_CANCEL))


class Ear:
    """Hear the steps of orders that a platform publishes."""

    def __init__(self, platform: Platform) -> None:
        """Listen from now on."""
        self._steps: asyncio.Queue[OrderUpdate] = asyncio.Queue()
        platform.observers.append(self._hear)

    def _hear(self, event: Event) -> None:
        if event.type == ORDER_UPDATE:
            self._steps.put_nowait(decode_order_update(event.data or b""))

    async def until(self, met: Callable[[OrderUpdate], bool]) -> OrderUpdate:
        """Wait for a step."""
        async with asyncio.timeout(30):
            while not met(step := await self._steps.get()):
                pass
        return step


def fall(platform: Platform, number: int) -> None:
    """Let a second pass in which 16,000 units are traded below the order's limit: 4,000 of them are ours."""
    bar = passed(number, bar=BASE + number, close=248_000, volume=16_000, bid=247_999, ask=250_000)
    platform.publish("desk", bar)


@pytest.mark.skipif(not FULL, reason="two starts of a platform; tests/adapters/test_paper_venue.py does it in process")
async def test_an_order_rests_over_a_restart(stores: Stores, tmp_path: pathlib.Path) -> None:
    """An order below the market rests, is filled in part, and by the platform's next run to its end, once."""
    url = await fresh_database(stores.database_url)
    options = Options(folder=tmp_path, environ={"DATABASE_URL": url, "REDIS_URL": stores.redis_url})
    async with running(options) as platform:
        ear = Ear(platform)
        outcome = await platform.orders.submit(RESTING)
        assert outcome.update.status is OrderStatus.PENDING_NEW
        await ear.until(lambda one: one.exec_type is ExecType.NEW)
        fall(platform, 0)
        await ear.until(lambda one: one.status is OrderStatus.PARTIALLY_FILLED)
        await platform.drained()
    async with running(options) as platform:
        ear = Ear(platform)
        fall(platform, 1)
        fall(platform, 2)
        filled = await ear.until(lambda one: one.status is OrderStatus.FILLED)
        assert filled.average_price == Decimal(2490)
        await platform.drained()
    pool = Pool(url)
    found = await PostgresLedger(pool).find("order-1")
    await pool.close()
    assert found is not None
    assert [(one.exec_id, one.quantity) for one in found.fills] == [
        (f"order-1.{n}", Decimal(size)) for n, size in ((1, "0.4"), (2, "0.4"), (3, "0.2"))
    ]
    assert found.fills[0].as_of_ns == NOW + 10**9
