"""Stakes are Kelly's on the lower bound of a chance, net of costs and capped; without an edge there is none."""

import math

import pytest
from counts import examples
from hypothesis import given, settings
from hypothesis import strategies as st

from functions.domain.decisions import Action
from functions.domain.sizing import (
    Payoff,
    Sizing,
    expected_value,
    kelly,
    lower_bound,
    payoff,
    protect,
    risk_reward,
    stake,
)

CHANCES = st.floats(0.01, 0.99)
RATIOS = st.floats(0.05, 20.0)
SHARES = st.floats(1e-4, 0.5)


@pytest.mark.parametrize(
    ("p", "ratio", "expected"),
    [
        (0.6, 1.0, 0.2),  # Kelly's own: even money, 60 % wins
        (0.5, 2.0, 0.25),  # a coin that pays two to one
        (0.5, 1.0, 0.0),  # a fair coin
        (0.4, 1.0, -0.2),  # a losing one
        (0.855, 2.949, 0.8058),  # the published signal: full Kelly would stake four fifths
    ],
)
def test_kelly_of_the_textbooks(p: float, ratio: float, expected: float) -> None:
    """The known cases come out as published."""
    assert kelly(p, ratio) == pytest.approx(expected, abs=5e-5)


@given(CHANCES, RATIOS, st.floats(-0.5, 0.5))
@settings(max_examples=examples(500), deadline=None)
def test_kelly_grows_fastest(p: float, ratio: float, step: float) -> None:
    """No other share of the capital grows its logarithm faster than Kelly's."""
    best = max(kelly(p, ratio), 0.0)
    other = min(max(best + step, 0.0), 0.999)

    def growth(share: float) -> float:
        return p * math.log1p(ratio * share) + (1 - p) * math.log1p(-share)

    assert growth(min(best, 0.999999)) >= growth(other) - 1e-12


@given(CHANCES, SHARES, SHARES)
@settings(max_examples=examples(500), deadline=None)
def test_edge_is_an_expected_gain(p: float, win: float, loss: float) -> None:
    """Kelly's stake is positive exactly where the expected value is."""
    bet = Payoff(win, loss)
    value, share = expected_value(p, bet), kelly(p, bet.ratio)
    assert abs(value) < 1e-12 or (value > 0) == (share > 0)


def test_nothing_to_win() -> None:
    """Where costs eat the target there is no trade, however sure it is."""
    bet = payoff(1000, 990, 1002, cost=0.003)
    assert (bet.win < 0, bet.ratio) == (True, 0.0)
    assert stake(1.0, 1.0, bet, Sizing()).position_pct == 0.0


@given(st.integers(2, 10**12), st.integers(1, 10**9), st.integers(1, 10**9), st.floats(0, 0.1))
@settings(max_examples=examples(300), deadline=None)
def test_costs_hurt_both_ways(price: int, stop: int, target: int, cost: float) -> None:
    """Won and lost are shares of the price to target and stop; costs take from one what they add to the other."""
    free, costly = (
        payoff(price, price - stop, price + target, cost=0.0),
        payoff(price, price - stop, price + target, cost=cost),
    )
    assert (free.win, free.loss) == pytest.approx((target / price, stop / price), rel=1e-9)
    assert free.win - costly.win == pytest.approx(cost, abs=1e-9 * (1 + free.win))
    assert costly.loss - free.loss == pytest.approx(cost, abs=1e-9 * (1 + free.loss))


def test_bound_of_the_textbooks() -> None:
    """Wilson's interval of 60 in 100 starts at 50.2 %, of 10 in 10 at 72.2 %; nothing bounds nothing."""
    assert lower_bound(0.6, 100, 1.96) == pytest.approx(0.5020, abs=5e-5)
    assert lower_bound(1.0, 10, 1.96) == pytest.approx(0.7225, abs=5e-5)
    assert lower_bound(0.9, 0, 1.96) == 0.0


