"""Own the processes the platform starts: none outlives it, and a start clears what an earlier run left.

Every child gets its own session, a log file, and a leash (`leash`) by which the kernel ends it when we are killed. Each
is written to `children.json` by pid and start time before anyone may rely on it, so the next run on the folder ends
what is still there. It is ended, never adopted: a child on a leash that outlived us is already on its way out, and one
without would not end with us next time. A lock on the folder keeps two platforms apart.

ChildError
├── ChildFailed    a child ended early or was not ready in time; the message holds the end of its log
└── FolderInUse    another platform owns the folder
"""

import asyncio
import contextlib
import fcntl
import json
import os
import pathlib
import signal
import socket
import subprocess
import sys
import threading
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from types import TracebackType
from typing import Any, Final, Self, TypeAlias

from functions.local import processes
from functions.local.processes import Identity

Probe: TypeAlias = Callable[[int], Awaitable[bool]]

STATE: Final = "children.json"
LOCK: Final = "platform.lock"
LOGS: Final = "log"
PORT: Final = "{port}"
PORT_ATTEMPTS: Final = 3  # a free port may be taken between our look and the child's bind
LOG_TAIL_BYTES: Final = 2000
PROBE_PAUSE_S_MIN: Final = 0.005
PROBE_PAUSE_S_MAX: Final = 0.1
PROBE_ANSWER_S: Final = 1.0
_LEASH: Final = pathlib.Path(__file__).with_name("leash.py")


class ChildError(Exception):
    """Root of what can go wrong with our own processes."""


class ChildFailed(ChildError):  # noqa: N818 - reads as what happened
    """A child ended early or was not ready in time."""


class FolderInUse(ChildError):  # noqa: N818 - reads as what happened
    """Another platform owns the folder."""


@dataclass(frozen=True, slots=True)
class Spec:
    """Say what to start and how to know that it is ready.

    Attributes:
        name: Unique among the children; names the log file.
        command: Program and arguments; `{port}` in any of them stands for the port.
        env: Added to our environment without its TICKLOOM_ settings; `{port}` in a value stands for the port.
        probe: Asked with the port until it says yes; None = ready as soon as it runs.
        port: The port to give; 0 chooses a free one where `{port}` is used.
        prefix: A command that changes credentials and then runs the rest; goes before the leash.
        on_death: What the kernel sends the child when we die.
        on_stop: What we send it first at a normal end.
        layer: A normal end stops the highest layer first: services before the stores they use.
        ready_s: How long it may take to be ready.
        stop_s: How long it may take to end before it is killed.
    """

    name: str
    command: tuple[str, ...]
    env: Mapping[str, str] = field(default_factory=dict, repr=False)
    probe: Probe | None = None
    port: int = 0
    prefix: tuple[str, ...] = ()
    on_death: signal.Signals = signal.SIGKILL
    on_stop: signal.Signals = signal.SIGTERM
    layer: int = 1
    ready_s: float = 15.0
    stop_s: float = 5.0


@dataclass(frozen=True, slots=True)
class Child:
    """A process we started and own."""

    spec: Spec
    known: Identity
    port: int
    log: pathlib.Path
    process: "subprocess.Popen[bytes]" = field(repr=False)

    @property
    def name(self) -> str:
        """Give the name under which it was started."""
        return self.spec.name

    @property
    def pid(self) -> int:
        """Give its process id; it leads a session and group of the same number."""
        return self.known.pid

    @property
    def is_alive(self) -> bool:
        """Say whether it still runs."""
        return processes.is_alive(self.known)

    async def wait(self, *, within_s: float | None = None) -> int | None:
        """Wait for its end; give the exit status (negative: the signal), or None where time ran out first."""
        ended = await processes.gone(self.known, within_s=within_s)
        return self.process.wait() if ended else None


