"""Share a score out to what made it: Shapley values against a stated base set, exact or with their error.

A player is one feature, or several that mean something only together. What a coalition is worth is the mean score of
the base rows after its players took their values from the explained row: the interventional form, in the space of the
score itself. Features that move together share their credit.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from hashlib import sha256
from math import comb, fsum
from typing import Final, TypeAlias

import numpy as np

from functions.domain.market import Float64

EXACT_PLAYERS_MAX: Final = 8
"""Most players whose 2^p coalitions are all asked."""
PAIRS_MIN: Final = 32
"""Least pairs of orders that are sampled beyond that; a multiple of the base rows, two for each at least."""
ROWS_MAX: Final = 8192
"""Most rows that a model is asked at a time."""

Score: TypeAlias = Callable[[Float64], Float64]
"""Score rows (m, f): (m,) finite numbers, each row's the one it has alone."""


@dataclass(frozen=True, slots=True)
class Player:
    """Name features that are taken together, by their places in a row."""

    name: str
    places: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class Part:
    """Hold one player's part of a score.

    Args:
        name: The player.
        value: What it added to the base; negative where it took away.
        error: Standard error of the value, from the orders that were sampled; 0 where it is exact.
    """

    name: str
    value: float
    error: float = 0.0


@dataclass(frozen=True, slots=True)
class Attribution:
    """Hold a figure as base and parts.

    Args:
        base: What it is before any part: for a model the mean score of its base set.
        total: The figure that is explained.
        parts: What was added, greatest first whatever the sign; base and parts sum to the total.
        exact: Whether nothing was sampled.
    """

    base: float
    total: float
    parts: tuple[Part, ...]
    exact: bool = True

    @property
    def residual(self) -> float:
        """Give what the sum misses of the total: rounding, and nothing else.

        >>> Attribution(0.25, 0.75, (Part("rsi_14", 0.5),)).residual
        0.0
        """
        return fsum((self.base, *(part.value for part in self.parts))) - self.total


def attribute(score: Score, row: Float64, base: Float64, players: Sequence[Player], *, key: str) -> Attribution:
    """Share a row's score out to its players.

    Up to `EXACT_PLAYERS_MAX` players every coalition is asked, and the values are exact. Beyond, every base row is led
    to the explained one along sampled orders of the players, each order there and in reverse: each walk sums to the
    whole difference, so the sum is exact whatever the error of a part.

    Args:
        score: The model.
        row: The explained row, (f,).
        base: The base set, (b, f), b >= 1.
        players: Each of the f features belongs to exactly one.
        key: Orders follow from it alone: equal keys give equal answers.

    Returns:
        Base (the mean score of the base set), total (the row's score) and a part for each player.

    Raises:
        ValueError: There is no base, its rows are not as long as the row, or a feature has no player or two.

    Source:
        Shapley, A Value for n-Person Games (1953); Castro, Gomez, Tejada, Computers & Operations Research 36 (2009);
        Mitchell, Cooper, Frank, Holmes, J. Machine Learning Research 23 (2022) for orders in pairs.

    >>> product = lambda rows: rows[:, 0] * rows[:, 1]
    >>> two = (Player("a", (0,)), Player("b", (1,)))
    >>> told = attribute(product, np.array([2.0, 3.0]), np.zeros((1, 2)), two, key="")
    >>> told.total, [part.value for part in told.parts]
    (6.0, [3.0, 3.0])
    """
    if base.ndim != row.ndim + 1 or not len(base) or base.shape[1] != len(row):
        text = f"a base set of shape {base.shape} is none for a row of {len(row)} features"
        raise ValueError(text)
    if sorted(place for player in players for place in player.places) != list(range(len(row))):
        text = f"the players {', '.join(player.name for player in players)} do not share out {len(row)} features"
        raise ValueError(text)
    if len(players) <= EXACT_PLAYERS_MAX:
        return _exactly(score, row, base, players)
    return _sampled(score, row, base, players, key=key)


def _exactly(score: Score, row: Float64, base: Float64, players: Sequence[Player]) -> Attribution:
    """Ask all coalitions; coalition c has player i when bit i of c is set."""
    p = len(players)
    taken = np.zeros((1 << p, len(row)), np.bool_)
    coalitions = np.arange(1 << p)
    for at, player in enumerate(players):
        taken[:, player.places] = (coalitions >> at & 1).astype(np.bool_)[:, None]
    mixed = np.where(taken[:-1, None, :], row, base).reshape(-1, len(row))
    scores = _ask(score, np.concatenate([mixed, row[None, :]]))
    worth = np.append(scores[:-1].reshape(-1, len(base)).mean(axis=1), scores[-1])
    sizes = np.bitwise_count(coalitions)
    parts = []
    for at, player in enumerate(players):
        without = coalitions[(coalitions >> at & 1) == 0]
        weights = np.array([1.0 / (p * comb(p - 1, int(size))) for size in sizes[without]])
        gains = worth[without | 1 << at] - worth[without]
        parts.append(Part(player.name, fsum((weights * gains).tolist())))
    return Attribution(float(worth[0]), float(worth[-1]), _ranked(parts))


def _sampled(score: Score, row: Float64, base: Float64, players: Sequence[Player], *, key: str) -> Attribution:
    """Walk from every base row to the row along sampled orders, each also in reverse.

    A pair's mean is one observation; the base rows are strata, whose own spread is no error.
    """
    p, rounds = len(players), max(-(-PAIRS_MIN // len(base)), 2)
    orders = [_order(f"{key}\0{at}\0{turn}", p) for at in range(len(base)) for turn in range(rounds)]
    walks = np.array([way for order in orders for way in (order, order[::-1])])
    starts = np.repeat(base, 2 * rounds, axis=0)
    rows = np.empty((len(walks), p - 1, len(row)))
    for at, (walk, start) in enumerate(zip(walks.tolist(), starts, strict=True)):
        going = start.copy()
        for step, player in enumerate(walk[:-1]):
            places = list(players[player].places)
            going[places] = row[places]
            rows[at, step] = going
    asked = _ask(score, np.concatenate([base, row[None, :], rows.reshape(-1, len(row))]))
    first, total, between = asked[: len(base)], asked[len(base)], asked[len(base) + 1 :].reshape(len(walks), p - 1)
    path = np.column_stack([np.repeat(first, 2 * rounds), between, np.full(len(walks), total)])
    gains = np.empty((len(walks), p))
    np.put_along_axis(gains, walks, np.diff(path, axis=1), axis=1)
    observed = gains.reshape(len(base), rounds, 2, p).mean(axis=2)
    values = observed.mean(axis=(0, 1))
    errors = np.sqrt(observed.var(axis=1, ddof=1).sum(axis=0) / rounds) / len(base)
    parts = [Part(one.name, float(v), float(e)) for one, v, e in zip(players, values, errors, strict=True)]
    return Attribution(float(first.mean()), float(total), _ranked(parts), exact=False)


def _order(key: str, p: int) -> list[int]:
    """Shuffle p players as a key says, the same on every machine and in every release of numpy."""
    return sorted(range(p), key=lambda at: sha256(f"{key}\0{at}".encode()).digest())


def _ask(score: Score, rows: Float64) -> Float64:
    found = [score(rows[begin : begin + ROWS_MAX]) for begin in range(0, len(rows), ROWS_MAX)]
    return np.concatenate(found)


def _ranked(parts: Sequence[Part]) -> tuple[Part, ...]:
    return tuple(sorted(parts, key=lambda part: -abs(part.value)))
