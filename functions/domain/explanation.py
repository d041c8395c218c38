"""Hold what is said of a signal that is explained.

NotExplained    there is no such signal
"""

from dataclasses import dataclass

from functions.domain.decisions import Action, ModelScore, Signal
from functions.domain.flips import Flip
from functions.domain.shapley import Attribution


class NotExplained(Exception):  # noqa: N818 - a fact about what is asked, not an error of ours
    """There is no such signal; the message says where it was looked for."""


@dataclass(frozen=True, slots=True)
class Link:
    """Name an event and where it lies: its broker, its place there, and the partition that the place counts in."""

    broker: str
    offset: int
    type: str
    source: str
    sequence: int
    id: str
    partition: int = 0


@dataclass(frozen=True, slots=True)
class ModelTold:
    """Say what a model's score is made of.

    Args:
        score: What the signal says of the model.
        again: Score of the same version asked again now; None when it cannot be asked.
        attribution: Its parts, in the space of the score itself; None when they cannot be found.
        base_set: What its base is the mean score of.
        problem: Why something is missing; empty when nothing is.
    """

    score: ModelScore
    again: float | None = None
    attribution: Attribution | None = None
    base_set: str = ""
    problem: str = ""


@dataclass(frozen=True, slots=True)
class Decided:
    """Say what deciding again showed.

    Args:
        batches: Batches of the cause's source that were folded before it.
        since: Sequence number of the first of them; the cause's own when there was none.
        differs: Fields in which the signal decided again differs from the one that was sent; empty when none does.
            `action` alone also when there is no signal at all.
        flip: The smallest change that flips it, decided again to be sure; None when none was found. Where the action
            differs already none is looked for.
        levers: Figures that were moved to find it.
        by_size: Those that never moved before: a spread of theirs is their own size, or 1 where they are 0.
        rows: Rows of the instrument and interval that spreads were taken over.
        asked_again: What is decided on the flip when models see the changed features too; None when none sees them.
    """

    batches: int
    since: int
    differs: tuple[str, ...]
    flip: Flip | None
    levers: tuple[str, ...]
    by_size: tuple[str, ...]
    rows: int
    asked_again: Action | None


@dataclass(frozen=True, slots=True)
class Explanation:
    """Hold all that is said of a signal.

    Args:
        signal: The signal as it was sent.
        strength: Parts of its strength: the rules.
        confidence: Parts of its confidence: rules or votes.
        models: Parts of each model's score.
        decided: What deciding again showed; None when it could not be done.
        links: The signal's event, the one it was decided on, and the causes before, nearest first.
        notes: What could not be done, and why.
    """

    signal: Signal
    strength: Attribution
    confidence: Attribution
    models: tuple[ModelTold, ...]
    decided: Decided | None
    links: tuple[Link, ...]
    notes: tuple[str, ...]
