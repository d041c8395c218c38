"""Keep score of forecasts as they come true: calibration, coverage, errors and skill, in a state of fixed size.

A tally weighs outcomes by recency: each new one weighs a little more than the one before, so that one of `half_life`
outcomes ago counts half as much. Sums run from left to right, so equal outcomes give equal bytes. Outcomes must not
overlap (`domain.outcomes` sees to that): all sampling errors here take them for independent. Instruments of one shard
do move together, so the errors are rather too small than too large.
"""

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final, TypeAlias

from functions.domain.evaluation import Murphy

BINS: Final = 10
"""Bins of equal width for probabilities."""
NOMINAL: Final = (0.80, 0.95)
"""Levels of the intervals that forecasts come with."""
EVEN: Final = 0.5
"""Probability from which on a forecast says `up`."""

UNIT_MAX: Final = 1e9
"""Weight at which all sums are scaled down again, so that none grows without end."""

SUMS: Final = (
    "weight",
    "squares",  # of weights
    "brier",
    "up_right",  # said up, went up
    "up_wrong",
    "down_right",
    "down_wrong",
    "absolute",  # errors of the expected return
    "square",
    "naive_absolute",  # errors of expecting no change
    "aimed",  # outcomes in which neither the expected return nor the realised one was 0
    "hit",  # those in which both had one sign
    "inside_80",
    "inside_95",
)
BIN: Final = ("weight", "forecast", "observed")


@dataclass(frozen=True, slots=True)
class Resolved:
    """Hold one forecast beside what came of it.

    Args:
        up: Probability that was given to a return above 0, from 0 to 1.
        expected: Log return that was expected.
        low_80: Lower bound of the interval at 80 %, log return.
        high_80: Upper bound.
        low_95: Lower bound of the interval at 95 %.
        high_95: Upper bound.
        actual: Log return that was realised.
    """

    up: float
    expected: float
    low_80: float
    high_80: float
    low_95: float
    high_95: float
    actual: float


@dataclass(slots=True)
class Tally:
    """Remember the score of one model, version, interval and horizon.

    Args:
        followed: Forecasts whose outcome was or is waited for, since the start.
        flagged: Scored rows at or above the model's threshold, since the start.
        resolved: Outcomes, since the start.
        missing: Forecasts whose bar at the horizon never came, since the start.
        last_ns: When the newest of all that was known, UTC nanoseconds.
        shadow: Whether the newest forecast only stood beside the one that decides.
        unit: Weight of the next outcome.
        sums: Recency-weighted sums, in the order of SUMS.
        bins: The same by bin of probability, each in the order of BIN.
    """

    followed: int = 0
    flagged: int = 0
    resolved: int = 0
    missing: int = 0
    last_ns: int = 0
    shadow: bool = False
    unit: float = 1.0
    sums: list[float] = field(default_factory=lambda: [0.0] * len(SUMS))
    bins: list[float] = field(default_factory=lambda: [0.0] * (BINS * len(BIN)))


@dataclass(frozen=True, slots=True)
class Slo:
    """Say what a calibrated forecast is held to.

    Args:
        outcomes_min: Effective outcomes below which nothing is said.
        tolerance: Distance from the promise that is no breach, as a share: 0.03 is 3 points.
        deviations: Standard errors allowed on top; three, for the question is asked again with every outcome.
    """

    outcomes_min: float = 100.0
    tolerance: float = 0.03
    deviations: float = 3.0

    def __post_init__(self) -> None:
        """Refuse to hold a forecast to anything before its first outcome, or to less than nothing."""
        if self.outcomes_min <= 0 or min(self.tolerance, self.deviations) < 0:
            text = "the least outcomes of an SLO are above 0, and its tolerance and deviations are not negative"
            raise ValueError(text)


@dataclass(frozen=True, slots=True)
class ReliabilityBin:
    """Hold one bin of a reliability curve: mean forecast, share that happened, and effective outcomes."""

    forecast: float
    observed: float
    count: float


