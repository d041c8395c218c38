"""Look at dead letters and send them again: rows that broke a rule, and events that could not be delivered."""

import argparse
import base64
import contextlib
import json
import pathlib
import sys
from collections.abc import AsyncIterator
from typing import Any

from functions.adapters.postgres import Pool
from functions.adapters.postgres_dead_letters import LIST_MAX, DeadLetter, PostgresDeadLetters
from functions.cli import stores
from functions.cli.counting import at_least
from functions.cli.errors import CliError, UsageError
from functions.cli.events import attributes, logs
from functions.cli.sending import send
from functions.local import loop
from functions.local.log import find
from functions.local.redrive import broker_of, event_again, place_of, row_events, row_in
from functions.local.topology import load
from functions.wire.envelope import Event
from functions.wire.tape import LINE_BYTES_MAX


def register(parser: argparse.ArgumentParser) -> None:
    """Add the verb's arguments."""
    parser.add_argument("what", choices=("list", "show", "redrive"), help="list, show one, or send one again")
    parser.add_argument("key", nargs="?", help="STREAM/ROW of a rejected row, or the id of a buried event")
    parser.add_argument("--folder", type=pathlib.Path, default=pathlib.Path("var/demo"), help="folder of the platform")
    parser.add_argument("--reason", default="", help="list only rows rejected for this reason")
    parser.add_argument("--limit", type=at_least(1, LIST_MAX), default=50, help="how many to list (default 50)")
    parser.add_argument("--file", type=pathlib.Path, help="redrive a row with this file's bytes in place of its own")


def run(args: argparse.Namespace) -> int:
    """Show or redrive."""
    if args.what != "list" and not args.key:
        msg = f"say which: tickloom dlq {args.what} STREAM/ROW, or an event's id; `tickloom dlq list` names them"
        raise CliError(msg)
    if args.file and not (args.what == "redrive" and _row_named(args.key)):
        msg = "--file mends a row: tickloom dlq redrive STREAM/ROW --file FILE; an event goes again as it was"
        raise UsageError(msg)
    verb = {"list": _list, "show": _show, "redrive": _redrive}[args.what]
    return loop.run(verb(args))


@contextlib.asynccontextmanager
async def _letters(folder: pathlib.Path) -> AsyncIterator[PostgresDeadLetters]:
    """Open the filed rows: the running platform's store, the given one, or the folder's own, started for us."""
    async with stores.opened(folder) as (url, _):
        pool = Pool(url)
        try:
            yield PostgresDeadLetters(pool)
        finally:
            await pool.close()


def _buried(folder: pathlib.Path, *, id_: str = "", newest: int = 0) -> list[tuple[str, Event]]:
    """Find buried events, oldest first whatever the sink; a run with its log in memory has left none, only its rows.

    Args:
        folder: Folder of the platform.
        id_: Only those of this id, with their data.
        newest: Without an id, at most so many, the newest, and without their data: a sink keeps all there ever were.
    """
    where, values = ("id = ?", (id_,)) if id_ else ("1", ())
    found = [
        (recorded_ns, path.stem, event)
        for path in sorted((folder / "log").glob("*-dead-letters.sqlite"))
        for _, recorded_ns, event in find(path, where=where, values=values, newest=newest, bodies=bool(id_))
    ]
    found.sort(key=lambda one: one[0])
    return [(sink, event) for _, sink, event in found[-newest:]]


async def _list(args: argparse.Namespace) -> int:
    async with _letters(args.folder) as letters:
        rows = await letters.list_dead_letters(args.limit, args.reason)
    events = [] if args.reason else _buried(args.folder, newest=args.limit)
    if args.json:
        told = {"rows": [_as_json(one) for one in rows], "events": [attributes(event) for _, event in events]}
        sys.stdout.write(json.dumps(told, indent=1) + "\n")
        return 0
    for one in rows:
        again = f", redriven {one.redriven} times" if one.redriven else ""
        sys.stdout.write(f"{one.stream}/{one.rejection.row}  {one.rejection.reason}: {one.rejection.detail}{again}\n")
    for sink, event in events:
        told = attributes(event)
        code, where = told.get("knativeerrorcode", "foreign body"), told["knativeerrordest"]
        sys.stdout.write(f"{event.id}  {sink} {event.type}: {code} from {where}\n")
    if not (rows or events):
        sys.stdout.write("no dead letters\n")
    return 0


