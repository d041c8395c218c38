"""Scaffold a new venue: decoder, connection and test, copied from the templates under its name.

Nothing else has to change: dialects are found by the name of their module. The files are written into a checkout, and
none that is there already is ever touched.
"""

import argparse
import keyword
import pathlib
import re
import sys
from typing import Final

from functions.cli.errors import CliError, UsageError

_FUNCTIONS: Final = pathlib.Path(__file__).parents[1]
_NAME: Final = re.compile(r"[a-z][a-z0-9]{0,31}")
_TEST: Final = pathlib.Path(__file__).parent / "data" / "test_venue.py.txt"
_DECODER: Final = _FUNCTIONS / "wire" / "venues" / "_template.py"
_CONNECTION: Final = _FUNCTIONS / "adapters" / "venues" / "_template.py"
_HOW_TO: Final = re.compile(r"Copy this file to `<name>\.py`.*?\n\n", re.DOTALL)


def register(parser: argparse.ArgumentParser) -> None:
    """Add the verb's arguments."""
    what = parser.add_subparsers(dest="what", required=True, metavar="WHAT")
    new = what.add_parser("new", help="write decoder, connection and test of a venue from the templates")
    new.add_argument("name", metavar="NAME", help="lower case letters and digits, for example acme")
    new.add_argument(
        "--folder", type=pathlib.Path, default=_FUNCTIONS.parent, help="checkout to write into (default: this one)"
    )


def run(args: argparse.Namespace) -> int:
    """Write the files and say which."""
    if not _NAME.fullmatch(args.name) or keyword.iskeyword(args.name):
        msg = f"{args.name!r} cannot name a venue's module: take up to 32 lower case letters and digits"
        raise UsageError(msg)
    written = scaffold(args.name, args.folder)
    sys.stdout.writelines(f"wrote {path}\n" for path in written)
    sys.stdout.write(
        f"dialect {args.name}.v1 is there: make the files say what the venue's documentation says, then\n"
        f"  pytest {written[-1]}\n  tickloom record --dialect {args.name}.v1 --symbols ... --out {args.name}.txt\n"
    )
    return 0


def scaffold(name: str, folder: pathlib.Path) -> list[pathlib.Path]:
    """Write a venue's three files into a checkout.

    Args:
        name: Name of its modules, and first part of its dialects.
        folder: The checkout.

    Raises:
        CliError: One of the files is there already, or the folder is no checkout.
    """
    files = {
        folder / "functions" / "wire" / "venues" / f"{name}.py": _DECODER,
        folder / "functions" / "adapters" / "venues" / f"{name}.py": _CONNECTION,
        folder / "tests" / "adapters" / f"test_venue_{name}.py": _TEST,
    }
    for path in files:
        if path.exists():
            msg = f"{path} is there already, so {name} is taken; nothing was written"
            raise CliError(msg)
        if not path.parent.is_dir():
            msg = f"{path.parent} is no folder; --folder must name a checkout"
            raise CliError(msg)
    for path, template in files.items():
        path.write_text(named(template.read_text(), name))
    return list(files)


def named(text: str, name: str) -> str:
    """Give a template's text under a venue's name, without the sentence that says how to copy it.

    >>> named('CODE = "TEMPLATE"  # template.v1', "acme")
    'CODE = "ACME"  # acme.v1'
    """
    return _HOW_TO.sub("", text).replace("TEMPLATE", name.upper()).replace("template", name)
