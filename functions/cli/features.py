"""Show features: the newest, those known at a time, and what features there are."""

import argparse
import json
import pathlib
import sys
import time
from collections.abc import Sequence
from typing import Any, Final

from functions.adapters.postgres import Pool
from functions.adapters.postgres_features import PostgresFeatures
from functions.adapters.redis_features import RedisFeatures
from functions.cli import stores
from functions.cli.errors import UsageError
from functions.domain.features import FeatureKey, FeatureRow, Latest, PointInTime, Presence
from functions.domain.market import INTERVALS_S, NS_PER_S, STATE_COLD, STATE_DEGENERATE, STATE_VALID
from functions.local import loop
from functions.services.features.registry import listed
from functions.wire.attributes import parse_time, time_text
from functions.wire.errors import Malformed
from functions.wire.rows import decimal_text

_STATES: Final = {STATE_COLD: "cold", STATE_VALID: "valid", STATE_DEGENERATE: "degenerate"}


def register(parser: argparse.ArgumentParser) -> None:
    """Add the verb's arguments."""
    parser.add_argument("what", choices=("get", "asof", "list"), help="newest, known at a time, or what there are")
    parser.add_argument("instruments", nargs="*", metavar="INSTRUMENT", help="get, asof: canonical instrument ids")
    parser.add_argument(
        "--interval", type=int, action="append", metavar="SECONDS", help="get, asof: bar interval (default: 60)"
    )
    parser.add_argument("--name", action="append", metavar="FEATURE", help="only this feature (default: all)")
    parser.add_argument("--at", metavar="TIME", help="asof: the time, RFC 3339 (default: now)")
    parser.add_argument("--family", default="", help="list: only this family")
    parser.add_argument("--folder", type=pathlib.Path, default=pathlib.Path("var/demo"), help="folder of the platform")


def run(args: argparse.Namespace) -> int:
    """Show features."""
    if args.what != "asof" and args.at:
        msg = f"{args.what} takes no --at: tickloom features asof shows what was known at a time"
        raise UsageError(msg)
    if args.what == "list":
        return _list(args)
    intervals = args.interval or [60]
    if not args.instruments:
        msg = f"say of what: tickloom features {args.what} INSTRUMENT ..."
        raise UsageError(msg)
    if unknown := sorted(set(intervals).difference(INTERVALS_S)):
        msg = f"there are no bars of {unknown} s, only of {', '.join(map(str, INTERVALS_S))}"
        raise UsageError(msg)
    keys = [FeatureKey(one, interval_s) for one in args.instruments for interval_s in intervals]
    found = loop.run(_newest(args, keys) if args.what == "get" else _as_of(args, keys))
    for key, one in zip(keys, found, strict=True):
        _show(key, one, args)
    return 0


async def _newest(args: argparse.Namespace, keys: Sequence[FeatureKey]) -> list[Latest]:
    async with stores.opened(args.folder) as (_, redis_url):
        if not redis_url:
            msg = "say where Redis is with REDIS_URL: the newest features are there"
            raise UsageError(msg)
        online = RedisFeatures(redis_url)
        try:
            return await online.latest(keys)
        finally:
            await online.close()


async def _as_of(args: argparse.Namespace, keys: Sequence[FeatureKey]) -> list[Latest]:
    try:
        as_of_ns = parse_time(args.at) if args.at else time.time_ns()
    except Malformed as error:
        raise UsageError(str(error)) from error
    async with stores.opened(args.folder) as (url, _):
        pool = Pool(url)
        try:
            rows = await PostgresFeatures(pool).as_of([PointInTime(key, as_of_ns) for key in keys])
        finally:
            await pool.close()
    return [Latest(Presence.MISSING if row is None else Presence.FOUND, row) for row in rows]


def _show(key: FeatureKey, found: Latest, args: argparse.Namespace) -> None:
    row = found.row
    if args.json:
        told = {"instrument_id": key.instrument_id, "interval_s": key.interval_s, "presence": found.presence.value}
        sys.stdout.write(json.dumps(told if row is None else told | _as_json(row, args.name)) + "\n")
        return
    head = f"{key.instrument_id} {key.interval_s}s"
    if row is None:
        sys.stdout.write(f"{head}  {found.presence.value}\n")
        return
    bar = f"bar {time_text(row.start_ns)} revision {row.revision}, known {time_text(row.available_ns)}"
    sys.stdout.write(f"{head}  {bar}, close {decimal_text(row.close, row.price_exponent)}\n")
    for name in args.name or row.names:
        value, state = row.get(name)
        sys.stdout.write(f"    {name:<24} {value if state == STATE_VALID else _STATES.get(state, 'absent')}\n")


def _as_json(row: FeatureRow, names: Sequence[str] | None) -> dict[str, Any]:
    cells = {name: row.get(name) for name in names or row.names}
    return {
        "start_ns": row.start_ns,
        "end_ns": row.start_ns + row.key.interval_s * NS_PER_S,
        "revision": row.revision,
        "available_ns": row.available_ns,
        "close": decimal_text(row.close, row.price_exponent),
        "features": {name: value if state == STATE_VALID else None for name, (value, state) in cells.items()},
        "states": {name: _STATES.get(state, "absent") for name, (_, state) in cells.items()},
    }


def _list(args: argparse.Namespace) -> int:
    found = listed(args.family)
    if not found:
        there = ", ".join(dict.fromkeys(family for family, _ in listed()))
        msg = f"there is no family {args.family!r}; there are {there}"
        raise UsageError(msg)
    if unknown := sorted(set(args.name or ()).difference(one.name for _, one in found)):
        msg = f"there are no features {unknown}; tickloom features list shows all"
        raise UsageError(msg)
    for family, one in found:
        if args.name and one.name not in args.name:
            continue
        if args.json:
            told = {"name": one.name, "family": family, "warm_up_bars": one.window, "unit": one.unit}
            more = {"formula": one.text, "source": one.source, "parameters": dict(one.parameters)}
            sys.stdout.write(json.dumps(told | more) + "\n")
        else:
            source = f" Source: {one.source}." if one.source else ""
            sys.stdout.write(f"{one.name:<24} {family:<11} {one.window:>4} bars  {one.unit:<8} {one.text}{source}\n")
    return 0
