"""Back a platform up, running or not: events with keys, attributes and offsets, readers' positions, and PostgreSQL."""

import argparse
import contextlib
import json
import pathlib
import sys
import time
from collections.abc import AsyncIterator
from typing import Final

from functions.cli import stores
from functions.cli.errors import CliError
from functions.local import loop
from functions.local.archive import Manifest
from functions.local.backups import DiskSource, KafkaSource, Source, backup
from functions.local.children import Children
from functions.local.kafka import Kafka, choose, start_kafka
from functions.local.topology import load
from functions.wire.attributes import time_text

MIB: Final = 1024 * 1024


def register(parser: argparse.ArgumentParser) -> None:
    """Add the verb's arguments."""
    parser.add_argument("target", type=pathlib.Path, help="folder of the backup; must not be there, or be empty")
    parser.add_argument("--folder", type=pathlib.Path, default=pathlib.Path("var/up"), help="folder of the platform")
    parser.add_argument("--kafka", action="store_true", help="the platform runs over Kafka")


def run(args: argparse.Namespace) -> int:
    """Write the backup and say what it holds."""
    began = time.monotonic()
    manifest = loop.run(_backup(args))
    seconds = time.monotonic() - began
    if args.json:
        sys.stdout.write(json.dumps({"seconds": round(seconds, 3), **_told(manifest)}, indent=1) + "\n")
        return 0
    size = sum(path.stat().st_size for path in args.target.rglob("*") if path.is_file())
    told = _told(manifest)
    sys.stdout.write(
        f"{sum(part.events for part in manifest.logs.values()):,} events, {told['rows']:,} rows and "
        f"{manifest.states} states in {args.target}: {size / MIB:.1f} MiB, {seconds:.1f} s\n"
        f"newest event recorded {told['newest']}\n"
        f"check it    cd {args.target} && sha256sum -c SHA256SUMS\nrestore it  tickloom restore {args.target}\n"
    )
    return 0


async def _backup(args: argparse.Namespace) -> Manifest:
    async with stores.opened(args.folder) as (url, _), _source(args) as source:
        return await backup(source, url, args.target)


@contextlib.asynccontextmanager
async def _source(args: argparse.Namespace) -> AsyncIterator[Source]:
    """Find where events lie: with the running broker, the one that is named, the folder's own, or in its logs."""
    note, topology = stores.running(args.folder), load()
    if servers := note.get("kafka"):
        yield KafkaSource(Kafka(servers, "the running platform's", wakes=choose().kind != "wheel"), topology)
    elif args.kafka:
        async with Children(args.folder / "kafka") as children:
            kafka = await start_kafka(args.folder, children)
            if not kafka.durable:
                msg = f"{kafka.origin} kept nothing of a platform that ended; back it up while it runs"
                raise CliError(msg)
            yield KafkaSource(kafka, topology)
    else:
        yield DiskSource(args.folder, topology)


def _told(manifest: Manifest) -> dict[str, "dict[str, int] | int | str"]:
    parts = manifest.stores.tables if manifest.stores else {}
    return {
        "events": {name: part.events for name, part in sorted(manifest.logs.items())},
        "rows": sum(one.rows for one in parts.values()),
        "states": manifest.states,
        "newest": time_text(manifest.newest_ns),
    }
