"""Trend equals TA-Lib where TA-Lib has it, and plain definitions or published values where it has not."""

import pathlib

import numpy as np
import pytest
import talib
from counts import count
from featured import bars, column, run, states
from indicated import (
    Series,
    ago,
    alone,
    check,
    computed,
    drawn,
    ema,
    highest,
    lowest,
    mean,
    published,
    real,
    smma,
    true_range,
    windows,
)

from functions.domain.indicators import direction, trend
from functions.domain.market import STATE_DEGENERATE, STATE_VALID, Float64

FLAT = [
    *("plus_di_14", "minus_di_14", "dx_14", "adx_14", "adxr_14", "supertrend", "supertrend_direction"),
    *("vortex_plus_14", "vortex_minus_14"),
]
PRICES = [
    *("sma_5", "sma_10", "sma_20", "sma_50", "ema_5", "ema_9", "ema_12", "ema_20", "ema_26", "ema_50", "wma_10"),
    *("wma_20", "trima_20", "dema_20", "tema_20", "t3_5", "kama_10", "hma_20", "zlema_20", "alma_9", "alligator_jaw"),
    *("alligator_teeth", "alligator_lips", "vwma_20", "sar", "tenkan_9", "kijun_26", "senkou_a", "senkou_b"),
    *("midpoint_14", "midprice_14"),
]


def talib_of(series: Series) -> dict[str, Float64]:
    """Ask TA-Lib for what it has, every parameter told."""
    _, high, low, close, _ = series.floats()
    macd, signal, hist = talib.MACD(close, 12, 26, 9)
    found = {f"sma_{n}": talib.SMA(close, n) for n in (5, 10, 20, 50)}
    found |= {f"ema_{n}": talib.EMA(close, n) for n in (5, 9, 12, 20, 26, 50)}
    found |= {f"wma_{n}": talib.WMA(close, n) for n in (10, 20)}
    return found | {
        "dema_20": talib.DEMA(close, 20),
        "tema_20": talib.TEMA(close, 20),
        "trima_20": talib.TRIMA(close, 20),
        "t3_5": talib.T3(close, 5, 0.7),
        "kama_10": talib.KAMA(close, 10),
        "macd": macd,
        "macd_signal": signal,
        "macd_hist": hist,
        "apo": talib.APO(close, 12, 26, 1),
        "ppo": talib.PPO(close, 12, 26, 1),
        "plus_dm_14": talib.PLUS_DM(high, low, 14),
        "minus_dm_14": talib.MINUS_DM(high, low, 14),
        "plus_di_14": talib.PLUS_DI(high, low, close, 14),
        "minus_di_14": talib.MINUS_DI(high, low, close, 14),
        "dx_14": talib.DX(high, low, close, 14),
        "adx_14": talib.ADX(high, low, close, 14),
        "adxr_14": talib.ADXR(high, low, close, 14),
        "sar": talib.SAR(high, low, 0.02, 0.2),
        "midpoint_14": talib.MIDPOINT(close, 14),
        "midprice_14": talib.MIDPRICE(high, low, 14),
    }


def lacking_of(series: Series) -> dict[str, Float64]:
    """Say where our rules give no value."""
    _, high, low, close, _ = series.floats()
    rise, fall = high - ago(high, 1), ago(low, 1) - low
    reach = true_range(high, low, close)
    spans = np.where(np.isnan(ema(close, 15)), np.nan, summed(reach))
    rising = summed(np.where((rise > 0) & (rise > fall), rise, 0.0 * rise))
    falling = summed(np.where((fall > 0) & (fall > rise), fall, 0.0 * fall))
    with np.errstate(invalid="ignore", divide="ignore"):
        unmoved = (spans < 1e-14) * 1.0
        idle = ((spans < 1e-14) | (100.0 * (rising + falling) / spans < 1e-14)) * 1.0
    spread = windows(true_range(*(each.astype(np.float64) for each in (series.high, series.low, series.close))), 14)
    rules = {"plus_di_14": unmoved, "minus_di_14": unmoved, "dx_14": idle, "adx_14": idle, "adxr_14": idle}
    rules |= dict.fromkeys(("vortex_plus_14", "vortex_minus_14"), spread.sum(1) == 0.0)
    begun = np.nancumsum(reach) == 0.0
    return rules | dict.fromkeys(("supertrend", "supertrend_direction"), begun)


