"""Measure a forecast's model file beside its baselines, on rows it was not trained on."""

from pathlib import Path
from typing import Final

import numpy as np

from functions.adapters.onnx import MANIFEST, Manifest, load_model
from functions.domain.evaluation import Line
from functions.models.forecasting import HORIZONS
from functions.models.forecasting.measuring import measure
from functions.models.forecasting.promises import Calibration, tell
from functions.models.forecasting.series import Market, market, rows_of

BASELINE: Final = Path(__file__).parents[1] / "forecast_boosted"


def evaluate_file(folder: Path, data: Path | None) -> tuple[Line, ...]:
    """Compare the model in a folder with the boosted baseline and with no change, for each horizon.

    Args:
        folder: A model folder.
        data: Bars as `series` reads them; None for the simulated ones. Of what a model was trained on only the last
            test is used, of anything else every row.

    Returns:
        Lines with the figures of `measuring.measure`; the model first.

    Raises:
        DataError: The bars cannot be read.
        ModelError: The model cannot be loaded.
    """
    bars = market(data)
    folders = dict.fromkeys((folder, BASELINE)) if (BASELINE / MANIFEST).is_file() else {folder: None}
    models = [load_model(one) for one in folders]
    rows = rows_of(bars)
    rows = rows.where(rows.clock >= max(_unseen_from(one.manifest, bars) for one in models))
    told = {one.manifest.name: one.run(rows.returns).values for one in models}
    told["persistence"] = tell(np.zeros(rows.ahead.shape), rows.returns, _persistence(models[0].manifest))
    measured = {name: measure(rows, values, unit=bars.unit) for name, values in told.items()}
    return tuple(
        Line(f"{bars.source}, {len(rows.clock)} rows, {horizon} bars ahead", name, tuple(figures[horizon].items()))
        for horizon in HORIZONS
        for name, figures in measured.items()
    )


def _unseen_from(manifest: Manifest, bars: Market) -> int:
    """Give the clock from which a model has seen nothing of these bars."""
    window = manifest.window
    same = window.get("data_sha256", "") == bars.digest  # whatever its file is called; none is the simulation
    return int(window["test_from_clock"]) if same else 0


def _persistence(manifest: Manifest) -> Calibration:
    """Take what no change was calibrated to when the model was."""
    names = ("radius80", "radius95", "logit")
    near, far, logit = (
        np.array([float(manifest.window[f"persistence_{name}_{horizon}"]) for horizon in HORIZONS]) for name in names
    )
    return Calibration(np.zeros(len(HORIZONS)), near, far, np.zeros(len(HORIZONS)), logit)
