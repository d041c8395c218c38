"""Run one program in a root of its own, as a container runtime does; a script that `cells` starts as root.

The program is the first process of its own process namespace, sees its own mounts, and changes nothing outside its
root: all mounts end with it. A cell with a network of its own has loopback only, in which the given ports lead to
servers outside; what probes it stands in the same network, as Knative's queue-proxy and the kubelet do.

The order comes as JSON in the first argument; `cells` says what stands in it. What becomes of a program that is probed
is written as JSON to the file that the order names; of any other the exit status is the answer.
"""

import asyncio
import contextlib
import ctypes
import fcntl
import json
import os
import pathlib
import signal
import socket
import struct
import subprocess
import sys
import time
from collections.abc import Awaitable, Callable
from typing import Any, Final

CLONE_NEWNS: Final = 0x00020000
CLONE_NEWUTS: Final = 0x04000000
CLONE_NEWIPC: Final = 0x08000000
CLONE_NEWPID: Final = 0x20000000
CLONE_NEWNET: Final = 0x40000000
PR_SET_PDEATHSIG: Final = 1
PR_CAPBSET_DROP: Final = 24
PR_SET_NO_NEW_PRIVS: Final = 38
CAPABILITIES_MAX: Final = 64
SIOCGIFFLAGS, SIOCSIFFLAGS, IFF_UP = 0x8913, 0x8914, 1
DEVICES: Final = ("null", "zero", "full", "random", "urandom", "tty")
CHUNK_BYTES: Final = 65_536
PROBE_EVERY_S: Final = 0.005
STOP_S: Final = 10.0
FIRST: Final = -20
EXEC_FAILED: Final = 127

_libc = ctypes.CDLL(None, use_errno=True)


def main() -> int:
    """Run what is ordered and tell how it went."""
    order = json.loads(sys.argv[1])
    _leash(os.getppid())
    if order["watch"]:
        _go_first()
    doors = _doors_outside(order) if order["own_network"] else []
    _call("unshare", CLONE_NEWNS | CLONE_NEWIPC | CLONE_NEWUTS)
    _mount("none", "/", "--make-rprivate")
    if order["own_network"]:
        _call("unshare", CLONE_NEWNET)
        _raise_loopback()
    if order["watch"]:
        import grpc.aio  # noqa: F401, PLC0415 - probes may need it, and must not wait for it
    own = os.open("/proc/self/ns/pid", os.O_RDONLY)
    _call("unshare", CLONE_NEWPID)  # the next child is its first process, and its end is the namespace's
    began = time.perf_counter()
    child = os.fork()
    if child == 0:
        _become(order)
    _call("setns", own, CLONE_NEWPID)  # who forks into another namespace can start no threads, which gRPC does
    if not order["watch"]:
        _, status = os.waitpid(child, 0)
        return os.waitstatus_to_exitcode(status) % 256
    told = asyncio.run(_watch(order["watch"], child, began, doors))
    pathlib.Path(order["folder"], "answer.json").write_text(json.dumps(told), encoding="utf-8")
    return 0


def _call(name: str, *arguments: Any) -> None:  # noqa: ANN401 - what libc takes
    if getattr(_libc, name)(*arguments):
        code = ctypes.get_errno()
        raise OSError(code, f"{name}: {os.strerror(code)}")


def _leash(parent: int) -> None:
    """Die with whoever started this."""
    _call("prctl", PR_SET_PDEATHSIG, signal.SIGKILL)
    if os.getppid() != parent:
        os._exit(1)


def _go_first() -> None:
    """Get a processor before all others, so that times on a busy machine are those of a quiet one."""
    os.setsid()
    with contextlib.suppress(OSError):  # kernels without groups by session have no such file
        pathlib.Path("/proc/self/autogroup").write_text(str(FIRST), encoding="ascii")
    os.setpriority(os.PRIO_PROCESS, 0, FIRST)


def _mount(*words: str) -> None:
    subprocess.run(("mount", *words), check=True)  # noqa: S603, S607 - mount of this machine


# --- inside the cell --------------------------------------------------------------------------------------------------


def _become(order: dict[str, Any]) -> None:
    """Be the program: mounts, root, user, rights; never returns."""
    try:
        _leash(0)  # the parent lies in another process namespace
        if order["log"]:
            log = os.open(order["log"], os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o644)
            os.dup2(log, 1)
            os.dup2(log, 2)
        root = pathlib.Path(order["root"])
        _furnish(root, order)
        os.chroot(root)
        os.chdir(order["workdir"])
        _drop(order)
        _call("prctl", PR_SET_PDEATHSIG, signal.SIGKILL)  # forgotten with the change of user
        os.dup2(os.open("/dev/null", os.O_RDONLY), 0)
        os.closerange(3, 256)
        os.execvpe(order["command"][0], order["command"], order["env"])  # noqa: S606 - no shell is wanted
    except BaseException as error:  # noqa: BLE001 - this process must end here, whatever happens
        os.write(2, f"cell: {error!r}\n".encode())
        os._exit(EXEC_FAILED)


