"""Write all rows of PostgreSQL down and load them again: COPY in text form, in one snapshot, without any program.

`pg_dump` refuses servers newer than itself, is not in our image, and writes a schema of its own; here the schema is
what the numbered migrations make, so a dump is rows and the numbers of the steps they were written under. Text form
reads the same in every version of PostgreSQL and with plain `psql`; floats are written in their shortest exact form.

DumpError    rows cannot be loaded here; the message says why and what to do
"""

import contextlib
from collections.abc import AsyncIterator, Callable, Iterable
from contextlib import AbstractContextManager
from typing import BinaryIO, Final, TypeAlias

import asyncpg

from functions.adapters.addresses import unsaid
from functions.adapters.postgres import CONNECT_TIMEOUT_S, Migration, migrate, migrations, open_pool, port_errors
from functions.local.archive import StoresPart, TablePart

FILE: Final = "stores/{}.gz"
STEPS: Final = "schema_migrations"
TABLES_MAX: Final = 1_000

Opened: TypeAlias = Callable[[str], AbstractContextManager[BinaryIO]]
"""Open a file of the archive by its name."""

_TABLES: Final = """
SELECT c.relname, array_agg(a.attname::text ORDER BY a.attnum) FROM pg_class c
JOIN pg_attribute a ON a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped AND a.attgenerated = ''
WHERE c.relkind = 'r' AND c.relnamespace = current_schema()::regnamespace GROUP BY c.relname ORDER BY c.relname
"""
_REFERENCES: Final = """
SELECT conrelid::regclass::text, confrelid::regclass::text FROM pg_constraint
WHERE contype = 'f' AND connamespace = current_schema()::regnamespace AND conrelid <> confrelid
"""
_SEQUENCES: Final = "SELECT sequencename::text FROM pg_sequences WHERE schemaname = current_schema()"


class DumpError(Exception):
    """Rows cannot be loaded here; the message says why and what to do."""


async def dump(url: str, file: Opened) -> StoresPart:
    """Write every table of the database's schema into files, all as they were at one moment.

    Args:
        url: The database.
        file: Opens a file to write to.

    Raises:
        DumpError: The database has no schema of ours.
        Unavailable: PostgreSQL cannot be reached.
    """
    async with _connected(url) as connection, connection.transaction(isolation="repeatable_read", readonly=True):
        columns = await _columns(connection)
        if STEPS not in columns:
            msg = "the database has no tables of ours; check DATABASE_URL"
            raise DumpError(msg)
        parts = {}
        for table in await _order(connection, columns):
            name = FILE.format(table)
            with file(name) as out:
                told = await connection.copy_from_table(table, columns=columns[table], output=out)
            parts[table] = TablePart(name, tuple(columns[table]), int(told.rsplit(" ", 1)[1]))
        return StoresPart(await _applied(connection), parts, await _sequences(connection))


async def load(url: str, part: StoresPart, file: Opened, *, replace: bool = False) -> None:
    """Bring an empty database to the dump's step of the schema, load all rows at once, then take the later steps.

    Args:
        url: The database.
        part: What the dump holds.
        file: Opens a file to read from.
        replace: Rows that are there are dropped; without, a database that has some is refused.

    Raises:
        DumpError: This release cannot read the dump, or the database is not one to load it into.
        Unavailable: PostgreSQL cannot be reached.
    """
    steps = known_steps(part)
    await check_target(url, part, replace=replace)
    pool = await open_pool(url)
    try:
        await migrate(pool, steps)
        async with _connected(url) as connection, connection.transaction():
            await _fill(connection, part, file)
        await migrate(pool)
    finally:
        await pool.close()


def known_steps(part: StoresPart) -> tuple[Migration, ...]:
    """Give the steps of the schema under which a dump's rows were written.

    Raises:
        DumpError: This release does not know one of them, or knows it otherwise.
    """
    steps = {step.number: step for step in migrations()}
    unknown = [
        number for number, digest in part.migrations.items() if getattr(steps.get(number), "sha256", "") != digest
    ]
    if unknown:
        msg = (
            f"the backup's schema took step {unknown[0]:04}, which this release knows otherwise or not; use its release"
        )
        raise DumpError(msg)
    return tuple(steps[number] for number in sorted(part.migrations))