class Children:
    """The processes of one platform, in one folder; an asynchronous context that leaves nothing running."""

    def __init__(self, folder: pathlib.Path) -> None:
        """Name the folder for logs and state; nothing is opened before `open`.

        Args:
            folder: Made if missing; one platform at a time.
        """
        self.folder = folder
        self.cleared: tuple[str, ...] = ()
        self._running: dict[str, Child] = {}
        self._lock: int | None = None

    async def __aenter__(self) -> Self:
        """Open, see `open`."""
        await self.open()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """End everything, see `close`."""
        await self.close()

    def __getitem__(self, name: str) -> Child:
        """Give a running child by name."""
        return self._running[name]

    def __contains__(self, name: object) -> bool:
        """Say whether a child of this name was started and not stopped."""
        return name in self._running

    def names(self) -> tuple[str, ...]:
        """Name the children that were started and not stopped."""
        return tuple(self._running)

    async def open(self) -> None:
        """Take the folder and end what an earlier run left in it; `cleared` then names those.

        Raises:
            FolderInUse: Another platform runs on this folder.
            ChildError: A process of an earlier run does not end.
        """
        (self.folder / LOGS).mkdir(parents=True, exist_ok=True)
        self._lock = _lock(self.folder / LOCK)
        left = leftovers(self.folder)
        ended = await asyncio.gather(*(processes.end(one.known, first=one.on_stop, grace_s=one.stop_s) for one in left))
        if stuck := [one for one, done in zip(left, ended, strict=True) if not done]:
            names = ", ".join(f"{one.name} (pid {one.known.pid})" for one in stuck)
            message = f"{names} of an earlier run in {self.folder} does not end; end it, then start again"
            raise ChildError(message)
        self.cleared = tuple(one.name for one in left)
        self._write()

    async def start(self, spec: Spec) -> Child:
        """Start a child and wait until it is ready.

        Args:
            spec: What to start.

        Returns:
            The running, ready child.

        Raises:
            ChildFailed: It ended, or was not ready within `spec.ready_s`; it is stopped then.
        """
        for _ in range(PORT_ATTEMPTS):
            child = self._spawn(spec)
            try:
                await _ready(child)
            except BaseException as error:
                await self.stop(spec.name)
                if isinstance(error, ChildFailed) and spec.port == 0 and child.port and not _is_free(child.port):
                    continue
                raise
            return child
        message = f"{spec.name} found no free port in {PORT_ATTEMPTS} attempts; see {child.log}"
        raise ChildFailed(message)

    async def run(self, spec: Spec) -> None:
        """Run a child to its end, within `spec.ready_s`.

        Raises:
            ChildFailed: It said no, or took too long.
        """
        child = self._spawn(spec)
        try:
            status = await child.wait(within_s=spec.ready_s)
        finally:
            await self.stop(spec.name)
        if status != 0:
            what = f"took more than {spec.ready_s:g} s" if status is None else f"ended with status {status}"
            raise ChildFailed(_failure(child, what))

    async def stop(self, name: str) -> None:
        """End one child and its group; a name that is not running is no error."""
        child = self._running.get(name)
        if child is None:
            return
        ended = await processes.end(child.known, first=child.spec.on_stop, grace_s=child.spec.stop_s)
        if not ended:  # it stays in the state file, so the next start tries again
            message = f"{name} (pid {child.pid}) does not end; see {child.log}"
            raise ChildError(message)
        child.process.wait()
        self._running.pop(name, None)
        self._write()

    async def close(self) -> None:
        """End all children, highest layer first, each layer at once, and let go of the folder."""
        if self._lock is None:
            return
        try:
            for layer in sorted({child.spec.layer for child in self._running.values()}, reverse=True):
                names = [name for name, child in self._running.items() if child.spec.layer == layer]
                await asyncio.gather(*(self.stop(name) for name in names))
        finally:
            os.close(self._lock)
            self._lock = None

    def _spawn(self, spec: Spec) -> Child:
        if self._lock is None or spec.name in self._running:
            message = f"{spec.name}: " + ("the children are not open" if self._lock is None else "already running")
            raise ChildError(message)
        if threading.current_thread() is not threading.main_thread():
            message = f"{spec.name} must be started from the main thread, for it ends with the thread that started it"
            raise ChildError(message)
        port = spec.port or (free_port() if _uses_port(spec) else 0)
        log = self.folder / LOGS / f"{spec.name}.log"
        process = _popen(spec, port=port, log=log)
        known = processes.identify(process.pid) or Identity(process.pid, 0)  # 0: it ended before we could look
        child = Child(spec, known, port, log, process)
        self._running[spec.name] = child
        self._write()
        return child

    def _write(self) -> None:
        """Replace the state file in one step: a reader sees the old or the new, never a half."""
        kept = [
            {
                "name": child.name,
                "pid": child.pid,
                "start": child.known.start,
                "on_stop": int(child.spec.on_stop),
                "stop_s": child.spec.stop_s,
                "port": child.port,
            }
            for child in self._running.values()
        ]
        ours = processes.identify(os.getpid())
        platform = {"pid": os.getpid(), "start": ours.start if ours else 0}
        state = {"boot": processes.boot_id(), "platform": platform, "children": kept}
        fresh = self.folder / f"{STATE}.new"
        fresh.write_text(json.dumps(state, indent=1) + "\n", encoding="utf-8")
        fresh.replace(self.folder / STATE)


