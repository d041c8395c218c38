"""Load whatever model over texts a folder holds; one that cannot be loaded stands in and answers degraded."""

import os
from pathlib import Path
from typing import Final, TypeAlias

from functions.adapters.finbert import CONFIG, FinBert
from functions.adapters.onnx import ModelError
from functions.adapters.texts import MANIFEST, NAME, BrokenTextModel, HashedModel, load_hashed
from functions.ports.models import Change, Lineup

SHIPPED: Final = Path(__file__).resolve().parents[1] / "models" / "sentiment"

TextModel: TypeAlias = HashedModel | FinBert | BrokenTextModel


def load_text_model(folder: Path = SHIPPED) -> TextModel:
    """Load a model over hashed terms, or a directory in the form of FinBERT; a broken one says why in its answers."""
    try:
        if (folder / MANIFEST).is_file():
            return load_hashed(folder)
        if (folder / CONFIG).is_file():
            return FinBert(folder)
    except ModelError as error:
        return BrokenTextModel(NAME, str(error))
    return BrokenTextModel(NAME, f"model {folder.name}: it has neither {MANIFEST} nor {CONFIG}")


class FolderTexts:
    """Port `ModelRegistry` over one folder, whose only model decides; what breaks later leaves what was there."""

    def __init__(self, folder: Path) -> None:
        """Name the folder; nothing is read yet."""
        self._folder = folder
        self._traces: tuple[tuple[str, int, int], ...] | None = None
        self.lineups: tuple[Lineup, ...] = ()

    def refresh(self) -> tuple[Change, ...]:
        """Load the model if a file of the folder changed."""
        traces = self._look()
        if traces == self._traces:
            return ()
        self._traces = traces
        model = load_text_model(self._folder)
        if not (model.broken and self.lineups):
            self.lineups = (Lineup(model.spec.name, model),)
        return tuple(
            Change(one.name, tuple(asked.spec.version for asked in one.models), model.broken) for one in self.lineups
        )

    def _look(self) -> tuple[tuple[str, int, int], ...]:
        """Give when each file was made, and how big."""
        files = sorted(place for place in self._folder.rglob("*") if place.is_file())
        found = ((os.path.relpath(file, self._folder), file.stat()) for file in files)
        return tuple((name, stat.st_mtime_ns, stat.st_size) for name, stat in found)