async def check_target(url: str, part: StoresPart, *, replace: bool = False) -> None:
    """See that a dump can be loaded into a database; nothing is changed there.

    Raises:
        DumpError: It holds rows, tables of somebody else, or a schema at another step.
        Unavailable: PostgreSQL cannot be reached.
    """
    async with _connected(url) as connection:
        await _check_target(connection, part, replace=replace)


async def _check_target(connection: "asyncpg.Connection[asyncpg.Record]", part: StoresPart, *, replace: bool) -> None:
    columns = await _columns(connection)
    if STEPS not in columns:
        if taken := columns.keys() & part.tables.keys():
            msg = f"the database has a table {min(taken)} that no step of ours made; name an empty database"
            raise DumpError(msg)
        return
    if await _applied(connection) != part.migrations:
        msg = "the database's schema is at another step than the backup's; name an empty database"
        raise DumpError(msg)
    if not replace:
        for table in part.tables:
            if await connection.fetchval(f"SELECT EXISTS (SELECT FROM {_quoted(table)})"):  # noqa: S608 - quoted
                msg = f"the database holds rows in {table}; name an empty one, or drop what is there with --replace"
                raise DumpError(msg)


async def _fill(connection: "asyncpg.Connection[asyncpg.Record]", part: StoresPart, file: Opened) -> None:
    columns = await _columns(connection)
    for table, one in part.tables.items():
        if missing := set(one.columns) - set(columns.get(table, ())):
            msg = f"no step of ours makes column {min(missing)} of {table}; it was not ours"
            raise DumpError(msg)
    await connection.execute(f"TRUNCATE {', '.join(map(_quoted, part.tables))}")
    for table, one in part.tables.items():
        with file(one.file) as rows:
            told = await connection.copy_to_table(table, columns=one.columns, source=rows)
        if int(told.rsplit(" ", 1)[1]) != one.rows:
            msg = f"{table} took {told.rsplit(' ', 1)[1]} rows of {one.rows}"
            raise DumpError(msg)
    for sequence, (last, given) in part.sequences.items():
        await connection.execute("SELECT setval($1::regclass, $2, $3)", _quoted(sequence), last, given)


@contextlib.asynccontextmanager
async def _connected(url: str) -> "AsyncIterator[asyncpg.Connection[asyncpg.Record]]":
    with port_errors(), unsaid("DATABASE_URL"):
        connection = await asyncpg.connect(url, timeout=CONNECT_TIMEOUT_S)
    try:
        yield connection
    finally:
        await connection.close()


async def _columns(connection: "asyncpg.Connection[asyncpg.Record]") -> dict[str, list[str]]:
    found = {str(name): list(columns) for name, columns in await connection.fetch(_TABLES)}
    assert len(found) <= TABLES_MAX, "a schema of ours has some dozens of tables"  # noqa: S101 - a wrong database
    return found


async def _order(connection: "asyncpg.Connection[asyncpg.Record]", tables: Iterable[str]) -> list[str]:
    """Put each table behind those it refers to; the table of steps is made by the steps."""
    behind: dict[str, set[str]] = {table: set() for table in tables if table != STEPS}
    for table, needed in await connection.fetch(_REFERENCES):
        behind[table].add(needed)
    ordered: list[str] = []
    while len(ordered) < len(behind):
        ready = [table for table, needed in behind.items() if table not in ordered and needed <= set(ordered)]
        assert ready, "tables do not refer to each other in circles"  # noqa: S101 - our own schema
        ordered += ready
    return ordered


async def _applied(connection: "asyncpg.Connection[asyncpg.Record]") -> dict[int, str]:
    rows = await connection.fetch(f"SELECT number, sha256 FROM {STEPS} ORDER BY number")  # noqa: S608 - our own word
    return {row["number"]: row["sha256"] for row in rows}


async def _sequences(connection: "asyncpg.Connection[asyncpg.Record]") -> dict[str, tuple[int, bool]]:
    found = {}
    for (name,) in await connection.fetch(_SEQUENCES):
        row = await connection.fetchrow(f"SELECT last_value, is_called FROM {_quoted(name)}")  # noqa: S608 - quoted
        assert row is not None, "a sequence has one row"  # noqa: S101 - PostgreSQL says so
        found[str(name)] = (int(row[0]), bool(row[1]))
    return found


def _quoted(name: str) -> str:
    return '"' + name.replace('"', '""') + '"'
