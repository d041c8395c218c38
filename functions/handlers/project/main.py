"""Bind `project` to PostgreSQL and Redis, and serve it."""

from dataclasses import dataclass, field
from functools import partial

import functions_framework.aio
from starlette.requests import Request
from starlette.responses import Response

from functions.adapters.postgres import Pool
from functions.adapters.postgres_activity import PostgresActivity
from functions.adapters.postgres_exposures import PostgresExposures
from functions.adapters.postgres_features import PostgresFeatures
from functions.adapters.postgres_feedback import PostgresFeedback
from functions.adapters.postgres_flow import PostgresFlow
from functions.adapters.postgres_news import PostgresNews
from functions.adapters.postgres_pairs import PostgresPairs
from functions.adapters.postgres_performance import PostgresPerformance
from functions.adapters.postgres_quality import PostgresQuality
from functions.adapters.postgres_reentries import PostgresReentries
from functions.adapters.postgres_sentiment import PostgresSentiment
from functions.adapters.postgres_views import PostgresViews
from functions.adapters.redis_features import TTL_MS, RedisFeatures
from functions.adapters.redis_latest import RedisLatest
from functions.domain.bars.fold import BarRules, venue_lateness
from functions.handlers.project import CARD, handler
from functions.runtime import event_app
from functions.runtime.hosting import HostedHandler


@dataclass(frozen=True, slots=True)
class Settings:
    """What `project` must know.

    Args:
        database_url: PostgreSQL, as `postgresql://user:password@host:port/database`.
        redis_url: Redis or Valkey, as `redis://host:port/number`.
        database_connections_max: Most PostgreSQL connections; each kind of row uses one at a time.
        latest_ttl_s: Seconds after which a latest key that no longer moves is forgotten; 0 keeps it.
        features_ttl_ms: Milliseconds for which the newest features are served after the next ones were due.
        features_offline_intervals_s: Intervals whose features are kept for reading as of a time, seconds, comma
            separated; empty keeps all.
        bars_lateness_ms: Lateness that `bars` allows, milliseconds: features are known that long after a bar's end.
        bars_lateness_ms_of: Venues that have their own there, as `VENUE=MILLISECONDS`; also `VENUE-MARKET`.
    """

    database_url: str = field(repr=False, metadata={"env": "DATABASE_URL"})
    redis_url: str = field(repr=False, metadata={"env": "REDIS_URL"})
    database_connections_max: int = 4
    latest_ttl_s: int = 0
    features_ttl_ms: int = TTL_MS
    features_offline_intervals_s: tuple[str, ...] = ()
    bars_lateness_ms: int = 250
    bars_lateness_ms_of: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        """Refuse limits that would serve nothing."""
        if self.database_connections_max < 1 or self.latest_ttl_s < 0:
            message = "database_connections_max must be at least 1 and latest_ttl_s not negative"
            raise ValueError(message)
        if self.features_ttl_ms < 1:
            message = "features_ttl_ms must be at least 1"
            raise ValueError(message)
        if not all(text.isascii() and text.isdigit() for text in self.features_offline_intervals_s):
            message = f"features_offline_intervals_s {self.features_offline_intervals_s} are not all whole seconds"
            raise ValueError(message)
        self.bars()

    def bars(self) -> BarRules:
        """Give the rules of `bars`, which refuse some lateness."""
        of = dict(map(venue_lateness, self.bars_lateness_ms_of))
        return BarRules(lateness_ms=self.bars_lateness_ms, lateness_ms_of=of)


def compose(settings: Settings) -> HostedHandler:
    """Join the handler with its stores; they connect on first use."""
    pool = Pool(settings.database_url, size=settings.database_connections_max)
    views = PostgresViews(pool)
    news, flow, quality = PostgresNews(pool), PostgresFlow(pool), PostgresQuality(pool)
    activity, pairs, sentiment = PostgresActivity(pool), PostgresPairs(pool), PostgresSentiment(pool)
    models, feedback, exposures = PostgresPerformance(pool), PostgresFeedback(pool), PostgresExposures(pool)
    reentries = PostgresReentries(pool)
    latest = RedisLatest(settings.redis_url, ttl_s=settings.latest_ttl_s)
    online = RedisFeatures(settings.redis_url, ttl_ms=settings.features_ttl_ms)
    offline = PostgresFeatures(pool, intervals_s=tuple(map(int, settings.features_offline_intervals_s)))

    tables = (views, news, flow, quality, activity, pairs, models, sentiment, feedback, exposures, reentries)

    async def close() -> None:
        for store in (*tables, latest, online, offline):
            await store.close()
        await pool.close()

    deps = handler.Deps(
        views=views,
        latest=latest,
        online=online,
        offline=offline,
        lateness_ns=settings.bars().lateness_ns,
        news=news,
        flow=flow,
        quality=quality,
        activity=activity,
        pairs=pairs,
        models=models,
        sentiment=sentiment,
        feedback=feedback,
        exposures=exposures,
        reentries=reentries,
    )
    return HostedHandler(CARD, partial(handler.handle, deps=deps), close, handler.measures)


respond = event_app.endpoint(Settings, compose)


@functions_framework.aio.http
async def handle(request: Request) -> Response:
    """Answer one request; functions-framework finds this name."""
    return await respond(request)


if __name__ == "__main__":
    event_app.serve(respond, handle)
