"""Forecast returns at three horizons: a small Transformer over the last 32 returns."""

from pathlib import Path
from typing import Final

FOLDER: Final = Path(__file__).parent
NAME: Final = "forecast_transformer"
BATCH: Final = 16
"""Rows the graph is always run at: matrix products round differently for different numbers of rows."""
