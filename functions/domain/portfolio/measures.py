"""Measure risk and return: one definition of each figure for the whole project, with its sign, ddof and rule.

Returns are simple (0.01 = 1 %) and of equal periods, values are those of an account at equal steps; both are finite.
Losses and drawdowns are positive. What does not exist (no variance, no loss, no trade) is None, never zero.
"""

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from decimal import Decimal
from statistics import NormalDist
from typing import Final, TypeAlias

import numpy as np
from numpy.typing import NDArray

from functions.domain.market import Float64

Measure: TypeAlias = Callable[[Float64, float], float]
"""A measure of risk: of returns (n,), at a confidence."""

YEAR_S: Final = 365 * 86_400
"""Seconds of the year that returns are annualised to: of markets that never close."""

SHARPE_SPAN_S_MIN: Final = 86_400
"""Shortest time that a Sharpe ratio of a curve is given for: minutes blown up to a year say nothing."""

_FLAT: Final = 1e-12
"""Share of the greatest return below which a deviation is what rounding leaves of equal returns."""

_HALF: Final = 0.5

_DUST: Final = 1e-9
"""What 1 - 0.9 lacks of 0.1 and more: a place in the tail so near to a whole one is that one."""


def simple_returns(values: Float64) -> Float64:
    """Give the returns between neighbouring values, which are above 0 (n - 1,).

    >>> simple_returns(np.array([100.0, 150.0, 75.0])).tolist()
    [0.5, -0.5]
    """
    returns: Float64 = values[1:] / values[:-1] - 1.0
    return returns


def total_return(returns: Float64) -> float:
    """Compound returns; 0 without one.

    >>> total_return(np.array([0.5, -0.5]))
    -0.25
    """
    return float(np.prod(1.0 + returns)) - 1.0


# --- risk -------------------------------------------------------------------------------------------------------------


def var_historical(returns: Float64, confidence: float) -> float:
    """Give the loss that returns stayed within so often, unweighted and for one of their own periods.

    The quantile rule is the linear one of numpy, empyrical and pandas (Hyndman-Fan type 7), so that figures can be held
    against theirs. Scale it to longer periods by their root only for independent, equal returns.

    Args:
        returns: Of today's positions over past periods, not the history of what the account earned (n,), n at least 1.
        confidence: Above 0 and below 1, for example 0.99.

    Returns:
        The loss, positive; negative when even this return was a gain.

    Raises:
        ValueError: There are too few returns, one is not finite, or the confidence is none.

    Source:
        Hyndman and Fan, "Sample Quantiles in Statistical Packages", The American Statistician 50 (1996).

    >>> var_historical(np.array([-0.03, -0.01, 0.0, 0.01, 0.02]), 0.75)
    0.01
    """
    _check(returns, confidence, least=1)
    ordered = np.sort(returns)
    place = (len(returns) - 1) * (1.0 - confidence)
    below = int(place)
    low, high, share = float(ordered[below]), float(ordered[min(below + 1, len(returns) - 1)]), place - below
    # From the nearer end, as `np.quantile` does, which takes 40 us for it: the figures are the same to the last bit.
    return -(low + (high - low) * share if share < _HALF else high - (high - low) * (1.0 - share))


def var_parametric(returns: Float64, confidence: float) -> float:
    """Give the loss that normal returns of this mean and standard deviation (ddof 1) stay within so often.

    Args:
        returns: As for `var_historical` (n,), n at least 2.
        confidence: Above 0 and below 1.

    Raises:
        ValueError: As for `var_historical`.

    >>> round(var_parametric(np.array([-0.01, 0.01]), 0.95), 4)
    0.0233
    """
    _check(returns, confidence, least=2)
    return NormalDist().inv_cdf(confidence) * float(returns.std(ddof=1)) - float(returns.mean())


def expected_shortfall(returns: Float64, confidence: float) -> float:
    """Give the mean loss of the worst returns: those at or beyond `var_historical`, which it never falls below.

    Of n returns they are the worst floor((n - 1) * (1 - confidence)) + 1; ties beyond that number do not count.

    Args:
        returns: As for `var_historical` (n,), n at least 1.
        confidence: Above 0 and below 1.

    Raises:
        ValueError: As for `var_historical`.

    Source:
        Acerbi and Tasche, "On the coherence of expected shortfall", J. Banking & Finance 26 (2002), equation 5, with
        the tail cut where type 7 has its quantile.

    >>> expected_shortfall(np.array([-0.03, -0.01, 0.0, 0.01, 0.02]), 0.75)
    0.02
    """
    _check(returns, confidence, least=1)
    last = math.floor((len(returns) - 1) * (1.0 - confidence) + _DUST)
    return -float(np.partition(returns, last)[: last + 1].mean())


