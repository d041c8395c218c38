"""`project` stores each kind of fact where it belongs, once, however often it is delivered."""

import asyncio
import copy
from collections.abc import Callable
from dataclasses import replace
from decimal import Decimal
from typing import Any

import pytest
from accounted import breached
from active import active_batch
from barred import Bar, bar_batch
from documented import DAY, RSS, as_json, raw
from forecast import DRIFT, OUTCOME, REPORT
from paired import fold, perp, spot
from reentered import DECISION
from scored import Row, features_of
from worded import item, scored

from functions.adapters.memory_activity import MemoryActivity
from functions.adapters.memory_exposures import MemoryExposures
from functions.adapters.memory_features import MemoryOffline, MemoryOnline
from functions.adapters.memory_feedback import MemoryFeedback
from functions.adapters.memory_flow import MemoryFlow
from functions.adapters.memory_news import MemoryNews
from functions.adapters.memory_pairs import MemoryPairs
from functions.adapters.memory_performance import MemoryPerformance
from functions.adapters.memory_quality import MemoryQuality
from functions.adapters.memory_reentries import MemoryReentries
from functions.adapters.memory_sentiment import MemorySentiment
from functions.adapters.memory_views import MemoryLatest, MemoryViews
from functions.domain.decisions import Action, Fill, OrderStatus, OrderUpdate, Quote, Reason, Side, Signal
from functions.domain.features import FeatureKey
from functions.domain.feedback import Feedback, FeedbackOutcome
from functions.domain.flow import FlowEntry, FlowKind, OrderFlow
from functions.domain.market import BAR_PROVISIONAL, NS_PER_S
from functions.domain.quality import FeedQuality, InstrumentQuality
from functions.handlers.project import CARD
from functions.handlers.project.handler import Deps, handle, measures
from functions.handlers.project.main import Settings, compose
from functions.ports.errors import Unavailable
from functions.runtime.telemetry import METRICS
from functions.wire.codecs.activity import encode_activity_bar_batch
from functions.wire.codecs.bars import encode_bar_batch
from functions.wire.codecs.calendar import encode_calendar_batch
from functions.wire.codecs.features import encode_feature_batch
from functions.wire.codecs.feedback import encode_feedback
from functions.wire.codecs.flow import encode_order_flow
from functions.wire.codecs.news import encode_news_batch
from functions.wire.codecs.orders import encode_fill, encode_order_update
from functions.wire.codecs.pairs import encode_pair_batch
from functions.wire.codecs.performance import encode_drift, encode_model_performance, encode_outcome
from functions.wire.codecs.portfolio import encode_limit_breach, encode_risk_metrics
from functions.wire.codecs.quality import encode_quality
from functions.wire.codecs.reentry import REENTRY_DECISION, encode_reentry_decision
from functions.wire.codecs.sentiment import encode_sentiment_batch
from functions.wire.codecs.signals import encode_signal
from functions.wire.envelope import Event
from functions.wire.errors import Malformed
from functions.wire.facts import sequence_text
from functions.wire.news.digesting import digest

SIGNAL = Signal(
    signal_id="5f4d9a10-0f0e-5a6b-8c42-2f3a6f0f7b11",
    strategy="slice",
    instrument_id="ETH-USDT.BINANCE",
    interval_s=60,
    bar_start_ns=1_700_000_040_000_000_000,
    as_of_ns=1_700_000_100_000_000_000,
    action=Action.BUY,
    confidence=66.7,
    price_exponent=-2,
    size_exponent=-4,
    price=230_123,
    quote=Quote(230_120, 15_000, 230_130, 9_000, 1_700_000_099_000_000_000),
    reasons=(Reason("rsi_oversold", "rsi_14 27.3 < 30", 40.0),),
    model_scores=(),
    stop_loss=228_000,
    take_profit=235_000,
    risk_reward_ratio=2.3,
    bar_revision=0,
    degraded=False,
    shard="BINANCE-0",
)
ROW, BREACH = breached()
SAID = Feedback(SIGNAL.signal_id, "u-7", FeedbackOutcome.WIN, 1_700_000_200_000_000_000, Decimal("2301.3"))
FILL = Fill(
    client_order_id="0d9c1d2e-6b4f-5d6e-9f10-112233445566",
    n=1,
    account="demo",
    instrument_id="ETH-USDT.BINANCE",
    side=Side.BUY,
    quantity=Decimal("1.5"),
    price=Decimal("2301.3"),
    signal_id=SIGNAL.signal_id,
    as_of_ns=SIGNAL.as_of_ns,
)
FLOW = OrderFlow("FIX-0", "FIX-0.fix", (FlowEntry(7, FlowKind.CANCEL, "US", "VENUE", 9, 5, cl_ord_id="o-1"),))
QUALITY = FeedQuality("BINANCE-0", (InstrumentQuality("ETH-USDT.BINANCE", 10, 20, rows=5),))
UPDATE = OrderUpdate(
    client_order_id=FILL.client_order_id,
    n=1,
    account="demo",
    instrument_id="ETH-USDT.BINANCE",
    side=Side.BUY,
    status=OrderStatus.FILLED,
    quantity=Decimal("1.5"),
    limit_price=Decimal("2301.3"),
    cumulative_quantity=Decimal("1.5"),
    leaves_quantity=Decimal(0),
    reasons=(),
    signal_id=SIGNAL.signal_id,
    as_of_ns=SIGNAL.as_of_ns,
)


