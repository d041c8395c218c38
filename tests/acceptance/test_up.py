"""`tickloom up` serves its brokers to anyone until it is told to stop, and leaves nothing behind."""

import json
import pathlib
import signal
import subprocess
import time

import numpy as np
from runs import BIN, environment, tickloom

from functions.domain.market import RawBatch
from functions.local.children import leftovers
from functions.local.foundation import WHERE
from functions.wire.raw import raw_event

READY_S = 60
POLL_S = 0.05
ROW = b'{"e":"trade","E":1723161255308,"s":"ETHUSDT","t":1,"p":"2683.80","q":"0.5","T":1723161255307,"m":true,"M":true}'


def started(folder: pathlib.Path) -> "subprocess.Popen[str]":
    """Start the platform and wait for its note."""
    command = [str(BIN / "tickloom"), "up", "--folder", str(folder), "--port", "0"]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True, env=environment())  # noqa: S603 - ours
    until = time.monotonic() + READY_S
    while not (folder / WHERE).exists():
        assert process.poll() is None, "the platform ended"
        assert time.monotonic() < until, "the platform is not up"
        time.sleep(POLL_S)  # another process writes the note; it has no event we could wait for
    return process


def test_takes_events_until_stopped(tmp_path: pathlib.Path) -> None:
    """An event posted to the market broker is stored and answered by normalize; SIGTERM ends the platform with 0."""
    process = started(tmp_path)
    try:
        port = json.loads((tmp_path / WHERE).read_text())["ingress_port"]
        batch = RawBatch(
            *("UP-0", "UP-0.test", "binance.spot", 0, ROW),
            offsets=np.array([0, len(ROW)], "<u4"),
            ts_receive=np.array([1_723_161_255_000_000_000], "<i8"),
        )
        event = raw_event(batch, 0, feed="test")
        (tmp_path / "data").write_bytes(event.data or b"")
        words = ["--type", event.type, "--id", event.id, "--source", event.source, "--file", tmp_path / "data"]
        extensions = [word for name, value in event.extensions.items() for word in ("-e", f"{name}={value}")]
        told = tickloom("invoke", f"http://127.0.0.1:{port}/tickloom/market", *words, *extensions)
        assert told.stdout.startswith("202")
        until = time.monotonic() + READY_S
        while (
            "TickBatch" not in (told := tickloom("events", "list", "--folder", tmp_path, "--broker", "market")).stdout
        ):
            assert time.monotonic() < until, told.stdout
    finally:
        process.send_signal(signal.SIGTERM)
        said, _ = process.communicate(timeout=READY_S)
    assert process.returncode == 0
    assert f"http://127.0.0.1:{port}/tickloom/market" in said
    assert leftovers(tmp_path) == []
    assert not (tmp_path / WHERE).exists()
