"""What is measured has the cores: awake, and before others, for as long as somebody wants it."""

import os
import pathlib
import subprocess
import sys
import time

import pytest

from functions.local.awake import awake, preferred


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


def test_real_time() -> None:
    """What is started meanwhile runs in the real-time class where the machine permits it, and nothing does later."""
    asked = (sys.executable, "-c", "import os; print(os.sched_getscheduler(0))")
    before = os.sched_getscheduler(0)
    with preferred() as permitted:
        started = int(subprocess.check_output(asked))  # noqa: S603 - ours
    assert started == (os.SCHED_RR if permitted else before)
    assert os.sched_getscheduler(0) == before


def test_awake_while_preferred() -> None:
    """The loops that keep cores awake stay behind everybody, whoever starts them."""
    with preferred(), awake(sorted(os.sched_getaffinity(0))[:1]) as (pid,):
        end = time.monotonic() + 30
        while policy(pid) != ("19", os.SCHED_IDLE) and time.monotonic() < end:
            time.sleep(0.01)
        assert policy(pid) == ("19", os.SCHED_IDLE)


def test_real_time_that_is_not_permitted(monkeypatch: pytest.MonkeyPatch) -> None:
    """Without the right to it everything runs as usual, and that is told."""

    def refuse(*_: object) -> None:
        raise PermissionError

    monkeypatch.setattr(os, "sched_setscheduler", refuse)
    with preferred() as permitted:
        assert permitted is False
