"""Write one finished fact to the views; the table below says for each type how it is read and where it goes."""

import asyncio
from collections.abc import Awaitable, Callable, Iterator, Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Final, TypeAlias

from functions.domain.features import known_from
from functions.handlers.project import CARD
from functions.ports.activity import Activity
from functions.ports.exposures import Exposures
from functions.ports.features import OfflineWriter, OnlineWriter
from functions.ports.feedback import FeedbackStore
from functions.ports.flow import Flow
from functions.ports.news import News
from functions.ports.pairs import Pairs
from functions.ports.performance import ModelRecords
from functions.ports.quality import Quality
from functions.ports.reentries import Reentries
from functions.ports.sentiment import SentimentStore
from functions.ports.views import Latest, Views
from functions.wire import facts
from functions.wire.codecs.activity import ACTIVITY_BAR_BATCH, read_activity_bar_batch
from functions.wire.codecs.bars import BAR_BATCH, read_bar_batch
from functions.wire.codecs.calendar import CALENDAR_BATCH, decode_calendar_batch
from functions.wire.codecs.features import FEATURE_BATCH, read_feature_batch
from functions.wire.codecs.feedback import FEEDBACK, decode_feedback
from functions.wire.codecs.flow import ORDER_FLOW, decode_order_flow
from functions.wire.codecs.news import NEWS_BATCH, decode_news_batch
from functions.wire.codecs.orders import FILL, ORDER_UPDATE, decode_fill, decode_order_update
from functions.wire.codecs.pairs import PAIR_BATCH, read_pair_batch
from functions.wire.codecs.performance import (
    DRIFT_DETECTED,
    MODEL_PERFORMANCE,
    OUTCOME,
    decode_drift,
    decode_model_performance,
    decode_outcome,
)
from functions.wire.codecs.portfolio import (
    LIMIT_BREACH,
    RISK_METRICS,
    decode_limit_breach,
    decode_risk_metrics,
)
from functions.wire.codecs.quality import FEED_QUALITY, decode_quality
from functions.wire.codecs.reentry import REENTRY_DECISION, decode_reentry_decision
from functions.wire.codecs.sentiment import SENTIMENT_BATCH, decode_sentiment_batch
from functions.wire.codecs.signals import SIGNAL, decode_signal
from functions.wire.envelope import Event
from functions.wire.errors import Malformed


@dataclass(frozen=True, slots=True)
class Deps:
    """What the handler needs: where rows are kept, where the newest of each is, and where each further noun is kept.

    `lateness_ns` says of a shard how late rows of a bar may come, nanoseconds: features are known that long after their
    bar's end.
    """

    views: Views
    latest: Latest
    online: OnlineWriter
    offline: OfflineWriter
    lateness_ns: Callable[[str], int]
    news: News
    flow: Flow
    quality: Quality
    activity: Activity
    pairs: Pairs
    models: ModelRecords
    sentiment: SentimentStore
    feedback: FeedbackStore
    exposures: Exposures
    reentries: Reentries


Project: TypeAlias = Callable[[bytes, Event, Deps], Awaitable[object]]


async def handle(event: Event, *, deps: Deps) -> None:
    """Store what the event says; storing it again changes nothing.

    Raises:
        Malformed: The event is of no type this handler reads, or its bytes are not what the type says.
        Unavailable: A store did not take it.
        Overloaded: Too many writes wait for a store.
    """
    project = _PROJECTIONS.get(event.type)
    if project is None:
        detail = f"{CARD.name} reads {', '.join(_PROJECTIONS)}, not {event.type}"
        raise Malformed(detail)
    await project(event.data or b"", event, deps)


async def measures(event: Event) -> list[tuple[str, Mapping[str, str], float]]:
    """Measure what a FeedQuality tells, by venue, and how exposed an account is; other events add nothing."""
    told = {FEED_QUALITY: _told_of_quality, RISK_METRICS: _told_of_exposure}.get(event.type)
    return [] if told is None else list(told(event.data or b""))


