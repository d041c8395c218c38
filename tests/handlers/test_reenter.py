"""`reenter` decides once on every trade that has ended, from what was known then; the table of its errors."""

import pathlib
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from decimal import Decimal
from types import MappingProxyType
from typing import Any

import pytest
from documented import DAY, as_json, raw
from forecast import OUTCOME
from reentered import MINUTE, NOW, SHIPPED
from referred import instrument

from functions.adapters.memory_news import MemoryNews
from functions.adapters.memory_reentries import MemoryReentries
from functions.adapters.memory_reference import MemoryReference
from functions.adapters.memory_schedule import MemorySchedule
from functions.adapters.postgres import Pool
from functions.adapters.postgres_schedule import PostgresSchedule
from functions.domain.calendar import CalendarBatch, Impact
from functions.domain.decisions import Action
from functions.domain.errors import Rejected
from functions.domain.outcomes import Exit, Outcome
from functions.domain.reentry import Ending, Proximity, Reaction, ReentryDecision
from functions.handlers.reenter import CARD
from functions.handlers.reenter.handler import Deps, handle
from functions.handlers.reenter.main import SHIPPED as SHIPPED_PATH
from functions.handlers.reenter.main import Settings, compose
from functions.ports.errors import Unavailable
from functions.runtime import settings
from functions.wire import facts
from functions.wire.codecs.performance import OUTCOME as OUTCOME_TYPE
from functions.wire.codecs.performance import encode_outcome
from functions.wire.codecs.reentry import REENTRY_DECISION, decode_reentry_decision
from functions.wire.envelope import Event
from functions.wire.errors import Malformed
from functions.wire.news.digesting import digest
from functions.wire.reentry_rules import read_matrix

NOBODY = "postgresql://p@127.0.0.1:9/none"
BTC = instrument("BTC-USDT.BINANCE", symbol="BTCUSDT", base_currency="BTC", quote_currency="USDT")
LOST = replace(OUTCOME, exit=Exit.STOP_LOSS, gain=-0.02, bars=3, exit_ns=NOW)
QUICK = replace(OUTCOME, gain=0.02, bars=3, exit_ns=NOW)


@dataclass(frozen=True, slots=True)
class World:
    """Hold what a decision may follow from."""

    news: MemoryNews = field(default_factory=MemoryNews)
    reentries: MemoryReentries = field(default_factory=MemoryReentries)
    reference: MemoryReference = field(default_factory=lambda: MemoryReference((BTC,)))

    @property
    def deps(self) -> Deps:
        """Give the handler its collaborators: the shipped rules, versions counting a minute after they were known."""
        schedule = MemorySchedule(self.news)
        return Deps(read_matrix(SHIPPED, file="f"), schedule, self.reentries, self.reference, settle_ns=MINUTE)

    async def schedule(self, minutes: int, *, currency: str = "USD", known: int = -600, **more: Any) -> None:  # noqa: ANN401 - any field
        """Put a high-impact event into the calendar, by minutes from now."""
        batch = digest_of_day()
        values = {"impact": Impact.HIGH, "currency": currency, "revision": 0, **more}
        times = {"ts_scheduled": NOW + minutes * MINUTE, "ts_available": NOW + known * MINUTE}
        one = replace(batch.events[0], content_key=f"{minutes} {known} {currency}", **times, **values)
        await self.news.put_calendar(replace(batch, events=(one,)))

    async def decided(self, outcome: Outcome) -> ReentryDecision:
        """Decide on an outcome, and keep the decision as `project` does."""
        reply = await handle(event_of(outcome), deps=self.deps)
        assert reply is not None
        decision = decode_reentry_decision(reply.data or b"")
        await self.reentries.put_reentry(decision)
        return decision


def digest_of_day() -> CalendarBatch:
    """Read a calendar of one event."""
    found = digest(raw("calendar.forexfactory.json", as_json(DAY)))
    assert isinstance(found, CalendarBatch)
    return found


def event_of(outcome: Outcome) -> Event:
    """Make what `signals` emits."""
    return Event(
        id=facts.fact_id(OUTCOME_TYPE, outcome.signal_id),
        source="/tickloom/tables/signals/desk",
        type=OUTCOME_TYPE,
        data=encode_outcome(outcome),
        time_ns=outcome.exit_ns,
        subject=outcome.instrument_id,
        extensions=MappingProxyType({"sequence": facts.sequence_text(4), "partitionkey": "BINANCE-0"}),
    )


