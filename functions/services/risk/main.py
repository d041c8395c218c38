"""Bind the risk service to its limits and its switches."""

from dataclasses import dataclass, field
from pathlib import Path

import grpc.aio
from tickloom.risk.v1 import service_pb2, service_pb2_grpc

from functions.adapters.postgres import Pool
from functions.adapters.postgres_kill_switch import PostgresKillSwitches
from functions.adapters.postgres_limits import PostgresLimits
from functions.adapters.risk_engine import BLIND_S_MAX, RiskEngine
from functions.runtime import grpc_app
from functions.runtime.hosting import HostedService
from functions.services.risk import CARD
from functions.services.risk.service import RiskServicer
from functions.wire.codecs.limits import decode_limits


@dataclass(frozen=True, slots=True)
class Settings:
    """Say what the risk service must know.

    Args:
        database_url: PostgreSQL, as `postgresql://user:password@host:port/database`.
        risk_limits_path: File of limits that hold until some are loaded into the database; empty for the shipped one.
        risk_refresh_s: How often limits and kill switches that another process stored are looked up, seconds.
        risk_blind_s_max: How old the last such look may be, seconds: after that nothing is accepted. 0: no bound.
    """

    database_url: str = field(repr=False, metadata={"env": "DATABASE_URL"})
    risk_limits_path: str = ""
    risk_refresh_s: float = 1.0
    risk_blind_s_max: float = BLIND_S_MAX

    def __post_init__(self) -> None:
        """Refuse to look up without pause, and bounds that every look would break."""
        if self.risk_refresh_s <= 0:
            message = "risk_refresh_s must be more than 0"
            raise ValueError(message)
        if self.risk_blind_s_max and self.risk_blind_s_max <= self.risk_refresh_s:
            message = "risk_blind_s_max must be more than risk_refresh_s, or 0"
            raise ValueError(message)


def compose(settings: Settings) -> HostedService:
    """Join the engine with its stores, opened at the start, and the limits that stand in for them, read now."""
    path = Path(settings.risk_limits_path or Path(__file__).parent / "limits.json")
    pool = Pool(settings.database_url, size=2)
    engine = RiskEngine(
        PostgresLimits(pool),
        PostgresKillSwitches(pool),
        shipped=decode_limits(path.read_bytes()),
        refresh_s=settings.risk_refresh_s,
        blind_s_max=settings.risk_blind_s_max,
    )

    def register(server: grpc.aio.Server) -> None:
        service_pb2_grpc.add_RiskServiceServicer_to_server(RiskServicer(engine), server)

    async def close() -> None:
        await engine.close()
        await pool.close()

    name = service_pb2.DESCRIPTOR.services_by_name["RiskService"].full_name
    return HostedService(CARD, register, (name,), engine.start, close)


if __name__ == "__main__":
    grpc_app.run(Settings, compose)