def add(tally: Tally, outcome: Resolved, *, half_life: float) -> None:
    """Count one outcome; those before it weigh less than it.

    >>> tally = Tally()
    >>> add(tally, Resolved(0.7, 0.01, -0.02, 0.04, -0.05, 0.07, 0.02), half_life=256.0)
    >>> round(brier(tally), 2), figures(tally)["accuracy"], effective(tally)
    (0.09, 1.0, 1.0)
    """
    unit, went_up = tally.unit, outcome.actual > 0.0
    for place, new in enumerate(_added(outcome, went_up=went_up)):
        tally.sums[place] += unit * new
    tally.sums[1] += unit * unit
    at = min(int(outcome.up * BINS), BINS - 1) * len(BIN)
    for place, new in enumerate((1.0, outcome.up, float(went_up)), start=at):
        tally.bins[place] += unit * new
    tally.unit = unit * 2.0 ** (1.0 / half_life)
    if tally.unit > UNIT_MAX:
        _rescale(tally)
    tally.resolved += 1


def _rescale(tally: Tally) -> None:
    """Bring the weight of the next outcome back to 1; no figure changes but by rounding."""
    unit = tally.unit
    tally.sums = [one / unit for one in tally.sums]
    tally.sums[1] /= unit
    tally.bins = [one / unit for one in tally.bins]
    tally.unit = 1.0


def _added(outcome: Resolved, *, went_up: bool) -> tuple[float, ...]:
    said_up = outcome.up >= EVEN
    error = outcome.actual - outcome.expected
    hits = outcome.actual * outcome.expected
    return (
        1.0,
        0.0,
        (outcome.up - went_up) ** 2,
        float(said_up and went_up),
        float(said_up and not went_up),
        float(not said_up and not went_up),
        float(not said_up and went_up),
        abs(error),
        error * error,
        abs(outcome.actual),
        float(hits != 0.0),
        float(hits > 0.0),
        float(outcome.low_80 <= outcome.actual <= outcome.high_80),
        float(outcome.low_95 <= outcome.actual <= outcome.high_95),
    )


def effective(tally: Tally) -> float:
    """Count the outcomes of equal weight that would be known as well (Kish 1965); 0 before the first."""
    weight, squares = tally.sums[0], tally.sums[1]
    return weight * weight / squares if squares else 0.0


def effective_max(half_life: float) -> float:
    """Give what `effective` grows to and never passes, however many outcomes come.

    >>> round(effective_max(256.0), 1)
    738.7
    """
    return 1.0 / math.tanh(math.log(2.0) / (2.0 * half_life))  # (1 + kept) / (1 - kept), kept = 2^(-1 / half_life)


def brier(tally: Tally) -> float:
    """Give the recent Brier score of the probability of going up; 0 before the first outcome."""
    return tally.sums[2] / tally.sums[0] if tally.sums[0] else 0.0


def curve(tally: Tally) -> tuple[ReliabilityBin, ...]:
    """Give the reliability curve, lowest bin first, bins without outcomes left out."""
    scale = effective(tally) / tally.sums[0] if tally.sums[0] else 0.0
    found = []
    for at in range(0, len(tally.bins), len(BIN)):
        weight, forecast, observed = tally.bins[at : at + len(BIN)]
        if weight > 0.0:
            found.append(ReliabilityBin(forecast / weight, observed / weight, weight * scale))
    return tuple(found)


def decompose(tally: Tally) -> Murphy:
    """Take the recent Brier score apart; the parts sum to it, `within` included. All 0 before the first outcome.

    Source:
        Murphy, J. Applied Meteorology 12 (1973).
    """
    bins, total = curve(tally), effective(tally)
    if not bins:
        return Murphy(0.0, 0.0, 0.0, 0.0)
    climate = sum(one.observed * one.count for one in bins) / total
    reliability = sum(one.count * (one.forecast - one.observed) ** 2 for one in bins) / total
    resolution = sum(one.count * (one.observed - climate) ** 2 for one in bins) / total
    uncertainty = climate * (1.0 - climate)
    return Murphy(reliability, resolution, uncertainty, brier(tally) - (reliability - resolution + uncertainty))


