"""Load whatever model over texts a folder holds; one that cannot be loaded stands in and answers degraded."""

from pathlib import Path
from typing import Final

from functions.adapters.finbert import CONFIG, FinBert
from functions.adapters.onnx import ModelError
from functions.adapters.texts import MANIFEST, NAME, BrokenTextModel, TextScorer, load_hashed

SHIPPED: Final = Path(__file__).resolve().parents[1] / "models" / "sentiment"


def load_text_model(folder: Path = SHIPPED) -> TextScorer:
    """Load a model over hashed terms, or a directory in the form of FinBERT; a broken one says why in its answers."""
    try:
        if (folder / MANIFEST).is_file():
            return load_hashed(folder)
        if (folder / CONFIG).is_file():
            return FinBert(folder)
    except ModelError as error:
        return BrokenTextModel(NAME, str(error))
    return BrokenTextModel(NAME, f"model {folder.name}: it has neither {MANIFEST} nor {CONFIG}")
