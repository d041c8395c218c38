"""Train the text classifier, calibrate it, report it, and write model file, manifest and golden scores.

Run as `python -m functions.models.sentiment.train DATA [FOLDER]`, with the extra `train` installed; DATA is a CSV with
the columns `text` and `label`, or its folder. The same library versions give the same files. What the figures mean, and
what they do not, stands in `card.md`.
"""

import hashlib
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, TypeAlias

import msgspec
import numpy as np
from scipy import sparse  # type: ignore[import-untyped]  # it ships no types
from scipy.optimize import minimize  # type: ignore[import-untyped]  # it ships no types
from sklearn.linear_model import LogisticRegression  # type: ignore[import-untyped]  # it ships no types
from sklearn.metrics import f1_score  # type: ignore[import-untyped]  # it ships no types
from sklearn.model_selection import GroupKFold, cross_val_predict  # type: ignore[import-untyped]  # it ships no types

from functions.adapters.texts import MANIFEST, NAME, TextManifest, load_hashed, open_session
from functions.domain.evaluation import Line
from functions.domain.lexicon import cues
from functions.domain.market import Float64, Int64
from functions.domain.sentiment import NAMES
from functions.domain.texts import CUES, bucket, indices, text_indices, words
from functions.models.sentiment import FOLDER, GOLDEN, Golden
from functions.models.sentiment.data import ALIKE, LABELS, PARTS, Texts, parts, read
from functions.models.sentiment.export import Linear, to_onnx

VERSION: Final = "1.0.0"
SEED: Final = 20240101
BUCKETS: Final = 16_384
STRENGTHS: Final = (1.0, 3.0, 10.0, 30.0)
"""Inverse regularisations that are compared by cross-validation inside the training part."""
FOLDS: Final = 5
CUE_WEIGHT: Final = 2.0
"""Best of 1, 1.5, 2, 3 and 4 by the same cross-validation."""
PLACES: Final = tuple(LABELS.index(name) for name in NAMES)
"""Where each figure stands among the labels of the file."""

Said: TypeAlias = tuple[Int64, Float64]
"""Labels (n,) and probabilities (n, 3) of n texts."""

GOLDEN_TEXTS: Final = (
    "Profit beats estimates, shares jump 12%",
    "$XYZ: bank cuts to Sell",
    "RT @desk: $XYZ cut to Sell https://example.org/1",
    "Annual general meeting will be held on Tuesday",
    "Outlook lowered after weak quarter, stock plunges -8%",
    "Upgraded to overweight with a higher price target",
    "Company X to report results on 12 May",
    "Sägewerk reports récord prófit \N{ROCKET}",
    "3.5%",
    "a",
    "GDP growth slows; central bank holds rates",
    "Dividend raised 10% as sales grow",
)


@dataclass(frozen=True, slots=True, eq=False)
class Trained:
    """Hold what one training gives: the classifier, its file, and the parts it saw and did not."""

    model: Linear
    content: bytes
    strength: float
    train: Texts
    calibrate: Texts
    report: Texts


def main(data: Path, folder: Path = FOLDER) -> None:
    """Train on labelled texts and write everything a model folder holds but its card."""
    trained = grow(read(data))
    write(folder, trained, measure(trained))


def train(data: Path | None, out: Path) -> None:
    """Train on labelled texts and write a model folder.

    Raises:
        ValueError: No data is given: labelled texts cannot be made up.
    """
    main(_needed(data), out)


def evaluate(data: Path | None) -> tuple[Line, ...]:
    """Measure the shipped model beside its baselines, on the reported part of the texts it was trained on.

    Raises:
        ValueError: No data is given.
    """
    known, _, report = parts(read(_needed(data)))
    content = (FOLDER / load_hashed(FOLDER).manifest.file).read_bytes()
    scorers = {"model": most(run(content, report.texts)[1]), **baselines(known, report)}
    return tuple(
        Line("report", scorer, tuple((figures(said, report) | counts(report)).items()))
        for scorer, said in scorers.items()
    )


def grow(known: Texts, *, strengths: Sequence[float] = STRENGTHS) -> Trained:
    """Part texts, choose the strength and fit on the first part, calibrate on the second, keep the third aside."""
    first, second, third = parts(known)
    strength = choose(first, strengths) if len(strengths) > 1 else strengths[0]
    model = calibrated(fit(first, strength), second)
    return Trained(model, to_onnx(model, NAMES), strength, first, second, third)


