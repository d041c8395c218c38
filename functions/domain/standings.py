"""Say from a report on models how far each may be believed: weight from skill, outcomes behind it, broken promises."""

from collections.abc import Iterable, Sequence
from dataclasses import replace

from functions.domain.ensemble import Standing
from functions.domain.falls import Lower
from functions.domain.performance import ModelPerformance, Performance
from functions.domain.strategy import Strategy


def standings_of(report: ModelPerformance, strategy: Strategy) -> dict[int, dict[str, Standing]]:
    """Give the standings of those a strategy hears, by interval and name.

    A model votes with its skill at the ensemble's horizon, on a lower price with its skill at that. While its skill is
    unknown it weighs as much as those whose skill is known do in the mean, or 1 when none is. Its calibration is broken
    when it is at any horizon. Of a model that is told of in several versions the one that was updated last comes first,
    the others stand behind it; shadows do not count.
    """
    told = [entry for entry in report.entries if not entry.shadow and entry.interval_s in strategy.intervals_s]
    intervals = dict.fromkeys(entry.interval_s for entry in told)
    return {at: _of_interval([one for one in told if one.interval_s == at], strategy) for at in intervals}


def _of_interval(entries: Sequence[Performance], strategy: Strategy) -> dict[str, Standing]:
    names = dict.fromkeys((*strategy.models, *strategy.ensemble.members))
    found = {name: own for name in names if (own := _versions(entry for entry in entries if entry.name == name))}
    horizon = strategy.ensemble.horizon_bars
    voting = [one for newest, *_ in found.values() for one in newest if one.horizon_bars == horizon]
    usual = _usual(one.skill for one in voting)
    usual_lower = _usual(one.lower.skill for one in voting if one.lower is not None)
    told = {name: [_standing(one, horizon, usual, usual_lower) for one in own] for name, own in found.items()}
    return {name: replace(newest, others=tuple(others)) for name, (newest, *others) in told.items()}


def _usual(skills: Iterable[float | None]) -> float:
    known = [one for one in skills if one is not None]
    return sum(known) / len(known) if known else 1.0


def _versions(entries: Iterable[Performance]) -> list[list[Performance]]:
    """Part the entries of a model by version, the one that was updated last first."""
    found: dict[str, list[Performance]] = {}
    for entry in entries:
        found.setdefault(entry.version, []).append(entry)
    newest = {version: max(entry.last_updated_ns for entry in own) for version, own in found.items()}
    return [found[version] for version in sorted(found, key=lambda version: (newest[version], version), reverse=True)]


def _standing(own: Sequence[Performance], horizon: int, usual: float, usual_lower: float) -> Standing:
    broken = "; ".join(f"{entry.horizon_bars} bars ahead {entry.broken}" for entry in own if entry.broken)
    voting = next((entry for entry in own if entry.horizon_bars == horizon), None)
    if voting is None:
        return Standing(usual, broken=broken, version=own[0].version)
    weight = usual if voting.skill is None else voting.skill
    lower = None if voting.lower is None else _lower(voting.lower, horizon, usual_lower)
    return Standing(weight, int(voting.effective_count), broken, version=own[0].version, lower=lower)


def _lower(one: Lower, horizon: int, usual: float) -> Standing:
    weight = usual if one.skill is None else one.skill
    broken = f"of a lower price {horizon} bars ahead {one.broken}" if one.broken else ""
    return Standing(weight, int(one.effective_count), broken, one.curve)
