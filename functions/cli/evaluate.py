"""Measure a model beside its baselines, on data it was not trained on."""

import argparse
import itertools
import json
import sys

from functions.cli import training
from functions.domain.evaluation import Line


def register(parser: argparse.ArgumentParser) -> None:
    """Add the verb's arguments."""
    training.register(parser)


def run(args: argparse.Namespace) -> int:
    """Measure and show one table for each part."""
    lines = training.find(args.name).evaluate(args.data)
    if args.json:
        told = ({"part": one.part, "scorer": one.scorer, "figures": dict(one.figures)} for one in lines)
        sys.stdout.writelines(json.dumps(one) + "\n" for one in told)
        return 0
    for part, rows in itertools.groupby(lines, lambda line: line.part):
        _show(part, tuple(rows))
    return 0


def _show(part: str, rows: tuple[Line, ...]) -> None:
    sys.stdout.write(f"{part}\n")
    header = ("  ", *(name for name, _ in rows[0].figures))
    training.table([header, *((f"  {one.scorer}", *(f"{value:.4f}" for _, value in one.figures)) for one in rows)])
    sys.stdout.write("\n")
