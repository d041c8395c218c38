"""Keep the newest price of each instrument and the newest figures of each pair in Redis; keys move forward only.

A key is a hash of two fields: `rank`, digits of fixed width whose text order is the order of knowledge, and `value`,
one JSON document. `latest:price:<instrument>` and `latest:pair:<instrument a>~<instrument b>:<interval_s>`; features
have a store of their own (`redis_features`).
"""

import hashlib
from collections.abc import Awaitable, Iterable
from typing import Any, Final, TypeAlias

import msgspec
from redis.exceptions import NoScriptError

from functions.adapters.group_commit import GroupCommit
from functions.adapters.postgres_pairs import row_of
from functions.adapters.redis_server import connect, port_errors
from functions.domain.market import BAR_FINAL, BAR_OPEN, BAR_PROVISIONAL, BAR_REVISED, MARKET_CROSSED, BarBatch
from functions.domain.money import plain, scaled
from functions.domain.pairs.batch import PairBatch

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


class RedisLatest:
    """Move latest keys forward in Redis; calls that come together share one script call.

    Args:
        url: `redis://host:port/db`; connects on first use.
        ttl_s: Seconds after which a key that no longer moves is forgotten; 0 keeps it.
    """

    def __init__(self, url: str, *, ttl_s: int = 0) -> None:
        """Open nothing."""
        self._redis = connect(url)
        self._ttl = str(ttl_s)
        self._group = GroupCommit[BarBatch](self._write)
        self._pairs = GroupCommit[PairBatch](self._write_pairs)

    def put_bars(self, batch: BarBatch) -> Awaitable[None]:
        """Move the latest price of each instrument forward.

        Raises:
            Unavailable: Redis did not store it.
            Overloaded: Too many writes wait.
        """
        return self._group.put(batch, rows=len(batch.start_ns))

    def put_pairs(self, batch: PairBatch) -> Awaitable[None]:
        """Move the latest figures of each pair and interval forward.

        Raises:
            Unavailable: Redis did not store them.
            Overloaded: Too many writes wait.
        """
        return self._pairs.put(batch, rows=batch.row_count)

    async def close(self) -> None:
        """Wait for the writes that have begun, and close the connections."""
        await self._group.close()
        await self._pairs.close()
        await self._redis.aclose()

    async def _write(self, group: list[BarBatch]) -> None:
        await self._move(newest_prices(group))

    async def _write_pairs(self, group: list[PairBatch]) -> None:
        await self._move(newest_pairs(group))

    async def _move(self, newest: Newest) -> None:
        arguments: list[str | bytes] = [self._ttl]
        for rank, value in newest.values():
            arguments += (rank, value)
        with port_errors("store"):
            try:
                await self._redis.evalsha(_SHA, len(newest), *newest, *arguments)
            except NoScriptError:  # a server that has just started
                await self._redis.eval(_MOVE_FORWARD, len(newest), *newest, *arguments)


def newest_prices(batches: Iterable[BarBatch]) -> Newest:
    """Give the newest close of each instrument as it is stored; later bar start, finality, revision, interval win.

    A bar whose trades may set no close leaves the price as it is; a revision that took the close away says null.
    """
    newest: dict[str, tuple[tuple[int, int, int, int], BarBatch, int]] = {}
    for batch in batches:
        columns = (batch.instrument, batch.start_ns, batch.finality, batch.revision, batch.interval_s, batch.close)
        rows = zip(*(column.tolist() for column in columns), strict=True)
        for row, (index, start_ns, finality, revision, interval_s, close) in enumerate(rows):
            if not close and finality != BAR_REVISED:
                continue
            key = batch.instruments[index].instrument_id
            rank = (start_ns, _FINALITY_RANK[finality], revision, interval_s)
            if key not in newest or rank >= newest[key][0]:
                newest[key] = (rank, batch, row)
    return {
        f"latest:price:{key}": ("{:020d}{:d}{:010d}{:010d}".format(*rank), msgspec.json.encode(_price(batch, row)))
        for key, (rank, batch, row) in newest.items()
    }


def newest_pairs(batches: Iterable[PairBatch]) -> Newest:
    """Give the newest figures of each pair and interval as they are stored; a later start wins."""
    newest: dict[str, tuple[int, PairBatch, int]] = {}
    for batch in batches:
        columns = (batch.start_ns, batch.interval_s, batch.instrument_a, batch.instrument_b)
        rows = zip(*(column.tolist() for column in columns), strict=True)
        for row, (start_ns, interval_s, a, b) in enumerate(rows):
            key = f"{batch.instruments[a].instrument_id}~{batch.instruments[b].instrument_id}:{interval_s}"
            if key not in newest or start_ns >= newest[key][0]:
                newest[key] = (start_ns, batch, row)
    return {
        f"latest:pair:{key}": (f"{start_ns:020d}", msgspec.json.encode(row_of(batch, row)))
        for key, (start_ns, batch, row) in newest.items()
    }


def _price(batch: BarBatch, row: int) -> dict[str, Any]:
    ref = batch.instruments[batch.instrument[row]]

    def known(mantissa: int, exponent: int, price: int) -> str | None:
        return plain(scaled(mantissa, exponent)) if price else None

    bid, ask, close = int(batch.bid_price[row]), int(batch.ask_price[row]), int(batch.close[row])
    return {
        "instrument_id": ref.instrument_id,
        "price": known(close, ref.price_exponent, close),
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