def summed(values: Float64) -> Float64:
    """Sum as Wilder does: the first 13 as they are, each further one beside 13/14 of the sum."""
    found = np.full(len(values), np.nan)
    total = 0.0
    for n in range(1, len(values)):
        total = (total * 13.0 / 14.0 if n > 13 else total) + float(values[n])
        found[n] = total
    return found


def plain_of(series: Series) -> dict[str, Float64]:
    """Compute what TA-Lib has not."""
    _, high, low, close, volume = series.floats()
    median = (high + low) / 2.0
    ppo = talib.PPO(close, 12, 26, 1)
    found = {
        "hma_20": hull(close, 20),
        "zlema_20": ema(2.0 * close - ago(close, 9), 20),
        "alma_9": legoux(close),
        "alligator_jaw": smma(median, 13),
        "alligator_teeth": smma(median, 8),
        "alligator_lips": smma(median, 5),
        "vwma_20": windows(close * volume, 20).sum(1) / windows(volume, 20).sum(1),
        "ppo_signal": ema(ppo, 9),
        "ppo_hist": ppo - ema(ppo, 9),
        "dpo_20": ago(close, 11) - mean(close, 20),
        "bias_ema_50": close / ema(close, 50) - 1.0,
    }
    middle = {n: (highest(high, n) + lowest(low, n)) / 2.0 for n in (9, 26, 52)}
    found |= {"tenkan_9": middle[9], "kijun_26": middle[26], "senkou_b": ago(middle[52], 26)}
    found |= {"senkou_a": ago((middle[9] + middle[26]) / 2.0, 26), "chikou_26": close - ago(close, 26)}
    span = windows(true_range(high, low, close), 14).sum(1)
    with np.errstate(invalid="ignore", divide="ignore"):
        found["vortex_plus_14"] = windows(np.abs(high - ago(low, 1)), 14).sum(1) / span
        found["vortex_minus_14"] = windows(np.abs(low - ago(high, 1)), 14).sum(1) / span
    found["vortex_plus_14"][14:] = np.nan_to_num(found["vortex_plus_14"][14:])
    found["vortex_minus_14"][14:] = np.nan_to_num(found["vortex_minus_14"][14:])
    found["supertrend"], found["supertrend_direction"] = supertrend(high, low, close)
    return found


