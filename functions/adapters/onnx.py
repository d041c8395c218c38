"""Score feature rows with ONNX models from disk; loading, checking against the manifest, and running live here.

A model is a folder with `manifest.json` and the model file it names. Inside the process a model cannot fail its caller:
what goes wrong becomes a degraded answer with its reason.
"""

import hashlib
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Final

import msgspec
import numpy as np
import onnxruntime  # type: ignore[import-untyped]  # it ships no types

from functions.domain.market import FeatureColumns, Float64, ModelOutput
from functions.domain.predictions import degraded
from functions.domain.serving import ModelSpec, Scored, output_of, select
from functions.ports.models import ModelFailed

MANIFEST: Final = "manifest.json"
GOLDEN: Final = "golden.json"
"""Rows and their scores, which a model's training leaves beside it."""
MODEL_BYTES_MAX: Final = 64 * 1024 * 1024
REASON_CHARS_MAX: Final = 200
"""Longest reason of the runtime that an answer carries."""
PROMOTED: Final = "promoted"
"""Metric that says, by 0, that a model lost to its baseline and may only stand beside."""

CPU: Final = "CPUExecutionProvider"
ACCELERATORS: Final = ("CUDAExecutionProvider", "ROCMExecutionProvider", "MIGraphXExecutionProvider")
"""What may stand before the processor, best first, where the installed runtime lists it."""


onnxruntime.disable_telemetry_events()  # on by default; what models are asked is nobody else's business


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
        metrics: Figures of the test window; the card explains them. `promoted` 0: it may only stand as a shadow.
        figures: Names of the columns of its output `values`; none where the score is all there is.
        batch: Rows the graph is always run at, for one whose bits depend on how many there are; 0 for any number.
    """

    name: str
    version: str
    file: str
    sha256: str
    features: tuple[str, ...]
    threshold: float
    window: dict[str, str | int | float]
    metrics: dict[str, float]
    figures: tuple[str, ...] = ()
    batch: int = 0

    def __post_init__(self) -> None:
        """Refuse figures that share a name or have none, and a batch below 0."""
        if len({*self.figures} - {""}) != len(self.figures):
            detail = f"figures share a name or have none: {', '.join(self.figures)}"
            raise ValueError(detail)
        if self.batch < 0:
            detail = f"batch must be at least 0, found {self.batch}"
            raise ValueError(detail)

    @property
    def spec(self) -> ModelSpec:
        """Give what those who ask the model need to know."""
        shadow = self.metrics.get(PROMOTED) == 0.0
        return ModelSpec(self.name, self.version, self.features, self.threshold, self.figures, shadow)


class OnnxModel:
    """A loaded model: input `features` (n, f), outputs `scores` (n,) and `values` (n, k), all float64; one thread.

    A graph without figures has no `values`.
    """

    broken: Final = ""

    def __init__(self, manifest: Manifest, content: bytes, *, providers: Sequence[str] = (CPU,)) -> None:
        """Check the content against the manifest and make a session of it.

        Raises:
            ModelError: The digest, the input's width or the outputs differ, or the runtime cannot read the model.
        """
        digest = hashlib.sha256(content).hexdigest()
        if digest != manifest.sha256:
            detail = f"model {manifest.name}: {manifest.file} has digest {digest[:12]}, not {manifest.sha256[:12]}"
            raise ModelError(detail)
        self.manifest = manifest
        self.spec = manifest.spec
        self._session = _session(manifest, content, providers)
        self._outputs = ["scores", "values"] if manifest.figures else ["scores"]
        self._options = onnxruntime.RunOptions()

    def score(self, columns: FeatureColumns) -> ModelOutput:
        """Score the rows whose needed features are all valid; the others get state 0."""
        selected = select(columns, self.spec.features)
        try:
            scored = self.run(selected.rows) if len(selected.rows) else Scored(np.zeros(0))
        except ModelFailed as error:
            return replace(degraded(self.spec.name, columns.row_count, str(error)), shadow=self.spec.shadow)
        return output_of(self.spec, selected, scored)

    def run(self, rows: Float64) -> Scored:
        """Score m rows (m, f), as many at a time as the manifest says.

        Raises:
            ModelFailed: The runtime fails, an output has another shape, or a number is not finite.
        """
        found = [self._run(chunk).reshape(len(chunk), -1) for chunk in _chunks(rows, self.manifest.batch)]
        whole = (np.concatenate(found) if len(found) > 1 else found[0])[: len(rows)]
        if not np.isfinite(whole).all():
            detail = f"a {'figure' if np.isfinite(whole[:, 0]).all() else 'score'} is not a finite number"
            raise ModelFailed(detail)
        return Scored(whole[:, 0], whole[:, 1:])

    def stop(self) -> None:
        """End a run that is under way, at its next node; a node that is running is not interrupted."""
        self._options.terminate = True

    def _run(self, rows: Float64) -> Float64:
        """Run the graph once; its score and its figures stand side by side, (n, 1 + k), or (n,) without figures."""
        self._options = options = onnxruntime.RunOptions()
        try:
            outputs = self._session.run(self._outputs, {"features": rows}, options)
        except Exception as error:  # the runtime raises its own family, and MemoryError where numpy has none left
            raise ModelFailed(_reason(error)) from error
        expected = ((len(rows),), (len(rows), len(self.manifest.figures)))
        for name, output, shape in zip(self._outputs, outputs, expected, strict=False):
            if np.shape(output) != shape:
                detail = f"output {name} has shape {np.shape(output)}, not {shape}"
                raise ModelFailed(detail)
        stacked = np.column_stack(outputs) if len(outputs) > 1 else outputs[0]
        return np.asarray(stacked, dtype=np.float64)


class BrokenModel:
    """Stand for a model that could not be loaded: it answers, degraded, with the reason."""

    def __init__(self, name: str, reason: str, version: str = "") -> None:
        """Keep the model's name and why it is broken."""
        self.name = name
        self.reason = reason
        self.spec = ModelSpec(name, version, (), 0.0)

    @property
    def broken(self) -> str:
        """Say why it is broken."""
        return self.reason

    def score(self, columns: FeatureColumns) -> ModelOutput:
        """Answer degraded."""
        return degraded(self.name, columns.row_count, self.reason)

    def run(self, rows: Float64) -> Scored:
        """Refuse.

        Raises:
            ModelFailed: Always.
        """
        del rows
        raise ModelFailed(self.reason)

    def stop(self) -> None:
        """Stop nothing: it never runs."""