def event(message_type: str, data: bytes | None, *, number: int = 3) -> Event:
    """Make an event of a type."""
    extensions = {"sequence": sequence_text(number), "partitionkey": "BINANCE-0"}
    return Event(f"{number}", "/tickloom/tables/x/BINANCE-0.replay", message_type, data, extensions=extensions)


EVENTS: dict[str, Callable[[], Event]] = {
    "bars": lambda: event("tickloom.market.v1.BarBatch", encode_bar_batch(bar_batch([Bar()]))),
    "activity_bars": lambda: event("tickloom.market.v1.ActivityBarBatch", encode_activity_bar_batch(active_batch())),
    "features": lambda: event(
        "tickloom.features.v1.FeatureBatch", encode_feature_batch(features_of([Row(features={"rsi_14": 27.3})]))
    ),
    "pairs": lambda: event(
        "tickloom.features.v1.PairBatch", encode_pair_batch(fold([spot(Bar()), perp(Bar())])[0].batch)
    ),
    "model_performance": lambda: event("tickloom.performance.v1.ModelPerformance", encode_model_performance(REPORT)),
    "drifts": lambda: event("tickloom.performance.v1.DriftDetected", encode_drift(DRIFT)),
    "outcomes": lambda: event("tickloom.performance.v1.Outcome", encode_outcome(OUTCOME)),
    "signals": lambda: event("tickloom.signals.v1.Signal", encode_signal(SIGNAL)),
    "feedback": lambda: event("tickloom.signals.v1.Feedback", encode_feedback(SAID)),
    "reentries": lambda: event(REENTRY_DECISION, encode_reentry_decision(DECISION)),
    "order_updates": lambda: event("tickloom.orders.v1.OrderUpdate", encode_order_update(UPDATE)),
    "fills": lambda: event("tickloom.orders.v1.Fill", encode_fill(FILL)),
    "risk_metrics": lambda: event("tickloom.portfolio.v1.RiskMetrics", encode_risk_metrics(ROW)),
    "limit_breaches": lambda: event("tickloom.portfolio.v1.LimitBreach", encode_limit_breach(BREACH)),
    "order_flow": lambda: event("tickloom.orders.v1.OrderFlow", encode_order_flow(FLOW)),
    "feed_quality": lambda: event("tickloom.market.v1.FeedQuality", encode_quality(QUALITY)),
    "items": lambda: event("tickloom.news.v1.NewsBatch", encode_news_batch(digest(raw("news.rss", RSS)))),
    "events": lambda: event(
        "tickloom.calendar.v1.CalendarBatch",
        encode_calendar_batch(digest(raw("calendar.forexfactory.json", as_json(DAY)))),
    ),
    "sentiment": lambda: event("tickloom.inference.v1.SentimentBatch", encode_sentiment_batch(scored(item()))),
}


class Down(MemoryViews):
    """Views whose store is away."""

    async def put_bars(self, batch: object, *, sequence: int) -> None:  # noqa: ARG002 - the port's signature
        """Refuse."""
        message = "PostgreSQL did not answer"
        raise Unavailable(message)


