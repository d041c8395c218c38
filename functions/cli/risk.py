"""Put a file of limits in force, or show the one that is: its version, its levels, and the file itself as it was."""

import argparse
import contextlib
import json
import pathlib
import sys
from collections.abc import AsyncIterator, Mapping
from typing import Any

from functions.adapters.postgres import Pool
from functions.adapters.postgres_limits import PostgresLimits
from functions.cli import stores
from functions.cli.errors import CliError, UsageError
from functions.domain.risk.limits import Limits
from functions.local import loop
from functions.wire.codecs.limits import LIMITS_BYTES_MAX
from functions.wire.errors import Malformed


def register(parser: argparse.ArgumentParser) -> None:
    """Add the verb's arguments."""
    parser.add_argument("what", choices=("limits",), help="what it is about")
    parser.add_argument("action", choices=("load", "show"), help="what to do")
    parser.add_argument("file", nargs="?", type=pathlib.Path, metavar="FILE", help="load: file of limits (JSON)")
    parser.add_argument("--folder", type=pathlib.Path, default=pathlib.Path("var/demo"), help="folder of the platform")
    parser.epilog = (
        "Services take new limits up within a second, and every decision names the version that decided. A file that "
        f"was in force before can be loaded again. {parser.epilog or ''}"
    )


def run(args: argparse.Namespace) -> int:
    """Load or show."""
    if (args.action == "load") != (args.file is not None):
        msg = "say which file to load: tickloom risk limits load FILE; show takes none"
        raise UsageError(msg)
    return loop.run(_load(args) if args.action == "load" else _show(args))


@contextlib.asynccontextmanager
async def _opened(folder: pathlib.Path, *, make: bool = False) -> AsyncIterator[PostgresLimits]:
    async with stores.opened(folder, make=make) as (url, _), contextlib.AsyncExitStack() as stack:
        pool = Pool(url)
        stack.push_async_callback(pool.close)
        yield PostgresLimits(pool)


async def _load(args: argparse.Namespace) -> int:
    try:
        with args.file.open("rb") as file:
            content = file.read(LIMITS_BYTES_MAX + 1)
        async with _opened(args.folder, make=True) as kept:
            before, limits = await kept.load(), await kept.add(content)
    except (OSError, Malformed) as error:
        msg = f"{args.file}: {error}"
        raise CliError(msg) from error
    told = _told(limits) | {"before": before.version if before else ""}
    was = f"they follow {told['before']}" if before else "none were loaded before"
    sys.stdout.write(json.dumps(told) + "\n" if args.json else f"{_sentence(told)}; {was}\n")
    return 0


async def _show(args: argparse.Namespace) -> int:
    async with _opened(args.folder) as kept:
        limits = await kept.load()
    if limits is None:
        msg = "no limits were loaded, so services go by the file they ship with; load one with: risk limits load FILE"
        raise CliError(msg)
    told = _told(limits)
    sys.stdout.write(json.dumps(told) + "\n" if args.json else f"{_sentence(told)}\n")
    return 0


def _told(limits: Limits) -> dict[str, Any]:
    return {
        "version": limits.version,
        "desks": sorted(limits.desks),
        "accounts": sorted(limits.accounts),
        "instruments": sorted(limits.instruments),
        "restricted": sorted(limits.restricted),
    }


def _sentence(told: Mapping[str, Any]) -> str:
    levels = ", ".join(f"{len(told[name])} {name}" for name in ("desks", "accounts", "instruments"))
    return f"limits {told['version']} are in force: {levels} by name, {len(told['restricted'])} restricted"
