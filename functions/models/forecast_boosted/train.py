"""Train the boosted forecast: shallow trees for each horizon, then what all forecasts do.

Run as `tickloom train forecast_boosted`, with the extra `train` installed. The same library versions give the same
files. What the figures mean, and what they do not, stands in `card.md`.
"""

from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any, Final

import numpy as np
from sklearn.ensemble import GradientBoostingRegressor  # type: ignore[import-untyped]  # it ships no types

from functions.domain.evaluation import Line
from functions.domain.market import Float64
from functions.models.forecast_boosted import BATCH, FOLDER, NAME
from functions.models.forecast_boosted.export import body, derive
from functions.models.forecasting.evaluating import evaluate_file
from functions.models.forecasting.graph import Body
from functions.models.forecasting.series import market
from functions.models.forecasting.training import walk, write

SEED: Final = 20240103
TREES: Final = 40
DEPTH: Final = 3
RATE: Final = 0.05
ROWS_OF_TREE: Final = 0.25
LEAF_ROWS_MIN: Final = 0.005
"""Part of a tree's rows that stand behind each leaf at least: noise of few rows is not learnt."""


@dataclass(frozen=True, slots=True, eq=False)
class Boosted:
    """Hold one ensemble for each horizon."""

    ensembles: tuple[Any, ...]  # scikit-learn has no types

    def predict(self, inputs: Float64) -> Float64:
        """Forecast (n, 3) as scikit-learn does."""
        derived = derive(inputs).astype(np.float32)
        return np.column_stack([one.predict(derived) for one in self.ensembles])

    def body(self) -> Body:
        """Write the trees as a graph."""
        return body([[tree.tree_ for tree in one.estimators_[:, 0]] for one in self.ensembles], RATE)


def fit(inputs: Float64, outcomes: Float64, *, trees: int = TREES) -> Boosted:
    """Grow trees on scaled returns (n, 32) and outcomes (n, 3)."""
    derived = derive(inputs).astype(np.float32)
    settings = {"max_depth": DEPTH, "subsample": ROWS_OF_TREE, "min_samples_leaf": LEAF_ROWS_MIN, "init": "zero"}
    grow = partial(GradientBoostingRegressor, n_estimators=trees, learning_rate=RATE, random_state=SEED, **settings)
    return Boosted(tuple(grow().fit(derived, column) for column in outcomes.T))


def train(data: Path | None, out: Path) -> None:
    """Train on simulated bars or those of a file, walking forward, and write everything but the card."""
    bars = market(data)
    write(NAME, out, bars, walk(NAME, fit, bars), batch=BATCH)


def evaluate(data: Path | None, folder: Path = FOLDER) -> tuple[Line, ...]:
    """Measure the model file in a folder on rows it was not trained on."""
    return evaluate_file(folder, data)