def with_views(views: MemoryViews) -> Deps:
    """Give empty stores beside some views."""
    return Deps(
        views=views,
        latest=MemoryLatest(),
        online=MemoryOnline(),
        offline=MemoryOffline(),
        lateness_ns=lambda shard: 250 if shard == "BINANCE-0" else 0,
        news=MemoryNews(),
        flow=MemoryFlow(),
        quality=MemoryQuality(),
        activity=MemoryActivity(),
        pairs=MemoryPairs(),
        models=MemoryPerformance(),
        sentiment=MemorySentiment(),
        feedback=MemoryFeedback(),
        exposures=MemoryExposures(),
        reentries=MemoryReentries(),
    )


@pytest.fixture
def deps() -> Deps:
    """Give empty stores."""
    return with_views(MemoryViews())


def feature_rows(deps: Deps) -> tuple[dict[Any, Any], dict[Any, Any]]:
    """Give the feature rows that are kept, and the newest, as values that can be compared."""
    assert isinstance(deps.online, MemoryOnline)
    assert isinstance(deps.offline, MemoryOffline)
    kept = {
        (key, rank): (sequence, row.available_ns, row.values.tolist())
        for key, series in deps.offline.rows.items()
        for rank, (sequence, row) in series.items()
    }
    return kept, {key: (row.start_ns, row.values.tolist()) for key, (row, _) in deps.online.rows.items()}


def contents(deps: Deps) -> dict[str, Any]:
    """Copy everything that is kept."""
    assert isinstance(deps.views, MemoryViews)
    assert isinstance(deps.latest, MemoryLatest)
    assert isinstance(deps.news, MemoryNews)
    assert isinstance(deps.flow, MemoryFlow)
    assert isinstance(deps.quality, MemoryQuality)
    assert isinstance(deps.activity, MemoryActivity)
    assert isinstance(deps.pairs, MemoryPairs)
    assert isinstance(deps.models, MemoryPerformance)
    assert isinstance(deps.sentiment, MemorySentiment)
    assert isinstance(deps.feedback, MemoryFeedback)
    assert isinstance(deps.exposures, MemoryExposures)
    assert isinstance(deps.reentries, MemoryReentries)
    own = {
        "order_flow": deps.flow.rows,
        "feed_quality": deps.quality.rows,
        "activity_bars": deps.activity.rows,
        "pairs": deps.pairs.rows,
        "model_performance": deps.models.model_performance,
        "drifts": deps.models.drifts,
        "outcomes": deps.models.outcomes,
        "sentiment": deps.sentiment.rows,
        "feedback": deps.feedback.feedback,
        "risk_metrics": deps.exposures.risk_metrics,
        "limit_breaches": deps.exposures.limit_breaches,
        "reentries": deps.reentries.rows,
        "latest": deps.latest.keys,
    }
    own["features"], own["newest"] = feature_rows(deps)
    names = EVENTS.keys() - own.keys()
    kept = {name: getattr(deps.news if name in {"items", "events"} else deps.views, name) for name in names}
    return copy.deepcopy(kept | own)


def test_card_and_table_agree() -> None:
    """Every type on the card has a test event here, and only those."""
    assert {make().type for make in EVENTS.values()} == set(CARD.consumes)


@pytest.mark.parametrize("table", EVENTS)
async def test_stored(deps: Deps, table: str) -> None:
    """Each type lands in its own table; delivered again and again, it changes nothing; nothing is replied."""
    assert await handle(EVENTS[table](), deps=deps) is None  # type: ignore[func-returns-value]  # that is the point
    first = contents(deps)
    assert [name for name in EVENTS if first[name]] == [table]
    await asyncio.gather(*(handle(EVENTS[table](), deps=deps) for _ in range(3)))
    assert contents(deps) == first


async def test_sequence_kept(deps: Deps) -> None:
    """A row knows the number of the batch that brought it."""
    await handle(EVENTS["bars"](), deps=deps)
    (row,) = contents(deps)["bars"].values()
    assert row["sequence"] == 3


async def test_latest_moved(deps: Deps) -> None:
    """Bars and pairs move the latest keys, features the newest of their series."""
    await handle(EVENTS["pairs"](), deps=deps)
    await handle(EVENTS["bars"](), deps=deps)
    await handle(EVENTS["features"](), deps=deps)
    found = contents(deps)
    pair = "latest:pair:ETH-USDT.BINANCE~ETH-USDT-PERP.BINANCEUSDM:1"
    assert set(found["latest"]) == {"latest:price:ETH-USDT.BINANCE", pair}
    assert found["newest"] == {FeatureKey("BTC-USDT.BINANCE", 5): (500 * NS_PER_S, [27.3])}


