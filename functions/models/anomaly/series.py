"""Read a series, labelled or not, fold it into the same features, and judge models that its early part trained.

A lone value becomes a bar: price and volume are the value, the price raised by the median of the training part (a price
does not fall to nothing, a count does); a bar opens where the one before closed. Bars are taken as they are, one behind
the other: a hole is no gap. Rows then come from the project's own fold.
All before the first labelled window, less the embargo, is the early part: six tenths train, the rest is validation; all
behind is the test. So no label is trained or tuned on. A series without labels is cut in the middle instead.
"""

import csv
from collections.abc import Callable, Sequence
from dataclasses import dataclass, fields, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Final, TypeAlias

import msgspec
import numpy as np

from functions.domain.evaluation import Line
from functions.domain.indicators.kernel import INTERVALS_S
from functions.domain.market import BAR_FINAL, NS_PER_S, BarBatch, Float64, InstrumentRef, Int64
from functions.models.anomaly.alerts import ALERT_BUDGET, Tally, area, choose_threshold, figures_of, tally
from functions.models.anomaly.inputs import FEATURES
from functions.models.anomaly.rows import EMBARGO_BARS, SEED, Rows, Windows, cut, feature_rows

Scorer: TypeAlias = Callable[[Float64], Float64]
"""Scores feature rows (n, f): (n,), greater is more unusual."""
Fit: TypeAlias = Callable[[Float64], Scorer]
"""Makes a scorer of feature rows to train on."""

EXPONENT: Final = -6
TRAIN_SHARE: Final = 0.6
NEAR_BARS: Final = 12
"""Bars on both sides of a labelled point within which an alert met it closely: an hour of five minutes."""
ROWS_MIN: Final = 10 * EMBARGO_BARS
"""A shorter series leaves next to nothing in one of its windows."""
EARLY_ROWS_MIN: Final = 30
"""Rows to train on, and as many to choose a threshold on: fewer are no distribution."""
DRAWS: Final = 100
"""A random score is drawn so often, and its counts are added: one draw says little about a handful of events."""


VALUE_MAX: Final = 1e12
"""Greatest value: in millionths the sum of two is below 2^63."""
LEAST: Final = 1e-3
"""Least price, and least span of lone values: a millionth is a thousandth of it."""

COLUMNS: Final = ("open", "high", "low", "close", "volume")
CLOSE: Final = COLUMNS.index("close")
TIMES: Final = ("timestamp", "time", "date")
FILE_BYTES_MAX: Final = 512 * 1024 * 1024


class DataError(Exception):
    """A file of a series is not what was asked for; the message says where and what to do."""


@dataclass(frozen=True, slots=True, eq=False)
class Series:
    """Hold n bars with labelled windows [from, until] and points, in seconds since the epoch.

    `bars` is (n, 5): open, high, low, close and volume.
    """

    name: str
    interval_s: int
    second: Int64
    bars: Float64
    windows: tuple[tuple[int, int], ...] = ()
    points: tuple[int, ...] = ()

    @property
    def ends(self) -> tuple[int, int, int]:
        """Give the seconds at which training, validation and test end."""
        begin, end = int(self.second[0]), int(self.second[-1]) + self.interval_s
        if self.windows:
            labelled = int(np.searchsorted(self.second, self.windows[0][0]))
            early = int(self.second[max(labelled - EMBARGO_BARS, 0)])
        else:
            early = (begin + end) // 2
        return begin + int(TRAIN_SHARE * (early - begin)), early, end


def read(data: Path) -> tuple[Series, ...]:
    """Read a CSV file, or a folder as the Numenta Anomaly Benchmark has it.

    Args:
        data: The file, which has no labels, or a folder with `data/*.csv`, `combined_windows*.json` and
            `combined_labels*.json`, where a file's `/` may be written `__`. The header of a file names a time (rising,
            ISO 8601) and either a `value` or `open`, `high`, `low`, `close` and `volume`.

    Raises:
        DataError: There is no series, one cannot be read, its values are too great or small to be held in millionths,
            or its step is none of the platform's intervals.
    """
    try:
        if data.is_file():
            return (_read_one(data, (), ()),)
        windows, points = _labels(data)
        files = sorted((data / "data").glob("*.csv"))
        keys = [file.name.replace("__", "/") for file in files]
        marks = [(windows.get(key, ()), points.get(key, ())) for key in keys]
        found = tuple(_read_one(file, *marked) for file, marked in zip(files, marks, strict=True))
    except (OSError, ValueError, KeyError, csv.Error, msgspec.DecodeError) as error:
        message = f"{data}: {error}"
        raise DataError(message) from error
    if not found:
        message = f"{data} is neither a CSV file nor a folder with data/*.csv"
        raise DataError(message)
    return found


