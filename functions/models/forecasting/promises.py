"""Turn a model's raw forecast into what it promises: a shrunk return, intervals of stated level, a probability.

A model sees 32 returns in units of their own volatility and says one number for each horizon, in units of volatility
times the square root of the horizon. What is fitted here is fitted on time behind the training.
"""

from dataclasses import dataclass
from typing import Final

import numpy as np

from functions.domain.calibration import conformal_radius, decay, platt
from functions.domain.market import Float64
from functions.models.forecasting import HORIZONS, STEPS

CLIP_RETURN: Final = 1.0
"""Log returns are clipped here first, so that no square is infinite; a bar that trebles says no more than this."""
FLOOR: Final = 1e-7
"""Least volatility of a bar: a thousandth of a basis point, so that a flat window has finite inputs."""
OUTLIER: Final = 5.0
"""Outcomes are cut here before a mean is learnt from them; intervals and figures see them whole."""
REACH: Final = np.sqrt(np.array(HORIZONS, dtype=np.float64))
LEVELS: Final = (0.80, 0.95)


@dataclass(frozen=True, slots=True, eq=False)
class Calibration:
    """Hold what turns raw forecasts into promises, for each horizon (3,).

    Args:
        shrink: Factor of the raw forecast, 0 to 1.
        radius80: Radius of the 80 % interval, in units of volatility times root of horizon.
        radius95: The same for 95 %.
        slope: Slope of the probability's logit in the raw forecast, not negative.
        intercept: Its logit where the raw forecast is 0.
    """

    shrink: Float64
    radius80: Float64
    radius95: Float64
    slope: Float64
    intercept: Float64


def volatility(returns: Float64) -> Float64:
    """Give the root mean square (n, 1) of each row's 32 returns, summed oldest first as the graph does."""
    clipped = np.clip(returns, -CLIP_RETURN, CLIP_RETURN)
    total = np.cumsum(clipped * clipped, axis=1)[:, -1:]
    return np.maximum(np.sqrt(total / STEPS), FLOOR)


def scaled(returns: Float64) -> Float64:
    """Give the model's inputs (n, 32): returns in units of their own volatility, at most the square root of 32."""
    return np.clip(returns, -CLIP_RETURN, CLIP_RETURN) / volatility(returns)


def outcomes(returns: Float64, ahead: Float64) -> Float64:
    """Give the outcomes (n, 3) in the units of raw forecasts."""
    return ahead / (volatility(returns) * REACH)


def calibrate(raw: Float64, returns: Float64, ahead: Float64) -> Calibration:
    """Fit the promises of raw forecasts (n, 3) on rows in time order; newer rows weigh more in the intervals."""
    z = outcomes(returns, ahead)
    cut = np.clip(z, -OUTLIER, OUTLIER)
    shrink = np.clip((raw * cut).sum(axis=0) / np.maximum((raw * raw).sum(axis=0), FLOOR), 0.0, 1.0)
    weights = decay(len(raw), len(raw) / 2.0)
    errors = np.abs(z - shrink * raw)
    radii = [[conformal_radius(column, level, weights) for column in errors.T] for level in LEVELS]
    fits = np.array([_rising(*pair) for pair in zip(raw.T, (ahead > 0.0).astype(np.float64).T, strict=True)])
    return Calibration(shrink, np.array(radii[0]), np.array(radii[1]), fits[:, 0], fits[:, 1])


def tell(raw: Float64, returns: Float64, calibration: Calibration) -> Float64:
    """Give the figures (n, 18) of raw forecasts, in the order of `FIGURES`, with the operations of the graph."""
    reach = volatility(returns) * REACH
    expected = raw * calibration.shrink * reach
    near, far = reach * calibration.radius80, reach * calibration.radius95
    up = 1.0 / (1.0 + np.exp(-(raw * calibration.slope + calibration.intercept)))
    columns = (expected, expected - near, expected + near, expected - far, expected + far, up)
    return np.stack(columns, axis=2).reshape(len(raw), -1)


def _rising(raw: Float64, rose: Float64) -> tuple[float, float]:
    """Fit a probability that does not fall as the forecast rises; where it would, it is the same for all."""
    slope, intercept = platt(raw, rose)
    return (slope, intercept) if slope >= 0.0 else (0.0, platt(np.zeros(len(raw)), rose)[1])