async def test_features_known(deps: Deps) -> None:
    """Features are kept with the time at which they were known: their bar's end and the lateness bars allow."""
    await handle(EVENTS["features"](), deps=deps)
    ((sequence, available_ns, values),) = contents(deps)["features"].values()
    assert (sequence, available_ns, values) == (3, 505 * NS_PER_S + 250, [27.3])


async def test_older_never_replaces(deps: Deps) -> None:
    """A provisional bar that comes after the final one changes nothing, whatever its sequence."""
    await handle(EVENTS["bars"](), deps=deps)
    first = contents(deps)
    late = encode_bar_batch(bar_batch([Bar(finality=BAR_PROVISIONAL, close=1)]))
    await handle(event("tickloom.market.v1.BarBatch", late, number=9), deps=deps)
    assert contents(deps) == first


async def test_unknown_type(deps: Deps) -> None:
    """A type that is not on the card is malformed for this handler."""
    with pytest.raises(Malformed, match=r"project reads .*, not tickloom\.market\.v1\.RawBatch"):
        await handle(event("tickloom.market.v1.RawBatch", b""), deps=deps)


@pytest.mark.parametrize("table", EVENTS)
async def test_truncated(deps: Deps, table: str) -> None:
    """Bytes that are not what the type says are malformed, and store nothing."""
    whole = EVENTS[table]()
    with pytest.raises(Malformed):
        await handle(event(whole.type, (whole.data or b"")[:-1]), deps=deps)
    assert not any(contents(deps).values())


@pytest.mark.parametrize("message_type", CARD.consumes)
async def test_no_data(deps: Deps, message_type: str) -> None:
    """An event without data says nothing that could be stored."""
    with pytest.raises(Malformed):
        await handle(event(message_type, None), deps=deps)


async def test_store_down() -> None:
    """A store that is away makes the delivery fail as unavailable, so that it is tried again."""
    with pytest.raises(Unavailable):
        await handle(EVENTS["bars"](), deps=with_views(Down()))


async def test_measures() -> None:
    """What a feed was like is counted by venue, faults by name; bars are not."""
    faulty = replace(QUALITY.instruments[0], missing_trades=2)
    told = event("tickloom.market.v1.FeedQuality", encode_quality(replace(QUALITY, instruments=(faulty,))))
    assert await measures(told) == [
        ("tickloom_feed_rows_total", {"venue": "BINANCE"}, 5),
        ("tickloom_feed_faults_total", {"venue": "BINANCE", "fault": "missing_trades"}, 2),
    ]
    assert await measures(EVENTS["bars"]()) == []
    assert {name for name, _, _ in await measures(told)} <= {metric.name for metric in METRICS}


async def test_composed_with_real_stores(database_url: str, redis_url: str) -> None:
    """Composed with real stores, every type is taken, concurrently and twice."""
    hosted = compose(Settings(database_url=database_url, redis_url=redis_url))
    answers = await asyncio.gather(*(hosted.handle(make()) for make in (*EVENTS.values(), *EVENTS.values())))
    assert set(answers) == {None}
    await hosted.close()


async def test_composed_without_stores() -> None:
    """Composing opens nothing; with nobody there the first event is unavailable, and closing is no error."""
    hosted = compose(Settings(database_url="postgresql://p@127.0.0.1:9/none", redis_url="redis://127.0.0.1:9/0"))
    with pytest.raises(Unavailable):
        await hosted.handle(EVENTS["bars"]())
    await hosted.close()


def test_lateness() -> None:
    """Features are known as late as `bars` waits for their venue; a lateness it would refuse is refused."""
    nowhere = {"database_url": "postgresql://p@127.0.0.1:9/none", "redis_url": "redis://127.0.0.1:9/0"}
    late = Settings(**nowhere, bars_lateness_ms=100, bars_lateness_ms_of=("KRAKEN=500",)).bars().lateness_ns
    assert [late(shard) for shard in ("KRAKEN-0", "BINANCE-0")] == [500_000_000, 100_000_000]
    for bad in ({"bars_lateness_ms": -1}, {"bars_lateness_ms_of": ("KRAKEN",)}):
        with pytest.raises(ValueError, match="expected"):
            Settings(**nowhere, **bad)


def test_settings_hide_addresses() -> None:
    """Addresses may hold passwords, so settings never print them."""
    shown = repr(Settings(database_url="postgresql://u:secret@h/d", redis_url="redis://:secret@h/0"))
    assert "secret" not in shown
