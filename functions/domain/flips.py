"""Find the smallest change that would have made a decision another one; a change is told only after it did.

A lever is a figure that the decision looked at. It is moved to the values around which something changes, its points,
or over its whole range where nobody knows them. A change is measured in spreads: standard deviations of each figure.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations
from math import inf
from typing import Final, TypeAlias

from functions.domain.decisions import Action

SPREADS_MAX: Final = 10.0
"""Farthest that a lever is moved; beyond it a change says nothing about this market."""
STEPS: Final = 8
"""Steps over the range of a lever without points."""
HALVINGS: Final = 30
"""Times the last step is halved: a thousand-millionth of it is left."""
PAIRS_MAX: Final = 512
"""Most pairs that are tried, nearest first."""

Judge: TypeAlias = Callable[[Mapping[str, float]], Action]
"""Decide again with some figures changed, everything else as it was."""


@dataclass(frozen=True, slots=True)
class Lever:
    """Hold a figure that can be moved.

    Args:
        name: A feature, or a model's figure as `model.figure`.
        value: What it is.
        spread: Its standard deviation, more than 0.
        points: Values at which a rule changes its mind, on both sides; none where the whole range is looked at.
        low: Least value it can have.
        high: Greatest.
    """

    name: str
    value: float
    spread: float
    points: tuple[float, ...] = ()
    low: float = -inf
    high: float = inf


@dataclass(frozen=True, slots=True)
class Move:
    """Hold one figure's change, and how far it is in spreads."""

    name: str
    was: float
    now: float
    spreads: float


@dataclass(frozen=True, slots=True)
class Flip:
    """Hold the change that flips a decision, what it then is, and how far the moves go together, in spreads."""

    action: Action
    moves: tuple[Move, ...]
    spreads: float


def smallest_flip(levers: Sequence[Lever], judge: Judge, *, told: Action) -> Flip | None:
    """Find the smallest change of one or two levers after which the judge says something else.

    Args:
        levers: What may be moved.
        judge: Decides with changed figures.
        told: What was decided.

    Returns:
        The flip with the least sum of moves, as the judge confirmed it; of equals a single move, then the first lever.
        None where nothing within `SPREADS_MAX` of each lever flips it.

    >>> rsi = Lever("rsi_14", 22.5, 5.0, (30.0,))
    >>> smallest_flip([rsi], lambda now: Action.BUY if now["rsi_14"] < 30 else Action.HOLD, told=Action.BUY).spreads
    1.5
    """
    moves = sorted((move for lever in levers for move in _moves(lever)), key=lambda move: move.spreads)
    ranged = [_edge(lever, judge, told, toward) for lever in levers if not lever.points for toward in (-1, 1)]
    best = min((flip for flip in ranged if flip is not None), key=lambda flip: flip.spreads, default=None)
    for combination in _nearest(moves):
        if best is not None and _far(combination) >= best.spreads:
            break
        flip = _judged(combination, judge, told)
        if flip is not None:
            return flip
    return best


def _moves(lever: Lever) -> Iterator[Move]:
    """Move a lever to its points."""
    for point in lever.points:
        move = _move(lever, point)
        if point != lever.value and lever.low <= point <= lever.high and move.spreads <= SPREADS_MAX:
            yield move


def _nearest(moves: Sequence[Move]) -> Iterator[tuple[Move, ...]]:
    """Give single moves and pairs of moves of two levers, nearest first; singles before pairs as far."""
    pairs = [pair for pair in combinations(moves, 2) if pair[0].name != pair[1].name]
    pairs.sort(key=_far)
    yield from sorted([*((move,) for move in moves), *pairs[:PAIRS_MAX]], key=lambda one: (_far(one), len(one)))


def _edge(lever: Lever, judge: Judge, told: Action, toward: int) -> Flip | None:
    """Walk over a lever's range until the decision flips, and halve the last step; a flip and back within one is missed."""
    end = min(max(lever.value + toward * SPREADS_MAX * lever.spread, lever.low), lever.high)
    stays, flip = lever.value, None
    for step in range(1, STEPS + 1):
        at = end if step == STEPS else lever.value + (end - lever.value) * step / STEPS
        flip = _judged((_move(lever, at),), judge, told) if at != lever.value else None
        if flip is not None:
            break
        stays = at
    if flip is None:
        return None
    for _ in range(HALVINGS):
        nearer = _judged((_move(lever, (stays + flip.moves[0].now) / 2),), judge, told)
        if nearer is None:
            stays = (stays + flip.moves[0].now) / 2
        else:
            flip = nearer
    return flip


def _judged(moves: tuple[Move, ...], judge: Judge, told: Action) -> Flip | None:
    """Ask the judge, and give the flip where it is one."""
    action = judge({move.name: move.now for move in moves})
    return None if action is told else Flip(action, moves, _far(moves))


def _move(lever: Lever, now: float) -> Move:
    return Move(lever.name, lever.value, now, abs(now - lever.value) / lever.spread)


def _far(moves: Sequence[Move]) -> float:
    return sum(move.spreads for move in moves)
