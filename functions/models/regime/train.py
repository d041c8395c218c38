"""Fit the regime model, measure it beside models without regimes, and write model file, manifest and golden rows.

Run as `python -m functions.models.regime.train [FOLDER]`, with the extra `train` installed. The same library versions
give the same files. What the figures mean, and what they do not, stands in `card.md`.
"""

import hashlib
import sys
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from types import MappingProxyType
from typing import Final, TypeAlias

import msgspec
import numpy as np

from functions.adapters.onnx import MANIFEST, Manifest, OnnxModel
from functions.domain.evaluation import Line, diebold_mariano
from functions.domain.market import Float64
from functions.models.forecasting import GOLDEN, STEPS, Golden
from functions.models.forecasting.series import SYNTHETIC, Market, market
from functions.models.regime import FEATURES, FIGURES, FOLDER, NAME, STATES, THRESHOLD
from functions.models.regime.export import from_onnx, to_onnx
from functions.models.regime.hmm import DEVIATION_MIN, Hmm, fit, forward, log_densities
from functions.models.regime.series import CHUNK, EMBARGO, TRAIN_SHARE, Windows, standardised, windows

VERSION: Final = "1.0.0"
FILE: Final = "model.onnx"
Start: TypeAlias = tuple[tuple[float, ...], float]

STARTS: Final[tuple[Start, ...]] = (
    ((0.5, 1.0, 2.0), 0.9),
    ((0.5, 1.0, 2.0), 0.98),
    ((0.3, 0.8, 1.6), 0.95),
    ((0.8, 1.0, 1.3), 0.99),
    ((0.4, 0.9, 4.0), 0.8),
)
"""Where the climb begins: deviations, and the probability to stay. The one that ends highest is kept."""
DECAY: Final = 0.94
"""RiskMetrics' decay."""
ROUNDS: Final = 300
TOLERANCE: Final = 1e-6
SIGNIFICANT: Final = 1.96
"""Two-sided 5 % of the normal distribution."""
GOLDEN_ROWS: Final = 24
DIGITS: Final = 4


def train(data: Path | None, out: Path) -> None:
    """Fit and write everything a model folder holds but its card.

    Args:
        data: Bars of one instrument as `forecasting.series.read` takes them; none is the simulated market.
        out: The folder, made if it is not there.

    Raises:
        DataError: The file cannot be read as bars, or is too short.
    """
    bars = market(data)
    seen = windows(bars)
    model = learn(seen.chunks)
    content = to_onnx(model)
    digest = hashlib.sha256(content).hexdigest()
    told = measure(model, seen)
    manifest = Manifest(
        name=NAME,
        version=VERSION if bars.source == SYNTHETIC else f"{VERSION}+{digest[:12]}",
        file=FILE,
        sha256=digest,
        features=FEATURES,
        threshold=THRESHOLD,
        window=_window(bars, seen),
        metrics=_metrics(model, told),
        figures=FIGURES,
    )
    picked = seen.rows[np.linspace(0, len(seen.rows) - 1, GOLDEN_ROWS, dtype=np.int64)]
    scored = OnnxModel(manifest, content).run(picked)
    golden = Golden(FEATURES, picked.tolist(), scored.scores.tolist(), scored.values.tolist())
    out.mkdir(parents=True, exist_ok=True)
    (out / manifest.file).write_bytes(content)
    (out / MANIFEST).write_bytes(_pretty(manifest))
    (out / GOLDEN).write_bytes(_pretty(golden))


def evaluate(data: Path | None) -> tuple[Line, ...]:
    """Fit on the first part of the bars and measure on the last, beside models without regimes.

    Returns:
        Mean log likelihood of the next bar's return (nats a bar, greater is better), and the Diebold-Mariano statistic
        of its difference from the model's (above 1.96 the model is better). Beside a model that was fitted on bars of a
        file stands the shipped one, which has not seen them.
    """
    seen = windows(market(data))
    others = {} if data is None else {"shipped": from_onnx((FOLDER / FILE).read_bytes())}
    told = measure(learn(seen.chunks), seen, others)
    return tuple(Line("test", name, tuple(figures.items())) for name, figures in told.items())


def learn(chunks: Float64, *, starts: Sequence[Start] = STARTS) -> Hmm:
    """Fit from every start and keep the likeliest model, its states sorted by variance."""
    found = [fit(chunks, _start(*one), rounds=ROUNDS, tolerance=TOLERANCE) for one in starts]
    return max(found, key=lambda pair: float(pair[1][-1]))[0].sorted


def filtered(model: Hmm, rows: Float64) -> Float64:
    """Give the probabilities (n, 3) behind feature rows (n, 33): a forward filter from the stationary distribution."""
    values = standardised(rows[:, :STEPS], rows[:, STEPS:])
    return forward(replace(model, first=model.stationary), values)[0][:, -1]


