"""A rewind says what a function would say today of what it heard then, and brings live what live lacks."""

import asyncio
import json
import pathlib
import shutil
import sqlite3
from types import SimpleNamespace

import asyncpg
import pytest
from counts import FULL
from runs import replay, tickloom
from simulated import DIALECT, tape

from functions.adapters.log_bodies import bodies_of
from functions.local.archive import FORMAT, LogPart, Manifest, Record, Writer, open_archive
from functions.local.children import Children, Spec
from functions.local.foundation import Foundation
from functions.local.kept import KeptArchive, KeptLogs, NotKeptError
from functions.local.log import DiskLog
from functions.local.rewinds import WRITES, RewindError, hearer, rewound
from functions.local.servers import Stores, start_stores
from functions.local.topology import load
from functions.wire.envelope import Event

WHOLE = "2000-01-01T00:00:00Z"
TOPOLOGY = load()


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> pathlib.Path:
    """Replay half a simulated minute into a platform's folder."""
    at = tmp_path_factory.mktemp("rewind")
    replay(tape(at / "tape.txt", seconds=30), at / "up", "--dialect", DIALECT)
    return at / "up"


def rewind(
    folder: pathlib.Path, name: str, into: pathlib.Path, *words: object
) -> tuple[int, dict[str, dict[str, int]]]:
    """Rewind a Trigger or table over the whole log; give the exit status and what compares how."""
    done = tickloom(
        "rewind", name, "--to", WHOLE, "--into", into, "--folder", folder, "--json", *words, check=False, within_s=120
    )
    assert done.stdout, done.stderr
    told = json.loads(done.stdout)
    kinds = ("differing", "missing", "gone")
    found = {
        one["what"]: {"same": one["same"], **{kind: one[kind]["count"] for kind in kinds}} for one in told["compared"]
    }
    return done.returncode, found


def same(count: int) -> dict[str, int]:
    """Say that so many are equal and nothing else."""
    return {"same": count, "differing": 0, "missing": 0, "gone": 0}


def test_table_says_the_same(folder: pathlib.Path, tmp_path: pathlib.Path) -> None:
    """A table folded again from the beginning says what it said live, and needs no store for it."""
    status, found = rewind(folder, "bars", tmp_path / "s")
    assert status == 0
    assert found == {"events": same(found["events"]["same"])}
    assert found["events"]["same"] > 20
    assert not (tmp_path / "s/postgres").exists()


def test_what_live_lacks_and_says_otherwise_is_found(folder: pathlib.Path, tmp_path: pathlib.Path) -> None:
    """An event that live lost is missing, one with other bytes differs, and one nobody would say now is gone."""
    copy = tmp_path / "up/log/market.sqlite"
    copy.parent.mkdir(parents=True)
    shutil.copy(bodies_of(folder / "log/market.sqlite"), bodies_of(copy))
    source = sqlite3.connect(folder / "log/market.sqlite")
    target = sqlite3.connect(copy)
    source.backup(target)
    told = "type = 'tickloom.market.v1.BarBatch'"
    (lost, other, strange) = (row[0] for row in target.execute(f"SELECT offset FROM events WHERE {told} LIMIT 3"))  # noqa: S608 - ours
    target.execute("UPDATE events SET type = 'lost', source = '/lost' WHERE offset = ?", (lost,))
    target.execute("UPDATE events SET data = x'00' WHERE offset = ?", (other,))
    target.execute("UPDATE events SET id = 'strange' WHERE offset = ?", (strange,))
    target.commit()
    target.close()
    status, found = rewind(tmp_path / "up", "bars", tmp_path / "s")
    assert status == 1
    assert {kind: found["events"][kind] for kind in ("differing", "missing", "gone")} == {
        "differing": 1,
        "missing": 2,
        "gone": 1,
    }


@pytest.mark.skipif(not FULL, reason="starts stores and the platform several times; the full tier does")
def test_promoting_brings_rows_live(folder: pathlib.Path, tmp_path: pathlib.Path) -> None:
    """Rows that live lost come back by promoting; one that live holds under its own revision stays, and is told."""
    asyncio.run(harm(folder, "DELETE FROM bars WHERE ctid IN (SELECT ctid FROM bars LIMIT 3)"))
    status, found = rewind(folder, "project-market", tmp_path / "lost")
    assert (status, found["bars"]["missing"], found["bars"]["differing"]) == (1, 3, 0)
    status, found = rewind(folder, "project-market", tmp_path / "promoted", "--promote")
    assert (status, found["bars"]) == (0, same(found["bars"]["same"]))
    asyncio.run(harm(folder, "UPDATE bars SET trades = trades + 1 WHERE ctid IN (SELECT ctid FROM bars LIMIT 1)"))
    status, found = rewind(folder, "project-market", tmp_path / "stays", "--promote")
    assert (status, found["bars"]["differing"]) == (1, 1)


