"""Bind the portfolio service to PostgreSQL."""

import time
from dataclasses import dataclass, field

import grpc.aio
from tickloom.portfolio.v1 import service_pb2, service_pb2_grpc

from functions.adapters.postgres import Pool
from functions.adapters.postgres_valuation import PostgresValuation
from functions.domain.portfolio.books import BookRules
from functions.ports.valuation import INSTRUMENTS_MAX
from functions.runtime import grpc_app
from functions.runtime.hosting import HostedService
from functions.services.portfolio import CARD
from functions.services.portfolio.desk import PortfolioDesk
from functions.services.portfolio.service import PortfolioServicer


@dataclass(frozen=True, slots=True)
class Settings:
    """Say what the portfolio service must know.

    Args:
        database_url: PostgreSQL, as `postgresql://user:password@host:port/database`.
        portfolio_currency: Currency of the accounts.
        portfolio_inverse: Instruments that are settled in their base currency, at 1 / price.
        portfolio_rates: Instruments whose bars are rates between currencies, for example `EUR-USD.X`; what was traded
            in a currency without one is left out of figures, and named.
        portfolio_connections_max: Most PostgreSQL connections.
    """

    database_url: str = field(repr=False, metadata={"env": "DATABASE_URL"})
    portfolio_currency: str = "USDT"
    portfolio_inverse: tuple[str, ...] = ()
    portfolio_rates: tuple[str, ...] = ()
    portfolio_connections_max: int = 4

    def __post_init__(self) -> None:
        """Refuse what would serve nothing."""
        if not self.portfolio_currency or self.portfolio_connections_max < 1:
            message = "portfolio_currency must be named, and portfolio_connections_max at least 1"
            raise ValueError(message)


def compose(settings: Settings) -> HostedService:
    """Join the service with its store; it connects on first use."""
    pool = Pool(settings.database_url, size=settings.portfolio_connections_max)
    rules = BookRules(settings.portfolio_currency, frozenset(settings.portfolio_inverse), INSTRUMENTS_MAX)
    desk = PortfolioDesk(PostgresValuation(pool), rules, settings.portfolio_rates)
    servicer = PortfolioServicer(desk, now_ns=time.time_ns)

    def register(server: grpc.aio.Server) -> None:
        service_pb2_grpc.add_PortfolioServiceServicer_to_server(servicer, server)

    name = service_pb2.DESCRIPTOR.services_by_name["PortfolioService"].full_name
    return HostedService(CARD, register, (name,), close=pool.close)


if __name__ == "__main__":
    grpc_app.run(Settings, compose)