def bars_of(series: Series) -> BarBatch:
    """Make the series' bars, exact to a millionth of its unit."""
    opened, high, low, price, volume = np.rint(series.bars.T * 10.0**-EXPONENT).astype(np.int64)
    notional = [one * other for one, other in zip(price.tolist(), volume.tolist(), strict=True)]
    count = len(price)
    none = np.zeros(count, dtype=np.int64)
    return BarBatch(
        shard="SERIES-0",
        instruments=(InstrumentRef("S.SERIES", EXPONENT, EXPONENT),),
        instrument=np.zeros(count, dtype=np.uint16),
        interval_s=np.full(count, series.interval_s, dtype=np.int32),
        start_ns=series.second * NS_PER_S,
        finality=np.full(count, BAR_FINAL, dtype=np.uint8),
        revision=np.zeros(count, dtype=np.int32),
        open=opened.copy(),
        high=high.copy(),
        low=low.copy(),
        close=price.copy(),
        volume=volume.copy(),
        buy_volume=volume // 2,
        notional_hi=np.array([product >> 64 for product in notional], dtype=np.int64),
        notional_lo=np.array([product & (1 << 64) - 1 for product in notional], dtype=np.uint64),
        trades=np.ones(count, dtype=np.int32),
        bid_price=none,
        bid_size=none,
        ask_price=none,
        ask_size=none,
        bid_depth=none,
        ask_depth=none,
        bid_edge=none,
        ask_edge=none,
        ofi=none,
        quotes=np.zeros(count, dtype=np.int32),
        flags=np.zeros(count, dtype=np.uint8),
    )


def windows_of(series: Series, number: int = 0) -> Windows:
    """Fold a series and cut its rows; a row's event is the labelled window its bar begins in.

    The cuts count bars, not time: a night of no bars is no embargo.
    """
    values, start_ns = feature_rows(bars_of(series))
    second = start_ns // NS_PER_S
    ones = np.ones(len(second), dtype=np.int64)
    place = np.searchsorted(series.second, second) * series.interval_s
    rows = Rows(values, ones * number, ones * series.interval_s, place, _meets(second, series.windows))
    bounds = np.searchsorted(series.second, (int(series.second[0]), *series.ends)) * series.interval_s
    found = cut(rows, bounds.tolist())
    return Windows(*(_timed(getattr(found, window.name), series) for window in fields(Windows)))


def join(parts: Sequence[Windows]) -> Windows:
    """Put the windows of several series behind each other; their events stay apart."""
    events = np.cumsum([0, *(part.test.event.max(initial=-1) + 1 for part in parts)])
    shifted = [
        replace(part, test=replace(part.test, event=np.where(part.test.event < 0, -1, part.test.event + first)))
        for part, first in zip(parts, events[:-1].tolist(), strict=True)
    ]
    return Windows(*(_stack([getattr(part, window.name) for part in shifted]) for window in fields(Windows)))


def learned(data: Path) -> tuple[Windows, dict[str, str | int | float]]:
    """Read series to train one model on all of them; also give what a manifest says of that.

    Raises:
        DataError: As `read`, or too little comes before the labelled windows.
    """
    found = read(data)
    windows = join([windows_of(one, number) for number, one in enumerate(found)])
    _check_early(str(data), windows)
    ends = [one.ends for one in found]
    return windows, {
        "data": " ".join(one.name for one in found),
        "seed": SEED,
        "start_ns": int(min(one.second[0] for one in found)) * NS_PER_S,
        "train_until_ns": max(end[0] for end in ends) * NS_PER_S,
        "validate_until_ns": max(end[1] for end in ends) * NS_PER_S,
        "test_until_ns": max(end[2] for end in ends) * NS_PER_S,
    }


