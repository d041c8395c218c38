"""A patient sink waits out a broker that is down, and nothing else."""

import pytest

from functions.adapters.memory_sink import MemorySink
from functions.adapters.patient_sink import PatientSink
from functions.adapters.resilience import full_jitter
from functions.ports.errors import Overloaded, Unavailable
from functions.wire.envelope import Event
from functions.wire.errors import Malformed

EVENT = Event("1", "/a", "b")


class Waits:
    """Note how long was to be waited, and wait for nothing."""

    def __init__(self) -> None:
        """Begin empty."""
        self.seconds: list[float] = []

    async def __call__(self, seconds: float) -> None:
        """Note it."""
        self.seconds.append(seconds)


async def test_tries_again() -> None:
    """The same event is published until the broker has it, each wait drawn from a span twice as long."""
    waits = Waits()
    inner = MemorySink([Unavailable("down"), Overloaded("busy"), Unavailable("down"), None])
    sink = PatientSink(inner, pause=waits, base_s=1.0, max_s=3.0)
    await sink.publish(EVENT)
    assert inner.events == [EVENT]
    assert sink.retries == 3
    assert all(0 <= wait <= limit for wait, limit in zip(waits.seconds, (1.0, 2.0, 3.0), strict=True))


async def test_gives_up_what_is_refused() -> None:
    """An event that the broker refuses for good is not tried again."""
    sink = PatientSink(MemorySink([Malformed("no")]), pause=Waits())
    with pytest.raises(Malformed):
        await sink.publish(EVENT)
    assert sink.retries == 0


def test_jitter_is_bounded() -> None:
    """However often it failed, a wait is never longer than its cap."""
    assert all(0 <= full_jitter(attempt, base_s=0.1, max_s=5.0) <= 5.0 for attempt in (0, 1, 10, 10_000))
