"""Keep feature rows in PostgreSQL with the time each was known, and read them as of a time.

What many calls brought goes in one binary COPY into a table of the connection's own, then one statement into its place:
a row of 160 features costs some microseconds of the caller's core, where the driver's own arrays cost 0.4 us a number.
Values come back in the form in which they lie, so that reading them costs a copy.
"""

import struct
from collections.abc import AsyncIterator, Awaitable, Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, Final, TypeVar

import asyncpg
import numpy as np
from numpy.typing import NDArray

from functions.adapters.group_commit import GroupCommit
from functions.adapters.postgres import Pool, port_errors
from functions.domain.features import SCHEMA_BYTES, FeatureKey, FeatureRow, PointInTime, schema_digest
from functions.domain.market import FeatureBatch, FeatureColumns, Int64

T = TypeVar("T", bound=np.generic)

INCOMING: Final = "feature_incoming"
_COLUMNS: Final = (
    "instrument_id",
    "shard",
    "interval_s",
    "start_ns",
    "revision",
    "available_ns",
    "sequence",
    "close",
    "price_exponent",
    "schema_digest",
    "feature_values",
    "states",
)
_STAGE: Final = f"""
CREATE TEMPORARY TABLE IF NOT EXISTS {INCOMING} (LIKE feature_rows INCLUDING STORAGE)
WITH (toast_tuple_target = 8160) ON COMMIT DELETE ROWS
"""
_MERGE: Final = f"""
INSERT INTO feature_rows AS kept ({", ".join(_COLUMNS)})
SELECT DISTINCT ON (instrument_id, interval_s, start_ns, revision) {", ".join(_COLUMNS)} FROM {INCOMING}
ORDER BY instrument_id, interval_s, start_ns, revision, sequence DESC
ON CONFLICT (instrument_id, interval_s, start_ns, revision) DO UPDATE SET
    available_ns = excluded.available_ns, sequence = excluded.sequence, close = excluded.close,
    price_exponent = excluded.price_exponent, shard = excluded.shard, schema_digest = excluded.schema_digest,
    feature_values = excluded.feature_values, states = excluded.states
WHERE excluded.sequence > kept.sequence
"""  # noqa: S608 - built of the constants above alone
_PUT_SCHEMA: Final = "INSERT INTO feature_schemas (digest, names) VALUES ($1, $2) ON CONFLICT DO NOTHING"

# A row is known at or after the end of its bar, so the first bound lets the primary key find where to begin.
_AS_OF: Final = """
SELECT r.start_ns, r.revision, r.available_ns, r.close, r.price_exponent, r.schema_digest,
    array_send(r.feature_values) AS packed, r.states
FROM unnest($1::text[], $2::integer[], $3::bigint[]) WITH ORDINALITY AS p (instrument_id, interval_s, as_of_ns, place)
LEFT JOIN LATERAL (
    SELECT * FROM feature_rows AS one
    WHERE one.instrument_id = p.instrument_id AND one.interval_s = p.interval_s
        AND one.start_ns <= p.as_of_ns - p.interval_s * 1000000000::bigint AND one.available_ns <= p.as_of_ns
    ORDER BY one.start_ns DESC, one.revision DESC
    LIMIT 1
) AS r ON true
ORDER BY p.place
"""
_GET_SCHEMAS: Final = "SELECT digest, names FROM feature_schemas WHERE digest = ANY($1::bytea[])"

SCHEMAS_MAX: Final = 256
HEADS_MAX: Final = 4096

# Binary COPY: PostgreSQL's documentation, "COPY", section "Binary Format"; arrays as `array_recv` reads them.
_COPY_BEGIN: Final = b"PGCOPY\n\xff\r\n\x00" + bytes(8)
_COPY_END: Final = b"\xff\xff"
_FLOAT8: Final = 701
"""OID of float8 in pg_type."""

_ARRAY_HEAD: Final = 20
"""Bytes of an array of one dimension before its elements."""

