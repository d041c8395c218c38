"""Volatility, volume, statistics and book equal TA-Lib where it has them, and a second computation where it has not.

The second computations are written over whole series with sliding windows, so they share no line with the loops.
"""

import math
from collections.abc import Callable, Mapping

import numpy as np
import polars as pl
import pytest
import talib
from counts import count
from featured import bars, column, lively, run, states
from numpy.lib.stride_tricks import sliding_window_view

from functions.domain.indicators.registry import FAMILIES
from functions.domain.market import MARKET_CROSSED, MARKET_QUOTED, STATE_DEGENERATE, BarBatch, Float64

Series = Mapping[str, Float64]
Oracle = Callable[[Series], Float64]

PRICES = ("open", "high", "low", "close", "bid_price", "ask_price", "bid_edge", "ask_edge")
SIZES = ("volume", "buy_volume", "bid_size", "ask_size", "bid_depth", "ask_depth", "ofi")


def series_of(batch: BarBatch) -> Series:
    """Give a batch's columns as floats in their units, two decimals of price and three of size."""
    found = {name: getattr(batch, name) / 100.0 for name in PRICES}
    found |= {name: getattr(batch, name) / 1000.0 for name in SIZES}
    notional = batch.notional_lo.astype(np.float64) / 1e5
    return found | {"trades": batch.trades.astype(float), "quotes": batch.quotes.astype(float), "notional": notional}


def windows(values: Float64, n: int, of: Callable[[Float64], Float64]) -> Float64:
    """Apply a function to every window of n values, NaN before there is one."""
    found = np.full(len(values), np.nan)
    if len(values) >= n:
        found[n - 1 :] = of(sliding_window_view(values, n))
    return found


def behind(values: Float64) -> Float64:
    """Put a missing value in front, for what begins with the second bar."""
    return np.concatenate([[np.nan], values])


def returns(s: Series) -> Float64:
    return s["close"][1:] / s["close"][:-1] - 1.0


def logs(s: Series) -> Float64:
    return np.diff(np.log(s["close"]))


def seeded(values: Float64, n: int, weight: float = 0.0) -> Float64:
    """Average exponentially, seeded with the mean of the first n values."""
    alpha = weight or 2.0 / (n + 1)
    found = np.full(len(values), np.nan)
    average = float(np.mean(values[:n]))
    found[n - 1] = average
    for at in range(n, len(values)):
        average = (1.0 - alpha) * average + alpha * float(values[at])
        found[at] = average
    return found


def keltner(s: Series, side: float) -> Float64:
    return talib.EMA(s["close"], 20) + side * 2.0 * talib.ATR(s["high"], s["low"], s["close"], 10)


def bands(s: Series) -> tuple[Float64, Float64, Float64]:
    upper, middle, lower = talib.BBANDS(s["close"], 20, 2.0, 2.0, 0)
    return upper, middle, lower


def mid(s: Series) -> Float64:
    return (s["bid_price"] + s["ask_price"]) / 2.0


def microprice(s: Series) -> Float64:
    weight = s["bid_size"] / (s["bid_size"] + s["ask_size"])
    return s["ask_price"] * weight + s["bid_price"] * (1.0 - weight)


def slope(s: Series, side: str) -> Float64:
    return s[f"{side}_depth"] / (1e4 * np.abs(s[f"{side}_edge"] / mid(s) - 1.0))


def imbalance(one: Float64, two: Float64) -> Float64:
    return (one - two) / (one + two)


def extremes(s: Series) -> tuple[Float64, Float64, Float64]:
    opened = np.log(s["open"])
    return np.log(s["high"]) - opened, np.log(s["low"]) - opened, np.log(s["close"]) - opened


def rogers_satchell(s: Series) -> Float64:
    high, low, close = extremes(s)
    return np.sqrt(seeded(high * (high - close) + low * (low - close), 20))


