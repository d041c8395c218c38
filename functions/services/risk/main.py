"""Bind the risk service to its limits and its switches."""

from dataclasses import dataclass, field
from pathlib import Path

import grpc.aio
from tickloom.risk.v1 import service_pb2, service_pb2_grpc

from functions.adapters.postgres import Pool
from functions.adapters.postgres_kill_switch import PostgresKillSwitches
from functions.runtime import grpc_app
from functions.runtime.hosting import HostedService
from functions.services.risk import CARD
from functions.services.risk.desk import RiskDesk
from functions.services.risk.service import RiskServicer
from functions.wire.codecs.risk import decode_limits


@dataclass(frozen=True, slots=True)
class Settings:
    """Say what the risk service must know.

    Args:
        database_url: PostgreSQL, as `postgresql://user:password@host:port/database`.
        risk_limits_path: File of limits; empty for the shipped one.
        risk_refresh_s: How often kill switches that another instance set are looked up, seconds.
    """

    database_url: str = field(repr=False, metadata={"env": "DATABASE_URL"})
    risk_limits_path: str = ""
    risk_refresh_s: float = 1.0

    def __post_init__(self) -> None:
        """Refuse to look switches up without pause."""
        if self.risk_refresh_s <= 0:
            message = "risk_refresh_s must be more than 0"
            raise ValueError(message)


def compose(settings: Settings) -> HostedService:
    """Join the desk with its limits, read now, and its store, opened at the start."""
    path = Path(settings.risk_limits_path or Path(__file__).parent / "limits.json")
    pool = Pool(settings.database_url, size=2)
    desk = RiskDesk(decode_limits(path.read_bytes()), PostgresKillSwitches(pool), refresh_s=settings.risk_refresh_s)

    def register(server: grpc.aio.Server) -> None:
        service_pb2_grpc.add_RiskServiceServicer_to_server(RiskServicer(desk), server)

    async def close() -> None:
        await desk.close()
        await pool.close()

    name = service_pb2.DESCRIPTOR.services_by_name["RiskService"].full_name
    return HostedService(CARD, register, (name,), desk.start, close)


if __name__ == "__main__":
    grpc_app.run(Settings, compose)
