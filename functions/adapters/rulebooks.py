"""Read the rules that a desk decides by, and how it follows its models: for who decides, and for who explains."""

from dataclasses import dataclass, replace
from pathlib import Path
from typing import Final, TypeVar

from functions.domain.indicators.registry import NAMES
from functions.domain.learning import DESK_RULES
from functions.domain.market import INTERVALS_S
from functions.domain.reliability import Slo
from functions.domain.scorebook import NOMINAL_FROM_S, Rules
from functions.domain.sizing import PERCENT
from functions.domain.strategy import HORIZONS, Strategy
from functions.wire.rulebook import read_strategy

SHIPPED: Final = Path(__file__).parents[1] / "tables" / "signals" / "mean_reversion.rules"
"""The rules that decide unless a file of one's own is named."""

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Deciding:
    """Say when signals are given; what is not set is as the rules file says.

    Args:
        signals_rules_path: File of rules; empty for the shipped one. `tickloom rules check FILE` checks it.
        signals_intervals_s: Bar intervals that decide, seconds.
        signals_min_confidence: Least strength that acts, percent.
        signals_cooldown_bars: Bars of an instrument and interval between two signals of one direction.
        signals_emit_hold: Whether a bar on which nothing is done gives a HOLD signal.
        signals_tracks_max: Most (instrument, interval) pairs that are remembered.
        signals_standings_s: How often standings of models are taken up, seconds of bar time.
        outcomes_half_life: Outcomes after which one counts half.
        outcomes_slo_min: Outcomes below which neither skill nor a breach is known.
        outcomes_slo_tolerance: Distance from the promise that is no breach, percentage points.
    """

    signals_rules_path: str = ""
    signals_intervals_s: tuple[str, ...] = ()
    signals_min_confidence: float | None = None
    signals_cooldown_bars: int | None = None
    signals_emit_hold: bool | None = None
    signals_tracks_max: int | None = None
    signals_standings_s: int = 3600
    outcomes_half_life: float = 256.0
    outcomes_slo_min: float = 100.0
    outcomes_slo_tolerance: float = 3.0

    def __post_init__(self) -> None:
        """Refuse what a rules file may not say either: of bars there are none of nothing would ever be decided."""
        bars = list(map(str, INTERVALS_S))
        if unknown := [one for one in self.signals_intervals_s if one not in bars]:
            message = f"signals_intervals_s: there are no bars of {', '.join(unknown)} s, only of {', '.join(bars)}"
            raise ValueError(message)
        if self.signals_min_confidence is not None and not 0 <= self.signals_min_confidence <= PERCENT:
            message = f"signals_min_confidence is {self.signals_min_confidence:g}, expected 0 to {PERCENT:g} percent"
            raise ValueError(message)
        if self.signals_cooldown_bars is not None and self.signals_cooldown_bars < 0:
            message = f"signals_cooldown_bars is {self.signals_cooldown_bars}, expected 0 or more"
            raise ValueError(message)


def strategy_of(settings: Deciding) -> tuple[Strategy, Rules]:
    """Give the strategy and how it follows its models; the rules are read and checked now.

    Raises:
        Malformed: The rules have mistakes; each is said with its line and column.
        OSError: There is no such file.
    """
    path = Path(settings.signals_rules_path or SHIPPED)
    rules = read_strategy(path.read_bytes(), file=str(path), features=NAMES)
    strategy = _override(rules, settings)
    return strategy, _follow(strategy, settings)


def _follow(strategy: Strategy, settings: Deciding) -> Rules:
    """Say how the models are followed: on the intervals that decide and whose bars are certain."""
    intervals_s = tuple(one for one in strategy.intervals_s if one in INTERVALS_S and one < NOMINAL_FROM_S)
    most = DESK_RULES.tallies_max // (DESK_RULES.models_max * (len(HORIZONS) + 1))  # of further ones nothing is learnt
    return replace(
        DESK_RULES,
        intervals_s=intervals_s[:most] or DESK_RULES.intervals_s,
        report_s=settings.signals_standings_s,
        half_life=settings.outcomes_half_life,
        slo=Slo(outcomes_min=settings.outcomes_slo_min, tolerance=settings.outcomes_slo_tolerance / PERCENT),
    )


def _override(rules: Strategy, settings: Deciding) -> Strategy:
    return replace(
        rules,
        intervals_s=tuple(map(int, settings.signals_intervals_s)) or rules.intervals_s,
        min_confidence=_set(settings.signals_min_confidence, rules.min_confidence),
        cooldown_bars=_set(settings.signals_cooldown_bars, rules.cooldown_bars),
        emit_hold=_set(settings.signals_emit_hold, rules.emit_hold),
        tracks_max=_set(settings.signals_tracks_max, rules.tracks_max),
    )


def _set(setting: T | None, rule: T) -> T:
    return rule if setting is None else setting
