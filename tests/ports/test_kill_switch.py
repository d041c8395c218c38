"""One suite for every keeper of kill switches, and one for every keeper of limits."""

import asyncio
from collections.abc import AsyncIterator

import pytest
from stores import fresh_database

from functions.adapters.memory_kill_switch import MemoryKillSwitches
from functions.adapters.memory_limits import MemoryLimits
from functions.adapters.postgres import Pool
from functions.adapters.postgres_kill_switch import PostgresKillSwitches
from functions.adapters.postgres_limits import PostgresLimits
from functions.ports.kill_switch import EVERYONE, KillSwitches, Switch
from functions.ports.limits import LimitsStore
from functions.wire.codecs.limits import decode_limits
from functions.wire.errors import Malformed

ONE = b'{"exposure_ratio_max": "0.95", "quote_age_ms_max": 1, "quote_ahead_ms_max": 1}'
OTHER = ONE.replace(b"0.95", b"0.5")


@pytest.fixture(params=["memory", "postgres"])
def place(request: pytest.FixtureRequest) -> str:
    """Give the URL of an empty database, or nothing for memory."""
    if request.param == "memory":
        return ""
    return asyncio.run(fresh_database(request.getfixturevalue("postgres_url")))


@pytest.fixture
async def pool(place: str) -> AsyncIterator[Pool | None]:
    """Give the database, or nothing for memory."""
    opened = Pool(place) if place else None
    yield opened
    if opened is not None:
        await opened.close()


@pytest.fixture
def switches(pool: Pool | None) -> KillSwitches:
    """Give each keeper of switches."""
    return PostgresKillSwitches(pool) if pool else MemoryKillSwitches()


@pytest.fixture
def limits(pool: Pool | None) -> LimitsStore:
    """Give each keeper of limits."""
    return PostgresLimits(pool) if pool else MemoryLimits()


async def test_switches(switches: KillSwitches) -> None:
    """A switch stays as it was set last; an account's, a desk's of the same name and the one for all are three."""
    assert await switches.load() == {}
    for switch in (Switch(account="a"), Switch(desk="a"), EVERYONE):
        await switches.set(switch, engaged=True, reason="drill")
    await switches.set(Switch(desk="a"), engaged=False, reason="over")
    assert await switches.load() == {Switch(account="a"): True, Switch(desk="a"): False, EVERYONE: True}


async def test_limits(limits: LimitsStore) -> None:
    """What was added last is in force, be it older than what it follows; before, there is none."""
    assert await limits.load() is None
    for content in (ONE, OTHER, ONE):
        assert await limits.add(content) == decode_limits(content)
        assert await limits.load() == decode_limits(content)


async def test_limits_refused(limits: LimitsStore) -> None:
    """What is no file of limits is not kept."""
    with pytest.raises(Malformed):
        await limits.add(b"{}")
    assert await limits.load() is None
