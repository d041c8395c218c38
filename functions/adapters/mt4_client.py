"""Speak the client's side of the MetaTrader 4 bridge protocol, which `functions.feeds.mt4` documents."""

import asyncio
import time
from collections.abc import Awaitable, Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Final

from functions.adapters.mt4_connection import Bridge, BridgeEnd, BridgeError, stay
from functions.adapters.mt4_connection import number as numbered
from functions.ports.lines import Line, PutLine
from functions.ports.venue import Report

HELD_MAX: Final = 10_000
SYMBOLS_MAX: Final = 256


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


class BridgeClient:
    """Listen to one bridge.

    Args:
        end: Where it is.
        symbols: What is subscribed to.
        report: Is told of lost connections and of holes that were given up.
        clock: Gives UTC nanoseconds.
        pause: Waits for seconds.
    """

    def __init__(
        self,
        end: BridgeEnd,
        symbols: tuple[str, ...],
        *,
        report: Report,
        clock: Callable[[], int] = time.time_ns,
        pause: Callable[[float], Awaitable[None]] = asyncio.sleep,
    ) -> None:
        """Connect to nothing yet; symbols that would not fit a line are refused."""
        bad = [one for one in symbols if not one.isascii() or not one.isprintable() or set(one) & {" ", ","}]
        if bad or not 0 < len(symbols) <= SYMBOLS_MAX:
            msg = f"name 1 to {SYMBOLS_MAX} symbols without blanks and commas; found {bad or len(symbols)}"
            raise ValueError(msg)
        self._end = end
        self._symbols = symbols
        self._report = report
        self._clock = clock
        self._pause = pause
        self.connections = 0

    async def run(self, put: PutLine, cursors: Mapping[str, str]) -> None:
        """Hand over every line behind the cursors, each tick once and in order; ends only by cancelling."""
        talk = _Talk(self._symbols, self._report, self._clock, cursors)

        async def listen(bridge: Bridge) -> None:
            self.connections += 1
            await talk.hold(bridge, put)

        await stay(self._end, listen, report=self._report, pause=self._pause)


class _Talk:
    """Know how far each symbol has come, over as many connections as it takes."""

    def __init__(
        self, symbols: tuple[str, ...], report: Report, clock: Callable[[], int], cursors: Mapping[str, str]
    ) -> None:
        self._symbols = symbols
        self._report = report
        self._clock = clock
        self._session = ""
        self._kept = {symbol: cursor.partition(" ") for symbol, cursor in cursors.items()}
        self._sequencers: dict[str, Sequencer] = {}
        self._newest: dict[str, int] = {}

    async def hold(self, bridge: Bridge, put: PutLine) -> None:
        """Subscribe once greeted, and listen until something breaks."""
        for one in self._sequencers.values():
            one.ask_again()
        while True:
            row = await bridge.line()
            for line in self._hear(row, bridge):
                await put(line)

    def _hear(self, row: bytes, bridge: Bridge) -> list[Line]:
        """Take a line; give what can be handed on."""
        line = Line(row, self._clock())
        found = [line]
        kind, *words = row.decode("ascii", "replace").split(" ")
        match kind, words:
            case "TICK", [number, symbol, *_] if one := self._sequencers.get(symbol):
                found = self._tick(one, symbol, numbered(number), line)
                self._ask(symbol, bridge)
            case "GAPFILL", [symbol, first, last] if one := self._sequencers.get(symbol):
                found = self._gap_fill(one, symbol, (numbered(first), numbered(last)), line)
                self._ask(symbol, bridge)
            case "HELLO", [version, session]:
                self._greet(version, session, bridge)
            case "OK", [lasts]:
                self._learn(lasts, bridge, subscribed=True)
            case "HEARTBEAT", [_, lasts]:
                self._learn(lasts, bridge)
            case "ERROR", _:
                self._report("bridge_refused", error=row[:200].decode("ascii", "replace"))
            case "BYE", _:
                msg = f"the bridge said goodbye: {row[:80]!r}"
                raise BridgeError(msg)
        return found

    def _greet(self, version: str, session: str, bridge: Bridge) -> None:
        bridge.greet(version)
        if session != self._session:
            self._begin(session)
        bridge.say(f"SUBSCRIBE {','.join(self._symbols)}")

    def _begin(self, session: str) -> None:
        """Go on in a session from the cursors of it; of what we followed in another one, take it from its beginning."""
        self._kept |= {symbol: (self._session, " ", str(one.last)) for symbol, one in self._sequencers.items()}
        if any(of != session for of, _, _ in self._kept.values()):
            self._report("session_changed", session=session)
        self._session = session
        self._newest.clear()
        self._sequencers = {
            symbol: Sequencer(numbered(last) if of == session else 0) for symbol, (of, _, last) in self._kept.items()
        }

    def _learn(self, lasts: str, bridge: Bridge, *, subscribed: bool = False) -> None:
        """Take note of newest numbers; a symbol that is new to us begins there once it is subscribed to."""
        for part in lasts.split(",")[:SYMBOLS_MAX]:
            symbol, _, last = part.rpartition(":")
            number = numbered(last)
            if subscribed:
                self._sequencers.setdefault(symbol, Sequencer(number))
            self._newest[symbol] = max(self._newest.get(symbol, 0), number)
            self._ask(symbol, bridge)

    def _ask(self, symbol: str, bridge: Bridge) -> None:
        one = self._sequencers.get(symbol)
        if one and (hole := one.missing(self._newest.get(symbol, 0))):
            bridge.say(f"RESEND {symbol} {hole[0]} {hole[1]}")

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