def corwin_schultz(s: Series) -> Float64:
    ranges = np.log(s["high"] / s["low"]) ** 2
    beta = ranges[1:] + ranges[:-1]
    gamma = np.log(np.maximum(s["high"][1:], s["high"][:-1]) / np.minimum(s["low"][1:], s["low"][:-1])) ** 2
    k = 3.0 - 2.0 * math.sqrt(2.0)
    alpha = (np.sqrt(2.0 * beta) - np.sqrt(beta)) / k - np.sqrt(gamma / k)
    return behind(np.maximum(2e4 * np.expm1(alpha) / (1.0 + np.exp(alpha)), 0.0))


def roll(s: Series) -> Float64:
    pairs = sliding_window_view(np.diff(s["close"]), 21)
    covariance = np.array([np.cov(pair[1:], pair[:-1], ddof=0)[0, 1] for pair in pairs])
    spread = np.full(len(s["close"]), np.nan)
    spread[21:] = 2e4 * np.sqrt(np.where(covariance < 0.0, -covariance, np.nan)) / s["close"][21:]
    return spread


def autocorrelation(s: Series) -> Float64:
    pairs = sliding_window_view(returns(s), 21)
    found = np.full(len(s["close"]), np.nan)
    found[21:] = [np.corrcoef(pair[1:], pair[:-1])[0, 1] for pair in pairs]
    return found


def variance_ratio(s: Series) -> Float64:
    def of(rows: Float64) -> Float64:
        found = []
        for row in rows:
            mean = row.mean()
            sums = np.convolve(row, np.ones(4), "valid")
            long = np.sum((sums - 4 * mean) ** 2) / (4 * (20 - 4 + 1) * (1 - 4 / 20))
            found.append(long / row.var(ddof=1))
        return np.array(found)

    return behind(windows(logs(s), 20, of))


def drawdown(s: Series, sign: float) -> Float64:
    def of(rows: Float64) -> Float64:
        best = np.maximum.accumulate(rows, axis=1) if sign > 0 else np.minimum.accumulate(rows, axis=1)
        return (sign * (best - rows) / best).max(axis=1)

    return windows(s["close"], 60, of)


def line(s: Series) -> tuple[Float64, Float64]:
    """Give r squared and the standard error of lines through 14 closes."""
    at = np.arange(14.0)

    def of(rows: Float64) -> Float64:
        found = []
        for row in rows:
            coefficients, residuals, *_ = np.polyfit(at - 6.5, row - row.mean(), 1, full=True)
            left = float(residuals[0]) if len(residuals) else 0.0
            assert len(coefficients) == 2
            found.append(left)
        return np.array(found)

    left = windows(s["close"], 14, of)
    around = windows(s["close"], 14, lambda rows: rows.var(axis=1) * 14)
    return 1.0 - left / around, np.sqrt(left / 12)


def ulcer(s: Series) -> Float64:
    best = windows(s["close"], 14, lambda rows: rows.max(axis=1))
    falls = 100.0 * (s["close"] / best - 1.0)
    return np.sqrt(windows(falls**2, 14, lambda rows: rows.mean(axis=1)))


def choppiness(s: Series) -> Float64:
    ranges = talib.TRANGE(s["high"], s["low"], s["close"])
    width = talib.MAX(s["high"], 14) - talib.MIN(s["low"], 14)
    return 100.0 * np.log10(windows(ranges, 14, lambda rows: rows.sum(axis=1)) / width) / math.log10(14)


def money_flow(s: Series) -> Float64:
    return ((s["close"] - s["low"]) - (s["high"] - s["close"])) / (s["high"] - s["low"]) * s["volume"]


def index_of_volume(s: Series, sign: float) -> Float64:
    moves = np.where(sign * np.diff(s["volume"]) > 0.0, 1.0 + returns(s), 1.0)
    return 1000.0 * np.concatenate([[1.0], np.cumprod(moves)])


def ease(s: Series) -> Float64:
    middle = (s["high"] + s["low"]) / 2.0
    one = np.diff(middle) * (s["high"] - s["low"])[1:] / s["volume"][1:]
    return behind(windows(one, 14, lambda rows: rows.mean(axis=1)))


def session_vwap(s: Series) -> Float64:
    return np.cumsum(s["notional"]) / np.cumsum(s["volume"])


