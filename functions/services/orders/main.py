"""Bind the orders service to its ledger, to risk and to the broker its events leave for."""

import time
from dataclasses import dataclass, field

import grpc.aio
from tickloom.orders.v1 import service_pb2, service_pb2_grpc

from functions.adapters.http_sink import HttpSink, overrides_of
from functions.adapters.postgres import Pool
from functions.adapters.postgres_ledger import PostgresLedger
from functions.adapters.risk_client import DEADLINE_MS, GrpcRisk
from functions.runtime import grpc_app
from functions.runtime.hosting import HostedService
from functions.services.orders import CARD
from functions.services.orders.desk import OrderDesk
from functions.services.orders.opening import opening_of
from functions.services.orders.relay import BATCH_MAX, Relay
from functions.services.orders.service import OrdersServicer


@dataclass(frozen=True, slots=True)
class Settings:
    """Say what the orders service must know.

    Args:
        database_url: PostgreSQL, as `postgresql://user:password@host:port/database`.
        sink_url: Broker that takes the events; empty to store them only.
        sink_overrides: Extensions that every event gets, as a SinkBinding writes them.
        risk_target: Address of the risk service, `host:port`.
        risk_deadline_ms: Longest wait for a decision; without one the order is not taken.
        account: Account that is opened at the start, unless it exists.
        capital: Its capital, a plain decimal.
        opening_positions: Its positions, each `INSTRUMENT=QUANTITY@PRICE`.
        outbox_batch_max: Most events the relay reads at once.
        orders_connections_max: Most PostgreSQL connections.
    """

    database_url: str = field(repr=False, metadata={"env": "DATABASE_URL"})
    sink_url: str = field(default="", metadata={"env": "K_SINK"})
    sink_overrides: str = field(default="", metadata={"env": "K_CE_OVERRIDES"})
    risk_target: str = "127.0.0.1:50052"
    risk_deadline_ms: int = DEADLINE_MS
    account: str = "paper"
    capital: str = "1000000"
    opening_positions: tuple[str, ...] = ()
    outbox_batch_max: int = BATCH_MAX
    orders_connections_max: int = 8

    def __post_init__(self) -> None:
        """Refuse bounds that would take nothing, and an opening that cannot be read."""
        for name in ("risk_deadline_ms", "outbox_batch_max", "orders_connections_max"):
            if getattr(self, name) < 1:
                message = f"{name} must be at least 1"
                raise ValueError(message)
        opening_of(self.account, self.capital, self.opening_positions)
        overrides_of(self.sink_overrides)


def compose(settings: Settings) -> HostedService:
    """Join the desk with what it needs; the store opens at the start, channels with the first order."""
    pool = Pool(settings.database_url, size=settings.orders_connections_max)
    ledger = PostgresLedger(pool)
    risk = GrpcRisk(settings.risk_target, deadline_ms=settings.risk_deadline_ms)
    sink = HttpSink(settings.sink_url, overrides=overrides_of(settings.sink_overrides))
    relay = Relay(ledger, sink, batch_max=settings.outbox_batch_max)
    desk = OrderDesk(ledger, risk, now_ns=time.time_ns, booked=relay.wake)
    opening = opening_of(settings.account, settings.capital, settings.opening_positions)

    def register(server: grpc.aio.Server) -> None:
        service_pb2_grpc.add_OrdersServiceServicer_to_server(OrdersServicer(desk, ledger), server)

    async def start() -> None:
        await ledger.open_account(opening)
        if settings.sink_url:
            relay.start()

    async def close() -> None:
        await relay.close()
        await risk.close()
        await sink.close()
        await pool.close()

    name = service_pb2.DESCRIPTOR.services_by_name["OrdersService"].full_name
    return HostedService(CARD, register, (name,), start, close)


if __name__ == "__main__":
    grpc_app.run(Settings, compose)