def skill(tally: Tally, *, outcomes_min: float) -> float | None:
    """Say how much better than the base rate the probabilities were of late: the Brier skill score, clipped.

    The base rate is that of the same outcomes, which no forecaster knew: the score errs on the careful side.

    Returns:
        From 0, no better, to 1; None with fewer than `outcomes_min` effective outcomes. 0 where all went one way.
    """
    if effective(tally) < outcomes_min:
        return None
    if {one.observed for one in curve(tally)} in (
        {0.0},
        {1.0},
    ):  # all went one way; sums of shares may miss it by a bit
        return 0.0
    uncertainty = decompose(tally).uncertainty
    return min(max(1.0 - brier(tally) / uncertainty, 0.0), 1.0) if uncertainty > 0.0 else 0.0


FIGURES: Final = (
    "accuracy",
    "precision",
    "recall",
    "f1_score",
    "false_positive_rate",
    "hit_rate",
    "mae",
    "mae_naive",
    "rmse",
    "brier",
    "coverage_80",
    "coverage_95",
    "reliability",
    "resolution",
    "uncertainty",
)
"""Names of the figures of a tally, in the order in which they are told."""

Figures: TypeAlias = Mapping[str, float | None]
"""Figures by name; None where a figure would divide by nothing."""


def figures(tally: Tally) -> Figures:
    """Give the recent figures of a model: rates as shares, errors as log returns."""
    held = dict(zip(SUMS, tally.sums, strict=True))
    said_up = held["up_right"] + held["up_wrong"]
    went_up = held["up_right"] + held["down_wrong"]
    went_down = held["up_wrong"] + held["down_right"]
    square = _share(held["square"], held["weight"])
    parts = decompose(tally)
    return {
        "accuracy": _share(held["up_right"] + held["down_right"], held["weight"]),
        "precision": _share(held["up_right"], said_up),
        "recall": _share(held["up_right"], went_up),
        "f1_score": _share(2.0 * held["up_right"], said_up + went_up),
        "false_positive_rate": _share(held["up_wrong"], went_down),
        "hit_rate": _share(held["hit"], held["aimed"]),
        "mae": _share(held["absolute"], held["weight"]),
        "mae_naive": _share(held["naive_absolute"], held["weight"]),
        "rmse": None if square is None else math.sqrt(square),
        "brier": _share(held["brier"], held["weight"]),
        "coverage_80": _share(held["inside_80"], held["weight"]),
        "coverage_95": _share(held["inside_95"], held["weight"]),
        "reliability": parts.reliability if tally.resolved else None,
        "resolution": parts.resolution if tally.resolved else None,
        "uncertainty": parts.uncertainty if tally.resolved else None,
    }


def _share(part: float, whole: float) -> float | None:
    return part / whole if whole else None


def breach(tally: Tally, slo: Slo) -> str:
    """Say how the recent outcomes break the promise of calibration; empty while they keep it or are too few.

    Two promises are looked at: intervals cover what they say, and probabilities mean what they say. The expected
    calibration error is above 0 even for a perfect forecaster (each bin's share is a sample), so it is held to what
    chance would give such a forecaster, and the tolerance on top.
    """
    count = effective(tally)
    if count < slo.outcomes_min:
        return ""
    told = figures(tally)
    for level, name in zip(NOMINAL, ("coverage_80", "coverage_95"), strict=True):
        share = told[name] or 0.0
        allowed = slo.tolerance + slo.deviations * math.sqrt(level * (1.0 - level) / count)
        if abs(share - level) > allowed:
            return (
                f"intervals at {100 * level:.0f} % held {100 * share:.1f} % of {count:.0f} outcomes, "
                f"{100 * allowed:.1f} points off are allowed"
            )
    error, allowed = _calibration(tally, slo)
    if error > allowed:
        found = f"probabilities were {100 * error:.1f} points off over {count:.0f} outcomes"
        return f"{found}, {100 * allowed:.1f} are allowed"
    return ""


def _calibration(tally: Tally, slo: Slo) -> tuple[float, float]:
    """Give the expected calibration error and what is allowed: a perfect bin's error is half-normal."""
    bins, total = curve(tally), effective(tally)
    error = sum(one.count * abs(one.forecast - one.observed) for one in bins) / total
    spreads = [(one.count / total) ** 2 * one.forecast * (1.0 - one.forecast) / one.count for one in bins]
    chance = math.sqrt(2.0 / math.pi) * sum(map(math.sqrt, spreads))
    deviation = math.sqrt((1.0 - 2.0 / math.pi) * sum(spreads))
    return error, slo.tolerance + chance + slo.deviations * deviation
