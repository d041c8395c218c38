"""Flag bars that look unlike the usual ones: an isolation forest over scale-free features."""

from pathlib import Path
from typing import Final

import msgspec

FOLDER: Final = Path(__file__).parent
GOLDEN: Final = "golden.json"


class Golden(msgspec.Struct, frozen=True):
    """Hold feature rows (n, f) and the scores (n,) that the model file gave them."""

    features: tuple[str, ...]
    rows: list[list[float]]
    scores: list[float]
