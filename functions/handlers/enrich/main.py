"""Bind `enrich` to the reference, and serve it."""

from dataclasses import dataclass, field
from functools import partial

import functions_framework.aio
from starlette.requests import Request
from starlette.responses import Response

from functions.adapters.calendars import shipped_calendars
from functions.adapters.opened_reference import Places, open_reference
from functions.handlers.enrich import CARD, handler
from functions.handlers.enrich.expected import Measuring
from functions.handlers.enrich.sheets import Sheets
from functions.runtime import event_app
from functions.runtime.hosting import HostedHandler


@dataclass(frozen=True, slots=True)
class Settings:
    """What `enrich` must know.

    Args:
        database_url: PostgreSQL with the reference, as `postgresql://user:password@host:port/database`; empty for none.
        redis_url: Redis or Valkey that caches it, as `redis://host:port/number`; empty for none.
        reference: File of instruments for what the store does not know; empty takes the shipped one.
        reference_version: Version of the store that answers, for a replay of what was said then; 0 takes the newest.
        reference_check_ms: Milliseconds after which a new version is asked for.
        reference_ttl_s: Seconds a record is cached in Redis.
        reference_instruments_max: Most instruments remembered in the process.
        database_connections_max: Most PostgreSQL connections.
    """

    database_url: str = field(default="", repr=False, metadata={"env": "DATABASE_URL"})
    redis_url: str = field(default="", repr=False, metadata={"env": "REDIS_URL"})
    reference: str = ""
    reference_version: int = 0
    reference_check_ms: int = 1000
    reference_ttl_s: int = 3600
    reference_instruments_max: int = 10_000
    database_connections_max: int = 2

    def __post_init__(self) -> None:
        """Refuse limits that would serve nothing."""
        limits = ("reference_check_ms", "reference_ttl_s", "reference_instruments_max", "database_connections_max")
        for name in limits:
            if getattr(self, name) < 1:
                message = f"{name} must be at least 1"
                raise ValueError(message)
        if self.reference_version < 0:
            message = "reference_version must be 0 or a version"
            raise ValueError(message)


def compose(settings: Settings) -> HostedHandler:
    """Join the handler with the reference; stores connect on first use, the file is read here."""
    opened = open_reference(
        Places(settings.database_url, settings.redis_url, settings.reference, settings.database_connections_max),
        at_version=settings.reference_version,
        check_ms=settings.reference_check_ms,
        ttl_s=settings.reference_ttl_s,
        instruments_max=settings.reference_instruments_max,
    )
    calendars = shipped_calendars()
    sheets = Sheets(calendars, sheets_max=settings.reference_instruments_max)
    deps = handler.Deps(reference=opened.reference, sheets=sheets)
    measuring = Measuring(opened.reference, calendars)
    return HostedHandler(CARD, partial(handler.handle, deps=deps), opened.close, measuring.measures)


respond = event_app.endpoint(Settings, compose)


@functions_framework.aio.http
async def handle(request: Request) -> Response:
    """Answer one request; functions-framework finds this name."""
    return await respond(request)


if __name__ == "__main__":
    event_app.serve(respond, handle)
