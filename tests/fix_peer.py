"""The other side of a FIX session, built by hand on simplefix: none of our session code is in it."""

import asyncio
import contextlib
import datetime as dt
from collections.abc import AsyncIterator, Callable

import simplefix

PATIENCE_S = 10


def now_text(shift_s: float = 0.0) -> str:
    """Write the time, as simplefix's users do."""
    return (dt.datetime.now(dt.UTC) + dt.timedelta(seconds=shift_s)).strftime("%Y%m%d-%H:%M:%S.%f")[:-3]


def text(message: simplefix.FixMessage, tag: int) -> str:
    """Give a field; empty when there is none."""
    value = message.get(tag)
    return value.decode() if value is not None else ""


class Peer:
    """Talk over one socket; numbers are its own business."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, us: str, them: str) -> None:
        """Begin at 1."""
        self.number = 1
        self.heard: list[simplefix.FixMessage] = []
        self._reader, self._writer = reader, writer
        self._us, self._them = us, them
        self._parser = simplefix.FixParser()

    async def say(
        self, msg_type: str, *pairs: tuple[int, object], number: int | None = None, dup: bool = False
    ) -> None:
        """Send a message under the next number, or under one of the caller's choice."""
        message = simplefix.FixMessage()
        message.append_pair(8, "FIX.4.4")
        message.append_pair(35, msg_type)
        message.append_pair(49, self._us)
        message.append_pair(56, self._them)
        message.append_pair(34, self.number if number is None else number)
        if dup:
            message.append_pair(43, "Y")
            message.append_pair(122, now_text(-1))
        message.append_pair(52, now_text())
        for tag, value in pairs:
            message.append_pair(tag, value)
        if number is None:
            self.number += 1
        self._writer.write(message.encode())
        await self._writer.drain()

    async def hear(self, *msg_types: str) -> list[simplefix.FixMessage]:
        """Take the next messages; they must be of these types, heartbeats aside."""
        found = []
        for msg_type in msg_types:
            message = await self._next()
            while text(message, 35) == "0" and msg_type != "0":
                message = await self._next()
            assert text(message, 35) == msg_type, message
            found.append(message)
        return found

    async def ended(self) -> bytes:
        """Wait until the other side ends the connection; give what it said last."""
        async with asyncio.timeout(PATIENCE_S):
            return await self._reader.read()

    def close(self) -> None:
        """End the connection without a word."""
        self._writer.transport.abort()

    async def _next(self) -> simplefix.FixMessage:
        async with asyncio.timeout(PATIENCE_S):
            while (message := self._parser.get_message()) is None:
                data = await self._reader.read(4096)
                assert data, "the connection ended"
                self._parser.append_buffer(data)
        self.heard.append(message)
        return message


@contextlib.asynccontextmanager
async def calling(port: int, us: str, them: str) -> AsyncIterator[Peer]:
    """Connect to an acceptor."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    try:
        yield Peer(reader, writer, us, them)
    finally:
        writer.transport.abort()


@contextlib.asynccontextmanager
async def called(us: str, them: str) -> AsyncIterator[tuple[int, Callable[[], "asyncio.Future[Peer]"]]]:
    """Listen for an initiator; give the port, and a way to wait for its next call."""
    calls: asyncio.Queue[Peer] = asyncio.Queue()

    async def accept(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await calls.put(Peer(reader, writer, us, them))

    server = await asyncio.start_server(accept, "127.0.0.1", 0)
    try:
        yield server.sockets[0].getsockname()[1], lambda: asyncio.ensure_future(calls.get())
    finally:
        server.close()
