"""Check what an overlay deploys: schemas, rules, restricted pods, and networks equal to the wiring and the cards.

A part of the verb `deploy`. What kustomize renders is written to a file, since findings name its lines.
"""

import argparse
import json
import os
import pathlib
import sys
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from functions.local.deployment.check import Report
    from functions.local.deployment.objects import Object
    from functions.local.deployment.places import Place

RENDERED: Final = pathlib.Path("var/rendered")
SCHEMAS: Final = "TICKLOOM_SCHEMAS"
WRONG: Final = 1


def arguments(parser: argparse.ArgumentParser) -> None:
    """Add the part's arguments."""
    parser.add_argument("overlay", metavar="OVERLAY|FILE", help="an overlay, or a file of manifests, such as a render")
    parser.add_argument(
        "--schemas",
        type=pathlib.Path,
        metavar="FOLDER",
        help=f"Knative's schemas (default: {SCHEMAS}; without them that part is not checked, and said so)",
    )
    parser.add_argument(
        "--into", type=pathlib.Path, default=RENDERED, metavar="FOLDER", help=f"where renders go (default: {RENDERED})"
    )


def check(args: argparse.Namespace) -> int:
    """Check and print each finding as `file:line: rule: message`; leave with 1 if there is any."""
    from functions.local import catalogue, topology  # noqa: PLC0415 - only a check that is asked for pays
    from functions.local.deployment.check import check as checked  # noqa: PLC0415 - as above

    objects, places = _read(args)
    report = checked(objects, topology.load(), catalogue.cards(), _schemas(args), places=places)
    if getattr(args, "json", False):
        findings = [{"place": one.place, "rule": one.rule, "message": one.message} for one in report.findings]
        sys.stdout.write(json.dumps({"findings": findings, "unchecked": report.unchecked}, indent=1) + "\n")
    else:
        sys.stdout.write(_words(args.overlay, len(objects), report))
    return WRONG if report.findings else 0


def _read(args: argparse.Namespace) -> "tuple[tuple[Object, ...], dict[str, Place]]":
    """Give the manifests, and where that overlay's stores and venues are."""
    from functions.local.deployment import kustomize, objects, places  # noqa: PLC0415 - as above

    file = pathlib.Path(args.overlay)
    if file.is_file():
        return objects.load_files([file]), dict(places.PLACES)
    text, folder = kustomize.render(args.overlay), kustomize.folder_of(args.overlay)
    args.into.mkdir(parents=True, exist_ok=True)
    rendered = args.into / f"{folder.name}.yaml"
    rendered.write_text(text)
    return objects.load_text(text, str(rendered)), places.load(folder / "places.yaml")


def _schemas(args: argparse.Namespace) -> pathlib.Path | None:
    named = args.schemas or os.environ.get(SCHEMAS)
    folder = pathlib.Path(named) if named else None
    if args.schemas and not args.schemas.is_dir():
        from functions.cli.errors import UsageError  # noqa: PLC0415 - only a mistake pays for it

        message = f"there is no folder {args.schemas} with schemas"
        raise UsageError(message)
    return folder if folder and folder.is_dir() else None


def _words(name: str, count: int, report: "Report") -> str:
    wrong = len(report.findings)
    told = [*map(str, report.findings), *(f"not checked: {one}" for one in report.unchecked)]
    summary = f"{name}: {count} manifests, {wrong} finding{'' if wrong == 1 else 's'}"
    return "\n".join((*told, summary)) + "\n"
