"""Let what is measured have the cores: kept from falling asleep, and before whatever else runs on the machine.

A core without work halts, and where the machine is virtual its host takes from fifty microseconds to some milliseconds
to wake it, at every step of a chain of processes. On a machine of one's own the kernel's `idle=poll`, or the profile
`latency-performance` of tuned, does the same. Where two cores are threads of one, each takes from the other what it
spins away: right for a load that mostly waits, wrong for one that computes.

A process that the scheduler treats like any other waits its turn behind the kernel's housekeeping and everybody's
errands, milliseconds at a time; one of the real-time class does not. `chrt -r 1 COMMAND` starts anything like that, and
`CPUSchedulingPolicy=rr` in a unit of systemd; it takes CAP_SYS_NICE. Source: sched(7), SCHED_IDLE and SCHED_RR.
"""

import contextlib
import os
import pathlib
import signal
import subprocess
import sys
from collections.abc import Iterator, Sequence
from typing import Final

from functions.local import leash

PRIORITY: Final = 1
"""The least real-time priority: before all that has none, behind all that asked for more."""

_LOOP: Final = """
import os, sys
os.sched_setaffinity(0, {int(sys.argv[1])})
os.nice(19)
os.sched_setscheduler(0, os.SCHED_IDLE, os.sched_param(0))
while True:
    pass
"""


@contextlib.contextmanager
def preferred() -> Iterator[bool]:
    """Run in the real-time class, and whatever is started meanwhile; tell whether the machine permits it."""
    policy, usual = os.sched_getscheduler(0), os.sched_getparam(0)
    try:
        os.sched_setscheduler(0, os.SCHED_RR, os.sched_param(PRIORITY))
    except PermissionError:
        yield False
        return
    try:
        yield True
    finally:
        os.sched_setscheduler(0, policy, usual)


@contextlib.contextmanager
def awake(cpus: Sequence[int]) -> Iterator[list[int]]:
    """Keep these cores awake; give the pids of those who do. They end with us, whatever becomes of us."""
    plain = (sys.executable, "-I", "-S")
    held = (*plain, str(pathlib.Path(leash.__file__)), str(int(signal.SIGKILL)), str(os.getpid()))
    loops = [subprocess.Popen((*held, *plain, "-c", _LOOP, str(cpu))) for cpu in cpus]  # noqa: S603 - ours
    try:
        yield [one.pid for one in loops]
    finally:
        for one in loops:
            one.kill()
        for one in loops:
            one.wait()
