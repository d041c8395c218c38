"""Show what an account holds and is worth, how it did, and what it traded; as of now or of any time before."""

import argparse
import json
import pathlib
import sys
import time
from collections.abc import Iterator
from typing import Final

from functions.adapters.postgres import Pool
from functions.adapters.postgres_valuation import PostgresValuation
from functions.cli import stores
from functions.cli.counting import at_least
from functions.cli.errors import CliError, UsageError
from functions.domain.money import plain
from functions.domain.portfolio.analytics import Performance, Standing
from functions.domain.portfolio.books import BookRules
from functions.domain.portfolio.history import Trip
from functions.local import loop
from functions.ports.valuation import INSTRUMENTS_MAX
from functions.services.portfolio.desk import PortfolioDesk
from functions.wire.attributes import parse_time, time_text
from functions.wire.codecs import portfolio_service as codec
from functions.wire.errors import Malformed

TRADES: Final = 10
INVERSE: Final = "instrument that is settled in its base currency, at 1 / price; as often as there are some"


def register(parser: argparse.ArgumentParser) -> None:
    """Add the verb's arguments."""
    parser.add_argument("account", nargs="?", help="account (default: the only one there is)")
    parser.add_argument("--at", metavar="TIME", help="as of this time, RFC 3339 (default: now)")
    parser.add_argument("--from", dest="begin", metavar="TIME", help="how it did from this time on (default: ever)")
    parser.add_argument("--trades", type=at_least(0), default=TRADES, help=f"newest trades to show (default {TRADES})")
    parser.add_argument("--currency", default="USDT", help="currency of the account (default USDT)")
    parser.add_argument("--inverse", action="append", default=[], metavar="INSTRUMENT", help=INVERSE)
    parser.add_argument(
        "--rate",
        action="append",
        default=[],
        metavar="INSTRUMENT",
        help="instrument whose price is a rate between currencies, as EUR-USD.X; as often as there are some",
    )
    parser.add_argument("--folder", type=pathlib.Path, default=pathlib.Path("var/demo"), help="folder of the platform")


def run(args: argparse.Namespace) -> int:
    """Show a portfolio."""
    as_of_ns = _time(args.at) or time.time_ns()
    begin_ns = _time(args.begin)
    if begin_ns > as_of_ns:
        msg = f"--from {args.begin} lies after the time that is asked about"
        raise UsageError(msg)
    account, held, did, trips = loop.run(_told(args, begin_ns, as_of_ns))
    newest = trips[::-1][: args.trades]
    if args.json:
        sys.stdout.write(json.dumps(codec.as_json(account, held, did, newest)) + "\n")
        return 0
    lines = (*_head(account, args.currency, held), *_holdings(held), *_did(did), *_trades(newest))
    sys.stdout.writelines(f"{line}\n" for line in lines)
    return 0


def _time(text: str | None) -> int:
    try:
        return parse_time(text) if text else 0
    except Malformed as error:
        raise UsageError(str(error)) from error


async def _told(
    args: argparse.Namespace, begin_ns: int, as_of_ns: int
) -> tuple[str, Standing, Performance, tuple[Trip, ...]]:
    async with stores.opened(args.folder) as (url, _):
        pool = Pool(url)
        try:
            valuation = PostgresValuation(pool)
            account = args.account or await only_account(valuation)
            rules = BookRules(args.currency, frozenset(args.inverse), INSTRUMENTS_MAX)
            desk = PortfolioDesk(valuation, rules, args.rate)
            held, did = await desk.standing(account, as_of_ns=as_of_ns)
            if begin_ns:
                did = await desk.performance(account, from_ns=begin_ns, to_ns=as_of_ns)
            return account, held, did, await desk.trips(account, as_of_ns=as_of_ns)
        finally:
            await pool.close()


async def only_account(valuation: PostgresValuation) -> str:
    """Give the account that is meant when none is named.

    Raises:
        CliError: There is none, or more than one.
    """
    names = await valuation.accounts()
    if len(names) != 1:
        msg = f"say which account: {', '.join(names)}" if names else "there is no account yet"
        raise CliError(msg)
    return names[0]


def _head(account: str, currency: str, held: Standing) -> Iterator[str]:
    yield f"{account} as of {_stamp(held.as_of_ns)}, {currency}"
    rows = (
        ("value", held.value),
        ("cash", held.cash),
        ("positions", held.worth),
        ("unrealized", held.unrealised),
        ("realized", held.realised),
        ("fees", held.fees),
    )
    for name, value in rows:
        yield f"  {name:<12}{value:>18,.2f}"
    yield f"  {'return':<12}{held.return_pct:>18,.4f} % of {held.capital:,.2f}"
    if held.left_out:
        yield f"  in other currencies, not counted: {', '.join(held.left_out)}"


def _holdings(held: Standing) -> Iterator[str]:
    if not held.holdings:
        yield "nothing is held"
        return
    yield f"{'position':<28}{'quantity':>16}{'entry':>14}{'price':>14}{'unrealized':>14}{'%':>9}"
    for one in held.holdings:
        name = one.position.instrument_id + (" (price of a fill)" if one.mark.fill else "")
        prices = f"{float(one.entry_price):>14,.8g}{float(one.mark.price):>14,.8g}"
        yield f"{name:<28}{plain(one.position.quantity):>16}{prices}{one.unrealised:>14,.2f}{one.gain_pct:>9,.2f}"


def _did(did: Performance) -> Iterator[str]:
    ratios = (("Sharpe", did.sharpe), ("Sortino", did.sortino), ("volatility", did.volatility))
    told = ", ".join(f"{name} {'none' if value is None else format(value, '.2f')}" for name, value in ratios)
    won = "none closed" if did.win_rate is None else f"{did.win_rate:.0%} of {len(did.trips):,} won"
    yield f"since {_stamp(int(did.times[0]))}: profit {did.profit:+,.2f} after {did.fills:,} fills, {told}"
    yield f"  max drawdown {100 * did.drawdown.max():.3f} %, trades: {won}"


def _trades(trips: tuple[Trip, ...]) -> Iterator[str]:
    for one in trips:
        side, state = "bought" if one.long else "sold", f"closed {_stamp(one.exit_ns)}" if one.closed else "held"
        begun = _stamp(one.entry_ns) if one.entry_ns else "held at the opening"
        yield f"{begun} {side} {plain(one.entered)} {one.instrument_id}, {state}, {one.profit:+,.2f}"


def _stamp(ns: int) -> str:
    return time_text(ns)[:19].replace("T", " ")
