"""Forecast returns at three horizons: boosted trees over the last 32 returns; the baseline of the neural models."""

from pathlib import Path
from typing import Final

FOLDER: Final = Path(__file__).parent
NAME: Final = "forecast_boosted"
BATCH: Final = 0
