"""Name a process so that it can be found again: by pid and start time, never by name.

A pid alone is reused by the kernel; with the start time (clock ticks since boot, `/proc/PID/stat`) it is unique until
the next boot, whose id the caller keeps beside it. Signals go through a pidfd, opened before the start time is read
again, so no other process can ever receive them. Linux 5.3 or later.
"""

import asyncio
import contextlib
import errno
import os
import pathlib
import signal
from collections.abc import Iterator
from dataclasses import dataclass

PROC = pathlib.Path("/proc")
KILL_S = 5.0  # a killed process is gone in milliseconds; only one stuck in the kernel takes longer
_NOT_THERE = (errno.ESRCH, errno.EINVAL, errno.ENOENT)


@dataclass(frozen=True, slots=True)
class Identity:
    """One process: its pid and its start in clock ticks since boot."""

    pid: int
    start: int


def boot_id() -> str:
    """Name this boot of the machine; start times of two boots cannot be compared."""
    return (PROC / "sys/kernel/random/boot_id").read_text(encoding="ascii").strip()


def identify(pid: int) -> Identity | None:
    """Name the running process of a pid; None where there is none, or only its remains (a zombie)."""
    fields = _stat(pid)
    if not fields or fields[0] in "ZX":
        return None
    return Identity(pid, int(fields[19]))


def is_alive(known: Identity) -> bool:
    """Say whether exactly this process still runs."""
    return identify(known.pid) == known


def command(known: Identity) -> tuple[bytes, ...]:
    """Give the command line of a process; empty where it is gone."""
    try:
        text = (PROC / str(known.pid) / "cmdline").read_bytes()
    except (FileNotFoundError, ProcessLookupError):
        return ()
    return tuple(text.split(b"\0")) if is_alive(known) else ()


def members(leader: Identity) -> tuple[Identity, ...]:
    """List what runs in the session and group that this process leads or led, itself included.

    The pid of a leader stays taken while its group has members. So once another process bears the pid, the group is
    over; and members older than the leader are not its own.
    """
    found: list[Identity] = []
    if (bearer := identify(leader.pid)) is not None and bearer != leader:
        return ()
    for entry in PROC.iterdir():
        fields = _stat(int(entry.name)) if entry.name.isdigit() else []
        if not fields or fields[0] in "ZX" or {fields[2], fields[3]} != {str(leader.pid)}:
            continue
        if int(fields[19]) >= leader.start:
            found.append(Identity(int(entry.name), int(fields[19])))
    return tuple(found)


def listens(leader: Identity, port: int) -> bool:
    """Say whether this process or its group, and no stranger, has the listening socket of a TCP port."""
    sockets = {f"socket:[{inode}]" for table in ("tcp", "tcp6") for inode in _listening(table, port)}
    return any(sockets.intersection(_open_files(member)) for member in members(leader))


def send(known: Identity, number: signal.Signals) -> bool:
    """Send a signal to exactly this process; False where it is gone."""
    with _handle(known) as handle:
        if handle is None:
            return False
        with contextlib.suppress(ProcessLookupError):
            signal.pidfd_send_signal(handle, number)
            return True
        return False


async def gone(known: Identity, *, within_s: float | None) -> bool:
    """Wait until this process has ended, or the time is over; say whether it has ended."""
    with _handle(known) as handle:
        if handle is None:
            return True
        loop = asyncio.get_running_loop()
        ended = asyncio.Event()
        loop.add_reader(handle, ended.set)  # a pidfd becomes readable when its process ends
        try:
            async with asyncio.timeout(within_s):
                await ended.wait()
        except TimeoutError:
            return False
        finally:
            loop.remove_reader(handle)
        return True


async def end(leader: Identity, *, first: signal.Signals, grace_s: float) -> bool:
    """End a process and its group: politely, then by force; say whether nothing of it is left."""
    if send(leader, first) and not await gone(leader, within_s=grace_s):
        send(leader, signal.SIGKILL)
    rest = members(leader)
    for member in rest:
        send(member, signal.SIGKILL)
    return all([await gone(member, within_s=KILL_S) for member in (leader, *rest)])


@contextlib.contextmanager
def _handle(known: Identity) -> Iterator[int | None]:
    """Open a pidfd of exactly this process; None where it is gone."""
    try:
        handle = os.pidfd_open(known.pid)
    except OSError as error:
        if error.errno not in _NOT_THERE:
            raise
        yield None
        return
    try:
        yield handle if is_alive(known) else None
    finally:
        os.close(handle)


def _stat(pid: int) -> list[str]:
    """Read the fields of /proc/PID/stat from the third (state) on; empty where the process is gone."""
    try:
        text = (PROC / str(pid) / "stat").read_text(encoding="utf-8", errors="replace")
    except (FileNotFoundError, ProcessLookupError):
        return []
    return text[text.rindex(")") + 2 :].split()  # the second field, a name in brackets, may hold blanks and brackets


def _listening(table: str, port: int) -> Iterator[str]:
    """Read from /proc/net/TABLE the inodes of sockets that listen on a port (state 0A), at any address."""
    path = PROC / "net" / table
    lines = path.read_text(encoding="ascii").splitlines()[1:] if path.exists() else []
    for fields in map(str.split, lines):
        if fields[3] == "0A" and int(fields[1].rsplit(":", 1)[1], 16) == port:
            yield fields[9]


def _open_files(known: Identity) -> Iterator[str]:
    with contextlib.suppress(FileNotFoundError, ProcessLookupError, PermissionError):
        for entry in (PROC / str(known.pid) / "fd").iterdir():
            with contextlib.suppress(FileNotFoundError):
                yield str(entry.readlink())
