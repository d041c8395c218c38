"""A table's worker on a real broker gives what the fold gives in process, whatever dies in between."""

import asyncio
import pathlib
import random
import shutil
from collections.abc import AsyncIterator, Callable, Iterable, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

import pytest
from aiokafka import TopicPartition
from ticking import Row, spot
from working import STARTED_S, Bench, enriched, once, producer, reading

from functions.tables.bars.main import Settings, compose
from functions.wire.envelope import Event

if TYPE_CHECKING:
    import subprocess

SHARDS = tuple(f"BINANCE-{n}" for n in range(4))
ROWS = 6_000
SEED = 20261121
KILLS = 5  # twenty-five, of many processes, are in test_kafka_kills
SPARSE = {"table_store_events": 1_000_000, "table_store_ms": 1_000_000}
OFTEN = {"table_store_events": 16, "table_store_ms": 50}


@pytest.fixture(scope="module")
def rows(captures: pathlib.Path) -> list[Row]:
    """Read the start of a real capture."""
    return spot(captures / "binance_spot_ws_ethusdt" / "ethusdt_20240808.gz")[:ROWS]


@pytest.fixture
async def bench(kafka_servers: str, tmp_path: pathlib.Path, request: pytest.FixtureRequest) -> AsyncIterator[Bench]:
    """Make a topic of this test's own, and end its workers."""
    made = Bench(kafka_servers, request.node.name, tmp_path, partitions=len(SHARDS))
    await made.create()
    yield made
    made.stop()


def lanes_of(rows: Sequence[Row], size: int = 64) -> list[list[Event]]:
    """Give every shard the same rows, a lane each."""
    return [enriched(rows, shard, size=size) for shard in SHARDS]


def folded(lanes: Iterable[Sequence[Event]], shards: Sequence[str] = SHARDS) -> dict[tuple[str, str], Event]:
    """Fold each lane in process."""
    fold = compose(Settings()).fold
    found: list[Event] = []
    for shard, lane in zip(shards, lanes, strict=True):
        state = fold.start(shard)
        for event in lane:
            state, out = fold.fold(state, event)
            found += out
    return once(found)


def all_equal(found: Iterable[Event], wanted: dict[tuple[str, str], Event]) -> bool:
    """Tell whether every event, repeated ones too, is the one that was wanted, byte for byte."""
    return all(wanted[one.source, str(one.extensions["sequence"])] == one for one in found)


