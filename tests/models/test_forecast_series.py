"""Bars of a file become rows: the last 32 returns and what came after; what is no bar is refused with its line."""

import pathlib
import zipfile

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from functions.models.forecasting import FEATURES, HORIZONS, STEPS
from functions.models.forecasting.series import DataError, Market, Series, read, rows_of, simulated

HEADER = "time,open,high,low,close,volume\n"


def test_columns() -> None:
    """A row's inputs are named oldest first and end with the newest return."""
    assert (FEATURES[0], FEATURES[-2:], len(FEATURES)) == (
        "log_return_lag_31",
        ("log_return_lag_1", "log_return_1"),
        STEPS,
    )


@settings(max_examples=30, deadline=None)
@given(st.integers(57, 120), st.integers(0, 1000), st.integers(1, 60))
def test_rows(n: int, seed: int, every: int) -> None:
    """Row i ends with bar i + 32: its inputs are the returns up to that bar, its outcomes those behind it."""
    closes = np.exp(np.random.default_rng(seed).standard_normal(n).cumsum() * 0.01)
    rows = rows_of(Market((Series(closes, every),), "made"))
    assert len(rows.clock) == n - STEPS - max(HORIZONS)
    for row in (0, len(rows.clock) - 1):
        bar = row + STEPS
        assert rows.clock[row] == (bar + 1) * every
        lags = [np.log(closes[bar - lag] / closes[bar - lag - 1]) for lag in range(STEPS - 1, -1, -1)]
        assert rows.returns[row] == pytest.approx(lags, abs=1e-12)
        assert rows.ahead[row] == pytest.approx([np.log(closes[bar + h] / closes[bar]) for h in HORIZONS], abs=1e-12)


def test_simulated_rows_are_in_time_order() -> None:
    """Bars of all instruments and lengths stand in the order of their ends, and are the same each time."""
    rows, again = (rows_of(simulated(instruments=2, seconds=6000)) for _ in range(2))
    assert (np.diff(rows.clock) >= 0).all()
    assert rows.returns.tobytes() == again.returns.tobytes()


@pytest.mark.parametrize(
    "text",
    [
        "close\n1.5\n2\n2.5\n",
        HEADER + "1,0,0,0,1.5,9\n2,0,0,0,2,9\n3,0,0,0,2.5,9\n",
        "Date,Close\n2024-01-01,1.5\n2024-01-02,2\n2024-01-03,2.5\n",
        "20240101 00:00,0,0,0,1.5,9\n20240102 00:00,0,0,0,2,9\n20240103 00:00,0,0,0,2.5,9\n",
    ],
)
def test_reads(text: str, tmp_path: pathlib.Path) -> None:
    """With a header the closes are found by name, without one they are the fifth of six columns; zipped alike."""
    plain, zipped = tmp_path / "bars.csv", tmp_path / "bars.zip"
    plain.write_text(text)
    with zipfile.ZipFile(zipped, "w") as archive:
        archive.write(plain, "bars.csv")
    for path in (plain, zipped):
        found = read(path)
        assert [one.closes.tolist() for one in found.series] == [[1.5, 2.0, 2.5]]
        assert (found.source, len(found.digest)) == (path.name, 64)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("time,price\n1,2\n", "no column `close` in time, price"),
        (HEADER + "1,0,0,0,1.5\n", "line 2: 5 columns, not the 6"),
        ("close\n1\n-1\n", "line 3: the close is '-1'; it must be a number above 0"),
        ("close\n1\nnan\n", "line 3: the close is 'nan'"),
        ("close\n1\nsold\n", "line 3: the close is 'sold'"),
        ("time,close\n2,1\n2,1\n", "line 3: time '2' does not come after '2'; sort the bars"),
    ],
)
def test_refusals(text: str, message: str, tmp_path: pathlib.Path) -> None:
    """What is no file of bars is refused with its line and what to do."""
    path = tmp_path / "bars.csv"
    path.write_text(text)
    with pytest.raises(DataError) as caught:
        read(path)
    assert message in str(caught.value)


@pytest.mark.parametrize("content", [b"\xff\xfe", b"not a zip"])
def test_unreadable(content: bytes, tmp_path: pathlib.Path) -> None:
    """Bytes that are neither text nor an archive are refused; so is a file that is not there."""
    for path in (tmp_path / "bars.zip", tmp_path / "bars.csv"):
        path.write_bytes(b"\xff\xfe")
    (tmp_path / "bars.zip").write_bytes(content)
    for path in (tmp_path / "bars.zip", tmp_path / "bars.csv", tmp_path / "none.csv"):
        with pytest.raises(DataError):
            read(path)


def test_a_quotation_mark_that_nothing_closes(tmp_path: pathlib.Path) -> None:
    """A field without an end is refused with the file's name."""
    file = tmp_path / "bars.csv"
    file.write_text('close\n"' + "1" * 200_000)
    with pytest.raises(DataError, match=r"bars\.csv: field larger"):
        read(file)


def test_archive_of_several(tmp_path: pathlib.Path) -> None:
    """An archive holds one file."""
    path = tmp_path / "bars.zip"
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("a.csv", "close\n1\n")
        archive.writestr("b.csv", "close\n1\n")
    with pytest.raises(DataError, match="holds 2 files"):
        read(path)


def test_too_short() -> None:
    """Without one whole row there is nothing to learn from."""
    with pytest.raises(DataError, match="a row needs 57 bars"):
        rows_of(Market((Series(np.ones(56), 1),), "short.csv"))


@pytest.mark.parametrize(("name", "bars"), [("qqq_daily.zip", 3964), ("uso_daily.zip", 3910)])
def test_real_daily_bars(captures: pathlib.Path, name: str, bars: int) -> None:
    """Daily bars as Lean ships them are read whole, and every row is finite."""
    found = read(captures / "prices_daily" / name)
    rows = rows_of(found)
    assert [len(one.closes) for one in found.series] == [bars]
    assert len(rows.clock) == bars - STEPS - max(HORIZONS)
    assert np.isfinite(rows.returns).all()
