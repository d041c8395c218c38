"""The measures of risk and return are those of empyrical where definitions agree, and of the papers they come from."""

import csv
import math
import pathlib
import warnings
from collections.abc import Iterator
from decimal import Decimal

import numpy as np
import pytest
from counts import examples
from hypothesis import given, settings
from hypothesis import strategies as st

from functions.domain.market import Float64
from functions.domain.portfolio import measures
from functions.domain.portfolio.measures import (
    calmar,
    christoffersen,
    exceptions,
    expected_shortfall,
    independence,
    kupiec,
    max_drawdown,
    sharpe,
    sharpe_of_curve,
    simple_returns,
    sortino,
    total_return,
    var_historical,
    var_parametric,
    volatility,
    win_rate,
)

with warnings.catch_warnings():
    warnings.simplefilter("ignore")  # of the oracle's own imports
    import empyrical

DAY_S = 86_400
TRADING_DAYS = 252
CLOSE = 1e-9

WEEK = np.array([0.02, -0.01, 0.03, -0.04, 0.01])
"""Five returns that the hand-computed figures below are of."""

RETURNS = st.lists(st.floats(-0.5, 0.5), min_size=2, max_size=60).map(np.array)
CONFIDENCES = st.sampled_from((0.9, 0.95, 0.99)) | st.floats(0.01, 0.99)


def series(folder: pathlib.Path) -> Iterator[tuple[str, Float64]]:
    """Give the closes of every ticker, over the days it has, all of them and its last year."""
    with (folder / "prices_daily" / "stock_prices_20tickers.csv").open() as file:
        table = list(csv.DictReader(file))
    for ticker in list(table[0])[1:]:
        closes = np.array([float(row[ticker]) for row in table if row[ticker]])
        yield ticker, closes
        yield f"{ticker} of a year", closes[-TRADING_DAYS:]


def ours(returns: Float64) -> dict[str, float | None]:
    """Measure returns of trading days."""
    year = {"periods_per_year": TRADING_DAYS}
    return {
        "VaR 95": var_historical(returns, 0.95),
        "VaR 99": var_historical(returns, 0.99),
        "shortfall 95": expected_shortfall(returns, 0.95),
        "shortfall 99": expected_shortfall(returns, 0.99),
        "return": total_return(returns),
        "volatility": volatility(returns, **year),
        "Sharpe": sharpe(returns, **year),
        "Sharpe above a riskless return": sharpe(returns, risk_free=0.0001, **year),
        "Sortino": sortino(returns, **year),
        "Sortino above a required return": sortino(returns, required=0.0002, **year),
        "drawdown": max_drawdown(np.concatenate(([1.0], np.cumprod(1.0 + returns)))),
        "Calmar": calmar(returns, **year),
    }


def theirs(returns: Float64) -> dict[str, float]:
    """Measure them with empyrical, whose VaR, shortfall and drawdown are negative: losses there are returns."""
    year = {"annualization": TRADING_DAYS}
    return {
        "VaR 95": -empyrical.value_at_risk(returns, 0.05),
        "VaR 99": -empyrical.value_at_risk(returns, 0.01),
        "shortfall 95": -empyrical.conditional_value_at_risk(returns, 0.05),
        "shortfall 99": -empyrical.conditional_value_at_risk(returns, 0.01),
        "return": empyrical.cum_returns_final(returns),
        "volatility": empyrical.annual_volatility(returns, **year),
        "Sharpe": empyrical.sharpe_ratio(returns, **year),
        "Sharpe above a riskless return": empyrical.sharpe_ratio(returns, risk_free=0.0001, **year),
        "Sortino": empyrical.sortino_ratio(returns, **year),
        "Sortino above a required return": empyrical.sortino_ratio(returns, required_return=0.0002, **year),
        "drawdown": -empyrical.max_drawdown(returns),
        "Calmar": empyrical.calmar_ratio(returns, **year),
    }


def test_equal_empyrical_on_real_prices(captures: pathlib.Path) -> None:
    """Every figure of twenty tickers over thirty years, and over their last year, is empyrical's to 1e-9."""
    measured = 0
    for name, closes in series(captures):
        returns = simple_returns(closes)
        assert ours(returns) == pytest.approx(theirs(returns), rel=CLOSE, abs=1e-12), name
        measured += 1
    assert measured == 40


def test_equal_returns_have_no_sharpe() -> None:
    """Equal returns have no variance, whatever rounding leaves of one; small ones that differ do."""
    assert [sharpe(np.full(3, one), periods_per_year=365) for one in (0.1, -0.1, 1e-9)] == [None] * 3
    assert sharpe(np.array([0.1, 0.1 + 1e-9]), periods_per_year=1) == pytest.approx(0.1 / 1e-9 * math.sqrt(2), rel=1e-6)


