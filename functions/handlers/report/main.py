"""Bind `report` to PostgreSQL, and serve it."""

from dataclasses import dataclass, field
from functools import partial

import functions_framework.aio
from starlette.requests import Request
from starlette.responses import Response

from functions.adapters.calendars import zone_of
from functions.adapters.postgres import Pool
from functions.adapters.postgres_reports import PostgresReports
from functions.adapters.postgres_valuation import PostgresValuation
from functions.domain.portfolio.books import BookRules
from functions.handlers.report import CARD, handler
from functions.ports.valuation import INSTRUMENTS_MAX
from functions.runtime import event_app
from functions.runtime.hosting import HostedHandler


@dataclass(frozen=True, slots=True)
class Settings:
    """What `report` must know.

    Args:
        database_url: PostgreSQL, as `postgresql://user:password@host:port/database`.
        portfolio_currency: Currency of the accounts.
        portfolio_inverse: Instruments that are settled in their base currency, at 1 / price.
        report_zone: IANA time zone whose days are reported on.
        database_connections_max: Most PostgreSQL connections.
    """

    database_url: str = field(repr=False, metadata={"env": "DATABASE_URL"})
    portfolio_currency: str = "USDT"
    portfolio_inverse: tuple[str, ...] = ()
    report_zone: str = "UTC"
    database_connections_max: int = 2

    def __post_init__(self) -> None:
        """Refuse limits that would serve nothing, and zones there are none of."""
        if not self.portfolio_currency or self.database_connections_max < 1:
            message = "portfolio_currency must be named, and database_connections_max at least 1"
            raise ValueError(message)
        try:
            zone_of(self.report_zone)
        except KeyError:
            message = f"report_zone {self.report_zone!r} is no IANA time zone"
            raise ValueError(message) from None


def compose(settings: Settings) -> HostedHandler:
    """Join the handler with its store; it connects on first use."""
    pool = Pool(settings.database_url, size=settings.database_connections_max)
    deps = handler.Deps(
        valuation=PostgresValuation(pool),
        reports=PostgresReports(pool),
        rules=BookRules(settings.portfolio_currency, frozenset(settings.portfolio_inverse), INSTRUMENTS_MAX),
        zone=zone_of(settings.report_zone),
    )
    return HostedHandler(CARD, partial(handler.handle, deps=deps), pool.close)


respond = event_app.endpoint(Settings, compose)


@functions_framework.aio.http
async def handle(request: Request) -> Response:
    """Answer one request; functions-framework finds this name."""
    return await respond(request)


if __name__ == "__main__":
    event_app.serve(respond, handle)
