"""Momentum equals TA-Lib where TA-Lib has it, and plain definitions or published values where it has not."""

import pathlib

import numpy as np
import pytest
import talib
from counts import count
from featured import PLAIN, bars, column, run, states
from indicated import (
    Series,
    ago,
    alone,
    any_of,
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

from functions.domain.indicators import momentum, oscillators
from functions.domain.indicators.registry import FAMILIES
from functions.domain.market import STATE_DEGENERATE, STATE_VALID, Float64

FLAT = [
    *("rsi_14", "rsi_7", "rsi_2", "cmo_14", "stoch_k", "stoch_d", "stochf_k", "stochf_d", "stochrsi_k", "stochrsi_d"),
    *("willr_14", "aroon_up_14", "aroon_down_14", "aroon_osc_14", "smi_13", "smi_signal_13", "cci_14", "cci_20"),
    *("ultosc", "bop", "fisher_10", "fisher_trigger_10", "tsi", "tsi_signal", "pgo_14", "connors_rsi"),
]


def talib_of(series: Series) -> dict[str, Float64]:
    """Ask TA-Lib for what it has, every parameter told."""
    opened, high, low, close, _ = series.floats()
    stoch_k, stoch_d = talib.STOCH(high, low, close, 14, 3, 0, 3, 0)
    stochf_k, stochf_d = talib.STOCHF(high, low, close, 14, 3, 0)
    stochrsi_k, stochrsi_d = talib.STOCHRSI(close, 14, 14, 3, 0)
    aroon_down, aroon_up = talib.AROON(high, low, 14)
    return {
        "rsi_14": talib.RSI(close, 14),
        "rsi_7": talib.RSI(close, 7),
        "rsi_2": talib.RSI(close, 2),
        "cmo_14": talib.CMO(close, 14),
        "roc_10": talib.ROC(close, 10),
        "rocp_10": talib.ROCP(close, 10),
        "rocr_10": talib.ROCR(close, 10),
        "mom_10": talib.MOM(close, 10),
        "stoch_k": stoch_k,
        "stoch_d": stoch_d,
        "stochf_k": stochf_k,
        "stochf_d": stochf_d,
        "stochrsi_k": stochrsi_k,
        "stochrsi_d": stochrsi_d,
        "willr_14": talib.WILLR(high, low, close, 14),
        "aroon_up_14": aroon_up,
        "aroon_down_14": aroon_down,
        "aroon_osc_14": talib.AROONOSC(high, low, 14),
        "cci_14": talib.CCI(high, low, close, 14),
        "cci_20": talib.CCI(high, low, close, 20),
        "ultosc": talib.ULTOSC(high, low, close, 7, 14, 28),
        "bop": talib.BOP(opened, high, low, close),
        "trix_15": talib.TRIX(close, 15),
    }


def lacking_of(series: Series) -> dict[str, Float64]:
    """Say where our rules give no value, from the mantissas."""
    high, low, close = (each.astype(np.float64) for each in (series.high, series.low, series.close))
    unmoved = {n: strength(series.floats()[3], n)[1] for n in (14, 7, 2)}
    placeless = {n: highest(high, n) == lowest(low, n) for n in (14, 15)}
    rsi = strength(series.floats()[3], 14)[0]
    with np.errstate(invalid="ignore"):
        stuck = (highest(rsi, 14) - lowest(rsi, 14) < 1e-10) | (any_of(unmoved[14], 14) > 0)
    typical = series.high + series.low + series.close
    alike = {n: highest(typical * 1.0, n) == lowest(typical * 1.0, n) for n in (14, 20)}
    reach = true_range(high, low, close)
    still = np.min([windows(reach, n).sum(1) for n in (7, 14, 28)], axis=0) == 0
    rules = {f"rsi_{n}": unmoved[n] for n in (14, 7, 2)} | {"cmo_14": unmoved[14]}
    rules |= {"stochf_k": placeless[14], "willr_14": placeless[14], "bop": high == low, "ultosc": still}
    rules |= {"stochf_d": any_of(placeless[14], 3), "stoch_k": any_of(placeless[14], 3)}
    rules |= {"stoch_d": any_of(placeless[14], 5), "stochrsi_k": stuck, "stochrsi_d": any_of(stuck, 3)}
    rules |= {f"aroon_{which}_14": placeless[15] for which in ("up", "down", "osc")}
    return rules | {f"cci_{n}": alike[n] for n in (14, 20)}


def strength(values: Float64, n: int) -> tuple[Float64, Float64]:
    """Compute Wilder's relative strength, and where nothing moved."""
    change = values - ago(values, 1)
    gain, loss = smma(np.where(np.isnan(change), np.nan, np.maximum(change, 0.0)), n), smma(np.maximum(-change, 0.0), n)
    with np.errstate(invalid="ignore", divide="ignore"):
        return 100.0 * gain / (gain + loss), (gain + loss < 1e-14) * 1.0


def plain_of(series: Series) -> tuple[dict[str, Float64], dict[str, Float64]]:
    """Compute what TA-Lib has not, and where it lacks."""
    opened, high, low, close, _ = series.floats()
    median = (high + low) / 2.0
    found = {f"return_{n}": close / ago(close, n) - 1.0 for n in (1, 5, 20)}
    found["log_return_1"] = np.log(close / ago(close, 1))
    found["awesome"] = mean(median, 5) - mean(median, 34)
    found["accelerator"] = found["awesome"] - mean(found["awesome"], 5)
    change = {n: 100.0 * (close / ago(close, n) - 1.0) for n in (10, 11, 14, 15, 20, 30)}
    found["coppock"] = windows(change[14] + change[11], 10) @ np.arange(1, 11) / 55.0
    means = (mean(change[10], 10), mean(change[15], 10), mean(change[20], 10), mean(change[30], 15))
    found["kst"] = means[0] + 2 * means[1] + 3 * means[2] + 4 * means[3]
    found["kst_signal"] = mean(found["kst"], 9)
    found["elder_bull_13"], found["elder_bear_13"] = high - ema(close, 13), low - ema(close, 13)
    found["qstick_10"] = ema(close - opened, 10)
    lacking = dict.fromkeys(found, np.zeros(len(close)))
    reach = ema(true_range(high, low, close), 14)
    with np.errstate(invalid="ignore", divide="ignore"):
        found["pgo_14"], lacking["pgo_14"] = (close - mean(close, 14)) / reach, reach == 0.0
    for more in (blau(series), fisher(median, series.high + series.low), connors(close)):
        for name, (values, lacks) in more.items():
            found[name], lacking[name] = values, lacks
    return found, lacking


def blau(series: Series) -> dict[str, tuple[Float64, Float64]]:
    """Compute Blau's two indices and their signals."""
    _, high, low, close, _ = series.floats()
    top, bottom = highest(high, 13), lowest(low, 13)
    change = close - ago(close, 1)
    with np.errstate(invalid="ignore", divide="ignore"):
        smi = 200.0 * ema(ema(close - (top + bottom) / 2.0, 25), 2) / ema(ema(top - bottom, 25), 2)
        tsi = 100.0 * ema(ema(change, 25), 13) / ema(ema(np.abs(change), 25), 13)
    none = np.zeros(len(close))
    return {
        "smi_13": (smi, none),
        "smi_signal_13": (ema(smi, 3), none),
        "tsi": (tsi, none),
        "tsi_signal": (ema(tsi, 7), none),
    }


def fisher(median: Float64, exact: Float64) -> dict[str, tuple[Float64, Float64]]:
    """Compute Ehlers's transform bar by bar; the exact medians say where there is none."""
    found, lacks, trigger = np.full(len(median), np.nan), np.zeros(len(median)), np.full(len(median), np.nan)
    place = transform = 0.0
    had = False
    for n in range(9, len(median)):
        part = median[n - 9 : n + 1]
        lacks[n] = min(exact[n - 9 : n + 1]) == max(exact[n - 9 : n + 1])
        found[n], trigger[n] = 0.0, transform
        if lacks[n]:
            continue
        lacks[n] = 0.0 if had else -1.0
        had = True
        place = 0.33 * (2.0 * ((part[-1] - part.min()) / (part.max() - part.min()) - 0.5)) + 0.67 * place
        place = min(max(place, -0.999), 0.999)
        transform = float(np.arctanh(place)) + 0.5 * transform
        found[n] = transform
    trigger[:10] = np.nan
    return {"fisher_10": (found, lacks > 0.0), "fisher_trigger_10": (trigger, lacks != 0.0)}


def connors(close: Float64) -> dict[str, tuple[Float64, Float64]]:
    """Compute Connors's index."""
    streaks = [0.0]
    for change in np.sign(np.diff(close)):
        streaks.append(change * (abs(streaks[-1]) + 1.0) if streaks[-1] * change >= 0.0 else change)
    (fast, unmoved), (streak, steady) = strength(close, 3), strength(np.array(streaks), 2)
    factor = close / ago(close, 1)
    rank = 100.0 * (windows(factor, 21)[:, :-1] < factor[:, None]).mean(1) + 0.0 * windows(factor, 21).sum(1)
    return {
        "connors_rsi": (
            np.where(np.isnan(rank), np.nan, np.nan_to_num(fast + streak + rank) / 3.0),
            unmoved + steady > 0.0,
        )
    }


def compare(series: Series) -> None:
    """Compare every feature of this family."""
    got = computed(series)
    plain, lacking = plain_of(series)
    expected = talib_of(series) | plain
    assert set(expected) == {feature.name for feature in (*momentum.FEATURES, *oscillators.FEATURES)}
    lacking |= lacking_of(series)
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
        ("stoch_k", "stoch", "k"),
        ("stoch_d", "stoch", "d"),
        ("stochrsi_k", "stoch-rsi", "stochRsi"),
        ("stochrsi_d", "stoch-rsi", "signal"),
        ("rsi_14", "rsi", "rsi"),
        ("cci_20", "cci", "cci"),
        ("ultosc", "uo", "ultimate"),
        ("willr_14", "willr", "williamsR"),
    ],
)
def test_published(captures: pathlib.Path, name: str, file: str, key: str) -> None:
    """On the S&P series the values are the published ones, from our first on."""
    got = column(computed(real(captures)[0]), name)
    expected = published(captures, file, key)
    begins = int(np.argmax(~np.isnan(got)))
    np.testing.assert_allclose(got[begins:], expected[begins:], rtol=1e-9, atol=1e-9)


