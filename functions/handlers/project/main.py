"""Bind `project` to PostgreSQL and Redis, and serve it."""

import functools
from dataclasses import dataclass, field

from functions.adapters.postgres import Pool
from functions.adapters.postgres_views import PostgresViews
from functions.adapters.redis_latest import RedisLatest
from functions.handlers.project import CARD
from functions.handlers.project.handler import Deps, handle
from functions.runtime.hosting import HostedHandler


@dataclass(frozen=True, slots=True)
class Settings:
    """What `project` must know.

    Args:
        database_url: PostgreSQL, as `postgresql://user:password@host:port/database`.
        redis_url: Redis or Valkey, as `redis://host:port/number`.
        database_connections_max: Most PostgreSQL connections; each kind of row uses one at a time.
        latest_ttl_s: Seconds after which a latest key that no longer moves is forgotten; 0 keeps it.
    """

    database_url: str = field(repr=False, metadata={"env": "DATABASE_URL"})
    redis_url: str = field(repr=False, metadata={"env": "REDIS_URL"})
    database_connections_max: int = 4
    latest_ttl_s: int = 0


def compose(settings: Settings) -> HostedHandler:
    """Join the handler with its stores; they connect on first use."""
    pool = Pool(settings.database_url, size=settings.database_connections_max)
    views = PostgresViews(pool)
    latest = RedisLatest(settings.redis_url, ttl_s=settings.latest_ttl_s)

    async def close() -> None:
        await views.close()
        await latest.close()
        await pool.close()

    return HostedHandler(CARD, functools.partial(handle, deps=Deps(views=views, latest=latest)), close)
