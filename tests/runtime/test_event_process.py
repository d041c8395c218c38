"""A handler as its own process: both ways to start it, the readiness time, the stop."""

import asyncio
import contextlib
import json
import os
import signal
import socket
import subprocess
import sys
from collections.abc import AsyncIterator, Mapping
from pathlib import Path
from typing import Any

import aiohttp
import pytest
from envelopes import BATCH, sample

from functions.wire.http_binding import from_http, to_http

MAIN = f"""
from dataclasses import dataclass
import asyncio
import functions_framework.aio
from functions.ports.card import Card, Kind
from functions.runtime import event_app
from functions.runtime.hosting import HostedHandler
from functions.wire import facts

@dataclass(frozen=True, slots=True)
class Settings:
    answer: str = "said"

def compose(settings):
    async def handle(event):
        await asyncio.sleep(float(event.extensions.get("takes", "0")))
        data = settings.answer.encode()
        return facts.reply(event, name="echo", version="1", message_type="test.Said", data=data, time_ns=None)
    async def close():
        print("closed", flush=True)
    return HostedHandler(Card("echo", Kind.HANDLER, "1", "Say.", consumes=("{BATCH}",)), handle, close)

respond = event_app.endpoint(Settings, compose)

@functions_framework.aio.http
async def handle(request):
    return await respond(request)

if __name__ == "__main__":
    event_app.serve(respond, handle)
"""
READY_S = 30.0  # bound on the wait, not the demand; the demand is in test_ready_in_time
ROOT = Path(__file__).parents[2]


@pytest.fixture
def main(tmp_path: Path) -> Path:
    path = tmp_path / "main.py"
    path.write_text(MAIN)
    return path


@pytest.fixture
def impatient(main: Path) -> Path:
    main.write_text(f"from functions.runtime import http_server\nhttp_server.RECEIVE_S = 0.3\n{MAIN}")
    return main


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def own_way(main: Path, port: int) -> tuple[list[str], dict[str, str]]:
    return [sys.executable, str(main)], {"PORT": str(port), "TICKLOOM_HOST": "127.0.0.1"}


def framework_way(main: Path, port: int) -> tuple[list[str], dict[str, str]]:
    command = [sys.executable, "-m", "functions_framework", "--asgi", "--target=handle", f"--source={main}"]
    return [*command, "--host=127.0.0.1", f"--port={port}"], {}


WAYS = [own_way, framework_way]


@contextlib.asynccontextmanager
async def started(
    command: list[str], environ: Mapping[str, str], port: int
) -> AsyncIterator[tuple[asyncio.subprocess.Process, aiohttp.ClientSession]]:
    inherited = {name: value for name, value in os.environ.items() if not name.startswith(("TICKLOOM_", "OTEL_"))}
    process = await asyncio.create_subprocess_exec(
        *command,
        env={**inherited, "PYTHONPATH": str(ROOT), **environ},
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
        start_new_session=True,
    )
    try:
        async with aiohttp.ClientSession(f"http://127.0.0.1:{port}") as session:
            await ready(session)
            yield process, session
    finally:
        with contextlib.suppress(ProcessLookupError):  # the whole session: the framework's server forks a worker
            os.killpg(process.pid, signal.SIGKILL)
        await process.communicate()


async def ready(session: aiohttp.ClientSession) -> None:
    async with asyncio.timeout(READY_S):
        while not await answers(session):  # noqa: ASYNC110 - another process gives no event to wait on
            await asyncio.sleep(0.01)


async def answers(session: aiohttp.ClientSession) -> bool:
    try:
        return await probe(session) == 200
    except aiohttp.ClientError:
        return False


async def probe(session: aiohttp.ClientSession) -> int:
    async with session.get("/health/readiness") as response:
        return response.status


async def post(session: aiohttp.ClientSession, **extensions: str) -> tuple[int, bytes]:
    async with session.post("/", **request(**extensions)) as response:
        return response.status, await response.read()


