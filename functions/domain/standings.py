"""Say from a report on models how far each may be believed: weight from skill, outcomes behind it, broken promises."""

from collections.abc import Iterable, Sequence

from functions.domain.ensemble import Standing
from functions.domain.falls import Lower
from functions.domain.performance import ModelPerformance, Performance
from functions.domain.strategy import Strategy


def standings_of(report: ModelPerformance, strategy: Strategy) -> dict[int, dict[str, Standing]]:
    """Give the standings of those a strategy hears, by interval and name.

    A model votes with its skill at the ensemble's horizon, on a lower price with its skill at that. While its skill is
    unknown it weighs as much as those whose skill is known do in the mean, or 1 when none is. Its calibration is broken
    when it is at any horizon. Of a model that is told of in several versions the one that was updated last counts;
    shadows do not.
    """
    told = [entry for entry in report.entries if not entry.shadow and entry.interval_s in strategy.intervals_s]
    intervals = dict.fromkeys(entry.interval_s for entry in told)
    return {at: _of_interval([one for one in told if one.interval_s == at], strategy) for at in intervals}


def _of_interval(entries: Sequence[Performance], strategy: Strategy) -> dict[str, Standing]:
    names = dict.fromkeys((*strategy.models, *strategy.ensemble.members))
    found = {name: _newest(entry for entry in entries if entry.name == name) for name in names}
    horizon = strategy.ensemble.horizon_bars
    voting = {name: one for name, own in found.items() for one in own if one.horizon_bars == horizon}
    falling = {name: one.lower for name, one in voting.items() if one.lower is not None}
    usual, usual_lower = _usual(one.skill for one in voting.values()), _usual(one.skill for one in falling.values())
    lowers = {name: _lower(one, horizon, usual_lower) for name, one in falling.items()}
    return {name: _standing(own, voting.get(name), usual, lowers.get(name)) for name, own in found.items() if own}


def _usual(skills: Iterable[float | None]) -> float:
    known = [one for one in skills if one is not None]
    return sum(known) / len(known) if known else 1.0


def _newest(entries: Iterable[Performance]) -> tuple[Performance, ...]:
    """Keep the entries of the version that was updated last."""
    own = tuple(entries)
    newest = max(own, key=lambda entry: (entry.last_updated_ns, entry.version), default=None)
    return tuple(entry for entry in own if newest is not None and entry.version == newest.version)


def _standing(own: Sequence[Performance], voting: Performance | None, usual: float, lower: Standing | None) -> Standing:
    broken = "; ".join(f"{entry.horizon_bars} bars ahead {entry.broken}" for entry in own if entry.broken)
    if voting is None:
        return Standing(broken=broken, version=own[0].version)
    weight = usual if voting.skill is None else voting.skill
    return Standing(weight, int(voting.effective_count), broken, version=own[0].version, lower=lower)


def _lower(one: Lower, horizon: int, usual: float) -> Standing:
    weight = usual if one.skill is None else one.skill
    broken = f"of a lower price {horizon} bars ahead {one.broken}" if one.broken else ""
    return Standing(weight, int(one.effective_count), broken, one.curve)
