"""Learn how likely a price falls from how likely a model says it rises: what is not higher need not be lower.

A price that does not move is neither. So of the chance that a model leaves, 1 - up, outcomes say which share went
lower, by a curve of their own; while every price has moved that is all of it. What was said by that curve is scored as
a rise is: as the rise of the mirrored price, whose returns are all negated.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from itertools import pairwise
from typing import Final

import numpy as np

from functions.domain.ensemble import calibrated
from functions.domain.reliability import BINS, Resolved, Slo, Tally, add, breach, effective, skill

PART: Final = ("left", "not_higher", "lower")
REST_MIN: Final = 100.0
"""Least effective outcomes that did not go higher in a point of a curve: as many as a chance needs to count."""


@dataclass(slots=True)
class Falls:
    """Remember what came of the falls of one model, version, interval and horizon.

    Args:
        score: Of the chances given to a lower price, each the chance of a rise of the mirrored price.
        parts: Sums over outcomes that were not higher, the next one's weight being 1, by bin of the chance left: PART
            each.
    """

    score: Tally = field(default_factory=Tally)
    parts: list[float] = field(default_factory=lambda: [0.0] * (BINS * len(PART)))


@dataclass(frozen=True, slots=True)
class Lower:
    """Say how far a model's chances of a lower price may be believed.

    Args:
        curve: (chance left, chance of a lower price) by rising chance left; empty while every price has moved, for then
            they are the same.
        effective_count: Outcomes of equal weight that bear the chances of the curve.
        skill: How much better than the base rate, 0 to 1; None while unknown.
        broken: How the promise of calibration is broken; empty while it is kept or unknown.
    """

    curve: tuple[tuple[float, float], ...]
    effective_count: float
    skill: float | None
    broken: str


@dataclass(frozen=True, slots=True)
class _Point:
    """Hold a point of a curve: mean chance left, the share that fell of what was not higher, and how much that was."""

    left: float
    share: float
    rest: float


def chance_of(falls: Falls, up: float) -> float:
    """Give the chance of a lower price, as outcomes so far have it.

    >>> chance_of(Falls(), 0.25)
    0.75
    """
    return calibrated(1.0 - up, _curve(_points(falls)))


def settle(falls: Falls, outcome: Resolved, said: float, *, half_life: float) -> None:
    """Count one outcome.

    Args:
        falls: What is remembered; changed in place.
        outcome: The forecast beside what came of it.
        said: Chance that `chance_of` gave a lower price when it was made.
        half_life: Outcomes after which one counts half.

    >>> falls = Falls()
    >>> settle(falls, Resolved(0.25, -0.1, -0.2, 0.0, -0.3, 0.1, actual=0.0), 0.75, half_life=256.0)
    >>> chance_of(falls, 0.25)
    0.0
    """
    if outcome.actual <= 0.0:
        left = 1.0 - outcome.up
        at = min(int(left * BINS), BINS - 1) * len(PART)
        for place, one in enumerate((left, 1.0, float(outcome.actual < 0.0)), start=at):
            falls.parts[place] += one
    kept = 0.5 ** (1.0 / half_life)
    falls.parts = [kept * one for one in falls.parts]
    add(falls.score, _mirrored(outcome, said), half_life=half_life)


def lower_of(falls: Falls, slo: Slo) -> Lower:
    """Sum up what came of them.

    A chance is what was left times a share, and both are only known from outcomes: their variances add up. So fewer
    outcomes bear it than were seen, as many only while every price has moved.
    """
    points, count = _points(falls), effective(falls.score)
    borne = min((_behind(count, one) for one in points), default=count)
    return Lower(_curve(points), borne, skill(falls.score, outcomes_min=slo.outcomes_min), breach(falls.score, slo))


def _mirrored(one: Resolved, up: float) -> Resolved:
    return Resolved(up, -one.expected, -one.high_80, -one.low_80, -one.high_95, -one.low_95, -one.actual)


def _points(falls: Falls) -> tuple[_Point, ...]:
    """Join neighbouring bins until enough outcomes stand in each point; none while every price has moved."""
    table = np.reshape(falls.parts, (BINS, len(PART)))
    if np.array_equal(table[:, 1], table[:, 2]):
        return ()
    scale = effective(falls.score) * falls.score.unit / falls.score.sums[0]
    ends, rest = [0], 0.0
    for place, not_higher in enumerate(table[:, 1].tolist(), start=1):
        rest += scale * not_higher
        if rest >= REST_MIN:
            ends.append(place)
            rest = 0.0
    ends = [*(ends[:-1] or ends), BINS]
    sums = [table[first:last].sum(axis=0).tolist() for first, last in pairwise(ends)]
    return tuple(_Point(min(left / rest, 1.0), lower / rest, scale * rest) for left, rest, lower in sums)


def _curve(points: Sequence[_Point]) -> tuple[tuple[float, float], ...]:
    """Draw chances from nothing left to all of it; straight between the points, where the share would be a step."""
    if not points:
        return ()
    drawn = {0.0: 0.0, **{one.left: one.left * one.share for one in points}, 1.0: points[-1].share}
    return tuple(sorted(drawn.items()))


def _behind(count: float, point: _Point) -> float:
    """Count the outcomes that a frequency as sure as this chance would have.

    The chance p = left * share has the variance p (1 - p) / count, and left^2 share (1 - share) / rest on top.
    """
    if point.share == 1.0:
        return count
    left, share = point.left, point.share
    return count / (1.0 + count * left * (1.0 - share) / (point.rest * (1.0 - left * share)))
