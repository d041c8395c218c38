"""Signals become orders, once each, and never anything else."""

from dataclasses import replace
from decimal import Decimal
from types import MappingProxyType

import pytest
from trading import ETH, LIMITS, NOW, QUOTE, paper

from functions.adapters.orders_memory import MemoryOrders
from functions.adapters.risk_memory import MemoryRisk
from functions.domain.decisions import Action, OrderStatus, Side, Signal
from functions.domain.errors import Rejected
from functions.domain.orders.intents import Grid, Sizing
from functions.handlers.route import CARD
from functions.handlers.route.handler import Deps, handle, measures
from functions.handlers.route.main import Settings, compose, grids_of
from functions.local.foundation import REPLAY
from functions.ports.errors import Unavailable
from functions.runtime import event_app, settings
from functions.runtime.telemetry import METRICS
from functions.wire import facts
from functions.wire.codecs.signals import SIGNAL, encode_signal
from functions.wire.envelope import Event
from functions.wire.errors import Malformed

SOLD = Signal(
    signal_id="6f1c",
    strategy="first",
    instrument_id=ETH,
    interval_s=60,
    bar_start_ns=NOW - 60_000_000_000,
    as_of_ns=NOW,
    action=Action.SELL,
    confidence=80.0,
    price_exponent=-2,
    size_exponent=-4,
    price=250_000,
    quote=QUOTE,
    reasons=(),
    model_scores=(),
    stop_loss=0,
    take_profit=0,
    risk_reward_ratio=0.0,
    bar_revision=0,
    degraded=False,
    shard="BINANCE-0",
)


def event_of(signal: Signal) -> Event:
    return Event(
        id="cause",
        source="/tickloom/tables/signals/BINANCE-0",
        type=SIGNAL,
        data=encode_signal(signal),
        time_ns=signal.as_of_ns,
        extensions=MappingProxyType({"sequence": facts.sequence_text(0), "correlationid": "correlation"}),
    )


@pytest.fixture
def orders() -> MemoryOrders:
    """Take orders in memory."""
    return MemoryOrders(paper(), MemoryRisk(LIMITS))


@pytest.fixture
def deps(orders: MemoryOrders) -> Deps:
    """Route to memory, 10,000 at full confidence, 10 bps."""
    return Deps(orders, Sizing("paper", Decimal(10_000), Decimal(10)))


async def test_hands_in(orders: MemoryOrders, deps: Deps) -> None:
    """A signal's order is handed in under an id made of account, signal and leg; the deliverer is told nothing."""
    assert await handle(event_of(SOLD), deps=deps) is None
    ((client_order_id, outcome),) = orders.outcomes.items()
    assert client_order_id == facts.fact_id("tickloom.orders.v1.SubmitRequest", "paper", "6f1c", 0)
    update = outcome.update
    assert (update.side, update.status, update.signal_id, update.as_of_ns) == (
        Side.SELL,
        OrderStatus.FILLED,
        "6f1c",
        NOW,
    )
    assert update.limit_price == Decimal("2497.41")
    assert update.quantity == Decimal("3.2033")  # 8000 / 2497.41 = 3.20331..., floored


async def test_twice(orders: MemoryOrders, deps: Deps) -> None:
    """The same signal twice is one order."""
    await handle(event_of(SOLD), deps=deps)
    after = orders.account
    assert await handle(event_of(SOLD), deps=deps) is None
    assert orders.account == after
    assert len(orders.outcomes) == 1


@pytest.mark.parametrize(
    "signal",
    [
        replace(SOLD, action=Action.HOLD),
        replace(SOLD, quote=replace(QUOTE, bid_price=0)),
        replace(SOLD, confidence=1e-9),
    ],
    ids=["hold", "no quote", "too small"],
)
async def test_nothing(signal: Signal, orders: MemoryOrders, deps: Deps) -> None:
    """A signal that asks for nothing, or for less than a lot, hands nothing in."""
    assert await handle(event_of(signal), deps=deps) is None
    assert not orders.outcomes


async def test_rejected_order(orders: MemoryOrders, deps: Deps) -> None:
    """An order that risk rejects is an outcome like any other: the signal is done with."""
    sizing = replace(deps.sizing, order_notional=Decimal(1_000_000))
    assert await handle(event_of(SOLD), deps=Deps(orders, sizing)) is None
    (outcome,) = orders.outcomes.values()
    assert outcome.update.status is OrderStatus.REJECTED


