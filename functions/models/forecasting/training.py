"""Train a forecast model walking forward, measure it beside persistence, and write file, manifest and golden rows.

Each fold fits on the older part of what lies before its test, calibrates on the newer part, and is tested once. The
last fold's model is the one that is written; the manifest's figures are those of all tests together.
"""

import hashlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final, Protocol

import msgspec
import numpy as np

from functions.adapters.onnx import MANIFEST, Manifest, OnnxModel
from functions.domain.evaluation import walk_forward
from functions.domain.market import Float64
from functions.models.forecasting import FEATURES, FIGURES, GOLDEN, HORIZONS, STEPS, THRESHOLD, Golden
from functions.models.forecasting.graph import Body, to_onnx
from functions.models.forecasting.measuring import measure, promoted
from functions.models.forecasting.promises import OUTLIER, Calibration, calibrate, outcomes, scaled, tell
from functions.models.forecasting.series import SYNTHETIC, DataError, Market, Rows, rows_of

VERSION: Final = "1.0.0"
FOLDS: Final = 3
FIT_SHARE: Final = 0.75
"""Part of the time before a test that is fitted on; the rest calibrates."""
GAP: Final = STEPS + max(HORIZONS)
"""Bars left out between two windows: no input and no outcome is seen from both sides."""
FIT_ROWS_MAX: Final = 60_000
"""Rows a fit takes at most, drawn evenly: neighbours differ by one return of 32."""
FIT_ROWS_MIN: Final = 64
GOLDEN_ROWS: Final = 12


class Fitted(Protocol):
    """What a fit gives."""

    def predict(self, inputs: Float64) -> Float64:
        """Forecast (n, 3) from scaled returns (n, 32), as the training library does."""
        ...

    def body(self) -> Body:
        """Write the same as a graph."""
        ...


Fit = Callable[[Float64, Float64], Fitted]
"""Fit on scaled returns (n, 32) and outcomes (n, 3), both in units of volatility, rows in time order."""


@dataclass(frozen=True, slots=True, eq=False)
class Trained:
    """Hold one fold: what was fitted, what it promises, its file, and the rows it was tested on."""

    fitted: Fitted
    calibration: Calibration
    persistence: Calibration
    content: bytes
    train: Rows
    test: Rows


def walk(name: str, fit: Fit, market: Market, *, folds: int = FOLDS) -> tuple[Trained, ...]:
    """Train and test fold by fold; the last fold's model is the newest.

    Raises:
        DataError: There are too few bars for the folds.
    """
    rows = rows_of(market)
    unit = market.unit
    first, last = int(rows.clock[0]) // unit, int(rows.clock[-1]) // unit + 1
    try:
        splits = walk_forward(last - first, folds, horizon=max(HORIZONS), embargo=STEPS)
    except ValueError as error:
        msg = f"{market.source} has {last - first} bars to forecast from: {error}"
        raise DataError(msg) from error
    trained = []
    for train, test in splits:
        before = rows.where(rows.clock < (first + len(train)) * unit)
        begin, end = (first + int(test[0])) * unit, (first + int(test[-1]) + 1) * unit
        held_out = rows.where((rows.clock >= begin) & (rows.clock < end))
        trained.append(train_fold(name, fit, before, held_out, gap=GAP * unit))
    return tuple(trained)


def train_fold(name: str, fit: Fit, before: Rows, test: Rows, *, gap: int) -> Trained:
    """Fit on the older part of the rows before a test and calibrate on the newer, with `gap` of the clock between.

    Raises:
        DataError: There are too few rows to fit or to calibrate.
    """
    boundary = int(before.clock[int(len(before.clock) * FIT_SHARE)]) if len(before.clock) else 0
    oldest, newest = before.where(before.clock < boundary - gap), before.where(before.clock >= boundary)
    if min(len(oldest.clock), len(newest.clock)) < FIT_ROWS_MIN:
        few = min(len(oldest.clock), len(newest.clock))
        msg = f"{few} rows to fit or calibrate on, at least {FIT_ROWS_MIN} are needed: give more bars"
        raise DataError(msg)
    picked = np.unique(np.linspace(0, len(oldest.clock) - 1, FIT_ROWS_MAX).astype(np.int64))
    learnt = oldest.where(picked)
    fitted = fit(scaled(learnt.returns), np.clip(outcomes(learnt.returns, learnt.ahead), -OUTLIER, OUTLIER))
    calibration = calibrate(fitted.predict(scaled(newest.returns)), newest.returns, newest.ahead)
    persistence = calibrate(np.zeros(newest.ahead.shape), newest.returns, newest.ahead)
    content = to_onnx(name, fitted.body(), calibration)
    return Trained(fitted, calibration, persistence, content, before, test)


