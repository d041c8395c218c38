"""Reach PostgreSQL: a pool that opens on first use, numbered migrations, and one table of its failures.

What every PostgreSQL adapter needs lives here; the statements of a port live in that port's own file.
"""

import asyncio
import hashlib
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from importlib import resources
from typing import Final

import asyncpg

from functions.adapters.addresses import unsaid
from functions.ports.errors import Unavailable

CONNECT_TIMEOUT_S: Final = 5.0
COMMAND_TIMEOUT_S: Final = 15.0
MIGRATE_TIMEOUT_S: Final = 120.0

MIGRATION_LOCK: Final = 0x7469636B6C6F6F6D
"""Advisory lock key: the ASCII bytes of `tickloom`; one migrator works at a time."""

_DOWN: Final = (
    OSError,
    asyncpg.PostgresConnectionError,
    asyncpg.InternalClientError,
    asyncpg.InsufficientResourcesError,
    asyncpg.OperatorInterventionError,
    asyncpg.ObjectNotInPrerequisiteStateError,
    asyncpg.TransactionRollbackError,
    asyncpg.ReadOnlySQLTransactionError,
    asyncpg.InvalidAuthorizationSpecificationError,
    asyncpg.InvalidCatalogNameError,
    asyncpg.PostgresSystemError,
    asyncpg.InterfaceError,
)
"""Failures after which the same call may work later: down, starting, full, locked, failed over, wrongly addressed."""


class ChangedMigration(RuntimeError):  # noqa: N818 - it says what was found
    """A migration that was applied no longer reads the same; a new number must be given instead."""


@contextmanager
def port_errors() -> Iterator[None]:
    """Turn PostgreSQL's passing failures into `Unavailable`; errors in our own statements and values pass through.

    Raises:
        Unavailable: PostgreSQL is down, starting, out of room, locked, or did not answer in time.
    """
    try:
        yield
    except _DOWN as error:
        if isinstance(error, ValueError):  # asyncpg.DataError: a value that no retry will mend
            raise
        found = str(error) or type(error).__name__
        message = f"PostgreSQL did not answer: {found}; check that it runs at DATABASE_URL"
        raise Unavailable(message) from error


async def open_pool(url: str, *, size: int = 4) -> asyncpg.Pool:
    """Open a pool with one connection now and at most `size` later; a lost connection is replaced on its next use.

    A commit is acknowledged once it is in the server's log, whatever the server's own default: with
    `synchronous_commit=off` a killed server forgets what it acknowledged in its last 0.6 s.

    Args:
        url: `postgresql://user:password@host:port/database`.
        size: Most connections at a time.

    Raises:
        Unavailable: PostgreSQL cannot be reached.
        ValueError: The address cannot be read.
    """
    with port_errors(), unsaid("DATABASE_URL"):
        pool = await asyncpg.create_pool(
            url,
            min_size=0,
            max_size=size,
            timeout=CONNECT_TIMEOUT_S,
            command_timeout=COMMAND_TIMEOUT_S,
            reset=_reset,
            server_settings={"application_name": "tickloom", "jit": "off", "synchronous_commit": "on"},
        )
        async with pool.acquire():  # opens the first connection, so that a wrong address shows here
            return pool


async def _reset(connection: asyncpg.Connection) -> None:
    """Spare a round trip at every release: our adapters set no session state, so only an open transaction is undone."""
    if connection.is_in_transaction():
        await connection.execute("ROLLBACK")