@given(st.floats(0, 1), st.integers(1, 10**6), st.floats(0, 5))
@settings(max_examples=examples(500), deadline=None)
def test_bound_is_below(p: float, n: int, z: float) -> None:
    """A bound lies between 0 and the frequency, and more outcomes or less caution raise it."""
    bound = lower_bound(p, n, z)
    assert 0.0 <= bound <= p
    assert lower_bound(p, 2 * n, z) >= bound - 1e-12
    assert lower_bound(p, n, z + 1) <= bound + 1e-12


@given(CHANCES, CHANCES, SHARES, SHARES)
@settings(max_examples=examples(500), deadline=None)
def test_caps_hold(p: float, p_low: float, win: float, loss: float) -> None:
    """Neither the loss at the stop nor the position is ever above its cap, and no edge stakes nothing."""
    rules = Sizing()
    staked = stake(p, p_low, Payoff(win, loss), rules)
    assert 0 <= staked.position_pct <= rules.position_pct_max
    assert staked.position_pct * loss <= rules.risk_pct_max * (1 + 1e-12)
    assert (staked.position_pct > 0) == (kelly(p_low, win / loss) > 0)


def test_stake_is_lost_at_the_stop() -> None:
    """Below its caps a position loses exactly the quarter of Kelly's stake at its stop."""
    bet, rules = Payoff(win=0.1, loss=0.1), Sizing(risk_pct_max=100.0, position_pct_max=100.0)
    staked = stake(0.55, 0.52, bet, rules)
    assert staked.kelly == pytest.approx(0.25 * 0.04)
    assert staked.position_pct * bet.loss == pytest.approx(100 * staked.kelly)
    assert staked.expected_value == pytest.approx(0.01)


def test_the_bound_decides() -> None:
    """A chance that looks good over few outcomes stakes nothing; over many it does."""
    bet, rules = Payoff(win=0.02, loss=0.02), Sizing()
    few, many = (stake(0.55, lower_bound(0.55, n, rules.bound_z), bet, rules) for n in (50, 5000))
    assert (few.position_pct, few.expected_value > 0) == (0.0, True)
    assert many.position_pct > 0


@pytest.mark.parametrize("action", [Action.BUY, Action.SELL])
@given(st.integers(1, 10**12), st.floats(0, 1e9), st.floats(0, 1e9))
@settings(max_examples=examples(300), deadline=None)
def test_levels_stand_on_their_sides(action: Action, price: int, stop: float, target: float) -> None:
    """A stop is on the losing side and a target on the winning one, unless a price would end below one unit."""
    toward = 1 if action is Action.BUY else -1
    stop_loss, take_profit = protect(action, price, stop=stop, target=target)
    assert min(stop_loss, take_profit) >= 1
    assert (price - stop_loss) * toward > 0 or stop_loss == 1
    assert (take_profit - price) * toward > 0 or take_profit == 1


def test_levels_stay_prices() -> None:
    """Levels are at least one unit away and never below one unit."""
    assert protect(Action.BUY, 100, stop=0.1, target=0.1) == (99, 101)
    assert protect(Action.SELL, 100, stop=250.0, target=375.0) == (350, 1)


def test_risk_reward_of_the_source() -> None:
    """The published example is 2.949 whichever way it trades."""
    assert risk_reward(4_523_050, 4_480_000, 4_650_000) == pytest.approx(2.949, abs=5e-4)
    assert risk_reward(100, 100, 120) == 0.0


@pytest.mark.parametrize(
    "wrong",
    [{"kelly_share": 0.0}, {"kelly_share": 1.5}, {"risk_pct_max": 101.0}, {"cost_bps": -1.0}, {"samples_min": 0}],
)
def test_impossible_sizing(wrong: dict[str, float]) -> None:
    """Shares and bounds that could not be stop the start."""
    with pytest.raises(ValueError, match=next(iter(wrong))):
        Sizing(**wrong)  # type: ignore[arg-type]