async def test_down(orders: MemoryOrders, deps: Deps) -> None:
    """While orders is down the signal is not done with."""
    orders.down = True
    with pytest.raises(Unavailable):
        await handle(event_of(SOLD), deps=deps)


async def test_refused(deps: Deps) -> None:
    """An order that can never be taken makes a dead letter, not a retry."""
    other = Deps(deps.orders, replace(deps.sizing, account="nobody"))
    with pytest.raises(Rejected):
        await handle(event_of(SOLD), deps=other)


@pytest.mark.parametrize("change", [{"data": b"\xff"}, {"data": None}, {"type": "tickloom.market.v1.BarBatch"}])
async def test_malformed(change: dict[str, bytes | str | None], deps: Deps) -> None:
    """What is no Signal is Malformed."""
    with pytest.raises(Malformed):
        await handle(replace(event_of(SOLD), **change), deps=deps)  # type: ignore[arg-type]


async def test_composes() -> None:
    """Composing opens nothing, and binds exactly what the card names."""
    hosted = compose(Settings())
    assert hosted.card is CARD
    assert CARD.calls == ("orders",)
    await hosted.close()


@pytest.mark.parametrize(
    "wrong", [{"order_notional": "0"}, {"slippage_bps": "-1"}, {"order_notional": "1e4"}, {"capital": "0"}]
)
def test_settings(wrong: dict[str, str]) -> None:
    """Sizes that cannot be stop the start."""
    with pytest.raises(settings.SettingsError, match=r"must be|no plain decimal"):
        settings.load(Settings, {f"TICKLOOM_{name.upper()}": value for name, value in wrong.items()})


async def test_counted_with_its_reason(deps: Deps) -> None:
    """Each signal counts once: as ordered, or by why there is no order."""
    for told, outcome in ((SOLD, "ordered"), (replace(SOLD, action=Action.HOLD), "holds")):
        counted = await measures(event_of(told), sizing=deps.sizing)
        assert counted == [("tickloom_signals_routed_total", {"outcome": outcome}, 1)]
    assert "tickloom_signals_routed_total" in {metric.name for metric in METRICS}


@pytest.mark.parametrize("age_s", ["-1", "nan", "inf"])
def test_ages_that_cannot_be(age_s: str) -> None:
    """A bound that is none is refused at the start."""
    with pytest.raises(settings.SettingsError, match=r"(?i)signal_age_s_max"):
        settings.load(Settings, {"TICKLOOM_SIGNAL_AGE_S_MAX": age_s})


async def test_signals_of_before_an_outage_make_no_orders() -> None:
    """A live host lets go of signals older than five minutes; a replay takes those of any age."""
    live, replayed = (compose(settings.load(Settings, settings.share(Settings, given))) for given in ({}, REPLAY))
    assert (live.age_s_max, replayed.age_s_max) == (300.0, 0.0)
    live = replace(live, handle=handed_on)
    assert await event_app.dispatch(live, event_of(SOLD)) == (204, None, "")
    with pytest.raises(AssertionError):
        await live.handle(event_of(SOLD))


async def handed_on(event: Event) -> None:
    """Fail: nothing should come."""
    raise AssertionError(event)


@pytest.mark.parametrize("text", ["ETH", "ETH=0.5", "=0.5/1", "ETH=0/1", "ETH=0.5/-1", "ETH=half/1"])
def test_grids_that_cannot_be(text: str) -> None:
    """Steps that are not written or cannot be are refused at the start, with the form they take."""
    with pytest.raises(settings.SettingsError):
        settings.load(Settings, {"TICKLOOM_ORDER_GRIDS": text})


def test_grids_are_read() -> None:
    """Each instrument's tick and lot stand as they were written."""
    found = grids_of(("ES-2612.CME=0.25/1", "ETH-USDT.BINANCE=0.01/0.0001"))
    assert found["ES-2612.CME"] == Grid(Decimal("0.25"), Decimal(1))
    assert found["ETH-USDT.BINANCE"] == Grid(Decimal("0.01"), Decimal("0.0001"))
