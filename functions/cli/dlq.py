"""Look at dead letters and send them again: rows that broke a rule, and events that could not be delivered."""

import argparse
import base64
import contextlib
import json
import pathlib
import sys
from collections.abc import AsyncIterator
from typing import Any

from functions.adapters.http_sink import HttpSink
from functions.adapters.postgres import Pool
from functions.adapters.postgres_dead_letters import DeadLetter, PostgresDeadLetters
from functions.cli.environment import own_environment
from functions.cli.errors import CliError
from functions.cli.events import attributes, logs
from functions.local import loop
from functions.local.children import Children
from functions.local.ingress import NAMESPACE
from functions.local.log import find
from functions.local.platform import WHERE, Options, running
from functions.local.redrive import row_event, source_for, unburied
from functions.local.servers import start_stores
from functions.local.topology import load
from functions.wire.envelope import Event
from functions.wire.facts import sequence_of


def register(parser: argparse.ArgumentParser) -> None:
    """Add the verb's arguments."""
    parser.add_argument("what", choices=("list", "show", "redrive"), help="list, show one, or send one again")
    parser.add_argument("key", nargs="?", help="STREAM/ROW of a rejected row, or the id of a buried event")
    parser.add_argument("--folder", type=pathlib.Path, default=pathlib.Path("var/demo"), help="folder of the platform")
    parser.add_argument("--reason", default="", help="list only rows rejected for this reason")
    parser.add_argument("--limit", type=int, default=50, help="how many to list (default 50)")
    parser.add_argument("--file", type=pathlib.Path, help="redrive a row with this file's bytes in place of its own")


def run(args: argparse.Namespace) -> int:
    """Show or redrive."""
    if args.what != "list" and not args.key:
        msg = f"say which: tickloom dlq {args.what} STREAM/ROW, or an event's id; `tickloom dlq list` names them"
        raise CliError(msg)
    verb = {"list": _list, "show": _show, "redrive": _redrive}[args.what]
    return loop.run(verb(args))


def _note(folder: pathlib.Path) -> dict[str, Any] | None:
    """Find the running platform of a folder; None when none runs."""
    try:
        note: dict[str, Any] = json.loads((folder / WHERE).read_text())
    except (OSError, ValueError):
        return None
    return note if pathlib.Path(f"/proc/{note['pid']}").exists() else None


@contextlib.asynccontextmanager
async def _letters(folder: pathlib.Path) -> AsyncIterator[PostgresDeadLetters]:
    """Open the filed rows: the running platform's store, the given one, or the folder's own, started for us."""
    note = _note(folder)
    url = own_environment().get("DATABASE_URL", "") or (note["database_url"] if note else "")
    async with contextlib.AsyncExitStack() as stack:
        if not url:
            if not folder.is_dir():  # noqa: ASYNC240 - one look before anything runs
                msg = f"there is no platform folder at {folder}; name it with --folder"
                raise CliError(msg)
            children = await stack.enter_async_context(Children(folder))
            url = (await start_stores(folder, children)).database_url
        pool = Pool(url)
        stack.push_async_callback(pool.close)
        yield PostgresDeadLetters(pool)


def _buried(folder: pathlib.Path, *, id_: str = "") -> list[tuple[str, Event]]:
    """Find buried events; a run with its log in memory has left none, only its rows."""
    where, values = ("id = ?", (id_,)) if id_ else ("1", ())
    return [
        (path.stem, event)
        for path in sorted((folder / "log").glob("*-dead-letters.sqlite"))
        for _, _, event in find(path, where=where, values=values)
    ]


async def _list(args: argparse.Namespace) -> int:
    async with _letters(args.folder) as letters:
        rows = await letters.list_dead_letters(args.limit, args.reason)
    events = [] if args.reason else _buried(args.folder)[-args.limit :]
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
    stream, slash, row = args.key.rpartition("/")
    if not (slash and row.isdigit()):
        return None
    async with _letters(args.folder) as letters:
        return await letters.get(stream, int(row))


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
        broker, event = "market", row_event(row, _next_number(args.folder, row.stream), payload=_payload(args, row))
    else:
        buried = _buried(args.folder, id_=args.key)
        if not buried:
            raise _nothing(args.key)
        sink, found = buried[0]
        (broker,) = (one.name for one in load().brokers.values() if one.dead_letter_sink == sink)
        event = unburied(found)
    await _send(args.folder, broker, event)
    if row is not None:
        async with _letters(args.folder) as letters:
            await letters.mark_redriven(row.stream, row.rejection.row)
    sys.stdout.write(f"redriven {args.key} as event {event.id}\n")
    return 0


def _payload(args: argparse.Namespace, row: DeadLetter) -> bytes:
    if args.file:
        file: pathlib.Path = args.file
        return file.read_bytes().rstrip(b"\n")
    if row.rejection.spool_ref:
        folder: pathlib.Path = args.folder
        return (folder / "spool" / row.rejection.spool_ref).read_bytes()
    return row.rejection.raw


def _next_number(folder: pathlib.Path, stream: str) -> int:
    (path,) = logs(folder, "market")
    last = find(path, where="source = ?", values=(source_for(stream),), newest=1)
    return sequence_of(last[0][2]) + 1 if last else 0


async def _send(folder: pathlib.Path, broker: str, event: Event) -> None:
    """Hand the event to the running platform, or start the folder's own and let it finish."""
    note = _note(folder)
    if note is not None:
        sink = HttpSink(f"http://127.0.0.1:{note['ingress_port']}/{NAMESPACE}/{broker}")
        try:
            await sink.publish(event)
        finally:
            await sink.close()
        return
    async with running(Options(folder=folder, environ=own_environment())) as platform:
        platform.publish(broker, event)
        await platform.drained()
