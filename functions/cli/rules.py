"""Check a file of signal rules: every mistake with its line and column, or what the rules need and say."""

import argparse
import json
import pathlib
import sys

from functions.adapters.rulebooks import SHIPPED
from functions.cli.errors import UsageError
from functions.domain.indicators.registry import NAMES
from functions.domain.strategy import Strategy
from functions.handlers.infer.main import Settings as InferSettings
from functions.wire.rulebook import check_strategy
from functions.wire.rulebook_words import Problem

_FAILED = 1


def register(parser: argparse.ArgumentParser) -> None:
    """Add the verb's arguments."""
    parser.add_argument("what", choices=("check",), help="check a file of rules")
    parser.add_argument("file", nargs="?", type=pathlib.Path, default=SHIPPED, help="the file (default: the shipped)")


def run(args: argparse.Namespace) -> int:
    """Check the rules; 1 when they have mistakes."""
    try:
        data = args.file.read_bytes()
    except OSError as error:
        msg = f"{args.file} cannot be read: {error.strerror}"
        raise UsageError(msg) from error
    strategy, problems = check_strategy(data, features=NAMES)
    if args.json:
        sys.stdout.write(json.dumps(_as_json(strategy, problems)) + "\n")
    elif strategy is None:
        sys.stdout.writelines(f"{one.at(args.file)}\n" for one in problems)
    else:
        sys.stdout.write(_summary(args.file, strategy))
    return 0 if strategy else _FAILED


def _summary(file: pathlib.Path, strategy: Strategy) -> str:
    counts = f"{len(strategy.buy)} rules to buy, {len(strategy.sell)} to sell, {len(strategy.vetoes)} vetoes"
    lines = [
        f"{file}: strategy {strategy.name}: {counts}",
        f"features  {', '.join(strategy.features)}",
        f"models    {', '.join(strategy.models) or 'none'}",
        f"ensemble  {', '.join(strategy.ensemble.members) or 'none'}",
    ]
    if stay := _left_behind(strategy):
        lines.append(f"note      {', '.join(stay)} must travel: add to TICKLOOM_INFER_FEATURES of `infer`")
    return "".join(f"{line}\n" for line in lines)


def _left_behind(strategy: Strategy) -> tuple[str, ...]:
    """Name features that `infer` does not send on unless it is told to: rules on them would never speak."""
    travel = InferSettings().infer_features
    return tuple(name for name in strategy.features if name not in travel)


def _as_json(strategy: Strategy | None, problems: tuple[Problem, ...]) -> dict[str, object]:
    told: dict[str, object] = {
        "problems": [{"line": one.line, "column": one.column, "text": one.text} for one in problems]
    }
    if strategy is None:
        return told
    return told | {
        "strategy": strategy.name,
        "features": strategy.features,
        "models": strategy.models,
        "ensemble": strategy.ensemble.members,
        "left_behind": _left_behind(strategy),
    }
