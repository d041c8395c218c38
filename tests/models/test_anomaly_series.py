"""Series of values or bars are read, folded and cut so that no label is trained on, and judged beside baselines."""

import importlib
import json
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

import numpy as np
import pytest
from counts import FULL

from functions.domain.market import Float64
from functions.models.anomaly import series
from functions.models.anomaly.rows import EMBARGO_BARS

T0 = datetime(2020, 1, 1, tzinfo=UTC)
STEP = timedelta(minutes=5)


def stamp(number: int) -> str:
    """Write the time of a row as the benchmark does."""
    return (T0 + number * STEP).strftime("%Y-%m-%d %H:%M:%S")


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Write a small benchmark: two series of 2,000 values, each with a jump that is labelled."""
    rng = np.random.default_rng(3)
    windows, labels = {}, {}
    (tmp_path / "data").mkdir()
    for name, at in (("a", 1500), ("b", 1700)):
        values = rng.poisson(50, size=2000).astype(float)
        values[at : at + 5] *= 20
        lines = [f"{stamp(number)},{value}" for number, value in enumerate(values.tolist())]
        (tmp_path / "data" / f"real__{name}.csv").write_text("\n".join(["timestamp,value", *lines]) + "\n")
        windows[f"real/{name}.csv"] = [[stamp(at - 50), stamp(at + 50)]]
        labels[f"real/{name}.csv"] = [stamp(at)]
    (tmp_path / "combined_windows_x.json").write_text(json.dumps(windows))
    (tmp_path / "combined_labels_x.json").write_text(json.dumps(labels))
    return tmp_path


def size(_: Float64) -> series.Scorer:
    """Make a scorer that learns nothing: the size of `zscore_20`, the seventh of the features."""
    return lambda rows: np.abs(rows[:, 6])


def flat(_: Float64) -> series.Scorer:
    """Make a scorer that tells rows apart by nothing but their place."""
    return lambda rows: np.arange(len(rows), dtype=np.float64) % 7


def test_no_label_is_trained_on(folder: Path) -> None:
    """Training and validation lie before the first labelled window, less the embargo."""
    for one in series.read(folder):
        windows = series.windows_of(one)
        first = one.windows[0][0]
        assert windows.train.second.max() < windows.validation.second.min() - EMBARGO_BARS * one.interval_s
        assert windows.validation.second.max() < first - EMBARGO_BARS * one.interval_s
        assert windows.test.second.min() >= first
        assert set(np.unique(windows.test.event)) == {-1, 0}


def test_what_follows_changes_no_row_before(folder: Path) -> None:
    """Rows of training and validation are the same when all behind them is replaced."""
    one = series.read(folder)[0]
    end = int(np.searchsorted(one.second, one.ends[1]))
    cut = series.Series(one.name, one.interval_s, one.second, one.bars.copy(), one.windows)
    cut.bars[end:] = 1.0
    before, after = series.windows_of(one), series.windows_of(cut)
    assert before.train.values.tobytes() == after.train.values.tobytes()
    assert before.validation.values.tobytes() == after.validation.values.tobytes()


def test_baselines_stand_beside(folder: Path) -> None:
    """Each series and all together have the model, the untrained, the plain baselines and chance; sums are sums."""
    lines = series.evaluate(folder, "size", size, flat)
    scorers = ["size", "untrained", "zscore", "value", "random"]
    assert [line.scorer for line in lines] == scorers * 3
    assert [lines[n].part for n in (0, 5, 10)] == ["real__a", "real__b", "all"]
    figures = {(line.part, line.scorer): dict(line.figures) for line in lines}
    assert figures["all", "size"]["alerts"] == sum(figures[part, "size"]["alerts"] for part in ("real__a", "real__b"))
    assert figures["all", "value"]["event_recall"] == 1.0
    assert figures["all", "random"]["alert_precision"] < figures["all", "value"]["alert_precision"]


def test_one_model_of_several_series(folder: Path) -> None:
    """Windows of several series are put together, and their events stay apart."""
    windows, told = series.learned(folder)
    assert set(np.unique(windows.test.event)) == {-1, 0, 1}
    assert told["data"] == "real__a real__b"


def test_bars_of_ones_own(tmp_path: Path) -> None:
    """A file of bars without labels is cut in the middle, its prices as they are."""
    rng = np.random.default_rng(4)
    close = 100 + np.cumsum(rng.normal(size=1200)).round(2)
    rows = [f"{stamp(n)},{c},{c + 1},{c - 1},{c},{10 + n % 7}" for n, c in enumerate(close.tolist())]
    file = tmp_path / "mine.csv"
    file.write_text("\n".join(["time,open,high,low,close,volume", *rows]))
    (one,) = series.read(file)
    batch = series.bars_of(one)
    assert batch.close.tolist() == np.rint(close * 10**6).astype(int).tolist()
    assert (batch.high - batch.low == 2 * 10**6).all()
    windows = series.windows_of(one)
    middle = (one.second[0] + one.second[-1]) // 2
    assert windows.validation.second.max() <= middle < windows.test.second.min()


def test_times_with_offsets_are_instants(tmp_path: Path) -> None:
    """Where clocks are set back, rows that tell their offset go on in equal steps."""
    zone, begin = ZoneInfo("America/New_York"), datetime(2023, 11, 4, tzinfo=UTC)
    file = tmp_path / "offsets.csv"
    rows = [f"{(begin + number * STEP).astimezone(zone).isoformat()},{number % 9}" for number in range(700)]
    file.write_text("\n".join(["timestamp,value", *rows]))
    (one,) = series.read(file)
    assert "2023-11-05T01:30:00-04:00,3" in rows
    assert "2023-11-05T01:30:00-05:00,6" in rows
    assert (np.diff(one.second) == STEP.total_seconds()).all()


def test_a_night_is_no_embargo(tmp_path: Path) -> None:
    """Where a boundary falls into hours without bars, sixty bars behind it are left out all the same."""
    rng = np.random.default_rng(5)
    days = [T0 + timedelta(days=day, minutes=810 + 5 * bar) for day in range(20) for bar in range(78)]
    close = 100 + np.cumsum(rng.normal(size=len(days))).round(2) / 10
    priced = zip(days, close.tolist(), strict=True)
    rows = [f"{at:%Y-%m-%d %H:%M:%S},{c},{c + 1},{c - 1},{c},{10 + n % 7}" for n, (at, c) in enumerate(priced)]
    file = tmp_path / "sessions.csv"
    file.write_text("\n".join(["time,open,high,low,close,volume", *rows]))
    (one,) = series.read(file)
    label = replace(one, windows=((int(one.second[1092]), int(one.second[1095])),))  # the first bar of a day
    for cut in (one, label):
        windows = series.windows_of(cut)
        ends = [np.searchsorted(one.second, part.second[[0, -1]]) for part in (windows.train, windows.validation)]
        test = int(np.searchsorted(one.second, windows.test.second[0]))
        assert ends[1][0] - ends[0][1] > EMBARGO_BARS
        assert test - ends[1][1] > EMBARGO_BARS
    assert test == 1092


@pytest.mark.parametrize(
    ("price", "volume", "found"),
    [
        (0.00001, 100, "has a price of 1e-05, at least 0.001 is needed"),
        (1.0, 10**13, "has a value of 1e[+]13, at most 1e[+]12 is taken"),
    ],
)
def test_what_millionths_do_not_hold(tmp_path: Path, price: float, volume: int, found: str) -> None:
    """Prices that millionths would make a few steps of, and volumes beyond 64 bits, are refused."""
    rows = [f"{stamp(n)},{price},{2 * price},{price},{price},{volume}" for n in range(700)]
    file = tmp_path / "coin.csv"
    file.write_text("\n".join(["time,open,high,low,close,volume", *rows]))
    with pytest.raises(series.DataError, match=found):
        series.read(file)


@pytest.mark.parametrize(
    ("content", "found"),
    [
        ("time,price\n", "has columns time, price"),
        ("timestamp,value\n", "has 0 rows"),
        ("timestamp,value\nyesterday,1\n", "Invalid isoformat"),
        ('timestamp,value\n"' + "1" * 200_000, r"x\.csv: field larger"),
        ("timestamp,value\n" + "".join(f"{stamp(n)},nan\n" for n in range(700)), "finite numbers"),
        ("timestamp,value\n" + "".join(f"{stamp(2 * n)},{n % 9}\n" for n in range(700)), "has a row each 600 s"),
        ("timestamp,value\n" + "".join(f"{stamp(n)},{n % 9}\n" for n in range(700)) + stamp(700), "could not convert"),
        ("timestamp,value\n" + "".join(f"{stamp(n)},5\n" for n in range(700)), "differ by 0 at most"),
        (
            "timestamp,value\n" + "".join(f"{stamp(n)},{n % 9}\n" for n in (*range(500), *range(300, 900))),
            "row 501 is of a time before row 500; sort the rows",
        ),
    ],
)
def test_file_that_is_none(tmp_path: Path, content: str, found: str) -> None:
    """A file that is no series is refused with what was found."""
    file = tmp_path / "x.csv"
    file.write_text(content)
    with pytest.raises(series.DataError, match=found):
        series.read(file)


@pytest.mark.parametrize("at", [0, 150])
def test_nothing_before_the_first_label(folder: Path, at: int) -> None:
    """A series whose first labelled window leaves next to nothing to learn from is refused."""
    early = {f"real/{name}.csv": [[stamp(at), stamp(at + 10)]] for name in ("a", "b")}
    (folder / "combined_windows_x.json").write_text(json.dumps(early))
    found = "0 rows to train on and 0 to choose a threshold on .*; 30 of each are needed: give more bars"
    with pytest.raises(series.DataError, match=f"real__a has {found}"):
        series.evaluate(folder, "size", size, flat)
    with pytest.raises(series.DataError, match=found):
        series.learned(folder)


def test_folder_that_is_none(tmp_path: Path) -> None:
    """A folder without series is refused."""
    with pytest.raises(series.DataError, match="neither a CSV file nor a folder"):
        series.read(tmp_path)


def told(card: str) -> list[list[float]]:
    """Read the rows of the card's table of real series: alerts, share, recall, precision, F1, near recall."""
    table = card.partition("## On real series")[2].partition("\n## ")[0]
    rows = [line.strip("|").split("|") for line in table.splitlines() if line.startswith("|")]
    return [[float(cell) for cell in cells[1:]] for cells in rows[2:]]


@pytest.mark.skipif(not FULL, reason="training for three real series takes ten seconds: full tier only")
@pytest.mark.parametrize("name", ["anomaly", "anomaly_autoencoder"])
def test_figures_on_real_series(captures: Path, name: str) -> None:
    """On the benchmark's series all nine windows are judged, and the card tells what `evaluate` gives."""
    for library in ("jax", "sklearn", "onnx"):
        pytest.importorskip(library, reason="the extra `train` is not installed")
    train = importlib.import_module(f"functions.models.{name}.train")
    assert [len(one.windows) for one in series.read(captures / "anomaly_nab")] == [2, 4, 3]
    found = [
        [value for _, value in line.figures] for line in train.evaluate(captures / "anomaly_nab") if line.part == "all"
    ]
    card = (train.FOLDER / "card.md").read_text()
    assert np.array(found) == pytest.approx(np.array(told(card)), rel=0.05, abs=0.005)
