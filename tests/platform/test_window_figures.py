"""The window figures time equal work: what others make of the same input is what ours makes of it."""

from dataclasses import replace

import numpy as np
import pytest

from functions.domain.bars.fold import BARS_PER_BATCH_MAX
from functions.domain.market import BarBatch
from functions.local import indicator_peers, window_figures, window_peers
from functions.local.window_figures import BATCH_ROWS, UnequalError, compare_bars, compare_indicators, measure
from functions.local.window_peers import BarPeer, difference, missing
from functions.local.window_samples import crowd_bars, crowd_ticks

TINY = {"rounds": 1, "ticks": 8_192, "closes": 4, "history": 50, "cpu": -1}


@pytest.mark.parametrize("rows", BATCH_ROWS)
def test_bars_of_others_are_ours(rows: int) -> None:
    """A plain loop, and every library that is installed, makes the same bars, however ticks are cut."""
    compare_bars(crowd_ticks(60_000, rows=rows))


def test_indicators_of_others_are_ours() -> None:
    """Each of the dozen is the same once the seeds are forgotten, by every library that is installed."""
    compare_indicators(crowd_bars(1, first=0, closes=window_figures.COMPARED))


def test_cut_changes_no_tick() -> None:
    """Ticks are the same however they are cut, so that figures of two sizes are of the same work."""
    one, other = crowd_ticks(1000, rows=64), crowd_ticks(1000, rows=1000)
    joined = np.concatenate([batch.trades.trade_id for batch in one])
    assert joined.tolist() == other[0].trades.trade_id.tolist()


def test_bars_go_on() -> None:
    """A series of bars can be made in pieces, each bar once, cut as the bars table cuts them."""
    whole, later = crowd_bars(50, first=0, closes=3), crowd_bars(50, first=2, closes=1)
    assert [len(batch.start_ns) for batch in whole] == [BARS_PER_BATCH_MAX, 50 - BARS_PER_BATCH_MAX] * 3
    assert [batch.close.tolist() for batch in whole[4:]] == [batch.close.tolist() for batch in later]


def test_unequal_bars_are_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    """A peer that makes other bars stops the measuring, and the first bar that differs is told."""
    plain = window_peers.BAR_PEERS[0]

    def forget_one(bars: object) -> window_peers.Bars:
        return dict(list(plain.read(bars).items())[1:])

    monkeypatch.setattr(window_peers, "BAR_PEERS", (replace(plain, read=forget_one),))
    with pytest.raises(UnequalError, match=r"plain Python loop: .* 1 in one alone"):
        compare_bars(crowd_ticks(600))


def test_difference_is_told() -> None:
    """Sums and prices are compared exactly, notionals to the rounding of floats."""
    bar = (5.0, 9.0, 4.0, 7.0, 10.0, 3.0, 1e15, 2.0)
    ours = {(1, 60, 0): bar}
    assert not difference(ours, {(1, 60, 0): (*bar[:6], 1e15 + 1, 2.0)})
    assert "the bar (1, 60, 0)" in difference(ours, {(1, 60, 0): (*bar[:6], 1.1e15, 2.0)})
    assert "the bar (1, 60, 0)" in difference(ours, {(1, 60, 0): (*bar[:7], 3.0)})


def test_unequal_indicators_are_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    """A peer whose values are others stops the measuring, and the indicator is named."""
    still = indicator_peers.Instrument(step=lambda _: None, values=lambda: [0.0] * len(indicator_peers.VALUES))
    peer = indicator_peers.IndicatorPeer("nobody", "numpy", lambda _: still)
    monkeypatch.setattr(indicator_peers, "PEERS", (peer,))
    with pytest.raises(UnequalError, match=r"sma_20 is .* and 0\.0 of nobody"):
        compare_indicators(crowd_bars(1, first=0, closes=60))


def test_figures_are_told(monkeypatch: pytest.MonkeyPatch) -> None:
    """Each batch size and number of instruments has figures, two have bars, and who is not installed is said."""
    plain = window_peers.BAR_PEERS[0]
    absent = BarPeer("absent", "no-such-library", plain.fold, plain.read, "")
    monkeypatch.setattr(window_peers, "BAR_PEERS", (plain, absent))
    monkeypatch.setattr(window_figures, "INSTRUMENTS", (1, 50))
    found = measure(TINY, lambda *_: None)
    figures = {one["name"]: one for one in found["figures"]}
    assert all(one["value"] > 0 for one in figures.values())
    assert [name for name in figures if name.endswith("plain Python loop")] == [
        f"bars, {rows:,} ticks a batch: plain Python loop" for rows in BATCH_ROWS
    ]
    bars = {name: one["must"] for name, one in figures.items() if one["must"]}
    all_features = f"features: {len(window_figures.NAMES)} features, 50 instruments"
    assert bars == {
        "bars, 512 ticks a batch: kernel": "40",
        all_features: "5",
        "features: the same after 50 bars, not 100": "5",
    }
    assert "no-such-library is not installed (extra `bench`)" in found["missing"]


def test_missing_libraries_have_a_reason() -> None:
    """What is not installed is said with how to have it; what needs no library is never missing."""
    assert (missing(""), missing("numpy")) == ("", "")
    assert missing("no-such-library") == "no-such-library is not installed (extra `bench`)"


def test_candles_are_in_units() -> None:
    """Others are given prices and sizes, not mantissas."""
    (batch,) = crowd_bars(1, first=0, closes=1)
    ((opened, _, _, close, volume),) = indicator_peers.candles_of(batch)
    assert (opened, close, volume) == pytest.approx(_first(batch))


def _first(batch: BarBatch) -> tuple[float, float, float]:
    return batch.open[0] / 100, batch.close[0] / 100, batch.volume[0] / 1000
