"""Be the orders' side of a MetaTrader 4 bridge: the line protocol that `functions.adapters.mt4_venue` documents.

What becomes of orders is decided as the small FIX venue decides it. Like the file of a real bridge, ids and executions
outlive connections; faults on demand cut a connection just before or just after a line was taken.
"""

import asyncio
import contextlib
import time
from collections.abc import AsyncIterator, Callable, Iterable
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Final

from functions.adapters.mt4_connection import IDLE_S, LINE_BYTES_MAX, VERSION
from functions.domain.money import plain
from functions.local.fix_desk import Desk, Market
from functions.local.venues.texts import NS_PER_MS
from functions.wire.fix.messages import Cancel, CancelReject, ExecutionReport, NewOrder, Replace
from functions.wire.mt4_orders import NOBODY

HEARTBEAT_S: Final = 1.0
_LIMIT: Final = "2"
_SIDES: Final = {"BUY": "1", "SELL": "2"}
_STATUSES: Final = {"0": "NEW", "1": "PARTLY", "2": "FILLED", "4": "CANCELED", "8": "REJECTED", "C": "EXPIRED"}


@dataclass(slots=True)
class _Kept:
    """Keep an id: the order's symbol and side, and the name by which the desk has it now."""

    symbol: str
    side: str
    name: str


@dataclass(slots=True)
class Faults:
    """Misbehave on demand.

    Args:
        cut_before: Next lines of these kinds are lost with their connection.
        cut_after: Next lines of these kinds are taken, and the connection is cut before anything is said of them.
        silent: Whether nothing is said at all.
    """

    cut_before: list[str] = field(default_factory=list)
    cut_after: list[str] = field(default_factory=list)
    silent: bool = False


