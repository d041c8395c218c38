"""Cache instruments in Redis, each under the version that knows it; without Redis the store itself is asked.

`reference:version` names the version, `reference:checked` lives as long as that needs no asking again, and
`reference:<version>:<instrument_id>` holds a digest and the record. What a version knows never changes, so a cached
record is right or, where its digest or its id do not fit, ignored. An instrument a version does not know is cached too.
"""

import hashlib
from collections.abc import Awaitable, Mapping, Sequence
from typing import Any, Final

from redis.asyncio import Redis
from redis.asyncio.retry import Retry
from redis.backoff import NoBackoff
from redis.exceptions import RedisError

from functions.adapters.addresses import unsaid
from functions.domain.reference import Instrument
from functions.ports.errors import Unavailable
from functions.ports.reference import Reference, Snapshot
from functions.wire.codecs.reference import decode_instrument, encode_instrument
from functions.wire.errors import Malformed

CONNECT_TIMEOUT_S: Final = 0.5
COMMAND_TIMEOUT_S: Final = 0.5
"""A cache that is slower than the store behind it helps nobody."""

VERSION: Final = "reference:version"
CHECKED: Final = "reference:checked"
DIGEST_BYTES: Final = 8
UNKNOWN: Final = b""
"""Record of an instrument that its version does not know."""


class RedisReference:
    """Answer from Redis what it holds, and from the reference behind it what it does not.

    Args:
        inner: The reference behind.
        url: `redis://host:port/db`; connects on first use.
        ttl_s: Seconds a record is kept.
        check_ms: Milliseconds for which the version is not asked for again.
    """

    def __init__(self, inner: Reference, url: str, *, ttl_s: int = 3600, check_ms: int = 1000) -> None:
        """Open nothing."""
        self._inner = inner
        with unsaid("REDIS_URL"):
            self._redis = Redis.from_url(
                url,
                socket_timeout=COMMAND_TIMEOUT_S,
                socket_connect_timeout=CONNECT_TIMEOUT_S,
                retry=Retry(NoBackoff(), 1),  # once, for the connection a restarted server has forgotten
            )
        self._ttl_s = ttl_s
        self._check_ms = check_ms

    async def version(self) -> str:
        """Name the version that answers: the cached one while it is fresh, or while the store is down.

        Raises:
            Unavailable: Neither Redis nor the reference behind it can tell.
        """
        cached, fresh = await self._cached_version()
        if cached and fresh:
            return cached
        try:
            found = await self._inner.version()
        except Unavailable:
            if not cached:
                raise
            return cached  # the last one that was told; its records are as right as ever
        await self._remember(found, {})
        return found

    async def look_up(self, ids: Sequence[str]) -> Snapshot:
        """Give what is known about instruments, all of one version.

        Raises:
            Unavailable: What Redis does not hold cannot be had from the reference behind it.
        """
        version = await self.version()
        held = await self._held(version, ids)
        missing = [name for name in ids if name not in held]
        if missing:
            found = await self._inner.look_up(missing)
            if found.version != version and held:  # it changed meanwhile: all of them, of the new one
                missing, held, found = list(ids), {}, await self._inner.look_up(ids)
            version = found.version
            asked = {name: found.instruments.get(name) for name in missing}
            await self._remember(version, asked)
            held |= asked
        return Snapshot(version, {name: one for name, one in held.items() if one is not None})

    async def listed(self, venue: str) -> tuple[Instrument, ...]:
        """Give every instrument of a venue; always from the reference behind.

        Raises:
            Unavailable: The reference behind cannot tell.
        """
        return await self._inner.listed(venue)

    async def forget(self) -> None:
        """Have the version asked for again at once, as after a load; without Redis there is nothing to forget."""
        await _quietly(self._redis.delete(CHECKED))

    async def close(self) -> None:
        """Close the connections."""
        await self._redis.aclose()

    async def _cached_version(self) -> tuple[str, bool]:
        found = await _quietly(self._redis.mget(VERSION, CHECKED))
        version = _opened(found[0], VERSION) if found else None
        return (version.decode(), bool(found[1])) if found and version else ("", False)

    async def _held(self, version: str, ids: Sequence[str]) -> dict[str, Instrument | None]:
        """Give what Redis holds and is right."""
        found = await _quietly(self._redis.mget([_key(version, name) for name in ids])) if ids else None
        held: dict[str, Instrument | None] = {}
        for name, value in zip(ids, found or (), strict=False):
            record = _opened(value, _key(version, name))
            if record == UNKNOWN:
                held[name] = None
            elif record is not None and (one := _decoded(record)) is not None:
                held[name] = one
        return held

    async def _remember(self, version: str, records: Mapping[str, Instrument | None]) -> None:
        pipe = self._redis.pipeline(transaction=False)
        pipe.set(VERSION, _sealed(version.encode(), VERSION))
        pipe.set(CHECKED, b"1", px=self._check_ms)
        for name, one in records.items():
            key = _key(version, name)
            pipe.set(key, _sealed(UNKNOWN if one is None else encode_instrument(one), key), ex=self._ttl_s)
        await _quietly(pipe.execute())


async def _quietly(asked: Awaitable[Any]) -> Any:  # noqa: ANN401 - what Redis answers is checked where it is read
    """Give what Redis answers; None when it does not, because a cache that is down only makes things slower."""
    try:
        return await asked
    except (RedisError, OSError):
        return None


def _key(version: str, name: str) -> str:
    return f"reference:{version}:{name}"


def _sealed(record: bytes, key: str) -> bytes:
    return _digest(record, key) + record


def _opened(value: object, key: str) -> bytes | None:
    """Give the record of a cached value; None when there is none, or its digest does not fit its key and bytes."""
    if not isinstance(value, bytes) or len(value) < DIGEST_BYTES:
        return None
    record = value[DIGEST_BYTES:]
    return record if value[:DIGEST_BYTES] == _digest(record, key) else None


def _digest(record: bytes, key: str) -> bytes:
    return hashlib.sha256(key.encode() + b"\x00" + record).digest()[:DIGEST_BYTES]


def _decoded(record: bytes) -> Instrument | None:
    """Read a record; None for one that another release wrote in a form this one cannot read."""
    try:
        return decode_instrument(record)
    except Malformed:
        return None