_CELL: Final = np.dtype([("length", ">i4"), ("value", ">f8")])
_NUMBERS: Final[dict[str, np.dtype[Any]]] = {
    "interval_s": np.dtype(">i4"),
    "start_ns": np.dtype(">i8"),
    "revision": np.dtype(">i4"),
    "available_ns": np.dtype(">i8"),
    "sequence": np.dtype(">i8"),
    "close": np.dtype(">i8"),
    "price_exponent": np.dtype(">i2"),
    "schema_digest": np.dtype((np.void, SCHEMA_BYTES)),
}
"""The columns of fixed length, as `_COLUMNS` orders them behind the texts."""


@dataclass(frozen=True, slots=True, eq=False)
class _Put:
    shard: str
    columns: FeatureColumns
    available_ns: Int64
    sequence: int
    rows: Int64 | None  # those of the columns that are kept; None keeps all

    @property
    def row_count(self) -> int:
        return self.columns.row_count if self.rows is None else len(self.rows)

    def pick(self, column: NDArray[T]) -> NDArray[T]:
        return column if self.rows is None else column[self.rows]


class PostgresFeatures:
    """Keep feature rows in PostgreSQL, and read them as they were known.

    Args:
        pool: Where to write and read; opened on first use, closed by its owner.
        intervals_s: Intervals whose rows are kept, seconds; empty keeps all.
    """

    def __init__(self, pool: Pool, *, intervals_s: tuple[int, ...] = ()) -> None:
        """Open nothing."""
        self._pool = pool
        self._intervals_s = np.array(intervals_s, np.int32)
        self._written: set[bytes] = set()
        self._schemas: dict[bytes, tuple[str, ...]] = {}
        self._group = GroupCommit[_Put](self._write)

    def put(self, batch: FeatureBatch, *, available_ns: Int64, sequence: int) -> Awaitable[None]:
        """Keep rows by (series, start, revision); of two forms of one row the higher sequence stays.

        Raises:
            Unavailable: PostgreSQL did not store them.
            Overloaded: Too many writes wait.
        """
        one = _Put(batch.shard, batch.columns, available_ns, sequence, self._kept(batch.columns))
        return self._group.put(one, rows=one.row_count)

    async def as_of(self, points: Sequence[PointInTime]) -> list[FeatureRow | None]:
        """Give for each point the newest bar's newest revision that was known then; None when nothing was.

        Raises:
            Unavailable: PostgreSQL did not answer.
        """
        if not points:
            return []
        names = [one.key.instrument_id for one in points]
        intervals = [one.key.interval_s for one in points]
        with port_errors():
            pool = await self._pool.get()
            records = await pool.fetch(_AS_OF, names, intervals, [one.as_of_ns for one in points])
            await self._learn(pool, {one["schema_digest"] for one in records if one["schema_digest"] is not None})
        return [self._row(point.key, record) for point, record in zip(points, records, strict=True)]

    async def close(self) -> None:
        """Wait for the writes that have begun; the pool stays open."""
        await self._group.close()

    def _kept(self, columns: FeatureColumns) -> Int64 | None:
        if not self._intervals_s.size:
            return None
        kept: Int64 = np.flatnonzero(np.isin(columns.interval_s, self._intervals_s))
        return kept

    async def _write(self, group: list[_Put]) -> None:
        by_schema: dict[bytes, list[_Put]] = {}
        for one in group:
            by_schema.setdefault(schema_digest(one.columns.names), []).append(one)
        schemas = {digest: puts[0].columns.names for digest, puts in by_schema.items()}
        tuples = (part for digest, puts in by_schema.items() for part in _tuples(digest, puts))
        data = b"".join((_COPY_BEGIN, *tuples, _COPY_END))
        pool = await self._pool.get()
        with port_errors():
            async with pool.acquire() as connection, connection.transaction():
                for digest in schemas.keys() - self._written:
                    await connection.execute(_PUT_SCHEMA, digest, list(schemas[digest]))
                await connection.execute(_STAGE)
                await connection.copy_to_table(INCOMING, source=_source(data), columns=_COLUMNS, format="binary")
                await connection.execute(_MERGE)
        self._written |= schemas.keys()

    async def _learn(self, pool: asyncpg.Pool, digests: set[bytes]) -> None:
        """Look up the names behind digests not met before."""
        unknown = digests - self._schemas.keys()
        if not unknown:
            return
        if len(self._schemas) >= SCHEMAS_MAX:
            self._schemas.clear()
            unknown = digests
        found = await pool.fetch(_GET_SCHEMAS, list(unknown))
        self._schemas |= {one["digest"]: tuple(one["names"]) for one in found}

    def _row(self, key: FeatureKey, record: asyncpg.Record) -> FeatureRow | None:
        if record["start_ns"] is None:
            return None
        return FeatureRow(
            key=key,
            start_ns=record["start_ns"],
            revision=record["revision"],
            available_ns=record["available_ns"],
            close=record["close"],
            price_exponent=record["price_exponent"],
            names=self._schemas[record["schema_digest"]],
            values=np.frombuffer(record["packed"], _CELL, offset=_ARRAY_HEAD)["value"].astype(np.float64),
            states=np.frombuffer(record["states"], np.uint8),
        )