class OrdersBridge:
    """Serve orders over one bridge.

    Args:
        markets: Prices by symbol.
        fill_max: Most units that one order is filled at once.
        clock: Gives UTC nanoseconds.
    """

    def __init__(
        self, markets: dict[str, Market], *, fill_max: Decimal, clock: Callable[[], int] = time.time_ns
    ) -> None:
        """Listen to nobody yet."""
        self.desk = Desk(markets, fill_max=fill_max)
        self.faults = Faults()
        self.session = f"{clock():x}"
        self.executions: list[str] = []
        self.done = 0
        self.port = 0
        self.taken: dict[str, None] = {}  # ids, and ids with requests behind a blank
        self._clock = clock
        self._kept: dict[str, _Kept] = {}
        self._writers: set[asyncio.StreamWriter] = set()
        self._listening: set[asyncio.StreamWriter] = set()
        self._server: asyncio.Server | None = None
        self._beat: asyncio.Task[None] | None = None

    async def start(self, host: str = "127.0.0.1", port: int = 0) -> None:
        """Listen; port 0 takes a free one."""
        self._server = await asyncio.start_server(self._serve, host, port, limit=LINE_BYTES_MAX)
        self.port = self._server.sockets[0].getsockname()[1]
        self._beat = asyncio.create_task(self._beats(), name="orders-bridge-heartbeat")

    async def stop(self) -> None:
        """Drop everyone and stop listening."""
        if self._beat:
            self._beat.cancel()
        self.cut()
        if self._server:
            self._server.close()
            await self._server.wait_closed()

    def cut(self) -> None:
        """Cut every connection without a word."""
        for writer in tuple(self._writers):
            writer.transport.abort()

    def fill(self, id_: str, size: Decimal, price: Decimal) -> None:
        """Fill an order whatever its state, as a terminal may that was late to say so."""
        self._tell(id_, (self.desk.fill(self._kept[id_].name, size, price, self._clock()),))

    # --- clients ------------------------------------------------------------------------------------------------------

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._writers.add(writer)
        try:
            while True:
                async with asyncio.timeout(IDLE_S):
                    line = (await reader.readuntil(b"\n"))[:-1].decode("ascii", "replace")
                if self._cuts(line, self.faults.cut_before):
                    return
                leaving = line.startswith("BYE") or self._cuts(line, self.faults.cut_after)
                if leaving:
                    self._listening.discard(writer)
                self._answer(line.split(" "), writer)
                if leaving:
                    return
        except (OSError, TimeoutError, asyncio.IncompleteReadError, asyncio.LimitOverrunError):
            return
        finally:
            self._writers.discard(writer)
            self._listening.discard(writer)
            writer.transport.abort()

    @staticmethod
    def _cuts(line: str, kinds: list[str]) -> bool:
        kind = line.partition(" ")[0]
        if kind not in kinds:
            return False
        kinds.remove(kind)
        return True

    def _answer(self, words: list[str], writer: asyncio.StreamWriter) -> None:
        match words:
            case ["HELLO", version, _] if version == VERSION:
                self._say(f"HELLO {VERSION} {self.session}", (writer,))
            case ["ORDERS"]:
                self._listening.add(writer)
                self._say(f"OK ORDERS {len(self.executions)}", (writer,))
                for line in self.executions[self.done :]:
                    self._say(line, (writer,))
            case ["DONE", number] if number.isdecimal():
                self.done = max(self.done, int(number))
            case ["STATUS", question, id_]:
                self._say(self._status(question, id_), (writer,))
            case ["HEARTBEAT" | "BYE", *_]:
                pass
            case _ if not self._take(words):
                self._say(f"ERROR syntax {' '.join(words)[:80]}", (writer,))

    def _take(self, words: list[str]) -> bool:
        """Do what is asked of an order, once; False when nothing is."""
        name = " ".join(words[1:2] if words[0] == "NEW" else reversed(words[1:3]))
        match words:
            case ["NEW" | "CANCEL" | "REPLACE", _, *_] if name in self.taken:
                pass
            case ["NEW", id_, symbol, side, units, price, _] if side in _SIDES and _are_figures(units, price):
                self._new(id_, symbol, _SIDES[side], (Decimal(units), Decimal(price)))
            case ["CANCEL", request, id_] if id_ in self._kept:
                kept = self._kept[id_]
                asked = Cancel(kept.name, name, kept.symbol, kept.side, self._clock())
                self._tell(id_, (self.desk.cancel(asked, self._clock()),), request)
            case ["REPLACE", request, id_, units, price] if id_ in self._kept and _are_figures(units, price):
                kept, now_ns = self._kept[id_], self._clock()
                figures = Decimal(units), Decimal(price)
                wanted = Replace(kept.name, name, kept.symbol, kept.side, now_ns, _LIMIT, None, *figures)
                self._tell(id_, tuple(self.desk.replace(wanted, now_ns)), request)
            case ["CANCEL" | "REPLACE", request, id_, *_]:
                self._execution(id_, "REFUSED", request, "unknown order")
            case _:
                return False
        self.taken.setdefault(name)
        self._say(f"TAKEN {name}", self._listening)
        return True

    def _new(self, id_: str, symbol: str, side: str, figures: tuple[Decimal, Decimal]) -> None:
        self._kept[id_] = _Kept(symbol, side, id_)
        asked = NewOrder(id_, symbol, side, self._clock(), _LIMIT, *figures)
        self._tell(id_, tuple(self.desk.new(asked, self._clock())))

    def _status(self, question: str, id_: str) -> str:
        kept, ms = self._kept.get(id_), self._clock() // NS_PER_MS
        if kept is None:
            return f"STATUS {question} {ms} {id_} UNKNOWN"
        order = self.desk.orders.get(kept.name)
        status, filled = (_STATUSES[order.status], order.filled) if order else ("REJECTED", Decimal(0))
        return f"STATUS {question} {ms} {id_} {status} {plain(filled)}"

    # --- what happens to orders ---------------------------------------------------------------------------------------

    def _tell(self, id_: str, reports: Iterable[ExecutionReport | CancelReject], request: str = NOBODY) -> None:
        for one in reports:
            if isinstance(one, CancelReject):
                self._execution(id_, "REFUSED", request, "the order does not work")
                continue
            match one.exec_type:
                case "0":
                    self._execution(id_, "NEW", one.order_id)
                case "F":
                    size, price = one.last_quantity or Decimal(0), one.last_price or Decimal(0)
                    self._execution(id_, "TRADE", one.exec_id, plain(size), plain(price))
                case "4" | "5":
                    self._kept[id_].name = f"{id_} {request}"
                    self._execution(id_, "CANCELED" if one.exec_type == "4" else "REPLACED", request)
                case "8":
                    self._execution(id_, "REJECTED", one.text or "rejected")

    def _execution(self, id_: str, *words: str) -> None:
        line = f"EXEC {len(self.executions) + 1} {self._clock() // NS_PER_MS} {id_} {' '.join(words)}"
        self.executions.append(line)
        self._say(line, self._listening)

    def _say(self, line: str, to: Iterable[asyncio.StreamWriter]) -> None:
        if not self.faults.silent:
            for writer in to:
                writer.write(line.encode("ascii", "replace") + b"\n")

    async def _beats(self) -> None:
        while True:
            await asyncio.sleep(HEARTBEAT_S)
            self._say(f"HEARTBEAT {self._clock() // NS_PER_MS}", tuple(self._writers))


def _are_figures(*texts: str) -> bool:
    return all(text.replace(".", "", 1).isdecimal() and text.isascii() for text in texts)


@contextlib.asynccontextmanager
async def serving(bridge: OrdersBridge) -> AsyncIterator[OrdersBridge]:
    """Serve while the block runs."""
    await bridge.start()
    try:
        yield bridge
    finally:
        await bridge.stop()
