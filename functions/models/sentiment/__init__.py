"""Say whether a headline or post is bearish, neutral or bullish: a linear model over hashed words and letter groups."""

from pathlib import Path
from typing import Final

import msgspec

FOLDER: Final = Path(__file__).parent
GOLDEN: Final = "golden.json"


class Golden(msgspec.Struct, frozen=True):
    """Hold texts (n) with the scores (n,) and figures (n, 3) that the model file gave them."""

    names: tuple[str, ...]
    texts: list[str]
    scores: list[float]
    values: list[list[float]]