def choose(known: Texts, strengths: Sequence[float]) -> float:
    """Take the strength of the best macro-F1 under cross-validation over whole groups."""

    def judge(strength: float) -> float:
        rows = matrix(known.texts) @ sparse.diags(rarity_of(known.texts))
        folds = GroupKFold(FOLDS)
        said = cross_val_predict(_regression(strength), _unit(rows), known.labels, groups=known.group, cv=folds)
        return macro_f1(said, known.labels)

    return max(strengths, key=judge)


def fit(known: Texts, strength: float) -> Linear:
    """Fit a logistic regression with evenly weighed classes; its columns stand in the order of the figures."""
    rarity = rarity_of(known.texts)
    fitted = _regression(strength).fit(_unit(matrix(known.texts) @ sparse.diags(rarity)), known.labels)
    return Linear(fitted.coef_[list(PLACES)].T, rarity, 1.0, fitted.intercept_[list(PLACES)])


def calibrated(model: Linear, known: Texts) -> Linear:
    """Fit one temperature and a shift of each class but neutral to unseen texts, by likelihood.

    Source:
        Alexandari, Kundaje, Shrikumar, "Maximum Likelihood with Bias-Corrected Calibration", ICML 2020.
    """
    plain = np.log(probabilities(model, known.texts))
    truth = np.array(PLACES).argsort()[known.labels]

    def loss(given: Float64) -> float:
        said = _softmax(plain * np.exp(given[0]) + np.array([given[1], 0.0, given[2]]))
        return float(-np.log(said[np.arange(len(truth)), truth] + 1e-12).mean())

    stretch, bearish, bullish = minimize(loss, np.zeros(3), method="BFGS").x
    scale = float(np.exp(stretch))
    return Linear(model.weights, model.rarity, scale, model.bias * scale + np.array([bearish, 0.0, bullish]))


def probabilities(model: Linear, texts: Sequence[str]) -> Float64:
    """Compute the probabilities (n, 3) as the trainer has them, in float64 and with nothing rounded."""
    rows = _unit(matrix(texts) @ sparse.diags(model.rarity))
    return _softmax(np.asarray(rows @ model.weights) * model.scale + model.bias)


def run(content: bytes, texts: Sequence[str]) -> tuple[Float64, Float64]:
    """Score texts with a model file: scores (n,) and probabilities (n, 3)."""
    given = {"indices": text_indices(texts, BUCKETS).indices}
    scores, values = open_session(NAME, content).run(["scores", "values"], given)
    return np.asarray(scores, dtype=np.float64), np.asarray(values, dtype=np.float64)


def measure(trained: Trained) -> dict[str, float]:
    """Measure the model file and its baselines on the reported part; a model of shuffled labels stands beside."""
    report = trained.report
    mixed = np.random.default_rng(SEED).permutation(trained.train.labels)
    shuffled = fit(Texts(trained.train.texts, mixed, trained.train.group), trained.strength)
    scorers = {"": most(run(trained.content, report.texts)[1]), **baselines(trained.train, report)}
    scorers["shuffled"] = most(probabilities(calibrated(shuffled, trained.calibrate), report.texts))
    found = {
        f"{scorer}_{name}".lstrip("_"): round(value, 4)
        for scorer, said in scorers.items()
        for name, value in figures(said, report).items()
    }
    return found | counts(report)


def most(values: Float64) -> Said:
    """Say the most probable label of each text."""
    return np.array(PLACES)[values.argmax(axis=1)], values


def baselines(known: Texts, report: Texts) -> dict[str, Said]:
    """Give what is said by who tells the classes' shares every time, and by the word list.

    The list says what a text leans to, with the shares of the classes among trained texts that lean as it does.
    """
    ways, known_way = _ways(report), _ways(known)
    by_way = np.array([_shares(known.labels[known_way == way]) for way in range(len(NAMES))])
    majority = np.tile(_shares(known.labels), (len(report.labels), 1))
    return {"majority": most(majority), "lexicon": (np.array(PLACES)[ways], by_way[ways])}


def figures(said: Said, known: Texts) -> dict[str, float]:
    """Compare labels (n,) and probabilities (n, 3) with what is true.

    Returns:
        `macro_f1` and `accuracy` of the labels; `brier`: the mean over texts of the summed squared distance of the
        three probabilities from what was true, 0 to 2.
    """
    labels, values = said
    truth = np.eye(len(LABELS))[known.labels][:, list(PLACES)]
    return {
        "macro_f1": macro_f1(labels, known.labels),
        "accuracy": float((labels == known.labels).mean()),
        "brier": float(((values - truth) ** 2).sum(axis=1).mean()),
    }


