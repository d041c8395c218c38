"""Train a model again, on data of its own or yours, and say what it is worth."""

import argparse
import pathlib
import sys
from typing import Final

import msgspec

from functions.cli import training
from functions.cli.errors import CliError

OUT: Final = pathlib.Path("var/models")


class Told(msgspec.Struct, frozen=True):
    """Hold what is shown of a manifest, over features or texts."""

    name: str
    version: str
    metrics: dict[str, float]


def register(parser: argparse.ArgumentParser) -> None:
    """Add the verb's arguments."""
    training.register(parser)
    parser.add_argument(
        "--out", type=pathlib.Path, metavar="FOLDER", help=f"folder the model is written to (default: {OUT}/NAME)"
    )
    parser.add_argument(
        "--register", type=pathlib.Path, metavar="REGISTRY", help="also keep it there, as a version that can be served"
    )


def run(args: argparse.Namespace) -> int:
    """Train, write the model, and show the figures its manifest has."""
    from functions.adapters.onnx import PROMOTED  # noqa: PLC0415 - only a model that was trained pays for it

    module = training.find(args.name)
    out = args.out or OUT / args.name
    module.train(args.data, out)
    manifest = msgspec.json.decode(next(out.glob("*manifest.json")).read_bytes(), type=Told)
    sys.stdout.write(f"wrote {manifest.name} {manifest.version} to {out}\n")
    training.table([("figure", "value"), *((name, f"{value:.4f}") for name, value in manifest.metrics.items())])
    if args.register:
        sys.stdout.write(f"registered as {_registered(out, args.register)}\n")
    if manifest.metrics.get(PROMOTED) == 0.0:
        sys.stdout.write("not promoted: served, it only stands beside as a shadow\n")
    return 0


def _registered(out: pathlib.Path, registry: pathlib.Path) -> pathlib.Path:
    from functions.adapters.model_registry import register as keep  # noqa: PLC0415 - see above
    from functions.adapters.onnx import ModelError  # noqa: PLC0415 - see above

    try:
        return keep(out, registry)
    except ModelError as error:
        raise CliError(str(error)) from error
