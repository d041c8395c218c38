"""Show how models and signals do, as far as outcomes say, and what has drifted, from the desk broker's log."""

import argparse
import json
import pathlib
import sys
import time
from collections.abc import Iterable, Iterator
from math import fsum
from typing import Final

from functions.cli.counting import at_least
from functions.cli.events import logs
from functions.domain.drift import UP
from functions.domain.market import NS_PER_S
from functions.domain.outcomes import Exit, Outcome
from functions.domain.performance import DriftDetected, ModelPerformance, Performance
from functions.domain.scorebook import UNTIMED
from functions.local.log import find
from functions.wire.codecs.performance import (
    DRIFT_DETECTED,
    MODEL_PERFORMANCE,
    OUTCOME,
    decode_drift,
    decode_model_performance,
    decode_outcome,
)
from functions.wire.envelope import Event
from functions.wire.rows import interval_text, render

REPORTS_MAX: Final = 64
"""Reports looked at: the newest so many, and the last of each shard."""
DRIFTS_MAX: Final = 4096
"""Drifts looked at for those of one model: the newest so many."""
OUTCOMES_MAX: Final = 1024
"""Outcomes of signals looked at: the newest so many."""
CURVE_WIDTH: Final = 40
"""Letters that stand for a share of 1 in a reliability curve."""


def register(parser: argparse.ArgumentParser) -> None:
    """Add the verb's arguments."""
    parser.add_argument("--folder", type=pathlib.Path, default=pathlib.Path("var/demo"), help="folder of the platform")
    parser.add_argument("--model", help="only this model, with its reliability curves")
    parser.add_argument("--drifts", type=at_least(1), default=10, help="newest drifts to show (default 10)")


def run(args: argparse.Namespace) -> int:
    """Show the newest report of each shard, how signals ended, then drifts."""
    (path,) = logs(args.folder, "desk")
    drifted = _events(path, DRIFT_DETECTED, DRIFTS_MAX if args.model else args.drifts)
    drifts = [event for event in drifted if args.model in {None, _drift(event).name}][-args.drifts :]
    settled = _events(path, OUTCOME, OUTCOMES_MAX)
    newest = _newest([*_events(path, MODEL_PERFORMANCE, REPORTS_MAX), *_last(path, MODEL_PERFORMANCE)])
    if args.json:
        told = [json.loads(row.line) for event in (*newest, *settled, *drifts) for row in render(event)]
        sys.stdout.write(json.dumps([one for one in told if args.model in {None, one.get("model"), one.get("name")}]))
        sys.stdout.write("\n")
        return 0
    ended = [] if args.model else [decode_outcome(event.data or b"") for event in settled]
    lines = [
        *_report_lines(map(_report, newest), args.model),
        "",
        *_outcome_lines(ended),
        *_drift_lines(map(_drift, drifts)),
    ]
    sys.stdout.writelines(f"{line}\n" for line in lines)
    return 0


def _events(path: pathlib.Path, kind: str, newest: int) -> list[Event]:
    """Read the newest events of a type, oldest first."""
    return [event for _, _, event in find(path, where="type = ?", values=(kind,), newest=newest)]


def _last(path: pathlib.Path, kind: str) -> list[Event]:
    """Read the last event of a type from each source: one that is quiet has none among the newest of all."""
    last = "offset IN (SELECT max(offset) FROM events WHERE type = ? GROUP BY source)"
    return [event for _, _, event in find(path, where=last, values=(kind,))]


def _newest(reports: Iterable[Event]) -> list[Event]:
    """Keep the newest report of each shard."""
    found: dict[str, Event] = {}
    for event in reports:
        had = found.get(event.source)
        if had is None or (event.time_ns or 0) >= (had.time_ns or 0):
            found[event.source] = event
    return [found[source] for source in sorted(found)]


def _report(event: Event) -> ModelPerformance:
    return decode_model_performance(event.data or b"")


def _drift(event: Event) -> DriftDetected:
    return decode_drift(event.data or b"")


