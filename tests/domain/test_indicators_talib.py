"""Volatility, volume and statistics equal TA-Lib on drawn and real series, within 1e-9 of the value or the price."""

import pathlib
from collections.abc import Callable
from fractions import Fraction
from typing import NamedTuple

import numpy as np
import pytest
import talib
from counts import count
from indicated import Series, check, computed, drawn, real

from functions.domain.indicators.registry import NAMES
from functions.domain.market import STATE_VALID, FeatureBatch, Float64


class Floats(NamedTuple):
    """Bars as floats."""

    open: Float64
    high: Float64
    low: Float64
    close: Float64
    volume: Float64


Asked = Callable[[Floats], Float64]

TALIB: dict[str, Asked] = {
    "true_range": lambda s: talib.TRANGE(s.high, s.low, s.close),
    "atr_14": lambda s: talib.ATR(s.high, s.low, s.close, 14),
    "natr_14": lambda s: talib.NATR(s.high, s.low, s.close, 14),
    "bb_upper": lambda s: talib.BBANDS(s.close, 20, 2.0, 2.0, 0)[0],
    "bb_lower": lambda s: talib.BBANDS(s.close, 20, 2.0, 2.0, 0)[2],
    "stddev_20": lambda s: talib.STDDEV(s.close, 20, 1.0),
    "variance_20": lambda s: talib.VAR(s.close, 20, 1.0),
    "donchian_upper_20": lambda s: talib.MAX(s.high, 20),
    "donchian_lower_20": lambda s: talib.MIN(s.low, 20),
    "accbands_upper_20": lambda s: talib.ACCBANDS(s.high, s.low, s.close, 20)[0],
    "accbands_lower_20": lambda s: talib.ACCBANDS(s.high, s.low, s.close, 20)[2],
    "volume_sma_20": lambda s: talib.SMA(s.volume, 20),
    "obv": lambda s: talib.OBV(s.close, s.volume),
    "ad": lambda s: talib.AD(s.high, s.low, s.close, s.volume),
    "adosc_3_10": lambda s: talib.ADOSC(s.high, s.low, s.close, s.volume, 3, 10),
    "mfi_14": lambda s: talib.MFI(s.high, s.low, s.close, s.volume, 14),
    "linearreg_14": lambda s: talib.LINEARREG(s.close, 14),
    "linearreg_slope_14": lambda s: talib.LINEARREG_SLOPE(s.close, 14),
    "linearreg_intercept_14": lambda s: talib.LINEARREG_INTERCEPT(s.close, 14),
    "linearreg_angle_14": lambda s: talib.LINEARREG_ANGLE(s.close, 14),
    "tsf_14": lambda s: talib.TSF(s.close, 14),
    "correl_close_volume_20": lambda s: talib.CORREL(s.close, s.volume, 20),
}
CUMULATED = {"obv", "ad", "adosc_3_10"}
"""Sums of volumes: what was added is the scale of their error, not what is left."""


def exact_variance(series: Series, n: int) -> dict[int, Fraction]:
    """Give the exact variance of the last n closes by bar."""
    unit = Fraction(10) ** series.exponent
    closes = [int(value) * unit for value in series.close.tolist()]
    found = {}
    for at in range(n - 1, len(closes)):
        window = closes[at - n + 1 : at + 1]
        mean = sum(window) / n
        found[at] = sum((value - mean) ** 2 for value in window) / n
    return found


def exact_slope(series: Series, n: int) -> dict[int, Fraction]:
    """Give the exact slope of the line through the last n closes by bar."""
    unit = Fraction(10) ** series.exponent
    closes = [int(value) * unit for value in series.close.tolist()]
    middle = Fraction(n - 1, 2)
    around = sum((at - middle) ** 2 for at in range(n))
    return {
        at: sum(((n - 1 - age) - middle) * closes[at - age] for age in range(n)) / around
        for at in range(n - 1, len(closes))
    }


