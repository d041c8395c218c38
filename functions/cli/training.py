"""Find a model's training module by the model's name, and lay figures out; what `train` and `evaluate` both need."""

import argparse
import difflib
import importlib
import pathlib
import sys
from collections.abc import Sequence
from typing import Final, Protocol

from functions.cli.errors import CliError, UsageError
from functions.domain.evaluation import Line

FOLDER: Final = pathlib.Path(__file__).parents[1] / "models"
_OURS: Final = "functions"


class Trainer(Protocol):
    """What a model's training module offers."""

    def train(self, data: pathlib.Path | None, out: pathlib.Path) -> None:
        """Train on the model's own data or that at a path, and write the model to a folder."""

    def evaluate(self, data: pathlib.Path | None) -> tuple[Line, ...]:
        """Measure beside baselines, on data of its own or at a path: the shipped file, or one fitted to each series."""


def register(parser: argparse.ArgumentParser) -> None:
    """Add the arguments both verbs take."""
    parser.add_argument("name", metavar="NAME", help=f"the model: {', '.join(names())}")
    parser.add_argument(
        "--data",
        type=pathlib.Path,
        metavar="PATH",
        help="data of yours; a forecast reads a CSV of one instrument's bars, oldest first, with a column `close` "
        "(default: what the model's card says)",
    )


def names() -> tuple[str, ...]:
    """List the models that can be trained."""
    return tuple(sorted(path.parent.name for path in FOLDER.glob("*/train.py")))


def find(name: str) -> Trainer:
    """Import the training module of a model.

    Raises:
        UsageError: There is no such model, or it cannot be trained from here.
        CliError: A library of the extra `train` is missing.
    """
    if name not in names():
        near = difflib.get_close_matches(name, names(), n=1)
        guess = f"did you mean `{near[0]}`? " if near else ""
        msg = f"there is no model `{name}`; {guess}there are {', '.join(names())}"
        raise UsageError(msg)
    try:
        module: Trainer = importlib.import_module(f"{_OURS}.models.{name}.train")
    except ModuleNotFoundError as error:
        if (error.name or "").partition(".")[0] in {_OURS, ""}:
            raise
        msg = f"{error.name} is missing: install the extra `train`, as in `pip install 'tickloom[train]'`"
        raise CliError(msg) from error
    if not all(hasattr(module, verb) for verb in ("train", "evaluate")):
        msg = f"model `{name}` has a training script of its own: python -m {_OURS}.models.{name}.train"
        raise UsageError(msg)
    return module


def table(rows: Sequence[Sequence[str]]) -> None:
    """Print rows, the first being the header: names to the left, figures to the right."""
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    for name, *cells in rows:
        figures = (cell.rjust(width) for cell, width in zip(cells, widths[1:], strict=True))
        sys.stdout.write("  ".join((name.ljust(widths[0]), *figures)) + "\n")
