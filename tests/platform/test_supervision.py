"""A child that ends by itself is started again on its port; one that never starts ends the platform."""

import asyncio
import os
import pathlib
import signal
import sys

import pytest
from waiting import until

from functions.local.children import ChildFailed, Children, Spec, tcp_open
from functions.local.supervision import Supervisor

SERVER = """
import socket, sys, time
listener = socket.socket()
listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
listener.bind(("127.0.0.1", int(sys.argv[1])))
listener.listen()
time.sleep(600)
"""


async def test_killed_child_comes_back(tmp_path: pathlib.Path) -> None:
    """After kill -9 the child runs again, as another process on the same port."""
    async with Children(tmp_path) as children:
        first = await children.start(Spec("server", (sys.executable, "-c", SERVER, "{port}"), probe=tcp_open))
        supervisor = Supervisor(children)
        watching = asyncio.create_task(supervisor.watch("server"))
        await asyncio.sleep(0)
        os.kill(first.pid, signal.SIGKILL)
        await until(lambda: supervisor.restarts.get("server") == 1)
        await supervisor.running("server")
        watching.cancel()
        second = children["server"]
        assert (second.port, second.pid != first.pid) == (first.port, True)


async def test_child_that_never_starts_is_given_up(tmp_path: pathlib.Path) -> None:
    """A child that ends before it is ready is tried a few times, then its failure is raised."""
    async with Children(tmp_path) as children:
        spec = Spec("broken", (sys.executable, "-c", "raise SystemExit(3)"), probe=tcp_open, port=1)
        with pytest.raises(ChildFailed, match="ended with status 3"):
            await Supervisor(children).start(spec, starts_max=2)
