"""Write what a trained anomaly model leaves behind: model file, manifest, and golden scores of the written file."""

import hashlib
from pathlib import Path
from typing import Final

import msgspec
import numpy as np
import onnxruntime  # type: ignore[import-untyped]  # it ships no types

from functions.adapters.onnx import MANIFEST, Manifest
from functions.domain.market import Float64
from functions.models.anomaly import GOLDEN, Golden
from functions.models.anomaly.inputs import FEATURES

FILE: Final = "model.onnx"
GOLDEN_ROWS: Final = 32


def manifest_of(  # noqa: PLR0913 - a manifest says all of this
    content: bytes,
    *,
    name: str,
    version: str,
    threshold: float,
    window: dict[str, str | int | float],
    metrics: dict[str, float],
) -> Manifest:
    """Make the manifest of a model file."""
    return Manifest(
        name=name,
        version=version,
        file=FILE,
        sha256=hashlib.sha256(content).hexdigest(),
        features=FEATURES,
        threshold=threshold,
        window=window,
        metrics=metrics,
    )


def write(folder: Path, manifest: Manifest, content: bytes, *, usual: Float64, flagged: Float64) -> None:
    """Write a model folder but its card; golden rows are picked evenly, half from each of two matrices (n, f)."""
    folder.mkdir(parents=True, exist_ok=True)
    (folder / manifest.file).write_bytes(content)
    (folder / MANIFEST).write_bytes(_pretty(manifest))
    picked = np.vstack([_spread(rows) for rows in (usual, flagged) if len(rows)])
    golden = Golden(features=FEATURES, rows=picked.tolist(), scores=run(content, picked).tolist())
    (folder / GOLDEN).write_bytes(_pretty(golden))


def run(content: bytes, rows: Float64) -> Float64:
    """Score rows (n, f) with a model file, on one thread."""
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = 1
    session = onnxruntime.InferenceSession(content, options, providers=["CPUExecutionProvider"])
    return np.asarray(session.run(["scores"], {"features": rows})[0], dtype=np.float64)


def _spread(rows: Float64) -> Float64:
    return rows[np.linspace(0, len(rows) - 1, GOLDEN_ROWS // 2, dtype=np.int64)]


def _pretty(value: object) -> bytes:
    return msgspec.json.format(msgspec.json.encode(value), indent=1) + b"\n"
