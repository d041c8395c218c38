"""Train the anomaly model, choose its threshold, measure it, and write model file, manifest and golden scores.

Run as `python -m functions.models.anomaly.train [FOLDER]`, with the extra `train` installed. The same library versions
give the same files. What the figures mean, and what they do not, stands in `card.md`.
"""

import hashlib
import itertools
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import msgspec
import numpy as np
from numpy.typing import NDArray
from sklearn.ensemble import IsolationForest  # type: ignore[import-untyped]  # it ships no types
from sklearn.metrics import roc_auc_score  # type: ignore[import-untyped]  # it ships no types

from functions.adapters.onnx import MANIFEST, Manifest
from functions.domain.indicators import fold, kernel, state
from functions.domain.market import NS_PER_S, STATE_VALID, BarBatch, Float64, Int64
from functions.models.anomaly import FOLDER, GOLDEN, Golden
from functions.models.anomaly.export import FEATURES, derive, to_onnx
from functions.models.anomaly.synthetic import START_NS, Shock, Tape, bars, simulate

NAME: Final = "anomaly"
VERSION: Final = "1.0.0"
SEED: Final = 20240101

INSTRUMENTS: Final = 16
INTERVALS_S: Final = (5, 60)
HOURS: Final = (6, 9, 12)
"""Where the training, validation and test windows end."""
EMBARGO_BARS: Final = 60
"""Bars left out behind each boundary: more than any indicator's window, so that no row sees two windows."""

TREES: Final = 100
SAMPLES: Final = 256
"""The defaults of the original paper (Liu, Ting, Zhou, ICDM 2008, section 4.3)."""

ALERT_BUDGET: Final = 0.005
"""Share of validation rows that may be flagged: with 5 s bars about four an hour and instrument."""
LATE_BARS: Final = 2
"""Bars after a shock within which an alert still counts as having seen it."""
GOLDEN_ROWS: Final = 32


@dataclass(frozen=True, slots=True, eq=False)
class Rows:
    """Hold n feature rows of one window with where they come from; `shock` is the shock's number or -1."""

    values: Float64  # (n, f)
    instrument: Int64
    interval_s: Int64
    second: Int64
    shock: Int64

    def where(self, chosen: NDArray[np.bool_]) -> "Rows":
        """Keep chosen rows."""
        kept = (self.instrument[chosen], self.interval_s[chosen], self.second[chosen], self.shock[chosen])
        return Rows(self.values[chosen], *kept)


@dataclass(frozen=True, slots=True, eq=False)
class Grown:
    """Hold what one training gives: the forest, its model file and threshold, and the windows it saw."""

    forest: Any  # scikit-learn has no types
    content: bytes
    threshold: float
    train: Rows
    validation: Rows
    test: Rows


def main(folder: Path = FOLDER) -> None:
    """Train and write everything a model folder holds but its card."""
    grown = grow()
    write(folder, grown, measure(grown))


def grow(*, instruments: int = INSTRUMENTS, hour_s: int = 3600) -> Grown:
    """Simulate, fit on the first window, choose the threshold on the second, and keep the third aside.

    Args:
        instruments: How many instruments there are.
        hour_s: Length of an hour of the windows, seconds; tests shorten it.
    """
    bounds = [hours * hour_s for hours in (0, *HOURS)]
    tape = simulate(SEED, instruments=instruments, seconds=bounds[-1], shocks_from_s=bounds[1])
    rows = collect(tape)
    train, validation, test = (window(rows, *pair) for pair in itertools.pairwise(bounds))
    forest = fit(derive(train.values))
    content = to_onnx([tree.tree_ for tree in forest.estimators_], SAMPLES)
    return Grown(forest, content, choose_threshold(scores_of(forest, validation)), train, validation, test)


def collect(tape: Tape) -> Rows:
    """Fold every instrument's bars into features and label the rows whose bar, or one just before, held a shock."""
    parts = []
    for instrument in range(len(tape.price)):
        for interval_s in INTERVALS_S:
            values, start_ns = feature_rows(bars(tape, instrument, interval_s))
            second = (start_ns - START_NS) // NS_PER_S
            shock = _label(second, interval_s, instrument, tape.shocks)
            count = np.ones(len(second), dtype=np.int64)
            parts.append(Rows(values, count * instrument, count * interval_s, second, shock))
    return _join(parts)


def feature_rows(batch: BarBatch) -> tuple[Float64, Int64]:
    """Fold bars as the features table does; return the rows whose needed features are all valid, and their starts."""
    folded = fold.fold_batch(kernel, state.start(batch.shard), batch)
    if folded is None:
        return np.empty((0, len(FEATURES))), np.empty(0, dtype=np.int64)
    columns = folded.columns
    places = [columns.names.index(name) for name in FEATURES]
    valid = (columns.states[:, places] == STATE_VALID).all(axis=1)
    return columns.values[valid][:, places], columns.start_ns[valid]


def window(rows: Rows, from_s: int, until_s: int) -> Rows:
    """Keep the rows of a window, without the embargo behind its start."""
    begins = from_s + EMBARGO_BARS * rows.interval_s
    return rows.where((rows.second >= begins) & (rows.second < until_s))


def fit(inputs: Float64) -> Any:  # noqa: ANN401 - scikit-learn has no types
    """Grow the forest."""
    forest = IsolationForest(n_estimators=TREES, max_samples=SAMPLES, random_state=SEED)
    return forest.fit(inputs.astype(np.float32))


def scores_of(forest: Any, rows: Rows) -> Float64:  # noqa: ANN401 - scikit-learn has no types
    """Score rows as the paper does: 0 usual, 1 unusual (scikit-learn returns its negative)."""
    return np.asarray(-forest.score_samples(derive(rows.values).astype(np.float32)), dtype=np.float64)


