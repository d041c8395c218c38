"""Bind `reenter` to its rules, the calendar and the reference, and serve it."""

from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Final

import functions_framework.aio
from starlette.requests import Request
from starlette.responses import Response

from functions.adapters.opened_reference import Places, open_reference
from functions.adapters.postgres import Pool
from functions.adapters.postgres_reentries import PostgresReentries
from functions.adapters.postgres_schedule import PostgresSchedule
from functions.handlers.reenter import CARD, handler
from functions.runtime import event_app
from functions.runtime.hosting import HostedHandler
from functions.wire.reentry_rules import read_matrix

SHIPPED: Final = Path(__file__).parent / "reentry.rules"
"""The rules that decide unless a file of one's own is named."""
NS_PER_S: Final = 1_000_000_000


@dataclass(frozen=True, slots=True)
class Settings:
    """What `reenter` must know.

    Args:
        database_url: PostgreSQL with calendar, decisions and reference, as `postgresql://user:password@host:port/name`.
        reenter_rules_path: File of rules; empty for the shipped one. `tickloom reentry check FILE` checks it.
        reenter_calendar_settle_s: Seconds for which a version of an event must have been known before it counts.
        reference: File of instruments for what the store does not know; empty takes the shipped one.
        reference_version: Version of the store that answers, for a replay of what was said then; 0 takes the newest.
        reference_check_ms: Milliseconds after which a new version is asked for.
        database_connections_max: Most PostgreSQL connections to calendar and decisions, and as many to the reference.
    """

    database_url: str = field(repr=False, metadata={"env": "DATABASE_URL"})
    reenter_rules_path: str = ""
    reenter_calendar_settle_s: int = 60
    reference: str = ""
    reference_version: int = 0
    reference_check_ms: int = 1000
    database_connections_max: int = 2

    def __post_init__(self) -> None:
        """Refuse limits that would serve nothing."""
        if self.reference_check_ms < 1 or self.database_connections_max < 1:
            message = "reference_check_ms and database_connections_max must be at least 1"
            raise ValueError(message)
        if self.reenter_calendar_settle_s < 0 or self.reference_version < 0:
            message = "reenter_calendar_settle_s and reference_version must not be negative"
            raise ValueError(message)


def compose(settings: Settings) -> HostedHandler:
    """Join the handler with its rules, which are read and checked now, and with its stores, which connect on first use.

    Raises:
        Malformed: The rules have mistakes; each is said with its line and column.
        OSError: There is no such file.
    """
    path = Path(settings.reenter_rules_path or SHIPPED)
    pool = Pool(settings.database_url, size=settings.database_connections_max)
    places = Places(settings.database_url, "", settings.reference, settings.database_connections_max)
    opened = open_reference(places, at_version=settings.reference_version, check_ms=settings.reference_check_ms)
    reentries = PostgresReentries(pool)

    async def close() -> None:
        await opened.close()
        await reentries.close()
        await pool.close()

    deps = handler.Deps(
        matrix=read_matrix(path.read_bytes(), file=str(path)),
        schedule=PostgresSchedule(pool),
        reentries=reentries,
        reference=opened.reference,
        settle_ns=settings.reenter_calendar_settle_s * NS_PER_S,
    )
    return HostedHandler(CARD, partial(handler.handle, deps=deps), close)


respond = event_app.endpoint(Settings, compose)


@functions_framework.aio.http
async def handle(request: Request) -> Response:
    """Answer one request; functions-framework finds this name."""
    return await respond(request)


if __name__ == "__main__":
    event_app.serve(respond, handle)
