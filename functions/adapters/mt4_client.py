"""Speak the client's side of the MetaTrader 4 bridge protocol, which `functions.feeds.mt4` documents."""

import asyncio
import contextlib
import time
from collections.abc import Awaitable, Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Final

from functions.adapters.resilience import full_jitter
from functions.ports.lines import Line, PutLine
from functions.ports.venue import Report

VERSION: Final = "1"
LINE_BYTES_MAX: Final = 4_096
HELD_MAX: Final = 10_000
SYMBOLS_MAX: Final = 256
HEARTBEAT_S: Final = 1.0
IDLE_S: Final = 3.0
_DIGITS_MAX: Final = 18
"""Digits of a number that fits 64 bits."""


class BridgeError(Exception):
    """The bridge broke the protocol, or refused us; the connection is given up."""


@dataclass(slots=True)
class Sequencer:
    """Put numbered things in order, each once, and say what is missing.

    Args:
        last: Number that was handed on last.
        held_max: Things that are held back behind a hole; beyond, the hole is given up.
    """

    last: int = 0
    held_max: int = HELD_MAX
    abandoned: int = 0
    _held: dict[int, Line] = field(default_factory=dict)
    _asked: int = 0

    def take(self, number: int, line: Line) -> list[Line]:
        """Take a thing; give what can be handed on now. A number that was handed on already gives nothing."""
        if number <= self.last:
            return []
        self._held[number] = line
        if len(self._held) > self.held_max:
            least = min(self._held)
            self.abandoned += least - 1 - self.last
            self.last = least - 1
        return list(self._ready())

    def skip(self, first: int, last: int) -> list[Line]:
        """Take note that numbers will never come; give what can be handed on now.

        Only numbers that join what is there are skipped: a hole before them stays one.
        """
        if first <= self.last + 1 and last > self.last:
            self.last = last
            for number in [number for number in self._held if number <= last]:
                del self._held[number]
        return list(self._ready())

    def missing(self, newest: int) -> tuple[int, int] | None:
        """Give the hole that has to be asked for, (first, last), each hole once; None when there is none.

        Args:
            newest: Greatest number the other side is known to have sent.
        """
        end = min(self._held, default=newest + 1) - 1
        if end <= self.last or end <= self._asked:
            return None
        self._asked = end
        return self.last + 1, end

    def ask_again(self) -> None:
        """Forget what was asked for: whoever was asked is gone."""
        self._asked = 0

    def _ready(self) -> Iterator[Line]:
        while (line := self._held.pop(self.last + 1, None)) is not None:
            self.last += 1
            yield line


@dataclass(frozen=True, slots=True)
class BridgeAddress:
    """Say where the bridge is and how patient to be with it.

    Args:
        host: Its address.
        port: Its port.
        symbols: What is subscribed to.
        name: What the client calls itself.
        idle_s: Silence after which a connection counts as dead, seconds.
        heartbeat_s: Time between two of the client's heartbeats, seconds.
        backoff_s: Longest wait after the first failed connection, seconds; it doubles.
        backoff_max_s: Longest wait of all, seconds.
    """

    host: str
    port: int
    symbols: tuple[str, ...]
    name: str = "tickloom"
    idle_s: float = IDLE_S
    heartbeat_s: float = HEARTBEAT_S
    backoff_s: float = 0.25
    backoff_max_s: float = 30.0

    def __post_init__(self) -> None:
        """Refuse symbols that would not fit a line."""
        bad = [one for one in self.symbols if not one.isascii() or not one.isprintable() or set(one) & {" ", ","}]
        if bad or not 0 < len(self.symbols) <= SYMBOLS_MAX:
            msg = f"name 1 to {SYMBOLS_MAX} symbols without blanks and commas; found {bad or len(self.symbols)}"
            raise ValueError(msg)


class BridgeClient:
    """Listen to one bridge.

    Args:
        address: Where it is.
        report: Is told of lost connections and of holes that were given up.
        clock: Gives UTC nanoseconds.
        pause: Waits for seconds.
    """

    def __init__(
        self,
        address: BridgeAddress,
        *,
        report: Report,
        clock: Callable[[], int] = time.time_ns,
        pause: Callable[[float], Awaitable[None]] = asyncio.sleep,
    ) -> None:
        """Connect to nothing yet."""
        self._to = address
        self._report = report
        self._clock = clock
        self._pause = pause
        self.connections = 0

    async def run(self, put: PutLine, cursors: Mapping[str, str]) -> None:
        """Hand over every line behind the cursors, each tick once and in order; ends only by cancelling."""
        talk = _Talk(self._to, self._report, self._clock, cursors)
        failures = 0
        while True:
            talk.greeted = False
            try:
                async with asyncio.timeout(self._to.idle_s):
                    streams = await asyncio.open_connection(self._to.host, self._to.port, limit=LINE_BYTES_MAX)
                self.connections += 1
                await talk.hold(*streams, put)
            except (OSError, TimeoutError, BridgeError, asyncio.IncompleteReadError) as error:
                failures = 0 if talk.greeted else failures + 1
                self._report("connection_lost", error=f"{type(error).__name__}: {error}", failures=failures)
            await self._pause(full_jitter(failures, base_s=self._to.backoff_s, max_s=self._to.backoff_max_s))


