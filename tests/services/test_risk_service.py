"""The risk service, and one suite for every way to ask it."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from functools import partial

import grpc
import pytest
from stores import fresh_database
from tickloom.risk.v1 import service_pb2, service_pb2_grpc
from trading import LIMITS, NOW, QUOTE, order, serving, state

from functions.adapters.memory_kill_switch import MemoryKillSwitches
from functions.adapters.postgres import Pool
from functions.adapters.postgres_kill_switch import PostgresKillSwitches
from functions.adapters.risk_client import GrpcRisk
from functions.adapters.risk_memory import MemoryRisk
from functions.domain.decisions import Side, Verdict
from functions.domain.errors import Rejected
from functions.domain.risk import check
from functions.ports.errors import Overloaded, Unavailable
from functions.ports.kill_switch import KillSwitches
from functions.ports.risk import Risk
from functions.runtime import settings
from functions.services.risk import CARD
from functions.services.risk import desk as desks
from functions.services.risk.desk import RiskDesk
from functions.services.risk.main import Settings, compose
from functions.services.risk.service import RiskServicer
from functions.wire.codecs.risk import check_message

NEVER_S = 3600.0


@asynccontextmanager
async def open_desk(switches: KillSwitches, refresh_s: float = NEVER_S) -> AsyncIterator[RiskDesk]:
    desk = RiskDesk(LIMITS, switches, refresh_s=refresh_s)
    await desk.start()
    try:
        yield desk
    finally:
        await desk.close()


@asynccontextmanager
async def served(desk: RiskDesk) -> AsyncIterator[str]:
    servicer = RiskServicer(desk)
    register = partial(service_pb2_grpc.add_RiskServiceServicer_to_server, servicer)
    async with serving(CARD, register) as target:
        yield target


@asynccontextmanager
async def calling(target: str) -> AsyncIterator["service_pb2_grpc.RiskServiceAsyncStub"]:
    async with grpc.aio.insecure_channel(target) as channel:
        yield service_pb2_grpc.RiskServiceStub(channel)


@dataclass
class Asked:
    """A way to ask risk, with a way to stop an account."""

    risk: Risk
    stop: Callable[[str], Awaitable[None]]


@pytest.fixture(params=["memory", "grpc"])
async def asked(request: pytest.FixtureRequest) -> AsyncIterator[Asked]:
    """Give each way to ask."""
    if request.param == "memory":
        memory = MemoryRisk(LIMITS)
        yield Asked(memory, partial(_bar, memory))
        return
    async with open_desk(MemoryKillSwitches()) as desk, served(desk) as target:
        client = GrpcRisk(target, deadline_ms=30_000)
        yield Asked(client, partial(_stop, desk))
        await client.close()


async def _bar(memory: MemoryRisk, account: str) -> None:
    memory.stopped.add(account)


async def _stop(desk: RiskDesk, account: str) -> None:
    await desk.set_switch(account, engaged=True, reason="drill")


async def ask(risk: Risk, side: Side = Side.BUY, quantity: int = 10_000) -> Verdict:
    return await risk.check(order(side, quantity), QUOTE, account=state(), as_of_ns=NOW)


async def test_accepts(asked: Asked) -> None:
    """An order inside the limits is accepted."""
    assert await ask(asked.risk) == Verdict((), "test")


async def test_rejects(asked: Asked) -> None:
    """A rejection is an answer with every broken rule, the same as the rule itself gives."""
    verdict = await ask(asked.risk, quantity=10**9)
    whole = check(order(quantity=10**9), QUOTE, state(), LIMITS, as_of_ns=NOW, kill_switch=False)
    assert verdict == whole
    assert len(verdict.violations) == 3


async def test_stopped(asked: Asked) -> None:
    """A stopped account is rejected."""
    await asked.stop("paper")
    assert [one.rule for one in (await ask(asked.risk)).violations] == ["kill_switch"]


async def test_unreachable() -> None:
    """Where nothing was decided, the answer is Unavailable."""
    memory = MemoryRisk(LIMITS)
    memory.down = True
    client = GrpcRisk("127.0.0.1:9", deadline_ms=100)
    for risk in (memory, client):
        with pytest.raises(Unavailable):
            await ask(risk)
    await client.close()


async def test_unreadable() -> None:
    """A question that the service cannot read is refused for good, not asked again for ever."""
    async with open_desk(MemoryKillSwitches()) as desk, served(desk) as target:
        client = GrpcRisk(target)
        with pytest.raises(Rejected):
            await client.check(replace(order(), account=""), QUOTE, account=state(), as_of_ns=NOW)
        await client.close()


async def test_not_started() -> None:
    """A desk that never read its switches decides nothing."""
    async with served(RiskDesk(LIMITS, MemoryKillSwitches(), refresh_s=NEVER_S)) as target, calling(target) as stub:
        with pytest.raises(grpc.aio.AioRpcError) as caught:
            await stub.Check(check_message(order(), QUOTE, account=state(), as_of_ns=NOW))
        assert caught.value.code() is grpc.StatusCode.UNAVAILABLE


async def test_malformed() -> None:
    """A request without side or with broken money is INVALID_ARGUMENT."""
    async with open_desk(MemoryKillSwitches()) as desk, served(desk) as target, calling(target) as stub:
        good = check_message(order(), QUOTE, account=state(), as_of_ns=NOW)
        sideless, broke = service_pb2.CheckRequest(), service_pb2.CheckRequest()
        sideless.CopyFrom(good)
        sideless.order.ClearField("side")
        broke.CopyFrom(good)
        broke.account.capital = "NaN"
        for bad in (sideless, broke, service_pb2.CheckRequest()):
            with pytest.raises(grpc.aio.AioRpcError) as caught:
                await stub.Check(bad)
            assert caught.value.code() is grpc.StatusCode.INVALID_ARGUMENT


async def test_switch_over_the_wire() -> None:
    """The empty account stops all; releasing it re-opens those that are not stopped themselves."""
    async with open_desk(MemoryKillSwitches()) as desk, served(desk) as target, calling(target) as stub:

        async def set_switch(account: str, *, engaged: bool) -> bool:
            request = service_pb2.SetKillSwitchRequest(account=account, engaged=engaged, reason="drill")
            return (await stub.SetKillSwitch(request)).engaged

        assert await set_switch("", engaged=True)
        assert desk.engaged("paper")
        assert await set_switch("paper", engaged=False)  # still stopped by the switch for all
        assert not await set_switch("", engaged=False)
        assert not desk.engaged("paper")


async def test_switch_needs_a_reason() -> None:
    """Nobody stops trading without saying why."""
    async with open_desk(MemoryKillSwitches()) as desk, served(desk) as target, calling(target) as stub:
        with pytest.raises(grpc.aio.AioRpcError) as caught:
            await stub.SetKillSwitch(service_pb2.SetKillSwitchRequest(account="paper", engaged=True))
        assert caught.value.code() is grpc.StatusCode.INVALID_ARGUMENT


async def test_switches_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    """Too many switches are refused; one that is known can still be set."""
    monkeypatch.setattr(desks, "SWITCHES_MAX", 1)
    async with open_desk(MemoryKillSwitches()) as desk:
        await desk.set_switch("a", engaged=True, reason="drill")
        with pytest.raises(Overloaded):
            await desk.set_switch("b", engaged=True, reason="drill")
        assert not await desk.set_switch("a", engaged=False, reason="drill")


async def test_switch_survives(postgres_url: str) -> None:
    """A restart does not re-open trading."""
    pool = Pool(await fresh_database(postgres_url))
    try:
        async with open_desk(PostgresKillSwitches(pool)) as before:
            await before.set_switch("paper", engaged=True, reason="drill")
        async with open_desk(PostgresKillSwitches(pool)) as after:
            assert after.engaged("paper")
            assert not after.engaged("other")
    finally:
        await pool.close()


class FailingSwitches(MemoryKillSwitches):
    """Switches that can be lost, and say when they were looked up."""

    def __init__(self) -> None:
        """Start well."""
        super().__init__()
        self.lost = False
        self.looked_up = asyncio.Event()

    async def load(self) -> Mapping[str, bool]:
        """Give the switches, or none."""
        found = dict(await super().load())
        self.looked_up.set()
        if self.lost:
            message = "gone"
            raise Unavailable(message)
        return found

    async def set(self, account: str, *, engaged: bool, reason: str) -> None:
        """Set a switch, or not."""
        if self.lost:
            message = "gone"
            raise Unavailable(message)
        await super().set(account, engaged=engaged, reason=reason)


async def _looked_up_twice(switches: FailingSwitches) -> None:
    for _ in range(2):  # the second look begins after the first was taken over
        switches.looked_up.clear()
        await asyncio.wait_for(switches.looked_up.wait(), timeout=30)


async def test_other_instance() -> None:
    """A switch that another instance set is obeyed after the next look."""
    switches = FailingSwitches()
    async with open_desk(switches, refresh_s=0.001) as one, open_desk(switches) as other:
        await other.set_switch("paper", engaged=True, reason="drill")
        await _looked_up_twice(switches)
        assert one.engaged("paper")


async def test_store_lost() -> None:
    """A lost store neither re-opens trading nor confirms a switch it did not keep."""
    switches = FailingSwitches()
    async with open_desk(switches, refresh_s=0.001) as desk:
        await desk.set_switch("paper", engaged=True, reason="drill")
        switches.lost = True
        await _looked_up_twice(switches)
        assert desk.engaged("paper")
        with pytest.raises(Unavailable):
            await desk.set_switch("other", engaged=True, reason="drill")
        assert not desk.engaged("other")


async def test_composes() -> None:
    """Composing reads the limits and opens nothing; it binds what the card names."""
    hosted = compose(Settings(database_url="postgresql://nobody@127.0.0.1:9/none"))
    assert hosted.card is CARD
    assert hosted.service_names == ("tickloom.risk.v1.RiskService",)
    with pytest.raises(Unavailable):
        await hosted.start()
    await hosted.close()


def test_needs_a_database() -> None:
    """Without a place for its switches the service does not start."""
    with pytest.raises(settings.SettingsError):
        settings.load(Settings, {})
