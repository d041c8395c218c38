"""Turn scores into promises: intervals that cover what they say, and probabilities that mean it.

All of it is fitted on time after training and before evaluation; nothing here looks at a clock.
"""

import math
from typing import Final

import numpy as np

from functions.domain.market import Float64

NEWTON_STEPS: Final = 50
HALVINGS: Final = 60
"""Times that a step is halved at most: 2^-60 of it moves nothing any more."""
SLACK: Final = 1e-9
"""What rounding may add to a sum of losses that does not rise."""
FLAT: Final = 1e-12
"""Added to the curvature, so that a score without any spread still has a fit: slope 0."""


def decay(n: int, half_life: float) -> Float64:
    """Weigh n rows in time order: the last has 1, one `half_life` rows before it half of that.

    >>> decay(3, 1.0)
    array([0.25, 0.5 , 1.  ])
    """
    return np.asarray(0.5 ** (np.arange(n - 1, -1, -1) / half_life), dtype=np.float64)


def conformal_radius(errors: Float64, level: float, weights: Float64 | None = None) -> float:
    """Find the radius around a forecast that holds the next outcome with at least the stated probability.

    Args:
        errors: Absolute errors (n,) on rows the model has not seen, scaled as the radius will be.
        level: Nominal coverage, between 0 and 1.
        weights: Weight of each row (n,), at most 1 each, the next outcome's being 1; None weighs all alike.

    Returns:
        The smallest error that carries `level` of all weight, the next outcome's counted; infinity where n is too
        small for the level.

    Source:
        Lei et al., J. American Statistical Association 113 (2018); with weights Barber et al., Annals of Statistics
        51 (2023).

    >>> conformal_radius(np.array([3.0, 1.0, 2.0, 4.0]), 0.6)
    3.0
    """
    given = np.ones(len(errors)) if weights is None else weights
    order = np.argsort(errors)
    carried = np.cumsum(given[order])
    needed = level * (float(given.sum()) + 1.0)
    at = int(np.searchsorted(carried, needed - 1e-9))  # a sum of floats may miss its own total by an ulp
    return float(errors[order][at]) if at < len(errors) else math.inf


def platt(scores: Float64, y: Float64) -> tuple[float, float]:
    """Fit p = 1 / (1 + exp(-(a * score + b))) to events, with Platt's targets, by Newton's method with backtracking.

    Args:
        scores: Scores (n,), of any scale; their mean up to a million of their deviations from 0.
        y: What happened (n,), 1 or 0.

    Returns:
        (a, b). Scores that tell nothing give a near 0, and so the share of events for every score.

    Source:
        Platt, Advances in Large Margin Classifiers (1999); Lin, Lin, Weng, Machine Learning 68 (2007).

    >>> a, b = platt(np.array([0.0, 0.0, 0.0, 0.0]), np.array([1.0, 1.0, 1.0, 0.0]))
    >>> round(a, 6), round(b, 6)
    (0.0, 0.769133)
    """
    scale = float(np.abs(scores).max()) or 1.0
    inputs = np.column_stack([scores / scale, np.ones(len(scores))])
    events = float(y.sum())
    targets = np.where(y > 0.0, (events + 1.0) / (events + 2.0), 1.0 / (len(y) - events + 2.0))
    weights = np.zeros(2)
    for _ in range(NEWTON_STEPS):
        p = 1.0 / (1.0 + np.exp(-np.clip(inputs @ weights, -30.0, 30.0)))
        slope = inputs.T @ (p - targets)
        curve = (inputs * (p * (1.0 - p))[:, None]).T @ inputs + FLAT * np.eye(2)
        whole = np.asarray(np.linalg.solve(curve, slope), dtype=np.float64)
        step = _shortened(whole, weights, inputs, targets)
        weights = weights - step
        if float(np.abs(step).max()) < 1e-12:  # noqa: PLR2004 - far below what a probability shows
            break
    return float(weights[0]) / scale, float(weights[1])


def _shortened(step: Float64, weights: Float64, inputs: Float64, targets: Float64) -> Float64:
    """Halve a step until the loss does not rise: far from the fit a whole one may leave it for good."""

    def loss(at: Float64) -> float:
        logits = inputs @ at
        return float((np.logaddexp(0.0, logits) - targets * logits).sum())

    most = loss(weights) + SLACK
    for _ in range(HALVINGS):
        if loss(weights - step) <= most:
            break
        step = step / 2.0
    return step
