"""Workers, handlers and the broker are killed again and again while a tape runs, and the outcome does not change."""

import asyncio
import json
import os
import pathlib
import random
import signal
from typing import Any

import pytest
from counts import FULL
from runs import silent, tickloom

from functions.cli.environment import own_environment
from functions.local import kafka_platform, loop
from functions.local.foundation import Options
from functions.local.kafka_platform import KafkaPlatform
from functions.local.rows import export

KILLS = 25 if FULL else 4
TIMES = 8 if FULL else 1
SPEED = 4
SEED = 20261121
WORKERS = {"bars": 2, "features": 2}
ALIVE_S = 60.0


def plan() -> list[str]:
    """Draw who is killed: of each five, two workers, two handlers and the broker, in an order of chance."""
    chance = random.Random(SEED)  # noqa: S311 - reproducible
    workers = [f"table-{name}-{number}" for name in WORKERS for number in (1, 2)] + ["table-signals-1"]
    handlers = ["handler-normalize", "handler-enrich", "handler-infer", "handler-project", "handler-route"]
    found: list[str] = []
    while len(found) < KILLS:
        five = [*chance.sample(workers, 2), *chance.sample(handlers, 2), "kafka"]
        chance.shuffle(five)
        found += five
    return found[:KILLS]


async def kill(platform: KafkaPlatform, name: str) -> None:
    """Kill one child the hard way and wait until it was started again."""
    supervisor = platform.supervisor
    before = supervisor.restarts.get(name, 0)
    os.kill(platform.children[name].pid, signal.SIGKILL)
    async with asyncio.timeout(ALIVE_S):
        while supervisor.restarts.get(name, 0) == before:
            await platform.tick()
        await supervisor.running(name)


async def kill_while(platform: KafkaPlatform, feed: "asyncio.Task[None]") -> int:
    """Kill by the plan, spread over the run; give how many were killed before the feed ended."""
    killed = 0
    for name in plan():
        for _ in range(50):
            if feed.done():
                return killed
            await platform.tick()
        await kill(platform, name)
        killed += 1
    return killed


async def run(tape: pathlib.Path, folder: pathlib.Path) -> tuple[dict[str, str], int]:
    """Replay the tape over Kafka, at its pace while there are kills, then as fast as it goes; give hashes and kills."""
    options = Options(folder=folder, log="kafka", environ=own_environment(), workers=WORKERS)
    feed = {
        "TICKLOOM_PATHS": str(tape),
        "TICKLOOM_SPOOL": str(folder / "spool"),
        "TICKLOOM_SPEED": str(SPEED),
        "TICKLOOM_CUT_MS": "1000",
        "TICKLOOM_ROWS_MAX": "512",
    }
    async with kafka_platform.running(options) as platform:
        feeding = asyncio.create_task(platform.run_feed("replay", feed))
        killed = await kill_while(platform, feeding)
        if feeding.done():
            feeding.result()
        else:  # how long kills take is the machine's affair, how long the tape is not
            feeding.cancel()
            await asyncio.gather(feeding, return_exceptions=True)
            await platform.run_feed("replay", feed | {"TICKLOOM_SPEED": "0"})
        await platform.drained()
        return export(platform.logs, platform.topology.sinks, folder / "out"), killed


@pytest.fixture(scope="module")
def tape(captures: pathlib.Path, tmp_path_factory: pytest.TempPathFactory) -> pathlib.Path:
    """Stretch a real capture."""
    out = tmp_path_factory.mktemp("tape") / "stretched.txt"
    source = captures / "binance_spot_ws_ethusdt" / "ethusdt_20240808.gz"
    tickloom("tape", "stretch", source, "--times", TIMES, "--out", out)
    return out


@pytest.mark.usefixtures("kafka_here")
def test_kills_change_nothing(tape: pathlib.Path, tmp_path: pathlib.Path) -> None:
    """After kills of two workers each, handlers and the broker, every row equals the undisturbed run's."""
    done = tickloom("replay", tape, "--folder", tmp_path / "whole", "--json", within_s=600)
    whole: dict[str, Any] = json.loads(done.stdout)
    hashes, killed = loop.run(run(tape, tmp_path / "killed"))
    assert killed == KILLS, "the tape ended before all were killed"
    assert not silent(whole)
    assert hashes == whole["hashes"]
