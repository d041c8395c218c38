"""Say how patient a connection is, what it works with, and what it went through; settings and counts only."""

import asyncio
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field

from functions.adapters.resilience import BreakerLimits, Clock, full_jitter
from functions.ports.venue import Report, Wiretap


@dataclass(frozen=True, slots=True)
class Patience:
    """Say where the venue is, if not where its profile says, and how patient to be with it.

    Args:
        websocket_url: Base of the streams; empty for the profile's.
        rest_url: Base of the REST answers; empty for the profile's.
        api_key: Key for REST answers that the venue keeps for its customers; empty for none.
        idle_s: Silence after which a connection counts as dead, seconds; 0 is the profile's.
        open_s: Time to connect, or for a REST answer to come, seconds.
        backoff_s: Longest wait after the first failure, seconds; it doubles.
        backoff_max_s: Longest wait of all, seconds.
        resync_s: Least time between two attempts to get a symbol's book anew, seconds.
        backfill_pages_max: Most pages asked for to fill one hole.
        held_max: Messages kept back while a hole is filled; more wait in the socket.
        breaker: When to leave a failing venue alone.
    """

    websocket_url: str = ""
    rest_url: str = ""
    api_key: str = ""
    idle_s: float = 0.0
    open_s: float = 10.0
    backoff_s: float = 0.25
    backoff_max_s: float = 30.0
    resync_s: float = 1.0
    backfill_pages_max: int = 100
    held_max: int = 100_000
    breaker: BreakerLimits = field(default_factory=BreakerLimits)


@dataclass(slots=True)
class Counts:
    """Count what a connection went through."""

    connections: int = 0
    breaches: int = 0
    holes: int = 0
    backfilled_rows: int = 0
    backfills_owed: int = 0


@dataclass(frozen=True, slots=True)
class Hands:
    """Hold what a connection works with, so that a test can hold it instead.

    Args:
        report: Is told of lost connections, broken books, holes, and requests that failed.
        clock: Gives UTC nanoseconds.
        elapsed: Gives seconds on a clock that never goes back.
        pause: Waits for seconds.
        jitter: Draws the wait after failure n, in seconds; None is full jitter.
        tap: Is told of connections and of what is sent; None is nobody.
    """

    report: Report
    clock: Callable[[], int] = time.time_ns
    elapsed: Clock = time.monotonic
    pause: Callable[[float], Awaitable[None]] = asyncio.sleep
    jitter: Callable[[int], float] | None = None
    tap: Wiretap | None = None

    def wait_s(self, attempt: int, patience: Patience) -> float:
        """Draw the wait after a failed attempt, counted from 0, in seconds."""
        if self.jitter is not None:
            return self.jitter(attempt)
        return full_jitter(attempt, base_s=patience.backoff_s, max_s=patience.backoff_max_s)
