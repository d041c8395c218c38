"""Backtest, replay and a live platform that is fed the same tape give the same signals, row for row."""

import asyncio
import json
import pathlib
import signal
import subprocess
import sys
import time

import pytest
from counts import FULL
from runs import BIN, environment, replay, rows, tickloom

from functions.local.foundation import WHERE, Options
from functions.local.log import find
from functions.local.platform import running
from functions.local.rows import export
from functions.wire.codecs.predictions import PREDICTION_BATCH, decode_prediction_batch

CAPTURE = "binance_spot_ws_ethusdt/ethusdt_20240808.gz"
full_tier = pytest.mark.skipif(not FULL, reason="starts further platforms; the full tier does")
WITHIN_S = 300
POLL_S = 0.2


@pytest.fixture(scope="module")
def tape(captures: pathlib.Path) -> pathlib.Path:
    """Name a real capture that gives signals."""
    return captures / CAPTURE


@pytest.fixture(scope="module")
def replayed(tape: pathlib.Path, tmp_path_factory: pytest.TempPathFactory) -> str:
    """Replay the capture and give the hash of its signals."""
    folder = tmp_path_factory.mktemp("replayed")
    summary = replay(tape, folder, "--log", "memory")
    assert rows(folder, "signals")
    hashed: str = summary["hashes"]["signals"]
    return hashed


def test_backtest_is_replay(tape: pathlib.Path, replayed: str, tmp_path: pathlib.Path) -> None:
    """A backtest trades the very signals that a replay of the tape gives, and its page and JSON say so."""
    page = tmp_path / "page.html"
    told = json.loads(tickloom("backtest", tape, "--folder", tmp_path, "--html", page, "--json").stdout)
    assert told["signals"]["rows_hash"] == told["replay"]["hashes"]["signals"] == replayed
    assert replayed in page.read_text()
    assert json.loads((tmp_path / "out" / "backtest.json").read_text()) == told
    known = {one["signal_id"]: one for one in rows(tmp_path, "signals")}
    for trade in told["trades"]:
        assert trade["entry_ns"] > known[trade["signal_id"]]["as_of_ns"]


@full_tier
def test_a_cut_tape_is_replayed_alike(tape: pathlib.Path, tmp_path: pathlib.Path) -> None:
    """With --to the backtest is that of the tape which ends there, and the report names that tape."""
    to = "2024-08-08T23:59:10Z"
    told = json.loads(tickloom("backtest", tape, "--folder", tmp_path / "b", "--to", to, "--json").stdout)
    cut = pathlib.Path(told["replay"]["tape"])
    again = replay(cut, tmp_path / "r", "--log", "memory")
    assert told["signals"]["rows_hash"] == again["hashes"]["signals"]
    assert told["replay"]["rows"] == again["rows_in"]
    assert max(int(line[:19]) for line in cut.read_bytes().splitlines()) < told["to_ns"]


@full_tier
def test_live_is_replay(tape: pathlib.Path, replayed: str, tmp_path: pathlib.Path) -> None:
    """A platform that runs live and hears the tape from the replay feed over HTTP gives the same signals."""
    folder = tmp_path / "up"
    command = [str(BIN / "tickloom"), "up", "--folder", str(folder), "--port", "0"]
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL, env=environment())  # noqa: S603 - ours
    try:
        until = time.monotonic() + WITHIN_S
        while not (folder / WHERE).exists():
            assert time.monotonic() < until, "the platform is not up"
            time.sleep(POLL_S)  # another process writes the note; it has no event we could wait for
        port = json.loads((folder / WHERE).read_text())["ingress_port"]
        told = {"K_SINK": f"http://127.0.0.1:{port}/tickloom/market", "TICKLOOM_PATHS": str(tape)}
        feed = [sys.executable, "-m", "functions.feeds.replay.main"]
        settings = {**environment(), **told, "TICKLOOM_SPOOL": str(tmp_path / "spool"), "PORT": "0"}
        subprocess.run(feed, env=settings, check=True, timeout=WITHIN_S)  # noqa: S603 - ours
        while not ended(folder):
            assert time.monotonic() < until, "the end of the tape did not come through"
            time.sleep(POLL_S)  # as above
    finally:
        process.send_signal(signal.SIGTERM)
        process.wait(WITHIN_S)
    assert asyncio.run(drained(folder, tmp_path / "out")) == replayed


def ended(folder: pathlib.Path) -> bool:
    """Tell whether the end of the tape has come through the models to the desk."""
    batches = find(folder / "log" / "desk.sqlite", where="type = ?", values=(PREDICTION_BATCH,), newest=8)
    return any(decode_prediction_batch(event.data or b"").end_of_tape for _, _, event in batches)


async def drained(folder: pathlib.Path, out: pathlib.Path) -> str:
    """Let the folder's platform do what was left when it was stopped; give the hash of all its signals."""
    async with running(Options(folder=folder)) as platform:
        await platform.drained()
        return export(platform.logs, platform.topology.sinks, out)["signals"]
