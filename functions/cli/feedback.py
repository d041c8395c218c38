"""Record what a user says of a signal, or show what users said of it."""

import argparse
import json
import pathlib
import sys
import time
from collections.abc import Sequence
from decimal import Decimal
from typing import Final

from functions.adapters.postgres import Pool
from functions.adapters.postgres_feedback import PostgresFeedback
from functions.cli import stores
from functions.cli.errors import UsageError
from functions.cli.sending import send
from functions.cli.signals import signal_named
from functions.domain.decisions import Signal
from functions.domain.errors import Rejected
from functions.domain.feedback import Feedback, FeedbackOutcome
from functions.domain.market import NS_PER_S
from functions.domain.money import plain, plain_decimal
from functions.local import loop
from functions.wire.feedback import feedback_event, feedback_id

DESK: Final = "desk"
ORIGIN: Final = "cli"
"""The door that what is said here came in by."""


def register(parser: argparse.ArgumentParser) -> None:
    """Add the verb's arguments."""
    words = tuple(one.value for one in FeedbackOutcome)
    parser.add_argument("id", metavar="SIGNAL_ID", help="id of the signal, as `tickloom signals` shows it")
    parser.add_argument("--outcome", choices=words, help="what became of it; without, show what was said")
    parser.add_argument("--entry", metavar="PRICE", help="price at which the trade was entered, as 2301.25")
    parser.add_argument("--exit", metavar="PRICE", help="price at which it was left")
    parser.add_argument("--profit-loss", metavar="PERCENT", help="profit or loss, percent of the entry's value")
    parser.add_argument("--notes", default="", help="your own words")
    parser.add_argument("--who", default="local", help="opaque user id (default local)")
    parser.add_argument("--folder", type=pathlib.Path, default=pathlib.Path("var/demo"), help="folder of the platform")


def run(args: argparse.Namespace) -> int:
    """Record it, or show it."""
    said = [one for one in (args.entry, args.exit, args.profit_loss) if one is not None]
    if args.outcome is None and (said or args.notes):
        msg = "say what became of it with --outcome; without, what was said is shown and nothing is recorded"
        raise UsageError(msg)
    signal = signal_named(args.folder, args.id)
    if args.outcome is None:
        return loop.run(_show(args))
    return loop.run(_record(args, signal))


async def _record(args: argparse.Namespace, signal: Signal) -> int:
    said = _said(args)
    await send(args.folder, DESK, [feedback_event(said, origin=ORIGIN)])
    name, message = feedback_id(said.signal_id, said.who), "feedback recorded"
    if args.json:
        sys.stdout.write(json.dumps({"message": message, "signal_id": said.signal_id, "feedback_id": name}) + "\n")
    else:
        what = f"{signal.action.value.upper()} {signal.instrument_id}"
        sys.stdout.write(f"{message}: {said.outcome.value} on {what}, signal {said.signal_id}, as {name}\n")
    return 0


def _said(args: argparse.Namespace) -> Feedback:
    """Read what is said; the time is that of this door.

    Raises:
        UsageError: It cannot be.
    """
    try:
        return Feedback(
            signal_id=args.id,
            who=args.who,
            outcome=FeedbackOutcome(args.outcome),
            as_of_ns=time.time_ns(),
            actual_entry_price=_decimal("--entry", args.entry),
            actual_exit_price=_decimal("--exit", args.exit),
            profit_loss_pct=_decimal("--profit-loss", args.profit_loss),
            notes=args.notes,
        )
    except Rejected as error:
        raise UsageError(str(error)) from error


def _decimal(name: str, text: str | None) -> Decimal | None:
    try:
        return None if text is None else plain_decimal(text)
    except ValueError as error:
        msg = f"{name}: {error}"
        raise UsageError(msg) from error


async def _show(args: argparse.Namespace) -> int:
    async with stores.opened(args.folder) as (url, _):
        pool = Pool(url)
        try:
            told = await PostgresFeedback(pool).feedback_of(args.id)
        finally:
            await pool.close()
    if args.json:
        sys.stdout.write(json.dumps(list(map(_as_json, told))) + "\n")
    else:
        sys.stdout.writelines(f"{line}\n" for line in _lines(told))
    return 0


def _as_json(one: Feedback) -> dict[str, object]:
    figures = (one.actual_entry_price, one.actual_exit_price, one.profit_loss_pct)
    entry, left, gain = (None if figure is None else plain(figure) for figure in figures)
    return {
        "feedback_id": feedback_id(one.signal_id, one.who),
        "signal_id": one.signal_id,
        "who": one.who,
        "outcome": one.outcome.value,
        "actual_entry_price": entry,
        "actual_exit_price": left,
        "profit_loss_pct": gain,
        "notes": one.notes,
        "as_of_ns": str(one.as_of_ns),
    }


def _lines(told: Sequence[Feedback]) -> list[str]:
    return [_line(one) for one in told] or ["nobody has said anything of it yet"]


def _line(one: Feedback) -> str:
    stamp = time.strftime("%Y-%m-%d %H:%M:%S", time.gmtime(one.as_of_ns // NS_PER_S))
    figures = {"in at": one.actual_entry_price, "out at": one.actual_exit_price, "gained %": one.profit_loss_pct}
    shown = "".join(f", {name} {plain(figure)}" for name, figure in figures.items() if figure is not None)
    return f"{stamp} {one.who}: {one.outcome.value}{shown}{f' - {one.notes}' if one.notes else ''}"
