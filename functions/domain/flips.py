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
STEPS: Final = 4
"""Steps over the range of a lever without points."""
HALVINGS: Final = 20
"""Times the last step is halved: a millionth of it is left."""
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
        The flip with the least sum of moves, as the judge confirmed it; of equals a single move. None where nothing
        within `SPREADS_MAX` of each lever flips it. Levers without points are moved alone only.

    >>> rsi = Lever("rsi_14", 22.5, 5.0, (30.0,))
    >>> smallest_flip([rsi], lambda now: Action.BUY if now["rsi_14"] < 30 else Action.HOLD, told=Action.BUY).spreads
    1.5
    """
    moves = sorted((move for lever in levers for move in _moves(lever)), key=lambda move: move.spreads)
    best = next((flip for move in moves if (flip := _judged((move,), judge, told))), None)
    for lever in levers:
        for toward in (-1, 1) if not lever.points else ():
            best = _edge(lever, judge, told, toward * (SPREADS_MAX if best is None else best.spreads)) or best
    pairs = [pair for pair in combinations(moves, 2) if pair[0].name != pair[1].name]
    pairs.sort(key=_far)
    for pair in pairs[:PAIRS_MAX]:
        if best is not None and _far(pair) >= best.spreads:
            break
        flip = _judged(pair, judge, told)
        if flip is not None:
            return flip
    return best


def _moves(lever: Lever) -> Iterator[Move]:
    """Move a lever to its points."""
    for point in lever.points:
        move = _move(lever, point)
        if point != lever.value and lever.low <= point <= lever.high and move.spreads <= SPREADS_MAX:
            yield move


def _edge(lever: Lever, judge: Judge, told: Action, spreads: float) -> Flip | None:
    """Walk less than so many spreads, up or down, until the decision flips; a flip and back within a step is missed."""
    stays = lever.value
    for step in range(1, STEPS + 1):
        at = min(max(lever.value + spreads * lever.spread * step / STEPS, lever.low), lever.high)
        flip = _judged((_move(lever, at),), judge, told) if at != stays else None
        if flip is not None:
            nearest = _halved(lever, judge, flip, stays)
            return nearest if nearest.spreads < abs(spreads) else None
        stays = at
    return None


def _halved(lever: Lever, judge: Judge, flip: Flip, stays: float) -> Flip:
    """Halve the way between a value that flips a decision and one that does not, and give the nearest that does."""
    for _ in range(HALVINGS):
        middle = (stays + flip.moves[0].now) / 2
        action = judge({lever.name: middle})
        if action is flip.action:
            flip = Flip(action, (move := _move(lever, middle),), move.spreads)
        else:
            stays = middle
    return flip


def _judged(moves: tuple[Move, ...], judge: Judge, told: Action) -> Flip | None:
    """Ask the judge, and give the flip where it is one."""
    action = judge({move.name: move.now for move in moves})
    return None if action is told else Flip(action, moves, _far(moves))


def _move(lever: Lever, now: float) -> Move:
    return Move(lever.name, lever.value, now, abs(now - lever.value) / lever.spread)


def _far(moves: Sequence[Move]) -> float:
    return sum(move.spreads for move in moves)
