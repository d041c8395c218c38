"""Backtest a tape: what its signals would have made, with costs and latency stated, as text, JSON and a page."""

import argparse
import dataclasses
import json
import pathlib
import sys
from decimal import Decimal
from typing import Final

from functions.cli.environment import own_environment
from functions.cli.errors import CliError, UsageError
from functions.cli.folders import drop
from functions.cli.progress import bar
from functions.cli.replay import capture_of, told_by
from functions.domain.backtest.facts import Sizing, Terms
from functions.domain.money import plain_decimal
from functions.local import loop
from functions.local.backtest_page import page
from functions.local.backtest_words import report
from functions.local.backtests import Outcome, Request, backtest
from functions.local.foundation import Options
from functions.wire.attributes import parse_time
from functions.wire.errors import Malformed

NS_PER_MS: Final = 1_000_000
NS_MIN: Final = 10**17
"""In 1973: before any tape, and behind what is meant as seconds, milliseconds or microseconds of our days."""
NS_MAX: Final = 2**63 - 1
FEE_BPS: Final = "10"  # 0.1 %, what Binance Spot asks of a taker without discounts
SLIPPAGE_BPS: Final = "1"
LATENCY_MS: Final = 100
CAPITAL: Final = "100000"


def register(parser: argparse.ArgumentParser) -> None:
    """Add the verb's arguments."""
    parser.add_argument("tape", type=pathlib.Path, metavar="TAPE", help="capture, plain or gzip; see `tickloom replay`")
    parser.add_argument("--from", dest="since", metavar="T", default="", help="signals known before only warm up")
    parser.add_argument("--to", dest="until", metavar="T", default="", help="cut the tape there, by receive time")
    parser.add_argument("--fee-bps", default=FEE_BPS, metavar="F", help=f"fee on each fill, bps (default {FEE_BPS})")
    parser.add_argument(
        "--slippage-bps", default=SLIPPAGE_BPS, metavar="S", help=f"slippage, bps (default {SLIPPAGE_BPS})"
    )
    parser.add_argument(
        "--latency-ms",
        type=int,
        default=LATENCY_MS,
        metavar="L",
        help=f"from a signal to its order in the market, ms (default {LATENCY_MS})",
    )
    parser.add_argument("--capital", default=CAPITAL, metavar="C", help=f"capital (default {CAPITAL})")
    parser.add_argument(
        "--sizing",
        choices=[one.value for one in Sizing],
        default=Sizing.SHARE.value,
        help="share (default): all of an equal share; signal: what each signal asks for",
    )
    parser.add_argument("--html", type=pathlib.Path, metavar="FILE", help="also write one page with charts")
    parser.add_argument("--folder", type=pathlib.Path, default=pathlib.Path("var/backtest"), help="where stores lie")
    parser.add_argument("--dialect", default="", help="dialect of the rows (default: told from the file)")
    parser.add_argument("--symbol", default="", help="what a .csv, .zip or .json file's rows leave out, such as AAPL")
    parser.add_argument("--fresh", action="store_true", help="remove what an earlier run left in the folder")


def run(args: argparse.Namespace) -> int:
    """Replay, account, report."""
    if not args.tape.is_file():
        message = f"there is no capture at {args.tape}"
        raise CliError(message)
    asked = _request(args)
    if args.fresh:
        drop(args.folder, needed=[args.tape])
    options = Options(folder=args.folder, log="memory", environ=own_environment())
    request = dataclasses.replace(asked, capture=capture_of(args.tape, args))
    total = request.capture.stat().st_size if request.capture.suffix != ".gz" else 0
    with bar("replaying", total=total) as step:
        run_of = backtest(
            options,
            request,
            feed={"TICKLOOM_DIALECT": args.dialect},
            out=args.folder / "out",
            progress=told_by(step),
        )
        outcome = loop.run(run_of)
    _write(outcome, args)
    return 0


def _write(outcome: Outcome, args: argparse.Namespace) -> None:
    (args.folder / "out" / "backtest.json").write_text(json.dumps(outcome.told, indent=1) + "\n")
    if args.html:
        args.html.parent.mkdir(parents=True, exist_ok=True)
        args.html.write_text(page(outcome), encoding="utf-8")
    if args.json:
        sys.stdout.write(json.dumps(outcome.told, indent=1) + "\n")
        return
    sys.stdout.write(report(outcome.told))
    more = f", {args.html}" if args.html else ""
    sys.stdout.write(f"output      {args.folder / 'out'}{more}\n")


def _request(args: argparse.Namespace) -> Request:
    since, until = (_time(text) for text in (args.since, args.until))
    if until and since >= until:
        message = "--from is not before --to: nothing would be traded"
        raise UsageError(message)
    try:
        terms = Terms(
            fee_bps=_decimal("--fee-bps", args.fee_bps),
            slippage_bps=_decimal("--slippage-bps", args.slippage_bps),
            delay_ns=args.latency_ms * NS_PER_MS,
            sizing=Sizing(args.sizing),
        )
    except ValueError as error:
        raise UsageError(str(error)) from error
    capital = _decimal("--capital", args.capital)
    if capital <= 0:
        message = f"--capital is {args.capital}, expected more than 0"
        raise UsageError(message)
    return Request(args.tape, args.tape, since, until, args.latency_ms, capital, terms)


def _time(text: str) -> int:
    """Read a time: RFC 3339, or nanoseconds since 1970 as captures have them; 0 for none."""
    if not text:
        return 0
    message = f"{text!r} is no time: give RFC 3339, such as 2024-08-09T12:00:00Z, or nanoseconds since 1970"
    try:
        found = int(text) if text.isascii() and text.isdigit() else parse_time(text)
    except Malformed as error:
        raise UsageError(message) from error
    if not NS_MIN <= found <= NS_MAX:
        more = f"{message}, 18 or 19 digits: seconds, milliseconds and years behind 2262 are none"
        raise UsageError(more)
    return found


def _decimal(name: str, text: str) -> Decimal:
    try:
        return plain_decimal(text)
    except ValueError as error:
        message = f"{name}: {error}"
        raise UsageError(message) from error
