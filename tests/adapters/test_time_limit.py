"""Check who is ended when their time is up, and who is not."""

import asyncio

import pytest

from functions.adapters.time_limit import TimeLimit


async def test_each_has_its_own_time() -> None:
    """Who began later may take as long as who began first; who is cancelled by another is cancelled, not late."""
    limit, never = TimeLimit(1.0), asyncio.Event()
    begun = asyncio.get_running_loop().time()

    async def late() -> float:
        with pytest.raises(TimeoutError):
            await limit.within(never.wait())
        await asyncio.sleep(0)  # nothing of the limit is left
        return asyncio.get_running_loop().time() - begun

    first, stopped = asyncio.create_task(late()), asyncio.create_task(limit.within(never.wait()))
    assert await limit.within(asyncio.sleep(0.05, "in time")) == "in time"
    stopped.cancel()
    second = asyncio.create_task(late())
    assert await first >= 1.0
    assert await second >= 1.05
    assert (stopped.cancelled(), await limit.within(asyncio.sleep(0, "again"))) == (True, "again")
