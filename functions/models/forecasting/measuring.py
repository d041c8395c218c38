"""Measure a forecast's figures on rows it was not fitted on, and say whether that earns a promotion."""

from collections.abc import Mapping
from typing import Final

import numpy as np

from functions.domain.evaluation import brier, coverage, diebold_mariano, hit_rate, mase
from functions.domain.market import Float64
from functions.models.forecasting import FIGURES, HORIZONS
from functions.models.forecasting.series import Rows

BLOCK_BARS: Final = 24
"""Losses are averaged over blocks as long as the longest horizon before they are compared: only neighbours depend."""
SIGNIFICANT: Final = -1.96
COVERAGE_MISS_MAX: Final = 0.03
NOMINAL: Final = (("coverage80", 0.80), ("coverage95", 0.95))
DIGITS: Final = 4


def measure(rows: Rows, values: Float64, *, unit: int) -> dict[int, dict[str, float]]:
    """Measure the figures (n, 18) of rows whose longest bars last `unit` of the clock, for each horizon.

    Returns:
        By horizon: `mase` against no change, `dm` its Diebold-Mariano statistic, `hit_rate` of the return's sign among
        rows that moved (0.5 where nothing was forecast), `up_share` that always saying up would hit, `coverage80`,
        `coverage95`, and `brier` of `up`.
    """
    return {horizon: _measure(rows, values, place, unit) for place, horizon in enumerate(HORIZONS)}


def promoted(figures: Mapping[int, Mapping[str, float]]) -> bool:
    """Promote what loses to no change nowhere, beats it at one horizon for sure, and covers what it says."""
    wins = any(one["dm"] < SIGNIFICANT and one["mase"] < 1.0 for one in figures.values())
    loses = any(one["mase"] > 1.0 for one in figures.values())
    covers = all(abs(one[name] - level) <= COVERAGE_MISS_MAX for one in figures.values() for name, level in NOMINAL)
    return wins and covers and not loses


def _measure(rows: Rows, values: Float64, place: int, unit: int) -> dict[str, float]:
    horizon = HORIZONS[place]
    column = {name: values[:, number] for number, name in enumerate(FIGURES)}
    actual, expected = rows.ahead[:, place], column[f"return_{horizon}"]
    _, block = np.unique(rows.clock // (unit * BLOCK_BARS), return_inverse=True)
    losses = [np.bincount(block, loss).astype(np.float64) for loss in (np.abs(actual - expected), np.abs(actual))]
    found = {
        "mase": mase(actual, expected, np.zeros(len(actual))),
        "dm": diebold_mariano(*losses, lags=1),
        "hit_rate": hit_rate(actual, expected)[0],
        "up_share": hit_rate(actual, np.ones(len(actual)))[0],
        "coverage80": coverage(actual, column[f"low80_{horizon}"], column[f"high80_{horizon}"]),
        "coverage95": coverage(actual, column[f"low95_{horizon}"], column[f"high95_{horizon}"]),
        "brier": brier(column[f"up_{horizon}"], (actual > 0.0).astype(np.float64)),
    }
    return {name: round(value, DIGITS) for name, value in found.items()}