@dataclass(frozen=True, slots=True)
class Leftover:
    """A process of an earlier run that is still there."""

    name: str
    known: Identity
    on_stop: signal.Signals
    stop_s: float


def leftovers(folder: pathlib.Path) -> list[Leftover]:
    """List the children that the folder's state file names and that still run, or whose group does.

    Args:
        folder: Where `children.json` may lie.

    Returns:
        Empty where there is no state, or it is of another boot: then nothing of it can run.
    """
    state = _state(folder)
    if state is None:
        return []
    noted = [
        Leftover(one["name"], Identity(one["pid"], one["start"]), signal.Signals(one["on_stop"]), one["stop_s"])
        for one in state["children"]
    ]
    return [one for one in noted if processes.members(one.known)]


def owner(folder: pathlib.Path) -> Identity | None:
    """Name the platform that runs on a folder now; None where none does."""
    state = _state(folder)
    if state is None:
        return None
    known = Identity(state["platform"]["pid"], state["platform"]["start"])
    return known if processes.is_alive(known) else None


def free_port() -> int:
    """Choose a loopback TCP port that is free now."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


async def tcp_open(port: int) -> bool:
    """Say whether something accepts connections on a loopback port."""
    try:
        _, writer = await asyncio.open_connection("127.0.0.1", port)
    except OSError:
        return False
    writer.close()
    with contextlib.suppress(OSError):
        await writer.wait_closed()
    return True


def http_ok(path: str) -> Probe:
    """Make a probe that says yes once GET `path` on the loopback port answers with a 2xx status."""

    async def probe(port: int) -> bool:
        try:
            reader, writer = await asyncio.open_connection("127.0.0.1", port)
        except OSError:
            return False
        try:
            writer.write(f"GET {path} HTTP/1.0\r\nHost: 127.0.0.1:{port}\r\nConnection: close\r\n\r\n".encode())
            status = (await reader.readline()).split()
        except OSError:
            return False
        finally:
            writer.close()
        return len(status) > 1 and status[1].startswith(b"2")

    return probe


async def grpc_serving(port: int) -> bool:
    """Say whether a gRPC server on a loopback port reports itself as serving (grpc.health.v1)."""
    if not await tcp_open(port):
        return False
    import grpc  # noqa: PLC0415 - 0.1 s that only a platform with gRPC children pays
    from grpc_health.v1 import health_pb2  # noqa: PLC0415

    async with grpc.aio.insecure_channel(f"127.0.0.1:{port}") as channel:
        check = channel.unary_unary(
            "/grpc.health.v1.Health/Check",
            request_serializer=health_pb2.HealthCheckRequest.SerializeToString,
            response_deserializer=health_pb2.HealthCheckResponse.FromString,
        )
        try:
            answer = await check(health_pb2.HealthCheckRequest(), timeout=PROBE_ANSWER_S)
        except grpc.aio.AioRpcError:
            return False
    return bool(answer.status == health_pb2.HealthCheckResponse.SERVING)


async def _ready(child: Child) -> None:
    """Ask the probe until it says yes, the child ends, or its time is over."""
    pause = PROBE_PAUSE_S_MIN
    try:
        async with asyncio.timeout(child.spec.ready_s):
            while child.spec.probe is not None and not await _answers(child.spec.probe, child):
                status = await child.wait(within_s=pause)
                if status is not None:
                    raise ChildFailed(_failure(child, f"ended with status {status}"))
                pause = min(pause * 1.5, PROBE_PAUSE_S_MAX)
    except TimeoutError:
        raise ChildFailed(_failure(child, f"was not ready within {child.spec.ready_s:g} s")) from None


async def _answers(probe: Probe, child: Child) -> bool:
    """Ask the probe once, and make sure that it was the child who answered: another may have taken its port."""
    try:
        async with asyncio.timeout(PROBE_ANSWER_S):
            return await probe(child.port) and (child.port == 0 or processes.listens(child.known, child.port))
    except TimeoutError:
        return False


def _state(folder: pathlib.Path) -> dict[str, Any] | None:
    """Read the state file; None where there is none, or it is of another boot."""
    try:
        state: dict[str, Any] = json.loads((folder / STATE).read_text(encoding="utf-8"))
    except (FileNotFoundError, ValueError):  # half a file: power was lost, and with it every process
        return None
    return state if state["boot"] == processes.boot_id() else None


def _uses_port(spec: Spec) -> bool:
    return any(PORT in part for part in (*spec.command, *spec.env.values()))


def _popen(spec: Spec, *, port: int, log: pathlib.Path) -> "subprocess.Popen[bytes]":
    """Start the process behind its leash, in its own session, its output in the log (the last run's beside it)."""
    if log.exists():
        log.replace(log.with_suffix(".log.1"))
    leash = (sys.executable, "-I", "-S", str(_LEASH), str(int(spec.on_death)), str(os.getpid()))
    command = [*spec.prefix, *leash, *(part.replace(PORT, str(port)) for part in spec.command)]
    # A function refuses settings it does not know, so it gets those of its spec and none of ours.
    inherited = {key: value for key, value in os.environ.items() if not key.startswith("TICKLOOM_")}
    env = {**inherited, **{key: value.replace(PORT, str(port)) for key, value in spec.env.items()}}
    with log.open("wb") as output:
        return subprocess.Popen(  # noqa: S603 - no shell, the command is ours
            command, stdin=subprocess.DEVNULL, stdout=output, stderr=output, env=env, start_new_session=True
        )


def _failure(child: Child, what: str) -> str:
    """Say what happened to a child, with the end of its log."""
    with child.log.open("rb") as log:
        log.seek(max(log.seek(0, os.SEEK_END) - LOG_TAIL_BYTES, 0))
        tail = log.read().decode("utf-8", "replace").strip()
    return f"{child.name} {what}; see {child.log}" + (f":\n{tail}" if tail else "")


def _is_free(port: int) -> bool:
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port))
        except OSError:
            return False
    return True


def _lock(path: pathlib.Path) -> int:
    """Lock a file for as long as this process lives; the kernel lets go even after `kill -9`."""
    handle = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o644)
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        os.close(handle)
        known = owner(path.parent)
        who = f" (pid {known.pid})" if known else ""
        message = f"another platform{who} runs on {path.parent}; stop it, or choose another folder"
        raise FolderInUse(message) from None
    return handle
