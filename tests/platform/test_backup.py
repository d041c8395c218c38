"""An archive gives back what was put into it, byte for byte, or says what is wrong with it."""

import asyncio
import gzip
import pathlib
import shutil
import subprocess
from collections.abc import Callable
from typing import BinaryIO, cast

import asyncpg
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from stores import fresh_database

from functions.adapters.postgres import migrate, migrations, open_pool
from functions.local import archive
from functions.local.archive import (
    Archive,
    ArchiveError,
    Damaged,
    Incomplete,
    LogPart,
    Manifest,
    Record,
    State,
    StoresPart,
)
from functions.local.backups import DiskSource, backup, read_log
from functions.local.dumps import DumpError, dump, load
from functions.local.log import DiskLog, positions
from functions.local.restores import RestoreError, restore
from functions.local.topology import load as wiring
from functions.wire.envelope import Event

EVENT = Event(
    "7",
    "/tickloom/handlers/x/B-0.replay",
    "tickloom.market.v1.TickBatch",
    b"\x00rows",
    time_ns=1_700_000_000_000_000_001,
    subject="B-0",
    datacontenttype="application/protobuf",
    dataschema="urn:a:b",
    extensions={"partitionkey": "B-0", "sequence": "7", "rejected": 2, "flag": True, "raw": b"\xff"},
)


def archived(folder: pathlib.Path, *records: Record, states: tuple[State, ...] = ()) -> Archive:
    """Write an archive of one log, and open it."""
    writer = archive.Writer(folder)
    kept = writer.states(states)
    part = LogPart(2, {"reader": (3, 4)}, writer.events("market", records))
    writer.finish(Manifest(archive.FORMAT, "1", 5, "disk", {"market": part}, kept))
    return archive.open_archive(folder)


def test_events_come_back(tmp_path: pathlib.Path) -> None:
    """Place, time of recording, every attribute with its kind, and the payload are what they were."""
    records = [Record(0, 3, 9, EVENT), Record(1, 0, 8, Event("1", "/a", "t")), Record(0, 4, 10, EVENT)]
    opened = archived(tmp_path / "b", *records, states=(State("market/bars", 0, b"B-0", b"\x01"),))
    assert list(opened.records("market")) == [records[0], records[2], records[1]]
    assert next(opened.records("market")).event.extensions == EVENT.extensions
    assert list(opened.states()) == [State("market/bars", 0, b"B-0", b"\x01")]
    assert opened.manifest.logs["market"].cursors == {"reader": (3, 4)}
    assert (opened.manifest.logs["market"].events, opened.manifest.newest_ns) == (3, 10)
    assert [one.offset for one in opened.records("market", since_ns=9)] == [3, 4]


@given(
    st.lists(
        st.builds(
            Event,
            id=st.text("ab1", min_size=1),
            source=st.just("/a"),
            type=st.just("t"),
            data=st.none() | st.binary(max_size=64),
            time_ns=st.none() | st.integers(-(10**18), 10**18),
            extensions=st.dictionaries(
                st.text("abz", min_size=1, max_size=20).filter(lambda name: name not in {"id", "data", "type"}),
                st.text("xyz €") | st.integers(-5, 5) | st.booleans() | st.binary(max_size=4),
            ),
        ),
        max_size=6,
    )
)
@settings(max_examples=50, deadline=None)
def test_any_event_comes_back(events: list[Event]) -> None:
    """Writing an event's attributes down and reading them gives the event."""
    assert [archive.event_from(archive.attributes_of(one), one.data) for one in events] == events


def test_equal_contents_are_equal_files(tmp_path: pathlib.Path) -> None:
    """The same events twice give the same digests: nothing in a file says when or where it was written."""
    for name in ("a", "b"):
        archived(tmp_path / name, Record(0, 0, 1, EVENT))
    assert (tmp_path / "a" / archive.SUMS).read_text() == (tmp_path / "b" / archive.SUMS).read_text()