def evaluate(data: Path, name: str, fit: Fit, untrained: Fit) -> tuple[Line, ...]:
    """Train on each series' early part and judge the rest, beside what knows nothing.

    Args:
        data: What `read` takes.
        name: The model's name.
        fit: Trains it on feature rows.
        untrained: Makes the same model of the same rows without learning from them.

    Returns:
        For each series, and for all together: the model, the same untrained, the size of `zscore_20`, the value itself,
        and a random score. `near_recall` counts labelled points with an alert within `NEAR_BARS`, which chance meets
        more rarely than the wide windows.

    Raises:
        DataError: As `read`, or too little of a series comes before its labelled windows.
    """
    lines: list[Line] = []
    sums: dict[str, list[tuple[Tally, Tally]]] = {}
    for series in read(data):
        windows = windows_of(series)
        _check_early(series.name, windows)
        for scorer, draws in _scores(series, windows, name, fit, untrained).items():
            found = [_judge(series, windows, before, after) for before, after in draws]
            both = (_sum([one for one, _ in found]), _sum([near for _, near in found]))
            sums.setdefault(scorer, []).append(both)
            auc = float(np.mean([area(after, windows.test) for _, after in draws]))
            lines.append(Line(series.name, scorer, (("auc", auc), *_figures(*both, draws=len(draws)))))
    for scorer, found in sums.items():
        both = (_sum([one for one, _ in found]), _sum([near for _, near in found]))
        lines.append(Line("all", scorer, _figures(*both, draws=DRAWS if scorer == "random" else 1)))
    return tuple(lines)


def _scores(
    series: Series, windows: Windows, name: str, fit: Fit, untrained: Fit
) -> dict[str, list[tuple[Float64, Float64]]]:
    """Give each scorer's scores of validation and test; a random score has several draws."""
    rng = np.random.default_rng(SEED)
    before, after = windows.validation, windows.test
    stretch = FEATURES.index("zscore_20")
    level = [series.bars[np.searchsorted(series.second, rows.second), CLOSE] for rows in (before, after)]
    trained = {scorer: made(windows.train.values) for scorer, made in ((name, fit), ("untrained", untrained))}
    return {scorer: [(score(before.values), score(after.values))] for scorer, score in trained.items()} | {
        "zscore": [(np.abs(before.values[:, stretch]), np.abs(after.values[:, stretch]))],
        "value": [(level[0], level[1])],
        "random": [(rng.random(len(before.second)), rng.random(len(after.second))) for _ in range(DRAWS)],
    }


def _judge(series: Series, windows: Windows, before: Float64, after: Float64) -> tuple[Tally, Tally]:
    """Tally alerts against the labelled windows, and against what lies near the labelled points."""
    threshold = choose_threshold(before, ALERT_BUDGET)
    away = NEAR_BARS * series.interval_s
    close = tuple((point - away, point + away) for point in series.points)
    near = replace(windows.test, event=_meets(windows.test.second, close))
    return tally(after, threshold, windows.test), tally(after, threshold, near)


def _figures(found: Tally, near: Tally, *, draws: int) -> tuple[tuple[str, float], ...]:
    return (
        ("alerts", found.alerts / draws),
        *figures_of(found),
        ("near_recall", near.recall),
    )


def _sum(found: Sequence[Tally]) -> Tally:
    return sum(found[1:], start=found[0])


def _check_early(name: str, windows: Windows) -> None:
    """Refuse to learn from next to nothing."""
    train, validation = len(windows.train.second), len(windows.validation.second)
    if min(train, validation) < EARLY_ROWS_MIN:
        message = (
            f"{name} has {train} rows to train on and {validation} to choose a threshold on before its first labelled "
            f"window, or its middle; {EARLY_ROWS_MIN} of each are needed: give more bars before it, and such as move"
        )
        raise DataError(message)


def _meets(second: Int64, windows: Sequence[tuple[int, int]]) -> Int64:
    """Number the window each second lies in, ends included, or -1."""
    event = np.full(len(second), -1, dtype=np.int64)
    for number, (begin, end) in enumerate(windows):
        event[(second >= begin) & (second <= end)] = number
    return event


