"""What came of forecasts and signals is settled by closes at their horizon, and unknown where those never came."""

import math
from dataclasses import replace

import numpy as np
import pytest
from counts import examples
from forecast import NAMES, forecast_of, signal_of
from hypothesis import given, settings
from hypothesis import strategies as st
from scored import BTC, output_of

from functions.domain.decisions import Action
from functions.domain.market import BAR_NO_PRICE, MARKET_MISSING, NS_PER_S, ModelOutput
from functions.domain.outcomes import (
    HORIZON_MAX,
    Exit,
    Outcome,
    Watches,
    lines_of,
    on_grid,
    places_of,
    predict,
    resolve,
    step,
    watch,
    watches_of,
)

FLAT = [6_000_000] * HORIZON_MAX


def run(watches: Watches, closes: list[int], *, first: int = 101, flags: int = 0) -> list[Outcome]:
    """Pass bars with these closes, from bar `first` on."""
    return [
        outcome
        for n, close in enumerate(closes)
        for outcome in step(
            watches, BTC.instrument_id, interval_s=5, start_ns=(first + n) * 5 * NS_PER_S, close=close, flags=flags
        )
    ]


def watching(*bars: int, action: Action = Action.BUY) -> Watches:
    """Wait for signals on some bars."""
    watches = Watches()
    for bar in bars:
        assert watch(watches, signal_of(bar, action)) == ()
    return watches


def test_places() -> None:
    """Figures are found by name, whatever their order; a model without a horizon's figures does not forecast it."""
    backwards = replace(forecast_of(0.5), names=NAMES[::-1])
    (bars, places), *_ = places_of(backwards)
    assert (bars, [backwards.names[place] for place in places][:2]) == (1, ["up_1", "return_1"])
    assert [bars for bars, _ in places_of(replace(forecast_of(0.5), names=NAMES[:12]))] == [1, 4]
    assert places_of(output_of(0.5)) == ()


def test_resolve() -> None:
    """A forecast stands beside the log return between the two closes."""
    output = forecast_of(0.7)
    (_, places), *_ = places_of(output)
    prediction = predict(output, 0, places, close=100, target_ns=7)
    assert prediction is not None
    found = resolve(prediction, 110)
    assert (found.up, found.low_95, found.high_80) == (0.7, -0.002, 0.001)
    assert found.actual == pytest.approx(math.log(1.1))


@pytest.mark.parametrize(
    "output",
    [
        forecast_of(None),
        replace(forecast_of(0.7), degraded=True),
        replace(forecast_of(0.7), values=np.full((1, len(NAMES)), 1.5)),
        replace(forecast_of(0.7), values=np.full((1, len(NAMES)), math.nan)),
    ],
)
def test_no_forecast(output: ModelOutput) -> None:
    """A row without a score, a degraded answer, and what is no probability are not followed."""
    assert predict(output, 0, range(6), close=100, target_ns=7) is None


@given(st.integers(0, 10**9), st.sampled_from([1, 5, 60]), st.sampled_from([1, 4, 24]))
@settings(max_examples=examples(200))
def test_no_overlap(bar: int, interval_s: int, horizon: int) -> None:
    """Of `horizon` bars that follow each other exactly one is on the grid, and so is the bar that settles it."""
    starts = [(bar + n) * interval_s * NS_PER_S for n in range(horizon)]
    (start,) = [one for one in starts if on_grid(one, interval_s, horizon)]
    assert on_grid(start + horizon * interval_s * NS_PER_S, interval_s, horizon)


