"""Listen to simulated venues in tests: a connection's ear, and what its rows say, read independently."""

import asyncio
import contextlib
import json
from collections import Counter
from collections.abc import AsyncIterator, Callable, Iterator
from typing import Any

from functions.adapters.venues._connection import Connection
from functions.adapters.venues._patience import Hands, Patience
from functions.adapters.venues._profile import Profile, Subscription, profile_of
from functions.local.venues.exchange import Exchange
from functions.local.venues.plans import KITS
from functions.ports.venue import Received

PATIENCE_S = 20


class Ear:
    """Keep what was heard and what was reported, and let a test wait for something in it."""

    def __init__(self) -> None:
        """Begin empty."""
        self.heard: list[Received] = []
        self.reports: list[tuple[str, dict[str, object]]] = []
        self._changed = asyncio.Event()

    async def put(self, received: Received) -> None:
        """Keep one message."""
        self.heard.append(received)
        self._changed.set()

    def report(self, event: str, **keys: object) -> None:
        """Keep one report."""
        self.reports.append((event, keys))
        self._changed.set()

    def reported(self, event: str) -> int:
        """Count the reports of one kind."""
        return sum(name == event for name, _ in self.reports)

    async def until(self, holds: Callable[[], object]) -> None:
        """Wait until something holds."""
        async with asyncio.timeout(PATIENCE_S):
            while not holds():
                self._changed.clear()
                await self._changed.wait()

    def trades(self) -> Counter[tuple[str, int]]:
        """Count every trade by symbol and id."""
        return Counter(one for received in self.heard for one in trades_in(received.row, received.symbol))


def trades_in(row: bytes, symbol: str = "") -> Iterator[tuple[str, int]]:
    """Give symbol and id of every trade that a row of any dialect tells; what is no JSON tells none."""
    try:
        content = json.loads(row)
    except ValueError:
        return
    data = content.get("data", content) if isinstance(content, dict) else content
    for one in data if isinstance(data, list) else [data]:
        if isinstance(one, dict):
            yield from _trade(one, symbol if isinstance(content, list) else "")


def _trade(one: dict[str, Any], symbol: str) -> Iterator[tuple[str, int]]:
    match one:
        case {"e": "trade", "s": str(name), "t": int(number)} | {"e": "aggTrade", "s": str(name), "a": int(number)}:
            yield name, number
        case {"type": "match", "product_id": str(name), "trade_id": int(number)}:
            yield name, number
        case {"symbol": str(name), "trade_id": int(number)}:
            yield name, number
        case {"id": int(number)} | {"a": int(number), "p": str()} | {"trade_id": int(number)} if symbol:
            yield symbol, number


def subscription(profile: Profile) -> Subscription:
    """Listen to the simulated venue's usual symbols."""
    channels = tuple(channel.replace("level2_batch", "level2") for channel in profile.channels)
    return Subscription(KITS[profile.dialect].symbols, channels)


def patience(venue: Exchange, **more: Any) -> Patience:  # noqa: ANN401 - any field of it
    """Be impatient with a venue on this machine."""
    path = "/v2" if venue.dialect.name == "kraken.v2" else ""
    urls = {"websocket_url": f"ws://127.0.0.1:{venue.port}{path}", "rest_url": f"http://127.0.0.1:{venue.port}"}
    return Patience(**{**urls, "resync_s": 0.05, "backoff_s": 0.01, "backoff_max_s": 0.1, "api_key": "key", **more})


@contextlib.asynccontextmanager
async def hearing(
    venue: Exchange,
    ear: Ear,
    *,
    known: dict[tuple[str, str], int] | None = None,
    **more: Any,  # noqa: ANN401 - any field of its patience
) -> AsyncIterator[Connection]:
    """Listen to a venue while the block runs."""
    profile = profile_of(venue.dialect.name)
    hands = Hands(ear.report)
    connection = Connection(profile, subscription(profile), patience(venue, **more), hands=hands, known=known)
    task = asyncio.create_task(connection.run(ear.put))
    try:
        yield connection
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
        if not task.cancelled() and task.exception():
            raise task.exception() or AssertionError
