"""Children end with their platform, whatever ends it, and nobody else does."""

import asyncio
import http.server
import json
import os
import pathlib
import signal
import socket
import subprocess
import sys
import threading
from collections.abc import AsyncIterator, Callable

import grpc
import pytest
from grpc_health.v1 import health, health_pb2, health_pb2_grpc

from functions.local import children as owned
from functions.local import processes
from functions.local.children import Child, ChildFailed, Children, FolderInUse, Spec, grpc_serving, http_ok, tcp_open
from functions.local.processes import Identity

SLEEP = ("sleep", "300")
STUBBORN = ("sh", "-c", "trap '' TERM; sleep 300 & wait; wait")
LISTEN = (sys.executable, "-m", "http.server", "{port}", "--bind", "127.0.0.1")
GONE_S = 2.0
LEASH = pathlib.Path(owned.__file__).with_name("leash.py")

PARENT = """
import asyncio, json, pathlib, signal, sys
from functions.local.children import Children, Spec
async def main():
    async with Children(pathlib.Path(sys.argv[1])) as children:
        for name, command, on_death in json.loads(sys.argv[2]):
            await children.start(Spec(name, tuple(command), on_death=signal.Signals(on_death)))
        known = [children[name].known for name, _, _ in json.loads(sys.argv[2])]
        print(json.dumps([[one.pid, one.start] for one in known]), flush=True)
        await asyncio.Event().wait()
asyncio.run(main())
"""


@pytest.fixture
async def children(tmp_path: pathlib.Path) -> AsyncIterator[Children]:
    async with Children(tmp_path) as opened:
        yield opened


def start_parent(
    folder: pathlib.Path, *specs: tuple[str, tuple[str, ...], int]
) -> tuple[subprocess.Popen[str], list[Identity]]:
    command = [sys.executable, "-c", PARENT, str(folder), json.dumps(specs)]
    parent = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)  # noqa: S603 - our own command
    assert parent.stdout is not None
    return parent, [Identity(pid, start) for pid, start in json.loads(parent.stdout.readline())]


async def until(seen: Callable[[], object]) -> None:
    """Wait, for a bounded time, until something can be seen that no file descriptor announces."""
    async with asyncio.timeout(5):
        while not seen():  # noqa: ASYNC110 - another process does it, so there is no event to wait for
            await asyncio.sleep(0)


def sleeper() -> "subprocess.Popen[bytes]":
    """Start a process that is nobody's child in the sense of these tests."""
    return subprocess.Popen(SLEEP, start_new_session=True)  # noqa: S603 - our own command


def kill(parent: subprocess.Popen[str]) -> None:
    parent.kill()
    parent.wait()
    assert parent.stdout is not None
    parent.stdout.close()


async def test_end_with_a_killed_platform(tmp_path: pathlib.Path) -> None:
    """After `kill -9` of the platform its children are gone within two seconds."""
    parent, known = start_parent(tmp_path, *((f"c{i}", SLEEP, signal.SIGKILL) for i in range(3)))
    kill(parent)
    assert all([await processes.gone(one, within_s=GONE_S) for one in known])


async def test_group_of_a_killed_platform(tmp_path: pathlib.Path) -> None:
    """What a child had started itself is ended by the next start on the folder."""
    parent, [shell] = start_parent(tmp_path, ("shell", STUBBORN, signal.SIGKILL))
    await until(lambda: len(processes.members(shell)) == 2)
    group = processes.members(shell)
    kill(parent)
    async with Children(tmp_path) as again:
        assert again.cleared == ("shell",)
        assert not any(map(processes.is_alive, group))


async def test_next_start_ends_what_survived(tmp_path: pathlib.Path) -> None:
    """A child that outlives its platform is ended, by pid and start time, before anything is started."""
    parent, [known] = start_parent(tmp_path, ("tough", SLEEP, signal.SIGCONT))
    comm = pathlib.Path(f"/proc/{known.pid}/comm")
    await until(lambda: comm.read_text() == "sleep\n")  # before that its leash would see that we are gone, and end
    kill(parent)
    assert processes.is_alive(known)
    async with Children(tmp_path) as again:
        assert again.cleared == ("tough",)
        assert not processes.is_alive(known)


