"""Parts of a score sum to it, are Shapley's where all coalitions are asked, and near them where orders are sampled."""

from itertools import permutations

import numpy as np
import pytest
from counts import examples
from hypothesis import given, settings
from hypothesis import strategies as st

from functions.domain.market import Float64
from functions.domain.shapley import EXACT_PLAYERS_MAX, PAIRS_MIN, Attribution, Player, Score, attribute

SUM_ERROR_MAX = 1e-9
ERRORS_MAX = 5.0
"""Standard errors that a sampled part may be off; with some hundred parts the worst of them is near 3."""


def each(features: int) -> tuple[Player, ...]:
    """Make every feature a player."""
    return tuple(Player(f"x{at}", (at,)) for at in range(features))


def crooked(seed: int, features: int) -> Score:
    """Make a model with jumps, bends and products, of a seed's own weights."""
    rng = np.random.default_rng(seed)
    first, second = rng.normal(size=(features, 6)), rng.normal(size=6)

    def score(rows: Float64) -> Float64:
        bent = np.tanh(rows @ first) @ second + rows[:, 0] * rows[:, -1] + (rows[:, 0] > 0)
        return np.asarray(bent, np.float64)

    return score


def by_orders(score: Score, row: Float64, base: Float64) -> list[float]:
    """Find Shapley values as they are defined: the mean gain of a player over all orders, and all base rows."""
    orders = list(permutations(range(len(row))))
    values = np.zeros(len(row))
    for start in base:
        for order in orders:
            going = start.copy()
            for player in order:
                before = score(going[None, :])[0]
                going[player] = row[player]
                values[player] += score(going[None, :])[0] - before
    found: list[float] = (values / (len(orders) * len(base))).tolist()
    return found


@settings(max_examples=examples(1000))
@given(seed=st.integers(0, 2**32), features=st.integers(1, 12), rows=st.integers(1, 5))
def test_sums(seed: int, features: int, rows: int) -> None:
    """Base and parts sum to the score, however many players there are, and base is the mean score of the base set."""
    rng, score = np.random.default_rng(seed), crooked(seed, features)
    row, base = rng.normal(size=features), rng.normal(size=(rows, features))
    told = attribute(score, row, base, each(features), key=str(seed))
    assert abs(told.residual) <= SUM_ERROR_MAX
    assert told.total == pytest.approx(score(row[None, :])[0])
    assert told.base == pytest.approx(score(base).mean())
    assert told.exact == (features <= EXACT_PLAYERS_MAX)


@pytest.mark.parametrize("seed", range(5))
def test_exact_is_the_definition(seed: int) -> None:
    """Asking all coalitions gives what walking all orders gives."""
    rng, score = np.random.default_rng(seed), crooked(seed, 5)
    row, base = rng.normal(size=5), rng.normal(size=(3, 5))
    told = {part.name: part.value for part in attribute(score, row, base, each(5), key="").parts}
    assert [told[f"x{at}"] for at in range(5)] == pytest.approx(by_orders(score, row, base))


def test_groups_are_one_player() -> None:
    """Features of one player are taken together: a product inside a group is all the group's."""
    two = (Player("both", (0, 2)), Player("other", (1,)))
    told = attribute(lambda x: x[:, 0] * x[:, 2] + x[:, 1], np.array([2.0, 5.0, 3.0]), np.zeros((1, 3)), two, key="")
    assert {part.name: part.value for part in told.parts} == {"both": 6.0, "other": 5.0}


def test_greatest_first() -> None:
    """Parts come by size whatever their sign; a feature that does nothing has exactly nothing."""
    told = attribute(lambda x: x[:, 0] - 3 * x[:, 1], np.ones(3), np.zeros((2, 3)), each(3), key="")
    assert [(part.name, part.value, part.error) for part in told.parts] == [("x1", -3, 0), ("x0", 1, 0), ("x2", 0, 0)]


def pairwise(rows: Float64) -> Float64:
    """Sum all products of two features: from zeros, Shapley's part of one is half of its products."""
    return np.asarray((rows.sum(axis=1) ** 2 - (rows**2).sum(axis=1)) / 2, np.float64)


@pytest.mark.parametrize("rows", [1, 3, 40])
def test_stated_error_holds(rows: int) -> None:
    """Sampled parts lie within a few of their standard errors of the exact ones, and these are not idle."""
    row = np.random.default_rng(rows).normal(size=20) * 3
    base = np.zeros((rows, 20))
    told = attribute(lambda x: np.sin(pairwise(x)), row, base, each(20), key="k")
    many = [attribute(lambda x: np.sin(pairwise(x)), row, base, each(20), key=str(n)) for n in range(40)]
    means = {name: np.mean([_value(one, name) for one in many]) for name in (f"x{at}" for at in range(20))}
    off = [abs(part.value - means[part.name]) / part.error for part in told.parts]
    assert max(off) < ERRORS_MAX
    assert np.mean(off) > 1 / ERRORS_MAX


def test_pairs_cancel_products() -> None:
    """An order and its reverse together are exact for products of two: the stated error is rounding."""
    row = np.arange(1.0, 11.0)
    told = attribute(pairwise, row, np.zeros((1, 10)), each(10), key="k")
    expected = {f"x{at}": row[at] * (row.sum() - row[at]) / 2 for at in range(10)}
    assert {part.name: part.value for part in told.parts} == pytest.approx(expected)
    assert max(part.error for part in told.parts) < SUM_ERROR_MAX
    assert not told.exact


def test_deterministic() -> None:
    """Equal keys give equal bits, and another key other orders."""
    score, row, base = crooked(1, 10), np.ones(10), np.zeros((2, 10))
    one, same, other = (attribute(score, row, base, each(10), key=key) for key in ("a", "a", "b"))
    assert one == same
    assert one.parts != other.parts


def test_questions_are_bounded() -> None:
    """A model is asked so many rows and no more: all coalitions, or two walks a pair."""
    asked: list[int] = []

    def score(rows: Float64) -> Float64:
        asked.append(len(rows))
        return rows[:, 0]

    attribute(score, np.ones(6), np.zeros((32, 6)), each(6), key="")
    attribute(score, np.ones(30), np.zeros((16, 30)), each(30), key="")
    assert asked == [(2**6 - 1) * 32 + 1, 16 + 1 + PAIRS_MIN * 2 * 29]


@pytest.mark.parametrize("players", [each(2), (*each(3), Player("again", (0,)))])
def test_players_share_out(players: tuple[Player, ...]) -> None:
    """A feature that belongs to nobody, or to two, is refused."""
    with pytest.raises(ValueError, match="do not share out 3 features"):
        attribute(lambda x: x[:, 0], np.ones(3), np.zeros((1, 3)), players, key="")


@pytest.mark.parametrize("shape", [(0, 3), (2, 4)])
def test_base_must_fit(shape: tuple[int, int]) -> None:
    """Without a base row there is no base, and rows of another length are none."""
    with pytest.raises(ValueError, match="is none for a row of 3 features"):
        attribute(lambda x: x[:, 0], np.ones(3), np.zeros(shape), each(3), key="")


def _value(told: Attribution, name: str) -> float:
    return next(part.value for part in told.parts if part.name == name)
