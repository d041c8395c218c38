"""Figures of pairs equal what numpy computes from whole series, and say where they have no value."""

import math
from collections.abc import Iterator
from typing import TYPE_CHECKING, cast

import numpy as np
import pytest
from barred import Bar
from counts import examples
from hypothesis import given, settings
from hypothesis import strategies as st
from paired import COIN, SPOT, column, fold, lines, perp, spot, walk

from functions.adapters.kernels import compiled
from functions.domain.market import STATE_COLD, STATE_DEGENERATE, STATE_VALID, Float64
from functions.domain.pairs import kernel
from functions.domain.pairs.fold import Told
from functions.domain.pairs.kernel import FEATURES, LAGS, LEAD_LAG, LONG, NAMES, RETURNS, SHORT
from functions.domain.pairs.pairing import Pair

if TYPE_CHECKING:
    from functions.domain.pairs.layout import Kernel

LOOPS = cast("Kernel", compiled(kernel))
CROSS = Pair(SPOT.instrument_id, COIN.instrument_id, (1,))
LENGTH = 200


def together(a: list[int], b: list[int], *, loops: "Kernel" = LOOPS) -> list[Told]:
    """Fold two series of closes, a bar of each a second."""
    batches = zip(
        (spot(Bar(bar=n, close=p)) for n, p in enumerate(a)),
        (perp(Bar(bar=n, close=p)) for n, p in enumerate(b)),
        strict=True,
    )
    return fold((one for pair in batches for one in pair), loops=loops)


def expected(a: Float64, b: Float64) -> Iterator[dict[str, float]]:
    """Compute every figure of every bucket anew from the series up to it; what has too few is left out."""
    returns_a, returns_b = np.diff(np.log(a)), np.diff(np.log(b))
    spread, ratio = 1e4 * (a - b) / ((a + b) / 2), np.log(a / b)
    for n in range(len(a)):
        found = {"spread_bps": spread[n], "log_ratio": ratio[n]}
        x, y = returns_a[:n], returns_b[:n]
        if n:
            found |= {"return_a": x[-1], "return_b": y[-1]}
        if n + 1 >= LONG:
            found["spread_zscore_60"] = _zscore(spread[: n + 1][-LONG:])
            found["log_ratio_zscore_60"] = _zscore(ratio[: n + 1][-LONG:])
        for window in (SHORT, LONG):
            if n >= window:
                found[f"correlation_{window}"] = np.corrcoef(x[-window:], y[-window:])[0, 1]
        if n >= LONG:
            found["beta_60"] = np.polyfit(y[-LONG:], x[-LONG:], 1)[0]
        if n >= RETURNS:
            found |= _lagged(x, y)
        yield {name: float(value) for name, value in found.items()}


def _zscore(window: Float64) -> float:
    return float((window[-1] - window.mean()) / window.std())


def _lagged(x: Float64, y: Float64) -> dict[str, float]:
    at = len(x)
    found = {}
    for lag in range(-LAGS, LAGS + 1):
        back_x, back_y = max(lag, 0), max(-lag, 0)
        window_x, window_y = x[at - LEAD_LAG - back_x : at - back_x], y[at - LEAD_LAG - back_y : at - back_y]
        found[lag] = float(np.corrcoef(window_x, window_y)[0, 1])
    best = max(found, key=lambda lag: abs(found[lag]))
    named = {f"lag_correlation_{'m' if lag < 0 else 'p' if lag else ''}{abs(lag)}": r for lag, r in found.items()}
    return {**named, "lead_lag": best, "lead_lag_correlation": found[best]}


@given(st.integers(0, 10_000), st.floats(0.0, 1.0))
@settings(max_examples=examples(50), deadline=None)
def test_against_numpy(seed: int, pull: float) -> None:
    """Every figure of every bucket equals its computation from the whole series to 1e-9 of its scale."""
    a, b = walk(seed, LENGTH, pull=pull)
    told = together(a, b)
    for one, wanted in zip(told, expected(np.array(a) / 100, np.array(b) / 100), strict=True):
        values, states = one.batch.values[0], one.batch.states[0]
        for name, value in wanted.items():
            at = NAMES.index(name)
            assert states[at] == STATE_VALID, name
            assert values[at] == pytest.approx(value, rel=1e-8, abs=1e-9), name
        quoted = {"mid_spread_bps", "sell_a_buy_b_bps", "sell_b_buy_a_bps"}
        cold = {NAMES[at] for at in np.flatnonzero(states == STATE_COLD)}
        assert cold == set(NAMES) - set(wanted) - quoted