def net(s: Series) -> Float64:
    return 2.0 * s["buy_volume"] - s["volume"]


def streak(s: Series) -> Float64:
    found = [0.0]
    for sign in np.sign(np.diff(s["close"])):
        found.append(found[-1] + sign if sign and found[-1] * sign >= 0.0 else sign)
    return behind(np.array(found[1:]))


def rolled(values: Float64, of: Callable[[pl.Expr], pl.Expr]) -> Float64:
    return pl.DataFrame({"x": values}).select(of(pl.col("x"))).to_series().to_numpy()


def quantile(s: Series, share: float) -> Float64:
    return windows(s["close"], 20, lambda rows: np.quantile(rows, share, axis=1))


def rank(rows: Float64) -> Float64:
    last = rows[:, -1:]
    return 5.0 * ((rows < last).sum(axis=1) + 0.5 * (rows == last).sum(axis=1))


def since(values: Float64) -> Float64:
    return windows(values, 60, lambda rows: np.argmax(rows[:, ::-1], axis=1).astype(float))


ORACLES: dict[str, Oracle] = {
    # volatility
    "range_bps": lambda s: 1e4 * (s["high"] - s["low"]) / s["close"],
    "true_range": lambda s: talib.TRANGE(s["high"], s["low"], s["close"]),
    "atr_14": lambda s: talib.ATR(s["high"], s["low"], s["close"], 14),
    "natr_14": lambda s: talib.NATR(s["high"], s["low"], s["close"], 14),
    "bb_upper": lambda s: bands(s)[0],
    "bb_lower": lambda s: bands(s)[2],
    "bb_percent": lambda s: (s["close"] - bands(s)[2]) / (bands(s)[0] - bands(s)[2]),
    "bb_width": lambda s: (bands(s)[0] - bands(s)[2]) / bands(s)[1],
    "stddev_20": lambda s: windows(s["close"], 20, lambda rows: rows.std(axis=1)),
    "variance_20": lambda s: windows(s["close"], 20, lambda rows: rows.var(axis=1)),
    "keltner_upper": lambda s: keltner(s, 1.0),
    "keltner_lower": lambda s: keltner(s, -1.0),
    "keltner_percent": lambda s: (s["close"] - keltner(s, -1.0)) / (keltner(s, 1.0) - keltner(s, -1.0)),
    "squeeze": lambda s: (bands(s)[0] - bands(s)[2]) / (keltner(s, 1.0) - keltner(s, -1.0)),
    "donchian_upper_20": lambda s: talib.MAX(s["high"], 20),
    "donchian_lower_20": lambda s: talib.MIN(s["low"], 20),
    "donchian_percent_20": lambda s: (
        (s["close"] - talib.MIN(s["low"], 20)) / (talib.MAX(s["high"], 20) - talib.MIN(s["low"], 20))
    ),
    "accbands_upper_20": lambda s: talib.ACCBANDS(s["high"], s["low"], s["close"], 20)[0],
    "accbands_lower_20": lambda s: talib.ACCBANDS(s["high"], s["low"], s["close"], 20)[2],
    "chandelier_long_22": lambda s: talib.MAX(s["high"], 22) - 3.0 * talib.ATR(s["high"], s["low"], s["close"], 22),
    "chandelier_short_22": lambda s: talib.MIN(s["low"], 22) + 3.0 * talib.ATR(s["high"], s["low"], s["close"], 22),
    "realised_volatility_20": lambda s: behind(windows(logs(s), 20, lambda rows: np.sqrt((rows**2).sum(axis=1)))),
    "return_deviation_20": lambda s: behind(windows(logs(s), 20, lambda rows: rows.std(axis=1, ddof=1))),
    "downside_deviation_20": lambda s: behind(
        windows(logs(s), 20, lambda rows: np.sqrt((np.minimum(rows, 0.0) ** 2).mean(axis=1)))
    ),
    "bipower_variation_20": lambda s: behind(
        windows(logs(s), 21, lambda rows: np.pi / 2 * (np.abs(rows[:, 1:]) * np.abs(rows[:, :-1])).sum(axis=1))
    ),
    "parkinson_20": lambda s: np.sqrt(seeded(np.log(s["high"] / s["low"]) ** 2 / (4.0 * math.log(2.0)), 20)),
    "garman_klass_20": lambda s: np.sqrt(
        seeded(
            np.log(s["high"] / s["low"]) ** 2 / 2.0 - (2.0 * math.log(2.0) - 1.0) * np.log(s["close"] / s["open"]) ** 2,
            20,
        )
    ),
    "rogers_satchell_20": rogers_satchell,
    "ewma_volatility": lambda s: behind(np.sqrt(seeded(logs(s) ** 2, 20, 0.06))),
    "ulcer_14": ulcer,
    "choppiness_14": choppiness,
    # volume
    "vwap": session_vwap,
    "vwap_distance_bps": lambda s: 1e4 * (s["close"] / session_vwap(s) - 1.0),
    "bar_vwap": lambda s: s["notional"] / s["volume"],
    "volume": lambda s: s["volume"],
    "trades": lambda s: s["trades"],
    "trade_size": lambda s: s["volume"] / s["trades"],
    "volume_sma_20": lambda s: talib.SMA(s["volume"], 20),
    "volume_ratio_20": lambda s: s["volume"] / talib.SMA(s["volume"], 20),
    "volume_zscore_20": lambda s: (
        (s["volume"] - talib.SMA(s["volume"], 20)) / windows(s["volume"], 20, lambda rows: rows.std(axis=1))
    ),
    "buy_ratio": lambda s: s["buy_volume"] / s["volume"],
    "buy_ratio_20": lambda s: talib.EMA(s["buy_volume"], 20) / talib.EMA(s["volume"], 20),
    "net_volume": net,
    "cumulative_delta": lambda s: np.cumsum(net(s)),
    "obv": lambda s: talib.OBV(s["close"], s["volume"]),
    "ad": lambda s: talib.AD(s["high"], s["low"], s["close"], s["volume"]),
    "adosc_3_10": lambda s: talib.ADOSC(s["high"], s["low"], s["close"], s["volume"], 3, 10),
    "cmf_20": lambda s: (
        windows(money_flow(s), 20, lambda rows: rows.sum(axis=1))
        / windows(s["volume"], 20, lambda rows: rows.sum(axis=1))
    ),
    "mfi_14": lambda s: talib.MFI(s["high"], s["low"], s["close"], s["volume"], 14),
    "force_13": lambda s: behind(talib.EMA(np.diff(s["close"]) * s["volume"][1:], 13)),
    "ease_of_movement_14": ease,
    "nvi": lambda s: index_of_volume(s, -1.0),
    "pvi": lambda s: index_of_volume(s, 1.0),
    "pvt": lambda s: behind(np.cumsum(returns(s) * s["volume"][1:])),
    "pvo_12_26": lambda s: 100.0 * (talib.EMA(s["volume"], 12) / talib.EMA(s["volume"], 26) - 1.0),
    "amihud_20": lambda s: behind(
        windows(np.abs(returns(s)) / (s["close"] * s["volume"])[1:], 20, lambda rows: rows.mean(axis=1))
    ),
    # statistics
    "zscore_20": lambda s: windows(s["close"], 20, lambda r: (r[:, -1] - r.mean(axis=1)) / r.std(axis=1)),
    "zscore_60": lambda s: windows(s["close"], 60, lambda r: (r[:, -1] - r.mean(axis=1)) / r.std(axis=1)),
    "mean_absolute_deviation_20": lambda s: windows(
        s["close"], 20, lambda r: np.abs(r - r.mean(axis=1, keepdims=True)).mean(axis=1)
    ),
    "median_20": lambda s: quantile(s, 0.5),
    "quantile_10_20": lambda s: quantile(s, 0.1),
    "quantile_90_20": lambda s: quantile(s, 0.9),
    "interquartile_20": lambda s: quantile(s, 0.75) - quantile(s, 0.25),
    "percentile_rank_20": lambda s: windows(s["close"], 20, rank),
    "skewness_20": lambda s: rolled(s["close"] - s["close"].mean(), lambda x: x.rolling_skew(20, bias=True)),
    "kurtosis_20": lambda s: rolled(s["close"] - s["close"].mean(), lambda x: x.rolling_kurtosis(20, bias=True)),
    "linearreg_14": lambda s: talib.LINEARREG(s["close"], 14),
    "linearreg_slope_14": lambda s: windows(
        s["close"], 14, lambda r: (r - r.mean(axis=1, keepdims=True)) @ (np.arange(14) - 6.5) / 227.5
    ),
    "linearreg_intercept_14": lambda s: talib.LINEARREG_INTERCEPT(s["close"], 14),
    "linearreg_angle_14": lambda s: np.degrees(np.arctan(ORACLES["linearreg_slope_14"](s))),
    "tsf_14": lambda s: talib.TSF(s["close"], 14),
    "r_squared_14": lambda s: line(s)[0],
    "standard_error_14": lambda s: line(s)[1],
    "correl_close_volume_20": lambda s: talib.CORREL(
        s["close"] - s["close"].mean(), s["volume"] - s["volume"].mean(), 20
    ),
    "autocorrelation_20": autocorrelation,
    "variance_ratio_20": variance_ratio,
    "efficiency_10": lambda s: (
        np.abs(s["close"] - np.concatenate([np.full(10, np.nan), s["close"][:-10]]))
        / behind(windows(np.abs(np.diff(s["close"])), 10, lambda r: r.sum(axis=1)))
    ),
    "max_drawdown_60": lambda s: drawdown(s, 1.0),
    "max_runup_60": lambda s: drawdown(s, -1.0),
    "return_to_risk_20": lambda s: behind(windows(returns(s), 20, lambda r: r.mean(axis=1) / r.std(axis=1, ddof=1))),
    "up_share_20": lambda s: behind(windows(returns(s), 20, lambda r: (r > 0.0).mean(axis=1))),
    "streak": streak,
    "bars_since_high_60": lambda s: since(s["high"]),
    "bars_since_low_60": lambda s: since(-s["low"]),
    "below_high_60_bps": lambda s: 1e4 * (talib.MAX(s["high"], 60) / s["close"] - 1.0),
    "above_low_60_bps": lambda s: 1e4 * (1.0 - talib.MIN(s["low"], 60) / s["close"]),
    # book
    "spread_bps": lambda s: 1e4 * (s["ask_price"] - s["bid_price"]) / mid(s),
    "spread": lambda s: s["ask_price"] - s["bid_price"],
    "mid": mid,
    "microprice": microprice,
    "microprice_bps": lambda s: 1e4 * (microprice(s) / mid(s) - 1.0),
    "queue_imbalance": lambda s: imbalance(s["bid_size"], s["ask_size"]),
    "effective_spread_bps": lambda s: 2e4 * np.abs(s["close"] / mid(s) - 1.0),
    "close_to_mid_bps": lambda s: 1e4 * (s["close"] / mid(s) - 1.0),
    "spread_ema_20": lambda s: seeded(ORACLES["spread_bps"](s), 20),
    "spread_ratio_20": lambda s: ORACLES["spread_bps"](s) / seeded(ORACLES["spread_bps"](s), 20),
    "depth_imbalance": lambda s: imbalance(s["bid_depth"], s["ask_depth"]),
    "depth": lambda s: s["bid_depth"] + s["ask_depth"],
    "bid_slope": lambda s: slope(s, "bid"),
    "ask_slope": lambda s: slope(s, "ask"),
    "slope_imbalance": lambda s: imbalance(slope(s, "bid"), slope(s, "ask")),
    "ofi": lambda s: s["ofi"],
    "ofi_ratio": lambda s: s["ofi"] / (s["bid_size"] + s["ask_size"]),
    "ofi_ema_20": lambda s: seeded(s["ofi"], 20),
    "quote_updates": lambda s: s["quotes"],
    "quotes_per_trade": lambda s: s["quotes"] / s["trades"],
    "roll_spread_bps_20": roll,
    "corwin_schultz_bps": corwin_schultz,
    "kyle_lambda_20": lambda s: behind(seeded(np.diff(s["close"]) * net(s)[1:], 20) / seeded(net(s)[1:] ** 2, 20)),
    "toxicity_20": lambda s: seeded(np.abs(net(s)), 20) / seeded(s["volume"], 20),
}
PROFILE = {"poc", "value_area_low", "value_area_high"}
"""Features of the volume profile, which have tests of their own."""
ABSOLUTE = {"r_squared_14": 1e-7, "kurtosis_20": 1e-7, "skewness_20": 1e-7, "correl_close_volume_20": 1e-7}
"""What differences of large sums leave over in the second computation."""