def _timed(rows: Rows, series: Series) -> Rows:
    """Give rows the seconds of their bars, whose numbers they have."""
    return replace(rows, second=series.second[rows.second // series.interval_s])


def _stack(parts: Sequence[Rows]) -> Rows:
    return Rows(*(np.concatenate([getattr(part, column.name) for part in parts]) for column in fields(Rows)))


def _labels(data: Path) -> tuple[dict[str, list[tuple[str, str]]], dict[str, list[str]]]:
    """Read labelled windows and points by the series' names; no file, no labels."""
    windows: dict[str, list[tuple[str, str]]] = {}
    points: dict[str, list[str]] = {}
    for file in sorted(data.glob("combined_windows*.json")):
        windows |= msgspec.json.decode(file.read_bytes(), type=dict[str, list[tuple[str, str]]])
    for file in sorted(data.glob("combined_labels*.json")):
        points |= msgspec.json.decode(file.read_bytes(), type=dict[str, list[str]])
    return windows, points


def _read_one(file: Path, windows: Sequence[tuple[str, str]], points: Sequence[str]) -> Series:
    second, columns = _columns(file)
    interval_s = int(np.median(np.diff(second)))
    if interval_s not in INTERVALS_S:
        message = f"{file} has a row each {interval_s} s, expected one of {INTERVALS_S}"
        raise DataError(message)
    found = Series(
        name=file.stem,
        interval_s=interval_s,
        second=second,
        bars=columns,
        windows=tuple(sorted((_second(begin), _second(end)) for begin, end in windows)),
        points=tuple(map(_second, points)),
    )
    return found if columns.shape[1] == len(COLUMNS) else replace(found, bars=_raised(found))


def _columns(file: Path) -> tuple[Int64, Float64]:
    """Read seconds (n,) and either values (n, 1) or bars (n, 5)."""
    if file.stat().st_size > FILE_BYTES_MAX:
        message = f"{file} has more than {FILE_BYTES_MAX} bytes: cut it"
        raise DataError(message)
    with file.open(newline="", encoding="utf-8-sig") as lines:
        rows = csv.DictReader(lines, restval="")
        names = rows.fieldnames or ()
        time = next((name for name in TIMES if name in names), "")
        wanted = ("value",) if "value" in names else COLUMNS
        if not {time, *wanted} <= {*names}:
            message = (
                f"{file} has columns {', '.join(names)}; needed are a {TIMES[0]}, and value or {', '.join(COLUMNS)}"
            )
            raise DataError(message)
        found = [(_second(row[time]), *(float(row[name]) for name in wanted)) for row in rows]
    if len(found) < ROWS_MIN or not np.isfinite(found).all():
        message = f"{file} has {len(found)} rows, expected at least {ROWS_MIN}, all of finite numbers"
        raise DataError(message)
    second = np.array([row[0] for row in found], dtype=np.int64)
    if (back := np.flatnonzero(np.diff(second) < 0)).size:
        message = f"{file}: row {back[0] + 2} is of a time before row {back[0] + 1}; sort the rows, oldest first"
        raise DataError(message)
    columns = np.array([row[1:] for row in found])
    _check_size(file, columns)
    return second, columns


def _check_size(file: Path, columns: Float64) -> None:
    """Refuse what millionths in 64 bits do not hold."""
    if (most := float(np.abs(columns).max())) > VALUE_MAX:
        message = f"{file} has a value of {most:g}, at most {VALUE_MAX:g} is taken: give such a column in a larger unit"
        raise DataError(message)
    lone = columns.shape[1] == 1
    least = float(np.ptp(columns) if lone else columns[:, : CLOSE + 1].min())
    if least < LEAST:
        found = f"{file} has values that differ by {least:g} at most" if lone else f"{file} has a price of {least:g}"
        message = f"{found}, at least {LEAST:g} is needed, for all is held in millionths: give it in a smaller unit"
        raise DataError(message)


def _raised(series: Series) -> Float64:
    """Make bars (n, 5) of values (n, 1)."""
    value = series.bars[:, 0]
    early = max(int(np.searchsorted(series.second, series.ends[0])), 1)
    close = value + float(np.median(value[:early]))
    opened = np.concatenate([close[:1], close[:-1]])
    high, low = np.maximum(opened, close), np.minimum(opened, close)
    return np.column_stack([opened, high, low, close, np.maximum(value, 0.0)])


def _second(text: str) -> int:
    """Read a timestamp; one without an offset counts as UTC, for rows and labels are all of one zone then."""
    stamp = datetime.fromisoformat(text)
    return int((stamp if stamp.tzinfo else stamp.replace(tzinfo=UTC)).timestamp())
