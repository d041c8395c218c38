"""Stand in for a running platform at its door, the brokers' ingress."""

import contextlib
import json
import os
import pathlib
from collections.abc import AsyncIterator

from functions.local.foundation import WHERE
from functions.local.ingress import Ingress
from functions.local.processes import identify
from functions.wire.envelope import Event


@contextlib.asynccontextmanager
async def running(folder: pathlib.Path) -> AsyncIterator[list[tuple[str, Event]]]:
    """Stand in for the folder's running platform; give what it is sent."""
    taken: list[tuple[str, Event]] = []

    async def accept(broker: str, event: Event) -> None:
        taken.append((broker, event))

    ingress = Ingress({"market": None, "desk": None}, accept)
    await ingress.start()
    me = identify(os.getpid())
    assert me is not None
    note = {"pid": me.pid, "start": me.start, "ingress_port": ingress.port, "database_url": "", "redis_url": ""}
    (folder / WHERE).write_text(json.dumps(note))
    try:
        yield taken
    finally:
        await ingress.stop()
