"""Keep the newest price and features of each instrument in Redis; keys move forward only.

A key is a hash of two fields: `rank`, digits of fixed width whose text order is the order of knowledge, and `value`,
one JSON document. `latest:price:<instrument>` and `latest:features:<instrument>:<interval_s>`.
"""

import hashlib
from collections.abc import Awaitable, Iterable
from typing import Any, Final, TypeAlias

import msgspec
from redis.asyncio import Redis
from redis.asyncio.retry import Retry
from redis.backoff import NoBackoff
from redis.exceptions import ConnectionError as RedisConnectionError
from redis.exceptions import NoScriptError, ResponseError
from redis.exceptions import TimeoutError as RedisTimeoutError

from functions.adapters.group_commit import GroupCommit
from functions.domain.market import (
    BAR_FINAL,
    BAR_OPEN,
    BAR_PROVISIONAL,
    BAR_REVISED,
    MARKET_CROSSED,
    STATE_VALID,
    BarBatch,
    FeatureBatch,
    FeatureColumns,
)
from functions.domain.money import plain, scaled
from functions.ports.errors import Unavailable

CONNECT_TIMEOUT_S: Final = 2.0
COMMAND_TIMEOUT_S: Final = 5.0

Newest: TypeAlias = dict[str, tuple[str, bytes]]
"""Rank and JSON document by key."""

_FINALITY: Final = {BAR_PROVISIONAL: "provisional", BAR_OPEN: "open", BAR_FINAL: "final", BAR_REVISED: "revised"}
_FINALITY_RANK: Final = {finality: rank for rank, finality in enumerate(_FINALITY, start=1)}

_MOVE_FORWARD: Final = """
local moved = 0
for i = 1, #KEYS do
  if (redis.call('HGET', KEYS[i], 'rank') or '') < ARGV[2 * i] then
    redis.call('HSET', KEYS[i], 'rank', ARGV[2 * i], 'value', ARGV[2 * i + 1])
    if ARGV[1] ~= '0' then redis.call('EXPIRE', KEYS[i], ARGV[1]) end
    moved = moved + 1
  end
end
return moved
"""
_SHA: Final = hashlib.sha1(_MOVE_FORWARD.encode(), usedforsecurity=False).hexdigest()
"""Name Redis gives the script."""

_PASSING: Final = (
    "LOADING",
    "READONLY",
    "OOM",
    "MISCONF",
    "MASTERDOWN",
    "NOREPLICAS",
    "BUSY",
    "CLUSTERDOWN",
    "TRYAGAIN",
)
"""Replies that say the server cannot write now, though it may later."""


class RedisLatest:
    """Move latest keys forward in Redis; calls that come together share one script call.

    Args:
        url: `redis://host:port/db`; connects on first use.
        ttl_s: Seconds after which a key that no longer moves is forgotten; 0 keeps it.
    """

    def __init__(self, url: str, *, ttl_s: int = 0) -> None:
        """Open nothing."""
        self._redis = Redis.from_url(
            url,
            socket_timeout=COMMAND_TIMEOUT_S,
            socket_connect_timeout=CONNECT_TIMEOUT_S,
            retry=Retry(NoBackoff(), 1),  # once, for the connection a restarted server has forgotten
        )
        self._ttl = str(ttl_s)
        self._group = GroupCommit[BarBatch | FeatureBatch](self._write)

    def put_bars(self, batch: BarBatch) -> Awaitable[None]:
        """Move the latest price of each instrument forward.

        Raises:
            Unavailable: Redis did not store it.
            Overloaded: Too many writes wait.
        """
        return self._group.put(batch, rows=len(batch.start_ns))

    def put_features(self, batch: FeatureBatch) -> Awaitable[None]:
        """Move the latest features of each (instrument, interval) forward.

        Raises:
            Unavailable: Redis did not store it.
            Overloaded: Too many writes wait.
        """
        return self._group.put(batch, rows=batch.columns.row_count)

    async def close(self) -> None:
        """Wait for the writes that have begun, and close the connections."""
        await self._group.close()
        await self._redis.aclose()

    async def _write(self, group: list[BarBatch | FeatureBatch]) -> None:
        prices = newest_prices(one for one in group if isinstance(one, BarBatch))
        await self._move(prices | newest_features(one for one in group if isinstance(one, FeatureBatch)))

    async def _move(self, newest: Newest) -> None:
        arguments: list[str | bytes] = [self._ttl]
        for rank, value in newest.values():
            arguments += (rank, value)
        try:
            try:
                await self._redis.evalsha(_SHA, len(newest), *newest, *arguments)
            except NoScriptError:  # a server that has just started
                await self._redis.eval(_MOVE_FORWARD, len(newest), *newest, *arguments)
        except (RedisConnectionError, RedisTimeoutError, OSError) as error:
            raise _unavailable(error) from error
        except ResponseError as error:
            if str(error).startswith(_PASSING):
                raise _unavailable(error) from error
            raise


