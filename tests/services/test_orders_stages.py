"""The orders service says where an order's time goes: waiting, deciding, storing, answering."""

import asyncio

from measured import kept, points
from trading import LIMITS, NOW, paper, submission

from functions.adapters.memory_ledger import MemoryLedger
from functions.adapters.risk_memory import MemoryRisk
from functions.ports.telemetry import NULL
from functions.services.orders.desk import OrderDesk
from functions.services.orders.stages import METRIC, Stages
from functions.services.orders.writer import Lead


async def test_stages_of_orders() -> None:
    """Every request waits by itself; a group is decided, stored and answered once; a known answer is not stored."""
    telemetry, reader = kept()
    ledger = MemoryLedger()
    await ledger.open_account(paper())
    desk = OrderDesk(ledger, MemoryRisk(LIMITS), now_ns=lambda: NOW, lead=Lead("first", 600_000))
    desk.measure(telemetry)
    await asyncio.gather(*(desk.submit(submission(number)) for number in (1, 2, 3)))
    await desk.submit(submission(1))
    await desk.close()
    found = {stage: point.count for (stage,), point in points(reader, METRIC).items()}
    assert found == {"waited": 4, "decided": 2, "stored": 1, "answered": 2}
    telemetry.close()


def test_stages_follow_each_other() -> None:
    """A stage lasts from the end of the one before; a request waits from when it was handed over."""
    telemetry, reader = kept()
    times = iter([5.0, 5.5, 7.5])
    stages = Stages(lambda: next(times))
    stages.telemetry = telemetry
    lap = stages.begin([4.0, 4.75])
    lap("decided")
    lap("stored")
    assert {stage: point.sum for (stage,), point in points(reader, METRIC).items()} == {
        "waited": 1.25,
        "decided": 0.5,
        "stored": 2.0,
    }
    telemetry.close()


def test_stages_unmeasured() -> None:
    """Where nothing is kept, no clock is read."""
    stages = Stages(lambda: 1 / 0)
    assert stages.telemetry is NULL
    stages.begin([1.0])("decided")