def _report_lines(reports: Iterable[ModelPerformance], model: str | None) -> Iterator[str]:
    told = list(reports)
    if not told:
        yield "no model has been reported on yet"
    for report in told:
        yield f"{report.shard} as of {_stamp(report.as_of_ns)}"
        titles = ("outcomes", "missing", "accuracy", "brier", "skill", "in 80 %", "in 95 %", "mae/naive")
        yield f"{'model':<34} {'role':<8} {'bars':>8} {'said':>9} " + " ".join(f"{one:>9}" for one in titles)
        for entry in report.entries:
            if model in {None, entry.name}:
                yield _entry_line(entry)
                yield from (f"    broken: {text}" for text in (entry.broken,) if text)
                yield from _curve_lines(entry) if model else ()


def _entry_line(entry: Performance) -> str:
    figures = entry.figures
    naive, mae = figures.get("mae_naive"), figures.get("mae")
    ratio = mae / naive if mae is not None and naive else None
    shares = [figures.get("accuracy"), figures.get("brier"), entry.skill, figures.get("coverage_80")]
    cells = [_figure(one) for one in (*shares, figures.get("coverage_95"), ratio)]
    counts = [f"{one:>9,}" for one in (entry.outcomes_count, entry.missing_count)]
    horizon = "scores" if entry.horizon_bars == UNTIMED else f"{entry.horizon_bars} x {interval_text(entry.interval_s)}"
    role = "shadow" if entry.shadow else "decides"
    name = f"{entry.name} {entry.version}"
    said = f"{entry.predictions_count:>9,}"
    return f"{name:<34} {role:<8} {horizon:>8} {said} {' '.join((*counts, *cells))}"


def _curve_lines(entry: Performance) -> Iterator[str]:
    """Draw a reliability curve: what was said, what happened, and a bar of the latter with a mark at the former."""
    for point in entry.curve:
        drawn = "#" * round(point.observed * CURVE_WIDTH)
        mark = min(round(point.forecast * CURVE_WIDTH), CURVE_WIDTH - 1)
        padded = drawn.ljust(CURVE_WIDTH, ".")
        row = f"{padded[:mark]}|{padded[mark + 1 :]}"
        yield f"    said {100 * point.forecast:5.1f} %  came {100 * point.observed:5.1f} %  {row} of {point.count:,.0f}"


def _outcome_lines(outcomes: Iterable[Outcome]) -> Iterator[str]:
    """Say of each strategy and interval how its signals ended, and their mean gain before costs."""
    found: dict[tuple[str, int], list[Outcome]] = {}
    for one in outcomes:
        found.setdefault((one.strategy, one.interval_s), []).append(one)
    for (strategy, interval_s), told in sorted(found.items()):
        counts = ", ".join(f"{sum(one.exit is way for one in told)} {way.value}" for way in Exit)
        gains = [one.gain for one in told if one.gain is not None]
        mean = f"mean log return {fsum(gains) / len(gains):+.4%} before costs" if gains else "no gain is known"
        yield f"signals of {strategy} at {interval_text(interval_s)}: {len(told)} ended ({counts}), {mean}"


def _drift_lines(drifts: Iterable[DriftDetected]) -> Iterator[str]:
    told = list(drifts)
    if not told:
        yield "nothing has drifted"
    for one in sorted(told, key=lambda drift: drift.as_of_ns, reverse=True):
        where = one.instrument_id or f"{one.shard}, {one.horizon_bars} bars"
        moved = "up" if one.shift.direction == UP else "down"
        yield (
            f"{_stamp(one.as_of_ns)} {one.watched.value} {one.name} of {where} at {interval_text(one.interval_s)} "
            f"went {moved}: {one.shift.level:.6g}, was {one.shift.reference_mean:.6g} "
            f"+- {one.shift.reference_deviation:.3g}"
        )


def _figure(value: float | None) -> str:
    return f"{'-':>9}" if value is None else f"{value:>9.4f}"


def _stamp(ns: int) -> str:
    return time.strftime("%Y-%m-%d %H:%M:%S", time.gmtime(ns // NS_PER_S))