def test_where_empyrical_differs() -> None:
    """What does not exist is None here and NaN or infinite there; a Sharpe ratio of a curve needs a day.

    empyrical annualises by 252 unless told otherwise, where curves here have a year of 365 days.
    """
    flat, rising = np.zeros(5), np.array([0.01, 0.02])
    assert (sharpe(flat, periods_per_year=252), calmar(rising, periods_per_year=252)) == (None, None)
    assert sortino(rising, periods_per_year=252) is None
    assert (math.isnan(empyrical.sharpe_ratio(flat)), math.isnan(empyrical.calmar_ratio(rising))) == (True, True)
    assert math.isinf(empyrical.sortino_ratio(rising))
    values = np.array([100.0, 101.0, 100.0])
    assert sharpe_of_curve(values, step_s=60) is None
    of_days = empyrical.sharpe_ratio(simple_returns(values), annualization=365)
    assert sharpe_of_curve(values, step_s=DAY_S) == pytest.approx(of_days, rel=CLOSE)


def test_hand_computed() -> None:
    """The figures of five returns are those a pencil gives.

    Sorted they are -4, -1, 1, 2, 3 %. At 75 % the quantile lies at place 4 * 0.25 = 1, at 60 % at 4 * 0.4 = 1.6. Their
    mean is 0.2 %, their squares about it sum to 30.8, so the variance is 7.7 (ddof 1); those below 0 have squares 16
    and 1. The curve is 1.02, 1.0098, 1.040094, 0.99849024, 1.0084751424: it falls by 4 % from its highest.
    """
    assert var_historical(WEEK, 0.75) == pytest.approx(0.01, rel=CLOSE)
    assert var_historical(WEEK, 0.6) == pytest.approx(-(-0.01 + 0.6 * 0.02), rel=CLOSE)
    assert expected_shortfall(WEEK, 0.75) == pytest.approx(0.025, rel=CLOSE)
    assert var_parametric(WEEK, 0.975) == pytest.approx(1.959963984540054 * math.sqrt(7.7) / 100 - 0.002, rel=CLOSE)
    assert total_return(WEEK) == pytest.approx(0.0084751424, rel=CLOSE)
    assert volatility(WEEK, periods_per_year=4) == pytest.approx(2 * math.sqrt(7.7) / 100, rel=CLOSE)
    assert sharpe(WEEK, periods_per_year=4) == pytest.approx(0.4 / math.sqrt(7.7), rel=CLOSE)
    assert sortino(WEEK, periods_per_year=4) == pytest.approx(0.4 / math.sqrt(17 / 5), rel=CLOSE)
    assert calmar(WEEK, periods_per_year=5) == pytest.approx(0.0084751424 / 0.04, rel=CLOSE)


def test_hand_computed_on_real_prices(captures: pathlib.Path) -> None:
    """The figures of Apple's last five returns are those of exact fractions, worked out once without numpy.

    Its closes are 171.610001, 172.800003, 168.380005, 170.050003, 173.25 and 172.440002.
    """
    returns = simple_returns(dict(series(captures))["AAPL"][-6:])
    assert returns.tolist() == pytest.approx(
        [
            0.006934339450298121,
            -0.025578691685555121,
            0.009918030350456398,
            0.018817976733584650,
            -0.004675313131313131,
        ],
        rel=CLOSE,
    )
    assert var_historical(returns, 0.8) == pytest.approx(0.008855988842161529, rel=CLOSE)
    assert var_parametric(returns, 0.95) == pytest.approx(0.027058025022685878, rel=CLOSE)
    assert expected_shortfall(returns, 0.5) == pytest.approx(0.007773221788856710, rel=CLOSE)
    assert sharpe(returns, periods_per_year=TRADING_DAYS) == pytest.approx(1.005123727848676547, rel=CLOSE)
    assert max_drawdown(np.cumprod(np.append(1.0, 1.0 + returns))) == pytest.approx(0.025578691685555121, rel=CLOSE)
    assert total_return(returns) == pytest.approx(0.004836553785696907, rel=CLOSE)


@settings(max_examples=examples(300), deadline=None)
@given(RETURNS, CONFIDENCES)
def test_a_tail_in_order(returns: Float64, confidence: float) -> None:
    """Shortfall is at least VaR and at most the worst loss; VaR grows with confidence; order says nothing."""
    var, short = var_historical(returns, confidence), expected_shortfall(returns, confidence)
    assert var - 1e-12 <= short <= -returns.min() + 1e-12
    assert var <= var_historical(returns, (1 + confidence) / 2) + 1e-12
    shuffled = np.random.default_rng(0).permutation(returns)
    assert (var_historical(shuffled, confidence), expected_shortfall(shuffled, confidence)) == pytest.approx(
        (var, short)
    )