def test_flat() -> None:
    """A market that never moves has no momentum: no index is 0, 50 or 100 for want of movement; changes are 0."""
    got = run(bars(np.full(120, 10_001)))
    assert [name for name in FLAT if states(got, name)[-1] != STATE_DEGENERATE] == []
    for name in ("return_1", "log_return_1", "roc_10", "mom_10", "coppock", "kst", "trix_15", "awesome"):
        assert column(got, name)[-1] == pytest.approx(0.0, abs=1e-12), name


def test_after_stillness() -> None:
    """What smooths a ratio begins to count when there first is one: its signal needs as many as its window."""
    high = np.where(np.arange(90) < 60, 10_001, 10_001 + np.arange(90) % 7)
    got = run(bars(high, high=high, low=np.minimum(high, 10_001)))
    for name, signal, wait in (("smi_13", "smi_signal_13", 3), ("tsi", "tsi_signal", 7)):
        begins = states(got, name).index(STATE_VALID)
        assert states(got, signal).index(STATE_VALID) == begins + wait - 1


def test_zero() -> None:
    """A close of 0 has no change that follows it: degenerate, and whole again when it is past."""
    closes = 100.0 + np.arange(140) % 7
    closes[60] = 0.0
    _, found = alone(momentum, closes)
    for name, window in (("return_1", 1), ("log_return_1", 1), ("roc_10", 10), ("rocr_10", 10), ("return_20", 20)):
        at = getattr(momentum, name.upper())
        assert found[60 + window : 62 + window, at].tolist() == [STATE_DEGENERATE, STATE_VALID], name
    _, found = alone(oscillators, closes)
    for name, longest in (("coppock", 24), ("kst", 45), ("kst_signal", 53), ("connors_rsi", 22)):
        at = getattr(oscillators, name.upper())
        assert STATE_DEGENERATE in found[60:, at], name
        assert found[60 + longest, at] == STATE_VALID, name


def test_plain_where_still() -> None:
    """Plain and compiled loops give the same bits where the market stands still, too."""
    batch = drawn(2, 120).batch()
    plain, fast = run(batch, None, PLAIN).columns, run(batch).columns
    ours = len(FAMILIES["momentum"]) + len(FAMILIES["trend"])
    assert plain.values[:, :ours].tobytes() == fast.values[:, :ours].tobytes()
    assert plain.states[:, :ours].tobytes() == fast.states[:, :ours].tobytes()


@pytest.mark.parametrize("module", [momentum, oscillators])
def test_places(module: object) -> None:
    """A name in the list stands where its constant says."""
    for n, feature in enumerate(module.FEATURES):  # type: ignore[attr-defined]  # a module
        assert getattr(module, feature.name.upper()) == n
