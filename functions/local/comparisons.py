"""Compare what a shadow said and wrote with what was said and written live: by id, then by content."""

import hashlib
import pathlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Final

import asyncpg

from functions.local.backups import read_log
from functions.local.kept import Kept
from functions.local.rewinds import Hearer, Shadow
from functions.wire.envelope import Event

NAMED_MAX: Final = 20
"""Names that a comparison tells of each kind."""

PAGE_ROWS: Final = 1_000
OWN: Final = ("redriven",)
"""Columns that people move and no event does."""

_KEYS: Final = """
SELECT array_agg(a.attname::text ORDER BY array_position(i.indkey::int[], a.attnum::int))
FROM pg_index i JOIN pg_attribute a ON a.attrelid = i.indrelid AND a.attnum = ANY (i.indkey)
WHERE i.indisprimary AND i.indrelid = $1::regclass
"""
_CLOCKS: Final = """
SELECT coalesce(array_agg(column_name::text), '{}') FROM information_schema.columns
WHERE table_schema = current_schema() AND table_name = $1 AND column_default LIKE '%now()%'
"""


@dataclass(frozen=True, slots=True)
class Compared:
    """Say how one stream of events, or the rows of one table, compare.

    Attributes:
        what: `events`, or a table's name.
        same: How many are equal.
        differing: Ids that both have, with other contents.
        missing: Ids that the shadow has and live has not.
        gone: Ids that live has and the shadow has not; rows that are older than the rewind cannot be told from these.
    """

    what: str
    same: int
    differing: tuple[str, ...] = ()
    missing: tuple[str, ...] = ()
    gone: tuple[str, ...] = ()

    @property
    def equal(self) -> bool:
        """Tell whether nothing differs."""
        return not (self.differing or self.missing or self.gone)


def compare_events(who: Hearer, kept: Kept, shadow: Shadow) -> Compared:
    """Compare what the shadow said with what was said live of the same causes."""
    made = _digests(one.event for one in read_log(_said(who, shadow)))
    live = _digests(
        one.event
        for one in kept.records(who.broker, since_ns=shadow.since_ns)
        if one.event.source.startswith(who.source) and one.event.extensions.get("causationid") in shadow.heard
    )
    return _compared("events", made, live, gone=True)


def said(who: Hearer, shadow: Shadow, ids: Sequence[str]) -> tuple[Event, ...]:
    """Read some of the events that the shadow said, in its order."""
    wanted = set(ids)
    return tuple(one.event for one in read_log(_said(who, shadow)) if one.event.id in wanted)


async def compare_rows(who: Hearer, shadow: Shadow, live_url: str) -> tuple[Compared, ...]:
    """Compare the rows of each table that the function wrote in the shadow with the live rows of the same keys."""
    if not (who.writes and shadow.database_url):
        return ()
    ours = await asyncpg.connect(shadow.database_url)
    theirs = await asyncpg.connect(live_url)
    try:
        found = []
        for table in who.writes:
            made = await _rows(ours, table)
            if made:
                found.append(_compared(table, made, await _rows(theirs, table, only=made), gone=False))
        return tuple(found)
    finally:
        await ours.close()
        await theirs.close()


def _said(who: Hearer, shadow: Shadow) -> pathlib.Path:
    return shadow.folder / "log" / f"{who.broker}.sqlite"


def _digests(events: Iterator[Event]) -> dict[str, str]:
    """Digest each event once, without what traces and clocks put on it."""
    found: dict[str, str] = {}
    for event in events:
        had = event.extensions
        facts = (
            *(event.source, event.type, event.time_ns, event.subject),
            *(had.get(name) for name in ("sequence", "partitionkey", "causationid")),
            event.data,
        )
        found.setdefault(event.id, hashlib.sha256(repr(facts).encode()).hexdigest())
    return found


async def _rows(
    connection: "asyncpg.Connection[asyncpg.Record]", table: str, *, only: dict[str, str] | None = None
) -> dict[str, str]:
    keys = await connection.fetchval(_KEYS, table)
    clocks = [*(await connection.fetchval(_CLOCKS, table)), *OWN]
    key = ", ".join(f't."{name}"' for name in keys)
    query = f"SELECT jsonb_build_array({key})::text, md5((to_jsonb(t) - $1::text[])::text) FROM {table} t"  # noqa: S608 - names from `WRITES` and the catalogue
    async with connection.transaction(readonly=True):
        rows = connection.cursor(query, clocks, prefetch=PAGE_ROWS)
        return {name: digest async for name, digest in rows if only is None or name in only}


def _compared(what: str, made: dict[str, str], live: dict[str, str], *, gone: bool) -> Compared:
    return Compared(
        what,
        same=sum(live.get(name) == digest for name, digest in made.items()),
        differing=tuple(name for name, digest in made.items() if live.get(name, digest) != digest),
        missing=tuple(name for name in made if name not in live),
        gone=tuple(name for name in live if name not in made) if gone else (),
    )
