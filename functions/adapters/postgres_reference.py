"""Keep instruments in PostgreSQL, every form of them by version, so that an earlier version can be read again.

A version is called by its number and a digest of all that was written up to it: two stores that were loaded alike call
it the same, and a cache that outlives its store mistakes none for another.
"""

import hashlib
from collections.abc import Callable, Iterable, Sequence
from functools import lru_cache
from typing import Final, TypeAlias

import asyncpg

from functions.adapters.postgres import Pool, port_errors
from functions.domain.loads import Changes, Update, take_in
from functions.domain.reference import Instrument, Status, with_status
from functions.ports.errors import Unavailable
from functions.ports.reference import Snapshot
from functions.wire.codecs.reference import decode_instrument, encode_instrument
from functions.wire.errors import Malformed

LOCK: Final = 0x7469636B72656673
"""Advisory lock key: the ASCII bytes of `tickrefs`; one load works at a time, so versions have no holes."""

EMPTY: Final = "0"
"""Version of a store into which nothing was ever loaded."""

DIGEST_CHARS: Final = 16

RECORDS_MAX: Final = 20_000
"""Records remembered once read; the largest venue we know lists about 11,000 US shares."""

_VERSION: Final = """
SELECT version, version || '-' || digest AS name FROM reference_versions
WHERE $1 = 0 OR version <= $1 ORDER BY version DESC LIMIT 1
"""
_AT: Final = "i.version_from <= v.version AND (i.version_to IS NULL OR i.version_to > v.version)"
_LOOK_UP: Final = f"""
SELECT v.name, i.record FROM ({_VERSION}) AS v
LEFT JOIN instruments i ON i.instrument_id = ANY ($2::text[]) AND {_AT}
"""  # noqa: S608 - constants of ours, no input
_LISTED: Final = f"""
SELECT i.record FROM ({_VERSION}) AS v JOIN instruments i ON i.venue = $2 AND {_AT} ORDER BY i.instrument_id
"""  # noqa: S608 - as above
_TODAY: Final = """
SELECT record FROM instruments
WHERE version_to IS NULL AND (venue = ANY ($1::text[]) OR instrument_id = ANY ($2::text[]))
"""
_LAST: Final = "SELECT version, digest FROM reference_versions ORDER BY version DESC LIMIT 1"
_NEW_VERSION: Final = """
INSERT INTO reference_versions (version, source, at_ns, written, digest) VALUES ($1, $2, $3, $4, $5)
"""
_CLOSE: Final = "UPDATE instruments SET version_to = $1 WHERE version_to IS NULL AND instrument_id = ANY ($2::text[])"
_COLUMNS: Final = (
    "instrument_id",
    "version_from",
    "venue",
    "venue_symbol",
    "asset_class",
    "quote_currency",
    "tick_size",
    "lot_size",
    "sector",
    "market_cap",
    "market_cap_as_of_ns",
    "calendar",
    "listed_from_ns",
    "listed_to_ns",
    "restricted",
    "record",
)

_Connection: TypeAlias = asyncpg.pool.PoolConnectionProxy
_Work: TypeAlias = Callable[[dict[str, Instrument]], Sequence[Instrument]]