def hull(close: Float64, n: int) -> Float64:
    """Average as Hull does."""

    def weighted(values: Float64, n: int) -> Float64:
        return windows(values, n) @ np.arange(1.0, n + 1) / (n * (n + 1) / 2)

    return weighted(2.0 * weighted(close, n // 2) - weighted(close, n), int(n**0.5))


def legoux(close: Float64) -> Float64:
    """Average as Legoux and Kouzis-Loukas do."""
    weights = np.exp(-((np.arange(9) - 6.8) ** 2) / (2.0 * 1.5**2))
    return windows(close, 9) @ (weights / weights.sum())


def supertrend(high: Float64, low: Float64, close: Float64) -> tuple[Float64, Float64]:
    """Follow the stops of Seban bar by bar, as two series of stops of which one is in force."""
    reach = smma(true_range(high, low, close), 10)
    stops, sides = np.full(len(close), np.nan), np.full(len(close), np.nan)
    rising = len(close) > 10 and bool(close[10] >= (high[10] + low[10]) / 2.0)
    floor, ceiling = -np.inf, np.inf
    for n in range(10, len(close)):
        middle = (high[n] + low[n]) / 2.0
        floor = max(floor, middle - 3.0 * reach[n]) if close[n - 1] >= floor else middle - 3.0 * reach[n]
        ceiling = min(ceiling, middle + 3.0 * reach[n]) if close[n - 1] <= ceiling else middle + 3.0 * reach[n]
        rising = bool(close[n] > (floor if rising else ceiling))
        stops[n], sides[n] = (floor, 1.0) if rising else (ceiling, -1.0)
    return stops, sides


def compare(series: Series) -> None:
    """Compare every feature of this family."""
    got = computed(series)
    expected = talib_of(series) | plain_of(series)
    assert set(expected) == {feature.name for feature in (*trend.FEATURES, *direction.FEATURES)}
    lacking = lacking_of(series)
    for name, values in expected.items():
        check(series, got, name, values, lacking.get(name, np.zeros(len(values))))


def test_drawn() -> None:
    """On drawn series of every shape each feature begins, lacks and equals as TA-Lib's, or as its plain definition."""
    for seed in range(count(1_000)):
        compare(drawn(seed))


def test_real(captures: pathlib.Path) -> None:
    """So it is on every real series at hand."""
    for series in real(captures):
        compare(series)


@pytest.mark.parametrize(
    ("name", "file", "key"),
    [
        ("kama_10", "kama", "kama"),
        ("supertrend", "supertrend", "superTrend"),
        ("tenkan_9", "ichimoku", "tenkanSen"),
        ("kijun_26", "ichimoku", "kijunSen"),
        ("senkou_a", "ichimoku", "senkouSpanA"),
        ("senkou_b", "ichimoku", "senkouSpanB"),
    ],
)
def test_published(captures: pathlib.Path, name: str, file: str, key: str) -> None:
    """On the S&P series the values are the published ones, from our first on."""
    got = column(computed(real(captures)[0]), name)
    expected = published(captures, file, key)
    begins = int(np.argmax(~np.isnan(got)))
    np.testing.assert_allclose(got[begins:], expected[begins:], rtol=1e-9, atol=1e-9)


@pytest.mark.parametrize(
    ("name", "key"), [("plus_di_14", "pdi"), ("minus_di_14", "mdi"), ("dx_14", "dx"), ("adx_14", "adx")]
)
def test_movement_published(captures: pathlib.Path, name: str, key: str) -> None:
    """Directional movement seeded with one bar more, as published, meets TA-Lib's seed once both are warm."""
    got = column(computed(real(captures)[0]), name)
    np.testing.assert_allclose(got[450:], published(captures, "adx", key)[450:], rtol=1e-9)


def test_hull_published(captures: pathlib.Path) -> None:
    """The definition ours is compared with gives the published values at the published period."""
    close = real(captures)[0].floats()[3]
    np.testing.assert_allclose(hull(close, 14), published(captures, "hma", "hma"), rtol=1e-9)


def test_flat() -> None:
    """A market that never moves has no direction, and its averages and middles are its price."""
    got = run(bars(np.full(120, 10_001)))
    assert [name for name in FLAT if states(got, name)[-1] != STATE_DEGENERATE] == []
    for name in PRICES:
        assert column(got, name)[-1] == pytest.approx(100.01, rel=1e-14), name


def test_no_volume() -> None:
    """Where nothing was traded there is no average by volume, and there is again once something is."""
    volume = np.where(np.arange(60) < 30, 0, 5)
    got = states(run(bars(10_000 + np.arange(60), volume=volume)), "vwma_20")
    assert got[19:] == [STATE_DEGENERATE] * 11 + [STATE_VALID] * 30


def test_zero() -> None:
    """Prices of 0 have averages but no ratios to them."""
    values, found = alone(trend, np.zeros(90))
    for at in (trend.PPO, trend.PPO_SIGNAL, trend.PPO_HIST, trend.BIAS_EMA_50):
        assert found[-1, at] == STATE_DEGENERATE
    assert found[-1, trend.SMA_50] == STATE_VALID
    assert values[-1, trend.SMA_50] == 0.0


@pytest.mark.parametrize("module", [trend, direction])
def test_places(module: object) -> None:
    """A name in the list stands where its constant says."""
    for n, feature in enumerate(module.FEATURES):  # type: ignore[attr-defined]  # a module
        assert getattr(module, feature.name.upper()) == n
