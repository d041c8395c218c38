"""Run the other side of a FIX session on this machine: a small venue that takes orders and tells prices.

Orders are acknowledged, filled and refused by the rules of `fix_desk`, and told again to whoever asks with H. Market
data is a random walk, told as W and X to whoever asks with V. Faults on demand leave a gap, garble, double, fall
silent or drop the connection.
`python -m functions.local.fix_counterparty --help` says how to start one.
"""

import argparse
import asyncio
import contextlib
import json
import pathlib
import random
import signal
import sys
import time
from collections.abc import AsyncIterator, Callable, Sequence
from dataclasses import dataclass, field, replace
from decimal import Decimal
from typing import Final

from functions.adapters.fix_connection import FixAcceptor, Line
from functions.adapters.fix_store import DiskFixStores, leased
from functions.adapters.memory_fix_store import MemoryFixStores
from functions.local.fix_desk import LOT, Desk, Market, snapshot, step
from functions.ports.fix_session import Link
from functions.ports.fix_store import FixStores
from functions.wire.fix.actions import Deliver, NotLoggedOn, Terms
from functions.wire.fix.codec import Message, Pair
from functions.wire.fix.messages import (
    CANCEL,
    DATA_REQUEST,
    NEW_ORDER,
    ORDER_STATUS,
    REPLACE,
    Cancel,
    DataReject,
    DataRequest,
    ExecutionReport,
    NewOrder,
    Replace,
    StatusRequest,
    entries,
    read,
    write,
)
from functions.wire.fix.rules import Identity

TAKEN: Final = frozenset((NEW_ORDER, CANCEL, REPLACE, ORDER_STATUS, DATA_REQUEST))
MEMORY_MAX: Final = 10_000
"""Messages and notes that are remembered for whoever looks."""
_SUBSCRIBE, _UNSUBSCRIBE = "1", "2"


# --- faults -----------------------------------------------------------------------------------------------------------


@dataclass(slots=True)
class Faults:
    """Misbehave on demand: each names how many of the next messages it hits.

    Args:
        gap: Messages whose numbers are used and which never leave; a resend brings them.
        garbled: Messages that leave with a wrong CheckSum.
        doubled: Messages that leave twice, without PossDupFlag.
        silent: Whether nothing leaves at all.
    """

    gap: int = 0
    garbled: int = 0
    doubled: int = 0
    silent: bool = False

    def __call__(self, data: bytes) -> Sequence[bytes]:
        """Give what really leaves."""
        if self.silent:
            return ()
        if self.gap:
            self.gap -= 1
            return ()
        if self.garbled:
            self.garbled -= 1
            return (data[:-4] + b"%03d\x01" % ((int(data[-4:-1]) + 1) % 256),)
        if self.doubled:
            self.doubled -= 1
            return data, data
        return (data,)


# --- the venue --------------------------------------------------------------------------------------------------------


@dataclass(slots=True)
class _Subscription:
    request_id: str
    depth: int


@dataclass(frozen=True, slots=True)
class House:
    """Say what the venue is.

    Args:
        identity: Its session, from its side.
        symbols: What is traded.
        terms: The session's limits.
        interval_s: Time between two steps of the market, seconds; 0 moves only when told to.
        seed: Where its prices come from.
        fill_max: Most that one order is filled at once.
    """

    identity: Identity
    symbols: tuple[str, ...] = ("EUR/USD", "GBP/USD")
    terms: Terms = field(default_factory=Terms)
    interval_s: float = 0.0
    seed: int = 1
    fill_max: Decimal = 10 * LOT