async def test_reply() -> None:
    """The reply is named by signal and generation, tells its cause, and is as of the trade's end."""
    cause = event_of(LOST)
    reply = await handle(cause, deps=World().deps)
    assert reply is not None
    assert reply.id == facts.fact_id("tickloom.signals.v1.ReentryDecision", LOST.signal_id, 0)
    assert (reply.type, reply.source) == (REENTRY_DECISION, "/tickloom/handlers/reenter/desk")
    assert (reply.time_ns, reply.subject) == (NOW, LOST.instrument_id)
    assert (reply.extensions["causationid"], reply.extensions["partitionkey"]) == (cause.id, "BINANCE-0")
    assert reply.extensions["sequence"] == cause.extensions["sequence"]


async def test_decision() -> None:
    """A decision says what is done, on which side and how large, which line says so, and of which file."""
    decision = await World().decided(LOST)
    ruling = decision.ruling
    assert (ruling.case.ending, ruling.case.duration) == (Ending.LOSS, "quick")
    assert (ruling.reaction, decision.side, ruling.size_factor) == (Reaction.REVERSE, Action.SELL, Decimal("0.5"))
    assert SHIPPED.decode().splitlines()[ruling.line - 1].split() == ruling.text.split()
    assert decision.digest == read_matrix(SHIPPED, file="f").digest
    assert (decision.signal_id, decision.strategy, decision.as_of_ns) == (LOST.signal_id, LOST.strategy, NOW)
    assert (decision.instrument_id, decision.interval_s, decision.shard) == (LOST.instrument_id, 5, LOST.shard)


async def test_same_event_twice() -> None:
    """The same event gives the same reply, byte for byte, also once its decision is kept."""
    world = World()
    await world.schedule(10)
    first = await handle(event_of(QUICK), deps=world.deps)
    await world.decided(QUICK)
    assert await handle(event_of(QUICK), deps=world.deps) == first


async def test_waits_for_figures() -> None:
    """Before a high-impact event nothing is entered; the decision names the event, and until when to wait."""
    world = World()
    await world.schedule(45)
    decision = await world.decided(QUICK)
    assert (decision.ruling.reaction, decision.side, decision.ruling.size_factor) == (
        *(Reaction.WAIT, Action.HOLD, Decimal(0)),
    )
    assert decision.near.event is not None
    assert decision.near.event.ts_scheduled == NOW + 45 * MINUTE
    assert decision.near.until_ns == NOW + 75 * MINUTE


@pytest.mark.parametrize(
    ("event", "proximity"),
    [
        ({"minutes": 60}, Proximity.BEFORE),
        ({"minutes": 61}, Proximity.NONE),
        ({"minutes": -29}, Proximity.AFTER),
        ({"minutes": -30}, Proximity.NONE),
        ({"minutes": 5, "currency": "ALL"}, Proximity.BEFORE),
        ({"minutes": 5, "currency": "EUR"}, Proximity.NONE),
        ({"minutes": 5, "impact": Impact.MEDIUM}, Proximity.NONE),
        ({"minutes": 5, "known": -1}, Proximity.BEFORE),
        ({"minutes": 5, "known": 0}, Proximity.NONE),
        ({"minutes": 5, "known": 3}, Proximity.NONE),
    ],
)
async def test_near(event: Mapping[str, Any], proximity: Proximity) -> None:
    """Near is an event of the instrument's currencies, or of those they follow, that was known a minute before."""
    world = World()
    await world.schedule(**event)
    assert (await world.decided(QUICK)).near.proximity is proximity


async def test_what_is_learnt_later_changes_nothing() -> None:
    """A decision told again after the calendar has learnt more, even that its event moved, is the same."""
    world = World()
    await world.schedule(10)
    first = await handle(event_of(QUICK), deps=world.deps)
    await world.schedule(900, known=1, revision=1)
    await world.schedule(20, known=2, event_id="another")
    assert await handle(event_of(QUICK), deps=world.deps) == first


async def test_unknown_instrument() -> None:
    """Where no currency of an instrument is known, every event counts: what may matter is waited for."""
    world = World(reference=MemoryReference())
    await world.schedule(10, currency="NZD")
    assert (await world.decided(QUICK)).near.proximity is Proximity.BEFORE


