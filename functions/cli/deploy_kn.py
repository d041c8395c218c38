"""`tickloom deploy kn NAME`: say a handler's or service's manifest as a line of Knative's `kn`."""

import argparse
import json
import sys
from typing import Any


def arguments(parser: argparse.ArgumentParser) -> None:
    """Add the verb's arguments."""
    parser.add_argument("name", metavar="NAME", help="a handler or a service, for example normalize")
    parser.add_argument("--image", help="another image than the manifest's")
    parser.add_argument("--target", metavar="DIR", help="write the manifest there instead of asking a cluster")


def run(args: argparse.Namespace) -> int:
    """Print the line."""
    from functions.cli.errors import UsageError  # noqa: PLC0415 - as every verb, `--help` loads nothing
    from functions.local.deployment import kn_lines  # noqa: PLC0415 - see above

    try:
        manifest: dict[str, Any] = dict(kn_lines.manifest_of(args.name))
    except LookupError as error:
        raise UsageError(str(error)) from error
    if args.image:
        manifest["spec"]["template"]["spec"]["containers"][0]["image"] = args.image
    target = f" \\\n  --target {args.target}" if args.target else ""
    text = f"{kn_lines.line_of(manifest).text}{target}\n"
    sys.stdout.write(json.dumps({"line": text}) + "\n" if args.json else text)
    return 0
