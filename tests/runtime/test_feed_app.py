"""Hosting a feed: it ends by itself, is stopped by a signal, or fails, and is closed each time."""

import asyncio
import json
import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest
from envelopes import sample

from functions.adapters.memory_sink import MemorySink
from functions.adapters.patient_sink import PatientSink
from functions.ports.card import Card, Kind
from functions.ports.errors import Overloaded, Unavailable
from functions.ports.sink import Sink
from functions.runtime import feed_app, logs
from functions.runtime.hosting import HostedFeed
from functions.wire.envelope import Event

CARD = Card("ticker", Kind.FEED, "1", "Publish a little.")
ROOT = Path(__file__).parents[2]

MAIN = """
from dataclasses import dataclass
from functions.adapters.memory_sink import MemorySink
from functions.ports.card import Card, Kind
from functions.runtime import feed_app
from functions.runtime.hosting import HostedFeed
from functions.adapters.http_sink import HttpSink
from functions.wire.envelope import Event
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

AWAY = MAIN.replace(
    """        if settings.fails:
            raise RuntimeError("boom")
""",
    """        await sink.publish(Event(id="1", source="/a", type="t"))
""",
).replace("contextlib.nullcontext(MemorySink())", """HttpSink("http://127.0.0.1:1/")""")


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


class Down:
    """A sink that fails as often as it is told, and then takes."""

    def __init__(self, *errors: Exception) -> None:
        """Say with what."""
        self._errors = list(errors)

    async def publish(self, event: Event) -> None:
        """Fail, or take."""
        assert event == sample()
        if self._errors:
            raise self._errors.pop(0)


async def test_a_broker_that_is_away_is_told(capsys: pytest.CaptureFixture[str]) -> None:
    """A feed that waits for its broker says so, once in a while, and says when it need not any more."""
    logs._structlog.cache_clear()  # noqa: SLF001 - the writer is bound to the stderr of its first line
    sink = feed_app.ToldSink(Down(Unavailable("no way there"), Overloaded("slow down")), "ticker")
    waited = PatientSink(sink, pause=lambda _: asyncio.sleep(0))
    await waited.publish(sample())
    await waited.publish(sample())
    told = [json.loads(line) for line in capsys.readouterr().err.splitlines()]
    logs._structlog.cache_clear()  # noqa: SLF001
    assert [(one["event"], one["failed"]) for one in told] == [("event_not_published", 1), ("publishing_resumed", 2)]
    assert told[0]["reason"] == "no way there"


def test_a_process_tells_it(tmp_path: Path) -> None:
    """The sink of a feed's process is one that tells."""
    main = tmp_path / "main.py"
    main.write_text(AWAY)
    environ = {**os.environ, "PYTHONPATH": str(ROOT)}
    done = subprocess.run([sys.executable, str(main)], env=environ, capture_output=True, check=False, timeout=60)  # noqa: S603 - ours
    assert done.returncode == 1
    assert b"event_not_published" in done.stderr