class Counterparty:
    """Be the other side of one session.

    Args:
        house: What the venue is.
        stores: Where its session is remembered; memory when None.
        clock: Gives UTC nanoseconds.
    """

    def __init__(
        self, house: House, *, stores: FixStores | None = None, clock: Callable[[], int] = time.time_ns
    ) -> None:
        """Listen nowhere yet."""
        self.house = house
        self.desk = Desk({symbol: Market(Decimal("1.1")) for symbol in house.symbols}, fill_max=house.fill_max)
        self.faults = Faults()
        self.link: Link | None = None
        self.taken: list[Message] = []
        self.notes: list[tuple[str, dict[str, object]]] = []
        self._clock = clock
        self._random = random.Random(house.seed)  # noqa: S311 - prices, not secrets
        self._subscriptions: dict[str, _Subscription] = {}
        kept = leased(stores or MemoryFixStores(), house.identity)
        terms = replace(house.terms, accepts=TAKEN)
        self._line = Line(house.identity, terms, kept, self, self._report, clock, self.faults)
        self.acceptor = FixAcceptor(self._line)
        self._ticker: asyncio.Task[None] | None = None

    @property
    def port(self) -> int:
        """Give the port it listens on."""
        return self.acceptor.port

    async def start(self, port: int = 0) -> None:
        """Listen; port 0 takes a free one."""
        self.acceptor.port = port
        await self.acceptor.start()
        if self.house.interval_s:
            self._ticker = asyncio.create_task(self._tick())

    async def pause(self) -> None:
        """Let the market stand still; the session goes on."""
        ticker, self._ticker = self._ticker, None
        if ticker is not None:
            ticker.cancel()
            await asyncio.gather(ticker, return_exceptions=True)

    async def stop(self) -> None:
        """End the connection and stop listening."""
        await self.pause()
        await self.acceptor.stop()

    async def drop(self) -> None:
        """Cut the connection without a word."""
        self.faults.silent = True
        await self.acceptor.drop()
        self.faults.silent = False

    async def move(self, symbol: str) -> None:
        """Move a symbol's price by a tick and tell whoever asked."""
        asked, market = self._subscriptions.get(symbol), self.desk.markets[symbol]
        up = self._random.random() < 0.5  # noqa: PLR2004 - either way
        message = step(asked.request_id if asked else "", symbol, market, up, self._clock())
        if asked is not None and self.link is not None:
            with contextlib.suppress(NotLoggedOn):
                await self.link.send(message)

    async def fill(self, cl_ord_id: str, size: Decimal, price: Decimal) -> None:
        """Fill an order, whatever its state, and tell it if somebody is there to hear."""
        await self._send(self.desk.fill(cl_ord_id, size, price, self._clock()))

    # -- what the session tells

    async def opened(self) -> None:
        """Begin with nothing under way."""

    async def logged_on(self, link: Link) -> None:
        """Begin to talk."""
        self.link = link

    async def logged_off(self, reason: str) -> None:
        """Forget who asked for prices."""
        self.link = None
        self._subscriptions.clear()
        self._report("counterparty_logged_off", reason=reason)

    async def take(self, delivered: Sequence[Deliver], next_in: int) -> None:  # noqa: ARG002 - the store keeps it
        """Do what is asked for, in order; what the session rejected asks for nothing."""
        for one in delivered:
            if not one.refused:
                self.taken.append(one.message)
                del self.taken[:-MEMORY_MAX]
                await self._answer(one.message)

    async def _answer(self, message: Message) -> None:
        now_ns, desk = self._clock(), self.desk
        match message.msg_type:
            case "D":
                await self._send(*desk.new(read(message, NewOrder), now_ns))
            case "F":
                await self._send(desk.cancel(read(message, Cancel), now_ns))
            case "G":
                await self._send(*desk.replace(read(message, Replace), now_ns))
            case "H":
                trades, status = desk.status(read(message, StatusRequest), now_ns)
                await self._send(*map(_again, trades), status)
            case "V":
                await self._subscribe(message)

    async def _subscribe(self, message: Message) -> None:
        request = read(message, DataRequest)
        for symbol in (entry[0][1] for entry in entries(message, 146, 55)):
            if symbol not in self.desk.markets:
                await self._send(DataReject(request.request_id, "0", f"unknown symbol {symbol}"))
            elif request.action == _UNSUBSCRIBE:
                self._subscriptions.pop(symbol, None)
            else:
                await self._send(snapshot(request.request_id, symbol, self.desk.markets[symbol], request.depth))
                if request.action == _SUBSCRIBE:
                    self._subscriptions[symbol] = _Subscription(request.request_id, request.depth)

    async def _send(self, *values: object) -> None:
        for value in values:
            if self.link is not None:
                with contextlib.suppress(NotLoggedOn):
                    await self.link.send(value)

    def _report(self, event: str, **keys: object) -> None:
        self.notes.append((event, keys))
        del self.notes[:-MEMORY_MAX]

    async def _tick(self) -> None:
        while True:
            await asyncio.sleep(self.house.interval_s)
            for symbol in self.house.symbols:
                await self.move(symbol)


def _again(report: ExecutionReport) -> tuple[str, list[Pair]]:
    """Write what was told before, under its own ExecID and with PossResend."""
    msg_type, body = write(report)
    return msg_type, [(97, "Y"), *body]


@contextlib.asynccontextmanager
async def serving(counterparty: Counterparty) -> AsyncIterator[Counterparty]:
    """Serve while the block runs."""
    await counterparty.start()
    try:
        yield counterparty
    finally:
        await counterparty.stop()


# --- its own process --------------------------------------------------------------------------------------------------


def main(argv: list[str] | None = None) -> int:
    """Listen, say where in one JSON line, and serve until told to stop."""
    args = _arguments().parse_args(argv)
    house = House(
        Identity(args.sender, args.target),
        tuple(args.symbols.split(",")),
        interval_s=args.interval_s,
        seed=args.seed,
    )
    stores = DiskFixStores(pathlib.Path(args.folder)) if args.folder else None
    asyncio.run(_serve(Counterparty(house, stores=stores), args.port))
    return 0


def _arguments() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="fix_counterparty", description="Run a small FIX 4.4 venue on loopback.")
    parser.add_argument("--port", type=int, default=0, help="port to listen on; 0 takes a free one")
    parser.add_argument("--sender", default="VENUE", help="its CompID")
    parser.add_argument("--target", default="TICKLOOM", help="the other side's CompID")
    parser.add_argument("--symbols", default="EUR/USD,GBP/USD", help="what is traded, comma separated")
    parser.add_argument("--interval-s", type=float, default=0.1, help="seconds between two steps of the market")
    parser.add_argument("--seed", type=int, default=1, help="where its prices come from")
    parser.add_argument("--folder", default="", help="where its session is remembered; empty for memory")
    return parser


async def _serve(counterparty: Counterparty, port: int) -> None:
    stopped = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, stopped.set)
    await counterparty.start(port)
    sys.stdout.write(json.dumps({"port": counterparty.port}) + "\n")
    sys.stdout.flush()
    await stopped.wait()
    await counterparty.stop()


if __name__ == "__main__":
    sys.exit(main())
