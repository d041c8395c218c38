"""Show the whole loom at work on a simulated venue, and sum up what became of every message.

Nothing in the product knows of the demo: it starts the platform, gives its account capital and a position, replays
simulated history, and points the ordinary Binance feed at a simulated venue whose prices are shocked twice.
"""

import argparse
import asyncio
import contextlib
import json
import pathlib
import sys
import time
from collections.abc import Iterator
from typing import Any, Final

from functions.cli.environment import own_environment
from functions.cli.errors import CliError
from functions.cli.folders import drop
from functions.cli.screen import Board, screen
from functions.local import loop
from functions.local.children import Children, Spec, tcp_open
from functions.local.foundation import ORDERS_VENUE, Options
from functions.local.platform import Platform, running
from functions.local.summary import summarise

SYMBOLS: Final = "BTCUSDT,ETHUSDT,SOLUSDT,BNBUSDT"
SHOCKS: Final = ("7:ETHUSDT:-0.03:4", "17:SOLUSDT:-0.04:4")
CAPITAL: Final = "100000"
OPENING: Final = "BTC-USDT.BINANCE=1.3@65000"
"""Exposure 84,500 of 95,000 allowed: room for one order of up to 10,000, not for two."""


def register(parser: argparse.ArgumentParser) -> None:
    """Add the verb's arguments."""
    parser.add_argument(
        "--folder", type=pathlib.Path, default=pathlib.Path("var/demo"), help="for logs and stores; an earlier run's go"
    )
    parser.add_argument("--seconds", type=int, default=20, help="how long to stream (default 20)")
    parser.add_argument(
        "--history-minutes", type=float, default=10, help="simulated history replayed first (default 10)"
    )
    parser.add_argument("--seed", type=int, default=7, help="seed of the simulated market (default 7)")
    parser.add_argument("--rate", type=int, default=60, help="messages a second and symbol (default 60)")


def run(args: argparse.Namespace) -> int:
    """Run the demo; 0 when it came to its end."""
    began = time.monotonic()
    drop(args.folder)
    summary = loop.run(_demo(args))
    out = args.folder / "summary.json"
    out.write_text(json.dumps(summary, indent=1) + "\n")
    sys.stdout.write(_told(summary, args.folder, time.monotonic() - began))
    return 0


def _settings() -> dict[str, str]:
    """Give the settings of functions; a simulated market's orders never leave for the venue of the environment.

    Its history comes first, minutes old, and is traded too.
    """
    return {
        "TICKLOOM_SIGNAL_AGE_S_MAX": "0",
        **own_environment(),
        "TICKLOOM_CAPITAL": CAPITAL,
        "TICKLOOM_OPENING_POSITIONS": OPENING,
        ORDERS_VENUE: "paper",
    }


async def _demo(args: argparse.Namespace) -> dict[str, Any]:
    options = Options(folder=args.folder, live=True, environ=_settings())
    _say(f"starting the venue ({args.history_minutes:g} minutes of history first) and the platform ...")
    async with Children(args.folder / "venue") as venue:
        where = await _venue(args, venue)
        async with running(options) as platform:
            _say(f"stores: {platform.stores.database_origin}; {platform.stores.redis_origin}")
            began = time.monotonic()
            board = Board()
            platform.observers.append(board.observe)
            with screen(board) as refresh:
                refreshing = asyncio.create_task(_refresh(refresh))
                try:
                    await platform.run_feed("replay", _history(where, args.folder))
                    board.phase = f"streaming for {args.seconds} s"
                    await platform.run_feed("stream", _live(where, args))
                    board.phase = "finishing"
                    await platform.drained()
                finally:
                    refreshing.cancel()
                    with contextlib.suppress(asyncio.CancelledError):
                        await refreshing
            platform.commit()
            return summarise(platform, seconds=time.monotonic() - began) | {
                "outbox_pending": 0,
                "lines": _balance(platform),
            }


