"""Hold what listens to a simulated venue: one connection, what it hears, and what still has to be sent to it."""

import asyncio
import contextlib
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Final

from aiohttp import WSCloseCode, web

QUEUE_MESSAGES_MAX: Final = 10_000


@dataclass(slots=True, eq=False)
class Client:
    """One connection.

    Args:
        socket: Its WebSocket.
        transport: What lies under it; None in tests without a network.
        combined: Whether messages are wrapped with the name of their stream (Binance).
        hears: Keys it has subscribed to; what a key is, is the dialect's business.
    """

    socket: web.WebSocketResponse
    transport: asyncio.Transport | None
    combined: bool = False
    hears: set[str] = field(default_factory=set)
    queue: asyncio.Queue[str] = field(default_factory=lambda: asyncio.Queue(QUEUE_MESSAGES_MAX))
    lagging: bool = False

    def offer(self, text: str) -> None:
        """Queue a message; a client that lets its queue fill is dropped, as venues do."""
        try:
            self.queue.put_nowait(text)
        except asyncio.QueueFull:
            self.lagging = True

    async def write(self, slow_s: Callable[[], float]) -> None:
        """Send what is queued until the connection ends; `slow_s` gives seconds to wait before each message."""
        with contextlib.suppress(ConnectionError):
            while not self.lagging:
                text = await self.queue.get()
                if delay := slow_s():
                    await asyncio.sleep(delay)
                await self.socket.send_str(text)
        await self.socket.close(code=WSCloseCode.POLICY_VIOLATION, message=b"too slow")


class Audience:
    """Know every connection, and which keys anyone hears."""

    def __init__(self) -> None:
        """Begin with nobody."""
        self.clients: set[Client] = set()
        self.heard: Counter[str] = Counter()
        self.connections = 0

    def join(self, client: Client) -> None:
        """Let a client in, with whatever it hears already."""
        self.clients.add(client)
        self.connections += 1
        self.heard.update(client.hears)

    def leave(self, client: Client) -> None:
        """Let a client go."""
        self.clients.discard(client)
        for key in client.hears:
            self._forget(key)

    def subscribe(self, client: Client, key: str) -> bool:
        """Let a client hear a key; False when it does already."""
        if key in client.hears:
            return False
        client.hears.add(key)
        if client in self.clients:
            self.heard[key] += 1
        return True

    def unsubscribe(self, client: Client, key: str) -> bool:
        """Let a client no longer hear a key; False when it did not."""
        if key not in client.hears:
            return False
        client.hears.discard(key)
        if client in self.clients:
            self._forget(key)
        return True

    def _forget(self, key: str) -> None:
        self.heard[key] -= 1
        if self.heard[key] <= 0:
            del self.heard[key]

    def cut(self) -> None:
        """Cut every connection without a word."""
        for client in tuple(self.clients):
            if client.transport:
                client.transport.abort()