class PostgresReference:
    """Know what was loaded into PostgreSQL.

    Args:
        pool: Where it lies; opened on first use, closed by its owner.
        at_version: Version that answers, for a replay of what was said then; 0 takes the newest.
    """

    def __init__(self, pool: Pool, *, at_version: int = 0) -> None:
        """Open nothing."""
        self._pool = pool
        self._at = at_version

    async def version(self) -> str:
        """Name the version that answers.

        Raises:
            Unavailable: PostgreSQL did not answer.
        """
        with port_errors():
            row = await (await self._pool.get()).fetchrow(_VERSION, self._at)
        return EMPTY if row is None else str(row["name"])

    async def look_up(self, ids: Sequence[str]) -> Snapshot:
        """Give what is known about instruments, read by one statement and so of one version.

        Raises:
            Unavailable: PostgreSQL did not answer.
        """
        with port_errors():
            rows = await (await self._pool.get()).fetch(_LOOK_UP, self._at, list(ids))
        known = _by_id(row for row in rows if row["record"] is not None)
        return Snapshot(str(rows[0]["name"]) if rows else EMPTY, known)

    async def listed(self, venue: str) -> tuple[Instrument, ...]:
        """Give every instrument of a venue, ordered by id.

        Raises:
            Unavailable: PostgreSQL did not answer.
        """
        with port_errors():
            rows = await (await self._pool.get()).fetch(_LISTED, self._at, venue)
        return tuple(_read(row["record"]) for row in rows)

    async def venues(self) -> tuple[str, ...]:
        """Name every venue of which an instrument is known, in order.

        Raises:
            Unavailable: PostgreSQL did not answer.
        """
        with port_errors():
            rows = await (await self._pool.get()).fetch("SELECT DISTINCT venue FROM instruments ORDER BY venue")
        return tuple(row["venue"] for row in rows)

    async def take_in(self, updates: Sequence[Update], *, at_ns: int, source: str) -> Changes:
        """Take in records of one time, in one transaction; a load that changes nothing makes no version.

        Raises:
            Unavailable: PostgreSQL did not store them.
        """
        changes = Changes()

        def work(known: dict[str, Instrument]) -> Sequence[Instrument]:
            nonlocal changes
            changes = take_in(known, updates, at_ns=at_ns)
            return changes.written

        venues = sorted({one.instrument.venue for one in updates})
        await self._change(work, venues=venues, ids=[], at_ns=at_ns, source=source)
        return changes

    async def set_status(self, instrument_id: str, status: Status) -> Instrument | None:
        """Say what an instrument may do from a time on; None when it is not known.

        Raises:
            Unavailable: PostgreSQL did not store it.
        """
        changed: Instrument | None = None

        def work(known: dict[str, Instrument]) -> Sequence[Instrument]:
            nonlocal changed
            if instrument_id not in known:
                return ()
            changed = with_status(known[instrument_id], status)
            return () if changed == known[instrument_id] else (changed,)

        source = f"status {status.status.name}"
        await self._change(work, venues=[], ids=[instrument_id], at_ns=status.from_ns, source=source)
        return changed

    async def _change(self, work: _Work, *, venues: list[str], ids: list[str], at_ns: int, source: str) -> None:
        """Read what is known today, work out what changes, and write it as one version."""
        pool = await self._pool.get()
        with port_errors():
            async with pool.acquire() as connection, connection.transaction():
                await connection.execute("SELECT pg_advisory_xact_lock($1)", LOCK)
                written = work(_by_id(await connection.fetch(_TODAY, venues, ids)))
                if written:
                    await _write(connection, written, at_ns=at_ns, source=source)


async def _write(connection: _Connection, written: Sequence[Instrument], *, at_ns: int, source: str) -> None:
    last = await connection.fetchrow(_LAST)
    version, before = (0, "") if last is None else (last["version"], last["digest"])
    records = [_row(one, version + 1) for one in written]
    content = hashlib.sha256(b"\x00".join((before.encode(), *(encode_instrument(one) for one in written))))
    name = content.hexdigest()[:DIGEST_CHARS]
    await connection.execute(_NEW_VERSION, version + 1, source, at_ns, len(written), name)
    await connection.execute(_CLOSE, version + 1, [one.instrument_id for one in written])
    await connection.copy_records_to_table("instruments", records=records, columns=_COLUMNS)


def _row(one: Instrument, version: int) -> tuple[object, ...]:
    steps = one.steps[-1]
    return (
        one.instrument_id,
        version,
        one.venue,
        one.venue_symbol,
        one.asset_class.name.lower(),
        one.quote_currency,
        steps.tick_size,
        steps.lot_size,
        one.sector,
        one.market_cap,
        one.market_cap_as_of_ns,
        one.calendar,
        one.listed_from_ns,
        one.listed_to_ns,
        one.restricted,
        encode_instrument(one),
    )


def _by_id(rows: Iterable[asyncpg.Record]) -> dict[str, Instrument]:
    found = (_read(row["record"]) for row in rows)
    return {one.instrument_id: one for one in found}


@lru_cache(maxsize=RECORDS_MAX)
def _read(record: bytes) -> Instrument:
    """Read a record, the same one once: a new version changes few of a venue's.

    Raises:
        Unavailable: This release cannot read what another one wrote; the event that asks is not to blame for it.
    """
    try:
        return decode_instrument(record)
    except Malformed as error:
        message = f"PostgreSQL holds a record that this release cannot read ({error}); load it again, or update"
        raise Unavailable(message) from error
