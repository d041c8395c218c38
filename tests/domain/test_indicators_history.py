"""The log returns of the bars before equal numpy's of the closes, and lack where a close has no logarithm."""

import numpy as np
import pytest
from counts import count
from featured import LOOPS, PLAIN, bars, column, lively, run, states, walk
from indicated import alone, drawn

from functions.domain.bars.fold import BARS_PER_BATCH_MAX
from functions.domain.indicators import history
from functions.domain.indicators.registry import FAMILIES, NAMES
from functions.domain.indicators.state import INSTRUMENTS_MAX, dump, load, start
from functions.domain.market import STATE_COLD, STATE_DEGENERATE, STATE_VALID, FeatureBatch, InstrumentRef
from functions.wire.codecs.features import encode_feature_batch

BYTES_OF_AN_EVENT_MAX = 64 * 1024
LAGS = [f"log_return_lag_{lag}" for lag in range(1, 32)]


def test_lags() -> None:
    """Lag k is cold for k + 1 bars, and then the log return of k bars ago."""
    for seed in range(count(50)):
        batch = lively(seed, 200)
        got = run(batch)
        expected = np.diff(np.log(batch.close / 100.0))
        for lag, name in enumerate(LAGS, 1):
            found = column(got, name)
            assert np.isnan(found[: lag + 1]).all(), name
            np.testing.assert_allclose(found[lag + 1 :], expected[: 199 - lag], rtol=1e-9, atol=1e-15, err_msg=name)


def test_lags_are_log_return_1() -> None:
    """Lag k has the bits that log_return_1 had k bars ago, in a market that stands still too."""
    for series in (walk(3)[2], drawn(2).close):
        got = run(bars(series))
        newest = column(got, "log_return_1")
        for lag, name in enumerate(LAGS, 1):
            assert column(got, name)[lag + 1 :].tobytes() == newest[1:-lag].tobytes(), name


def test_names() -> None:
    """The family holds lags 1 to 31 in order and the long volatility, behind every other feature."""
    names = [*LAGS, "long_volatility_120"]
    assert [feature.name for feature in FAMILIES["history"]] == list(NAMES[-32:]) == names


def test_long_volatility() -> None:
    """It is the root of Wilder's average of squared returns, seeded with the mean of the first 120."""
    for seed in range(count(20)):
        batch = lively(seed, 300)
        squares = np.diff(np.log(batch.close / 100.0)) ** 2
        decay = (119 / 120) ** np.arange(180)
        expected = [
            squares[:120].mean() * (119 / 120) ** n + (squares[120 : 120 + n] * decay[:n][::-1]).sum() / 120
            for n in range(180)
        ]
        found = column(run(batch), "long_volatility_120")
        assert np.isnan(found[:120]).all()
        np.testing.assert_allclose(found[120:], np.sqrt(expected), rtol=1e-9)


def test_zero() -> None:
    """Where one of its two closes is 0 a lag is degenerate, and whole again when both are past."""
    closes = 100.0 + np.arange(120) % 7
    closes[60] = 0.0
    values, found = alone(history, closes)
    for lag in range(1, 32):
        assert found[59 + lag : 63 + lag, lag - 1].tolist() == [
            STATE_VALID,
            STATE_DEGENERATE,
            STATE_DEGENERATE,
            STATE_VALID,
        ]
    assert not values[found != STATE_VALID].any()
    assert (found[:, 31] == STATE_COLD).all()


@pytest.mark.parametrize("at", [20, 40])
def test_restart(at: int) -> None:
    """A state that was written down and read again goes on with the same bits."""
    _, _, close = walk(7, 100)
    whole = run(bars(close)).columns
    state = start("BINANCE-0")
    run(bars(close[:at]), state)
    rest = run(bars(close[at:], first=at), load("BINANCE-0", dump(state))).columns
    assert rest.values.tobytes() == whole.values[at:].tobytes()
    assert rest.states.tobytes() == whole.states[at:].tobytes()


def test_gap() -> None:
    """After a gap no lag reaches across it."""
    state = start("BINANCE-0")
    run(bars(walk(8, 60)[2]), state)
    LOOPS.forget(state.arrays)
    got = run(bars(walk(9, 40)[2], first=80), state)
    assert states(got, "log_return_lag_31") == [STATE_COLD] * 32 + [STATE_VALID] * 8


def test_plain_is_compiled() -> None:
    """Plain and compiled loops give the same bits where the market stands still and where it jumps."""
    for seed in (2, 6):
        plain, fast = run(drawn(seed, 80).batch(), None, PLAIN), run(drawn(seed, 80).batch())
        assert plain.columns.values.tobytes() == fast.columns.values.tobytes()


def test_an_event_stays_small() -> None:
    """The most rows a batch may have, of as many instruments as a shard may have, stay below 64 KiB."""
    refs = tuple(InstrumentRef(f"A-RATHER-LONG-NAME-{n}.EXCHANGE", -8, -8) for n in range(INSTRUMENTS_MAX))
    got = run(bars(walk(1, BARS_PER_BATCH_MAX)[2], instruments=refs))
    assert got.columns.row_count == BARS_PER_BATCH_MAX
    assert len(encode_feature_batch(FeatureBatch("BINANCE-0", got.columns))) < BYTES_OF_AN_EVENT_MAX
