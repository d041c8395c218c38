"""Show the versions of models in a registry, and say which of them decide, are tried, or stand beside."""

import argparse
import json
import pathlib
import sys
from collections.abc import Sequence
from dataclasses import asdict
from typing import Final

from functions.adapters.model_registry import SERVING, Listed, Serving, listed, promote
from functions.adapters.onnx import ModelError
from functions.cli.errors import CliError, UsageError
from functions.cli.training import FOLDER, table

DIGEST_CHARS: Final = 12
_EPILOGUE: Final = (
    "A running inference service that reads the registry takes a change up by itself. What its manifest does not "
    "promote only ever stands beside, as a shadow."
)


def register(parser: argparse.ArgumentParser) -> None:
    """Add the verb's arguments."""
    parser.epilog = _EPILOGUE
    parser.add_argument("what", choices=("list", "serve"), help="versions there are, or which are asked from now on")
    parser.add_argument("name", nargs="?", default="", metavar="NAME", help="the model (list: default all)")
    parser.add_argument(
        "--registry",
        type=pathlib.Path,
        default=FOLDER,
        metavar="FOLDER",
        help="where models lie (default: the shipped)",
    )
    parser.add_argument("--champion", default="", metavar="VERSION", help="serve: decides")
    parser.add_argument("--challenger", default="", metavar="VERSION", help="serve: decides for its share")
    parser.add_argument("--share", type=float, default=0.0, help="serve: the challenger's share, 0 to 1")
    parser.add_argument("--shadow", action="append", default=[], metavar="VERSION", help="serve: only answers beside")


def run(args: argparse.Namespace) -> int:
    """Show or change a registry."""
    if not args.registry.is_dir():
        msg = f"there is no registry {args.registry}; `tickloom train NAME --register FOLDER` makes one"
        raise CliError(msg)
    if args.what == "serve":
        _serve(args)
    found = [one for one in listed(args.registry) if args.name in {"", one.name}]
    if args.name and not found:
        there = ", ".join(sorted({one.name for one in listed(args.registry)})) or "none"
        msg = f"there is no model `{args.name}` in {args.registry}; there are {there}"
        raise CliError(msg)
    if args.json:
        sys.stdout.write(json.dumps([asdict(one) for one in found], indent=1) + "\n")
    else:
        _show(found)
    return 0


def _serve(args: argparse.Namespace) -> None:
    if not args.name or not (args.champion or any(args.shadow)):
        msg = "say what is asked: tickloom models serve NAME --champion VERSION, --shadow VERSION, or both"
        raise UsageError(msg)
    if not 0 <= args.share <= 1 or bool(args.challenger) != bool(args.share):
        msg = (
            f"a challenger gets a share above 0 and up to 1; found challenger {args.challenger!r}, share {args.share:g}"
        )
        raise UsageError(msg)
    named = [one for one in (args.champion, args.challenger, *args.shadow) if one]
    if len({*named}) < len(named) or (args.challenger and not args.champion):
        msg = "a version is asked as one thing, and a challenger needs a champion beside it"
        raise UsageError(msg)
    if args.registry.resolve() == FOLDER:
        msg = f"{FOLDER} holds what was shipped; name a registry of your own with --registry"
        raise CliError(msg)
    serving = Serving(champion=args.champion, challenger=args.challenger, share=args.share, shadows=tuple(args.shadow))
    try:
        promote(args.registry, args.name, serving)
    except ModelError as error:
        raise CliError(str(error)) from error
    sys.stderr.write(f"wrote {args.registry / args.name / SERVING}\n")


def _show(found: Sequence[Listed]) -> None:
    rows = [("model", "version", "asked as", "digest")]
    for one in found:
        role = f"{one.role} {one.share:.0%}" if one.role == "challenger" else one.role or "-"
        rows.append((one.name, one.version or "?", role, one.digest[:DIGEST_CHARS] or "-"))
    table(rows)
    for one in found:
        if one.problem:
            sys.stdout.write(f"{one.name} {one.version}: {one.problem}\n")
