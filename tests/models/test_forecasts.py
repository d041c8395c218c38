"""The shipped forecasts are what their manifests and cards say, read the platform's own features, and claim no more."""

from pathlib import Path

import featured
import msgspec
import numpy as np
import pytest

from functions.adapters.onnx import OnnxModel, load_model
from functions.domain.indicators.registry import NAMES
from functions.domain.market import Float64
from functions.models import forecast_boosted, forecast_lstm, forecast_transformer
from functions.models.forecasting import FEATURES, FIGURES, GOLDEN, HORIZONS, STEPS, Golden
from functions.models.forecasting.measuring import COVERAGE_MISS_MAX, NOMINAL, promoted
from functions.models.forecasting.series import Market, Series, rows_of

FOLDERS = {one.NAME: one.FOLDER for one in (forecast_boosted, forecast_lstm, forecast_transformer)}
BYTES_MAX = 200_000


@pytest.fixture(scope="module", params=FOLDERS)
def folder(request: pytest.FixtureRequest) -> Path:
    """Give each shipped model's folder."""
    return FOLDERS[request.param]


@pytest.fixture(scope="module")
def model(folder: Path) -> OnnxModel:
    """Load it."""
    return load_model(folder)


@pytest.fixture(scope="module")
def golden(folder: Path) -> Golden:
    """Read its golden rows."""
    return msgspec.json.decode((folder / GOLDEN).read_bytes(), type=Golden)


def rows_like(golden: Golden, n: int) -> Float64:
    """Make n rows around the golden ones, the same every time."""
    rng = np.random.default_rng(5)
    gold = np.array(golden.rows)
    return gold[rng.integers(len(gold), size=n)] * rng.uniform(0.5, 1.5, size=(n, STEPS))


def test_golden_figures(model: OnnxModel, golden: Golden) -> None:
    """Golden rows get their golden scores and figures, to what processors differ in."""
    told = model.run(np.array(golden.rows))
    assert told.scores == pytest.approx(golden.scores, abs=1e-6)
    assert told.values == pytest.approx(np.array(golden.values), rel=1e-4, abs=1e-9)
    assert told.scores.tolist() == told.values[:, FIGURES.index("up_4")].tolist()


def test_alone_or_among_others(model: OnnxModel, golden: Golden) -> None:
    """A row has the same bits in a batch of 1, 50 or 500."""
    rows = rows_like(golden, 500)
    whole = model.run(rows).values
    fifty = np.concatenate([model.run(rows[begin : begin + 50]).values for begin in range(0, 500, 50)])
    single = np.concatenate([model.run(rows[begin : begin + 1]).values for begin in range(500)])
    assert whole.tobytes() == fifty.tobytes() == single.tobytes()


def test_platform_makes_the_rows(model: OnnxModel) -> None:
    """Bars folded by the features table give the rows that were trained on, and figures from the 33rd bar on."""
    assert set(FEATURES) <= set(NAMES)
    batch = featured.lively(3, 120)
    columns = featured.run(batch).columns
    output = model.score(columns)
    assert output.states.tolist() == [0] * STEPS + [1] * (120 - STEPS)
    assert (output.degraded, output.names) == (False, FIGURES)
    rows = rows_of(Market((Series(batch.close.astype(np.float64), 1),), "folded"))
    places = [columns.names.index(name) for name in FEATURES]
    assert columns.values[STEPS : -max(HORIZONS)][:, places] == pytest.approx(rows.returns, abs=1e-12)
    assert output.values[STEPS : -max(HORIZONS)] == pytest.approx(model.run(rows.returns).values, rel=1e-3, abs=1e-6)


def test_promotion_is_earned(model: OnnxModel) -> None:
    """The manifest's promotion is what its figures earn; what is not promoted stands as a shadow."""
    metrics = model.manifest.metrics
    names = ("mase", "dm", "coverage80", "coverage95")
    figures = {horizon: {name: metrics[f"{name}_{horizon}"] for name in names} for horizon in HORIZONS}
    assert metrics["promoted"] == float(promoted(figures))
    assert model.spec.shadow == (not promoted(figures))


def test_coverage_is_near_nominal(model: OnnxModel) -> None:
    """On held-out time intervals hold what they promise, within three points."""
    found = [(model.manifest.metrics[f"{name}_{horizon}"], level) for horizon in HORIZONS for name, level in NOMINAL]
    assert all(abs(share - level) <= COVERAGE_MISS_MAX for share, level in found)


def test_card_shows_the_manifest(model: OnnxModel, folder: Path) -> None:
    """Every figure of the manifest stands in the card as it is."""
    card = (folder / "card.md").read_text()
    shown = [f"{value:.4f}" for name, value in model.manifest.metrics.items() if name != "promoted"]
    assert [text for text in (model.manifest.version, *shown) if text not in card] == []
    assert ("| Promoted | no" in card) == (model.manifest.metrics["promoted"] == 0.0)


def test_small(folder: Path) -> None:
    """A model's files are small enough for the repository."""
    assert sum(path.stat().st_size for path in folder.iterdir() if path.is_file()) < BYTES_MAX