async def _source(data: bytes) -> AsyncIterator[bytes]:
    """Give bytes as the driver wants them; a file object of them would be read in a thread."""
    yield data


def _tuples(digest: bytes, puts: list[_Put]) -> Iterator[bytes]:
    """Write rows of one schema as tuples of a binary COPY; all but the texts at their head is laid out at once."""
    block = _fixed(digest, puts)
    data, size = block.tobytes(), block.itemsize
    row = 0
    for one in puts:
        heads: dict[int, bytes] = {}
        for index in one.pick(one.columns.instrument).tolist():
            if index not in heads:
                heads[index] = _head(one.columns.instruments[index].instrument_id, one.shard)
            yield heads[index]
            yield data[row * size : (row + 1) * size]
            row += 1


@lru_cache(maxsize=HEADS_MAX)
def _head(instrument_id: str, shard: str) -> bytes:
    """Write the head of a tuple: how many columns it has, and the texts, each behind its length."""
    texts = (instrument_id.encode(), shard.encode())
    return struct.pack(">h", len(_COLUMNS)) + b"".join(struct.pack(">i", len(text)) + text for text in texts)


def _fixed(digest: bytes, puts: list[_Put]) -> NDArray[np.void]:
    """Lay out the columns of fixed length, each behind its length."""
    count = len(puts[0].columns.names)
    counts = [one.row_count for one in puts]

    def together(name: str) -> NDArray[Any]:
        return np.concatenate([one.pick(getattr(one.columns, name)) for one in puts])

    exponents = [one.columns.instruments[at].price_exponent for one in puts for at in one.pick(one.columns.instrument)]
    numbers = {
        "interval_s": together("interval_s"),
        "start_ns": together("start_ns"),
        "revision": together("bar_revision"),
        "available_ns": np.concatenate([one.pick(one.available_ns) for one in puts]),
        "sequence": np.repeat([one.sequence for one in puts], counts),
        "close": together("close"),
        "price_exponent": exponents,
        "schema_digest": np.void(digest),
    }
    block = np.zeros(sum(counts), _layout(count))
    for name, values in numbers.items():
        block[f"{name} length"] = _NUMBERS[name].itemsize
        block[name] = values
    block["array length"] = _ARRAY_HEAD + count * _CELL.itemsize
    block["array"] = (1, 0, _FLOAT8, count, 1)  # dimensions, no nulls, of float8, so many, counted from 1
    block["cells"]["length"] = 8
    block["cells"]["value"] = together("values")
    block["states length"] = count
    block["states"] = together("states")
    return block


@lru_cache(maxsize=SCHEMAS_MAX)
def _layout(count: int) -> np.dtype[np.void]:
    """Give the layout of a row of so many features, but for its texts."""
    fields: list[tuple[Any, ...]] = []
    for name, kind in _NUMBERS.items():
        fields += [(f"{name} length", ">i4"), (name, kind)]
    fields += [("array length", ">i4"), ("array", ">i4", (5,)), ("cells", _CELL, (count,))]
    fields += [("states length", ">i4"), ("states", "u1", (count,))]
    return np.dtype(fields)
