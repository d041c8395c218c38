"""Say how signals like one fared before it: which are alike, which outcomes were known, and what they sum up to.

Only signals whose last horizon had passed by then count. An outcome is told when that horizon has passed, so the answer
is the same whenever it is asked; and quick exits, which are known early, are not preferred to slow ones.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from statistics import fmean, median
from typing import Final, NamedTuple

from functions.domain.decisions import Action, ConfidenceKind, Signal
from functions.domain.market import NS_PER_S
from functions.domain.outcomes import HORIZON_MAX
from functions.domain.sizing import lower_bound

CONFIDENCE_WITHIN: Final = 10.0
"""Percentage points to each side that still count as a neighbouring confidence: a fifth of the scale together."""
PAST_MAX: Final = 1000
"""Past signals that are looked at, the newest: beyond them a rate hardly moves."""
BOUND_Z: Final = 1.959964
"""Standard deviations of a two-sided interval at 95 %."""


@dataclass(frozen=True, slots=True)
class Likeness:
    """Say which past signals are like one.

    Args:
        strategy: Who gave them.
        instrument_id: Of what.
        interval_s: On bars of how many seconds.
        action: What they asked for, BUY or SELL.
        regime: What the model `regime` said; empty where it said nothing.
        confidence_kind: What their confidence means.
        confidence_low: Least confidence, percent.
        confidence_high: Greatest confidence, percent.
        started_by_ns: Latest start of their bars, UTC nanoseconds, so that their last horizon had passed.
    """

    strategy: str
    instrument_id: str
    interval_s: int
    action: Action
    regime: str
    confidence_kind: ConfidenceKind
    confidence_low: float
    confidence_high: float
    started_by_ns: int


class Past(NamedTuple):
    """Hold what came of one past signal: log return in the direction of its action, before costs, and bars held."""

    gain: float
    bars: int


@dataclass(frozen=True, slots=True)
class History:
    """Sum up what came of signals; figures are None without any.

    Args:
        count: Signals whose outcome was known.
        hits: Those that gained.
        hit_rate: Share of those.
        hit_rate_low: Lower end of its 95 % interval (Wilson 1927), which takes signals for independent.
        hit_rate_high: Its upper end.
        mean_return: Mean log return in the direction of the action, before costs.
        median_bars: Median of the bars held.
    """

    count: int
    hits: int = 0
    hit_rate: float | None = None
    hit_rate_low: float | None = None
    hit_rate_high: float | None = None
    mean_return: float | None = None
    median_bars: float | None = None


def likeness_of(signal: Signal, *, within: float = CONFIDENCE_WITHIN) -> Likeness | None:
    """Say what is like a signal; of one that a gate stopped, what is like the decision it stopped.

    Args:
        signal: The signal that is asked about.
        within: Percentage points of confidence to each side.

    Returns:
        None for a signal that wanted nothing: HOLD has no outcome.
    """
    action = signal.evidence.wanted if signal.action is Action.HOLD else signal.action
    if action is Action.HOLD:
        return None
    return Likeness(
        strategy=signal.strategy,
        instrument_id=signal.instrument_id,
        interval_s=signal.interval_s,
        action=action,
        regime=signal.evidence.predictions.regime,
        confidence_kind=signal.evidence.confidence_kind,
        confidence_low=signal.confidence - within,
        confidence_high=signal.confidence + within,
        started_by_ns=signal.as_of_ns - (HORIZON_MAX + 1) * signal.interval_s * NS_PER_S,
    )


def sum_up(past: Sequence[Past]) -> History:
    """Sum up outcomes.

    Source:
        Wilson, J. American Statistical Association 22 (1927) for the interval.

    >>> sum_up([Past(0.02, 3), Past(-0.01, 24)]).hit_rate
    0.5
    """
    count = len(past)
    if not count:
        return History(0)
    hits = sum(one.gain > 0 for one in past)
    return History(
        count=count,
        hits=hits,
        hit_rate=hits / count,
        hit_rate_low=lower_bound(hits / count, count, BOUND_Z),
        hit_rate_high=1.0 - lower_bound(1.0 - hits / count, count, BOUND_Z),
        mean_return=fmean(one.gain for one in past),
        median_bars=float(median(one.bars for one in past)),
    )