def _told_of_exposure(data: bytes) -> Iterator[tuple[str, Mapping[str, str], float]]:
    metrics = decode_risk_metrics(data)
    if metrics.exposure_ratio is not None:
        yield "portfolio_risk_exposure_ratio", {"portfolio_id": metrics.account}, metrics.exposure_ratio


def _told_of_quality(data: bytes) -> Iterator[tuple[str, Mapping[str, str], float]]:
    for one in decode_quality(data).instruments:
        venue = {"venue": one.instrument_id.rpartition(".")[2]}
        yield "tickloom_feed_rows_total", venue, one.rows
        for fault in ("repeated", "missing_trades", "book_breaks", "out_of_order"):
            if amount := getattr(one, fault):
                yield "tickloom_feed_faults_total", {**venue, "fault": fault}, amount


async def _bars(data: bytes, event: Event, deps: Deps) -> None:
    batch, sequence = read_bar_batch(data), facts.sequence_of(event)
    await asyncio.gather(deps.views.put_bars(batch, sequence=sequence), deps.latest.put_bars(batch))


async def _activity_bars(data: bytes, event: Event, deps: Deps) -> None:
    batch, sequence = read_activity_bar_batch(data), facts.sequence_of(event)
    await deps.activity.put_activity_bars(batch, sequence=sequence)


async def _features(data: bytes, event: Event, deps: Deps) -> None:
    batch, sequence = read_feature_batch(data), facts.sequence_of(event)
    late_ns = deps.lateness_ns(batch.shard)
    known = known_from(batch.columns, told_ns=event.time_ns or 0, lateness_ns=late_ns)
    await asyncio.gather(
        deps.offline.put(batch, available_ns=known, sequence=sequence), deps.online.put(batch, available_ns=known)
    )


async def _pairs(data: bytes, event: Event, deps: Deps) -> None:
    batch, sequence = read_pair_batch(data), facts.sequence_of(event)
    await asyncio.gather(deps.pairs.put_pairs(batch, sequence=sequence), deps.latest.put_pairs(batch))


_PROJECTIONS: Final[Mapping[str, Project]] = MappingProxyType(
    {
        BAR_BATCH: _bars,
        ACTIVITY_BAR_BATCH: _activity_bars,
        FEATURE_BATCH: _features,
        PAIR_BATCH: _pairs,
        FEED_QUALITY: lambda data, _, deps: deps.quality.put_quality(decode_quality(data)),
        ORDER_FLOW: lambda data, _, deps: deps.flow.put_order_flow(decode_order_flow(data)),
        MODEL_PERFORMANCE: lambda data, _, deps: deps.models.put_model_performance(decode_model_performance(data)),
        DRIFT_DETECTED: lambda data, _, deps: deps.models.put_drift(decode_drift(data)),
        OUTCOME: lambda data, _, deps: deps.models.put_outcome(decode_outcome(data)),
        SIGNAL: lambda data, _, deps: deps.views.put_signal(decode_signal(data)),
        FEEDBACK: lambda data, _, deps: deps.feedback.put_feedback(decode_feedback(data)),
        REENTRY_DECISION: lambda data, _, deps: deps.reentries.put_reentry(decode_reentry_decision(data)),
        ORDER_UPDATE: lambda data, _, deps: deps.views.put_order_update(decode_order_update(data)),
        FILL: lambda data, _, deps: deps.views.put_fill(decode_fill(data)),
        RISK_METRICS: lambda data, _, deps: deps.exposures.put_risk_metrics(decode_risk_metrics(data)),
        LIMIT_BREACH: lambda data, _, deps: deps.exposures.put_limit_breach(decode_limit_breach(data)),
        NEWS_BATCH: lambda data, _, deps: deps.news.put_news(decode_news_batch(data)),
        CALENDAR_BATCH: lambda data, _, deps: deps.news.put_calendar(decode_calendar_batch(data)),
        SENTIMENT_BATCH: lambda data, _, deps: deps.sentiment.put_sentiment(decode_sentiment_batch(data)),
    }
)
