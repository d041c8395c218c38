"""The image as its Dockerfile makes it, and every function in it as its manifest starts it (issue F, acceptance 2).

Nothing of Docker is here: `interpreter` carries out the Dockerfile over a clean Debian, `pods` reads a manifest, `cell`
is the container. What a function needs to be ready is there under the name that its manifest gives it: services and
tables reach a real PostgreSQL, Valkey and Kafka; handlers and most feeds have no network at all and are ready without.
"""

import asyncio
import gzip
import http.server
import math
import os
import pathlib
import platform
import shutil
import subprocess
import tempfile
import threading
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any, Final
from urllib.parse import urlsplit

import cells
import debian
import dockerfile
import ignoring
import interpreter
import kubelet
import llvmlite.binding
import pods
import pytest
from counts import FULL
from stores import fresh_database

from functions.adapters.kafka_events import broker_topic, make_topics
from functions.local.servers import Stores
from functions.local.topology import load
from functions.runtime.groups import CHANGELOG, changelog_of, group_of

ROOT: Final = pathlib.Path(__file__).parents[2]
BASE: Final = "debian:bookworm-slim"
KAFKA_PORT: Final = 9092
COLD_START_S: Final = 1.0
ATTEMPTS: Final = 4
"""A start that took too long is measured again: a busy machine slows one start, a slow import slows every one."""
READY_S: Final = 90.0
MEMORY_BYTES: Final = 12 << 30
UNCHECKED: Final = b"\x01\0\0\0"
"""Flags of bytecode that is taken without a look at its source (PEP 552)."""
SERVED: Final = {
    f"{folder}-{one['metadata']['name']}": one
    for folder in ("functions", "services", "tables", "feeds")
    for one in pods.workloads(ROOT / "knative" / folder)
    if one["kind"] not in {"Job", "CronJob"}
}
HANDLERS: Final = sorted(name for name in SERVED if name.startswith("functions-"))
ALONE: Final = sorted(name for name in SERVED if name.startswith("feeds-") and name != "feeds-queue")
NEEDY: Final = sorted(set(SERVED) - {*HANDLERS, *ALONE})
(REPLAY,) = (one for one in pods.workloads(ROOT / "knative" / "feeds") if one["metadata"]["name"] == "replay")
JOBS: Final = {one["metadata"]["name"]: one for one in pods.workloads(ROOT / "knative" / "jobs")}
KERNELS: Final = """
import io, sys
from functions.adapters import kernels
kernels.compile_all(io.StringIO())
modules = [one for name, one in sys.modules.items() if name.startswith("functions.") and hasattr(one, "INLINED")]
loops = [one for module in modules for one in vars(kernels.compiled(module)).values() if hasattr(one, "stats")]
hits, misses = ([sum(getattr(one.stats, which).values()) for one in loops] for which in ("cache_hits", "cache_misses"))
print(sum(hits), sum(misses))
"""
TAPE: Final = (
    b'1723161255611000000 {"stream":"ethusdt@trade","data":{"e":"trade","E":1723161255612,"s":"ETHUSDT","t":1520538925,'
    b'"p":"2683.80000000","q":"0.00200000","T":1723161255611,"m":true,"M":true}}\n'
)
ONE_KERNEL: Final = "from functions.adapters import kernels; kernels.exercise_texts(); print('ran')"

pytestmark = pytest.mark.skipif(not FULL, reason="builds an image, for minutes: only in the full tier")


@dataclass(frozen=True, slots=True)
class Town:
    """What a cluster would have: secrets and the like, and servers; ports lead to those of this machine."""

    cluster: pods.Cluster
    ports: Mapping[int, int]


NOBODY: Final = Town(
    pods.cluster(
        ROOT / "eventing",
        {
            ("stores", "database-url"): "postgresql://nobody@10.0.0.1/none",
            ("stores", "redis-url"): "redis://10.0.0.1/0",
        },
    ),
    {},
)
"""A cluster whose stores nobody reaches."""


@pytest.fixture(scope="module")
def image() -> Iterator[interpreter.Image]:
    """Build the image, or skip with the reason where this machine may have no root folders of its own."""
    if reason := debian.why_not():
        pytest.skip(reason)
    work = pathlib.Path(tempfile.mkdtemp(prefix="tickloom-image-", dir="/var/tmp"))
    text = (ROOT / "knative" / "Dockerfile").read_text(encoding="utf-8")
    hidden = ignoring.Ignoring((ROOT / ".dockerignore").read_text(encoding="utf-8"))
    proxies = {name: os.environ[name] for name in interpreter.PROXIES if name in os.environ}
    try:
        context = interpreter.Context(
            ROOT,
            hidden,
            {BASE: debian.base(BASE)},
            work,
            debian.caches() / "mounts",
            arguments={**proxies, "PROCESSOR": llvmlite.binding.get_host_cpu_name()},
            told=print,
        )
        warm(context.caches / "root-.cache-kernels")
        yield interpreter.Build(dockerfile.read(text), context).image()
    finally:
        subprocess.run(("rm", "-rf", str(work)), check=True)  # noqa: S603, S607 - a hundred thousand files: not in Python


