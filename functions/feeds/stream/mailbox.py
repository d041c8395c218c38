"""Hold messages between the socket and the batcher: bounded, in order, and dropping nothing but overtaken quotes."""

import asyncio
from collections import OrderedDict

from functions.ports.venue import Received


class Mailbox:
    """Keep messages in order; when full, a new quote takes the place of its symbol's older one, all else waits.

    Args:
        rows_max: Messages that are held before anyone waits.
    """

    def __init__(self, rows_max: int) -> None:
        """Begin empty."""
        self._rows_max = rows_max
        self._rows: OrderedDict[int, tuple[Received, str]] = OrderedDict()
        self._quotes: dict[str, int] = {}
        self._next = 0
        self._arrived = asyncio.Event()
        self._freed = asyncio.Event()
        self.conflated = 0

    def __len__(self) -> int:
        """Count what is held."""
        return len(self._rows)

    async def put(self, received: Received, *, quote_of: str = "") -> None:
        """Add a message; wait while the box is full, unless it is a quote that overtakes one.

        Args:
            received: The message.
            quote_of: Symbol whose best bid and offer it tells; empty for anything that must never be lost.
        """
        while len(self._rows) >= self._rows_max:
            if quote_of in self._quotes:
                del self._rows[self._quotes.pop(quote_of)]
                self.conflated += 1
                break
            self._freed.clear()
            await self._freed.wait()
        self._rows[self._next] = received, quote_of
        if quote_of:
            self._quotes[quote_of] = self._next
        self._next += 1
        self._arrived.set()

    def take(self) -> Received | None:
        """Take the oldest message; None when there is none."""
        if not self._rows:
            return None
        number, (received, quote_of) = self._rows.popitem(last=False)
        if self._quotes.get(quote_of) == number:
            del self._quotes[quote_of]
        self._freed.set()
        return received

    async def wait(self, timeout_s: float) -> None:
        """Return once there is a message, or after a time."""
        if self._rows or timeout_s <= 0:
            return
        self._arrived.clear()
        try:
            async with asyncio.timeout(timeout_s):
                await self._arrived.wait()
        except TimeoutError:
            return
