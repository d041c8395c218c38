"""Bind `quarantine` to PostgreSQL, and serve it."""

from dataclasses import dataclass, field
from functools import partial

import functions_framework.aio
from starlette.requests import Request
from starlette.responses import Response

from functions.adapters.postgres import Pool
from functions.adapters.postgres_dead_letters import PostgresDeadLetters
from functions.handlers.quarantine import CARD, handler
from functions.runtime import event_app
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

    def __post_init__(self) -> None:
        """Refuse limits that would serve nothing."""
        if self.database_connections_max < 1:
            message = "database_connections_max must be at least 1"
            raise ValueError(message)


def compose(settings: Settings) -> HostedHandler:
    """Join the handler with its store; it connects on first use."""
    pool = Pool(settings.database_url, size=settings.database_connections_max)
    dead_letters = PostgresDeadLetters(pool)

    async def close() -> None:
        await dead_letters.close()
        await pool.close()

    return HostedHandler(CARD, partial(handler.handle, deps=handler.Deps(dead_letters=dead_letters)), close)


respond = event_app.endpoint(Settings, compose)


@functions_framework.aio.http
async def handle(request: Request) -> Response:
    """Answer one request; functions-framework finds this name."""
    return await respond(request)


if __name__ == "__main__":
    event_app.serve(respond, handle)
