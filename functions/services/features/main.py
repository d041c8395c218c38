"""Bind the features service to Redis and PostgreSQL."""

import time
from dataclasses import dataclass, field

import grpc.aio
from tickloom.features.v1 import service_pb2, service_pb2_grpc

from functions.adapters.postgres import Pool
from functions.adapters.postgres_features import PostgresFeatures
from functions.adapters.redis_features import RedisFeatures
from functions.runtime import grpc_app
from functions.runtime.hosting import HostedService
from functions.services.features import CARD
from functions.services.features.service import FeaturesServicer
from functions.services.features.store import FeatureStore, Limits


@dataclass(frozen=True, slots=True)
class Settings:
    """Say what the features service must know.

    Args:
        database_url: PostgreSQL, as `postgresql://user:password@host:port/database`.
        redis_url: Redis or Valkey, as `redis://host:port/number`.
        features_connections_max: Most PostgreSQL connections.
        features_streams_max: Most streams at a time; each holds a connection to Redis.
        features_stream_s: Seconds after which a stream ends, below what routers cut at; its reader goes on.
        features_stream_keys_max: Most series in one message of a stream.
    """

    database_url: str = field(repr=False, metadata={"env": "DATABASE_URL"})
    redis_url: str = field(repr=False, metadata={"env": "REDIS_URL"})
    features_connections_max: int = 4
    features_streams_max: int = 64
    features_stream_s: float = 240.0
    features_stream_keys_max: int = 256

    def __post_init__(self) -> None:
        """Refuse limits that would serve nothing."""
        for name in ("features_connections_max", "features_streams_max", "features_stream_keys_max"):
            if getattr(self, name) < 1:
                message = f"{name} must be at least 1"
                raise ValueError(message)
        if self.features_stream_s <= 0:
            message = "features_stream_s must be more than 0"
            raise ValueError(message)


def compose(settings: Settings) -> HostedService:
    """Join the service with its stores; they connect on first use."""
    pool = Pool(settings.database_url, size=settings.features_connections_max)
    online = RedisFeatures(settings.redis_url)
    offline = PostgresFeatures(pool)
    limits = Limits(
        keys=settings.features_stream_keys_max,
        streams=settings.features_streams_max,
        stream_s=settings.features_stream_s,
    )
    servicer = FeaturesServicer(FeatureStore(online, offline, limits), now_ns=time.time_ns)

    def register(server: grpc.aio.Server) -> None:
        service_pb2_grpc.add_FeaturesServiceServicer_to_server(servicer, server)

    async def close() -> None:
        await online.close()
        await offline.close()
        await pool.close()

    name = service_pb2.DESCRIPTOR.services_by_name["FeaturesService"].full_name
    return HostedService(CARD, register, (name,), close=close)


if __name__ == "__main__":
    grpc_app.run(Settings, compose)