def roomy() -> str:
    """Name a place for three roots of a gigabyte: memory where there is plenty, for their files live for a minute."""
    meminfo = pathlib.Path("/proc/meminfo").read_text(encoding="ascii")
    (kib,) = (int(line.split()[1]) for line in meminfo.splitlines() if line.startswith("MemAvailable:"))
    shm = os.statvfs("/dev/shm")  # noqa: S108 - ours alone, made below it
    return "/dev/shm" if min(kib << 10, shm.f_bavail * shm.f_frsize) > MEMORY_BYTES else "/var/tmp"  # noqa: S108


def warm(cache: pathlib.Path) -> None:
    """Lay into the build's cache what `make setup` compiled for this machine: a builder's own is warm too."""
    kept = ROOT / "functions" / "adapters" / "__pycache__" / "kernels"
    if kept.is_dir():
        shutil.copytree(kept, cache, dirs_exist_ok=True)


@pytest.fixture(scope="module")
def town(stores: Stores, kafka_servers: str) -> Town:
    """Have an empty database, and the topics that a cluster makes from its manifests."""
    database = asyncio.run(fresh_database(stores.database_url))
    kafka = kafka_servers.partition(",")[0]
    asyncio.run(topics(kafka))
    here = [urlsplit(url).port or 0 for url in (database, stores.redis_url, f"//{kafka}")]
    secrets = {("stores", "database-url"): database, ("stores", "redis-url"): stores.redis_url}
    ports = {port: port for port in here} | {KAFKA_PORT: here[-1]}
    return Town(pods.cluster(ROOT / "eventing", secrets), ports)


@pytest.fixture
def broker() -> Iterator[tuple[list[str], Town]]:
    """Stand where the brokers' ingress does and take every event, as it answers; give their types."""
    came: list[str] = []

    class Ingress(http.server.BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            """Take an event."""
            self.rfile.read(int(self.headers["content-length"]))
            came.append(self.headers["ce-type"])
            self.send_response(202)
            self.end_headers()

    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Ingress) as server:
        threading.Thread(target=server.serve_forever).start()
        yield came, Town(NOBODY.cluster, {80: server.server_port})
        server.shutdown()


async def topics(kafka: str) -> None:
    """Make the brokers' topics and the tables' changelogs."""
    topology = load()
    counts = {name: one.partitions for name, one in topology.brokers.items()}
    await make_topics(kafka, {broker_topic(name): count for name, count in counts.items()})
    await make_topics(kafka, {"ticks": 1})
    changelogs = {changelog_of(group_of(one.name)): counts[one.broker] for one in topology.tables}
    await make_topics(kafka, changelogs, config=CHANGELOG)


def start(image: interpreter.Image, workload: Mapping[str, Any], town: Town, **claimed: bytes) -> cells.Told:
    """Start a workload's container as its manifest says, and hold it against what every one must keep."""
    return start_pod(image, pods.pod(workload, town.cluster), town, **claimed)


def start_pod(image: interpreter.Image, pod: pods.Pod, town: Town, **claimed: bytes) -> cells.Told:
    """Do it with a container that is already read."""
    told = kubelet.start(image, pod, ports=town.ports, within_s=READY_S, claimed=claimed)
    assert told.exit == 0, told.log
    assert told.memory_bytes < pod.memory_bytes
    return told


def as_record(name: str, told: cells.Told) -> str:
    """Say how a start went."""
    times = f"ready in {told.own_s:.2f} s and {told.waited_s:.2f} s of waiting for a processor"
    return f"{name}: {times}, {told.memory_bytes >> 20} MiB, stopped in {told.stop_s:.2f} s"


def run(image: interpreter.Image, script: str, *mounts: cells.Mount, **env: str) -> str:
    """Run a script in the image as its user, with a root that is only read; give what it prints."""
    command = ("python", "-c", script)
    uid, gid = image.user
    return cells.run(
        cells.Program(
            image.root,
            command,
            {**image.env, **env},
            image.workdir,
            uid,
            gid,
            mounts=mounts,
            read_only=True,
            drop_all=True,
        )
    )


@pytest.mark.parametrize("name", HANDLERS)
def test_handler_starts(image: interpreter.Image, name: str) -> None:
    """A handler is ready within a second of its first instruction, with nobody to reach, and ends when asked to."""
    starts = [start(image, SERVED[name], NOBODY)]
    while COLD_START_S <= starts[-1].own_s < math.inf and len(starts) < ATTEMPTS:
        starts.append(start(image, SERVED[name], NOBODY))
    best = min(starts, key=lambda one: one.own_s)
    print(as_record(name, best))  # noqa: T201 - the record
    assert best.own_s < COLD_START_S, best.log


