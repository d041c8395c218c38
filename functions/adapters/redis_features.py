"""Keep the newest features of each series in Redis for a short time, and say which series move.

`features:row:<interval_s>:<instrument>` holds `rank`, digits of fixed width whose text order is the order of knowledge,
then a packed row that names its columns by a digest; `features:schema:<digest>` holds the names. `features:moves` is a
stream of the series that moved, `features:known` the set of those that may have a row.

A row is served until its time to live has passed since the next bar was due. It is kept an hour longer, so that readers
can be told that it expired rather than that there never was one.
"""

import hashlib
import struct
from collections.abc import Awaitable, Iterable, Sequence
from dataclasses import dataclass
from typing import Any, Final, TypeAlias

import numpy as np
from redis.exceptions import NoScriptError, ResponseError

from functions.adapters.group_commit import GroupCommit
from functions.adapters.redis_server import connect, port_errors
from functions.domain.features import SCHEMA_BYTES, FeatureKey, FeatureRow, Latest, Presence, schema_digest
from functions.domain.market import FeatureBatch, FeatureColumns, Int64
from functions.ports.features import Moves

TTL_MS: Final = 5000
"""Features are served for 1 to 5 s after the next were due (requirements A14)."""

EXPIRED_KEPT_MS: Final = 3_600_000
MOVES_KEPT: Final = 10_000
"""Entries of the stream of moves: at one write every 50 ms, the last 8 minutes."""

ENTRIES_MAX: Final = 512
"""Entries of the stream that are read at once."""

SCHEMAS_MAX: Final = 256
START: Final = "0-0"
"""Cursor before the first move."""

_ROW: Final = "features:row:"
_SCHEMA: Final = "features:schema:"
_MOVES: Final = "features:moves"
_KNOWN: Final = "features:known"
_RANK: Final = 30
_HEAD: Final = struct.Struct(f"<{SCHEMA_BYTES}sqqh")  # schema, available_ns, close, price exponent

_PUT: Final = f"""
local schemas = tonumber(ARGV[2])
for i = 3, 2 + schemas do
  if redis.call('EXISTS', KEYS[i]) == 0 then return -1 end
end
local moved = {{}}
for i = 3 + schemas, #KEYS do
  local at = 2 * (i - 2 - schemas) + 1
  local value = ARGV[at]
  if redis.call('GETRANGE', KEYS[i], 0, {_RANK - 1}) < string.sub(value, 1, {_RANK}) then
    redis.call('SET', KEYS[i], value, 'PX', ARGV[at + 1])
    moved[#moved + 1] = string.sub(KEYS[i], {len(_ROW) + 1})
  end
end
if #moved > 0 then
  redis.call('XADD', KEYS[1], 'MAXLEN', '~', ARGV[1], '*', 'keys', table.concat(moved, '\\n'))
  for _, name in ipairs(moved) do redis.call('SADD', KEYS[2], name) end
end
return #moved
"""
_GET: Final = """
local found = {}
for i = 1, #KEYS do
  found[i] = {redis.call('GET', KEYS[i]), redis.call('PTTL', KEYS[i])}
end
return found
"""
_LIST: Final = f"""
local found = redis.call('SMEMBERS', KEYS[1])
local kept = {{}}
for _, name in ipairs(found) do
  if redis.call('EXISTS', '{_ROW}' .. name) == 1 then kept[#kept + 1] = name else redis.call('SREM', KEYS[1], name) end
end
return kept
"""
_Newest: TypeAlias = dict[FeatureKey, tuple[tuple[int, int], FeatureColumns, int, int]]
"""By series: (start, revision), and where the row stands: its columns, its place, and when it was known."""


@dataclass(frozen=True, slots=True, eq=False)
class _Put:
    columns: FeatureColumns
    available_ns: Int64


