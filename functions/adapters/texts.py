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

from functions.adapters.onnx import MODEL_BYTES_MAX, PROMOTED, ModelError
from functions.domain.market import Float64, ModelOutput
from functions.domain.predictions import degraded
from functions.domain.sentiment import NAMES
from functions.domain.serving import ModelSpec, Scored, output_of, select_texts
from functions.domain.texts import text_indices
from functions.ports.models import Model, ModelFailed

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
        metrics: Figures of the reported part; the card explains them. `promoted` 0: it may only stand as a shadow.
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

    @property
    def spec(self) -> ModelSpec:
        """Give what those who ask the model need to know."""
        shadow = self.metrics.get(PROMOTED) == 0.0
        return ModelSpec(self.name, self.version, (), self.threshold, self.figures, shadow)


class TextScorer(Protocol):
    """Score texts in process."""

    def score(self, texts: Sequence[str]) -> ModelOutput:
        """Score every text; never raises. The figures are the probabilities of bearish, neutral and bullish."""
        ...


class HashedModel:
    """A loaded model over hashed terms: `indices` (n, m) in, `scores` (n,) and `values` (n, 3) out, one thread."""

    broken: Final = ""

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
        self.spec = manifest.spec
        self._session = open_session(manifest.name, content)
        self._try()

    def score(self, texts: Sequence[str]) -> ModelOutput:
        """Score texts; one without a word gets state 0."""
        return ask(self, texts)

    def run(self, rows: NDArray[np.object_]) -> Scored:
        """Score m texts (m,).

        Raises:
            ModelFailed: The runtime fails, or a number is not finite.
        """
        try:
            return scored(self._run(rows.tolist()))
        except ModelFailed:
            raise
        except Exception as error:  # the runtime raises its own family; every failure means the same here
            detail = "the model could not be run"
            raise ModelFailed(detail) from error

    def stop(self) -> None:
        """Stop nothing: a run takes milliseconds."""

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
        self.spec = ModelSpec(name, "", (), 0.0)
        self.broken = reason

    def run(self, rows: NDArray[np.object_]) -> Scored:
        """Refuse.

        Raises:
            ModelFailed: Always.
        """
        del rows
        raise ModelFailed(self.broken)

    def stop(self) -> None:
        """Stop nothing: it never runs."""

    def score(self, texts: Sequence[str]) -> ModelOutput:
        """Answer degraded."""
        return degraded(self.spec.name, len(texts), self.broken)


def ask(model: Model, texts: Sequence[str]) -> ModelOutput:
    """Have a model score texts, degraded where it fails."""
    selected = select_texts(texts)
    try:
        return output_of(model.spec, selected, model.run(selected.rows) if len(selected.rows) else Scored(np.zeros(0)))
    except ModelFailed as error:
        return degraded(model.spec.name, len(texts), str(error))


def scored(values: Float64) -> Scored:
    """Give what a model said, the probabilities (m, 3) of m texts: its score is bullish less bearish.

    Raises:
        ModelFailed: One is not finite.
    """
    if not np.isfinite(values).all():
        detail = "a score is not a finite number"
        raise ModelFailed(detail)
    return Scored(values[:, NAMES.index("bullish")] - values[:, NAMES.index("bearish")], values)


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
    manifest = read_text_manifest(folder)
    try:
        content = (folder / Path(manifest.file).name).read_bytes()
    except (OSError, ValueError) as error:  # no file has a name with a zero in it
        detail = f"model {folder.name}: {error}"
        raise ModelError(detail) from error
    if len(content) > MODEL_BYTES_MAX:
        detail = f"model {folder.name}: {len(content)} bytes, at most {MODEL_BYTES_MAX} are loaded"
        raise ModelError(detail)
    return HashedModel(manifest, content)


def read_text_manifest(folder: Path) -> TextManifest:
    """Read a folder's manifest.

    Raises:
        ModelError: It is missing or unreadable.
    """
    try:
        return msgspec.json.decode((folder / MANIFEST).read_bytes(), type=TextManifest)
    except (OSError, msgspec.DecodeError) as error:
        detail = f"model {folder.name}: {error}"
        raise ModelError(detail) from error
