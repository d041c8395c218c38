"""Look at events in the logs of a folder: list, show one, follow as they come."""

import argparse
import json
import pathlib
import sys
import time
from typing import Any, Final, TypeAlias

from functions.cli.counting import at_least
from functions.cli.errors import CliError
from functions.local.log import find
from functions.wire.envelope import Event
from functions.wire.errors import Malformed
from functions.wire.rows import render

FOLLOW_PAUSE_S: Final = 0.2
ROWS_SHOWN_MAX: Final = 20

Found: TypeAlias = tuple[str, int, int, Event]
"""Broker or sink, offset, time of recording in UTC nanoseconds, event."""


def register(parser: argparse.ArgumentParser) -> None:
    """Add the verb's arguments."""
    parser.add_argument("what", choices=("list", "show", "follow"), help="list the newest, show one, or follow")
    parser.add_argument("id", nargs="?", help="event id, for show")
    parser.add_argument("--folder", type=pathlib.Path, default=pathlib.Path("var/demo"), help="folder of the platform")
    parser.add_argument("--broker", help="only this broker or dead letter sink")
    parser.add_argument("--type", help="only types that end like this, for example BarBatch")
    parser.add_argument("--source", help="only sources that begin like this")
    parser.add_argument("--limit", type=at_least(1), default=20, help="how many to list (default 20)")


def run(args: argparse.Namespace) -> int:
    """Show what was asked for."""
    if args.what == "show":
        if not args.id:
            msg = "say which event: tickloom events show ID"
            raise CliError(msg)
        for found in _matching(args, id_=args.id):
            _show(*found, as_json=args.json)
            return 0
        msg = f"no event {args.id} under {args.folder}; `tickloom events list` shows what is there"
        raise CliError(msg)
    seen = _heads(args) if args.what == "follow" else {}
    listed = _matching(args, newest=args.limit)
    for found in listed:
        _tell(found, seen, as_json=args.json)
    if not listed:
        asked = " ".join(f"--{name} {value}" for name in ("type", "source") if (value := getattr(args, name)))
        what = f"fits {asked}; `tickloom graph` names the types" if asked else "is there yet"
        sys.stderr.write(f"no event under {args.folder} {what}\n")
    if args.what == "follow":
        _follow(args, seen)
    return 0


def logs(folder: pathlib.Path, broker: str | None = None) -> list[pathlib.Path]:
    """Find the log files of a folder.

    Raises:
        CliError: There are none.
    """
    files = sorted((folder / "log").glob(f"{broker or '*'}.sqlite"))
    if not files and (there := sorted(path.stem for path in (folder / "log").glob("*.sqlite"))):
        msg = f"no event log {broker} under {folder}; there are {', '.join(there)}"
        raise CliError(msg)
    if not files:
        msg = f"no event log under {folder}; name the folder with --folder (a run with --log memory leaves none)"
        raise CliError(msg)
    return files


def _condition(args: argparse.Namespace, id_: str | None, after: int | None) -> tuple[str, tuple[object, ...]]:
    parts: list[tuple[str, object]] = []
    if args.type:
        parts.append(("type LIKE ?", f"%{args.type}"))
    if args.source:
        parts.append(("source LIKE ?", f"{args.source}%"))
    if id_:
        parts.append(("id = ?", id_))
    if after is not None:
        parts.append(("offset > ?", after))
    return " AND ".join(text for text, _ in parts) or "1", tuple(value for _, value in parts)


def _matching(
    args: argparse.Namespace, *, id_: str | None = None, after: dict[str, int] | None = None, newest: int = 0
) -> list[Found]:
    """Find events, oldest first: the newest so many, or all (0); each log's after an offset, where one is given."""
    found: list[Found] = []
    for path in logs(args.folder, args.broker):
        where, values = _condition(args, id_, None if after is None else after.get(path.stem, -1))
        found += [(path.stem, *one) for one in find(path, where=where, values=values, newest=newest)]
    found.sort(key=lambda one: one[2])
    return found[-newest:]


def _heads(args: argparse.Namespace) -> dict[str, int]:
    """Give the newest offset of each log, so that following shows nothing older."""
    files = logs(args.folder, args.broker)
    return {path.stem: offset for path in files for offset, _, _ in find(path, newest=1, bodies=False)}


def _follow(args: argparse.Namespace, seen: dict[str, int]) -> None:
    while True:
        _follow_on(args, seen)
        sys.stdout.flush()
        time.sleep(FOLLOW_PAUSE_S)


def _follow_on(args: argparse.Namespace, seen: dict[str, int]) -> None:
    """Tell what came, and step over what does not fit, so that the next look need not read it again."""
    heads = _heads(args)
    for found in _matching(args, after=seen):
        _tell(found, seen, as_json=args.json)
    seen.update({name: max(head, seen.get(name, -1)) for name, head in heads.items()})


def _tell(found: Found, seen: dict[str, int], *, as_json: bool) -> None:
    broker, offset, _, _ = found
    seen[broker] = max(offset, seen.get(broker, -1))
    _line(*found, as_json=as_json)


def attributes(event: Event) -> dict[str, Any]:
    """Give an event's attributes, without its data."""
    core = {
        "id": event.id,
        "source": event.source,
        "type": event.type,
        "time_ns": event.time_ns,
        "subject": event.subject,
    }
    return {**{key: value for key, value in core.items() if value is not None}, **event.extensions}


def _line(broker: str, offset: int, recorded_ns: int, event: Event, *, as_json: bool) -> None:
    if as_json:
        line = json.dumps({"broker": broker, "offset": offset, "recorded_ns": recorded_ns, **attributes(event)})
    else:
        stamp = time.strftime("%H:%M:%S", time.gmtime(recorded_ns / 1e9))
        size, name = len(event.data or b""), event.type.rsplit(".", 1)[-1]
        line = f"{stamp} {broker:>8} {offset:>8} {name:<16} {event.source:<44} {size:>7} B  {event.id}"
    sys.stdout.write(line + "\n")


def _rows(event: Event) -> list[Any]:
    """Read an event's rows; what cannot be read, as in a dead letter, is one row that says so."""
    try:
        return [json.loads(row.line) for row in render(event) if row.line]
    except Malformed as error:
        return [{"malformed": str(error)}]


def _show(broker: str, offset: int, recorded_ns: int, event: Event, *, as_json: bool) -> None:
    rows = _rows(event)
    whole = {
        "broker": broker,
        "offset": offset,
        "recorded_ns": recorded_ns,
        "attributes": attributes(event),
        "data_bytes": len(event.data or b""),
        "rows": rows,
    }
    if as_json:
        sys.stdout.write(json.dumps(whole) + "\n")
        return
    for name, value in {"broker": broker, "offset": offset, **attributes(event)}.items():
        sys.stdout.write(f"{name:<18}{value}\n")
    sys.stdout.write(f"{'data':<18}{whole['data_bytes']} bytes, {len(rows)} rows\n")
    for row in rows[:ROWS_SHOWN_MAX]:
        sys.stdout.write(f"  {json.dumps(row)}\n")
    if len(rows) > ROWS_SHOWN_MAX:
        sys.stdout.write(f"  ... {len(rows) - ROWS_SHOWN_MAX} more (--json shows all)\n")
