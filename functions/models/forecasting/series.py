"""Make rows to learn from: closes simulated or read from a file, cut into the last 32 returns and what came after.

The file holds the bars of one instrument, oldest first, as CSV or a zip of one CSV. Its header names a column `close`
and may name `time` (or `date`), `open`, `high`, `low`, `volume` and others, which are not needed; times must rise as
text (ISO 8601 and digits of equal length do). Without a header there are six columns: time, open, high, low, close,
volume. Bars are taken as they follow each other: a weekend is no gap. Closes are used as they are; a split in them is a
return like any other.
"""

import csv
import hashlib
import io
import math
import zipfile
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import numpy as np
from numpy.typing import NDArray

from functions.domain.market import Float64, Int64
from functions.models.anomaly.synthetic import PRICE_EXPONENT, simulate
from functions.models.forecasting import HORIZONS, STEPS

SYNTHETIC: Final = "synthetic"
SEED: Final = 20240102
INSTRUMENTS: Final = 8
SECONDS: Final = 86_400
INTERVALS_S: Final = (5, 60)

FILE_BYTES_MAX: Final = 512 * 1024 * 1024
COLUMNS: Final[tuple[str, ...]] = ("time", "open", "high", "low", "close", "volume")
"""What a file without a header holds."""


class DataError(Exception):
    """A file of bars is not what was asked for; the message says where and what to do."""


@dataclass(frozen=True, slots=True, eq=False)
class Series:
    """Hold the closes (n,) of one instrument; one bar lasts `every` units of a clock all series share."""

    closes: Float64
    every: int


@dataclass(frozen=True, slots=True, eq=False)
class Market:
    """Hold series of one clock, and where they come from.

    Args:
        series: The series, all beginning at clock 0.
        source: `synthetic`, or the name of the file.
        digest: SHA-256 of the file, hexadecimal; empty for simulated series.
    """

    series: tuple[Series, ...]
    source: str
    digest: str = ""

    @property
    def unit(self) -> int:
        """Give the clock of the longest bar."""
        return max(one.every for one in self.series)


@dataclass(frozen=True, slots=True, eq=False)
class Rows:
    """Hold m rows: the last 32 log returns (m, 32), the log returns over each horizon behind (m, 3), and the clock."""

    returns: Float64
    ahead: Float64
    clock: Int64

    def where(self, chosen: NDArray[np.bool_] | Int64) -> "Rows":
        """Keep chosen rows."""
        return Rows(self.returns[chosen], self.ahead[chosen], self.clock[chosen])


def market(data: Path | None) -> Market:
    """Read the bars of a file, or simulate the market the shipped models are trained on.

    Raises:
        DataError: The file cannot be read as bars.
    """
    return read(data) if data is not None else simulated()


def simulated(*, instruments: int = INSTRUMENTS, seconds: int = SECONDS) -> Market:
    """Simulate closes without shocks, rounded to ticks as bars are, at 5 s and 60 s."""
    tape = simulate(SEED, instruments=instruments, seconds=seconds, shocks_from_s=seconds)
    prices = np.rint(tape.price / 10.0**PRICE_EXPONENT)
    series = [Series(row[every - 1 :: every], every) for every in INTERVALS_S for row in prices]
    return Market(tuple(series), SYNTHETIC)


def read(path: Path) -> Market:
    """Read one instrument's bars.

    Raises:
        DataError: The file is missing, too large or no CSV of bars, or a close or time is not usable.
    """
    try:
        if path.stat().st_size > FILE_BYTES_MAX:
            msg = f"{path} has more than {FILE_BYTES_MAX} bytes: cut it"
            raise DataError(msg)
        raw = path.read_bytes()
        text = (_unzipped(path, raw) if path.suffix == ".zip" else raw).decode("utf-8-sig")
        closes = np.fromiter(_closes(path, csv.reader(io.StringIO(text))), dtype=np.float64)
    except (OSError, UnicodeDecodeError, zipfile.BadZipFile, csv.Error) as error:
        msg = f"{path}: {error}"
        raise DataError(msg) from error
    return Market((Series(closes, 1),), path.name, hashlib.sha256(raw).hexdigest())


def rows_of(market: Market) -> Rows:
    """Cut every series into rows, those whose returns and outcomes are all known, in clock order.

    A row's clock is the end of its bar. The first row of a series needs 33 closes, the last has 24 behind it.
    """
    parts = [_cut(one) for one in market.series if len(one.closes) > STEPS + max(HORIZONS)]
    if not parts:
        msg = f"{market.source} is too short: a row needs {STEPS + max(HORIZONS) + 1} bars"
        raise DataError(msg)
    joined = Rows(*(np.concatenate([getattr(part, name) for part in parts]) for name in ("returns", "ahead", "clock")))
    return joined.where(np.argsort(joined.clock, kind="stable"))


def _cut(series: Series) -> Rows:
    logs = np.log(series.closes)
    windows = np.lib.stride_tricks.sliding_window_view(np.diff(logs), STEPS)[: -max(HORIZONS)]
    at = np.arange(STEPS, STEPS + len(windows))
    ahead = np.column_stack([logs[at + horizon] - logs[at] for horizon in HORIZONS])
    return Rows(windows, ahead, (at + 1) * series.every)


def _unzipped(path: Path, raw: bytes) -> bytes:
    with zipfile.ZipFile(io.BytesIO(raw)) as archive:
        members = archive.infolist()
        if len(members) != 1 or members[0].file_size > FILE_BYTES_MAX:
            msg = f"{path} holds {len(members)} files: one CSV of at most {FILE_BYTES_MAX} bytes is read"
            raise DataError(msg)
        return archive.read(members[0])


def _closes(path: Path, lines: Iterator[list[str]]) -> Iterator[float]:
    """Yield the closes, each checked."""
    names, place, stamp, before = COLUMNS, COLUMNS.index("close"), 0, ""
    for number, line in enumerate(lines, 1):
        if number == 1 and not _is_number(line[-1] if line else ""):
            names = tuple(name.strip().lower() for name in line)
            place, stamp = _places(path, names)
            continue
        if len(line) != len(names):
            msg = f"{path}, line {number}: {len(line)} columns, not the {len(names)} of {', '.join(names)}"
            raise DataError(msg)
        if not _is_number(line[place]) or not 0.0 < float(line[place]) < math.inf:
            msg = f"{path}, line {number}: the close is {line[place]!r}; it must be a number above 0"
            raise DataError(msg)
        if stamp >= 0 and line[stamp] <= before:
            msg = f"{path}, line {number}: time {line[stamp]!r} does not come after {before!r}; sort the bars"
            raise DataError(msg)
        before = line[stamp] if stamp >= 0 else ""
        yield float(line[place])


def _places(path: Path, names: Sequence[str]) -> tuple[int, int]:
    """Find the columns of close and time; -1 where there is no time."""
    if "close" not in names:
        msg = f"{path}: no column `close` in {', '.join(names)}; name it in the header, or give six columns without one"
        raise DataError(msg)
    stamps = [names.index(name) for name in ("time", "date") if name in names]
    return names.index("close"), stamps[0] if stamps else -1


def _is_number(text: str) -> bool:
    try:
        return math.isfinite(float(text))
    except ValueError:
        return False
