"""Cores are kept awake by loops of the least priority, for as long as somebody wants it."""

import os
import pathlib
import time

from functions.local.awake import awake


def policy(pid: int) -> tuple[str, int]:
    """Read a process's nice value and scheduling policy; source: proc(5), /proc/pid/stat, fields 19 and 41."""
    fields = pathlib.Path(f"/proc/{pid}/stat").read_text().rpartition(") ")[2].split()
    return fields[16], int(fields[38])


def test_cores_are_kept_awake() -> None:
    """On each core a loop runs that gives way to all others; afterwards none is left."""
    cpus = sorted(os.sched_getaffinity(0))[:2]
    with awake(cpus) as pids:
        for pid, cpu in zip(pids, cpus, strict=True):
            end = time.monotonic() + 30
            while policy(pid) != ("19", os.SCHED_IDLE) and time.monotonic() < end:
                time.sleep(0.01)
            assert policy(pid) == ("19", os.SCHED_IDLE)
            assert os.sched_getaffinity(pid) == {cpu}
    assert not any(pathlib.Path(f"/proc/{pid}").exists() for pid in pids)


def test_no_core() -> None:
    """Where nothing is to be kept awake, nothing runs."""
    with awake([]) as pids:
        assert pids == []