def test_windows_are_told() -> None:
    """Each figure is first valid at the bucket that the list says, and not before."""
    told = together(*walk(3, LENGTH))
    for feature in FEATURES:
        values = column(told, feature.name)
        assert all(value is None for value in values[: feature.window - 1]), feature.name
        assert all(value is not None for value in values[feature.window - 1 :]), feature.name


def test_every_figure_is_described() -> None:
    """Names are told apart; each says its formula, its unit and where it comes from."""
    assert len(set(NAMES)) == len(NAMES) == len(FEATURES)
    assert all(one.text.endswith(".") and one.unit and one.source and one.window > 0 for one in FEATURES)


@pytest.mark.parametrize("lead", [-4, -1, 0, 2, 5])
def test_lead_lag(lead: int) -> None:
    """A series that repeats the other some buckets later is found to lag by as many: above 0 a leads."""
    path = walk(11, LENGTH + 10)[0]
    a, b = path[5 : LENGTH + 5], path[5 - lead : LENGTH + 5 - lead]
    told = together(a, b)
    assert column(told, "lead_lag")[-1] == lead
    assert column(told, "lead_lag_correlation")[-1] == pytest.approx(1.0)


def test_flat() -> None:
    """With a price that does not move there is no correlation; beta of it is 0, and there is none on it."""
    moving, flat = walk(2, LENGTH)[0], [300_000] * LENGTH
    against = together(moving, flat)[-1].batch
    of_flat = together(flat, moving)[-1].batch
    both = together(flat, flat)[-1].batch
    lagged = {name for name in NAMES if name.startswith(("lag_", "lead_", "correlation_"))}
    for one in (against, of_flat, both):
        assert {one.states[0, NAMES.index(name)] for name in lagged} == {STATE_DEGENERATE}
    at = NAMES.index("beta_60")
    assert against.states[0, at] == STATE_DEGENERATE
    assert (of_flat.states[0, at], of_flat.values[0, at]) == (STATE_VALID, 0.0)
    assert both.states[0, NAMES.index("spread_zscore_60")] == STATE_DEGENERATE
    assert both.states[0, NAMES.index("log_ratio_zscore_60")] == STATE_DEGENERATE


def test_equal_series() -> None:
    """A series against itself has correlation 1, beta 1 and no spread."""
    path = walk(5, LENGTH)[0]
    told = together(path, path)
    assert column(told, "correlation_60")[-1] == pytest.approx(1.0)
    assert column(told, "beta_60")[-1] == pytest.approx(1.0)
    assert column(told, "spread_bps")[-1] == 0.0
    assert column(told, "lead_lag")[-1] == 0.0


def test_standing_still() -> None:
    """Buckets in which nobody trades count as returns of 0 and as the spread of before."""
    a, b = walk(8, LENGTH)
    kept = [n for n in range(LENGTH) if n % 7 not in {3, 4}]
    batches = [one for n in kept for one in (spot(Bar(bar=n, close=a[n])), perp(Bar(bar=n, close=b[n])))]
    told = fold(batches, loops=LOOPS)
    held = [n if n in kept else n - n % 7 + 2 for n in range(LENGTH)]
    wanted = list(expected(np.array(a)[held] / 100, np.array(b)[held] / 100))
    for one, n in zip(told, kept, strict=True):
        for name, value in wanted[n].items():
            assert one.batch.values[0, NAMES.index(name)] == pytest.approx(value, rel=1e-8, abs=1e-9), (n, name)


def test_plain_and_compiled() -> None:
    """Both forms of the loops give the same bits."""
    a, b = walk(4, LENGTH)
    assert lines(together(a, b)) == lines(together(a, b, loops=kernel))


def test_different_assets() -> None:
    """A pair of different assets has a place of its ratio, and no place of a spread."""
    a, b = walk(6, 70)
    told = fold(
        (
            spot(Bar(bar=n, close=p), Bar(bar=n, close=q, instrument=1))
            for n, (p, q) in enumerate(zip(a, b, strict=True))
        ),
        pairs=(CROSS,),
    )
    ratio, spread = column(told, "log_ratio_zscore_60")[-1], column(told, "spread_zscore_60")[-1]
    assert ratio is not None
    assert not math.isnan(ratio)
    assert spread is not None
    assert math.isnan(spread)
