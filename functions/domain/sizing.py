"""Say how much to stake: what a trade wins or loses net of costs, its expected value, and a share of Kelly's stake.

Stop and target, the lower bound of a chance, and stakes live here. Wins, losses and costs are shares of the position's
value, stakes are shares of the capital. Each bet is sized as if it were alone: bets that move together need a joint
limit, which is the risk service's to hold.
"""

import math
from dataclasses import dataclass
from typing import Final

from functions.domain.decisions import Action
from functions.domain.money import MANTISSA_MAX

PERCENT: Final = 100.0
BPS: Final = 10_000.0


@dataclass(frozen=True, slots=True)
class Payoff:
    """Say what a position wins or loses, net of costs, as shares of its value; the loss is positive.

    >>> round(Payoff(win=0.028, loss=0.0095).ratio, 3)
    2.947
    """

    win: float
    loss: float

    @property
    def ratio(self) -> float:
        """Divide what may be won by what may be lost: Kelly's b. 0 when nothing may be won or lost."""
        return self.win / self.loss if self.win > 0 and self.loss > 0 else 0.0


@dataclass(frozen=True, slots=True)
class Sizing:
    """Say how boldly to stake.

    Args:
        kelly_share: Share of Kelly's stake that is taken; a quarter to a half keeps most of the growth and much less of
            the drawdown (Thorp 2006).
        risk_pct_max: Most of the capital that one position may lose at its stop, percent.
        position_pct_max: Most value that one position may have, percent of the capital.
        flat_pct: Value of a position whose chance nobody knows, percent of the capital.
        cost_bps: Fees and slippage of going in and out again, basis points of the value; the quoted spread is added.
        bound_z: Standard deviations between a chance and its lower bound; 1.645 leaves 5 % below it.
        samples_min: Least outcomes behind a chance before it counts as calibrated.
    """

    kelly_share: float = 0.25
    risk_pct_max: float = 1.0
    position_pct_max: float = 10.0
    flat_pct: float = 1.0
    cost_bps: float = 20.0
    bound_z: float = 1.645
    samples_min: int = 100

    def __post_init__(self) -> None:
        """Refuse shares and bounds that could not be."""
        if not 0 < self.kelly_share <= 1:
            text = "kelly_share is above 0 and at most 1"
            raise ValueError(text)
        shares = (self.risk_pct_max, self.position_pct_max, self.flat_pct)
        if not all(0 <= share <= PERCENT for share in shares):
            text = "risk_pct_max, position_pct_max and flat_pct are from 0 to 100"
            raise ValueError(text)
        if min(self.cost_bps, self.bound_z) < 0 or self.samples_min < 1:
            text = "cost_bps and bound_z are not negative, and samples_min is at least 1"
            raise ValueError(text)


@dataclass(frozen=True, slots=True)
class Stake:
    """Hold what a bet is worth, and how much to put on it.

    Args:
        expected_value: Expected gain net of costs, as a share of the position's value.
        kelly: Share of the capital to put at risk, before caps; 0 when there is no edge.
        position_pct: Value of the position after caps, percent of the capital; 0 means no trade.
    """

    expected_value: float
    kelly: float
    position_pct: float


def protect(action: Action, price: int, *, stop: float, target: float) -> tuple[int, int]:
    """Place stop-loss and take-profit around a price; the sides flip for SELL, and HOLD protects nothing.

    Args:
        action: What the signal asks for.
        price: Price mantissa, positive.
        stop: Distance of the stop-loss, in mantissa units.
        target: Distance of the take-profit, in mantissa units.

    Returns:
        (stop_loss, take_profit): mantissas, at least one unit from the price, from 1 to the greatest there is; (0, 0)
        for HOLD.

    >>> protect(Action.BUY, 1000, stop=20.4, target=30.6)
    (980, 1031)
    >>> protect(Action.SELL, 1000, stop=20.4, target=30.6)
    (1020, 969)
    """
    if action is Action.HOLD:
        return 0, 0
    toward = 1 if action is Action.BUY else -1
    stop_loss = price - toward * max(round(stop), 1)
    take_profit = price + toward * max(round(target), 1)
    return min(max(stop_loss, 1), MANTISSA_MAX), min(max(take_profit, 1), MANTISSA_MAX)