def test_function_by_variable(image: interpreter.Image) -> None:
    """Where a container gets no argument, as from `func deploy --image`, a variable chooses the function."""
    pod = pods.pod(SERVED["functions-route"], NOBODY.cluster)
    named = {**pod.env, "FUNCTION_MODULE": pod.args[-1]}
    assert start_pod(image, replace(pod, args=(), env=named), NOBODY).ready_s is not None


@pytest.mark.parametrize("name", ALONE)
def test_feed_starts(image: interpreter.Image, name: str) -> None:
    """A feed is ready before its venue answers, keeps its files where its manifest says, and ends when asked to."""
    told = start(image, SERVED[name], NOBODY)
    assert told.ready_s is not None, told.log
    print(as_record(name, told))  # noqa: T201 - the record


def test_replay_ends(image: interpreter.Image, broker: tuple[list[str], Town]) -> None:
    """The Job of a replay reads the tape in its claim, hands all to its broker, and ends."""
    came, town = broker
    start(image, REPLAY, town, **{"tape.gz": gzip.compress(TAPE)})
    assert set(came) == {"tickloom.market.v1.RawBatch"}


def test_migration_ends(image: interpreter.Image, town: Town) -> None:
    """The Job makes the tables of an empty database, and ends well."""
    start(image, JOBS["migrate"], town)


@pytest.mark.parametrize("name", NEEDY)
def test_service_or_table_starts(image: interpreter.Image, town: Town, name: str) -> None:
    """A service or a table is ready once it reaches the stores or the broker of its manifest; it compiles nothing."""
    told = start(image, SERVED[name], town)
    assert told.ready_s is not None, told.log
    print(as_record(name, told))  # noqa: T201 - the record
    assert "telemetry_1ds" not in told.log  # where onnxruntime says that it cannot keep the number it reports us by


def test_kernels_are_there(image: interpreter.Image) -> None:
    """All machine code is in the image, and is loaded on this processor as on any other: nothing is compiled."""
    loaded, compiled = map(int, run(image, KERNELS).split())
    assert loaded
    assert compiled == 0


@pytest.mark.skipif(platform.machine() != "x86_64", reason="names a processor of x86-64")
def test_kernels_for_one_processor(image: interpreter.Image) -> None:
    """Who asks for code for his own processor gets it: kept where he gives a folder, else for each process."""
    own = {"NUMBA_CPU_NAME": "x86-64-v2", "NUMBA_CPU_FEATURES": "+sse4.2"}
    assert run(image, ONE_KERNEL, **own) == "ran\n"
    script = f"{ONE_KERNEL}; import pathlib; print(len([*pathlib.Path('/tmp').rglob('*.nbc')]) > 0)"
    kept = run(image, script, cells.Mount("/tmp", size="64m"), NUMBA_CACHE_DIR="/tmp/kernels", **own)  # noqa: S108 - in the image
    assert kept == "ran\nTrue\n"


def test_what_it_is(image: interpreter.Image) -> None:
    """It runs as nobody in particular, says its name, and shows how to choose a function when none was chosen."""
    assert image.user == (65532, 65532)
    assert image.exposed == (8080,)
    assert image.labels["org.opencontainers.image.base.name"] == BASE
    done = cells.run(cells.Program(image.root, image.command, image.env, image.workdir, *image.user, read_only=True))
    assert "usage: tickloom" in done


def test_what_is_in_it(image: interpreter.Image) -> None:
    """Nobody but root could change what runs; no tool that builds is in it; bytecode asks for no file's time."""
    ours = [
        one for folder in ("app", "opt/tickloom") for one in (image.root / folder).rglob("*") if not one.is_symlink()
    ]
    assert [one for one in ours if one.stat().st_uid or one.stat().st_mode & 0o022] == []
    assert [one for one in ours if one.name in {"pip", "pip3", "hatchling", "pytest"}] == []
    sources = [one for one in ours if one.suffix == ".py" and "app" in one.relative_to(image.root).parts[:1]]
    kept = [one.parent / "__pycache__" / f"{one.stem}.cpython-311.pyc" for one in sources]
    assert [one for one in kept if one.read_bytes()[4:8] != UNCHECKED] == []
    assert not {"cc", "gcc", "pip", "pip3"} & {one.name for one in (image.root / "usr/bin").iterdir()}
    print(f"{sum(one.stat().st_size for one in image.root.rglob('*') if one.is_file()) >> 20} MiB")  # noqa: T201 - the record


def test_nothing_can_be_written(image: interpreter.Image) -> None:
    """The container that these tests simulate keeps its promise: its user writes nowhere but in what is mounted."""
    script = """
import os
def writes(place):
    try:
        open(os.path.join(place, "x"), "w").close()
    except OSError as error:
        return error.errno
    return 0
places = "/", "/app", "/tmp", "/var/tmp", "/opt/tickloom", "/mounted", "/dev/shm"
print([writes(one) for one in places], os.getuid(), os.getpid())
"""
    assert run(image, script, cells.Mount("/mounted", size="1m")) == "[30, 30, 30, 30, 30, 0, 0] 65532 1\n"