def test_every_feature_has_an_oracle() -> None:
    """No feature of these families goes without a second computation."""
    names = {one.name for family in ("volatility", "volume", "statistics", "book") for one in FAMILIES[family]}
    assert set(ORACLES) | PROFILE == names


def test_oracles() -> None:
    """On random series every feature is valid from the same bar on as its second computation, and equal to it."""
    for seed in range(count(100)):
        batch = lively(seed, 200)
        s = series_of(batch)
        got = run(batch)
        for name, oracle in ORACLES.items():
            scale = 1e-9 * max(1.0, float(np.nanmax(np.abs(oracle(s)))))
            np.testing.assert_allclose(
                column(got, name),
                oracle(s),
                rtol=1e-9,
                atol=ABSOLUTE.get(name, scale),
                err_msg=f"{name}, series {seed}",
            )


def test_profile() -> None:
    """The fullest price of the day and the range around it that holds 70 % of the volume, bins as fine as they fit."""
    close = np.array([10_000] * 5 + [10_010] * 12 + [10_020] * 4 + [9_990] * 2)
    got = run(bars(close, volume=np.full(len(close), 1000)))
    width = 0.03  # of 100.00 the bins take 0.02 %, rounded up to the price's unit, and double while prices leave them
    poc, low, high = (column(got, name) for name in ("poc", "value_area_low", "value_area_high"))
    assert abs(poc[0] - 100.00) <= width
    assert abs(poc[-1] - 100.10) <= width
    assert low[-1] <= 100.10 <= high[-1]
    assert 0.7 <= np.mean((close / 100.0 >= low[-1]) & (close / 100.0 <= high[-1])) < 1.0


