"""Bind `quarantine` to PostgreSQL, and serve it."""

import functools
from dataclasses import dataclass, field

from functions.adapters.postgres import Pool
from functions.adapters.postgres_dead_letters import PostgresDeadLetters
from functions.handlers.quarantine import CARD
from functions.handlers.quarantine.handler import Deps, handle
from functions.runtime.hosting import HostedHandler


@dataclass(frozen=True, slots=True)
class Settings:
    """What `quarantine` must know.

    Args:
        database_url: PostgreSQL, as `postgresql://user:password@host:port/database`.
        database_connections_max: Most PostgreSQL connections; letters are filed over one at a time.
    """

    database_url: str = field(repr=False, metadata={"env": "DATABASE_URL"})
    database_connections_max: int = 2


def compose(settings: Settings) -> HostedHandler:
    """Join the handler with its store; it connects on first use."""
    pool = Pool(settings.database_url, size=settings.database_connections_max)
    dead_letters = PostgresDeadLetters(pool)

    async def close() -> None:
        await dead_letters.close()
        await pool.close()

    return HostedHandler(CARD, functools.partial(handle, deps=Deps(dead_letters=dead_letters)), close)
