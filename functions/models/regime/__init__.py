"""Say which regime of volatility a market is in: a hidden Markov model of three states over the last 32 log returns."""

from pathlib import Path
from typing import Final

from functions.models.forecasting import FEATURES as RETURNS

FOLDER: Final = Path(__file__).parent
NAME: Final = "regime"
SCALE: Final = "long_volatility_120"
FEATURES: Final = (*RETURNS, SCALE)
"""The last 32 log returns, oldest first, and what they are measured by."""
FIGURES: Final = ("calm", "normal", "turbulent")
"""The states by rising variance; the columns of `values`."""
STATES: Final = len(FIGURES)
THRESHOLD: Final = 0.5
"""The score is the probability of `turbulent`."""