def test_profile_widens() -> None:
    """Volume is never lost when prices leave the bins: the area around all of it holds every price."""
    draw = np.random.default_rng(3)
    close = 100_000 + np.cumsum(draw.integers(-2_000, 2_001, 200))
    got = run(bars(close, volume=draw.integers(1, 1000, 200)))
    low, high, poc = (column(got, name) for name in ("value_area_low", "value_area_high", "poc"))
    assert np.isfinite(low).all()
    assert (low < poc).all()
    assert (poc < high).all()
    assert (high - low <= (np.maximum.accumulate(close) - np.minimum.accumulate(close)) / 50.0 + 60.0).all()


def test_crossed_quotes_are_degenerate() -> None:
    """While the quote is crossed nothing that needs it has a value, and its averages stand still."""
    flags = np.full(30, MARKET_QUOTED, np.uint8)
    flags[25] |= MARKET_CROSSED
    got = run(bars(np.full(30, 10_000), flags=flags, bid_price=np.full(30, 9_999), ask_price=np.full(30, 10_001)))
    assert states(got, "mid")[25] == STATE_DEGENERATE
    assert states(got, "spread_ratio_20")[25] == STATE_DEGENERATE
    assert column(got, "spread_ema_20")[24] == column(got, "spread_ema_20")[26]


@pytest.mark.parametrize(
    "name",
    ["bb_percent", "squeeze", "donchian_percent_20", "choppiness_14", "skewness_20", "r_squared_14", "efficiency_10"],
)
def test_flat_market(name: str) -> None:
    """What divides by a range has no value where there is none."""
    assert states(run(bars(np.full(70, 10_000))), name)[-1] == STATE_DEGENERATE