def test_segments_are_bounded(tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A segment ends when it is full, so that a damaged file costs no more than itself."""
    monkeypatch.setattr(archive, "SEGMENT_BYTES_MAX", 200)
    opened = archived(tmp_path / "b", *(Record(0, offset, offset + 1, EVENT) for offset in range(10)))
    assert len(opened.manifest.logs["market"].segments) > 2
    assert [one.offset for one in opened.records("market")] == list(range(10))


def test_a_clock_that_was_set_back_hides_nothing(tmp_path: pathlib.Path) -> None:
    """Of a segment whose last event was recorded before others, those recorded since a time are found."""
    records = [Record(0, offset, recorded_ns, EVENT) for offset, recorded_ns in enumerate((10, 30, 5))]
    opened = archived(tmp_path / "b", *records)
    assert [one.offset for one in opened.records("market", since_ns=20)] == [1]
    assert opened.manifest.newest_ns == 30


def test_sums_are_everybodys(tmp_path: pathlib.Path) -> None:
    """`sha256sum -c` checks a backup without anything of ours."""
    archived(tmp_path / "b", Record(0, 0, 1, EVENT))
    if shutil.which("sha256sum") is None:
        pytest.skip("no sha256sum here")
    subprocess.run(["sha256sum", "--quiet", "-c", archive.SUMS], cwd=tmp_path / "b", check=True)  # noqa: S603, S607 - on PATH


def flip(path: pathlib.Path) -> None:
    """Change one byte of a file."""
    data = bytearray(path.read_bytes())
    data[len(data) // 2] ^= 1
    path.write_bytes(bytes(data))


@pytest.mark.parametrize(
    ("harm", "error"),
    [
        (lambda folder: flip(next(folder.glob("events/market/*.gz"))), Damaged),
        (lambda folder: flip(folder / archive.MANIFEST), Damaged),
        (lambda folder: next(folder.glob("events/market/*.gz")).unlink(), Incomplete),
        (lambda folder: (folder / archive.SUMS).unlink(), Incomplete),
    ],
    ids=["event", "manifest", "file gone", "unfinished"],
)
def test_harm_is_found(tmp_path: pathlib.Path, harm: Callable[[pathlib.Path], None], error: type[ArchiveError]) -> None:
    """A flipped byte, a lost file and a backup that was never finished are found before anything is read."""
    archived(tmp_path / "b", Record(0, 0, 1, EVENT))
    harm(tmp_path / "b")
    with pytest.raises(error):
        archive.open_archive(tmp_path / "b")


def test_nothing_is_written_over(tmp_path: pathlib.Path) -> None:
    """A folder that holds something takes no backup; one whose writing was killed is begun anew."""
    archived(tmp_path / "b", Record(0, 0, 1, EVENT))
    with pytest.raises(ArchiveError, match="never written over"):
        archive.Writer(tmp_path / "b")
    archive.Writer(tmp_path / "c").events("market", [Record(0, 0, 1, EVENT)])
    assert not (tmp_path / "c").exists()
    assert archived(tmp_path / "c", Record(0, 0, 1, EVENT)).manifest.logs["market"].events == 1


# -- PostgreSQL


class Files:
    """Files of a dump, in a folder."""

    def __init__(self, folder: pathlib.Path) -> None:
        """Write there."""
        self._folder = folder

    def write(self, name: str) -> BinaryIO:
        """Open one to write."""
        (self._folder / name).parent.mkdir(parents=True, exist_ok=True)
        return cast("BinaryIO", gzip.open(self._folder / name, "wb"))

    def read(self, name: str) -> BinaryIO:
        """Open one to read."""
        return cast("BinaryIO", gzip.open(self._folder / name, "rb"))


async def filled(url: str) -> str:
    """Make a database with rows of every kind that is hard to write as text, in tables that refer to each other."""
    pool = await open_pool(await fresh_database(url))
    await migrate(pool)
    async with pool.acquire() as connection:
        await connection.execute(
            r"""
            INSERT INTO ledger_account (account, capital, cash, next_sequence)
              VALUES (E'a\tb\\\n', 1.50, -0.000000000000000001, 3);
            INSERT INTO ledger_outbox (account, sequence, event_id, source, type, time_ns, subject, content_type,
              extensions, data) VALUES (E'a\tb\\\n', 1, 'e', '/s', 't', 1, '', '', '{"k": "\u00e9\\n"}', '\x00ff0a5c');
            INSERT INTO risk_kill_switch (account, engaged, reason) VALUES ('', true, E'\u20ac');
            """
        )
        (name,) = await connection.fetchrow("SELECT current_database()")
    await pool.close()
    return url.rsplit("/", 1)[0] + f"/{name}?" + url.partition("?")[2]


async def rows(url: str, table: str) -> list[tuple[object, ...]]:
    """Read all rows of a table."""
    connection = await asyncpg.connect(url)
    try:
        return [tuple(row) for row in await connection.fetch(f"SELECT * FROM {table} ORDER BY 1")]  # noqa: S608 - ours
    finally:
        await connection.close()


async def test_rows_come_back(postgres_url: str, tmp_path: pathlib.Path) -> None:
    """Exact decimals, bytes, JSON, tabs and line ends come back, and identities count on behind the last."""
    first, second, files = await filled(postgres_url), await fresh_database(postgres_url), Files(tmp_path)
    part = await dump(first, files.write)
    await load(second, part, files.read)
    for table in ("ledger_account", "ledger_outbox", "risk_kill_switch"):
        assert await rows(second, table) == await rows(first, table) != []
    connection = await asyncpg.connect(second)
    position = await connection.fetchval(
        "INSERT INTO ledger_outbox (account, sequence, event_id, source, type, time_ns, subject, content_type, "
        "extensions, data) SELECT account, 2, 'f', source, type, 2, '', '', '{}', '' FROM ledger_outbox "
        "RETURNING outbox_position"
    )
    await connection.close()
    assert position == 2


async def test_rows_of_an_older_schema_take_the_later_steps(postgres_url: str, tmp_path: pathlib.Path) -> None:
    """Rows are loaded under the steps they were written under, and then brought up to date with them."""
    first, second, files = await fresh_database(postgres_url), await fresh_database(postgres_url), Files(tmp_path)
    steps = migrations()
    pool = await open_pool(first)
    await migrate(pool, steps[:14])
    await pool.execute("INSERT INTO ledger_account (account, capital, cash, next_sequence) VALUES ('a', 1, 1, 0)")
    await pool.close()
    part = await dump(first, files.write)
    await load(second, part, files.read)
    ((account, *_, fence, holder, _, _),) = await rows(second, "ledger_account")
    assert (account, fence, holder) == ("a", 0, "")
    assert len(await rows(second, "schema_migrations")) == len(steps)
    changed = {**part.migrations, 14: "another"}
    with pytest.raises(DumpError, match="step 0014"):
        await load(second, type(part)(changed, part.tables, part.sequences), files.read)


async def test_rows_are_not_mixed(postgres_url: str, tmp_path: pathlib.Path) -> None:
    """A database that holds rows is refused unless they may be dropped; then it holds the backup's alone."""
    first, files = await filled(postgres_url), Files(tmp_path)
    part = await dump(first, files.write)
    with pytest.raises(DumpError, match="--replace"):
        await load(first, part, files.read)
    connection = await asyncpg.connect(first)
    await connection.execute("UPDATE ledger_account SET cash = 7")
    await connection.close()
    await load(first, part, files.read, replace=True)
    assert [row[2] for row in await rows(first, "ledger_account")] != [7]


# -- a platform's folder


@pytest.fixture
def folder(tmp_path: pathlib.Path) -> pathlib.Path:
    """Make the logs of a platform: a market of 300 events, a reader in the middle, a table's state."""
    market = DiskLog(tmp_path / "up" / "log" / "market.sqlite")
    for number in range(300):
        market.append(Event(str(number), "/a", "t", bytes(10 * number), extensions={"rejected": number}))
    market.cursors["bars"] = 120
    market.put_state("bars", "B-0", b"state")
    market.close()
    return tmp_path / "up"


async def test_folder_comes_back(
    folder: pathlib.Path, postgres_url: str, redis_url: str, tmp_path: pathlib.Path
) -> None:
    """Offsets, times of recording, positions and states are as they were; a reader may be sent to the beginning."""
    url = await filled(postgres_url)
    await backup(DiskSource(folder, wiring()), url, tmp_path / "b")
    opened, up = archive.open_archive(tmp_path / "b"), tmp_path / "again"
    given = {"DATABASE_URL": await fresh_database(postgres_url), "REDIS_URL": redis_url}
    await restore(opened, up, wiring(), environ=given)
    log = "log/market.sqlite"
    assert list(read_log(up / log)) == list(read_log(folder / log))
    assert positions(up / log) == ({"bars": 120}, {("bars", "B-0"): b"state"})
    with pytest.raises(RestoreError, match="--replace"):
        await restore(opened, up, wiring(), environ=given)
    await restore(opened, up, wiring(), environ=given, replace=True, again=("bars",))
    assert positions(up / log) == ({"bars": 0}, {})
    with pytest.raises(RestoreError, match="no Trigger or table nobody"):
        await restore(opened, up, wiring(), environ=given, again=("nobody",))


def test_folder_without_logs(tmp_path: pathlib.Path) -> None:
    """A folder without logs has nothing to back up, and is told apart from an empty platform."""
    with pytest.raises(ArchiveError, match="--folder"):
        DiskSource(tmp_path, wiring())


async def test_what_cannot_be_restored_drops_nothing(folder: pathlib.Path, tmp_path: pathlib.Path) -> None:
    """A backup of another release, or of other partitions, is refused before anything of the folder is dropped."""
    market = LogPart(2, {}, ())
    later = StoresPart({one.number: one.sha256 for one in migrations()} | {9999: "of a later release"}, {}, {})
    own = StoresPart({one.number: one.sha256 for one in migrations()}, {}, {})
    for name, made_of, stores, error in (
        ("later", "disk", later, DumpError),
        ("parts", "kafka", own, RestoreError),
    ):
        archive.Writer(tmp_path / name).finish(Manifest(archive.FORMAT, "1", 5, made_of, {"market": market}, 0, stores))
        with pytest.raises(error, match=r"use its release|restore it with its own"):
            await restore(archive.open_archive(tmp_path / name), folder, wiring(), environ={}, replace=True)
        assert len(list(read_log(folder / "log/market.sqlite"))) == 300


async def test_archive_without_stores_is_not_restored(
    postgres_url: str, redis_url: str, tmp_path: pathlib.Path
) -> None:
    """Events alone make no platform: what is not a platform's backup is refused before anything is touched."""
    opened = await asyncio.to_thread(archived, tmp_path / "b", Record(0, 0, 1, EVENT))
    with pytest.raises(RestoreError, match="events only"):
        await restore(opened, tmp_path / "up", wiring(), environ={"DATABASE_URL": postgres_url, "REDIS_URL": redis_url})
    assert not (tmp_path / "up").exists()