@pytest.mark.skipif(not FULL, reason="starts stores and the platform several times; the full tier does")
def test_promoting_publishes_what_is_missing(folder: pathlib.Path, tmp_path: pathlib.Path) -> None:
    """A reply that live lost is published to its broker, and then nothing differs any more."""
    log = sqlite3.connect(folder / "log/market.sqlite")
    log.execute(
        "UPDATE events SET source = '/lost' WHERE offset = "
        "(SELECT max(offset) FROM events WHERE type = 'tickloom.market.v1.ActivityBarBatch')"
    )
    log.commit()
    log.close()
    status, found = rewind(folder, "activity", tmp_path / "lost")
    assert (status, found["events"]["missing"]) == (1, 1)
    status, found = rewind(folder, "activity", tmp_path / "promoted", "--promote")
    assert (status, found["events"]["missing"]) == (0, 0)


async def harm(folder: pathlib.Path, statement: str) -> None:
    """Change what a stopped platform's PostgreSQL holds."""
    async with Children(folder) as children:
        connection = await asyncpg.connect((await start_stores(folder, children)).database_url)
        await connection.execute(statement)
        await connection.close()


@pytest.mark.parametrize(
    ("name", "reason"),
    [
        ("projekt-market", "did you mean project-market"),
        ("predictions-market", "only carries events to broker desk"),
        ("route-desk", "replay the tape instead"),
    ],
)
def test_who_cannot_be_rewound(name: str, reason: str) -> None:
    """A name that is nobody's, a bridge, and what hands orders in are refused, each with its reason."""
    with pytest.raises(RewindError, match=reason):
        hearer(TOPOLOGY, name)


def test_every_store_that_is_written_is_named() -> None:
    """Handlers with a store are all known by what they write, or only read; their tables are there."""
    writers = {one.subscriber for one in TOPOLOGY.subscriptions if one.subscriber_kind == "Service"}
    assert WRITES.keys() <= writers
    for name in ("project-market", "quarantine-market", "report-desk"):
        assert hearer(TOPOLOGY, name).writes
    for name in ("normalize-market", "enrich-market", "reenter-desk"):
        assert hearer(TOPOLOGY, name).card.stores
        assert not hearer(TOPOLOGY, name).writes


def test_times_that_are_not_kept(tmp_path: pathlib.Path) -> None:
    """A time behind the newest event, and one before what a backup keeps, are refused; any between is found."""
    log = DiskLog(tmp_path / "log/market.sqlite")
    for recorded_ns in (100, 200, 300):
        log.append(Event("1", "/a", "t"), recorded_ns)
    log.close()
    kept = KeptLogs(tmp_path)
    assert [len(list(kept.records("market", since_ns=at))) for at in (0, 150, 300)] == [3, 2, 1]
    with pytest.raises(NotKeptError, match="nothing was recorded"):
        kept.check("market", 301, whole=True)
    writer = Writer(tmp_path / "b")
    records = [Record(at, offset, offset * 100, Event("1", "/a", "t")) for at in (0, 1) for offset in (5 * at, 6)]
    writer.finish(Manifest(FORMAT, "1", 1, "kafka", {"market": LogPart(2, {}, writer.events("market", records))}))
    archive = KeptArchive(open_archive(tmp_path / "b"))
    archive.check("market", 600, whole=False)
    assert [one.partition for one in archive.records("market", since_ns=500)] == [0, 1, 1]
    with pytest.raises(NotKeptError, match="take a later --to, or take an older backup"):
        archive.check("market", 400, whole=False)
    with pytest.raises(NotKeptError, match="folded from the beginning"):
        archive.check("market", 600, whole=True)
    with pytest.raises(NotKeptError, match="nothing was recorded on desk"):
        archive.check("desk", 600, whole=False)


def test_a_shadow_starts_what_its_function_calls(tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Of the services only those that are called run in a shadow: orders would log on to the venue of the settings."""
    started: list[str] = []

    async def no_stores(foundation: Foundation) -> None:
        foundation.stores = Stores("", "", "", "")

    async def start(_: Children, spec: Spec) -> SimpleNamespace:
        started.append(spec.name)
        return SimpleNamespace(port=1)

    monkeypatch.setattr(Foundation, "start_stores", no_stores)
    monkeypatch.setattr(Children, "start", start)
    log = DiskLog(tmp_path / "up/log/market.sqlite")
    log.append(Event("1", "/a", "t"), 100)
    log.close()

    async def run() -> None:
        who, kept = hearer(TOPOLOGY, "infer-market"), KeptLogs(tmp_path / "up")
        async with rewound(who, kept, TOPOLOGY, since_ns=0, folder=tmp_path / "s", environ={}) as shadow:
            assert not shadow.heard

    asyncio.run(run())
    assert started == ["inference"]


def test_a_rewind_is_bounded(folder: pathlib.Path, tmp_path: pathlib.Path) -> None:
    """More events than the limit end the rewind with what to do, and a folder in use is no shadow."""
    words = ("rewind", "bars", "--to", WHOLE, "--folder", folder)
    done = tickloom(*words, "--into", tmp_path / "s", "--limit", 3, check=False)
    assert (done.returncode, "more than 3 events" in done.stderr) == (1, True)
    done = tickloom(*words, "--into", folder, check=False)
    assert (done.returncode, "a folder of its own" in done.stderr) == (1, True)