def measure(model: Hmm, seen: Windows, others: Mapping[str, Hmm] = MappingProxyType({})) -> dict[str, dict[str, float]]:
    """Measure how likely each scorer held the return behind each row of the test window.

    The baselines, fitted on the same bars: one Gaussian; a mixture of three that are independent of the past; and such
    a mixture of returns by the exponentially weighted deviation of those 32 (RiskMetrics 1996), which follows
    volatility without having states.

    Args:
        model: The model.
        seen: Rows of the test window, and what the baselines are fitted on.
        others: Further regime models, by the names they are shown under.
    """
    scale = weighted_deviation(standardised(seen.rows[:, :STEPS], seen.rows[:, STEPS:]))
    single = Hmm(np.ones(1), np.ones((1, 1)), seen.chunks.mean(keepdims=True)[0], seen.chunks.std(keepdims=True)[0])
    flat, followed = mixture(seen.chunks), mixture(_followed(seen.chunks))
    logs = {
        NAME: _foretold(model, seen),
        **{name: _foretold(other, seen) for name, other in others.items()},
        "gaussian": log_densities(single, seen.ahead)[:, 0],
        "mixture": _mixed(flat.first, log_densities(flat, seen.ahead)),
        "ewma_mixture": _mixed(followed.first, log_densities(followed, seen.ahead / scale)) - np.log(scale),
    }
    blocks = {name: _by_block(column, seen.block) for name, column in logs.items()}
    return {
        name: {
            "log_likelihood": round(float(column.mean()), DIGITS),
            "against": round(diebold_mariano(-blocks[name], -blocks[NAME], lags=1), DIGITS),
        }
        for name, column in logs.items()
    }


def _foretold(model: Hmm, seen: Windows) -> Float64:
    """Give the log density of what is ahead of each row: its states, one move on."""
    return _mixed(filtered(model, seen.rows) @ model.moves, log_densities(model, seen.ahead))


def mixture(values: Float64) -> Hmm:
    """Fit a mixture of three Gaussians, `first` their shares: a model whose every sequence is one value long."""
    return fit(values.reshape(-1, 1), _start(*STARTS[0]), rounds=ROUNDS, tolerance=TOLERANCE)[0].sorted


def weighted_deviation(values: Float64) -> Float64:
    """Give the root of the exponentially weighted mean square of values (..., 32), the newest heaviest."""
    weights = DECAY ** np.arange(STEPS - 1, -1, -1)
    found: Float64 = np.maximum(np.sqrt((values * values) @ (weights / weights.sum())), DEVIATION_MIN)
    return found


def _followed(chunks: Float64) -> Float64:
    """Divide each value of sequences by the weighted deviation of the 32 before it."""
    before = np.lib.stride_tricks.sliding_window_view(chunks, STEPS, axis=1)[:, :-1]
    found: Float64 = chunks[:, STEPS:] / weighted_deviation(before)
    return found


def _start(deviations: tuple[float, ...], stay: float) -> Hmm:
    even = np.full((STATES, STATES), (1.0 - stay) / (STATES - 1))
    np.fill_diagonal(even, stay)
    return Hmm(np.full(STATES, 1.0 / STATES), even, np.zeros(STATES), np.array(deviations))


def _mixed(shares: Float64, logs: Float64) -> Float64:
    """Give the log of densities mixed by shares."""
    peak = logs.max(axis=1, keepdims=True)
    found: Float64 = np.log((shares * np.exp(logs - peak)).sum(axis=1)) + peak[:, 0]
    return found


def _by_block(column: Float64, block: Float64) -> Float64:
    """Average over stretches of bars, so that only neighbours depend."""
    places = block.astype(np.int64)
    found: Float64 = np.bincount(places, column) / np.bincount(places)
    return found


def _metrics(model: Hmm, told: Mapping[str, Mapping[str, float]]) -> dict[str, float]:
    beats = [figures["against"] > SIGNIFICANT for name, figures in told.items() if name != NAME]
    found = {f"log_likelihood_{name}": figures["log_likelihood"] for name, figures in told.items()}
    found |= {f"dm_{name}": figures["against"] for name, figures in told.items() if name != NAME}
    for at, figure in enumerate(FIGURES):
        found[f"deviation_{figure}"] = round(float(model.deviation[at]), DIGITS)
        found[f"mean_{figure}"] = round(float(model.mean[at]), DIGITS)
        found[f"share_{figure}"] = round(float(model.stationary[at]), DIGITS)
        found[f"dwell_{figure}"] = round(float(model.dwell[at]), DIGITS)
    return found | {"promoted": float(all(beats))}


def _window(bars: Market, seen: Windows) -> dict[str, str | int | float]:
    window: dict[str, str | int | float] = {
        "data": bars.source,
        "train_share": TRAIN_SHARE,
        "embargo_bars": EMBARGO,
        "train_bars": len(seen.chunks) * CHUNK,
        "test_rows": len(seen.rows),
    }
    return window | ({"data_sha256": bars.digest} if bars.digest else {})


def _pretty(value: object) -> bytes:
    return msgspec.json.format(msgspec.json.encode(value), indent=1) + b"\n"


if __name__ == "__main__":
    train(None, Path(sys.argv[1]) if len(sys.argv) > 1 else FOLDER)
