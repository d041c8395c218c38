"""Say what a benchmark found: figures with the bar they are held against, and the arithmetic of repeated runs.

Bars are information beside a figure, never a gate: a machine that is shared or slower is no failure.
"""

import dataclasses
import gc
import math
import os
import pathlib
import statistics
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Final, TypeAlias, TypeVar

T = TypeVar("T")

Tell: TypeAlias = Callable[[int, int, str], None]
"""Told how much is done, of how much, and one phrase more."""

GC_ALLOCATIONS: Final = 50_000
"""What the platform allows between two looks of the garbage collector."""


@dataclass(frozen=True, slots=True)
class Figure:
    """Hold one measured figure.

    Args:
        name: What was measured.
        value: The figure.
        unit: Its unit.
        must: What it must hold in the end, in the same unit; empty where nothing is promised.
        goal: What it should reach.
        note: How it was measured, where the name does not say it.
    """

    name: str
    value: float
    unit: str
    must: str = ""
    goal: str = ""
    note: str = ""

    def as_dict(self) -> dict[str, Any]:
        """Give it for JSON."""
        return dataclasses.asdict(self)


def quantile(ordered: Sequence[float], share: float) -> float:
    """Give the value that a share (0 to 1) of all does not exceed.

    >>> quantile([1.0, 2.0, 3.0, 4.0], 0.5)
    2.0

    Args:
        ordered: At least one value, ascending.
        share: Share of the values.
    """
    return ordered[max(math.ceil(share * len(ordered)) - 1, 0)]


def quantiles(values: Sequence[float]) -> tuple[float, float]:
    """Give the median and the 99th percentile."""
    ordered = sorted(values)
    return quantile(ordered, 0.5), quantile(ordered, 0.99)


def seconds_of(
    rounds: int, work: Callable[[T], object], prepare: Callable[[], T], *, clock: Callable[[], float] = time.thread_time
) -> float:
    """Give the median processor time of a piece of work, seconds; it runs once before it is measured.

    Processor time of this thread, so that others on the core do not count.

    Args:
        rounds: How often it is measured.
        work: The work.
        prepare: Makes what the work is given, outside of the time.
        clock: Gives processor time, seconds; that of the process where work is done in threads of a library's own.
    """
    work(prepare())
    taken = []
    for _ in range(rounds):
        given = prepare()
        began = clock()
        work(given)
        taken.append(clock() - began)
    return statistics.median(taken)


def settle() -> None:
    """Keep the garbage collector off what is there, as a started platform does."""
    gc.collect()
    gc.freeze()
    gc.set_threshold(GC_ALLOCATIONS)


def pin(cpu: int, pid: int | None = None) -> None:
    """Keep every thread of a process on one core, those that libraries have started already, too.

    Args:
        cpu: The core.
        pid: The process; None is this one.
    """
    for thread in pathlib.Path(f"/proc/{pid or 'self'}/task").iterdir():
        os.sched_setaffinity(int(thread.name), {cpu})