def _furnish(root: pathlib.Path, order: dict[str, Any]) -> None:
    """Mount what every container has, then what the order names, and last make the root read only where it must be."""
    _mount("--bind", str(root), str(root))
    places = [_place(root, one) for one in order["mounts"]]
    if order["read_only"]:
        _mount("-o", "remount,bind,ro", str(root), str(root))
    _mount("-t", "proc", "proc", str(root / "proc"))
    _mount("-t", "sysfs", "-o", "ro", "sysfs", str(root / "sys"))
    dev = root / "dev"
    _mount("-t", "tmpfs", "-o", "mode=755,size=64k", "tmpfs", str(dev))
    for name in DEVICES:
        (dev / name).touch()
        _mount("--bind", f"/dev/{name}", str(dev / name))
    for number, name in enumerate(("stdin", "stdout", "stderr")):
        (dev / name).symlink_to(f"/proc/self/fd/{number}")
    (dev / "fd").symlink_to("/proc/self/fd")
    (dev / "shm").mkdir()
    _mount("-t", "tmpfs", "-o", "mode=1777,size=64m", "tmpfs", str(dev / "shm"))
    for place, one in zip(places, order["mounts"], strict=True):
        if one["source"]:
            _mount("--bind", one["source"], str(place))
        else:
            _mount("-t", "tmpfs", "-o", f"mode=1777,size={one['size'] or '50%'}", "tmpfs", str(place))
        if one["read_only"]:
            _mount("-o", "remount,bind,ro", str(place), str(place))


def _place(root: pathlib.Path, mount: dict[str, Any]) -> pathlib.Path:
    """Make what is mounted over, as a runtime does in its container's own layer; no link may lead out of the root."""
    place = root
    for part in pathlib.PurePosixPath(mount["at"]).parts[1:]:
        place /= part
        if place.is_symlink() or part == "..":
            message = f"a mount at {mount['at']} would follow {place}"
            raise ValueError(message)
    if mount["source"] and pathlib.Path(mount["source"]).is_file():
        place.parent.mkdir(parents=True, exist_ok=True)
        place.touch()
    else:
        place.mkdir(parents=True, exist_ok=True)
    return place


def _drop(order: dict[str, Any]) -> None:
    """Become the user, without any right that the manifest drops."""
    if order["drop_all"]:
        for number in range(CAPABILITIES_MAX):
            _libc.prctl(PR_CAPBSET_DROP, number, 0, 0, 0)  # fails for those that this kernel lacks
    os.setgroups(order["groups"])
    os.setresgid(order["gid"], order["gid"], order["gid"])
    os.setresuid(order["uid"], order["uid"], order["uid"])
    if order["drop_all"]:
        _call("prctl", PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0)


# --- beside it --------------------------------------------------------------------------------------------------------


def _raise_loopback() -> None:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as any_socket:
        request = struct.pack("16sh14s", b"lo", 0, b"")
        flags = struct.unpack("16sh14s", fcntl.ioctl(any_socket, SIOCGIFFLAGS, request))[1]
        fcntl.ioctl(any_socket, SIOCSIFFLAGS, struct.pack("16sh14s", b"lo", flags | IFF_UP, b""))


def _doors_outside(order: dict[str, Any]) -> list[tuple[int, str]]:
    """Start, in the network outside, what leads from a socket file to each server; give each port with its file."""
    doors = [(inside, f"{order['folder']}/{inside}.sock", outside) for inside, outside in order["ports"]]
    parent = os.getpid()
    if doors and os.fork() == 0:
        _leash(parent)
        asyncio.run(_lead_out([(path, outside) for _, path, outside in doors]))
        os._exit(0)
    return [(inside, path) for inside, path, _ in doors]


async def _lead_out(doors: list[tuple[str, int]]) -> None:
    for path, port in doors:
        await asyncio.start_unix_server(_forward(lambda port=port: asyncio.open_connection("127.0.0.1", port)), path)
    await asyncio.Event().wait()


async def _lead_in(doors: list[tuple[int, str]]) -> None:
    for port, path in doors:
        while not os.path.exists(path):  # noqa: ASYNC110, ASYNC240, PTH110 - the other process makes it in a moment
            await asyncio.sleep(PROBE_EVERY_S)
        forward = _forward(lambda path=path: asyncio.open_unix_connection(path))
        await asyncio.start_server(forward, "127.0.0.1", port)


