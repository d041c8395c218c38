"""Say whether a process is alive and ready, and answer probes for processes that serve nothing else."""

import asyncio
from typing import Final

from functions.runtime.settings import Hosting

LIVENESS: Final = "/health/liveness"
READINESS: Final = "/health/readiness"

_HEAD_BYTES_MAX: Final = 8192  # a probe's request head is some hundred bytes
_PROBE_S: Final = 5.0  # a probe that has not sent its head by then is none


class Health:
    """Hold what probes ask for: alive while the process answers, ready between its start and its stop."""

    __slots__ = ("ready",)

    def __init__(self) -> None:
        """Begin not ready."""
        self.ready = False

    def answer(self, path: str) -> int:
        """Give the HTTP status for a probe's path.

        >>> Health().answer("/health/readiness"), Health().answer("/health/liveness"), Health().answer("/")
        (503, 200, 404)
        """
        if path == LIVENESS:
            return 200
        if path == READINESS:
            return 200 if self.ready else 503
        return 404


async def listen(health: Health, hosting: Hosting) -> asyncio.Server:
    """Answer probes on the process's port; for feeds and tables, which serve nothing else."""

    async def probe(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            async with asyncio.timeout(_PROBE_S):
                head = await reader.readuntil(b"\r\n\r\n")
            words = head.split(b"\r\n", 1)[0].decode("latin-1").split(" ")
            status = health.answer(words[1].partition("?")[0]) if words[0] == "GET" else 405
            writer.write(b"HTTP/1.1 %d \r\ncontent-length: 0\r\nconnection: close\r\n\r\n" % status)
            await writer.drain()
        except (TimeoutError, asyncio.IncompleteReadError, asyncio.LimitOverrunError, ConnectionError, IndexError):
            pass  # no probe, or one that left
        finally:
            writer.close()

    return await asyncio.start_server(probe, hosting.host, hosting.port, limit=_HEAD_BYTES_MAX)