async def test_normal_end_leaves_nothing(tmp_path: pathlib.Path) -> None:
    """A normal end stops every child and its group, also one that does not listen."""
    async with Children(tmp_path) as children:
        polite = await children.start(Spec("polite", SLEEP))
        stubborn = await children.start(Spec("stubborn", STUBBORN, stop_s=0.05))
        await until(lambda: len(processes.members(stubborn.known)) == 2)
        group = processes.members(stubborn.known)
    assert not any(map(processes.is_alive, (polite.known, *group)))
    assert owned.leftovers(tmp_path) == []


async def test_end_after_an_error(tmp_path: pathlib.Path) -> None:
    """An error in the platform's own code leaves no child either."""
    children = Children(tmp_path)
    known: list[Identity] = []

    async def platform() -> None:
        async with children:
            known.append((await children.start(Spec("one", SLEEP))).known)
            _ = 1 / 0

    with pytest.raises(ZeroDivisionError):
        await platform()
    assert not processes.is_alive(known[0])


async def test_layers_stop_in_order(tmp_path: pathlib.Path) -> None:
    """What uses a store is stopped before the store."""
    script = 'trap "kill -0 $STORE && echo still there; exit" TERM; sleep 300 & echo ready; wait'
    async with Children(tmp_path) as children:
        store = await children.start(Spec("store", SLEEP, layer=0))
        user = await children.start(Spec("user", ("sh", "-c", script), env={"STORE": str(store.pid)}))
        await until(user.log.read_text)
    assert user.log.read_text() == "ready\nstill there\n"
    assert not store.is_alive


@pytest.mark.parametrize("change", [{"start": 1}, {"boot": "another"}])
async def test_strangers_are_left_alone(tmp_path: pathlib.Path, change: dict[str, object]) -> None:
    """A process that bears a noted pid, but started at another time or boot, is not ours."""
    stranger = sleeper()
    known = processes.identify(stranger.pid)
    assert known is not None
    one: dict[str, object] = {"name": "old", "pid": known.pid, "start": known.start, "on_stop": 15, "stop_s": 1.0}
    state: dict[str, object] = {"boot": processes.boot_id(), "platform": {"pid": 1, "start": 1}, "children": [one]}
    (one if "start" in change else state).update(change)
    (tmp_path / owned.STATE).write_text(json.dumps(state))
    try:
        async with Children(tmp_path) as children:
            assert children.cleared == ()
            assert processes.is_alive(known)
    finally:
        stranger.kill()
        stranger.wait()


async def test_one_platform_a_folder(children: Children) -> None:
    """A second platform on the same folder is refused and told who has it."""
    with pytest.raises(FolderInUse, match=f"pid {os.getpid()}"):
        await Children(children.folder).open()


async def test_early_end_is_told(children: Children) -> None:
    """A child that ends before it is ready fails the start with its status and last words."""
    command = ("sh", "-c", "echo no such table >&2; exit 3")
    with pytest.raises(ChildFailed, match=r"(?s)bad ended with status 3.*no such table"):
        await children.start(Spec("bad", command, probe=tcp_open, port=1))
    assert "bad" not in children


async def test_missing_program_is_told(children: Children) -> None:
    """A program that is not there fails the start with its name."""
    with pytest.raises(ChildFailed, match="cannot run /no/such/program"):
        await children.run(Spec("absent", ("/no/such/program",)))


async def test_late_is_stopped(children: Children) -> None:
    """A child that is not ready in time is stopped, not left behind."""
    with pytest.raises(ChildFailed, match="was not ready within"):
        await children.start(Spec("slow", (*SLEEP, "{port}"), probe=tcp_open, ready_s=0.1))
    assert owned.leftovers(children.folder) == []