def request(**extensions: str) -> dict[str, Any]:
    headers, body = to_http(sample(extensions={**sample().extensions, **extensions}))
    return {"headers": [(name.decode(), value.decode()) for name, value in headers], "data": body}


@pytest.mark.parametrize("way", WAYS)
async def test_answers(main: Path, way: Any) -> None:  # noqa: ANN401 - one of the two above
    """Started either way, the function replies, probes and refuses alike."""
    port = free_port()
    command, environ = way(main, port)
    async with started(command, {**environ, "TICKLOOM_ANSWER": "hello"}, port) as (_, session):
        async with session.post("/", **request()) as response:
            came = from_http(response.raw_headers, await response.read())
            assert (response.status, came.type, came.data) == (200, "test.Said", b"hello")
        async with session.post("/", json={}) as response:
            assert (response.status, response.content_type) == (400, "application/problem+json")
        async with session.post("/", data=b"x" * 2_097_152) as response:
            assert response.status == 413
        async with session.get("/health/liveness") as response:
            assert (response.status, await response.read()) == (200, b"")


@pytest.mark.parametrize("way", WAYS)
async def test_wrong_settings(main: Path, way: Any) -> None:  # noqa: ANN401 - as above
    """Started either way, an unknown variable of ours stops the start and is named."""
    command, environ = way(main, free_port())
    process = await asyncio.create_subprocess_exec(
        *command,
        env={**os.environ, "PYTHONPATH": str(ROOT), **environ, "TICKLOOM_ANSWR": "x"},
        stderr=asyncio.subprocess.PIPE,
    )
    _, errors = await asyncio.wait_for(process.communicate(), READY_S)
    assert process.returncode not in {0, None}
    assert b"TICKLOOM_ANSWR is unknown (did you mean TICKLOOM_ANSWER?)" in errors


async def test_stop_drains(main: Path) -> None:
    """After SIGTERM readiness says no, what runs is finished, connections close, and the exit code is 0."""
    port = free_port()
    command, environ = own_way(main, port)
    async with started(command, {**environ, "TICKLOOM_DRAIN_MS": "800"}, port) as (process, session):
        slow = asyncio.create_task(post(session, takes="1.5"))
        assert await post(session) == (200, b"said")  # sent later, so the slow one has arrived
        process.send_signal(signal.SIGTERM)
        async with asyncio.timeout(READY_S):
            while await probe(session) == 200:
                pass
        assert await probe(session) == 503
        assert await slow == (200, b"said")
        output, _ = await asyncio.wait_for(process.communicate(), READY_S)
        assert (process.returncode, output) == (0, b"closed\n")


async def test_unix_socket(main: Path, tmp_path: Path) -> None:
    """A function can listen on a Unix socket instead of a port."""
    path = tmp_path / "echo.sock"
    environ = {**os.environ, "PYTHONPATH": str(ROOT), "TICKLOOM_UDS": str(path)}
    process = await asyncio.create_subprocess_exec(sys.executable, str(main), env=environ)
    try:
        async with aiohttp.ClientSession("http://echo", connector=aiohttp.UnixConnector(str(path))) as session:
            await ready(session)
            async with session.post("/", **request()) as response:
                assert response.status == 200
    finally:
        process.terminate()
        await process.wait()


async def test_port_is_told(main: Path) -> None:
    """Asked for any free port, the process says on stderr which one it opened."""
    command, environ = own_way(main, 0)
    process = await asyncio.create_subprocess_exec(
        *command, env={**os.environ, "PYTHONPATH": str(ROOT), **environ}, stderr=asyncio.subprocess.PIPE
    )
    assert process.stderr is not None
    line = json.loads(await asyncio.wait_for(process.stderr.readline(), READY_S))
    process.terminate()
    await process.communicate()
    assert line["event"] == "port_opened"
    assert line["port"] > 0


