"""The risk service, and one suite for every way to ask it."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from decimal import Decimal
from functools import partial

import grpc
import pytest
from stores import fresh_database
from tickloom.risk.v1 import service_pb2, service_pb2_grpc
from trading import LIMITS, NOW, QUOTE, order, serving, state
from waiting import until

from functions.adapters import risk_engine
from functions.adapters.memory_kill_switch import MemoryKillSwitches
from functions.adapters.memory_limits import MemoryLimits
from functions.adapters.postgres import Pool
from functions.adapters.postgres_kill_switch import PostgresKillSwitches
from functions.adapters.postgres_limits import PostgresLimits
from functions.adapters.risk_client import GrpcRisk
from functions.adapters.risk_conversation import COLUMNS_MIN, RiskConversation
from functions.adapters.risk_engine import RiskEngine
from functions.adapters.risk_memory import MemoryRisk
from functions.domain.decisions import Side, Verdict
from functions.domain.errors import Rejected
from functions.domain.risk import Limits, RiskState, check
from functions.ports.errors import Overloaded, Unavailable
from functions.ports.kill_switch import EVERYONE, KillSwitches, Switch
from functions.ports.limits import LimitsStore
from functions.ports.risk import Risk
from functions.runtime import settings
from functions.services.risk import CARD
from functions.services.risk.main import Settings, compose
from functions.services.risk.service import CHECKS_MAX, RiskServicer
from functions.wire.codecs.risk import Question, answer_message, check_message, question_message
from functions.wire.codecs.risk_columns import columns_message, columns_value
from functions.wire.errors import Malformed

NEVER_S = 3600.0
LOADED = b'{"exposure_ratio_max": "0.5", "quote_age_ms_max": 1, "quote_ahead_ms_max": 1}'


@asynccontextmanager
async def opened(
    switches: KillSwitches | None = None,
    limits: LimitsStore | None = None,
    *,
    refresh_s: float = NEVER_S,
    shipped: Limits = LIMITS,
) -> AsyncIterator[RiskEngine]:
    keepers = limits or MemoryLimits(), switches or MemoryKillSwitches()
    engine = RiskEngine(*keepers, shipped=shipped, refresh_s=refresh_s)
    await engine.start()
    try:
        yield engine
    finally:
        await engine.close()


@asynccontextmanager
async def served(engine: RiskEngine) -> AsyncIterator[str]:
    servicer = RiskServicer(engine)
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


@pytest.fixture(params=["memory", "engine", "grpc"])
async def asked(request: pytest.FixtureRequest) -> AsyncIterator[Asked]:
    """Give each way to ask."""
    if request.param == "memory":
        memory = MemoryRisk(LIMITS)
        yield Asked(memory, partial(_bar, memory))
        return
    async with opened() as engine, served(engine) as target:
        if request.param == "engine":
            yield Asked(engine, partial(_stop, engine))
            return
        client = GrpcRisk(target, deadline_ms=30_000)
        yield Asked(client, partial(_stop, engine))
        await client.close()


async def _bar(memory: MemoryRisk, account: str) -> None:
    memory.stopped.add(account)


async def _stop(engine: RiskEngine, account: str) -> None:
    await engine.set_switch(Switch(account), engaged=True, reason="drill")


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
    async with opened() as engine, served(engine) as target:
        client = GrpcRisk(target)
        with pytest.raises(Rejected):
            await client.check(replace(order(), account=""), QUOTE, account=state(), as_of_ns=NOW)
        await client.close()


async def test_not_started() -> None:
    """An engine that never read its switches decides nothing."""
    engine = RiskEngine(MemoryLimits(), MemoryKillSwitches(), shipped=LIMITS, refresh_s=NEVER_S)
    async with served(engine) as target, calling(target) as stub:
        with pytest.raises(grpc.aio.AioRpcError) as caught:
            await stub.Check(check_message(order(), QUOTE, account=state(), as_of_ns=NOW))
        assert caught.value.code() is grpc.StatusCode.UNAVAILABLE


async def test_malformed() -> None:
    """A request without side or with broken money is INVALID_ARGUMENT."""
    async with opened() as engine, served(engine) as target, calling(target) as stub:
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
    """The wider switch stops what it covers; releasing it re-opens what is not stopped by itself."""
    shipped = replace(LIMITS, desk_of={"paper": "crypto"})
    async with opened(shipped=shipped) as engine, served(engine) as target, calling(target) as stub:

        async def set_switch(account: str = "", desk: str = "", *, engaged: bool) -> bool:
            request = service_pb2.SetKillSwitchRequest(account=account, desk=desk, engaged=engaged, reason="drill")
            return (await stub.SetKillSwitch(request)).engaged

        assert await set_switch(engaged=True)
        assert await set_switch(desk="crypto", engaged=True)
        assert await set_switch("paper", engaged=False)  # still stopped by the others
        assert await set_switch(desk="crypto", engaged=False)  # still stopped by the one for all
        assert engine.stopped("other")
        assert await set_switch(desk="crypto", engaged=True)
        assert not await set_switch(engaged=False)
        assert engine.stopped("paper") == "trading is stopped for desk 'crypto'"
        assert not engine.stopped("other")
        assert not await set_switch(desk="crypto", engaged=False)
        assert not engine.stopped("paper")


async def test_switch_names_one_thing() -> None:
    """A switch stops an account or a desk, never both at once."""
    async with opened() as engine, served(engine) as target, calling(target) as stub:
        request = service_pb2.SetKillSwitchRequest(account="paper", desk="crypto", engaged=True, reason="drill")
        with pytest.raises(grpc.aio.AioRpcError) as caught:
            await stub.SetKillSwitch(request)
        assert caught.value.code() is grpc.StatusCode.INVALID_ARGUMENT


async def test_switch_needs_a_reason() -> None:
    """Nobody stops trading without saying why."""
    async with opened() as engine, served(engine) as target, calling(target) as stub:
        with pytest.raises(grpc.aio.AioRpcError) as caught:
            await stub.SetKillSwitch(service_pb2.SetKillSwitchRequest(account="paper", engaged=True))
        assert caught.value.code() is grpc.StatusCode.INVALID_ARGUMENT


async def test_switches_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    """Too many switches are refused; one that is known can still be set."""
    monkeypatch.setattr(risk_engine, "SWITCHES_MAX", 1)
    async with opened() as engine:
        await engine.set_switch(Switch("a"), engaged=True, reason="drill")
        with pytest.raises(Overloaded):
            await engine.set_switch(EVERYONE, engaged=True, reason="drill")
        assert not await engine.set_switch(Switch("a"), engaged=False, reason="drill")


async def test_survives(postgres_url: str) -> None:
    """A restart neither re-opens trading nor forgets the limits that were loaded."""
    pool = Pool(await fresh_database(postgres_url))
    keepers = PostgresKillSwitches(pool), PostgresLimits(pool)
    try:
        async with opened(*keepers) as before:
            assert before.limits is LIMITS
            await before.set_switch(Switch("paper"), engaged=True, reason="drill")
            loaded = await PostgresLimits(pool).add(LOADED)
        async with opened(*keepers) as after:
            assert after.stopped("paper")
            assert not after.stopped("other")
            assert after.limits == loaded
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
    """What another instance stored is obeyed after the next look; the verdict names the limits that decided."""
    switches, limits = FailingSwitches(), MemoryLimits()
    async with opened(switches, limits, refresh_s=0.001) as one, opened(switches, limits) as other:
        await other.set_switch(Switch("paper"), engaged=True, reason="drill")
        loaded = await limits.add(LOADED)
        await _looked_up_twice(switches)
        verdict = await ask(one)
        assert verdict.limits_version == loaded.version != LIMITS.version
        assert [broken.rule for broken in verdict.violations] == ["kill_switch", "cannot_decide"]


async def test_store_lost() -> None:
    """A lost store neither re-opens trading nor confirms a switch it did not keep."""
    switches = FailingSwitches()
    async with opened(switches, refresh_s=0.001) as engine:
        await engine.set_switch(Switch("paper"), engaged=True, reason="drill")
        switches.lost = True
        await _looked_up_twice(switches)
        assert engine.stopped("paper")
        with pytest.raises(Unavailable):
            await engine.set_switch(Switch("other"), engaged=True, reason="drill")
        assert not engine.stopped("other")


async def test_limits_that_cannot_be_read_hide_no_switch() -> None:
    """A switch is obeyed and told though the newest limits are of a version that this process cannot read."""
    told: list[Switch] = []

    async def stopped(switch: Switch) -> None:
        told.append(switch)

    class Unread(MemoryLimits):
        async def load(self) -> Limits | None:
            detail = "a field that a later version knows"
            raise Malformed(detail)

    switches = MemoryKillSwitches()
    async with opened(switches, limits := MemoryLimits(), refresh_s=0.005) as engine:
        engine.tell(stopped)
        limits.load = Unread().load  # type: ignore[method-assign]
        await switches.set(EVERYONE, engaged=True, reason="drill")
        await until(lambda: bool(told))
        assert not (await ask(engine)).accepted
    assert told == [EVERYONE]


async def test_blind() -> None:
    """What was read too long ago decides nothing: each order is rejected, and the verdict says for how long."""
    now_s = 0.0
    engine = RiskEngine(
        MemoryLimits(), MemoryKillSwitches(), shipped=LIMITS, refresh_s=NEVER_S, blind_s_max=30, now_s=lambda: now_s
    )
    await engine.start()
    now_s = 30.0
    assert (await ask(engine)).accepted
    now_s = 31.0
    (broken,) = (await ask(engine)).violations
    assert (broken.rule, broken.text) == ("cannot_decide", "limits and switches were last read 31 s ago, allowed 30 s")
    await engine.close()


async def test_decides_on_state() -> None:
    """In process, the state that the writer keeps decides: what works counts, and so does what was sent."""
    asked = order(quantity=200_000, limit=250_000)
    async with opened() as engine:
        state = RiskState(Decimal(1_000_000), Decimal(1_000_000))
        for number in (1, 2):
            assert engine.decide(asked, QUOTE, state, as_of_ns=NOW).accepted
            state.apply_accepted(f"order-{number}", asked, QUOTE, as_of_ns=NOW)
        (broken,) = engine.decide(asked, QUOTE, state, as_of_ns=NOW).violations
        assert broken.rule == "position"
        assert engine.decide(asked, QUOTE, state, as_of_ns=NOW, replacing="order-2").accepted


async def test_many() -> None:
    """Several questions in a message get the answers each would get alone, in their place."""
    async with opened() as engine, served(engine) as target, calling(target) as stub:
        questions = [
            check_message(order(quantity=size), QUOTE, account=state(), as_of_ns=NOW) for size in (10_000, 10**9, 1)
        ]
        alone = [await stub.Check(question) for question in questions]
        assert list((await stub.CheckMany(service_pb2.CheckManyRequest(checks=questions))).checks) == alone
        for checks in ([], questions[:1] * (CHECKS_MAX + 1)):
            with pytest.raises(grpc.aio.AioRpcError) as caught:
                await stub.CheckMany(service_pb2.CheckManyRequest(checks=checks))
            assert caught.value.code() is grpc.StatusCode.INVALID_ARGUMENT


async def test_conversation() -> None:
    """A conversation answers each question by its tag; one that cannot be read gets its fault, and it goes on."""
    async with opened() as engine, served(engine) as target:
        conversation = RiskConversation(target)
        good = Question(order(), QUOTE, state(), NOW)
        bad = good._replace(order=replace(order(), account=""))
        many = conversation.ask([good, good._replace(order=order(quantity=10**9))])
        first, refused, last = await asyncio.gather(
            many, conversation.ask([bad]), conversation.ask([good]), return_exceptions=True
        )
        assert [verdict.accepted for verdict in first] == [True, False]
        assert isinstance(refused, Rejected)
        assert [verdict.accepted for verdict in last] == [True]
        await conversation.close()


async def test_conversation_in_columns() -> None:
    """However many are asked at once, each gets the answer it would get alone; one that cannot be read faults all."""
    good = Question(order(), QUOTE, state(), NOW)
    async with opened() as engine, served(engine) as target:
        conversation = RiskConversation(target)
        await engine.set_switch(Switch("other"), engaged=True, reason="drill")
        stopped = good._replace(order=order(account="other"))
        asked = [good, good._replace(order=order(quantity=10**9)), stopped, good] * (CHECKS_MAX // 4)
        alone = [(await conversation.ask([one]))[0] for one in asked[:4]]
        assert [one.accepted for one in alone] == [True, False, False, True]
        for many in (2, COLUMNS_MIN - 1, COLUMNS_MIN, CHECKS_MAX):
            assert await conversation.ask(asked[:many]) == (alone * CHECKS_MAX)[:many]
        for bad in (replace(order(), account=""), order(quantity=2**63), replace(order(), price_exponent=19)):
            with pytest.raises(Rejected):
                await conversation.ask([*asked[:8], good._replace(order=bad)])
        with pytest.raises(Rejected):
            await conversation.ask([*asked, good])
        await conversation.close()


async def test_asked_both_ways() -> None:
    """A message asks one by one or in columns; one that does both is not answered in part."""
    question = Question(order(), QUOTE, state(), NOW)
    request = columns_message(7, [question])
    request.checks.append(question_message(question))
    async with opened() as engine, served(engine) as target, calling(target) as stub:
        (answer,) = [one async for one in stub.CheckStream(iter([request]))]
        assert (answer.tag, answer.fault.code, answer.fault.retry) == (7, "INVALID_ARGUMENT", False)


async def test_blind_in_columns() -> None:
    """Limits that were read too long ago reject what is asked in columns, too."""
    now_s = 0.0
    engine = RiskEngine(
        MemoryLimits(), MemoryKillSwitches(), shipped=LIMITS, refresh_s=NEVER_S, blind_s_max=30, now_s=lambda: now_s
    )
    asked = columns_value(columns_message(7, [Question(order(), QUOTE, state(), NOW)] * 4).columns)
    with pytest.raises(Unavailable):
        engine.check_columns(asked)
    await engine.start()
    assert all(one.accepted for one in engine.check_columns(asked))
    now_s = 31.0
    assert {one.violations[0].rule for one in engine.check_columns(asked)} == {"cannot_decide"}
    await engine.close()


class Leaving(service_pb2_grpc.RiskServiceServicer):
    """Ends every conversation at its first question."""

    async def CheckStream(  # noqa: N802 - the name of the contract
        self, request_iterator: AsyncIterator[service_pb2.CheckStreamRequest], context: object
    ) -> AsyncIterator[service_pb2.CheckStreamResponse]:
        """Hear one question and go."""
        del context
        async for _ in request_iterator:
            return
        yield service_pb2.CheckStreamResponse()


async def test_conversation_ends() -> None:
    """Who waits for an answer when the service ends the conversation is told so, and so is the next."""
    good = Question(order(), QUOTE, state(), NOW)
    register = partial(service_pb2_grpc.add_RiskServiceServicer_to_server, Leaving())
    async with serving(CARD, register) as target:
        conversation = RiskConversation(target, deadline_ms=30_000)
        for _ in range(2):
            with pytest.raises(Unavailable, match="ended the conversation"):
                await conversation.ask([good])
        await conversation.close()


async def test_conversation_unreachable() -> None:
    """Where nobody answers in time, nothing was decided; and no more may wait than the bound says."""
    good = Question(order(), QUOTE, state(), NOW)
    conversation = RiskConversation("127.0.0.1:9", deadline_ms=100, waiting_max=1)
    first, second = await asyncio.gather(*(conversation.ask([good]) for _ in range(2)), return_exceptions=True)
    assert (type(first), type(second)) == (Unavailable, Overloaded)
    await conversation.close()


class Silent(service_pb2_grpc.RiskServiceServicer):
    """Answers every second question of a conversation."""

    async def CheckStream(  # noqa: N802 - the name of the contract
        self, request_iterator: AsyncIterator[service_pb2.CheckStreamRequest], context: object
    ) -> AsyncIterator[service_pb2.CheckStreamResponse]:
        """Hear all, answer those with an even tag."""
        del context
        async for request in request_iterator:
            if request.tag % 2 == 0:
                yield answer_message(request.tag, [Verdict((), "1")])


async def test_conversation_unanswered() -> None:
    """Each question waits its own time: one without an answer fails, before and behind others that get theirs."""
    good = Question(order(), QUOTE, state(), NOW)
    register = partial(service_pb2_grpc.add_RiskServiceServicer_to_server, Silent())
    async with serving(CARD, register) as target:
        conversation = RiskConversation(target, deadline_ms=2_000)

        async def ask(number: int) -> object:
            await asyncio.sleep(number * 0.05)  # in turn, so that no two come due together
            return await conversation.ask([good])

        for _ in range(2):
            async with asyncio.timeout(30):  # else a broken limit hangs here, and is no failure
                told = await asyncio.gather(*map(ask, range(6)), return_exceptions=True)
            late = [isinstance(one, Unavailable) and "no answer in time" in str(one) for one in told]
            assert late == [True, False] * 3
        await conversation.close()


async def test_conversation_cancelled() -> None:
    """Who gives up waiting is let go, and the conversation goes on."""
    good = Question(order(), QUOTE, state(), NOW)
    register = partial(service_pb2_grpc.add_RiskServiceServicer_to_server, Silent())
    async with serving(CARD, register) as target:
        conversation = RiskConversation(target, deadline_ms=30_000)
        with pytest.raises(TimeoutError):
            await asyncio.wait_for(conversation.ask([good]), 0.2)
        assert await conversation.ask([good]) == [Verdict((), "1")]
        await conversation.close()


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