def counts(known: Texts) -> dict[str, float]:
    """Count the texts of each class."""
    found = np.bincount(known.labels, minlength=len(LABELS))
    return {f"n_{name}": float(found[place]) for name, place in zip(NAMES, PLACES, strict=True)}


def macro_f1(said: Int64, truth: Int64) -> float:
    """Compute the mean of the classes' F1; a class never said has 0."""
    return float(f1_score(truth, said, labels=range(len(LABELS)), average="macro", zero_division=0.0))


def matrix(texts: Sequence[str]) -> Any:  # noqa: ANN401 - scipy has no types
    """Mark which buckets each text touches: a sparse matrix (n, b) of ones."""
    rows = [indices(text, BUCKETS) for text in texts]
    ends = np.cumsum([0, *map(len, rows)])
    places = np.concatenate([np.array(row, dtype=np.int64) for row in rows])
    return sparse.csr_matrix((np.ones(len(places)), places, ends), shape=(len(rows), BUCKETS))


def rarity_of(texts: Sequence[str]) -> Float64:
    """Weigh buckets by rarity: ln((1 + n) / (1 + texts that touch it)) + 1; those of the lexicon's cues twice."""
    touched = np.asarray(matrix(texts).sum(axis=0)).ravel()
    rarity = np.asarray(np.log((1.0 + len(texts)) / (1.0 + touched)) + 1.0, dtype=np.float64)
    rarity[[bucket(term, BUCKETS) for term in CUES]] *= CUE_WEIGHT
    return rarity


def write(folder: Path, trained: Trained, metrics: dict[str, float]) -> None:
    """Write the model file, its manifest, and golden scores computed by the written file itself."""
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "model.onnx").write_bytes(trained.content)
    digest = hashlib.sha256(trained.content).hexdigest()
    manifest = TextManifest(
        name=NAME,
        version=VERSION if folder == FOLDER else f"{VERSION}+{digest[:8]}",
        file="model.onnx",
        sha256=digest,
        buckets=BUCKETS,
        figures=NAMES,
        threshold=0.5,
        window={
            "data": "labelled headlines and posts",
            "alike": ALIKE,
            "train_until": PARTS[0],
            "calibrate_until": PARTS[1],
            "train_texts": len(trained.train.texts),
            "calibrate_texts": len(trained.calibrate.texts),
            "report_texts": len(trained.report.texts),
            "strength": trained.strength,
            "temperature": round(1.0 / trained.model.scale, 6),
        },
        metrics=metrics,
    )
    (folder / MANIFEST).write_bytes(_pretty(manifest))
    scores, values = run(trained.content, GOLDEN_TEXTS)
    golden = Golden(NAMES, list(GOLDEN_TEXTS), scores.tolist(), values.tolist())
    (folder / GOLDEN).write_bytes(_pretty(golden))


def _regression(strength: float) -> Any:  # noqa: ANN401 - scikit-learn has no types
    return LogisticRegression(C=strength, class_weight="balanced", max_iter=1000)


def _unit(rows: Any) -> Any:  # noqa: ANN401 - scipy has no types
    """Divide each row by its length; an empty row stays empty."""
    length = np.sqrt(np.asarray(rows.multiply(rows).sum(axis=1)).ravel())
    return sparse.diags(1.0 / np.where(length > 0.0, length, 1.0)) @ rows


def _softmax(logits: Float64) -> Float64:
    grown = np.exp(logits - logits.max(axis=1, keepdims=True))
    return np.asarray(grown / grown.sum(axis=1, keepdims=True), dtype=np.float64)


def _ways(known: Texts) -> Int64:
    """Give the place among the figures of what each text leans to by the word list."""
    found = [cues(words(text)) for text in known.texts]
    return np.array([np.sign(up - down) + NAMES.index("neutral") for up, down in found], dtype=np.int64)


def _shares(labels: Int64) -> Float64:
    """Give the share of each class, in the order of the figures, as if each had been seen once more."""
    counts = np.bincount(labels, minlength=len(LABELS))[list(PLACES)] + 1.0
    return np.asarray(counts / counts.sum(), dtype=np.float64)


def _needed(data: Path | None) -> Path:
    if data is None:
        detail = "labelled texts cannot be made up: give a CSV with the columns text and label"
        raise ValueError(detail)
    return data


def _pretty(value: object) -> bytes:
    return msgspec.json.format(msgspec.json.encode(value), indent=1) + b"\n"


if __name__ == "__main__":
    main(*map(Path, sys.argv[1:]))
