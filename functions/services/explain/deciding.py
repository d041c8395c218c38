"""Decide on a signal's row again: as it was, with changes that flip it, and with what models say of those."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, fields, replace
from typing import TypeAlias

from functions.domain.decisions import Action, Evidence, Signal
from functions.domain.explain import (
    Scene,
    decide_again,
    figures_seen,
    judge_of,
    levers_of,
    row_of,
    scene_of,
    spreads_of,
)
from functions.domain.explanation import Decided
from functions.domain.flips import Flip, Judge, smallest_flip
from functions.domain.market import PredictionBatch
from functions.domain.scorebook import Rules
from functions.domain.signals import Identify
from functions.domain.strategy import Strategy
from functions.ports.models import ModelFailed
from functions.services.explain.attributing import Asked
from functions.services.explain.memory import Memory, Recalled

Numbered: TypeAlias = tuple[int, PredictionBatch]


@dataclass(frozen=True, slots=True)
class Stage:
    """Hold a scene, what was remembered before it, and the figures of its own row."""

    scene: Scene
    recalled: Recalled
    own: dict[str, float]


class Deciding:
    """Decide again by some rules; used by one thread at a time.

    Args:
        strategy: The rules.
        rules: How models are followed.
        identify: Names signals as the table does.
    """

    def __init__(self, strategy: Strategy, rules: Rules, identify: Identify) -> None:
        """Remember nothing yet."""
        self.strategy = strategy
        self._rules = rules
        self._identify = identify
        self._memory = Memory(strategy, rules, identify)

    def needed(self, source: str, number: int) -> int:
        """Say from which number on batches of a source are needed to decide on one again."""
        return self._memory.needed(source, number)

    def stage(self, last: Numbered, source: str, before: Iterable[Numbered], signal: Signal) -> Stage | None:
        """Set the stage as it was when a signal was decided; None where the batch has no such row.

        Args:
            last: The batch it was decided on, with its number.
            source: The batch's source.
            before: Those from `needed` on that come before it, in sequence.
            signal: The signal.
        """
        number, batch = last
        row = row_of(batch.columns, signal)
        if row is None:
            return None
        recalled = self._memory.recall(source, number, before, (signal.instrument_id, signal.interval_s))
        scene = scene_of(recalled.desk, batch, row, self.strategy, rules=self._rules)
        return Stage(scene, recalled, figures_seen(batch, row, self.strategy))

    def decide(self, stage: Stage, signal: Signal, asked: Sequence[Asked]) -> Decided:
        """Decide again, as it was and with changes.

        Args:
            stage: The stage of the signal.
            signal: The signal as it was sent.
            asked: Models that can be asked of the changed features.
        """
        scene, recalled = stage.scene, stage.recalled
        again = decide_again(scene, identify=self._identify)
        spreads = spreads_of({name: [*recalled.seen.get(name, ()), value] for name, value in stage.own.items()})
        sizes = {name: abs(value) or 1.0 for name, value in stage.own.items() if name not in spreads}
        levers, judge = levers_of(scene, spreads | sizes), judge_of(scene)
        same = again is not None and again.action is signal.action
        flip = smallest_flip(levers, judge, told=signal.action) if same else None
        named = tuple(lever.name for lever in levers)
        return Decided(
            recalled.batches,
            recalled.since,
            ("action",) if again is None else _differs(signal, again),
            flip,
            named,
            tuple(name for name in named if name in sizes),
            recalled.rows + 1,
            None if flip is None else _asked_again(flip, judge, asked),
        )


def _differs(sent: Signal, again: Signal) -> tuple[str, ...]:
    """Name the fields in which two signals differ; the cause's id is put in when one is sent."""
    told = replace(again.evidence, causation_id=sent.evidence.causation_id)
    whole = [
        one.name for one in fields(Signal) if one.name != "evidence" and _get(sent, one.name) != _get(again, one.name)
    ]
    return (*whole, *(one.name for one in fields(Evidence) if _get(sent.evidence, one.name) != _get(told, one.name)))


def _get(value: object, name: str) -> object:
    return getattr(value, name)


def _asked_again(flip: Flip, judge: Judge, asked: Sequence[Asked]) -> Action | None:
    """Let models see the changed features, and decide once more; what the flip says of a model stays."""
    changes = {move.name: move.now for move in flip.moves}
    try:
        figures = {name: value for one in asked for name, value in one.figures(changes).items()}
    except ModelFailed:
        return None
    return judge(figures | changes) if figures else None