class RedisFeatures:
    """Move series forward in Redis, and read them; writes that come together share one script call.

    Args:
        url: `redis://host:port/db`; connects on first use.
        ttl_ms: Milliseconds a row is served after the next one was due.
        moves_kept: About how many entries of the stream of moves are kept.
    """

    def __init__(self, url: str, *, ttl_ms: int = TTL_MS, moves_kept: int = MOVES_KEPT) -> None:
        """Open nothing."""
        self._redis = connect(url)
        self._ttl_ms = ttl_ms
        self._moves_kept = moves_kept
        self._schemas: dict[bytes, tuple[str, ...]] = {}
        self._group = GroupCommit[_Put](self._write)

    def put(self, batch: FeatureBatch, *, available_ns: Int64) -> Awaitable[None]:
        """Move series forward.

        Raises:
            Unavailable: Redis did not store it.
            Overloaded: Too many writes wait.
        """
        return self._group.put(_Put(batch.columns, available_ns), rows=batch.columns.row_count)

    async def latest(self, keys: Sequence[FeatureKey]) -> list[Latest]:
        """Say what there is, in the order of the keys.

        Raises:
            Unavailable: Redis did not answer.
        """
        if not keys:
            return []
        with port_errors("answer"):
            found = await self._call(_GET, [_ROW + _name(key) for key in keys], [])
            await self._learn({value[_RANK : _RANK + SCHEMA_BYTES] for value, _ in found if value})
        return [self._latest(key, value, left) for key, (value, left) in zip(keys, found, strict=True)]

    async def head(self) -> str:
        """Give the cursor behind the newest move."""
        return (await self._bounds())[1]

    async def covers(self, cursor: str) -> bool:
        """Tell whether every move behind a cursor is still there."""
        oldest, newest = await self._bounds()
        return _order(oldest) <= _order(cursor) <= _order(newest)

    async def moves(self, cursor: str, *, wait_ms: int) -> Moves:
        """Give moves behind a cursor; with none, wait up to so long for the first.

        Raises:
            Unavailable: Redis did not answer.
        """
        with port_errors("answer"):
            found: Any = await self._redis.xread({_MOVES: cursor}, count=ENTRIES_MAX, block=max(wait_ms, 1))
        entries = _entries(found)
        keys = tuple(_key(name) for _, fields in entries for name in fields[b"keys"].decode().split("\n"))
        return Moves(keys, entries[-1][0].decode() if entries else cursor)

    async def known(self) -> tuple[FeatureKey, ...]:
        """Give every series that may have a row, ordered; those whose row is forgotten leave the list.

        Raises:
            Unavailable: Redis did not answer.
        """
        with port_errors("answer"):
            found = await self._call(_LIST, [_KNOWN], [])
        return tuple(sorted(_key(name.decode()) for name in found))

    async def close(self) -> None:
        """Wait for the writes that have begun, and close the connections."""
        await self._group.close()
        await self._redis.aclose()

    # --- writing

    async def _write(self, group: list[_Put]) -> None:
        newest = _newest(group)
        names = {schema_digest(one.columns.names): one.columns.names for one in group}
        schemas = {_SCHEMA + digest.hex(): "\n".join(one) for digest, one in names.items()}
        arguments: list[str | bytes | int] = [self._moves_kept, len(schemas)]
        for key, (rank, columns, row, available_ns) in newest.items():
            arguments += (_packed(rank, columns, row, available_ns), self._kept_ms(key))
        keys = [_MOVES, _KNOWN, *schemas, *(_ROW + _name(key) for key in newest)]
        with port_errors("store"):
            if await self._call(_PUT, keys, arguments) < 0:  # a store that was emptied, or a new release
                await self._redis.mset(schemas)
                await self._call(_PUT, keys, arguments)

    def _kept_ms(self, key: FeatureKey) -> int:
        return key.interval_s * 1000 + self._ttl_ms + EXPIRED_KEPT_MS

    # --- reading

    def _latest(self, key: FeatureKey, value: bytes | None, left_ms: int) -> Latest:
        names = self._schemas.get(value[_RANK : _RANK + SCHEMA_BYTES]) if value else None
        if value is None or names is None:
            return Latest(Presence.MISSING)
        if left_ms <= EXPIRED_KEPT_MS:
            return Latest(Presence.EXPIRED)
        return Latest(Presence.FOUND, _unpacked(key, value, names))

    async def _learn(self, digests: set[bytes]) -> None:
        """Look up the names behind digests not met before."""
        unknown = sorted(digests - self._schemas.keys())
        if not unknown:
            return
        if len(self._schemas) >= SCHEMAS_MAX:
            self._schemas.clear()
            unknown = sorted(digests)
        found: Any = await self._redis.mget([_SCHEMA + digest.hex() for digest in unknown])
        self._schemas |= {
            digest: tuple(text.decode().split("\n")) if text else ()
            for digest, text in zip(unknown, found, strict=True)
            if text is not None
        }

    async def _bounds(self) -> tuple[str, str]:
        """Give the least cursor whose moves are all kept, as far as the server tells, and the one behind the newest."""
        with port_errors("answer"):
            try:
                found: Any = await self._redis.xinfo_stream(_MOVES)
            except ResponseError as error:
                if "no such key" in str(error):
                    return START, START
                raise
        newest = found["last-generated-id"].decode()
        if found["length"] == found["entries-added"]:
            return START, newest
        return found["first-entry"][0].decode() if found["length"] else newest, newest

    async def _call(self, script: str, keys: Sequence[str], arguments: Sequence[str | bytes | int]) -> Any:  # noqa: ANN401 - what a script gives
        name = hashlib.sha1(script.encode(), usedforsecurity=False).hexdigest()
        try:
            return await self._redis.evalsha(name, len(keys), *keys, *arguments)
        except NoScriptError:  # a server that has just started
            return await self._redis.eval(script, len(keys), *keys, *arguments)


