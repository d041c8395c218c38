"""Have texts scored by models over hashed terms from disk; `adapters.finbert` does so with directories of that form.

Loading checks the digest and the shapes. Inside the process a model cannot fail its caller: what goes wrong becomes a
degraded answer with its reason.

ModelError      a folder is not what it says (from `adapters.onnx`)
"""

import hashlib
from collections.abc import Sequence
from pathlib import Path
from typing import Final, Protocol

import msgspec
import numpy as np
import onnxruntime  # type: ignore[import-untyped]  # it ships no types
from numpy.typing import NDArray

from functions.adapters.onnx import MODEL_BYTES_MAX, ModelError
from functions.domain.market import STATE_VALID, Float64, ModelOutput
from functions.domain.predictions import degraded
from functions.domain.sentiment import NAMES
from functions.domain.texts import indices, text_indices

MANIFEST: Final = "text_manifest.json"
"""Its own name: what reads the manifests of models over features looks for another."""
NAME: Final = "sentiment"


class TextManifest(msgspec.Struct, frozen=True, kw_only=True):
    """Say what a model over hashed terms is; the training script writes it.

    Args:
        name: Model name.
        version: Model version, changed with every training.
        file: Name of the model file in the same folder.
        sha256: Digest of that file, hexadecimal.
        buckets: How many numbers terms are hashed to; one more fills short texts up.
        figures: Names of the columns of `values`.
        threshold: Score at or above which a text is flagged.
        window: What the model was trained, calibrated and reported on.
        metrics: Figures of the reported part; the card explains them.
    """

    name: str
    version: str
    file: str
    sha256: str
    buckets: int
    figures: tuple[str, ...]
    threshold: float
    window: dict[str, str | int | float]
    metrics: dict[str, float]


class TextScorer(Protocol):
    """Score texts in process."""

    def score(self, texts: Sequence[str]) -> ModelOutput:
        """Score every text; never raises. The figures are the probabilities of bearish, neutral and bullish."""
        ...


class HashedModel:
    """A loaded model over hashed terms: `indices` (n, m) in, `scores` (n,) and `values` (n, 3) out, one thread."""

    def __init__(self, manifest: TextManifest, content: bytes) -> None:
        """Check the content against the manifest and make a session of it.

        Raises:
            ModelError: The digest differs, the figures are not ours, or the runtime cannot read the model.
        """
        digest = hashlib.sha256(content).hexdigest()
        if digest != manifest.sha256:
            detail = f"model {manifest.name}: {manifest.file} has digest {digest[:12]}, not {manifest.sha256[:12]}"
            raise ModelError(detail)
        if manifest.figures != NAMES or manifest.buckets < 1:
            detail = f"model {manifest.name}: {manifest.buckets} buckets give {manifest.figures}, {NAMES} is needed"
            raise ModelError(detail)
        self.manifest = manifest
        self._session = open_session(manifest.name, content)
        self._try()

    def score(self, texts: Sequence[str]) -> ModelOutput:
        """Score texts; one without a word gets state 0."""
        manifest = self.manifest
        valid = np.array([bool(indices(text, manifest.buckets)) for text in texts], dtype=np.bool_)
        read = [text for text, known in zip(texts, valid.tolist(), strict=True) if known]
        try:
            values = self._run(read) if read else np.zeros((0, len(NAMES)))
        except Exception:  # noqa: BLE001 - the runtime raises its own family; every failure means the same here
            return degraded(manifest.name, len(texts), "the model could not be run")
        return answer(manifest.name, manifest.version, values, valid, threshold=manifest.threshold)

    def _run(self, texts: Sequence[str]) -> Float64:
        given = {"indices": text_indices(texts, self.manifest.buckets).indices}
        (values,) = self._session.run(["values"], given)
        return np.asarray(values, dtype=np.float64)

    def _try(self) -> None:
        """Run it once at the greatest index, so that a file of other shapes is refused now and not later."""
        given = {"indices": np.full((1, 1), self.manifest.buckets, dtype=np.int64)}
        try:
            scores, values = self._session.run(["scores", "values"], given)
        except Exception as error:
            detail = f"model {self.manifest.name}: {self.manifest.file} does not take indices: {error}"
            raise ModelError(detail) from error
        if scores.shape != (1,) or values.shape != (1, len(NAMES)):
            detail = f"model {self.manifest.name}: it gives {scores.shape} and {values.shape}, not (1,) and (1, 3)"
            raise ModelError(detail)


class BrokenTextModel:
    """Stand for a model that could not be loaded: it answers, degraded, with the reason."""

    def __init__(self, name: str, reason: str) -> None:
        """Keep the model's name and why it is broken."""
        self.name = name
        self.reason = reason

    def score(self, texts: Sequence[str]) -> ModelOutput:
        """Answer degraded."""
        return degraded(self.name, len(texts), self.reason)


def answer(name: str, version: str, values: Float64, valid: NDArray[np.bool_], *, threshold: float) -> ModelOutput:
    """Lay the probabilities (m, 3) of the m valid texts out over all n as a model's answer, degraded if not finite."""
    if not np.isfinite(values).all():
        return degraded(name, len(valid), "a score is not a finite number")
    laid = np.zeros((len(valid), len(NAMES)))
    laid[valid] = values
    return ModelOutput(
        model=name,
        version=version,
        scores=laid[:, NAMES.index("bullish")] - laid[:, NAMES.index("bearish")],
        states=np.where(valid, STATE_VALID, 0).astype(np.uint8),
        threshold=threshold,
        names=NAMES,
        values=laid,
    )


def open_session(name: str, content: bytes | Path) -> onnxruntime.InferenceSession:
    """Make a session of one thread, of a model's bytes or of a file that may have others beside it.

    Raises:
        ModelError: The runtime cannot read it.
    """
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = 1
    options.inter_op_num_threads = 1
    options.log_severity_level = 3
    try:
        source = str(content) if isinstance(content, Path) else content
        return onnxruntime.InferenceSession(source, options, providers=["CPUExecutionProvider"])
    except Exception as error:
        detail = f"model {name}: it cannot be read: {error}"
        raise ModelError(detail) from error


def load_hashed(folder: Path) -> HashedModel:
    """Load a model over hashed terms.

    Raises:
        ModelError: A file is missing or unreadable, or the model is not what the manifest says.
    """
    try:
        manifest = msgspec.json.decode((folder / MANIFEST).read_bytes(), type=TextManifest)
        content = (folder / Path(manifest.file).name).read_bytes()
    except (OSError, ValueError) as error:  # what msgspec raises is one, and so is a name no file has
        detail = f"model {folder.name}: {error}"
        raise ModelError(detail) from error
    if len(content) > MODEL_BYTES_MAX:
        detail = f"model {folder.name}: {len(content)} bytes, at most {MODEL_BYTES_MAX} are loaded"
        raise ModelError(detail)
    return HashedModel(manifest, content)
