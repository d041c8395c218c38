"""The shipped regime model is a forward filter, equal to numpy's to the last digits, and knows no future."""

import csv
import importlib
import itertools
from pathlib import Path
from types import ModuleType

import msgspec
import numpy as np
import pytest
from counts import DEEP
from featured import lively, run
from scored import Row, columns_of

from functions.adapters.onnx import OnnxModel, load_model
from functions.domain.indicators.lookahead import Computed, find_leaks
from functions.domain.indicators.registry import NAMES
from functions.domain.market import BarBatch, Float64, ModelOutput
from functions.models.forecasting import GOLDEN, Golden
from functions.models.forecasting.series import DataError, Market, Series, market, simulated
from functions.models.regime import FEATURES, FIGURES, FOLDER, NAME, THRESHOLD
from functions.models.regime.hmm import DEVIATION_MIN, Hmm, fit, forward, log_densities, smooth
from functions.models.regime.series import CHUNK, rows_of, windows

GOLD = msgspec.json.decode((FOLDER / GOLDEN).read_bytes(), type=Golden)
KNOWN = Hmm(
    first=np.array([0.2, 0.5, 0.3]),
    moves=np.array([[0.95, 0.04, 0.01], [0.03, 0.94, 0.03], [0.01, 0.07, 0.92]]),
    mean=np.array([0.02, 0.0, -0.1]),
    deviation=np.array([0.4, 1.0, 2.5]),
)
"""A model to draw from."""


@pytest.fixture(scope="module")
def model() -> OnnxModel:
    """Load the shipped model."""
    return load_model(FOLDER)


@pytest.fixture(scope="module")
def train() -> ModuleType:
    """Load the training, which needs the extra `train`."""
    pytest.importorskip("onnx", reason="the extra `train` is not installed")
    return importlib.import_module("functions.models.regime.train")


def drawn(model: Hmm, shape: tuple[int, int], seed: int) -> Float64:
    """Draw sequences (n, t) from a model."""
    draw = np.random.default_rng(seed)
    found = np.empty(shape)
    state = draw.choice(len(model.first), size=shape[0], p=model.first)
    for step in range(shape[1]):
        found[:, step] = draw.normal(model.mean[state], model.deviation[state])
        state = (draw.random((shape[0], 1)) > np.cumsum(model.moves[state], axis=1)).sum(axis=1)
    return found


