"""Open the reference as a process is told to: PostgreSQL cached in Redis and remembered, with a file behind it all."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from pathlib import Path

from functions.adapters.layered_reference import FallbackReference, RememberedReference
from functions.adapters.reference import SHIPPED, FileReference
from functions.ports.reference import Reference


@dataclass(frozen=True, slots=True)
class Places:
    """Say where instruments may lie.

    Args:
        database_url: PostgreSQL; empty for none.
        redis_url: Redis that caches it; empty for none.
        file: File for what the store does not know; empty takes the shipped one.
        connections_max: Most PostgreSQL connections.
    """

    database_url: str = field(default="", repr=False)
    redis_url: str = field(default="", repr=False)
    file: str = ""
    connections_max: int = 2


@dataclass(frozen=True, slots=True)
class Opened:
    """Hold a reference and how to let go of it."""

    reference: Reference
    close: Callable[[], Awaitable[None]]


async def _nothing() -> None:
    """Close nothing: a file was read once."""


def open_reference(
    places: Places, *, at_version: int = 0, check_ms: int = 1000, ttl_s: int = 3600, instruments_max: int = 10_000
) -> Opened:
    """Put the places in layers; nothing but the file is opened before the first question.

    Args:
        places: Where instruments may lie.
        at_version: Version of the store that answers; 0 takes the newest.
        check_ms: Milliseconds after which a new version is asked for.
        ttl_s: Seconds a record is cached in Redis.
        instruments_max: Most instruments remembered in the process.

    Raises:
        BadReference: The file cannot be used.
    """
    file = FileReference(Path(places.file) if places.file else SHIPPED)
    if not places.database_url:
        return Opened(file, _nothing)
    return _stored(places, file, at_version=at_version, check_ms=check_ms, ttl_s=ttl_s, instruments_max=instruments_max)


def _stored(  # noqa: PLR0913 - what `open_reference` was told
    places: Places, file: FileReference, *, at_version: int, check_ms: int, ttl_s: int, instruments_max: int
) -> Opened:
    # Stores' clients take 0.2 s to import, which a cold start without stores need not pay.
    from functions.adapters.postgres import Pool  # noqa: PLC0415
    from functions.adapters.postgres_reference import PostgresReference  # noqa: PLC0415
    from functions.adapters.redis_reference import RedisReference  # noqa: PLC0415

    pool = Pool(places.database_url, size=places.connections_max)
    store = PostgresReference(pool, at_version=at_version)
    cached = places.redis_url and not at_version  # the cache holds what the newest version says
    cache = RedisReference(store, places.redis_url, ttl_s=ttl_s, check_ms=check_ms) if cached else None
    remembered = RememberedReference(cache or store, instruments_max=instruments_max, check_ms=check_ms)

    async def close() -> None:
        if cache is not None:
            await cache.close()
        await pool.close()

    return Opened(FallbackReference(remembered, file), close)
