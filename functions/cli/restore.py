"""Restore a backup into an empty platform; what came after it was begun is delivered again."""

import argparse
import json
import pathlib
import sys
import time

from functions.cli.environment import own_environment
from functions.local import loop
from functions.local.archive import open_archive
from functions.local.restores import restore
from functions.local.topology import load
from functions.wire.attributes import time_text


def register(parser: argparse.ArgumentParser) -> None:
    """Add the verb's arguments."""
    parser.add_argument("source", type=pathlib.Path, help="folder of the backup")
    parser.add_argument("--folder", type=pathlib.Path, default=pathlib.Path("var/up"), help="folder of the platform")
    parser.add_argument("--replace", action="store_true", help="drop what the folder and a given database hold")
    parser.add_argument(
        "--again",
        action="append",
        default=[],
        metavar="NAME",
        help="a Trigger or table that shall hear all events once more, for example project-desk to fill Redis",
    )


def run(args: argparse.Namespace) -> int:
    """Check the backup, restore it, and say how long that took and where events go on."""
    began, folder = time.monotonic(), args.folder
    archive = open_archive(args.source)
    checked = time.monotonic() - began
    environ = own_environment()
    loop.run(restore(archive, folder, load(), environ=environ, replace=args.replace, again=args.again))
    seconds, manifest = time.monotonic() - began, archive.manifest
    events = sum(part.events for part in manifest.logs.values())
    if args.json:
        told = {"seconds": round(seconds, 3), "events": events, "newest_ns": manifest.newest_ns}
        sys.stdout.write(json.dumps(told, indent=1) + "\n")
        return 0
    sys.stdout.write(
        f"restored {events:,} events and the stores into {folder} in {seconds:.1f} s (digests {checked:.1f} s)\n"
        f"lost is what was recorded after {time_text(manifest.newest_ns)}, unless a feed can tell it again\n"
        f"go on with  tickloom up{' --kafka' if manifest.made_of == 'kafka' else ''} --folder {folder}\n"
    )
    return 0
