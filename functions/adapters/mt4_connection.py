"""Keep a connection to a MetaTrader 4 bridge: lines both ways, heartbeats, an end to silence, and coming back.

What is said over it is documented where it is spoken: `functions.feeds.mt4` for ticks, `mt4_venue` for orders.
"""

import asyncio
import contextlib
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Final

from functions.adapters.resilience import full_jitter
from functions.ports.venue import Report

VERSION: Final = "1"
LINE_BYTES_MAX: Final = 4_096
HEARTBEAT_S: Final = 1.0
IDLE_S: Final = 3.0
_DIGITS_MAX: Final = 18
"""Digits of a number that fits 64 bits."""


class BridgeError(Exception):
    """The bridge broke the protocol, or refused us; the connection is given up."""


class UnkeptError(BridgeError):
    """What the bridge said could not be stored, so it must say it again; whoever comes back at once fails again."""


@dataclass(frozen=True, slots=True)
class BridgeEnd:
    """Say where a bridge is and how patient to be with it.

    Args:
        host: Its address.
        port: Its port.
        name: What the client calls itself.
        idle_s: Silence after which a connection counts as dead, seconds.
        heartbeat_s: Time between two of the client's heartbeats, seconds.
        backoff_s: Longest wait after the first failed connection, or one whose lines could not be stored; it doubles.
        backoff_max_s: Longest wait of all, seconds.
    """

    host: str
    port: int
    name: str = "tickloom"
    idle_s: float = IDLE_S
    heartbeat_s: float = HEARTBEAT_S
    backoff_s: float = 0.25
    backoff_max_s: float = 30.0


class Bridge:
    """Speak over one open connection.

    Args:
        reader: Where lines come from.
        writer: Where lines go.
        idle_s: Silence after which the connection counts as dead, seconds.
    """

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, idle_s: float) -> None:
        """Take an open connection."""
        self._reader = reader
        self._writer = writer
        self._idle_s = idle_s
        self.greeted = False

    def say(self, line: str) -> None:
        """Send a line; nothing leaves where the connection is closing."""
        if not self._writer.is_closing():
            self._writer.write(line.encode("ascii", "replace") + b"\n")

    async def line(self) -> bytes:
        """Wait for a line, and give it without its end.

        Raises:
            BridgeError: It is too long.
            TimeoutError: None came in time.
            IncompleteReadError: The connection ended.
        """
        try:
            async with asyncio.timeout(self._idle_s):
                line = await self._reader.readuntil(b"\n")
        except asyncio.LimitOverrunError as error:
            msg = f"a line is longer than {LINE_BYTES_MAX} bytes"
            raise BridgeError(msg) from error
        return line[:-1]

    def greet(self, version: str) -> None:
        """Take the bridge's greeting.

        Raises:
            BridgeError: It speaks another version.
        """
        if version != VERSION:
            msg = f"the bridge speaks version {version[:16]!r}, not {VERSION}"
            raise BridgeError(msg)
        self.greeted = True

    def leave(self) -> None:
        """Say goodbye and let go."""
        with contextlib.suppress(OSError):
            self.say("BYE")
            self._writer.close()


async def stay(
    to: BridgeEnd,
    talk: Callable[[Bridge], Awaitable[None]],
    *,
    report: Report,
    pause: Callable[[float], Awaitable[None]] = asyncio.sleep,
) -> None:
    """Connect, greet and talk, and come back with full jitter whenever that breaks; ends only by cancelling.

    Args:
        to: Where the bridge is.
        talk: Listens on a connection until something breaks.
        report: Is told of lost connections.
        pause: Waits for seconds.
    """
    failures = 0
    while True:
        bridge: Bridge | None = None
        try:
            async with asyncio.timeout(to.idle_s):
                streams = await asyncio.open_connection(to.host, to.port, limit=LINE_BYTES_MAX)
            bridge = Bridge(*streams, to.idle_s)
            await _hold(bridge, to, talk)
        except (OSError, TimeoutError, BridgeError, asyncio.IncompleteReadError) as error:
            served = bridge is not None and bridge.greeted and not isinstance(error, UnkeptError)
            failures = 0 if served else failures + 1
            report("connection_lost", error=f"{type(error).__name__}: {error}", failures=failures)
        await pause(full_jitter(failures, base_s=to.backoff_s, max_s=to.backoff_max_s))


async def _hold(bridge: Bridge, to: BridgeEnd, talk: Callable[[Bridge], Awaitable[None]]) -> None:
    beat = asyncio.create_task(_beat(bridge, to.heartbeat_s), name="mt4-heartbeat")
    try:
        bridge.say(f"HELLO {VERSION} {to.name}")
        await talk(bridge)
    finally:
        beat.cancel()
        bridge.leave()


async def _beat(bridge: Bridge, heartbeat_s: float) -> None:
    while True:
        await asyncio.sleep(heartbeat_s)
        bridge.say("HEARTBEAT")


def number(word: str) -> int:
    """Read a number; what is none is 0, which nothing is numbered by."""
    return int(word) if word.isdecimal() and word.isascii() and len(word) <= _DIGITS_MAX else 0