def _as_json(letter: DeadLetter) -> dict[str, Any]:
    one = letter.rejection
    return {
        "key": f"{letter.stream}/{one.row}",
        "shard": letter.shard,
        "reason": one.reason,
        "detail": one.detail,
        "raw_base64": base64.b64encode(one.raw).decode(),
        "dialect": one.dialect,
        "symbol": one.symbol,
        "ts_receive": one.ts_receive,
        "spool_ref": one.spool_ref,
        "redriven": letter.redriven,
    }


async def _find_row(args: argparse.Namespace) -> DeadLetter | None:
    """Find the row that the key names; an event's id names none, and then no store is needed."""
    if (named := _row_named(args.key)) is None:
        return None
    async with _letters(args.folder) as letters:
        return await letters.get(*named)


def _row_named(key: str) -> tuple[str, int] | None:
    stream, slash, row = key.rpartition("/")
    return (stream, int(row)) if slash and row.isascii() and row.isdigit() else None


async def _show(args: argparse.Namespace) -> int:
    row = await _find_row(args)
    if row is not None:
        sys.stdout.write(json.dumps(_as_json(row), indent=1) + "\n")
        return 0
    for sink, event in _buried(args.folder, id_=args.key):
        told = {"sink": sink, **attributes(event), "data_base64": base64.b64encode(event.data or b"").decode()}
        sys.stdout.write(json.dumps(told, indent=1) + "\n")
        return 0
    raise _nothing(args.key)


def _nothing(key: str) -> CliError:
    return CliError(f"no dead letter {key}; `tickloom dlq list` names them")


async def _redrive(args: argparse.Namespace) -> int:
    row = await _find_row(args)
    if row is not None:
        broker = broker_of(row.stream, load().sources)
        (log,) = logs(args.folder, broker)
        payload = _payload(args, row, row_in(log, row.stream, row.rejection.row))
        events = row_events(row, place_of(log, row.stream), payload=payload)
    else:
        broker, events = _as_buried(args)
    await send(args.folder, broker, events)
    if row is not None:
        async with _letters(args.folder) as letters:
            await letters.mark_redriven(row.stream, row.rejection.row)
    told = {"redriven": args.key, "event_id": events[0].id}
    sys.stdout.write(json.dumps(told) + "\n" if args.json else f"redriven {args.key} as event {events[0].id}\n")
    return 0


def _as_buried(args: argparse.Namespace) -> tuple[str, tuple[Event, ...]]:
    buried = _buried(args.folder, id_=args.key)
    if not buried:
        raise _nothing(args.key)
    sink, found = buried[0]
    (broker,) = (one.name for one in load().brokers.values() if one.dead_letter_sink == sink)
    (log,) = logs(args.folder, broker)
    return broker, event_again(found, log)


def _payload(args: argparse.Namespace, row: DeadLetter, sent: bytes) -> bytes:
    """Give the row's bytes: the file's, the spool's, those the feed sent, or the letter's; only what may travel."""
    if args.file and not args.file.is_file():
        msg = f"there is no file {args.file} to take the row from"
        raise CliError(msg)
    spooled = None if args.file else _spooled(args.folder / "spool", row.rejection.spool_ref)
    path: pathlib.Path | None = args.file or spooled
    payload = path.read_bytes().rstrip(b"\n") if path else sent or row.rejection.raw
    if not 0 < len(payload) <= LINE_BYTES_MAX:
        where = f" (its bytes lie in {spooled})" if spooled else ""
        msg = f"a row that travels has 1 to {LINE_BYTES_MAX} bytes, this one {len(payload)}{where}; mend it with --file"
        raise CliError(msg)
    return payload


def _spooled(spool: pathlib.Path, ref: str) -> pathlib.Path | None:
    """Find a row that was too long to travel by its name, which is no path: anyone may post a batch that names one."""
    if not ref:
        return None
    if pathlib.PurePath(ref).name != ref or not (spool / ref).is_file():
        msg = f"{spool} holds no row {ref!r:.80}; copy it there from where its feed ran, or give its bytes with --file"
        raise CliError(msg)
    return spool / ref
