"""Load what venues list into the reference, look at it, and halt or resume an instrument."""

import argparse
import contextlib
import gzip
import json
import pathlib
import sys
import time
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass
from typing import Any, Final

from functions.adapters.postgres import Pool
from functions.adapters.postgres_reference import PostgresReference
from functions.adapters.redis_reference import RedisReference
from functions.adapters.reference import FileReference
from functions.cli import stores
from functions.cli.errors import CliError, UsageError
from functions.domain.loads import Changes, Told, Update
from functions.domain.reference import Instrument, Status, TradingStatus, symbols_at
from functions.local import loop
from functions.wire.attributes import parse_time, time_text
from functions.wire.codecs.reference import write_instruments_json
from functions.wire.errors import Malformed
from functions.wire.listings.reading import read_listing
from functions.wire.listings.records import Listing

NAMES_SHOWN: Final = 5
FILE_BYTES_MAX: Final = 256 * 1024 * 1024
"""A listing is read whole; Binance's, the largest we know, has about 5 MiB."""

_EPILOGUE: Final = (
    "load takes our JSON and CSV, Binance exchangeInfo, Coinbase products, Kraken AssetPairs, and Polygon tickers, "
    "splits and dividends; a line of a capture, `URL -> seconds: answer`, too. Loading again changes nothing."
)


def register(parser: argparse.ArgumentParser) -> None:
    """Add the verb's arguments."""
    parser.add_argument("what", choices=("load", "show", "halt", "resume"), help="what to do")
    parser.add_argument(
        "names", nargs="*", metavar="NAME", help="load: files; show: an id, a venue or nothing; else ids"
    )
    parser.add_argument(
        "--at", metavar="TIME", help="time of which it holds, RFC 3339 (default: the file's own, or now)"
    )
    parser.add_argument("--reason", default="", help="halt: why, in the venue's words, for example LUDP")
    parser.add_argument("--folder", type=pathlib.Path, default=pathlib.Path("var/demo"), help="folder of the platform")
    parser.epilog = f"{_EPILOGUE} {parser.epilog or ''}"


def run(args: argparse.Namespace) -> int:
    """Load, show, halt or resume."""
    if args.what != "show" and not args.names:
        msg = f"say which: tickloom reference {args.what} {'FILE' if args.what == 'load' else 'ID'} ..."
        raise UsageError(msg)
    verb = {"load": _load, "show": _show, "halt": _set_status, "resume": _set_status}[args.what]
    return loop.run(verb(args))


@dataclass(frozen=True, slots=True)
class _Store:
    """The store, and its cache, which must ask again after a change."""

    reference: PostgresReference
    cache: RedisReference | None

    async def changed(self) -> None:
        if self.cache is not None:
            await self.cache.forget()


@contextlib.asynccontextmanager
async def _opened(folder: pathlib.Path, *, make: bool = False) -> AsyncIterator[_Store]:
    """Open the given store, the running platform's, or the folder's own, started for us and made if we may."""
    async with stores.opened(folder, make=make) as (url, redis_url), contextlib.AsyncExitStack() as stack:
        pool = Pool(url)
        stack.push_async_callback(pool.close)
        reference = PostgresReference(pool)
        cache = RedisReference(reference, redis_url) if redis_url else None
        if cache is not None:
            stack.push_async_callback(cache.close)
        yield _Store(reference, cache)


# --- load -------------------------------------------------------------------------------------------------------------


async def _load(args: argparse.Namespace) -> int:
    at_ns = _time(args.at)
    listings = [(name, _listing(pathlib.Path(name), at_ns)) for name in args.names]
    async with _opened(args.folder, make=True) as store:
        await _seed(store.reference)
        told = []
        for name, listing in listings:
            when = listing.at_ns if listing.at_ns is not None else at_ns or time.time_ns()
            changes = await store.reference.take_in(listing.updates, at_ns=when, source=name)
            told.append(_told(name, changes, when, await store.reference.version()))
        await store.changed()
    for one in told:
        sys.stdout.write(json.dumps(one) + "\n" if args.json else _sentence(one))
    return 0


async def _seed(reference: PostgresReference) -> None:
    """Put in the shipped instruments that the store lacks: units are those of the first record, and that is ours."""
    shipped = await FileReference().everything()
    known = (await reference.look_up([one.instrument_id for one in shipped])).instruments
    missing = [Update(one, Told.NOTHING) for one in shipped if one.instrument_id not in known]
    await reference.take_in(missing, at_ns=0, source="shipped")


