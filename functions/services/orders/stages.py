"""Measure where an order's time goes between its request and its answer."""

import time
from collections.abc import Callable, Iterable
from typing import Final, TypeAlias

from functions.ports.telemetry import NULL, Telemetry

METRIC: Final = "tickloom_order_stage_seconds"
WHOLE: Final = "order.processing.latency"
ANSWERED: Final = "answered"

Lap: TypeAlias = Callable[[str], None]
"""Told that a stage of a group has just ended."""


class Stages:
    """Measure the stages of each group: `waited` for every request, then `decided`, `stored`, `answered` for all.

    With `answered` each request's whole time is told, too.

    Args:
        clock: Measures durations, seconds.
    """

    def __init__(self, clock: Callable[[], float] = time.perf_counter) -> None:
        """Measure nothing until told where it is kept."""
        self.telemetry: Telemetry = NULL
        self.clock = clock

    def begin(self, since_s: Iterable[float]) -> Lap:
        """Begin a group.

        Args:
            since_s: When each of its requests was handed over, on the same clock.

        Returns:
            What to call as each further stage ends.
        """
        if not self.telemetry.enabled:
            return _unmeasured
        begun_s, asked_s = self.clock(), tuple(since_s)
        for one in asked_s:
            self.telemetry.observe(METRIC, {"stage": "waited"}, begun_s - one)

        def lap(stage: str) -> None:
            nonlocal begun_s
            ended_s = self.clock()
            self.telemetry.observe(METRIC, {"stage": stage}, ended_s - begun_s)
            begun_s = ended_s
            for one in asked_s if stage == ANSWERED else ():
                self.telemetry.observe(WHOLE, {}, ended_s - one)

        return lap


def _unmeasured(stage: str) -> None:
    """Measure nothing."""
