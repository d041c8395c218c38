"""Train the autoencoder, choose its threshold, measure it, and write model file, manifest and golden scores.

Run as `python -m functions.models.anomaly_autoencoder.train [FOLDER]`, with the extra `train`. Market, inputs,
windows, alert budget and judgement are those of the isolation forest. What the figures mean stands in `card.md`.
"""

import hashlib
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import numpy as np

from functions.domain.evaluation import Line
from functions.domain.market import Float64
from functions.models.anomaly import series
from functions.models.anomaly.alerts import choose_threshold, judge, metrics_of
from functions.models.anomaly.artefacts import manifest_of, run, write
from functions.models.anomaly.inputs import FEATURES, derive
from functions.models.anomaly.rows import SEED, SYNTHETIC, Windows, market
from functions.models.anomaly_autoencoder import FOLDER
from functions.models.anomaly_autoencoder.export import to_onnx
from functions.models.anomaly_autoencoder.network import STEPS, Network, fit

NAME: Final = "anomaly_autoencoder"
VERSION: Final = "1.0.0"


@dataclass(frozen=True, slots=True, eq=False)
class Trained:
    """Hold what one training gives: the network, its model file and threshold, and the windows it saw."""

    network: Network
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
    trained = learn(windows)
    version = VERSION if data is None else f"{VERSION}+{hashlib.sha256(trained.content).hexdigest()[:8]}"
    manifest = manifest_of(
        trained.content,
        name=NAME,
        version=version,
        threshold=trained.threshold,
        window=told | windows.sizes,
        metrics=metrics_of(measure(trained)),
    )
    flagged = windows.test.values[trained.network.scores(derive(windows.test.values)) >= trained.threshold]
    write(out, manifest, trained.content, usual=windows.test.values, flagged=flagged)


def evaluate(data: Path | None) -> tuple[Line, ...]:
    """Train on the early part of labelled series and judge on the rest; without any, on the synthetic hours."""
    if data is None:
        return measure(learn(market()))
    return series.evaluate(data, NAME, scorer, untrained)


def learn(windows: Windows, *, steps: int = STEPS) -> Trained:
    """Fit on the first window and choose the threshold on the second; the third is not looked at.

    Args:
        windows: Rows.
        steps: Steps of the descent; tests take fewer.
    """
    network = fit(derive(windows.train.values), seed=SEED, steps=steps)
    threshold = choose_threshold(network.scores(derive(windows.validation.values)))
    return Trained(network, to_onnx(network), threshold, windows)


def scorer(rows: Float64) -> series.Scorer:
    """Train on feature rows (n, f) and score with the model file that comes of it."""
    content = to_onnx(fit(derive(rows), seed=SEED))
    return lambda others: run(content, others)


def untrained(rows: Float64) -> series.Scorer:
    """Leave the weights as they were drawn; scaler and spread of the error are fitted to rows (n, f)."""
    network = fit(derive(rows), seed=SEED, steps=0)
    return lambda others: network.scores(derive(others))


def measure(trained: Trained) -> tuple[Line, ...]:
    """Measure the model and its baselines on the test window, each at its own threshold from the validation window."""
    rng = np.random.default_rng(SEED)
    windows = trained.windows
    before, after = windows.validation.values, windows.test.values
    drawn = untrained(windows.train.values)
    stretch = FEATURES.index("zscore_20")
    scores = {
        NAME: (trained.network.scores(derive(before)), trained.network.scores(derive(after))),
        "untrained": (drawn(before), drawn(after)),
        "random": (rng.random(len(before)), rng.random(len(after))),
        "zscore": (np.abs(before[:, stretch]), np.abs(after[:, stretch])),
    }
    return tuple(judge("test", name, *pair, windows) for name, pair in scores.items())


if __name__ == "__main__":
    train(None, Path(sys.argv[1]) if sys.argv[1:] else FOLDER)