@pytest.mark.parametrize(
    ("action", "close", "ends", "gain"),
    [
        (Action.BUY, 5_940_000, Exit.STOP_LOSS, -1),
        (Action.BUY, 6_120_000, Exit.TAKE_PROFIT, 1),
        (Action.SELL, 6_060_000, Exit.STOP_LOSS, -1),
        (Action.SELL, 5_880_000, Exit.TAKE_PROFIT, 1),
    ],
)
def test_levels(action: Action, close: int, ends: Exit, gain: int) -> None:
    """The first close at or beyond a level ends the trade there, whatever comes after; the sides flip for SELL."""
    watches = watching(100, action=action)
    (outcome,) = run(watches, [6_000_000, 6_000_000, close, *[12_000_000 - close] * (HORIZON_MAX - 3)])
    assert (outcome.exit, outcome.exit_price, outcome.bars) == (ends, close, 3)
    assert outcome.exit_ns == 104 * 5 * NS_PER_S
    assert outcome.gain == pytest.approx(gain * abs(math.log(close / 6_000_000)))
    assert len(watches) == 0


def test_horizon() -> None:
    """A price that stays between the levels ends the trade at the last horizon, with the returns at each."""
    closes = [6_000_000 + n * 1_000 for n in range(1, HORIZON_MAX + 1)]
    (outcome,) = run(watching(100), closes)
    assert (outcome.exit, outcome.bars, outcome.exit_price) == (Exit.HORIZON, HORIZON_MAX, closes[-1])
    assert outcome.returns == pytest.approx([math.log(closes[n - 1] / 6_000_000) for n in (1, 4, 24)])


def test_hole() -> None:
    """A bar that never came leaves what is behind it unknown: no exit, no gain, and the returns up to there."""
    watches = watching(100)
    (outcome,) = [*run(watches, FLAT[:4]), *run(watches, FLAT, first=106)]
    assert (outcome.exit, outcome.gain, outcome.bars, outcome.exit_price) == (Exit.MISSING, None, 4, 0)
    assert outcome.returns == (0.0, 0.0, None)


def test_hole_behind_the_exit() -> None:
    """A hole behind the exit takes the later returns, and not the exit."""
    watches = watching(100)
    (outcome,) = [*run(watches, [5_000_000]), *run(watches, FLAT, first=106)]
    assert (outcome.exit, outcome.returns[1:]) == (Exit.STOP_LOSS, (None, None))


@pytest.mark.parametrize("flags", [BAR_NO_PRICE, MARKET_MISSING])
def test_unpriced(flags: int) -> None:
    """A bar without a price, or that lacks trades, is as one that never came."""
    (outcome,) = run(watching(100), [5_000_000], flags=flags)
    assert outcome.exit is Exit.MISSING


def test_others_do_not_settle() -> None:
    """Bars of another instrument or interval settle nothing."""
    watches = watching(100)
    assert step(watches, "X", interval_s=5, start_ns=505 * NS_PER_S, close=1, flags=0) == ()
    assert step(watches, BTC.instrument_id, interval_s=60, start_ns=505 * NS_PER_S, close=1, flags=0) == ()
    assert len(watches) == 1


def test_not_watched() -> None:
    """HOLD, and a signal on a bar whose price cannot be believed, have no outcome."""
    watches = Watches()
    watch(watches, signal_of(100, Action.HOLD))
    watch(watches, signal_of(100, market_flags=MARKET_MISSING))
    assert len(watches) == 0


def test_bound() -> None:
    """When too many are waited for, the one with the oldest bar is given up as missing."""
    watches = watching(100, 101)
    (given_up,) = watch(watches, signal_of(102), watches_max=2)
    assert (given_up.signal_id, given_up.exit, len(watches)) == ("buy-100", Exit.MISSING, 2)


@given(
    st.lists(st.integers(5_900_000, 6_150_000), min_size=40, max_size=40),
    st.lists(st.integers(0, 30), max_size=5, unique=True),
    st.integers(0, 40),
)
@settings(max_examples=examples(200), deadline=None)
def test_written_down(closes: list[int], bars: list[int], cut: int) -> None:
    """Watches that are written down and read back at any bar settle the same, and write down the same again."""
    steady, restarted = Watches(), Watches()
    for n, close in enumerate(closes):
        if n == cut:
            restarted = watches_of(lines_of(restarted))
        assert run(steady, [close], first=n) == run(restarted, [close], first=n)
        if n in bars:
            assert watch(steady, signal_of(n)) == watch(restarted, signal_of(n))
    assert lines_of(steady) == lines_of(restarted)
