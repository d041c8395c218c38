"""Hosting a feed: it ends by itself, is stopped by a signal, or fails, and is closed each time."""

import asyncio
import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest
from envelopes import sample

from functions.adapters.memory_sink import MemorySink
from functions.ports.card import Card, Kind
from functions.ports.sink import Sink
from functions.runtime import feed_app
from functions.runtime.hosting import HostedFeed

CARD = Card("ticker", Kind.FEED, "1", "Publish a little.")
ROOT = Path(__file__).parents[2]

MAIN = """
from dataclasses import dataclass
from functions.adapters.memory_sink import MemorySink
from functions.ports.card import Card, Kind
from functions.runtime import feed_app
from functions.runtime.hosting import HostedFeed
import contextlib

@dataclass(frozen=True, slots=True)
class Settings:
    fails: bool = False

def compose(settings):
    async def run(sink):
        if settings.fails:
            raise RuntimeError("boom")
    return HostedFeed(Card("ticker", Kind.FEED, "1", "Nothing."), run)

feed_app.serve(Settings, compose, lambda environ: contextlib.nullcontext(MemorySink()))
"""


class Feed:
    """A feed that publishes, and then ends, waits or fails."""

    def __init__(self, then: str) -> None:
        """Say what it does after publishing."""
        self.closed = 0
        self.published = asyncio.Event()
        self._then = then

    async def run(self, sink: Sink) -> None:
        """Publish one event and go on as told."""
        await sink.publish(sample())
        self.published.set()
        if self._then == "wait":
            await asyncio.Event().wait()
        if self._then == "fail":
            message = "boom"
            raise RuntimeError(message)

    async def close(self) -> None:
        """Count the closing."""
        self.closed += 1

    def hosted(self) -> HostedFeed:
        """Give it as a host takes it."""
        return HostedFeed(CARD, self.run, self.close)


async def test_ends() -> None:
    """A feed whose input ends is closed and says so."""
    feed, sink = Feed("end"), MemorySink()
    assert await feed_app.run(feed.hosted(), sink)
    assert (sink.events, feed.closed) == ([sample()], 1)


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
async def test_stopped(number: signal.Signals) -> None:
    """A signal stops a feed that would go on, and it is closed."""
    feed = Feed("wait")
    running = asyncio.create_task(feed_app.run(feed.hosted(), MemorySink()))
    await feed.published.wait()
    os.kill(os.getpid(), number)
    assert not await running
    assert feed.closed == 1


async def test_fails() -> None:
    """A feed that fails is closed, and its error is not hidden."""
    feed = Feed("fail")
    with pytest.raises(RuntimeError, match="boom"):
        await feed_app.run(feed.hosted(), MemorySink())
    assert feed.closed == 1


@pytest.mark.parametrize(
    ("environ", "code", "said"),
    [
        ({}, 0, "feed_ended"),
        ({"TICKLOOM_FAILS": "true"}, 1, "feed_failed"),
        ({"TICKLOOM_FAILS": "perhaps"}, 2, "TICKLOOM_FAILS must be true or false"),
    ],
)
def test_process(tmp_path: Path, environ: dict[str, str], code: int, said: str) -> None:
    """A feed's process exits with 0 at its end, 1 when it fails, 2 for wrong settings, and says why."""
    main = tmp_path / "main.py"
    main.write_text(MAIN)
    done = subprocess.run(  # noqa: S603 - ours
        [sys.executable, str(main)],
        env={**os.environ, "PYTHONPATH": str(ROOT), **environ},
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )
    assert (done.returncode, done.stdout) == (code, "")
    assert said in done.stderr
