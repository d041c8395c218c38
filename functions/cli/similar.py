"""Show how signals like one fared before it: how often they gained, by how much, and how long they were held."""

import argparse
import json
import sys
from collections.abc import Iterator

import msgspec

from functions.adapters.postgres import Pool
from functions.adapters.postgres_history import PostgresHistory
from functions.cli import stores
from functions.cli.errors import CliError, UsageError
from functions.cli.signals import signal_named
from functions.domain.history import History, Likeness, likeness_of, sum_up
from functions.local import loop


def run(args: argparse.Namespace) -> int:
    """Look up the past of signals like the one that `args.id` names."""
    if not args.id:
        msg = "say which signal: tickloom signals similar SIGNAL_ID"
        raise UsageError(msg)
    if not args.within >= 0:
        msg = f"--within is {args.within:g}, expected points of confidence from 0 on"
        raise UsageError(msg)
    like = likeness_of(signal_named(args.folder, args.id), within=args.within)
    if like is None:
        msg = f"signal {args.id} held and wanted nothing else, so it has no outcome to compare"
        raise CliError(msg)
    history = loop.run(_look_up(args, like))
    if args.json:
        sys.stdout.write(json.dumps({"like": msgspec.to_builtins(like), **msgspec.to_builtins(history)}) + "\n")
    else:
        sys.stdout.writelines(f"{line}\n" for line in _lines(like, history))
    return 0


async def _look_up(args: argparse.Namespace, like: Likeness) -> History:
    async with stores.opened(args.folder) as (url, _):
        pool = Pool(url)
        try:
            return sum_up(await PostgresHistory(pool).past_of(like))
        finally:
            await pool.close()


def _lines(like: Likeness, told: History) -> Iterator[str]:
    regime = f" in a {like.regime} regime" if like.regime else ""
    near = f"confidence {like.confidence_low:g} to {like.confidence_high:g} %"
    yield f"{like.action.value.upper()} {like.instrument_id} {like.interval_s}s by {like.strategy}{regime}, {near}"
    if told.hit_rate is None:
        yield "none whose last horizon had passed before it"
        return
    yield f"signals  {told.count:,} whose last horizon had passed before it"
    yield f"gained   {told.hits:,}: {told.hit_rate:.1%}, 95 % {told.hit_rate_low:.1%} to {told.hit_rate_high:.1%}"
    yield f"mean     {told.mean_return:+.4%} log return in its direction, before costs"
    yield f"held     {told.median_bars:g} bars, the median"