def choose_threshold(scores: Float64) -> float:
    """Take the score that keeps to the alert budget, half way to the next lower score so that no row stands on it."""
    ranked = np.sort(np.unique(scores))
    at = np.searchsorted(ranked, np.quantile(scores, 1.0 - ALERT_BUDGET))
    return round(float((ranked[at - 1] + ranked[at]) / 2), 6)


def measure(grown: Grown) -> dict[str, float]:
    """Measure the model and its baselines on the test window, each at its own threshold from the validation window."""
    rng = np.random.default_rng(SEED)
    forest, validation, test = grown.forest, grown.validation, grown.test
    inputs = derive(grown.train.values)
    untrained = fit(rng.standard_normal(inputs.shape))
    box = rng.uniform(inputs.min(axis=0), inputs.max(axis=0), size=inputs.shape)
    ranges = fit(box)
    stretch = FEATURES.index("zscore_20")
    scorers = {
        "": (scores_of(forest, validation), scores_of(forest, test)),
        "untrained_": (scores_of(untrained, validation), scores_of(untrained, test)),
        "ranges_": (scores_of(ranges, validation), scores_of(ranges, test)),
        "random_": (rng.random(len(validation.second)), rng.random(len(test.second))),
        "zscore_": (np.abs(validation.values[:, stretch]), np.abs(test.values[:, stretch])),
    }
    metrics = {}
    for name, (before, after) in scorers.items():
        for figure, value in evaluate(after, choose_threshold(before), test).items():
            metrics[name + figure] = round(value, 4)
    return metrics


def evaluate(scores: Float64, threshold: float, rows: Rows) -> dict[str, float]:
    """Compare alerts with shocks, event by event; no score is adjusted after the fact.

    Returns:
        `auc` over rows; `alert_share` of rows; `event_recall`: shocks that were seen; `alert_precision`: runs of
        flagged bars that met a shock.
    """
    flagged = scores >= threshold
    real = np.unique(rows.shock[rows.shock >= 0])
    seen = np.unique(rows.shock[flagged & (rows.shock >= 0)])
    runs, true_runs = _runs(rows, flagged)
    return {
        "auc": float(roc_auc_score(rows.shock >= 0, scores)),
        "alert_share": float(flagged.mean()),
        "event_recall": len(seen) / len(real),
        "alert_precision": true_runs / max(runs, 1),
    }


def write(folder: Path, grown: Grown, metrics: dict[str, float]) -> None:
    """Write the model file, its manifest, and golden scores computed by the written file itself."""
    content, test = grown.content, grown.test
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "model.onnx").write_bytes(content)
    manifest = Manifest(
        name=NAME,
        version=VERSION,
        file="model.onnx",
        sha256=hashlib.sha256(content).hexdigest(),
        features=FEATURES,
        threshold=grown.threshold,
        window={
            "data": "synthetic",
            "seed": SEED,
            "start_ns": START_NS,
            "train_until_h": HOURS[0],
            "validate_until_h": HOURS[1],
            "test_until_h": HOURS[2],
            "train_rows": len(grown.train.second),
            "validation_rows": len(grown.validation.second),
            "test_rows": len(test.second),
        },
        metrics=metrics,
    )
    (folder / MANIFEST).write_bytes(_pretty(manifest))
    flagged = test.values[scores_of(grown.forest, test) >= grown.threshold]
    picked = np.vstack([_spread(test.values), _spread(flagged)])
    golden = Golden(features=FEATURES, rows=picked.tolist(), scores=run(content, picked).tolist())
    (folder / GOLDEN).write_bytes(_pretty(golden))


def run(content: bytes, rows: Float64) -> Float64:
    """Score rows with a model file."""
    import onnxruntime  # type: ignore[import-untyped]  # noqa: PLC0415 - it ships no types; only writing needs it

    session = onnxruntime.InferenceSession(content, providers=["CPUExecutionProvider"])
    return np.asarray(session.run(["scores"], {"features": rows})[0], dtype=np.float64)


def _label(second: Int64, interval_s: int, instrument: int, shocks: Sequence[Shock]) -> Int64:
    label = np.full(len(second), -1, dtype=np.int64)
    for number, shock in enumerate(shocks):
        if shock.instrument == instrument:
            ends = shock.end_s + LATE_BARS * interval_s
            label[(second + interval_s > shock.start_s) & (second < ends)] = number
    return label


def _join(parts: Sequence[Rows]) -> Rows:
    names = ("values", "instrument", "interval_s", "second", "shock")
    return Rows(*(np.concatenate([getattr(part, name) for part in parts]) for name in names))


def _runs(rows: Rows, flagged: NDArray[np.bool_]) -> tuple[int, int]:
    """Count runs of neighbouring flagged bars of one instrument and interval, and those that met a shock."""
    same = (np.diff(rows.instrument) == 0) & (np.diff(rows.second) == rows.interval_s[1:])
    begins = flagged & ~np.concatenate([[False], flagged[:-1] & same])
    run_of = np.cumsum(begins)
    return int(begins.sum()), len(np.unique(run_of[flagged & (rows.shock >= 0)]))


def _spread(rows: Float64) -> Float64:
    """Pick half of the golden rows, evenly from the first to the last."""
    return rows[np.linspace(0, len(rows) - 1, GOLDEN_ROWS // 2, dtype=np.int64)]


def _pretty(value: object) -> bytes:
    return msgspec.json.format(msgspec.json.encode(value), indent=1) + b"\n"


if __name__ == "__main__":
    main(*map(Path, sys.argv[1:]))