async def test_cancelled_start_is_stopped(children: Children) -> None:
    """A start that is cancelled leaves no child."""
    starting = asyncio.create_task(children.start(Spec("slow", (*SLEEP, "{port}"), probe=tcp_open)))
    await until(lambda: "slow" in children)
    known = children["slow"].known
    starting.cancel()
    with pytest.raises(asyncio.CancelledError):
        await starting
    assert not processes.is_alive(known)


async def test_taken_port_is_given_up(children: Children, monkeypatch: pytest.MonkeyPatch) -> None:
    """A port that someone took meanwhile is given up for another."""
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        offers = iter([taken.getsockname()[1], owned.free_port()])
        monkeypatch.setattr(owned, "free_port", lambda: next(offers))
        child = await children.start(Spec("web", LISTEN, probe=http_ok("/")))
        assert child.port != taken.getsockname()[1]


async def test_answer_of_a_stranger(children: Children) -> None:
    """A child is not ready because someone else answers on its port."""
    with socket.socket() as stranger:
        stranger.bind(("127.0.0.1", 0))
        stranger.listen()
        port = stranger.getsockname()[1]
        with pytest.raises(ChildFailed, match="was not ready within"):
            await children.start(Spec("mute", SLEEP, probe=tcp_open, port=port, ready_s=0.1))


async def test_port_in_environment(children: Children) -> None:
    """The chosen port reaches the child through its environment too."""
    child = await children.start(Spec("env", ("sh", "-c", "echo $PORT $HOME; exec sleep 300"), env={"PORT": "{port}"}))
    await until(child.log.read_text)
    assert child.log.read_text() == f"{child.port} {os.environ['HOME']}\n"


async def test_death_is_seen(children: Children) -> None:
    """Whoever waits for a child hears of its end and its signal; who waits too short hears nothing."""
    child: Child = await children.start(Spec("victim", SLEEP))
    assert await child.wait(within_s=0.01) is None
    waiting = asyncio.gather(child.wait(), child.wait())
    await asyncio.sleep(0)
    os.kill(child.pid, signal.SIGKILL)
    assert list(await waiting) == [-9, -9]


async def test_http_probe() -> None:
    """The HTTP probe says yes to 2xx alone."""

    class Answer(http.server.BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(200 if self.path == "/good" else 503)
            self.end_headers()

        def log_message(self, *_: object) -> None:
            """Say nothing."""

    with http.server.HTTPServer(("127.0.0.1", 0), Answer) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        assert await http_ok("/good")(server.server_port)
        assert not await http_ok("/bad")(server.server_port)
        server.shutdown()
    assert not await http_ok("/good")(server.server_port)


async def test_grpc_probe() -> None:
    """The gRPC probe says yes only while the server reports SERVING."""
    server = grpc.aio.server()
    servicer = health.aio.HealthServicer()
    health_pb2_grpc.add_HealthServicer_to_server(servicer, server)
    port = server.add_insecure_port("127.0.0.1:0")
    await server.start()
    assert await grpc_serving(port)
    await servicer.set("", health_pb2.HealthCheckResponse.NOT_SERVING)
    assert not await grpc_serving(port)
    await server.stop(0)
    assert not await grpc_serving(port)


def test_leash_without_parent() -> None:
    """A leash whose parent is already gone does not start the command."""
    done = subprocess.run(  # noqa: S603 - our own command
        [sys.executable, "-I", "-S", LEASH, "9", "1", "echo", "ran"], capture_output=True, check=False
    )
    assert (done.returncode, done.stdout) == (125, b"")


def test_names_with_brackets() -> None:
    """The name of a program, whatever it holds, does not confuse the reading of its start time."""
    script = "import time; open('/proc/self/comm', 'w').write(') Z 1 ('); print(flush=True); time.sleep(300)"
    with subprocess.Popen([sys.executable, "-c", script], stdout=subprocess.PIPE) as process:  # noqa: S603 - our own command
        before = processes.identify(process.pid)
        assert process.stdout is not None
        process.stdout.readline()
        after = processes.identify(process.pid)
        process.kill()
    assert before is not None
    assert after == before