async def test_worker_equals_fold(bench: Bench, rows: list[Row]) -> None:
    """A capture's batches through the worker give the same events as through the fold, each once; data may vanish.

    A worker that was asked to stop has stored everything, in the broker alone: the next one goes on where it was.
    """
    lanes = lanes_of(rows)
    wanted = folded(lanes)
    half = [lane[: len(lane) // 2] for lane in lanes]
    await bench.post(half)
    bench.start()
    before = folded(half)
    await bench.outputs(lambda events: len(events) >= len(before))
    bench.stop()
    shutil.rmtree(bench.folder / "data")
    await bench.post([lane[len(lane) // 2 :] for lane in lanes])
    found = await supervised(bench, [bench.start()], lambda events: len(once(events)) >= len(wanted))
    assert once(found) == wanted
    assert len(found) == len(wanted)


async def test_folded_again_is_equal(bench: Bench, rows: list[Row]) -> None:
    """What was sent and not stored is sent again after a kill: every event twice, with equal ids and bytes."""
    lanes = lanes_of(rows[: ROWS // 4])
    wanted = folded(lanes)
    await bench.post(lanes)
    first = bench.start(**SPARSE)
    await bench.outputs(lambda events: len(events) >= len(wanted))
    first.kill()
    bench.start()
    found = await bench.outputs(lambda events: len(events) >= 2 * len(wanted))
    assert len(found) == 2 * len(wanted)
    assert all_equal(found, wanted)


async def test_kills_change_nothing(bench: Bench, rows: list[Row]) -> None:
    """Killed at random moments and started again, a worker puts out what an undisturbed one does, and repeats."""
    dice = random.Random(SEED)  # noqa: S311 - reproducible
    lanes = lanes_of(rows, 16)
    wanted = folded(lanes)
    cuts = sorted(dice.sample(range(1, len(wanted)), KILLS))
    await bench.post(lanes)
    seen = 0
    for enough in cuts:
        team = [bench.start(**OFTEN)]
        found = await supervised(bench, team, lambda events, enough=enough: len(once(events)) >= enough)  # type: ignore[misc]
        bench.workers[-1].kill()
        bench.workers[-1].wait()
        assert len(once(found)) >= seen
        seen = len(once(found))
    found = await supervised(bench, [bench.start(**OFTEN)], lambda events: len(once(events)) >= len(wanted))
    assert once(found) == wanted
    assert all_equal(found, wanted)


async def supervised(
    bench: Bench, team: list["subprocess.Popen[bytes]"], done: Callable[[list[Event]], bool]
) -> list[Event]:
    """Wait for outputs; start a worker again that gives up by itself, as one does that Faust kept a record from."""
    waiting = asyncio.create_task(bench.outputs(done, within_s=2 * STARTED_S))
    while not waiting.done():
        for n, one in enumerate(team):
            if one.poll() is not None:
                team[n] = bench.start(**OFTEN)
        await asyncio.wait([waiting], timeout=0.2)
    return await waiting


async def test_partitions_change_hands(bench: Bench, rows: list[Row]) -> None:
    """While events come, a second worker joins, the first is killed, a third joins, the second leaves: all is equal."""
    lanes = lanes_of(rows)
    wanted = folded(lanes)
    parts = [[lane[n * len(lane) // 4 : (n + 1) * len(lane) // 4] for lane in lanes] for n in range(4)]
    sums = [len(folded([lane[: (n + 1) * len(lane) // 4] for lane in lanes])) for n in range(4)]
    team: list[subprocess.Popen[bytes]] = []
    for n, (part, enough) in enumerate(zip(parts, sums, strict=True)):
        team.append(bench.start(**OFTEN, table_standbys=1))
        posting = asyncio.create_task(bench.post(part))
        await bench.said("partitions_assigned")
        found = await supervised(bench, team, lambda events, enough=enough: len(once(events)) >= enough)  # type: ignore[misc]
        await posting
        if n == 1:
            team.pop(0).kill()
        if n == 2:
            team.pop(0).terminate()
    found = await supervised(bench, team, lambda events: len(once(events)) >= len(wanted))
    assert once(found) == wanted
    assert all_equal(found, wanted)


async def test_wrong_events_are_buried(bench: Bench, rows: list[Row]) -> None:
    """What cannot be read goes to the dead letters with the reason; what stands behind it is folded."""
    lanes = [enriched(rows[:1024], SHARDS[0], size=64)]
    bad = replace(lanes[0][3], data=b"\x01", id="bad")
    wanted = folded(lanes, SHARDS[:1])
    async with producer(bench.servers) as out:
        await out.send_and_wait(f"{bench.name}", b"{}", partition=1, headers=[("content-type", b"text/plain")])
    await bench.post([[*lanes[0][:3], bad, *lanes[0][3:]]])
    bench.start()
    found = await bench.outputs_of([0], lambda events: len(once(events)) >= len(wanted))
    assert once(found) == wanted
    async with reading(bench.servers, [TopicPartition(f"{bench.name}-dead", 0)]) as consumer:
        dead = [await asyncio.wait_for(consumer.getone(), STARTED_S) for _ in range(2)]
    assert sorted(one.value for one in dead) == [b"\x01", b"{}"]
    assert {dict(one.headers)["ce_knativeerrorcode"] for one in dead} == {b"400"}
    assert {dict(one.headers)["ce_knativeerrordest"] for one in dead} == {b"/tables/bars"}
