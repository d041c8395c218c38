"""Show the latest signals with their reasons, from the desk broker's log."""

import argparse
import pathlib
import sys
import time

from functions.cli.events import logs
from functions.local.log import find
from functions.wire.codecs.signals import decode_signal
from functions.wire.rows import decimal_text, render


def register(parser: argparse.ArgumentParser) -> None:
    """Add the verb's arguments."""
    parser.add_argument("--folder", type=pathlib.Path, default=pathlib.Path("var/demo"), help="folder of the platform")
    parser.add_argument("--instrument", help="only this instrument")
    parser.add_argument("--limit", type=int, default=10, help="how many (default 10)")


def run(args: argparse.Namespace) -> int:
    """Show the newest signals."""
    (path,) = logs(args.folder, "desk")
    shown = 0
    for _, _, event in reversed(find(path, where="type = ?", values=("tickloom.signals.v1.Signal",))):
        signal = decode_signal(event.data or b"")
        if args.instrument and signal.instrument_id != args.instrument:
            continue
        if args.json:
            sys.stdout.writelines(row.line.decode() + "\n" for row in render(event))
        else:
            stamp = time.strftime("%Y-%m-%d %H:%M:%S", time.gmtime(signal.as_of_ns / 1e9))
            price = decimal_text(signal.price, signal.price_exponent)
            head = f"{stamp} {signal.action.value.upper():<4} {signal.instrument_id} {signal.interval_s}s at {price}"
            sys.stdout.write(f"{head}, confidence {signal.confidence:.0f} %  {signal.signal_id}\n")
            sys.stdout.writelines(f"    {one.weight:+5.0f} %  {one.rule}: {one.text}\n" for one in signal.reasons)
        shown += 1
        if shown == args.limit:
            break
    if not (shown or args.json):
        sys.stdout.write("no signals yet\n")
    return 0