def volatility(returns: Float64, *, periods_per_year: float) -> float | None:
    """Give the annualised standard deviation (ddof 1) of returns; None for fewer than two.

    >>> round(volatility(np.array([0.01, -0.01]), periods_per_year=365), 4)
    0.2702
    """
    return float(returns.std(ddof=1)) * math.sqrt(periods_per_year) if len(returns) > 1 else None


def drawdown(values: Float64) -> Float64:
    """Give the fall from the highest value so far, as a positive share of it (n,); values start above 0.

    >>> drawdown(np.array([100.0, 120.0, 90.0, 130.0])).tolist()
    [0.0, 0.0, 0.25, 0.0]
    """
    peak = np.maximum.accumulate(values)
    fallen: Float64 = (peak - values) / peak
    return fallen


def max_drawdown(values: Float64) -> float:
    """Give the greatest fall from a highest value before, as a positive share of it; 0 while values only rise.

    >>> max_drawdown(np.array([100.0, 120.0, 90.0, 130.0]))
    0.25
    """
    return float(drawdown(values).max())


# --- return for risk --------------------------------------------------------------------------------------------------


def sharpe(returns: Float64, *, periods_per_year: float, risk_free: float = 0.0) -> float | None:
    """Give the annualised Sharpe ratio: mean over standard deviation (ddof 1) of the returns above a riskless one.

    Args:
        returns: (n,).
        periods_per_year: How many of their periods a year has: 365 for days of markets that never close, 252 for
            trading days.
        risk_free: Riskless return of one period.

    Returns:
        The ratio; None for fewer than two returns or without variance.

    Source:
        Sharpe, "The Sharpe Ratio", J. Portfolio Management 21 (1994).

    >>> round(sharpe(np.array([0.01, 0.0, 0.01]), periods_per_year=365), 2)
    22.06
    """
    excess = returns - risk_free
    deviation = float(excess.std(ddof=1)) if len(excess) > 1 else 0.0
    if deviation <= _FLAT * float(np.abs(excess).max(initial=0.0)):
        return None
    return float(excess.mean()) / deviation * float(np.sqrt(periods_per_year))


def sharpe_of_curve(values: Float64, *, step_s: int) -> float | None:
    """Give the Sharpe ratio of an account's curve, annualised to 365 days, at a riskless return of 0.

    Args:
        values: What the account was worth at equal steps (n,).
        step_s: Seconds of a step.

    Returns:
        As `sharpe`; None too for a curve of less than a day, and where the account was worth nothing.

    >>> round(sharpe_of_curve(np.array([100.0, 101.0, 101.0, 102.01]), step_s=86_400), 2)
    22.06
    """
    if (len(values) - 1) * step_s < SHARPE_SPAN_S_MIN or not (values > 0.0).all():
        return None
    return sharpe(simple_returns(values), periods_per_year=YEAR_S / step_s)


def sortino(returns: Float64, *, periods_per_year: float, required: float = 0.0) -> float | None:
    """Give the annualised Sortino ratio: mean over downside deviation of the returns above a required one.

    The downside deviation is the root mean square of what fell short, over all n returns and not only those.

    Returns:
        The ratio; None for fewer than two returns or where none fell short.

    Source:
        Sortino and Price, "Performance Measurement in a Downside Risk Framework", J. Investing 3 (1994).

    >>> round(sortino(np.array([0.03, -0.01]), periods_per_year=1), 4)
    1.4142
    """
    excess = returns - required
    short = float(np.sqrt(np.mean(np.minimum(excess, 0.0) ** 2))) if len(excess) > 1 else 0.0
    return float(excess.mean()) / short * math.sqrt(periods_per_year) if short else None


def calmar(returns: Float64, *, periods_per_year: float) -> float | None:
    """Give the compound annual return over the greatest drawdown of the curve that starts at 1.

    Returns:
        The ratio; None without a drawdown, or where everything was lost.

    Source:
        Young, "Calmar Ratio: A Smoother Tool", Futures 20 (1991); over the whole history, not three years.

    >>> round(calmar(np.array([0.5, -0.5, 1.0]), periods_per_year=3), 4)
    1.0
    """
    curve = np.concatenate(([1.0], np.cumprod(1.0 + returns)))
    fallen = max_drawdown(curve)
    if fallen == 0.0 or curve[-1] <= 0.0:
        return None
    return float(curve[-1] ** (periods_per_year / len(returns)) - 1.0) / fallen


