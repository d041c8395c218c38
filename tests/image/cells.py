"""Start programs in roots of their own, see `cell`, and say what became of them."""

import json
import math
import pathlib
import subprocess
import sys
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from typing import Any, Final

CELL: Final = pathlib.Path(__file__).with_name("cell.py")
STEP_S: Final = 900.0
"""How long one step of a build may take."""
GRACE_S: Final = 30.0


@dataclass(frozen=True, slots=True)
class Mount:
    """Say what lies at a path of the root: a file or folder from outside, or else an empty one in memory."""

    at: str
    source: str = ""
    size: str = ""
    read_only: bool = False


@dataclass(frozen=True, slots=True)
class Program:
    """Say what runs, where, and as whom.

    Attributes:
        root: The folder that is its root.
        command: Program and arguments; the program is looked for on the PATH of `env`.
        env: All it sees of an environment.
        workdir: Where it begins.
        uid: Its user.
        gid: Its group.
        groups: Its other groups.
        mounts: What lies over the root; /proc, /sys and /dev are always there.
        read_only: Nothing of the root can be written, mounts aside.
        drop_all: No capability, and no way to get one.
    """

    root: pathlib.Path
    command: Sequence[str]
    env: Mapping[str, str]
    workdir: str = "/"
    uid: int = 0
    gid: int = 0
    groups: Sequence[int] = ()
    mounts: Sequence[Mount] = ()
    read_only: bool = False
    drop_all: bool = False


@dataclass(frozen=True, slots=True)
class Watch:
    """Say how it is known that a program is ready.

    Attributes:
        kind: `http`, `grpc`, or `end` for what is done when it ends.
        port: Where a probe asks.
        path: What an HTTP probe asks for.
        service: What a gRPC probe asks for.
        within_s: How long it may take.
    """

    kind: str
    port: int = 0
    path: str = ""
    service: str = ""
    within_s: float = 30.0


@dataclass(frozen=True, slots=True)
class Told:
    """What became of a program that was watched.

    Attributes:
        ready_s: Seconds from its first process to its first good answer; None: there was none.
        waited_s: For how long of that its first thread waited for a processor, because others had them.
        cpu_s: Processor seconds until then.
        memory_bytes: The most memory it had until then.
        exit: Its exit status; None where it had to be killed.
        stop_s: Seconds from SIGTERM to its end; None where it had to be killed, or ended by itself.
        log: What it wrote.
    """

    ready_s: float | None
    exit: int | None
    stop_s: float | None
    waited_s: float = 0.0
    cpu_s: float = 0.0
    memory_bytes: int = 0
    log: str = field(default="", repr=False)

    @property
    def own_s(self) -> float:
        """Give the seconds to readiness that are the program's own, and would be the same on a quiet machine."""
        return (self.ready_s or math.inf) - self.waited_s


def run(program: Program) -> str:
    """Run a program to its end, in the network of this machine; give what it wrote.

    Raises:
        subprocess.CalledProcessError: It failed; its output says why.
    """
    return _start(_order(program), within_s=STEP_S).stdout


def watch(program: Program, ready: Watch, *, ports: Mapping[int, int]) -> Told:
    """Run a program in a network of its own until it is ready, then stop it.

    Args:
        program: What runs.
        ready: How it is known that it is ready.
        ports: Which ports of its loopback lead to which of ours.
    """
    with tempfile.TemporaryDirectory(prefix="cell-") as folder:
        log = pathlib.Path(folder) / "log"
        log.touch()
        order = _order(program) | {"folder": folder, "log": str(log), "watch": asdict(ready), "own_network": True}
        _start(order | {"ports": list(ports.items())}, within_s=ready.within_s + GRACE_S)
        answer = json.loads((pathlib.Path(folder) / "answer.json").read_text(encoding="utf-8"))
        return Told(**answer, log=log.read_text(encoding="utf-8", errors="replace"))


def _order(program: Program) -> dict[str, Any]:
    told = asdict(program) | {"root": str(program.root.resolve())}
    return told | {"folder": "", "log": "", "watch": None, "own_network": False, "ports": []}


def _start(order: Mapping[str, Any], *, within_s: float) -> "subprocess.CompletedProcess[str]":
    return subprocess.run(  # noqa: S603 - this Python and a script beside this file
        (sys.executable, "-P", str(CELL), json.dumps(order)),
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        timeout=within_s,
        check=True,
    )