def newest_prices(batches: Iterable[BarBatch]) -> Newest:
    """Give the newest close of each instrument as it is stored; later bar start, finality, revision, interval win."""
    newest: dict[str, tuple[tuple[int, int, int, int], BarBatch, int]] = {}
    for batch in batches:
        columns = (batch.instrument, batch.start_ns, batch.finality, batch.revision, batch.interval_s)
        rows = zip(*(column.tolist() for column in columns), strict=True)
        for row, (index, start_ns, finality, revision, interval_s) in enumerate(rows):
            key = batch.instruments[index].instrument_id
            rank = (start_ns, _FINALITY_RANK[finality], revision, interval_s)
            if key not in newest or rank >= newest[key][0]:
                newest[key] = (rank, batch, row)
    return {
        f"latest:price:{key}": ("{:020d}{:d}{:010d}{:010d}".format(*rank), msgspec.json.encode(_price(batch, row)))
        for key, (rank, batch, row) in newest.items()
    }


def newest_features(batches: Iterable[FeatureBatch]) -> Newest:
    """Give the newest features of each (instrument, interval) as they are stored; later start, then revision, wins."""
    newest: dict[tuple[str, int], tuple[tuple[int, int], FeatureColumns, int]] = {}
    for batch in batches:
        columns = batch.columns
        keys = (columns.instrument, columns.interval_s, columns.start_ns, columns.bar_revision)
        rows = zip(*(column.tolist() for column in keys), strict=True)
        for row, (index, interval_s, start_ns, revision) in enumerate(rows):
            key = (columns.instruments[index].instrument_id, interval_s)
            if key not in newest or (start_ns, revision) >= newest[key][0]:
                newest[key] = ((start_ns, revision), columns, row)
    return {
        "latest:features:{}:{}".format(*key): (
            "{:020d}{:010d}".format(*rank),
            msgspec.json.encode(_feature_values(columns, row)),
        )
        for key, (rank, columns, row) in newest.items()
    }


def _price(batch: BarBatch, row: int) -> dict[str, Any]:
    ref = batch.instruments[batch.instrument[row]]

    def known(mantissa: int, exponent: int, price: int) -> str | None:
        return plain(scaled(mantissa, exponent)) if price else None

    bid, ask = int(batch.bid_price[row]), int(batch.ask_price[row])
    return {
        "instrument_id": ref.instrument_id,
        "price": plain(scaled(int(batch.close[row]), ref.price_exponent)),
        "bid_price": known(bid, ref.price_exponent, bid),
        "bid_size": known(int(batch.bid_size[row]), ref.size_exponent, bid),
        "ask_price": known(ask, ref.price_exponent, ask),
        "ask_size": known(int(batch.ask_size[row]), ref.size_exponent, ask),
        "crossed": bool(batch.flags[row] & MARKET_CROSSED),
        "interval_s": int(batch.interval_s[row]),
        "start_ns": int(batch.start_ns[row]),
        "finality": _FINALITY[int(batch.finality[row])],
        "revision": int(batch.revision[row]),
    }


def _feature_values(columns: FeatureColumns, row: int) -> dict[str, Any]:
    ref = columns.instruments[columns.instrument[row]]
    cells = zip(columns.names, columns.values[row].tolist(), columns.states[row].tolist(), strict=True)
    return {
        "instrument_id": ref.instrument_id,
        "interval_s": int(columns.interval_s[row]),
        "start_ns": int(columns.start_ns[row]),
        "bar_revision": int(columns.bar_revision[row]),
        "close": plain(scaled(int(columns.close[row]), ref.price_exponent)),
        "values": {name: value if state == STATE_VALID else None for name, value, state in cells},
    }


def _unavailable(error: Exception) -> Unavailable:
    found = str(error) or type(error).__name__
    return Unavailable(f"Redis did not store: {found}; check that it runs at REDIS_URL")
