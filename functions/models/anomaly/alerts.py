"""Choose a threshold by an alert budget, and judge alerts event by event; no score is adjusted after the fact."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from functions.adapters.onnx import PROMOTED
from functions.domain.evaluation import Line
from functions.domain.market import Float64
from functions.models.anomaly.rows import Rows, Windows

ALERT_BUDGET: Final = 0.005
"""Share of validation rows that may be flagged: with 5 s bars about four an hour and instrument."""


@dataclass(frozen=True, slots=True)
class Tally:
    """Count what alerts met.

    Attributes:
        rows: Rows judged.
        flagged: Rows at or above the threshold.
        events: Labelled events among the rows.
        seen: Events of which at least one row was flagged.
        alerts: Runs of neighbouring flagged rows of one instrument and interval.
        met: Alerts of which at least one row meets an event.
    """

    rows: int
    flagged: int
    events: int
    seen: int
    alerts: int
    met: int

    def __add__(self, other: "Tally") -> "Tally":
        """Add what another test counted."""
        return Tally(
            rows=self.rows + other.rows,
            flagged=self.flagged + other.flagged,
            events=self.events + other.events,
            seen=self.seen + other.seen,
            alerts=self.alerts + other.alerts,
            met=self.met + other.met,
        )

    @property
    def alert_share(self) -> float:
        """Give the share of rows flagged; 0 without rows."""
        return self.flagged / max(self.rows, 1)

    @property
    def recall(self) -> float:
        """Give the share of events seen; 0 without events."""
        return self.seen / max(self.events, 1)

    @property
    def precision(self) -> float:
        """Give the share of alerts that met an event; 0 without alerts."""
        return self.met / max(self.alerts, 1)

    @property
    def f1(self) -> float:
        """Give the harmonic mean of precision and recall, by event; 0 when both are."""
        return 2 * self.precision * self.recall / max(self.precision + self.recall, np.finfo(np.float64).tiny)


def choose_threshold(scores: Float64, budget: float = ALERT_BUDGET) -> float:
    """Take the score that keeps to a budget, half way to the next lower one so that no row stands on it.

    Args:
        scores: Scores (n,) of validation time, at least one.
        budget: Share of them that may be at or above the threshold.

    Returns:
        The threshold, rounded to 6 digits; where all scores are the same it is above them.

    >>> choose_threshold(np.arange(10.0), budget=0.2), choose_threshold(np.zeros(10))
    (7.5, 0.5)
    """
    ranked = np.unique(scores)
    ranked = np.append(ranked, ranked[-1] + 1.0)
    at = max(int(np.searchsorted(ranked, np.quantile(scores, 1.0 - budget))), 1)
    return round(float((ranked[at - 1] + ranked[at]) / 2), 6)


def tally(scores: Float64, threshold: float, rows: Rows) -> Tally:
    """Compare the alerts that scores (n,) give at a threshold with the events of n rows."""
    flagged = scores >= threshold
    labelled = rows.event >= 0
    run_of, alerts = _runs(rows, flagged)
    return Tally(
        rows=len(scores),
        flagged=int(flagged.sum()),
        events=len(np.unique(rows.event[labelled])),
        seen=len(np.unique(rows.event[flagged & labelled])),
        alerts=alerts,
        met=len(np.unique(run_of[flagged & labelled])),
    )


def area(scores: Float64, rows: Rows) -> float:
    """Compute the area under the ROC curve over rows: the chance that a row of an event outscores another; ties half.

    Returns:
        The area; 0.5 when every row is of an event, or none is.

    Source: Hanley, McNeil, "The meaning and use of the area under a ROC curve", Radiology 143 (1982).
    """
    inside, outside = scores[rows.event >= 0], np.sort(scores[rows.event < 0])
    pairs = len(inside) * len(outside)
    if not pairs:
        return 0.5
    below = np.searchsorted(outside, inside, "left") + np.searchsorted(outside, inside, "right")
    return float(below.sum()) / (2 * pairs)


def judge(part: str, scorer: str, before: Float64, after: Float64, windows: Windows) -> Line:
    """Judge one scorer on the test window at its own threshold, which its validation scores give.

    Args:
        part: What the windows are of.
        scorer: Whose scores these are.
        before: Scores of the validation rows.
        after: Scores of the test rows.
        windows: The rows.
    """
    found = tally(after, choose_threshold(before), windows.test)
    figures = (("auc", area(after, windows.test)), *figures_of(found))
    return Line(part, scorer, figures)


def figures_of(found: Tally) -> tuple[tuple[str, float], ...]:
    """Name the figures of a tally."""
    return (
        ("alert_share", found.alert_share),
        ("event_recall", found.recall),
        ("alert_precision", found.precision),
        ("event_f1", found.f1),
    )


def metrics_of(lines: Sequence[Line]) -> dict[str, float]:
    """Name every line's figures for a manifest: the first line is the model's, others' names stand before theirs.

    `promoted` is 1 where the model's events beat those of the same model untrained, and those of a random score.
    """
    event = {line.scorer: dict(line.figures)["event_f1"] for line in lines}
    beaten = event[lines[0].scorer] > max(event["untrained"], event["random"])
    prefixes = ["", *(f"{line.scorer}_" for line in lines[1:])]
    return {
        prefix + name: round(value, 4)
        for prefix, line in zip(prefixes, lines, strict=True)
        for name, value in line.figures
    } | {PROMOTED: float(beaten)}


def _runs(rows: Rows, flagged: NDArray[np.bool_]) -> tuple[NDArray[np.int64], int]:
    """Number the runs of neighbouring flagged rows of one instrument and interval, from 1, and count them."""
    same = (np.diff(rows.instrument) == 0) & (np.diff(rows.second) == rows.interval_s[1:])
    begins = flagged.copy()
    begins[1:] &= ~(flagged[:-1] & same)
    return np.cumsum(begins), int(begins.sum())
