"""Write dashboards, the operator's rules and the table of metrics from what the code declares."""

import argparse
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
    stale = 0
    for path, text in found.items():
        file = KNATIVE / path
        if file.is_file() and file.read_text() == text:
            continue
        stale += 1
        sys.stdout.write(f"{'stale' if args.check else 'wrote'} {path}\n")
        if not args.check:
            file.write_text(text)
    return STALE if stale and args.check else 0
