"""Simulate a venue in its own dialect until interrupted; one JSON line says where it listens."""

import argparse
import asyncio
import json
import pathlib
import signal
import sys
from dataclasses import replace
from decimal import Decimal
from typing import Final, Protocol

from functions.cli.errors import UsageError
from functions.cli.ports import check_port
from functions.domain.market import NS_PER_S
from functions.domain.simulation import Shock
from functions.local import loop
from functions.local.fix_desk import Market
from functions.local.venues.exchange import VenueOptions
from functions.local.venues.faults import Fault, FaultRates, rates_of
from functions.local.venues.mt4 import Bridge, BridgeOptions
from functions.local.venues.mt4_orders import OrdersBridge
from functions.local.venues.plans import HISTORY_S, KITS, RATE, Plan, build

MT4: Final = "mt4.bridge"
MT4_ORDERS: Final = "mt4.orders"
ORDERS_UNITS_MAX: Final = Decimal(1_000_000)
"""Most that the orders' bridge fills at once."""


class Server(Protocol):
    """What is simulated: it listens on a port of its own choice, or on a given one."""

    port: int

    async def start(self, host: str = "127.0.0.1", port: int = 0) -> None:
        """Listen."""

    async def stop(self) -> None:
        """Let everyone go."""


def register(parser: argparse.ArgumentParser) -> None:
    """Add the verb's arguments."""
    parser.add_argument("venue", metavar="VENUE", help=f"one of {', '.join((*KITS, MT4, MT4_ORDERS))}")
    parser.add_argument("--symbols", default="", help="in the venue's own words, separated by commas")
    parser.add_argument("--host", default="127.0.0.1", help="address to listen on (default 127.0.0.1)")
    parser.add_argument("--port", type=int, default=0, help="port to listen on; 0 takes a free one (default)")
    parser.add_argument("--rate", type=float, default=RATE, help="messages a second and symbol; times, of a capture")
    parser.add_argument("--seed", type=int, default=1, help="seed of the market and of the faults")
    parser.add_argument("--capture", type=pathlib.Path, help="play this capture instead of a made-up market")
    parser.add_argument("--history", type=pathlib.Path, help="capture to write first, of what was traded before")
    parser.add_argument("--history-s", type=float, default=HISTORY_S, help="its simulated seconds")
    parser.add_argument(
        "--shock",
        action="append",
        default=[],
        metavar="AT_S:SYMBOL:MOVE:SECONDS",
        help="move a price, AT_S seconds after the first subscriber, for example 8:BTCUSDT:-0.03:4",
    )
    parser.add_argument("--at-once", action="store_true", help="trade from the start, not from the first subscriber on")
    parser.add_argument("--seconds", type=float, default=0.0, help="stop after a time; 0 is never (default)")
    parser.add_argument(
        "--fault",
        action="append",
        default=[],
        metavar="NAME:VALUE",
        help=f"what goes wrong by itself: a probability (slow: seconds) for one of {', '.join(Fault)}",
    )


def run(args: argparse.Namespace) -> int:
    """Serve until SIGINT, SIGTERM, or the time is over."""
    try:
        server = _server(args, rates_of(dict(map(_fault, args.fault))))
    except (ValueError, OSError) as error:
        raise UsageError(str(error)) from None
    check_port(args.port, args.host)
    loop.run(_serve(server, args))
    return 0


def _server(args: argparse.Namespace, faults: FaultRates) -> Server:
    symbols = tuple(one for one in args.symbols.split(",") if one)
    if args.venue == MT4:
        return Bridge(BridgeOptions(symbols or ("EURUSD", "USDJPY"), rate=args.rate, seed=args.seed, faults=faults))
    if args.venue == MT4_ORDERS:
        markets = {one: Market(Decimal(1)) for one in symbols or ("EURUSD",)}
        return OrdersBridge(markets, fill_max=ORDERS_UNITS_MAX)
    options = VenueOptions(faults, args.seed, eager=args.at_once)
    rate = args.rate if args.capture is None or args.rate != RATE else 1.0
    plan = Plan(args.venue, symbols, rate, args.seed, args.capture, args.history, args.history_s, options=options)
    return build(replace(plan, shocks=tuple(map(_shock, args.shock))))


def _shock(text: str) -> Shock:
    try:
        at_s, symbol, move, seconds = text.split(":")
        at_ns, by, within = int(float(at_s) * NS_PER_S), float(move), float(seconds)
    except (ValueError, OverflowError):
        msg = f"--shock {text}: write AT_S:SYMBOL:MOVE:SECONDS, for example 8:BTCUSDT:-0.03:4"
        raise ValueError(msg) from None
    return Shock(at_ns, symbol, by, within)


def _fault(text: str) -> tuple[str, float]:
    name, _, value = text.partition(":")
    try:
        return name, float(value or "1")
    except ValueError:
        msg = f"--fault {text}: write NAME:VALUE, for example gap:0.001"
        raise ValueError(msg) from None


async def _serve(server: Server, args: argparse.Namespace) -> None:
    stop = asyncio.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        asyncio.get_running_loop().add_signal_handler(number, stop.set)
    await server.start(args.host, args.port)
    try:
        where = f"{args.host}:{server.port}"
        told = {"venue": args.venue, "port": server.port}
        lines = args.venue in {MT4, MT4_ORDERS}
        told |= {"address": where} if lines else {"websocket": f"ws://{where}", "rest": f"http://{where}"}
        sys.stdout.write(json.dumps(told) + "\n")
        sys.stdout.flush()
        try:
            async with asyncio.timeout(args.seconds or None):
                await stop.wait()
        except TimeoutError:
            return
    finally:
        await server.stop()