class _Talk:
    """Know how far each symbol has come, over as many connections as it takes."""

    def __init__(self, to: BridgeAddress, report: Report, clock: Callable[[], int], cursors: Mapping[str, str]) -> None:
        self._to = to
        self._report = report
        self._clock = clock
        self._session = ""
        self._kept = {symbol: cursor.partition(" ") for symbol, cursor in cursors.items()}
        self._sequencers: dict[str, Sequencer] = {}
        self._newest: dict[str, int] = {}
        self.greeted = False

    async def hold(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, put: PutLine) -> None:
        """Greet, subscribe and listen until something breaks."""
        beat = asyncio.create_task(self._beat(writer), name="mt4-heartbeat")
        for one in self._sequencers.values():
            one.ask_again()
        try:
            _say(writer, f"HELLO {VERSION} {self._to.name}")
            while True:
                row = await self._line(reader)
                for line in self._hear(row, writer):
                    await put(line)
        finally:
            beat.cancel()
            with contextlib.suppress(OSError):
                _say(writer, "BYE")
                writer.close()

    async def _line(self, reader: asyncio.StreamReader) -> bytes:
        try:
            async with asyncio.timeout(self._to.idle_s):
                line = await reader.readuntil(b"\n")
        except asyncio.LimitOverrunError as error:
            msg = f"a line is longer than {LINE_BYTES_MAX} bytes"
            raise BridgeError(msg) from error
        return line[:-1]

    async def _beat(self, writer: asyncio.StreamWriter) -> None:
        while True:
            await asyncio.sleep(self._to.heartbeat_s)
            _say(writer, "HEARTBEAT")

    def _hear(self, row: bytes, writer: asyncio.StreamWriter) -> list[Line]:
        """Take a line; give what can be handed on."""
        line = Line(row, self._clock())
        found = [line]
        kind, *words = row.decode("ascii", "replace").split(" ")
        match kind, words:
            case "TICK", [number, symbol, *_] if one := self._sequencers.get(symbol):
                found = self._tick(one, symbol, _number(number), line)
                self._ask(symbol, writer)
            case "GAPFILL", [symbol, first, last] if one := self._sequencers.get(symbol):
                found = self._gap_fill(one, symbol, (_number(first), _number(last)), line)
                self._ask(symbol, writer)
            case "HELLO", [version, session]:
                self._greet(version, session, writer)
            case "OK", [lasts]:
                self._learn(lasts, writer, subscribed=True)
            case "HEARTBEAT", [_, lasts]:
                self._learn(lasts, writer)
            case "ERROR", _:
                self._report("bridge_refused", error=row[:200].decode("ascii", "replace"))
            case "BYE", _:
                msg = f"the bridge said goodbye: {row[:80]!r}"
                raise BridgeError(msg)
        return found

    def _greet(self, version: str, session: str, writer: asyncio.StreamWriter) -> None:
        if version != VERSION:
            msg = f"the bridge speaks version {version[:16]!r}, not {VERSION}"
            raise BridgeError(msg)
        if session != self._session:
            self._begin(session)
        self.greeted = True
        _say(writer, f"SUBSCRIBE {','.join(self._to.symbols)}")

    def _begin(self, session: str) -> None:
        """Go on in a session from the cursors of it; of what we followed in another one, take it from its beginning."""
        self._kept |= {symbol: (self._session, " ", str(one.last)) for symbol, one in self._sequencers.items()}
        if any(of != session for of, _, _ in self._kept.values()):
            self._report("session_changed", session=session)
        self._session = session
        self._newest.clear()
        self._sequencers = {
            symbol: Sequencer(_number(last) if of == session else 0) for symbol, (of, _, last) in self._kept.items()
        }

    def _learn(self, lasts: str, writer: asyncio.StreamWriter, *, subscribed: bool = False) -> None:
        """Take note of newest numbers; a symbol that is new to us begins there once it is subscribed to."""
        for part in lasts.split(",")[:SYMBOLS_MAX]:
            symbol, _, last = part.rpartition(":")
            number = _number(last)
            if subscribed:
                self._sequencers.setdefault(symbol, Sequencer(number))
            self._newest[symbol] = max(self._newest.get(symbol, 0), number)
            self._ask(symbol, writer)

    def _ask(self, symbol: str, writer: asyncio.StreamWriter) -> None:
        one = self._sequencers.get(symbol)
        if one and (hole := one.missing(self._newest.get(symbol, 0))):
            _say(writer, f"RESEND {symbol} {hole[0]} {hole[1]}")

    def _tick(self, one: Sequencer, symbol: str, number: int, line: Line) -> list[Line]:
        if not number:
            return [line]  # no tick of this protocol: kept, and refused further on
        abandoned = one.abandoned
        self._newest[symbol] = max(self._newest.get(symbol, 0), number)
        found = one.take(number, Line(line.row, line.ts_receive, symbol, f"{self._session} {number}"))
        if one.abandoned > abandoned:
            self._report("ticks_abandoned", symbol=symbol, ticks=one.abandoned - abandoned)
        return found

    def _gap_fill(self, one: Sequencer, symbol: str, hole: tuple[int, int], line: Line) -> list[Line]:
        found = one.skip(*hole)
        cursor = f"{self._session} {max(one.last - len(found), 0)}"
        return [Line(line.row, line.ts_receive, symbol, cursor), *found]


def _say(writer: asyncio.StreamWriter, line: str) -> None:
    if not writer.is_closing():
        writer.write(line.encode("ascii", "replace") + b"\n")


def _number(word: str) -> int:
    """Read a number; what is none is 0, which no tick has."""
    return int(word) if word.isdecimal() and word.isascii() and len(word) <= _DIGITS_MAX else 0