def risk_reward(price: int, stop_loss: int, take_profit: int) -> float:
    """Divide what may be won by what may be lost; 0 when nothing may be lost.

    >>> round(risk_reward(4523050, 4480000, 4650000), 3)
    2.949
    """
    lost = abs(price - stop_loss)
    return abs(take_profit - price) / lost if lost else 0.0


def payoff(price: int, stop_loss: int, take_profit: int, *, cost: float) -> Payoff:
    """Say what a position wins at its target and loses at its stop, net of costs.

    Args:
        price: Price mantissa, positive.
        stop_loss: Mantissa of the stop.
        take_profit: Mantissa of the target.
        cost: Costs of going in and out again, as a share of the value; they shrink the win and grow the loss.

    >>> round(payoff(1000, 980, 1030, cost=0.002).win, 6), payoff(1000, 980, 1030, cost=0.002).loss
    (0.028, 0.022)
    """
    return Payoff(abs(take_profit - price) / price - cost, abs(price - stop_loss) / price + cost)


def kelly(p: float, ratio: float) -> float:
    """Give the share of the capital that makes it grow fastest: f* = p - (1 - p) / b.

    Args:
        p: Chance to win, 0 to 1.
        ratio: b, average win over average loss net of costs; where nothing may be won it is 0.

    Returns:
        The share of the capital to put at risk; 0 or less means no trade. Without anything to win: minus infinity.

    Source:
        Kelly, A New Interpretation of Information Rate, Bell System Technical Journal 35 (1956).

    >>> round(kelly(0.6, 1.0), 6), round(kelly(0.855, 2.949), 3), round(kelly(0.5, 1.0), 6)
    (0.2, 0.806, 0.0)
    """
    return p - (1 - p) / ratio if ratio > 0 else -math.inf


def expected_value(p: float, bet: Payoff) -> float:
    """Give the expected gain of a bet, as a share of the position's value.

    >>> round(expected_value(0.4, Payoff(win=0.03, loss=0.02)), 6)
    0.0
    """
    return p * bet.win - (1 - p) * bet.loss


def lower_bound(p: float, n: int, z: float) -> float:
    """Bound a frequency from below: Wilson's score bound, which stays between 0 and the frequency.

    Args:
        p: Share of the outcomes in which it happened, 0 to 1.
        n: Number of outcomes; none gives 0, for nothing is known.
        z: Standard deviations between the frequency and the bound.

    Source:
        Wilson, Probable Inference, J. American Statistical Association 22 (1927).

    >>> round(lower_bound(0.6, 100, 1.96), 3), lower_bound(0.6, 0, 1.96)
    (0.502, 0.0)
    """
    if n <= 0:
        return 0.0
    spread = z * math.sqrt(p * (1 - p) / n + z * z / (4 * n * n))
    bound = (p + z * z / (2 * n) - spread) / (1 + z * z / n)
    return min(max(bound, 0.0), p)


def stake(p: float, p_low: float, bet: Payoff, sizing: Sizing) -> Stake:
    """Size a bet whose chance is known: a share of Kelly's stake on the lower bound, capped twice.

    The stake is what is lost at the stop, so the position is the stake over the loss.

    Args:
        p: Calibrated chance to win, for the expected value.
        p_low: Its lower confidence bound, which sizes the bet.
        bet: What may be won and lost.
        sizing: How boldly.

    Returns:
        The stake; a position of 0 when Kelly's is not positive.

    >>> stake(0.65, 0.6, Payoff(win=0.02, loss=0.02), Sizing()).position_pct
    10.0
    >>> stake(0.5, 0.45, Payoff(win=0.02, loss=0.02), Sizing()).position_pct
    0.0
    """
    at_risk = max(kelly(p_low, bet.ratio), 0.0) * sizing.kelly_share
    lost = min(PERCENT * at_risk, sizing.risk_pct_max)
    position = min(lost / bet.loss, sizing.position_pct_max) if bet.loss > 0 else 0.0
    return Stake(expected_value(p, bet), at_risk, position)