def providers_of(device: str) -> tuple[str, ...]:
    """Say what sessions run on: `cpu`, or `auto` for the accelerators the installed runtime lists, before it."""
    listed = onnxruntime.get_available_providers() if device == "auto" else []
    return (*(name for name in ACCELERATORS if name in listed), CPU)


def load_model(folder: Path, *, providers: Sequence[str] = (CPU,)) -> OnnxModel:
    """Load one model folder.

    Raises:
        ModelError: A file is missing or unreadable, or the model is not what the manifest says.
    """
    manifest = read_manifest(folder)
    try:
        content = (folder / Path(manifest.file).name).read_bytes()
    except (OSError, ValueError) as error:  # no file has a name with a zero in it
        detail = f"model {folder.name}: {error}"
        raise ModelError(detail) from error
    if len(content) > MODEL_BYTES_MAX:
        detail = f"model {folder.name}: {len(content)} bytes, at most {MODEL_BYTES_MAX} are loaded"
        raise ModelError(detail)
    return OnnxModel(manifest, content, providers=providers)


def read_manifest(folder: Path) -> Manifest:
    """Read a folder's manifest.

    Raises:
        ModelError: It is missing or unreadable.
    """
    try:
        return msgspec.json.decode((folder / MANIFEST).read_bytes(), type=Manifest)
    except (OSError, msgspec.DecodeError) as error:
        detail = f"model {folder.name}: {error}"
        raise ModelError(detail) from error


def _chunks(rows: Float64, batch: int) -> Iterator[Float64]:
    """Cut rows into pieces of `batch`, the last one filled with its own first row; with 0 they stay as they are."""
    if not batch:
        yield rows
        return
    for begin in range(0, len(rows), batch):
        chunk = rows[begin : begin + batch]
        yield np.concatenate([chunk, np.repeat(chunk[:1], batch - len(chunk), axis=0)])


def _reason(error: Exception) -> str:
    """Say why a run failed: in few words where they are known, else in the first line of the runtime's own."""
    text = str(error).partition("\n")[0]
    if isinstance(error, MemoryError) or "alloc" in text:
        return "the model ran out of memory"
    return f"the model cannot be run: {text[:REASON_CHARS_MAX]}"


def _session(manifest: Manifest, content: bytes, providers: Sequence[str]) -> onnxruntime.InferenceSession:
    """Make a session of one thread: rows are few and the caller's cores are spoken for."""
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = 1
    options.inter_op_num_threads = 1
    options.log_severity_level = 3
    try:
        session = onnxruntime.InferenceSession(content, options, providers=list(providers))
        width = {one.name: one.shape for one in session.get_inputs()}["features"][1]
        gives = {one.name for one in session.get_outputs()}
    except Exception as error:
        detail = f"model {manifest.name}: {manifest.file} cannot be read: {error}"
        raise ModelError(detail) from error
    if width != len(manifest.features):
        detail = f"model {manifest.name}: takes {width} features, the manifest names {len(manifest.features)}"
        raise ModelError(detail)
    absent = {"scores", *(["values"] if manifest.figures else [])} - gives
    if absent:
        detail = f"model {manifest.name}: gives no output {', '.join(sorted(absent))}"
        raise ModelError(detail)
    return session