_Streams = tuple[asyncio.StreamReader, asyncio.StreamWriter]


def _forward(connect: Callable[[], Awaitable[_Streams]]) -> Callable[..., Awaitable[None]]:
    async def forward(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with contextlib.suppress(OSError):
            other_reader, other_writer = await connect()
            await asyncio.gather(_pump(reader, other_writer), _pump(other_reader, writer))
        writer.close()

    return forward


async def _pump(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    with contextlib.suppress(OSError):
        while data := await reader.read(CHUNK_BYTES):
            writer.write(data)
            await writer.drain()
        writer.write_eof()


async def _watch(watch: dict[str, Any], child: int, began: float, doors: list[tuple[int, str]]) -> dict[str, Any]:
    """Wait until it is ready, or ends; stop it then as a kubelet does."""
    await _lead_in(doors)
    ready = READY[watch["kind"]](watch)
    told: dict[str, Any] = {"ready_s": None, "exit": None, "stop_s": None}
    deadline = began + watch["within_s"]
    while time.perf_counter() < deadline:
        if (code := _ended(child)) is not None:
            return told | {"exit": code}
        if await ready():
            told["ready_s"] = time.perf_counter() - began
            break
        await asyncio.sleep(PROBE_EVERY_S)
    told |= _figures(child)
    stopping = time.perf_counter()
    os.kill(child, signal.SIGTERM)
    while time.perf_counter() < stopping + STOP_S:
        if (code := _ended(child)) is not None:
            return told | {"exit": code, "stop_s": time.perf_counter() - stopping}
        await asyncio.sleep(PROBE_EVERY_S)
    os.kill(child, signal.SIGKILL)
    return told


def _ended(child: int) -> int | None:
    ended, status = os.waitpid(child, os.WNOHANG)
    return os.waitstatus_to_exitcode(status) if ended else None


def _figures(child: int) -> dict[str, float]:
    """Read what it took so far: seconds for which it waited for a processor, seconds on one, the most memory."""
    proc = pathlib.Path(f"/proc/{child}")
    words = (proc / "stat").read_text(encoding="ascii").rpartition(")")[2].split()
    ticks = os.sysconf("SC_CLK_TCK")
    status = (proc / "status").read_text(encoding="ascii")
    most = next(line.split()[1] for line in status.splitlines() if line.startswith("VmHWM:"))
    return {
        "waited_s": int((proc / "schedstat").read_text(encoding="ascii").split()[1]) / 1e9,
        "cpu_s": (int(words[11]) + int(words[12])) / ticks,
        "memory_bytes": int(most) * 1024,
    }


def _http(probe: dict[str, Any]) -> Callable[[], Awaitable[bool]]:
    async def ready() -> bool:
        try:
            reader, writer = await asyncio.open_connection("127.0.0.1", probe["port"])
        except OSError:
            return False
        with contextlib.suppress(OSError), contextlib.closing(writer):
            writer.write(f"GET {probe['path']} HTTP/1.1\r\nhost: probe\r\nconnection: close\r\n\r\n".encode())
            line = await reader.readline()
            return line.split(b" ")[1:2] != [] and 200 <= int(line.split(b" ")[1]) < 400
        return False

    return ready


def _grpc(probe: dict[str, Any]) -> Callable[[], Awaitable[bool]]:
    import grpc.aio  # noqa: PLC0415 - only a cell that is watched has it
    from grpc_health.v1 import health_pb2, health_pb2_grpc  # noqa: PLC0415

    quick = (("grpc.initial_reconnect_backoff_ms", 100), ("grpc.max_reconnect_backoff_ms", 100))
    channel = grpc.aio.insecure_channel(f"127.0.0.1:{probe['port']}", options=quick)
    stub = health_pb2_grpc.HealthStub(channel)

    async def ready() -> bool:
        try:
            answer = await stub.Check(health_pb2.HealthCheckRequest(service=probe["service"]), timeout=1.0)
        except grpc.aio.AioRpcError:
            return False
        return bool(answer.status == health_pb2.HealthCheckResponse.SERVING)

    return ready


def _never(_: dict[str, Any]) -> Callable[[], Awaitable[bool]]:
    async def ready() -> bool:
        return False

    return ready


READY: Final = {"http": _http, "grpc": _grpc, "end": _never}
"""How it is known that a program is ready, by the kind of its probe; `end`: it has work to do, and ends."""


if __name__ == "__main__":
    sys.exit(main())
