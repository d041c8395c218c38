"""Show the daily report of an account; make it where it is not there yet."""

import argparse
import datetime as dt
import json
import pathlib
import sys
import time

from functions.adapters.calendars import zone_of
from functions.adapters.postgres import Pool
from functions.adapters.postgres_reports import PostgresReports
from functions.cli import stores
from functions.cli.errors import CliError, UsageError
from functions.cli.portfolio import INVERSE
from functions.domain.portfolio.daily import day_span
from functions.handlers.report.main import Settings, compose
from functions.local import loop
from functions.ports.reports import Report
from functions.wire.codecs.report_due import REPORT_DUE, date_of, encode_report_due
from functions.wire.envelope import Event
from functions.wire.errors import Malformed
from functions.wire.facts import fact_id


def register(parser: argparse.ArgumentParser) -> None:
    """Add the verb's arguments."""
    parser.add_argument("account", help="account")
    parser.add_argument("date", help="day, YYYY-MM-DD")
    parser.add_argument("--zone", default="UTC", help="IANA time zone whose day it is (default UTC)")
    parser.add_argument("--make", action="store_true", help="make it anew, as the handler does on a timer")
    parser.add_argument("--currency", default="USDT", help="currency of the account, for --make (default USDT)")
    parser.add_argument("--inverse", action="append", default=[], metavar="INSTRUMENT", help=f"for --make: {INVERSE}")
    parser.add_argument("--csv", action="store_true", help="print it as CSV")
    parser.add_argument("--html", type=pathlib.Path, metavar="FILE", help="write the page to a file")
    parser.add_argument("--folder", type=pathlib.Path, default=pathlib.Path("var/demo"), help="folder of the platform")


def run(args: argparse.Namespace) -> int:
    """Show a report."""
    try:
        date, zone = date_of(args.date), zone_of(args.zone)
    except Malformed as error:
        raise UsageError(str(error)) from error
    except KeyError:
        msg = f"there is no time zone {args.zone}; name it as Europe/Berlin"
        raise UsageError(msg) from None
    if args.make and day_span(date, zone)[1] > time.time_ns():
        msg = f"{date} has not ended in {args.zone}"
        raise UsageError(msg)
    report = loop.run(_report(args, date))
    if args.html:
        args.html.write_text(report.html, "utf-8")
        sys.stdout.write(f"wrote {args.html}\n")
    elif args.csv:
        sys.stdout.write(report.csv)
    else:
        sys.stdout.write(report.json if args.json else _words(report))
    return 0


async def _report(args: argparse.Namespace, date: dt.date) -> Report:
    async with stores.opened(args.folder) as (url, _):
        if args.make:
            await _make(args, date, url)
        pool = Pool(url)
        try:
            found = await PostgresReports(pool).get(args.account, date, args.zone)
        finally:
            await pool.close()
    if found is None:
        msg = f"there is no report on {args.account} for {date} in {args.zone}; make it with --make"
        raise CliError(msg)
    return found


async def _make(args: argparse.Namespace, date: dt.date, url: str) -> None:
    """Hand the handler the event that a timer would, now."""
    settings = Settings(
        url, portfolio_currency=args.currency, portfolio_inverse=tuple(args.inverse), report_zone=args.zone
    )
    hosted = compose(settings)
    now_ns = time.time_ns()
    event = Event(
        id=fact_id(REPORT_DUE, args.account, date, args.zone, now_ns),
        source="/tickloom/cli/report",
        type=REPORT_DUE,
        data=encode_report_due(args.account, date),
        time_ns=now_ns,
    )
    try:
        await hosted.handle(event)
    finally:
        await hosted.close()


def _words(report: Report) -> str:
    told = json.loads(report.json)
    rows = ("opening_value", "closing_value", "profit", "return_pct", "realized_pnl", "unrealized_change", "fees")
    lines = [f"{told['account']} on {told['date']} ({told['zone']}), {told['currency']}"]
    lines += [f"  {name:<20}{told[name] or 'none':>20}" for name in rows]
    lines += [f"  {one['instrument_id']:<28}{float(one['profit']):>+14,.2f}" for one in told["instruments"]]
    lines += [f"{told['fills']:,} fills, {told['closed_trades']:,} trades closed; --html FILE writes the page"]
    return "\n".join(lines) + "\n"
