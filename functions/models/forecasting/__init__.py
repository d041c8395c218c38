"""What the forecast models share: their rows, how a forecast becomes a promise, their graphs, how they are measured.

Not a model itself: the models are `forecast_boosted`, `forecast_lstm` and `forecast_transformer`.
"""

from typing import Final

import msgspec

HORIZONS: Final = (1, 4, 24)
"""Bars ahead, of the row's own interval."""
SCORED: Final = 1
"""Place of the horizon whose probability is the score."""
STEPS: Final = 32
FEATURES: Final = (*(f"log_return_lag_{lag}" for lag in range(STEPS - 1, 0, -1)), "log_return_1")
"""The last 32 log returns, oldest first."""
FIGURES: Final = tuple(
    f"{name}_{horizon}" for horizon in HORIZONS for name in ("return", "low80", "high80", "low95", "high95", "up")
)
"""Columns of `values`: expected log return, conformal intervals of 80 and 95 %, probability of a rise."""
THRESHOLD: Final = 0.5
GOLDEN: Final = "golden.json"


class Golden(msgspec.Struct, frozen=True):
    """Hold feature rows (n, f) with the scores (n,) and figures (n, k) that the model file gave them."""

    features: tuple[str, ...]
    rows: list[list[float]]
    scores: list[float]
    values: list[list[float]]
