"""Replay what a Trigger or table heard since a time into a shadow, compare with what was live, and promote the rest."""

import argparse
import contextlib
import json
import pathlib
import sys
from collections.abc import AsyncIterator, Iterable, Sequence
from typing import Any

from functions.cli import stores
from functions.cli.counting import at_least
from functions.cli.environment import own_environment
from functions.cli.errors import UsageError
from functions.cli.sending import send
from functions.local import loop
from functions.local.archive import open_archive
from functions.local.comparisons import NAMED_MAX, Compared, compare_events, compare_rows, said
from functions.local.kept import Kept, KeptArchive, KeptLogs
from functions.local.rewinds import (
    EVENTS_MAX,
    Hearer,
    Shadow,
    hearer,
    promote_rows,
    rewound,
)
from functions.local.topology import load
from functions.wire.attributes import parse_time
from functions.wire.errors import Malformed


def register(parser: argparse.ArgumentParser) -> None:
    """Add the verb's arguments."""
    parser.add_argument("name", metavar="TRIGGER", help="a Trigger, for example project-desk, or a table")
    parser.add_argument("--to", required=True, metavar="TIME", help="hear what was recorded since, RFC 3339")
    parser.add_argument("--into", type=pathlib.Path, required=True, metavar="SHADOW", help="a folder of its own")
    parser.add_argument("--folder", type=pathlib.Path, default=pathlib.Path("var/up"), help="folder of the platform")
    parser.add_argument("--from", dest="archive", type=pathlib.Path, help="take the events from this backup instead")
    parser.add_argument(
        "--promote", action="store_true", help="afterwards bring live what the shadow has and live lacks"
    )
    parser.add_argument(
        "--limit", type=at_least(1), default=EVENTS_MAX, help=f"most events to hear (default {EVENTS_MAX:,})"
    )


def run(args: argparse.Namespace) -> int:
    """Rewind and say what compares how; 0 when nothing differs, or no more after promoting."""
    try:
        since_ns = parse_time(args.to)
    except Malformed as error:
        msg = f"--to {args.to}: {error}; write it as 2026-11-22T02:00:00Z"
        raise UsageError(msg) from error
    told = loop.run(_rewind(args, since_ns))
    sys.stdout.write(json.dumps(told, indent=1) + "\n" if args.json else _words(told))
    return 0 if all(one["equal"] for one in told["compared"]) else 1


async def _rewind(args: argparse.Namespace, since_ns: int) -> dict[str, Any]:
    topology = load()
    who = hearer(topology, args.name)
    kept: Kept = KeptArchive(open_archive(args.archive)) if args.archive else KeptLogs(args.folder)
    async with contextlib.AsyncExitStack() as stack:
        url, redis_url = await stack.enter_async_context(_live(who, args.folder))
        shadow = await stack.enter_async_context(
            rewound(
                who,
                kept,
                topology,
                since_ns=since_ns,
                folder=args.into,
                environ=own_environment(),
                live_url=url,
                events_max=args.limit,
            )
        )
        compared = await _compare(who, kept, shadow, url)
        live = {"DATABASE_URL": url, "REDIS_URL": redis_url}
        promoted = await _promote(args, who, kept, shadow=shadow, compared=compared, live=live) if args.promote else []
        if promoted and not all(one.equal for one in compared):
            compared = await _compare(who, kept if args.archive else KeptLogs(args.folder), shadow, url)
        return {
            "rewound": args.name,
            "heard": len(shadow.heard),
            "refused": {str(status): count for status, count in sorted(shadow.refused.items())},
            "compared": [_as_json(one) for one in compared],
            "promoted": promoted,
            "shadow": str(args.into),
        }


@contextlib.asynccontextmanager
async def _live(who: Hearer, folder: pathlib.Path) -> AsyncIterator[tuple[str, str]]:
    """Open the live stores where the function has any."""
    if not who.card.stores:
        yield "", ""
        return
    async with stores.opened(folder) as where:
        yield where


async def _compare(who: Hearer, kept: Kept, shadow: Shadow, live_url: str) -> list[Compared]:
    events = [compare_events(who, kept, shadow)] if who.card.emits else []
    return [*events, *(await compare_rows(who, shadow, live_url))]


async def _promote(  # noqa: PLR0913 - what was asked, of whom, and where to
    args: argparse.Namespace,
    who: Hearer,
    kept: Kept,
    *,
    shadow: Shadow,
    compared: Sequence[Compared],
    live: dict[str, str],
) -> list[str]:
    """Bring live what is missing there; say what was done, and what cannot be."""
    done = []
    events = next((one for one in compared if one.what == "events"), None)
    if events is not None:
        if events.missing:
            await send(args.folder, who.broker, said(who, shadow, events.missing))
        done.append(f"{len(events.missing)} events published to {who.broker}")
        if events.differing:
            done.append(
                f"{len(events.differing)} events stay as they are live: a fact is said once, and who heard it drops "
                "another of its id and number"
            )
    if who.writes:
        refused = await promote_rows(who, kept, shadow, {**own_environment(), **live})
        done.append(f"{len(shadow.heard) - refused.total()} events written again through the live stores' own rules")
    return done


def _as_json(one: Compared) -> dict[str, Any]:
    return {
        "what": one.what,
        "equal": one.equal,
        "same": one.same,
        **{name: {"count": len(ids), "ids": list(ids[:NAMED_MAX])} for name, ids in _kinds(one)},
    }


def _kinds(one: Compared) -> Iterable[tuple[str, tuple[str, ...]]]:
    return (("differing", one.differing), ("missing", one.missing), ("gone", one.gone))


def _words(told: dict[str, Any]) -> str:
    refused = ", ".join(f"{count} answered {status}" for status, count in told["refused"].items())
    lines = [f"{told['rewound']} heard {told['heard']:,} events{f'; {refused}' if refused else ''}"]
    for one in told["compared"]:
        counts = ", ".join(f"{one[name]['count']:,} {name}" for name in ("differing", "missing", "gone"))
        lines.append(f"{one['what']:<20} {one['same']:,} same, {counts}")
        lines += [f"  {name} {id_}" for name in ("differing", "missing", "gone") for id_ in one[name]["ids"]]
    lines += [f"promoted   {line}" for line in told["promoted"]]
    lines.append(f"shadow     {told['shadow']} (tickloom events list --folder {told['shadow']})")
    return "\n".join(lines) + "\n"