async def test_generations() -> None:
    """A trade that a decision asked for is its next generation, and a chain ends where its cap says."""
    world = World()
    first = await world.decided(QUICK)
    second = await world.decided(replace(QUICK, signal_id=first.decision_id))
    third = await world.decided(replace(QUICK, signal_id=second.decision_id))
    assert [one.ruling.case.generation for one in (first, second, third)] == [0, 1, 2]
    assert [one.ruling.reaction for one in (first, second, third)] == [*[Reaction.REENTER] * 2, Reaction.STOP]
    assert third.ruling.text == "cap 2 1"
    assert len({first.decision_id, second.decision_id, third.decision_id}) == 3


async def test_a_tighter_cap_binds() -> None:
    """The bounds of one re-entry end a chain that the rules alone would let go on."""
    world = World()
    reverse = await world.decided(LOST)
    again = await world.decided(replace(QUICK, signal_id=reverse.decision_id, action=Action.SELL))
    assert (again.ruling.reaction, again.ruling.line) == (Reaction.STOP, 0)
    assert again.ruling.text == "cap 1 0.5 of an earlier re-entry"


async def test_unseen_end() -> None:
    """A trade whose end was never seen is answered with nothing: whether it won is not known."""
    missing = replace(LOST, exit=Exit.MISSING, exit_price=0, gain=None)
    assert await handle(event_of(missing), deps=World().deps) is None


@pytest.mark.parametrize("change", [{"data": b"\xff"}, {"data": None}, {"type": "tickloom.signals.v1.Signal"}])
async def test_malformed(change: dict[str, Any]) -> None:
    """What is no Outcome, or the outcome of no signal, is malformed."""
    with pytest.raises(Malformed):
        await handle(replace(event_of(LOST), **change), deps=World().deps)
    with pytest.raises(Malformed, match="no signal_id"):
        await handle(event_of(replace(LOST, signal_id="")), deps=World().deps)


@pytest.mark.parametrize("exit_ns", [0, -1, 2**62, 2**63 - 1])
async def test_time_that_cannot_be(exit_ns: int) -> None:
    """A trade that ended at no time that can be breaks a rule: sending it again will not help."""
    with pytest.raises(Rejected, match="cannot be"):
        await handle(event_of(replace(LOST, exit_ns=exit_ns)), deps=World().deps)


async def test_down() -> None:
    """While the calendar cannot be read, nothing is decided."""
    pool = Pool(NOBODY)
    deps = replace(World().deps, schedule=PostgresSchedule(pool))
    with pytest.raises(Unavailable):
        await handle(event_of(LOST), deps=deps)
    await pool.close()


async def test_compose_opens_nothing() -> None:
    """Composing and closing needs no store, and binds the shipped rules."""
    hosted = compose(Settings(database_url=NOBODY))
    await hosted.close()
    assert hosted.card is CARD
    assert CARD.stores == ("postgres",)
    assert SHIPPED_PATH.read_bytes() == SHIPPED


def test_wrong_rules_stop_the_start(tmp_path: pathlib.Path) -> None:
    """Rules with mistakes stop the start, each said with file, line and column."""
    file = tmp_path / "own.rules"
    file.write_bytes(SHIPPED.replace(b"reverse 0.5", b"revert 0.5"))
    with pytest.raises(Malformed, match=r"own.rules:27:36: there is no reaction `revert`; did you mean `reverse`\?"):
        compose(Settings(database_url=NOBODY, reenter_rules_path=str(file)))


@pytest.mark.parametrize(
    "wrong",
    [
        {"reference_check_ms": "0"},
        {"database_connections_max": "0"},
        {"reenter_calendar_settle_s": "-1"},
        {"reference_version": "-1"},
    ],
)
def test_settings(wrong: dict[str, str]) -> None:
    """Limits that would serve nothing stop the start, and so does a missing database."""
    environ = {f"TICKLOOM_{name.upper()}": value for name, value in wrong.items()}
    with pytest.raises(settings.SettingsError, match="must"):
        settings.load(Settings, {"DATABASE_URL": NOBODY, **environ})
    with pytest.raises(settings.SettingsError, match="DATABASE_URL is missing"):
        settings.load(Settings, {})
