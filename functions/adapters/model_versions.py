"""Open any version of a registry's models, with the golden rows that were shipped with it as their base set.

The golden rows are part of the model, and so the same for everybody. What was opened is kept while its manifest stays.
"""

import hashlib
from collections.abc import Sequence
from pathlib import Path
from typing import Final

import msgspec
import numpy as np

from functions.adapters.model_registry import digest_of, find_version
from functions.adapters.onnx import GOLDEN, ModelError, load_model, read_manifest
from functions.domain.market import Float64
from functions.ports.models import ModelFailed, Opened

DIGEST_CHARS: Final = 8
OPEN_MAX: Final = 16
"""Most versions that are kept open; the one that was opened first is let go."""


class _Golden(msgspec.Struct, frozen=True):
    """Rows (n, f) of a golden file; what else it holds does not matter here."""

    features: tuple[str, ...]
    rows: list[list[float]]


class FileVersions:
    """Port `ModelVersions` over a registry's folder.

    Args:
        root: Registry of models.
    """

    def __init__(self, root: Path) -> None:
        """Open nothing."""
        self._root = root
        self._open: dict[tuple[str, str], tuple[str, Opened]] = {}

    def open(self, model: str, version: str) -> Opened:
        """Give a version of a model; see `ModelVersions`."""
        try:
            place = find_version(self._root, model, version)
            digest, known = digest_of(place), self._open.get((model, version))
            if known is not None and known[0] == digest:
                return known[1]
            loaded = load_model(place)
            base, base_set = self._base(place, model, version, loaded.spec.features)
        except ModelError as error:
            raise ModelFailed(str(error)) from error
        opened = Opened(loaded, base, base_set)
        self._open[model, version] = (digest, opened)
        if len(self._open) > OPEN_MAX:
            del self._open[next(iter(self._open))]
        return opened

    def _base(self, place: Path, model: str, version: str, features: Sequence[str]) -> tuple[Float64, str]:
        """Read the golden rows of a version, else those of the version in the model's own folder; and say which."""
        for folder in dict.fromkeys((place, self._root / model)):
            try:
                content = (folder / GOLDEN).read_bytes()
                golden = msgspec.json.decode(content, type=_Golden)
                shipped = read_manifest(folder).version
            except (OSError, msgspec.DecodeError, ModelError):
                continue
            if golden.rows and set(features) <= set(golden.features):
                order = [golden.features.index(name) for name in features]
                digest = hashlib.sha256(content).hexdigest()[:DIGEST_CHARS]
                rows = np.array(golden.rows, np.float64)[:, order]
                return rows, f"{len(rows)} golden rows of {model} {shipped} (SHA-256 {digest})"
        return np.zeros((0, len(features))), f"version {version} has no {GOLDEN} to be the base set"
