"""Pool what models say of the price into one chance, weighed by their skill; say nothing when they disagree."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from types import MappingProxyType
from typing import Final, TypeAlias

from functions.domain.decisions import Vote
from functions.domain.strategy import Ensemble

CURVE_POINTS_MAX: Final = 16
"""Points of a curve: a few hundred outcomes bear no more."""


@dataclass(frozen=True, slots=True)
class Standing:
    """Say how far a source of chances, a model or a strategy, may be believed, as outcomes have shown.

    Args:
        weight: Part in the ensemble, from recent calibrated skill, 0 to 1; 0 is not heard.
        samples: Outcomes behind its calibration; 0 while nothing is known.
        broken: How its calibration breaks what it promises; empty when it does not.
        curve: What its figure has meant: (stated, observed) chances by rising `stated`, or (strength / 100, observed)
            of a strategy. Empty: the stated chance is taken as it is, and a strategy has none.
        event: What a strategy's chance is the chance of.
        horizon_bars: Bars within which that happens.
        version: Of the model whose outcomes these are; a version of no outcomes yet is unknown. Empty for a strategy.
    """

    weight: float = 1.0
    samples: int = 0
    broken: str = ""
    curve: tuple[tuple[float, float], ...] = ()
    event: str = ""
    horizon_bars: int = 0
    version: str = ""

    def __post_init__(self) -> None:
        """Refuse weights and curves that could not be."""
        if not 0 <= self.weight <= 1 or self.samples < 0:
            text = f"a weight of {self.weight} is not from 0 to 1, or {self.samples} samples are negative"
            raise ValueError(text)
        stated = [one for one, _ in self.curve]
        if len(stated) > CURVE_POINTS_MAX:
            text = f"a curve of {len(stated)} points has more than {CURVE_POINTS_MAX}"
            raise ValueError(text)
        if stated != sorted(set(stated)) or not all(0 <= one <= 1 for point in self.curve for one in point):
            text = "a curve goes by rising stated chances, and all are from 0 to 1"
            raise ValueError(text)


Trust: TypeAlias = Mapping[str, Standing]
"""Standings by name of model or strategy; who is not in it is unknown: fully heard, and not calibrated."""

UNKNOWN: Final = Standing()
NO_TRUST: Final[Trust] = MappingProxyType({})


@dataclass(frozen=True, slots=True)
class Pooled:
    """Hold what the ensemble says.

    Args:
        votes: Each heard member's, in the ensemble's order.
        up: Chance of a higher price; None when it abstains.
        samples: Outcomes behind the vote that has fewest: members see one market, so theirs do not add up. They are
            those of all chances it stated, not of this one alone.
        abstained: Why it says nothing; empty when it does.
        disagree: Whether that is because its members disagree.
    """

    votes: tuple[Vote, ...]
    up: float | None
    samples: int = 0
    abstained: str = ""
    disagree: bool = False


def calibrated(stated: float, curve: Sequence[tuple[float, float]]) -> float:
    """Read what a stated chance has meant from a curve, by straight lines between its points, flat beyond its ends.

    >>> calibrated(0.7, ((0.5, 0.5), (0.9, 0.7))), calibrated(0.99, ((0.5, 0.5), (0.9, 0.7))), calibrated(0.7, ())
    (0.6, 0.7, 0.7)
    """
    if not curve:
        return stated
    if stated <= curve[0][0]:
        return curve[0][1]
    for (left, low), (right, high) in pairwise(curve):
        if stated <= right:
            return low + (high - low) * ((stated - left) / (right - left))
    return curve[-1][1]


def pool(ensemble: Ensemble, chances: Mapping[str, float], trust: Trust = NO_TRUST) -> Pooled:
    """Weigh the members' chances of a higher price by their skill.

    Args:
        ensemble: Who votes, and how far they may disagree.
        chances: What each member says, 0 to 1; one that was not heard is absent. Others' are passed over.
        trust: How far each may be believed.

    Returns:
        The weighted mean; or an abstention, when nobody votes, nobody has weight, or the votes lie too far apart.

    >>> pool(Ensemble(members=("a", "b")), {"a": 0.5, "b": 0.6}, {"b": Standing(weight=0.25)}).up
    0.52
    >>> pool(Ensemble(members=("a", "b")), {"a": 0.3, "b": 0.9}).abstained
    'models disagree: a 0.300, b 0.900'
    """
    heard = [(name, trust.get(name, UNKNOWN)) for name in ensemble.members if name in chances]
    votes = tuple(
        Vote(name, standing.weight, calibrated(min(max(chances[name], 0.0), 1.0), standing.curve))
        for name, standing in heard
    )
    counted = [vote for vote in votes if vote.weight > 0]
    if not counted:
        return Pooled(votes, None, abstained="no model has skill" if votes else "no model was heard")
    values = [vote.up for vote in counted]
    if max(values) - min(values) > ensemble.spread_max:
        said = ", ".join(f"{vote.model} {vote.up:.3f}" for vote in counted)
        return Pooled(votes, None, abstained=f"models disagree: {said}", disagree=True)
    heaviest = max(vote.weight for vote in counted)
    shares = [vote.weight / heaviest for vote in counted]  # of which one is 1, however small weights are
    up = sum(share * value for share, value in zip(shares, values, strict=True)) / sum(shares)
    samples = min(standing.samples for _, standing in heard if standing.weight > 0)
    return Pooled(votes, min(max(up, min(values)), max(values)), samples)
