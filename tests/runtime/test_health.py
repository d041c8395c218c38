"""Probes of processes that serve nothing else."""

import asyncio

import pytest

from functions.runtime import health
from functions.runtime.settings import Hosting


async def ask(port: int, request: bytes) -> bytes:
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    writer.write(request)
    answer = await reader.read()
    writer.close()
    return answer.split(b" ")[1] if answer else b""


@pytest.mark.parametrize(
    ("request_line", "ready", "status"),
    [
        (b"GET /health/liveness HTTP/1.1", False, b"200"),
        (b"GET /health/readiness HTTP/1.1", False, b"503"),
        (b"GET /health/readiness?x=1 HTTP/1.1", True, b"200"),
        (b"GET / HTTP/1.1", True, b"404"),
        (b"POST /health/liveness HTTP/1.1", True, b"405"),
        (b"nonsense", True, b"405"),
        (b"GET", True, b""),
        (b"GET " + b"a" * 10_000, True, b""),
    ],
)
async def test_probe(request_line: bytes, ready: bool, status: bytes) -> None:  # noqa: FBT001 - a row's column
    """Alive always, ready when it says so, and closed to what is no probe."""
    state = health.Health()
    state.ready = ready
    server = await health.listen(state, Hosting(host="127.0.0.1", port=0))
    port = server.sockets[0].getsockname()[1]
    assert await ask(port, request_line + b"\r\n\r\n") == status
    server.close()
    await server.wait_closed()