def many(count: int) -> Float64:
    """Make feature rows of every kind: scales of a hundred instruments, jumps, still windows, a scale of nothing."""
    draw = np.random.default_rng(11)
    scale = 10.0 ** draw.uniform(-6, -1, size=(count, 1))
    moving = draw.choice([0.0, 0.1, 1.0, 5.0], size=(count, 32), p=[0.1, 0.3, 0.5, 0.1])
    returns = scale * moving * draw.standard_t(3, size=(count, 32))
    returns[: count // 50] = 0.0
    scale[: count // 100] = 0.0
    return np.column_stack([returns, scale])


def score(model: OnnxModel, rows: Float64) -> ModelOutput:
    """Score rows given as a matrix."""
    named = [Row(features=dict(zip(FEATURES, row, strict=True))) for row in rows.tolist()]
    return model.score(columns_of(named, FEATURES))


def brute(model: Hmm, values: Float64) -> tuple[Float64, float]:
    """Sum over every path of states: the state behind the last value, and the density of all."""
    densities = np.exp(log_densities(model, values))
    behind = np.zeros(len(model.first))
    for path in itertools.product(range(len(model.first)), repeat=len(values)):
        likely = model.first[path[0]] * densities[0, path[0]]
        for step, (now, then) in enumerate(itertools.pairwise(path), 1):
            likely *= model.moves[now, then] * densities[step, then]
        behind[path[-1]] += likely
    return behind / behind.sum(), float(np.log(behind.sum()))


def viterbi(model: Hmm, values: Float64) -> Float64:
    """Find the likeliest path of states through one whole sequence."""
    logs, moves = log_densities(model, values), np.log(model.moves)
    best, came = np.log(model.first) + logs[0], np.zeros(logs.shape, np.int64)
    for step in range(1, len(values)):
        ways = best[:, None] + moves
        came[step] = ways.argmax(axis=0)
        best = ways.max(axis=0) + logs[step]
    path = [int(best.argmax())]
    for step in range(len(values) - 1, 0, -1):
        path.append(int(came[step, path[-1]]))
    return np.array(path[::-1], np.float64)


def test_golden(model: OnnxModel) -> None:
    """Golden rows get their golden probabilities to the bit, and the score is that of turbulence."""
    output = score(model, np.array(GOLD.rows))
    assert output.values.tolist() == GOLD.values
    assert output.scores.tolist() == GOLD.scores == [row[2] for row in GOLD.values]
    assert (output.model, output.names, output.threshold) == (NAME, FIGURES, THRESHOLD)


def test_features_exist() -> None:
    """The model asks for features that the table computes."""
    assert GOLD.features == FEATURES
    assert set(FEATURES) <= set(NAMES)


def test_probabilities(model: OnnxModel) -> None:
    """Whatever the row, the three are probabilities and sum to 1."""
    values = model.run(many(5_000)).values
    assert ((values >= 0.0) & (values <= 1.0)).all()
    np.testing.assert_allclose(values.sum(axis=1), 1.0, rtol=0, atol=1e-12)


def test_equals_numpy(model: OnnxModel, train: ModuleType) -> None:
    """On 10,000 rows the file and numpy's filter agree to 1e-9 and name the same state."""
    learnt = train.from_onnx((FOLDER / model.manifest.file).read_bytes())
    rows = many(10_000)
    ours, numpys = model.run(rows).values, train.filtered(learnt, rows)
    np.testing.assert_allclose(ours, numpys, rtol=0, atol=1e-9)
    assert (ours.argmax(axis=1) == numpys.argmax(axis=1)).all()


@pytest.mark.parametrize("size", [1, 3, 50, 500])
def test_alone_or_among_others(model: OnnxModel, size: int) -> None:
    """A row has the same bits in a batch of any size."""
    rows = many(1_000)
    whole = model.run(rows).values
    parts = [model.run(rows[n : n + size]).values for n in range(0, 1_000, size)]
    assert np.concatenate(parts).tobytes() == whole.tobytes()


def test_unrest_is_turbulent(model: OnnxModel) -> None:
    """The same returns are calm beside a long volatility five times theirs, and turbulent beside a fifth of it."""
    returns = np.tile([0.001, -0.001], 16)
    quiet, wild = (model.run(np.append(returns, scale)[None]).values[0] for scale in (0.005, 0.0002))
    assert quiet[0] > 0.9
    assert wild[2] > 0.9


def test_scale_free(model: OnnxModel) -> None:
    """Prices that move ten times as much, in the short and the long run, give the same answer."""
    rows = many(500)[10:]
    np.testing.assert_allclose(model.run(rows * 10.0).values, model.run(rows).values, rtol=0, atol=1e-9)


def test_rows_are_the_tables() -> None:
    """What is trained on is what the features table computes."""
    batch = lively(4, 260)
    columns = run(batch).columns
    places = [columns.names.index(name) for name in FEATURES]
    np.testing.assert_allclose(rows_of(batch.close / 100.0), columns.values[120:, places], rtol=1e-9, atol=1e-15)


def test_filter_is_the_sum_over_paths() -> None:
    """The filter and its likelihood are those of all paths of states, summed one by one."""
    for seed in range(20):
        values = drawn(KNOWN, (1, 6), seed)
        known, surprise = forward(KNOWN, values)
        behind, likelihood = brute(KNOWN, values[0])
        np.testing.assert_allclose(known[0, -1], behind, rtol=1e-12)
        assert surprise.sum() == pytest.approx(likelihood, rel=1e-12)


def test_smoothing_ends_in_the_filter() -> None:
    """With nothing behind it the last value's smoothed state is the filtered one; shares sum to 1 everywhere."""
    values = drawn(KNOWN, (3, 50), 1)
    shares, counts, _ = smooth(KNOWN, values)
    np.testing.assert_array_equal(shares[:, -1], forward(KNOWN, values)[0][:, -1])
    np.testing.assert_allclose(shares.sum(axis=2), 1.0, rtol=1e-12)
    assert counts.sum() == pytest.approx(3 * 49)


def test_fit_climbs_and_finds() -> None:
    """Each round of Baum-Welch is at least as likely as the one before, and the drawn model is found again."""
    values = drawn(KNOWN, (100, 200), 2)
    begin = Hmm(np.full(3, 1 / 3), np.full((3, 3), 0.05) + 0.85 * np.eye(3), np.zeros(3), np.array([0.5, 0.9, 2.0]))
    found, told = fit(values, begin, rounds=60, tolerance=1e-6)
    assert (np.diff(told) > -1e-12).all()
    np.testing.assert_allclose(found.sorted.deviation, KNOWN.deviation, rtol=0.05)
    np.testing.assert_allclose(np.diag(found.sorted.moves), np.diag(KNOWN.moves), atol=0.02)


@pytest.mark.parametrize("order", list(itertools.permutations(range(3))))
def test_labels_do_not_switch(order: tuple[int, ...]) -> None:
    """However the start names its states, the fit names them by rising variance and says the same of every value."""
    values = drawn(KNOWN, (10, 80), 3)
    begin = Hmm(np.full(3, 1 / 3), np.full((3, 3), 0.05) + 0.85 * np.eye(3), np.zeros(3), np.array([0.5, 0.9, 2.0]))
    plain, turned = (fit(values, one, rounds=8, tolerance=0.0)[0] for one in (begin, begin.take(np.array(order))))
    assert (np.diff(turned.sorted.deviation) > 0).all()
    np.testing.assert_allclose(forward(turned.sorted, values)[0], forward(plain.sorted, values)[0], atol=1e-9)


def test_still_market() -> None:
    """A state that holds one value alone keeps a width, and nothing becomes infinite."""
    values = np.zeros((4, 60))
    values[:, ::7] = 1.0
    begin = Hmm(np.full(3, 1 / 3), np.full((3, 3), 1 / 3), np.zeros(3), np.array([0.5, 1.0, 2.0]))
    found, told = fit(values, begin, rounds=50, tolerance=1e-9)
    assert found.deviation.min() >= DEVIATION_MIN
    assert np.isfinite(told).all()


def suspect(column: Float64) -> Computed:
    """Show one column, none for the first bar, which has no return."""
    values = np.append(0.0, column)[:, None]
    return Computed(("suspect",), values, np.ones(values.shape, np.uint8))


def returns_of(bars: BarBatch) -> Float64:
    """Give a series' log returns by a fixed scale, (1, n - 1)."""
    return np.diff(np.log(bars.close / 100.0))[None] / 0.0017


LEAKS = {
    "smoothed": lambda bars: suspect(smooth(KNOWN, returns_of(bars))[0][0, :, 2]),
    "viterbi": lambda bars: suspect(viterbi(KNOWN, returns_of(bars)[0])),
}


@pytest.mark.parametrize("name", LEAKS)
def test_what_knows_the_future_is_caught(name: str) -> None:
    """The gate notices states that were smoothed, or read off the likeliest path through everything."""
    leaks = find_leaks(LEAKS[name], lively(1, 260), cuts=(140, 180, 230), draw=np.random.default_rng(1))
    assert [leak.name for leak in leaks] == ["suspect"]


def test_ours_knows_no_future(model: OnnxModel) -> None:
    """What the shipped model says of a bar, and whether it says anything, stays whatever comes behind the bar."""

    def compute(bars: BarBatch) -> Computed:
        output = model.score(run(bars).columns)
        return Computed(FIGURES, output.values, np.repeat(output.states[:, None], len(FIGURES), axis=1))

    assert find_leaks(compute, lively(1, 260), cuts=(140, 180, 230), draw=np.random.default_rng(1)) == ()


def test_cold_until_the_scale_is_known(model: OnnxModel) -> None:
    """A row has no regime before the long volatility is warm."""
    assert model.score(run(lively(2, 130)).columns).states.tolist() == [0] * 120 + [1] * 10


def test_windows_do_not_touch() -> None:
    """No return that is fitted on is in a row of the test, and what is ahead of a row is in the next."""
    closes = np.exp(np.cumsum(np.random.default_rng(4).normal(0.0, 0.001, 2_000)))
    seen = windows(Market((Series(closes, 1),), "drawn"))
    split = int(0.6 * 2_000)
    returns = np.diff(np.log(closes))
    first = int(np.flatnonzero(returns == seen.rows[0, 0])[0])
    assert first >= split + 120
    np.testing.assert_allclose(seen.ahead[:-1] * seen.rows[:-1, -1], seen.rows[1:, -2], rtol=1e-12)
    assert seen.chunks.shape == ((split - 121) // CHUNK, CHUNK)


def test_too_short() -> None:
    """Too few bars are refused with how many are needed."""
    with pytest.raises(DataError, match="1024 bars"):
        windows(Market((Series(np.ones(500), 1),), "short"))


def test_learns_what_it_says(train: ModuleType) -> None:
    """On a small simulated market the fit has states of rising width and is likelier than no regimes at all."""
    seen = windows(simulated(instruments=2, seconds=7_200))
    learnt = train.learn(seen.chunks, starts=train.STARTS[:1])
    told = train.measure(learnt, seen)
    assert (np.diff(learnt.deviation) > 0).all()
    assert told[NAME]["log_likelihood"] > told["gaussian"]["log_likelihood"]
    assert set(told) == {NAME, "gaussian", "mixture", "ewma_mixture"}


@pytest.mark.skipif(not DEEP, reason="a whole fit: deep tier only")
def test_training_again(model: OnnxModel, train: ModuleType) -> None:
    """Training again gives the shipped states and figures."""
    seen = windows(market(None))
    found, ours = train.learn(seen.chunks), train.from_onnx((FOLDER / model.manifest.file).read_bytes())
    for name in ("moves", "mean", "deviation"):
        np.testing.assert_allclose(getattr(found, name), getattr(ours, name), rtol=1e-6, atol=1e-9)
    told = train.measure(found, seen)
    assert told[NAME]["log_likelihood"] == pytest.approx(model.manifest.metrics["log_likelihood_regime"], abs=2e-4)


@pytest.mark.skipif(not DEEP, reason="two whole fits: deep tier only")
def test_trains_from_a_file(train: ModuleType, tmp_path: Path) -> None:
    """Bars of a file give a folder that loads, with the digest of the data in it, and the same bytes again."""
    closes = np.exp(np.cumsum(drawn(KNOWN, (1, 1_500), 5)[0] * 0.001)) * 100.0
    with (tmp_path / "bars.csv").open("w", newline="") as file:
        csv.writer(file).writerows([("time", "close"), *((f"{n:06d}", close) for n, close in enumerate(closes))])
    for folder in ("one", "two"):
        train.train(tmp_path / "bars.csv", tmp_path / folder)
    for name in ("model.onnx", "manifest.json", GOLDEN):
        assert (tmp_path / "one" / name).read_bytes() == (tmp_path / "two" / name).read_bytes()
    assert "data_sha256" in load_model(tmp_path / "one").manifest.window
