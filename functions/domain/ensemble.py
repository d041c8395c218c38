"""Pool what models say of the price into chances, weighed by their skill; say nothing when they disagree."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from types import MappingProxyType
from typing import Final, NamedTuple, TypeAlias

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
        lower: The same of a model's chances of a lower price, its curve from what the stated chance of a higher one
            leaves; None while no outcome has said anything of them.
        others: The same of the model's other versions that were told of; a row that one of them answered counts on its
            own. So what is known of a champion stays known while a challenger is tried.
    """

    weight: float = 1.0
    samples: int = 0
    broken: str = ""
    curve: tuple[tuple[float, float], ...] = ()
    event: str = ""
    horizon_bars: int = 0
    version: str = ""
    lower: "Standing | None" = None
    others: "tuple[Standing, ...]" = ()

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
class Said:
    """Hold what the ensemble says of one event.

    Args:
        chance: Of the event; None when the ensemble abstains.
        samples: Outcomes behind the vote that has fewest: members see one market, so theirs do not add up. They are
            those of all chances it stated, not of this one alone.
        abstained: Why it says nothing; empty when it does.
        disagree: Whether that is because its members disagree.
    """

    chance: float | None
    samples: int = 0
    abstained: str = ""
    disagree: bool = False


@dataclass(frozen=True, slots=True)
class Pooled:
    """Hold what the ensemble says: each heard member's votes, in its order, of a higher and of a lower price."""

    votes: tuple[Vote, ...]
    higher: Said
    lower: Said


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
    """Weigh the members' chances of a higher price, and those of a lower one, by their skill at each.

    Members state the former alone. What outcomes have made of the rest is the latter; while they have said nothing of
    a member's falls, the ensemble says nothing of a lower price.

    Args:
        ensemble: Who votes, and how far they may disagree.
        chances: What each member says of a higher price, 0 to 1; one that was not heard is absent. Others' are passed
            over.
        trust: How far each may be believed.

    Returns:
        Weighted means; or abstentions, when nobody votes, nobody has weight, or the votes lie too far apart.

    >>> pool(Ensemble(members=("a", "b")), {"a": 0.5, "b": 0.6}, {"b": Standing(weight=0.25)}).higher.chance
    0.52
    >>> pool(Ensemble(members=("a", "b")), {"a": 0.3, "b": 0.9}).higher.abstained
    'models disagree: a 0.300, b 0.900'
    >>> fell = Standing(curve=((0.0, 0.0), (1.0, 0.5)))
    >>> pool(Ensemble(members=("a",)), {"a": 0.25}, {"a": Standing(lower=fell)}).lower.chance
    0.375
    """
    heard = [(name, trust.get(name, UNKNOWN)) for name in ensemble.members if name in chances]
    votes = tuple(_vote(name, min(max(chances[name], 0.0), 1.0), standing) for name, standing in heard)
    rises = [
        _Ballot(vote.model, vote.weight, vote.up, one.samples) for vote, (_, one) in zip(votes, heard, strict=True)
    ]
    falls = [
        _Ballot(vote.model, vote.down_weight, vote.down, one.lower.samples)
        for vote, (_, one) in zip(votes, heard, strict=True)
        if vote.down is not None and one.lower is not None
    ]
    lower = _mean(falls, ensemble.spread_max) if len(falls) == len(votes) else _UNKNOWN_FALLS
    return Pooled(votes, _mean(rises, ensemble.spread_max), lower)


_UNKNOWN_FALLS: Final = Said(None, abstained="outcomes have said nothing of falls yet")


class _Ballot(NamedTuple):
    """Hold one member's vote on one event."""

    model: str
    weight: float
    chance: float
    samples: int


def _vote(name: str, stated: float, standing: Standing) -> Vote:
    up, lower = calibrated(stated, standing.curve), standing.lower
    if lower is None:
        return Vote(name, standing.weight, up)
    return Vote(name, standing.weight, up, calibrated(1.0 - stated, lower.curve), lower.weight)


def _mean(ballots: Sequence[_Ballot], spread_max: float) -> Said:
    counted = [one for one in ballots if one.weight > 0]
    if not counted:
        return Said(None, abstained="no model has skill" if ballots else "no model was heard")
    values = [one.chance for one in counted]
    if max(values) - min(values) > spread_max:
        told = ", ".join(f"{one.model} {one.chance:.3f}" for one in counted)
        return Said(None, abstained=f"models disagree: {told}", disagree=True)
    heaviest = max(one.weight for one in counted)
    shares = [one.weight / heaviest for one in counted]  # of which one is 1, however small weights are
    mean = sum(share * value for share, value in zip(shares, values, strict=True)) / sum(shares)
    return Said(min(max(mean, min(values)), max(values)), min(one.samples for one in counted))