class Pool:
    """Hold a pool that opens, and brings the schema up to date, on its first use.

    Args:
        url: Address of the database.
        size: Most connections at a time.
    """

    def __init__(self, url: str, *, size: int = 4) -> None:
        """Remember the address; open nothing."""
        self._url = url
        self._size = size
        self._pool: asyncpg.Pool | None = None
        self._opening = asyncio.Lock()

    async def get(self) -> asyncpg.Pool:
        """Give the open pool.

        Raises:
            Unavailable: PostgreSQL cannot be reached; the next call tries again.
            ChangedMigration: The schema and this release disagree about the past.
        """
        if self._pool is None:
            async with self._opening:
                if self._pool is None:
                    self._pool = await self._open()
        return self._pool

    async def _open(self) -> asyncpg.Pool:
        pool = await open_pool(self._url, size=self._size)
        try:
            await migrate(pool)
        except BaseException:
            pool.terminate()
            raise
        return pool

    async def close(self) -> None:
        """Close every connection; a pool that was never used has none."""
        pool, self._pool = self._pool, None
        if pool is not None:
            with port_errors():
                await pool.close()


@dataclass(frozen=True, slots=True)
class Migration:
    """Hold one numbered step of the schema."""

    number: int
    name: str
    sql: str

    @property
    def sha256(self) -> str:
        """Give the digest that stands for the step once it is applied."""
        return hashlib.sha256(self.sql.encode()).hexdigest()


def migrations() -> tuple[Migration, ...]:
    """Read the steps this release knows, by number: files `NNNN_name.sql` in the folder `migrations`."""
    folder = resources.files("functions.adapters") / "migrations"
    files = sorted((file for file in folder.iterdir() if file.name.endswith(".sql")), key=lambda file: file.name)
    return tuple(
        Migration(number=int(file.name.split("_", 1)[0]), name=file.name, sql=file.read_text("utf-8")) for file in files
    )


async def migrate(pool: asyncpg.Pool, steps: tuple[Migration, ...] | None = None) -> tuple[str, ...]:
    """Apply what the database has not seen, all or nothing; steps it knows and we do not are left alone.

    Args:
        pool: An open pool.
        steps: Steps to apply, by number; None takes this release's own.

    Returns:
        Names of the steps that were applied now; empty when the schema was up to date.

    Raises:
        ChangedMigration: An applied step no longer reads the same; nothing was applied.
        Unavailable: PostgreSQL cannot be reached.
    """
    known = migrations() if steps is None else steps
    with port_errors():
        async with pool.acquire() as connection:
            if not _missing(known, await _applied(connection)):  # a role without DDL rights may still start
                return ()
            async with connection.transaction():
                await connection.execute("SELECT pg_advisory_xact_lock($1)", MIGRATION_LOCK, timeout=MIGRATE_TIMEOUT_S)
                return await _apply(connection, known)


async def _applied(connection: asyncpg.pool.PoolConnectionProxy) -> dict[int, str]:
    if await connection.fetchval("SELECT to_regclass('schema_migrations') IS NULL"):
        return {}
    rows = await connection.fetch("SELECT number, sha256 FROM schema_migrations")
    return {row["number"]: row["sha256"] for row in rows}


def _missing(known: tuple[Migration, ...], applied: dict[int, str]) -> list[Migration]:
    for step in known:
        if applied.get(step.number, step.sha256) != step.sha256:
            message = f"{step.name} was applied with other contents; restore it and put the change under a new number"
            raise ChangedMigration(message)
    return [step for step in known if step.number not in applied]


async def _apply(connection: asyncpg.pool.PoolConnectionProxy, known: tuple[Migration, ...]) -> tuple[str, ...]:
    await connection.execute(
        "CREATE TABLE IF NOT EXISTS schema_migrations (number integer PRIMARY KEY, name text NOT NULL, "
        "sha256 text NOT NULL, applied_at timestamptz NOT NULL DEFAULT now())"
    )
    missing = _missing(known, await _applied(connection))
    for step in missing:
        await connection.execute(step.sql, timeout=MIGRATE_TIMEOUT_S)
        await connection.execute(
            "INSERT INTO schema_migrations (number, name, sha256) VALUES ($1, $2, $3)",
            step.number,
            step.name,
            step.sha256,
        )
    return tuple(step.name for step in missing)
