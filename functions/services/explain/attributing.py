"""Ask the versions of models that a signal names again, and share their scores out to what they saw."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from functions.domain.decisions import ModelScore
from functions.domain.explain import players_of
from functions.domain.explanation import ModelTold
from functions.domain.market import FeatureColumns, Float64
from functions.domain.serving import select
from functions.domain.shapley import EXACT_PLAYERS_MAX, Player, attribute
from functions.domain.strategy import SCORE
from functions.ports.models import ModelFailed, ModelVersions, Opened

ASKED_MAX: Final = 1_024
"""Most rows that a model is asked for all coalitions: some 5 ms; of a larger base set fewer rows are taken."""


@dataclass(frozen=True, slots=True, eq=False)
class Asked:
    """Hold a model that can be asked again, and what it saw, (f,)."""

    opened: Opened
    row: Float64

    def figures(self, changes: Mapping[str, float]) -> dict[str, float]:
        """Say, as `model.figure`, what it would have said of other features; nothing when it sees none of them.

        Raises:
            ModelFailed: It does not score such a row.
        """
        spec = self.opened.model.spec
        places = {name: at for at, name in enumerate(spec.features) if name in changes}
        if not places:
            return {}
        row = self.row.copy()
        for name, at in places.items():
            row[at] = changes[name]
        scored = self.opened.model.run(row[None, :])
        told = {f"{spec.name}.{SCORE}": float(scored.scores[0])}
        return told | {
            f"{spec.name}.{name}": float(value)
            for name, value in zip(spec.figures, scored.values[0] if spec.figures else (), strict=True)
        }


def ask_again(
    versions: ModelVersions, score: ModelScore, columns: FeatureColumns, *, key: str
) -> tuple[ModelTold, Asked | None]:
    """Ask a version again what it said of a row, and share the score out.

    Args:
        versions: Where models are.
        score: What it said, with its version.
        columns: The row alone, with the features the model needs.
        key: What sampled orders follow from, where a model has too many players to ask all coalitions.

    Returns:
        What is to be told; and the model with its row, when it could be asked.
    """
    try:
        opened = versions.open(score.model, score.version)
        asked = Asked(opened, _row(opened, columns))
        again = float(opened.model.run(asked.row[None, :]).scores[0])
    except ModelFailed as error:
        return ModelTold(score, problem=str(error)), None
    problem = "" if again == score.score else f"it says {again!r} now, and said {score.score!r} then"
    if not len(opened.base):
        return ModelTold(score, again, problem=problem or opened.base_set), asked
    players = players_of(opened.model.spec.features)
    base, base_set = _base(opened, players)
    try:
        parts = attribute(lambda rows: opened.model.run(rows).scores, asked.row, base, players, key=key)
    except ModelFailed as error:
        return ModelTold(score, again, problem=str(error)), asked
    return ModelTold(score, again, parts, base_set, problem), asked


def _base(opened: Opened, players: Sequence[Player]) -> tuple[Float64, str]:
    """Give the base set, or so many evenly spread rows of it as all coalitions can be asked of; and say which."""
    rows = len(opened.base) << len(players)
    if len(players) > EXACT_PLAYERS_MAX or rows <= ASKED_MAX:
        return opened.base, opened.base_set
    base = opened.base[:: -(-rows // ASKED_MAX)]
    return base, f"{len(base)} of the {opened.base_set}"


def _row(opened: Opened, columns: FeatureColumns) -> Float64:
    selected = select(columns, opened.model.spec.features)
    if not len(selected.rows):
        detail = f"the row lacks feature {selected.lacks}" if selected.lacks else "a feature of the row is not valid"
        raise ModelFailed(detail)
    row: Float64 = selected.rows[0]
    return row