def lacking_of(name: str, series: Series) -> Float64:
    """Say where our rule gives no value though TA-Lib gives one: 1 there."""
    none = np.zeros(len(series.close))
    close, volume = series.floats()[3:]
    if name == "correl_close_volume_20":
        return still_of(close, 20) | still_of(volume, 20)
    return none


def still_of(values: Float64, n: int) -> Float64:
    """Say where the last n values are all the same."""
    return np.convolve(np.concatenate([[1.0], np.diff(values)]) != 0.0, np.ones(n - 1))[: len(values)] == 0


def test_talib_on_drawn_series() -> None:
    """On series of every shape each indicator is TA-Lib's, or no further from the exact value than TA-Lib is."""
    for seed in range(count(1_000)):
        compare(drawn(seed))


def test_talib_on_real_series(captures: pathlib.Path) -> None:
    """The same on every real series at hand."""
    for series in real(captures):
        compare(series)


def compare(series: Series) -> None:
    """Compare every indicator TA-Lib has on one series."""
    got = computed(series)
    floats = Floats(*series.floats())
    for name, ask in TALIB.items():
        expected = ask(floats)
        if name in CUMULATED:
            summed(got, name, expected, float(np.sum(floats.volume)))
        elif name in EXACT:
            decided(series, got, name, expected)
        else:
            check(series, got, name, expected, lacking_of(name, series))


def summed(got: FeatureBatch, name: str, expected: Float64, scale: float) -> None:
    """Assert equality within 1e-9 of all that was added."""
    at = NAMES.index(name)
    np.testing.assert_allclose(got.columns.values[:, at], np.nan_to_num(expected), rtol=1e-9, atol=1e-9 * scale)


def exact_money_flow(series: Series, n: int) -> dict[int, Fraction]:
    """Give the exact index of the last n flows by bar, where there is any."""
    typical = (series.high + series.low + series.close).tolist()
    flows = [price * size for price, size in zip(typical, series.volume.tolist(), strict=True)]
    found = {}
    for at in range(n, len(typical)):
        window = range(at - n + 1, at + 1)
        gained = sum(flows[k] for k in window if typical[k] > typical[k - 1])
        lost = sum(flows[k] for k in window if typical[k] < typical[k - 1])
        if gained + lost:
            found[at] = Fraction(100 * gained, gained + lost)
    return found


EXACT: dict[str, Callable[[Series], dict[int, Fraction]]] = {
    "variance_20": lambda series: exact_variance(series, 20),
    "linearreg_slope_14": lambda series: exact_slope(series, 14),
    "mfi_14": lambda series: exact_money_flow(series, 14),
}


def decided(series: Series, got: FeatureBatch, name: str, expected: Float64) -> None:
    """Assert equality within 1e-9 of value or price; beyond, the exact value decides."""
    at = NAMES.index(name)
    values, states = got.columns.values[:, at], got.columns.states[:, at]
    allowed = 1e-9 * np.maximum(np.abs(expected), series.floats()[3])
    beyond = np.flatnonzero((states == STATE_VALID) & ~(np.abs(values - expected) <= allowed)).tolist()
    exact = EXACT[name](series) if beyond else {}
    for row in beyond:
        ours, theirs = abs(Fraction(values[row]) - exact[row]), abs(Fraction(expected[row]) - exact[row])
        assert ours <= theirs, f"{name} of {series.name}, bar {row}: {values[row]}, TA-Lib {expected[row]}"


@pytest.mark.parametrize("name", TALIB)
def test_first_bar(name: str) -> None:
    """Each is valid from the same bar on as TA-Lib's."""
    series = drawn(0)
    expected = TALIB[name](Floats(*series.floats()))
    states = computed(series).columns.states[:, NAMES.index(name)]
    assert int(np.argmax(states == STATE_VALID)) == int(np.argmax(~np.isnan(expected)))