def _listing(path: pathlib.Path, at_ns: int) -> Listing:
    try:
        with gzip.open(path) if path.suffix == ".gz" else path.open("rb") as file:
            data = file.read(FILE_BYTES_MAX)
        return read_listing(data, name=path.name.removesuffix(".gz"), at_ns=at_ns or time.time_ns())
    except (OSError, Malformed) as error:
        msg = f"{path}: {error}"
        raise CliError(msg) from error


def _told(name: str, changes: Changes, at_ns: int, version: str) -> dict[str, Any]:
    return {
        "file": name,
        "at": time_text(at_ns),
        "version": version,
        "added": len(changes.added),
        "changed": [one.instrument_id for one in changes.changed],
        "unchanged": changes.unchanged,
        "finer": list(changes.finer),
        "late": list(changes.late),
    }


def _sentence(told: dict[str, Any]) -> str:
    counts = f"{told['added']} added, {len(told['changed'])} changed, {told['unchanged']} unchanged"
    lines = [f"{told['file']} (at {told['at']}): {counts}; version {told['version']}"]
    if told["changed"]:
        lines.append(f"  changed: {_few(told['changed'])}")
    if told["finer"]:
        lines.append(f"  steps finer than their units, so such rows will be rejected: {_few(told['finer'])}")
    if told["late"]:
        lines.append(f"  older than what is known of their steps: {_few(told['late'])}")
    return "\n".join(lines) + "\n"


def _few(names: Sequence[str]) -> str:
    more = f" and {len(names) - NAMES_SHOWN} more" if len(names) > NAMES_SHOWN else ""
    return ", ".join(names[:NAMES_SHOWN]) + more


# --- show, halt, resume -----------------------------------------------------------------------------------------------


async def _show(args: argparse.Namespace) -> int:
    at_ns = _time(args.at) or time.time_ns()
    async with _opened(args.folder) as store:
        names = args.names or await store.reference.venues()
        found = [one for name in names for one in await _named(store, name, at_ns)]
    if args.json:
        sys.stdout.write(write_instruments_json(found).decode() + "\n")
    else:
        sys.stdout.writelines(_line(one, at_ns) for one in found)
        if not found:
            sys.stdout.write("nothing is known; `tickloom reference load FILE` takes a venue's listing\n")
    return 0


async def _named(store: _Store, name: str, at_ns: int) -> list[Instrument]:
    """Find what a name means: an id, or a venue and then what it lists at the time."""
    one = (await store.reference.look_up([name])).instruments.get(name)
    if one is not None:
        return [one]
    listed = symbols_at(await store.reference.listed(name), at_ns).values()
    found = sorted({one.instrument_id: one for one in listed}.items())
    if not found:
        raise _nothing(name)
    return [one for _, one in found]


def _line(one: Instrument, at_ns: int) -> str:
    steps, status = one.steps_at(at_ns), one.status_at(at_ns)
    state = status.status.name.lower() + (f" ({status.reason})" if status.reason else "")
    moves = f"tick {steps.tick_size:f} lot {steps.lot_size:f}"
    facts = " ".join(filter(None, (one.asset_class.name.lower(), one.quote_currency, one.calendar, one.sector)))
    return f"{one.instrument_id:<24} {one.symbol_at(at_ns):<14} {moves}  {state}  {facts}\n"


async def _set_status(args: argparse.Namespace) -> int:
    at_ns = _time(args.at) or time.time_ns()
    halts = args.what == "halt"
    status = Status(TradingStatus.HALTED if halts else TradingStatus.TRADING, at_ns, args.reason)
    async with _opened(args.folder) as store:
        for name in args.names:
            if await store.reference.set_status(name, status) is None:
                raise _nothing(name)
        await store.changed()
        version = await store.reference.version()
    for name in args.names:
        told = {"instrument_id": name, "status": status.status.name, "at": time_text(at_ns), "version": version}
        plain = f"{name} {'halted' if halts else 'trades'} from {told['at']}; version {version}\n"
        sys.stdout.write(json.dumps(told) + "\n" if args.json else plain)
    return 0


def _time(text: str | None) -> int:
    """Read a time; 0 without one."""
    if not text:
        return 0
    try:
        return parse_time(text)
    except Malformed as error:
        msg = f"--at must be an RFC 3339 time such as 2024-11-05T00:00:00Z, found {text!r}"
        raise UsageError(msg) from error


def _nothing(name: str) -> CliError:
    return CliError(f"{name} is neither a known instrument nor a venue; `tickloom reference show` names them")