def trainer_says(trained: Trained, rows: Rows) -> Float64:
    """Give the trainer's figures (n, 18) of rows, which the model file should equal."""
    return tell(trained.fitted.predict(scaled(rows.returns)), rows.returns, trained.calibration)


def persistence_says(trained: Trained, rows: Rows) -> Float64:
    """Give the figures (n, 18) of no change: return 0, conformal intervals around it, the share that rose."""
    return tell(np.zeros(rows.ahead.shape), rows.returns, trained.persistence)


def metrics_of(walked: Sequence[Trained], *, unit: int) -> dict[str, float]:
    """Measure all tests together, model and persistence; `promoted` is 1 where nothing loses and something wins."""
    rows = Rows(
        *(np.concatenate([getattr(one.test, part) for one in walked]) for part in ("returns", "ahead", "clock"))
    )
    ours = np.vstack([trainer_says(one, one.test) for one in walked])
    naive = np.vstack([persistence_says(one, one.test) for one in walked])
    model, persistence = measure(rows, ours, unit=unit), measure(rows, naive, unit=unit)
    found = {f"{name}_{horizon}": value for horizon, figures in model.items() for name, value in figures.items()}
    for horizon, figures in persistence.items():
        found |= {f"persistence_{name}_{horizon}": figures[name] for name in ("coverage80", "coverage95", "brier")}
    return found | {"promoted": float(promoted(model))}


def write(name: str, folder: Path, market: Market, walked: Sequence[Trained], *, batch: int) -> None:
    """Write the last fold's model file, its manifest, and golden rows told by the written file itself."""
    last, content = walked[-1], walked[-1].content
    digest = hashlib.sha256(content).hexdigest()
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "model.onnx").write_bytes(content)
    manifest = Manifest(
        name=name,
        version=VERSION if market.source == SYNTHETIC else f"{VERSION}+{digest[:12]}",
        file="model.onnx",
        sha256=digest,
        features=FEATURES,
        threshold=THRESHOLD,
        window=_window(market, walked),
        metrics=metrics_of(walked, unit=market.unit),
        figures=FIGURES,
        batch=batch,
    )
    (folder / MANIFEST).write_bytes(_pretty(manifest))
    picked = last.test.returns[np.linspace(0, len(last.test.clock) - 1, GOLDEN_ROWS, dtype=np.int64)]
    told = OnnxModel(manifest, content).run(picked)
    golden = Golden(features=FEATURES, rows=picked.tolist(), scores=told.scores.tolist(), values=told.values.tolist())
    (folder / GOLDEN).write_bytes(_pretty(golden))


def _window(market: Market, walked: Sequence[Trained]) -> dict[str, str | int | float]:
    """Say what was trained and tested on; a clock counts bars of a file, seconds of the simulation."""
    last = walked[-1]
    window: dict[str, str | int | float] = {
        "data": market.source,
        "folds": len(walked),
        "train_rows": len(last.train.clock),
        "test_rows": sum(len(one.test.clock) for one in walked),
        "train_until_clock": int(last.train.clock[-1]),
        "test_from_clock": int(last.test.clock[0]),
    }
    if market.digest:
        window["data_sha256"] = market.digest
    for place, horizon in enumerate(HORIZONS):
        promise = last.persistence
        window[f"persistence_radius80_{horizon}"] = float(promise.radius80[place])
        window[f"persistence_radius95_{horizon}"] = float(promise.radius95[place])
        window[f"persistence_logit_{horizon}"] = float(promise.intercept[place])
    return window


def _pretty(value: object) -> bytes:
    return msgspec.json.format(msgspec.json.encode(value), indent=1) + b"\n"
