"""Ask the versions of models that a signal names again, and share their scores out to what they saw.

The base set is the golden rows that were shipped with the version: part of the model, and so the same for everybody.
"""

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import msgspec
import numpy as np

from functions.adapters.model_registry import find_version
from functions.adapters.onnx import GOLDEN, ModelError, load_model, read_manifest
from functions.domain.decisions import ModelScore
from functions.domain.explain import players_of
from functions.domain.market import FeatureColumns, Float64
from functions.domain.serving import select
from functions.domain.shapley import Attribution, attribute
from functions.domain.strategy import SCORE
from functions.ports.models import Model, ModelFailed

DIGEST_CHARS: Final = 8


class _Golden(msgspec.Struct, frozen=True):
    """Rows (n, f) of a golden file; what else it holds does not matter here."""

    features: tuple[str, ...]
    rows: list[list[float]]


@dataclass(frozen=True, slots=True)
class ModelTold:
    """Say what a model's score is made of.

    Args:
        score: What the signal says of the model.
        again: Score of the same version asked again now; None when it cannot be asked.
        attribution: Its parts, in the space of the score itself; None when they cannot be found.
        base_set: What its base is the mean score of.
        problem: Why something is missing; empty when nothing is.
    """

    score: ModelScore
    again: float | None = None
    attribution: Attribution | None = None
    base_set: str = ""
    problem: str = ""


@dataclass(frozen=True, slots=True, eq=False)
class Asked:
    """Hold a model that can be asked again, what it saw (f,), and its base set (b, f), which may have no rows."""

    model: Model
    row: Float64
    base: Float64
    base_set: str

    def figures(self, changes: Mapping[str, float]) -> dict[str, float]:
        """Say, as `model.figure`, what it would have said of other features; nothing when it sees none of them.

        Raises:
            ModelFailed: It does not score such a row.
        """
        spec = self.model.spec
        places = {name: at for at, name in enumerate(spec.features) if name in changes}
        if not places:
            return {}
        row = self.row.copy()
        for name, at in places.items():
            row[at] = changes[name]
        scored = self.model.run(row[None, :])
        told = {f"{spec.name}.{SCORE}": float(scored.scores[0])}
        return told | {
            f"{spec.name}.{name}": float(value)
            for name, value in zip(spec.figures, scored.values[0] if spec.figures else (), strict=True)
        }


def ask_again(root: Path, score: ModelScore, columns: FeatureColumns, *, key: str) -> tuple[ModelTold, Asked | None]:
    """Ask a version again what it said of a row, and share the score out.

    Args:
        root: Registry of models.
        score: What it said, with its version.
        columns: The row alone, with the features the model needs.
        key: What sampled orders follow from, where a model has too many players to ask all coalitions.

    Returns:
        What is to be told; and the model with its row, when it could be asked.
    """
    try:
        asked = _open(root, score, columns)
        again = float(asked.model.run(asked.row[None, :]).scores[0])
    except (ModelError, ModelFailed) as error:
        return ModelTold(score, problem=str(error)), None
    problem = "" if again == score.score else f"it says {again!r} now, and said {score.score!r} then"
    if not len(asked.base):
        return ModelTold(score, again, problem=problem or asked.base_set), asked
    try:
        parts = attribute(
            lambda rows: asked.model.run(rows).scores,
            asked.row,
            asked.base,
            players_of(asked.model.spec.features),
            key=key,
        )
    except ModelFailed as error:
        return ModelTold(score, again, problem=str(error)), asked
    return ModelTold(score, again, parts, asked.base_set, problem), asked


def _open(root: Path, score: ModelScore, columns: FeatureColumns) -> Asked:
    place = find_version(root, score.model, score.version)
    model = load_model(place)
    selected = select(columns, model.spec.features)
    if not len(selected.rows):
        detail = f"the row lacks feature {selected.lacks}" if selected.lacks else "a feature of the row is not valid"
        raise ModelError(detail)
    base, base_set = _base((place, root / score.model), score, model.spec.features)
    return Asked(model, selected.rows[0], base, base_set)


def _base(places: Sequence[Path], score: ModelScore, features: Sequence[str]) -> tuple[Float64, str]:
    """Read the golden rows of a version, else those of the version in the model's own folder; and say which."""
    for place in dict.fromkeys(places):
        try:
            content = (place / GOLDEN).read_bytes()
            golden = msgspec.json.decode(content, type=_Golden)
            version = read_manifest(place).version
        except (OSError, msgspec.DecodeError, ModelError):
            continue
        if golden.rows and set(features) <= set(golden.features):
            order = [golden.features.index(name) for name in features]
            digest = hashlib.sha256(content).hexdigest()[:DIGEST_CHARS]
            rows = np.array(golden.rows, np.float64)[:, order]
            return rows, f"{len(rows)} golden rows of {score.model} {version} (SHA-256 {digest})"
    return np.zeros((0, len(features))), f"version {score.version} has no {GOLDEN} to be the base set"
