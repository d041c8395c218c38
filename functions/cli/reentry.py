"""Check a file of re-entry rules, or show the matrix it makes: as a table, as JSON, or as a picture."""

import argparse
import json
import pathlib
import sys
from collections.abc import Iterator
from typing import Final

from functions.cli.errors import UsageError
from functions.domain.money import plain
from functions.domain.reentry import ENTERING, NS_PER_MIN, Case, Ending, Matrix, Proximity, Rule
from functions.handlers.reenter.main import SHIPPED
from functions.local.reentry_picture import as_svg
from functions.wire.reentry_rules import check_matrix
from functions.wire.rulebook_words import Problem

_FAILED: Final = 1


def register(parser: argparse.ArgumentParser) -> None:
    """Add the verb's arguments."""
    parser.add_argument("what", choices=("check", "show"), help="check a file of rules, or show what it decides")
    parser.add_argument("file", nargs="?", type=pathlib.Path, default=SHIPPED, help="the file (default: the shipped)")
    parser.add_argument("--svg", type=pathlib.Path, metavar="FILE", help="with show: draw the matrix into this file")


def run(args: argparse.Namespace) -> int:
    """Check or show the rules; 1 when they have mistakes."""
    if args.svg and args.what != "show":
        msg = "--svg draws the matrix: tickloom reentry show [FILE] --svg FILE"
        raise UsageError(msg)
    try:
        data = args.file.read_bytes()
    except OSError as error:
        msg = f"{args.file} cannot be read: {error.strerror}"
        raise UsageError(msg) from error
    matrix, problems = check_matrix(data)
    if matrix is not None and args.svg:
        args.svg.write_text(as_svg(matrix))
    elif args.json:
        sys.stdout.write(json.dumps(_as_json(matrix, problems, cases=args.what == "show")) + "\n")
    elif matrix is None:
        sys.stdout.writelines(f"{one.at(args.file)}\n" for one in problems)
    else:
        shown = _table(matrix) if args.what == "show" else _summary(matrix)
        sys.stdout.writelines(f"{line}\n" for line in (f"{args.file}:", *shown))
    return 0 if matrix else _FAILED


def _summary(matrix: Matrix) -> Iterator[str]:
    axes = matrix.axes
    rules = {rule.line for rule in matrix.rules.values()}
    yield f"rules     {len(rules)} decide all {len(matrix.rules)} cases"
    yield f"held      {', '.join(f'{one.name} {_bars(one.bars_max)}' for one in axes.durations)}"
    yield f"calendar  {axes.before_ns // NS_PER_MIN} min before and {axes.after_ns // NS_PER_MIN} min after an event"
    yield f"follows   {', '.join(_followed(matrix)) or 'none'}"
    yield f"cap       {axes.cap.generation} re-entries in a row, of {plain(axes.cap.notional)} times the first notional"
    yield f"digest    {matrix.digest}"


def _bars(bars_max: int | None) -> str:
    return "without bound" if bars_max is None else f"to {bars_max} bars"


def _followed(matrix: Matrix) -> list[str]:
    return [f"{one} {other}" for one, others in sorted(matrix.follows.items()) for other in sorted(others)]


def _table(matrix: Matrix) -> Iterator[str]:
    """Write a row for each ending and duration, a column for each proximity and generation."""
    columns = [(proximity, generation) for proximity in Proximity for generation in range(matrix.axes.cap.generation)]
    head = ["", *(f"{proximity.value} {generation}" for proximity, generation in columns)]
    rows = [
        [f"{ending.value} {held.name}", *(_cell(matrix.rules[Case(ending, held.name, *one)]) for one in columns)]
        for ending in Ending
        for held in matrix.axes.durations
    ]
    widths = [max(map(len, column)) for column in zip(head, *rows, strict=True)]
    for row in (head, *rows):
        yield "  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip()
    axes = matrix.axes
    yield f"from generation {axes.cap.generation} on: stop :{axes.cap_line}"
    yield "columns: what of the calendar is near, and the ended trade's generation; behind a colon the deciding line"


def _cell(rule: Rule) -> str:
    factor = f" {plain(rule.size_factor)}" if rule.reaction in ENTERING else ""
    return f"{rule.reaction.value}{factor} :{rule.line}"


def _as_json(matrix: Matrix | None, problems: tuple[Problem, ...], *, cases: bool) -> dict[str, object]:
    told: dict[str, object] = {
        "problems": [{"line": one.line, "column": one.column, "text": one.text} for one in problems]
    }
    if matrix is None:
        return told
    told |= {"digest": matrix.digest, "cases_count": len(matrix.rules), "generations": matrix.axes.cap.generation}
    return told | ({"cases": [_case(case, rule) for case, rule in matrix.rules.items()]} if cases else {})


def _case(case: Case, rule: Rule) -> dict[str, object]:
    return {
        "ending": case.ending.value,
        "duration": case.duration,
        "proximity": case.proximity.value,
        "generation": case.generation,
        "reaction": rule.reaction.value,
        "size_factor": plain(rule.size_factor),
        "generation_max": rule.cap.generation,
        "notional_factor_max": plain(rule.cap.notional),
        "line": rule.line,
        "rule": rule.text,
    }
