"""Score feature rows with ONNX models from disk; loading, checking against the manifest, and running live here.

A model is a folder with `manifest.json` and the model file it names. Inside the process a model cannot fail its caller:
what goes wrong becomes a degraded answer with its reason.
"""

import hashlib
from pathlib import Path
from typing import Final

import msgspec
import numpy as np
import onnxruntime  # type: ignore[import-untyped]  # it ships no types

from functions.domain.market import STATE_VALID, FeatureColumns, Float64, ModelOutput
from functions.domain.predictions import degraded

MANIFEST: Final = "manifest.json"
MODEL_BYTES_MAX: Final = 64 * 1024 * 1024


class ModelError(Exception):
    """A model folder is not what its manifest says."""


class Manifest(msgspec.Struct, frozen=True, kw_only=True):
    """Say what a model file is and what it needs; the training script writes it.

    Args:
        name: Model name.
        version: Model version, changed with every training.
        file: Name of the model file in the same folder.
        sha256: Digest of that file, hexadecimal.
        features: Names of the features it needs, in the order of its input's columns.
        threshold: Score at or above which a row is flagged.
        window: What the model was trained, validated and tested on.
        metrics: Figures of the test window; the card explains them.
    """

    name: str
    version: str
    file: str
    sha256: str
    features: tuple[str, ...]
    threshold: float
    window: dict[str, str | int | float]
    metrics: dict[str, float]


class OnnxModel:
    """A loaded model: one input `features` (n, f) float64, one output `scores` (n,) float64, one thread."""

    def __init__(self, manifest: Manifest, content: bytes) -> None:
        """Check the content against the manifest and make a session of it.

        Raises:
            ModelError: The digest or the input's width differs, or the runtime cannot read the model.
        """
        digest = hashlib.sha256(content).hexdigest()
        if digest != manifest.sha256:
            detail = f"model {manifest.name}: {manifest.file} has digest {digest[:12]}, not {manifest.sha256[:12]}"
            raise ModelError(detail)
        self.manifest = manifest
        self._session = _session(manifest, content)

    def score(self, columns: FeatureColumns) -> ModelOutput:
        """Score the rows whose needed features are all valid; the others get state 0."""
        needed = self.manifest.features
        absent = [name for name in needed if name not in columns.names]
        if absent and columns.row_count:
            return degraded(self.manifest.name, columns.row_count, f"the rows lack feature {absent[0]}")
        places = [columns.names.index(name) for name in needed if name in columns.names]
        valid = (columns.states[:, places] == STATE_VALID).all(axis=1) & (columns.row_count > 0)
        scores = np.zeros(columns.row_count)
        if valid.any():
            scores[valid] = self._run(columns.values[valid][:, places])
        if not np.isfinite(scores).all():
            return degraded(self.manifest.name, columns.row_count, "a score is not a finite number")
        return ModelOutput(
            model=self.manifest.name,
            version=self.manifest.version,
            scores=scores,
            states=valid.astype(np.uint8),
            threshold=self.manifest.threshold,
        )

    def _run(self, rows: Float64) -> Float64:
        try:
            (scores,) = self._session.run(["scores"], {"features": rows})
        except Exception:  # noqa: BLE001 - the runtime raises its own family; every failure means the same here
            return np.full(len(rows), np.nan)
        return np.asarray(scores, dtype=np.float64)


class BrokenModel:
    """Stand for a model that could not be loaded: it answers, degraded, with the reason."""

    def __init__(self, name: str, reason: str) -> None:
        """Keep the model's name and why it is broken."""
        self.name = name
        self.reason = reason

    def score(self, columns: FeatureColumns) -> ModelOutput:
        """Answer degraded."""
        return degraded(self.name, columns.row_count, self.reason)


def load_model(folder: Path) -> OnnxModel:
    """Load one model folder.

    Raises:
        ModelError: A file is missing or unreadable, or the model is not what the manifest says.
    """
    try:
        manifest = msgspec.json.decode((folder / MANIFEST).read_bytes(), type=Manifest)
        content = (folder / Path(manifest.file).name).read_bytes()
    except (OSError, msgspec.DecodeError) as error:
        detail = f"model {folder.name}: {error}"
        raise ModelError(detail) from error
    if len(content) > MODEL_BYTES_MAX:
        detail = f"model {folder.name}: {len(content)} bytes, at most {MODEL_BYTES_MAX} are loaded"
        raise ModelError(detail)
    return OnnxModel(manifest, content)


def load_models(folder: Path) -> tuple[OnnxModel | BrokenModel, ...]:
    """Load every model folder below `folder`, in name order; a broken one is kept as such. No folder, no models."""
    return tuple(_load_or_stand_in(path.parent) for path in sorted(folder.glob(f"*/{MANIFEST}")))


def _load_or_stand_in(folder: Path) -> OnnxModel | BrokenModel:
    try:
        return load_model(folder)
    except ModelError as error:
        return BrokenModel(folder.name, str(error))


def _session(manifest: Manifest, content: bytes) -> onnxruntime.InferenceSession:
    """Make a session of one thread: rows are few and the caller's cores are spoken for."""
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = 1
    options.inter_op_num_threads = 1
    options.log_severity_level = 3
    try:
        session = onnxruntime.InferenceSession(content, options, providers=["CPUExecutionProvider"])
        width = {one.name: one.shape for one in session.get_inputs()}["features"][1]
    except Exception as error:
        detail = f"model {manifest.name}: {manifest.file} cannot be read: {error}"
        raise ModelError(detail) from error
    if width != len(manifest.features):
        detail = f"model {manifest.name}: takes {width} features, the manifest names {len(manifest.features)}"
        raise ModelError(detail)
    return session
