"""Train the isolation forest, choose its threshold, measure it, and write model file, manifest and golden scores.

Run as `python -m functions.models.anomaly.train [FOLDER]`, with the extra `train` installed. The same library versions
give the same files. What the figures mean, and what they do not, stands in `card.md`.
"""

import hashlib
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import numpy as np
from sklearn.ensemble import IsolationForest  # type: ignore[import-untyped]  # it ships no types

from functions.domain.evaluation import Line
from functions.domain.market import Float64
from functions.models.anomaly import FOLDER, series
from functions.models.anomaly.alerts import choose_threshold, judge, metrics_of
from functions.models.anomaly.artefacts import manifest_of, run, write
from functions.models.anomaly.export import to_onnx
from functions.models.anomaly.inputs import FEATURES, derive
from functions.models.anomaly.rows import SEED, SYNTHETIC, Windows, market

NAME: Final = "anomaly"
VERSION: Final = "1.0.0"

TREES: Final = 100
SAMPLES: Final = 256
"""The defaults of the original paper (Liu, Ting, Zhou, ICDM 2008, section 4.3)."""


@dataclass(frozen=True, slots=True, eq=False)
class Grown:
    """Hold what one training gives: the forest, its model file and threshold, and the windows it saw."""

    forest: Any  # scikit-learn has no types
    content: bytes
    threshold: float
    windows: Windows


def train(data: Path | None, out: Path) -> None:
    """Train and write everything a model folder holds but its card.

    Args:
        data: Series as `series.read` takes them; none is the synthetic market.
        out: The folder, made if it is not there.
    """
    windows, told = (market(), SYNTHETIC) if data is None else series.learned(data)
    grown = grow(windows)
    version = VERSION if data is None else f"{VERSION}+{hashlib.sha256(grown.content).hexdigest()[:8]}"
    manifest = manifest_of(
        grown.content,
        name=NAME,
        version=version,
        threshold=grown.threshold,
        window=told | windows.sizes,
        metrics=metrics_of(measure(grown)),
    )
    scores = scores_of(grown.forest, windows.test.values)
    flagged = windows.test.values[scores >= grown.threshold]
    write(out, manifest, grown.content, usual=windows.test.values, flagged=flagged)


def evaluate(data: Path | None) -> tuple[Line, ...]:
    """Train on the early part of labelled series and judge on the rest; without any, on the synthetic hours."""
    if data is None:
        return measure(grow(market()))
    return series.evaluate(data, NAME, scorer, untrained)


def grow(windows: Windows) -> Grown:
    """Fit on the first window and choose the threshold on the second; the third is not looked at."""
    forest = fit(derive(windows.train.values))
    content = _file_of(forest)
    return Grown(forest, content, choose_threshold(scores_of(forest, windows.validation.values)), windows)


def fit(inputs: Float64) -> Any:  # noqa: ANN401 - scikit-learn has no types
    """Grow the forest on inputs (n, 6)."""
    forest = IsolationForest(n_estimators=TREES, max_samples=min(SAMPLES, len(inputs)), random_state=SEED)
    return forest.fit(inputs.astype(np.float32))


def scores_of(forest: Any, rows: Float64) -> Float64:  # noqa: ANN401 - scikit-learn has no types
    """Score feature rows (n, f) as the paper does: 0 usual, 1 unusual (scikit-learn returns its negative)."""
    return np.asarray(-forest.score_samples(derive(rows).astype(np.float32)), dtype=np.float64)


def scorer(rows: Float64) -> series.Scorer:
    """Train on feature rows (n, f) and score with the model file that comes of it."""
    content = _file_of(fit(derive(rows)))
    return lambda others: run(content, others)


def untrained(rows: Float64) -> series.Scorer:
    """Grow the same forest on standard normal noise in the place of rows (n, f)."""
    forest = fit(np.random.default_rng(SEED).standard_normal(derive(rows).shape))
    return lambda others: scores_of(forest, others)


def measure(grown: Grown) -> tuple[Line, ...]:
    """Measure the model and its baselines on the test window, each at its own threshold from the validation window."""
    rng = np.random.default_rng(SEED)
    windows = grown.windows
    before, after = windows.validation.values, windows.test.values
    inputs = derive(windows.train.values)
    noise = fit(rng.standard_normal(inputs.shape))
    ranges = fit(rng.uniform(inputs.min(axis=0), inputs.max(axis=0), size=inputs.shape))
    stretch = FEATURES.index("zscore_20")
    scores = {
        NAME: (scores_of(grown.forest, before), scores_of(grown.forest, after)),
        "untrained": (scores_of(noise, before), scores_of(noise, after)),
        "ranges": (scores_of(ranges, before), scores_of(ranges, after)),
        "random": (rng.random(len(before)), rng.random(len(after))),
        "zscore": (np.abs(before[:, stretch]), np.abs(after[:, stretch])),
    }
    return tuple(judge("test", name, *pair, windows) for name, pair in scores.items())


def _file_of(forest: Any) -> bytes:  # noqa: ANN401 - scikit-learn has no types
    return to_onnx([tree.tree_ for tree in forest.estimators_], forest.max_samples_)


if __name__ == "__main__":
    train(None, Path(sys.argv[1]) if sys.argv[1:] else FOLDER)
