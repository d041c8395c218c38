"""Hear a strategy's rules on one row: who speaks, what it saw, and which side is stronger."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from math import fsum
from typing import Final

from functions.domain.decisions import Action, Importance, ModelScore, Reason
from functions.domain.strategy import Above, Below, Flagged, Rule, Strategy, TurnsDown, TurnsUp, indicator_of


@dataclass(frozen=True, slots=True)
class Seen:
    """Hold what rules may look at.

    Args:
        values: Valid features of the bar by name, and valid figures of heard models as `model.figure`.
        before: Those of the bar before that may have turned.
        scores: Scores of heard models by name.
    """

    values: Mapping[str, float]
    before: Mapping[str, float]
    scores: Mapping[str, ModelScore]


@dataclass(frozen=True, slots=True)
class Heard:
    """Hold the rules of a side that spoke, strongest first, and what each looked at."""

    reasons: tuple[Reason, ...] = ()
    indicators: tuple[str, ...] = ()

    @property
    def strength(self) -> float:
        """Sum the weights, percent."""
        return fsum(reason.weight for reason in self.reasons)

    @property
    def supporting(self) -> tuple[str, ...]:
        """Name what the rules behind the first looked at, strongest first, each once."""
        return tuple(dict.fromkeys(name for name in self.indicators[1:] if name != self.indicators[0]))

    @property
    def importance(self) -> tuple[Importance, ...]:
        """Share the strength out to what the rules looked at, greatest first; equals in the order of the rules."""
        total = self.strength
        weights: dict[str, float] = {}
        for name, reason in zip(self.indicators, self.reasons, strict=True):
            weights[name] = weights.get(name, 0.0) + reason.weight
        ranked = sorted(weights.items(), key=lambda item: -item[1])
        return tuple(Importance(name, weight / total) for name, weight in ranked)


def weigh(seen: Seen, strategy: Strategy) -> tuple[Action, Heard]:
    """Hear both sides; the stronger acts if it is strong enough, and a tie holds."""
    buy, sell = hear(strategy.buy, seen), hear(strategy.sell, seen)
    for_buy, for_sell = buy.strength, sell.strength
    stronger = buy if for_buy >= for_sell else sell
    if for_buy == for_sell or stronger.strength < strategy.min_confidence:
        return Action.HOLD, stronger
    return (Action.BUY if stronger is buy else Action.SELL), stronger


def hear(rules: Sequence[Rule], seen: Seen) -> Heard:
    """Collect the rules that speak, strongest first; equals keep the order of the strategy."""
    spoken = [(rule, text) for rule in rules if (text := speak(rule, seen))]
    if not spoken:
        return _SILENCE
    spoken.sort(key=lambda one: -one[0].weight)
    return Heard(
        tuple(Reason(rule.name, text, rule.weight) for rule, text in spoken),
        tuple(indicator_of(rule) for rule, _ in spoken),
    )


def speak(rule: Rule, seen: Seen) -> str:
    """Say what a rule saw; empty when it is silent.

    >>> speak(Below("low", "rsi_14", 30.0, 30.0), Seen({"rsi_14": 22.5}, {}, {}))
    'rsi_14 22.5 < 30'
    """
    if isinstance(rule, Flagged):
        return _speak_of_score(rule, seen.scores.get(rule.model))
    value = seen.values.get(rule.feature)
    if value is None:
        return ""
    if isinstance(rule, Below):
        return f"{rule.feature} {value:.6g} < {rule.limit:g}" if value < rule.limit else ""
    if isinstance(rule, Above):
        return f"{rule.feature} {value:.6g} > {rule.limit:g}" if value > rule.limit else ""
    return _speak_of_turn(rule, value, seen.before.get(rule.feature))


_SILENCE: Final = Heard()


def _speak_of_score(rule: Flagged, score: ModelScore | None) -> str:
    if score is None or score.score < score.threshold:
        return ""
    return f"{rule.model} score {score.score:.4g} >= {score.threshold:.4g}"


def _speak_of_turn(rule: TurnsUp | TurnsDown, value: float, before: float | None) -> str:
    if before is None:
        return ""
    turned = before < value < 0 if isinstance(rule, TurnsUp) else before > value > 0
    return f"{rule.feature} {before:.6g} -> {value:.6g}" if turned else ""
