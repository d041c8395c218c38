"""Killed at random moments and restarted, the platform ends with what an undisturbed run ends with."""

import pathlib
import random
import signal
import sqlite3
import subprocess
import time

import pytest
from counts import FULL, count
from runs import BIN, environment, replay, silent, stored, tickloom

KILLS = count(10)
TIMES = 12 if FULL else 3
SPEED = 60 if FULL else 80
SEED = 20261121
POLL_S = 0.02


@pytest.fixture(scope="module")
def tape(captures: pathlib.Path, tmp_path_factory: pytest.TempPathFactory) -> pathlib.Path:
    """Stretch a real capture."""
    out = tmp_path_factory.mktemp("tape") / "stretched.txt"
    source = captures / "binance_spot_ws_ethusdt" / "ethusdt_20240808.gz"
    tickloom("tape", "stretch", source, "--times", TIMES, "--out", out)
    return out


def head(folder: pathlib.Path) -> int:
    """Give the number of events the market log holds for good."""
    try:
        database = sqlite3.connect(f"file:{folder}/log/market.sqlite?mode=ro", uri=True)
        try:
            return int(database.execute("SELECT coalesce(max(offset) + 1, 0) FROM events").fetchone()[0])
        finally:
            database.close()
    except sqlite3.OperationalError:
        return 0


def start(tape: pathlib.Path, folder: pathlib.Path) -> "subprocess.Popen[bytes]":
    """Start or restart the paced replay."""
    command = [str(BIN / "tickloom"), "replay", str(tape), "--folder", str(folder), "--speed", str(SPEED), "--json"]
    return subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, env=environment())  # noqa: S603 - ours


def kill_at(process: "subprocess.Popen[bytes]", folder: pathlib.Path, offset: int) -> int:
    """Kill the platform once its log has reached an offset; give where it really was."""
    while head(folder) < offset:
        assert process.poll() is None, "the replay ended before its kill"
        time.sleep(POLL_S)  # the other process has no event we could wait for
    process.send_signal(signal.SIGKILL)
    process.wait()
    return head(folder)


def test_kills_change_nothing(tape: pathlib.Path, tmp_path: pathlib.Path) -> None:
    """After kills at random offsets and as many restarts, rows, hashes and stores equal the undisturbed run's."""
    whole = replay(tape, tmp_path / "whole", within_s=900)
    last = head(tmp_path / "whole")
    offsets = sorted(random.Random(SEED).sample(range(1, last * 9 // 10), KILLS))  # noqa: S311 - reproducible
    folder = tmp_path / "killed"
    began = time.monotonic()
    killed = []
    for offset in offsets:
        process = start(tape, folder)
        killed.append(kill_at(process, folder, offset))
        assert 0 < killed[-1] < last, "a kill counts only between the first and the last acknowledged event"
    final = replay(tape, folder, "--speed", SPEED, within_s=900)
    print(f"seed {SEED}: killed at offsets {killed} of {last}; {time.monotonic() - began:.0f} s with restarts")  # noqa: T201 - the record
    assert not silent(whole)
    assert final["hashes"] == whole["hashes"]
    assert final["rows_by_kind"] == whole["rows_by_kind"]
    assert stored(folder) == stored(tmp_path / "whole")