CHUNKED = b"POST / HTTP/1.1\r\nhost: x\r\ntransfer-encoding: chunked\r\n\r\n1\r\nx\r\n"


@pytest.mark.parametrize("begin", [b"POST / HTTP/1.1\r\n", CHUNKED + b"0\r\n"])
async def test_endless_head(main: Path, begin: bytes) -> None:
    """A request head that never ends is cut off, and so are trailers."""
    port = free_port()
    command, environ = own_way(main, port)
    async with started(command, environ, port):
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        writer.write(begin)
        with contextlib.suppress(ConnectionError):
            for _ in range(400):
                writer.write(b"x-filler: " + b"a" * 1000 + b"\r\n")
                await writer.drain()
            await reader.read()
        writer.close()
        assert reader.at_eof() or reader.exception() is not None


async def test_trailers_are_no_headers(main: Path) -> None:
    """What follows the body of a request says nothing of its event."""
    port = free_port()
    command, environ = own_way(main, port)
    headers = "".join(f"{name}: {value}\r\n" for name, value in request()["headers"] if name != "ce-id")
    head = f"POST / HTTP/1.1\r\nhost: x\r\nconnection: close\r\ntransfer-encoding: chunked\r\n{headers}\r\n"
    async with started(command, environ, port):
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        writer.write(head.encode() + b"1\r\nx\r\n0\r\nce-id: 7\r\n\r\n")
        answer = await asyncio.wait_for(reader.read(), READY_S)
        writer.close()
    assert b" 400 " in answer.splitlines()[0]
    assert b"id is missing" in answer


@pytest.mark.parametrize("begin", [b"", b"\r\n", b"POST / HTTP/1.1\r\n", CHUNKED])
async def test_request_that_does_not_come(impatient: Path, begin: bytes) -> None:
    """A connection whose request does not arrive is closed: as many as may be open would shut all others out."""
    port = free_port()
    command, environ = own_way(impatient, port)
    async with started(command, {**environ, "TICKLOOM_CONCURRENCY_MAX": "4"}, port) as (_, session):
        idle = [await asyncio.open_connection("127.0.0.1", port) for _ in range(4)]
        for _, writer in idle:
            writer.write(begin)
        async with asyncio.timeout(READY_S):
            await asyncio.gather(*(reader.read() for reader, _ in idle))
        assert await post(session) == (200, b"said")
        assert await post(session, takes="1.0") == (200, b"said")  # it has arrived, and is waited for
        for _, writer in idle:
            writer.close()


def test_lean_start(main: Path) -> None:
    """Beside the framework and the server, whose imports are given, starting costs little (design section 5)."""
    given = "import functions_framework.aio, uvicorn, uvloop, httptools"
    ours = f"import sys; sys.path.insert(0, {str(main.parent)!r}); import main; import functions.runtime.http_server"
    pairs = [(worked_s(given), worked_s(ours)) for _ in range(3)]
    assert min(pair[1] for pair in pairs) < 1.4 * min(pair[0] for pair in pairs)


@pytest.mark.parametrize("module", ["numpy", "numba", "grpc", "structlog", "opentelemetry", "aiohttp"])
def test_imports_what_it_uses(main: Path, module: str) -> None:
    """A handler that needs none of the heavy libraries imports none."""
    code = f"import sys; sys.path.insert(0, {str(main.parent)!r}); import main; print({module!r} in sys.modules)"
    assert output_of(code) == "False"


def worked_s(code: str) -> float:
    """Run code in a fresh interpreter; give its processor time, so that a busy machine tells nothing false."""
    return float(output_of(f"{code}\nimport time; print(time.process_time())"))


def output_of(code: str) -> str:
    environ = {**os.environ, "PYTHONPATH": str(ROOT)}
    done = subprocess.run([sys.executable, "-c", code], env=environ, capture_output=True, text=True, check=True)  # noqa: S603 - ours
    return done.stdout.strip()
