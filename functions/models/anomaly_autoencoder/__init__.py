"""Flag bars that a small network, trained on the usual ones, cannot put together again."""

from pathlib import Path
from typing import Final

FOLDER: Final = Path(__file__).parent
