"""Decide with what outcomes have shown so far; when a desk takes up what its models have earned is said here.

A scorebook reports when the first bar ends behind an hour, from all rows before it, and its report counts from that
very row on. So a decision rests on earlier outcomes alone, and on the same ones however rows were cut into batches.
"""

from collections import deque
from collections.abc import Sequence
from dataclasses import replace
from typing import Final

import numpy as np

from functions.domain.market import NS_PER_S, FeatureColumns, ModelOutput, PredictionBatch
from functions.domain.outcomes import places_of
from functions.domain.performance import ModelPerformance
from functions.domain.scorebook import Rules, Scorebook, observe
from functions.domain.signals import SCOPES_MAX, Desk, Identify, Told, believe, tell
from functions.domain.standings import standings_of
from functions.domain.strategy import Strategy

BOOKS_MAX: Final = 3
"""Shards whose models are followed, so that a full desk stays below what a host stores; of others nothing is known."""

DESK_RULES: Final = Rules(report_s=3600, drifts=False, tracks_max=16, models_max=4, tallies_max=32)
"""How a desk follows the models it hears: a shard has 8 instruments, and few models; `outcomes` tells of drift."""


def learn(
    desk: Desk, batch: PredictionBatch, strategy: Strategy, *, identify: Identify, rules: Rules = DESK_RULES
) -> tuple[Told, ...]:
    """Fold a batch, row by row: settle, take up standings that are due, decide.

    Args:
        desk: What is remembered; changed in place.
        batch: Scored rows.
        strategy: Whose models are followed, those that forecast and decide; shadows are not.
        identify: Names a signal by its natural key.
        rules: What is followed, and how often standings are taken up; falls are followed where the ensemble votes.

    Returns:
        Signals, and outcomes of earlier signals, in row order.
    """
    reports = deque(_observe(desk, batch, strategy, rules))
    if not reports:
        return tell(desk, batch, strategy, identify=identify)
    reached = _reached(batch.columns, rules.intervals_s)

    def take_up(row: int) -> None:
        while reports and reports[0].as_of_ns < reached[row]:
            _believe(desk, reports.popleft(), strategy)

    told = tell(desk, batch, strategy, identify=identify, before=take_up)
    for report in reports:  # of the end of the tape, or at a row that does not decide
        _believe(desk, report, strategy)
    return told


def _observe(desk: Desk, batch: PredictionBatch, strategy: Strategy, rules: Rules) -> Sequence[ModelPerformance]:
    """Let the shard's scorebook see the batch; the first forecast of a shard opens one."""
    followed = tuple(output for output in batch.outputs if _is_followed(output, strategy))
    book = desk.books.get(batch.shard)
    if book is None:
        if not followed or not len(batch.columns.start_ns) or len(desk.books) >= _books_max(rules):
            return ()
        book = desk.books[batch.shard] = Scorebook(batch.shard)
    told = observe(book, replace(batch, outputs=followed), replace(rules, falls_bars=strategy.ensemble.horizon_bars))
    return [one for one in told if isinstance(one, ModelPerformance)]


def _books_max(rules: Rules) -> int:
    """Say how many shards are followed, so that all of their standings find a place."""
    return min(BOOKS_MAX, SCOPES_MAX // len(rules.intervals_s))


def _is_followed(output: ModelOutput, strategy: Strategy) -> bool:
    if output.shadow or not places_of(output):
        return False
    return output.model in strategy.ensemble.members or output.model in strategy.models


def _reached(columns: FeatureColumns, intervals_s: Sequence[int]) -> list[int]:
    """Give the latest bar end up to each row, of the intervals that are followed; UTC nanoseconds, shape (n,)."""
    ends = columns.start_ns + columns.interval_s.astype(np.int64) * NS_PER_S
    found: list[int] = np.maximum.accumulate(np.where(np.isin(columns.interval_s, intervals_s), ends, 0)).tolist()
    return found


def _believe(desk: Desk, report: ModelPerformance, strategy: Strategy) -> None:
    for interval_s, standings in standings_of(report, strategy).items():
        believe(desk, (report.shard, interval_s), standings, strategy)