def _newest(group: Iterable[_Put]) -> _Newest:
    """Pick the newest row of each series; later start, then revision, wins."""
    newest: dict[tuple[str, int], tuple[tuple[int, int], FeatureColumns, int, int]] = {}
    for one in group:
        columns = one.columns
        of = (columns.instrument, columns.interval_s, columns.start_ns, columns.bar_revision, one.available_ns)
        rows = zip(*(column.tolist() for column in of), strict=True)
        for row, (index, interval_s, start_ns, revision, available_ns) in enumerate(rows):
            key = (columns.instruments[index].instrument_id, interval_s)
            if key not in newest or (start_ns, revision) > newest[key][0]:
                newest[key] = ((start_ns, revision), columns, row, available_ns)
    return {FeatureKey(*key): found for key, found in newest.items()}


def _packed(rank: tuple[int, int], columns: FeatureColumns, row: int, available_ns: int) -> bytes:
    exponent = columns.instruments[columns.instrument[row]].price_exponent
    head = _HEAD.pack(schema_digest(columns.names), available_ns, int(columns.close[row]), exponent)
    values = columns.values[row].astype("<f8", copy=False).tobytes()
    return b"".join((b"%020d%010d" % rank, head, values, columns.states[row].tobytes()))


def _unpacked(key: FeatureKey, value: bytes, names: tuple[str, ...]) -> FeatureRow:
    _, available_ns, close, exponent = _HEAD.unpack_from(value, _RANK)
    at, count = _RANK + _HEAD.size, len(names)
    return FeatureRow(
        key=key,
        start_ns=int(value[:20]),
        revision=int(value[20:_RANK]),
        available_ns=available_ns,
        close=close,
        price_exponent=exponent,
        names=names,
        values=np.frombuffer(value, "<f8", count, at),
        states=np.frombuffer(value, np.uint8, count, at + 8 * count),
    )


def _name(key: FeatureKey) -> str:
    return f"{key.interval_s}:{key.instrument_id}"


def _key(name: str) -> FeatureKey:
    interval_s, _, instrument_id = name.partition(":")
    return FeatureKey(instrument_id, int(interval_s))


def _order(cursor: str) -> tuple[int, int]:
    """Give the place of a cursor.

    >>> _order("17-2") < _order("100-0")
    True
    """
    time_ms, _, number = cursor.partition("-")
    return int(time_ms), int(number)


def _entries(found: Any) -> list[tuple[bytes, dict[bytes, bytes]]]:  # noqa: ANN401 - two shapes, by protocol version
    """Take the stream's entries from an answer; none where nothing came in time."""
    if not found:
        return []
    if isinstance(found, dict):
        (entries,) = found[_MOVES.encode()]
        return list(entries)
    return list(found[0][1])
