"""What is like a signal follows from the signal alone, and its history is summed up with an honest interval."""

from dataclasses import replace

import pytest
from counts import examples
from forecast import signal_of
from hypothesis import given, settings
from hypothesis import strategies as st

from functions.domain.decisions import Action, ConfidenceKind, Evidence, Predictions
from functions.domain.history import History, Likeness, Past, likeness_of, sum_up
from functions.domain.market import NS_PER_S

CALM = Evidence(wanted=Action.BUY, predictions=Predictions(regime="calm"))


def test_likeness() -> None:
    """Like are those of one strategy, instrument, interval, action, regime and kind, a little to each side of it."""
    signal = replace(signal_of(100), evidence=CALM)
    assert likeness_of(signal, within=5.0) == Likeness(
        strategy="mean_reversion",
        instrument_id="BTC-USDT.BINANCE",
        interval_s=5,
        action=Action.BUY,
        regime="calm",
        confidence_kind=ConfidenceKind.RULE_WEIGHT,
        confidence_low=65.0,
        confidence_high=75.0,
        started_by_ns=(101 - 25) * 5 * NS_PER_S,
    )


def test_stopped() -> None:
    """Of a signal that a gate stopped the history is that of what it wanted; one that wanted nothing has none."""
    stopped = replace(signal_of(100, Action.HOLD), evidence=replace(CALM, wanted=Action.SELL))
    like = likeness_of(stopped)
    assert like is not None
    assert like.action is Action.SELL
    assert likeness_of(replace(stopped, evidence=replace(CALM, wanted=Action.HOLD))) is None


def test_sum() -> None:
    """Rate, mean and median are those of the outcomes; the interval is Wilson's."""
    told = sum_up([Past(0.02, 3), Past(0.01, 5), Past(-0.03, 24), Past(0.0, 4)])
    assert (told.count, told.hits, told.hit_rate, told.median_bars) == (4, 2, 0.5, 4.5)
    assert told.mean_return == pytest.approx(0.0, abs=1e-12)
    # Wilson's interval of 2 in 4 at 95 %, as tables have it.
    assert (told.hit_rate_low, told.hit_rate_high) == (pytest.approx(0.1500, abs=1e-4), pytest.approx(0.8500, abs=1e-4))


def test_nothing() -> None:
    """Without any outcome there is no figure."""
    assert sum_up(()) == History(0)


@given(st.lists(st.tuples(st.floats(-1, 1), st.integers(1, 24)), min_size=1, max_size=50))
@settings(max_examples=examples(300), deadline=None)
def test_bounds(past: list[tuple[float, int]]) -> None:
    """The interval holds the rate and stays between 0 and 1; mean and median lie between the extremes."""
    told = sum_up([Past(*one) for one in past])
    gains, bars = zip(*past, strict=True)
    assert told.hit_rate is not None
    assert told.hit_rate_low is not None
    assert told.hit_rate_high is not None
    assert told.mean_return is not None
    assert told.median_bars is not None
    assert 0 <= told.hit_rate_low <= told.hit_rate <= told.hit_rate_high <= 1
    assert min(gains) - 1e-15 <= told.mean_return <= max(gains) + 1e-15
    assert min(bars) <= told.median_bars <= max(bars)