@settings(max_examples=examples(300), deadline=None)
@given(RETURNS, CONFIDENCES, st.floats(0.1, 3.0), st.floats(-0.1, 0.1))
def test_scaled_and_shifted(returns: Float64, confidence: float, scale: float, shift: float) -> None:
    """A position twice as large loses twice as much, and a sure gain takes as much from every loss."""
    for measure in (var_historical, var_parametric, expected_shortfall):
        expected = scale * measure(returns, confidence) - shift
        assert measure(scale * returns + shift, confidence) == pytest.approx(expected, abs=1e-9)


@settings(max_examples=examples(300), deadline=None)
@given(RETURNS)
def test_drawdown_of_a_curve(returns: Float64) -> None:
    """A drawdown is a share from 0 to 1, what a double loop over all pairs of values finds, and 0 of a rising curve."""
    values = np.concatenate(([1.0], np.cumprod(1.0 + returns)))
    pairs = [1 - values[j] / values[i] for i in range(len(values)) for j in range(i, len(values))]
    assert max_drawdown(values) == pytest.approx(max(pairs), abs=1e-12)
    assert max_drawdown(np.sort(values)) == 0.0
    assert 0.0 <= max_drawdown(values) <= 1.0


def test_a_whole_place_of_the_tail() -> None:
    """A tenth of eleven returns is two of them, though 1 - 0.9 is a little less than a tenth."""
    returns = np.arange(11) / 100 - 0.1
    assert expected_shortfall(returns, 0.9) == pytest.approx(0.095, rel=CLOSE)
    assert var_historical(returns, 0.9) == pytest.approx(0.09, rel=CLOSE)


@pytest.mark.parametrize("measure", [var_historical, var_parametric, expected_shortfall])
@pytest.mark.parametrize(
    ("returns", "confidence", "text"),
    [([], 0.95, "finite returns, found 0"), ([0.1, math.nan], 0.95, "finite"), ([0.1, 0.2], 1.0, "confidence of 1.0")],
)
def test_refused(measure: measures.Measure, returns: list[float], confidence: float, text: str) -> None:
    """A risk of nothing, of NaN, or at a confidence of 1 is refused, for a wrong figure is worse than none."""
    with pytest.raises(ValueError, match=text):
        measure(np.array(returns), confidence)


def test_win_rate() -> None:
    """A trade wins with a profit above 0; without a closed trade there is no rate."""
    assert win_rate([]) is None
    assert win_rate([Decimal("0.01"), Decimal(0)]) == 0.5


# --- whether a VaR held -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("hits", "rejected"), [(0, True), (1, False), (6, False), (7, True)])
def test_kupiec_table(hits: int, rejected: bool) -> None:  # noqa: FBT001 - a column of the table
    """At 99 % and 95 % significance 255 days may have 1 to 6 exceptions, as in Kupiec's table (N < 7)."""
    assert (kupiec(np.arange(255) < hits, 0.99).p_value < 0.05) == rejected


def test_exceptions_that_come_together() -> None:
    """Five exceptions in a row among 250 are no more than five apart, but not independent, and coverage says both."""
    together, apart = np.arange(250) < 5, np.arange(250) % 50 == 49
    assert kupiec(together, 0.99) == kupiec(apart, 0.99)
    for passes, least in ((independence, 0.5), (lambda hits: christoffersen(hits, 0.99), 0.1)):
        assert passes(together).p_value < 0.001
        assert passes(apart).p_value > least


@settings(max_examples=examples(300), deadline=None)
@given(st.lists(st.booleans(), min_size=2, max_size=300), CONFIDENCES)
def test_likelihood_ratios(found: list[bool], confidence: float) -> None:
    """A ratio is never negative, its p-value a chance, and conditional coverage the sum of both others."""
    hits = np.array(found)
    tests = kupiec(hits, confidence), independence(hits), christoffersen(hits, confidence)
    assert all(one.statistic >= 0.0 and 0.0 <= one.p_value <= 1.0 for one in tests)
    assert tests[2].statistic == pytest.approx(tests[0].statistic + tests[1].statistic)


def test_exceptions_of_a_rolling_var(captures: pathlib.Path) -> None:
    """Told day by day from the 500 days before, VaR 95 of a real series is passed about as often as it says."""
    returns = simple_returns(dict(series(captures))["MA"])
    told = np.array([var_historical(returns[at - 500 : at], 0.95) for at in range(500, len(returns))])
    passed = exceptions(returns[500:], told)
    assert 0.03 < float(passed.mean()) < 0.07
    assert returns[500:][passed].max() < 0.0


def test_a_loss_of_just_the_var() -> None:
    """A loss is beyond the VaR that was told when it is greater; a gain never is."""
    assert exceptions(np.array([-0.02, -0.021, 0.03]), np.full(3, 0.02)).tolist() == [False, True, False]


def test_one_day_of_steps() -> None:
    """Independence needs a step from one period to the next."""
    with pytest.raises(ValueError, match="no step"):
        independence(np.array([True]))
