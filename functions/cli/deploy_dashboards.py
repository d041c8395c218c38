"""Write dashboards, the operator's rules and the table of metrics from what the code declares."""

import argparse
import json
import pathlib
import sys
from typing import Final

from functions.cli.errors import CliError

STALE: Final = 1


def arguments(parser: argparse.ArgumentParser) -> None:
    """Add the part's arguments."""
    parser.add_argument("--check", action="store_true", help="write nothing; leave with 1 where a file is stale")


def run(args: argparse.Namespace) -> int:
    """Write what is stale and say so."""
    from functions.local.observability.files import KNATIVE, texts  # noqa: PLC0415 - only this part needs metrics
    from functions.local.observability.promql import QueryError  # noqa: PLC0415 - as above

    try:
        found = texts()
    except QueryError as error:
        raise CliError(str(error)) from error
    stale = [path for path, text in found.items() if not _is(KNATIVE / path, text)]
    for path in stale:
        if not args.check:
            (KNATIVE / path).write_text(found[path])
    say(args, list(map(str, stale)))
    return STALE if stale and args.check else 0


def say(args: argparse.Namespace, paths: list[str]) -> None:
    """Name the files that were written, or with `--check` are stale."""
    what = "stale" if args.check else "wrote"
    if args.json:
        sys.stdout.write(json.dumps({what: paths}) + "\n")
    else:
        sys.stdout.writelines(f"{what} {path}\n" for path in paths)


def _is(file: pathlib.Path, text: str) -> bool:
    return file.is_file() and file.read_text() == text