def win_rate(profits: Sequence[Decimal]) -> float | None:
    """Give the share of closed trades with a profit above 0, net of what they cost; None without one.

    >>> win_rate([Decimal(3), Decimal(0), Decimal(-1), Decimal("0.01")])
    0.5
    """
    return sum(profit > 0 for profit in profits) / len(profits) if profits else None


# --- whether a VaR held -----------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class LikelihoodRatio:
    """Hold a likelihood ratio and its p-value: the chance of one as large if what is tested for were true."""

    statistic: float
    p_value: float


def exceptions(returns: Float64, var: Float64) -> NDArray[np.bool_]:
    """Tell which losses were greater than the VaR that was told for them before (n,).

    >>> exceptions(np.array([-0.03, 0.01, -0.02]), np.full(3, 0.02)).tolist()
    [True, False, False]
    """
    beyond: NDArray[np.bool_] = -returns > var
    return beyond


def kupiec(hits: NDArray[np.bool_], confidence: float) -> LikelihoodRatio:
    """Test whether losses went beyond VaR as often as its confidence says (proportion of failures, chi-square 1).

    Args:
        hits: Which periods had a loss beyond VaR (n,), n at least 1.
        confidence: Of the VaR.

    Raises:
        ValueError: There are no periods, or the confidence is none.

    Source:
        Kupiec, "Techniques for Verifying the Accuracy of Risk Measurement Models", J. Derivatives 3 (1995).

    >>> round(kupiec(np.arange(250) < 7, 0.99).statistic, 3)
    5.497
    """
    _check(hits.astype(np.float64), confidence, least=1)
    n, x = len(hits), int(hits.sum())
    ratio = 2.0 * (_likelihood(n - x, x, x / n) - _likelihood(n - x, x, 1.0 - confidence))
    return _chi_square_1(ratio)


def independence(hits: NDArray[np.bool_]) -> LikelihoodRatio:
    """Test whether a loss beyond VaR says anything of the next period (first-order Markov chain, chi-square 1).

    Args:
        hits: Which periods had a loss beyond VaR, in order (n,), n at least 2.

    Raises:
        ValueError: There are fewer than two periods.

    Source:
        Christoffersen, "Evaluating Interval Forecasts", International Economic Review 39 (1998), section 4.2.

    >>> round(independence(np.array([True, False] * 10)).statistic, 3)
    26.287
    """
    if len(hits) < 2:  # noqa: PLR2004 - a step has two ends
        message = f"{len(hits)} periods have no step from one to the next"
        raise ValueError(message)
    before, after = hits[:-1], hits[1:]
    n01, n11 = int((~before & after).sum()), int((before & after).sum())
    n00, n10 = int((~before).sum()) - n01, int(before.sum()) - n11
    apart = _likelihood(n00, n01, _share(n01, n00)) + _likelihood(n10, n11, _share(n11, n10))
    joint = _likelihood(n00 + n10, n01 + n11, _share(n01 + n11, n00 + n10))
    return _chi_square_1(2.0 * (apart - joint))


def christoffersen(hits: NDArray[np.bool_], confidence: float) -> LikelihoodRatio:
    """Test both at once, conditional coverage (chi-square 2): the sum of `kupiec` and `independence`.

    Raises:
        ValueError: There are fewer than two periods, or the confidence is none.

    Source:
        Christoffersen (1998), section 4.3.

    >>> round(christoffersen(np.arange(250) % 100 == 0, 0.99).p_value, 3)
    0.931
    """
    ratio = kupiec(hits, confidence).statistic + independence(hits).statistic
    return LikelihoodRatio(ratio, math.exp(-ratio / 2.0))


def _share(hits: int, misses: int) -> float:
    return hits / (hits + misses) if hits + misses else 0.0


def _likelihood(misses: int, hits: int, chance: float) -> float:
    """Give the logarithm of the likelihood of so many hits of a chance; 0^0 is 1."""
    return (hits * math.log(chance) if hits else 0.0) + (misses * math.log1p(-chance) if misses else 0.0)


def _chi_square_1(ratio: float) -> LikelihoodRatio:
    ratio = max(ratio, 0.0)  # the best likelihood is never below another but by rounding
    return LikelihoodRatio(ratio, math.erfc(math.sqrt(ratio / 2.0)))


def _check(returns: Float64, confidence: float, *, least: int) -> None:
    if len(returns) < least or not np.isfinite(returns).all():
        message = f"expected at least {least} finite returns, found {len(returns)}, of which some may not be finite"
        raise ValueError(message)
    if not 0.0 < confidence < 1.0:
        message = f"a confidence of {confidence} is not above 0 and below 1"
        raise ValueError(message)