async def _venue(args: argparse.Namespace, venue: Children) -> dict[str, str]:
    history = args.folder / "venue" / "history.txt"
    shocks = [word for shock in SHOCKS for word in ("--shock", shock)]
    spec = Spec(
        "venue",
        (
            *(sys.executable, "-m", "functions.cli.main", "sim", "binance.spot", "--port", "{port}"),
            *("--seed", str(args.seed)),
            *("--symbols", SYMBOLS, "--rate", str(args.rate), "--history", str(history)),
            *("--history-s", str(args.history_minutes * 60), *shocks),
        ),
        probe=tcp_open,
        ready_s=60,
    )
    child = await venue.start(spec)
    return {"port": str(child.port), "history": str(history)}


def _history(where: dict[str, str], folder: pathlib.Path) -> dict[str, str]:
    return {
        "TICKLOOM_PATHS": where["history"],
        "TICKLOOM_DIALECT": "binance.spot",
        "TICKLOOM_TELL_END": "false",  # the live feed goes on where the history ends
        "TICKLOOM_SPOOL": str(folder / "spool"),
    }


def _live(where: dict[str, str], args: argparse.Namespace) -> dict[str, str]:
    return {
        "TICKLOOM_WEBSOCKET_URL": f"ws://127.0.0.1:{where['port']}",
        "TICKLOOM_REST_URL": f"http://127.0.0.1:{where['port']}",
        "TICKLOOM_SYMBOLS": SYMBOLS,
        "TICKLOOM_DURATION_S": str(args.seconds),
        "TICKLOOM_SPOOL": str(args.folder / "spool"),
    }


def _balance(platform: Platform) -> dict[str, int]:
    buried = sum(platform.logs[name].head for name in platform.topology.sinks)
    return {"dead_lettered_events": buried}


async def _refresh(refresh: Any) -> None:  # noqa: ANN401 - a function without arguments
    while True:
        await asyncio.sleep(0.5)
        refresh()


def _say(text: str) -> None:
    sys.stdout.write(text + "\n")
    sys.stdout.flush()


def _told(summary: dict[str, Any], folder: pathlib.Path, seconds: float) -> str:
    return "\n".join(_lines(summary, folder, seconds)) + "\n"


def _lines(summary: dict[str, Any], folder: pathlib.Path, seconds: float) -> Iterator[str]:
    rows, accepted, rejected = summary["rows_in"], summary["rows_accepted"], summary["rows_rejected"]
    if rows != accepted + rejected:
        msg = f"{rows} rows came in, {accepted} were accepted and {rejected} rejected: some are missing"
        raise CliError(msg)
    desk, market = summary["events"]["desk"], summary["events"]["market"]
    yield ""
    buried, orders = summary["lines"]["dead_lettered_events"], summary["orders"]
    yield f"messages   {rows:,} in = {accepted:,} accepted + {rejected:,} rejected; {buried} events dead-lettered"
    yield "           " + ", ".join(f"{count:,} {kind}" for kind, count in summary["rows_by_kind"].items())
    signals = desk.get("tickloom.signals.v1.Signal", 0)
    yield f"decisions  {signals} signals; {orders['accepted']} orders accepted, {orders['rejected']} rejected by risk"
    yield f"events     {sum(market.values()):,} on market, {sum(desk.values()):,} on desk"
    rate, spent = summary["rows_per_second"], summary["seconds"]
    yield f"rate       {rate:,} messages/s over {spent} s, history and live together (disk log)"
    yield "latency    after the raw batch that caused it, live and history together:"
    for stage, one in summary["latency"]["after_raw_batch"].items():
        quantiles = f"p50 {one['p50_ms']:>9} ms   p99 {one['p99_ms']:>9} ms"
        yield f"           {stage:<10} {quantiles}   {one['count']:>7,} events"
    yield f"data       {folder}/log (events), {folder}/postgres, {folder}/valkey, {folder}/summary.json"
    yield f"time       {seconds:.1f} s from start to here"
    yield ""
    yield "try next   tickloom signals --folder " + str(folder)
    yield "           tickloom events list --broker desk --folder " + str(folder)
    yield "           tickloom graph; make demo INPUT=your-capture.gz"
