"""Find who decides each case of a re-entry matrix, and what is wrong with its rules."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType
from typing import TypeAlias

from functions.domain.reentry import ENTERING, Axes, Case, Rule


@dataclass(frozen=True, slots=True)
class Fault:
    """Hold what is wrong with a rule: its line, 0 for what no rule says, and words for people."""

    line: int
    text: str


_Found: TypeAlias = Mapping[Case, Sequence[Rule]]
"""Most specific rules of each case: one where all is well."""


def settle(axes: Axes, rules: Sequence[Rule]) -> tuple[Mapping[Case, Rule], tuple[Fault, ...]]:
    """Say who decides each case, and what is wrong.

    Args:
        axes: How cases are told apart.
        rules: In the order of their lines; each covers at least one case.

    Returns:
        The deciding rules by case, and the faults: cases nobody decides, rules that contradict each other, that never
        decide, or that would make a re-entry beyond their own cap. Without faults every case has its rule.
    """
    found = {case: _most_specific(rules, case) for case in axes.cases()}
    faults = (*_contradicting(found), *_idle(rules, found), *_beyond(found), *_left_open(found))
    return MappingProxyType({case: best[0] for case, best in found.items() if best}), faults


def _most_specific(rules: Sequence[Rule], case: Case) -> list[Rule]:
    speaking = [rule for rule in rules if rule.covers(case)]
    most = max((rule.named for rule in speaking), default=0)
    return [rule for rule in speaking if rule.named == most]


def _contradicting(found: _Found) -> Iterator[Fault]:
    told: set[tuple[int, int]] = set()
    for case, (first, *others) in ((case, best) for case, best in found.items() if best):
        for other in others:
            if (first.line, other.line) not in told:
                told.add((first.line, other.line))
                text = f"line {first.line} names as many, and both decide `{case}`; let one of them name more"
                yield Fault(other.line, text)


def _idle(rules: Sequence[Rule], found: _Found) -> Iterator[Fault]:
    heard = {rule.line for best in found.values() for rule in best}
    for rule in rules:
        if rule.line not in heard:
            lines = sorted({best.line for case, bests in found.items() if rule.covers(case) for best in bests})
            yield Fault(rule.line, f"this rule never decides: {_lines(lines)} decide all that it covers")


def _lines(lines: Sequence[int]) -> str:
    return f"line{'s' if len(lines) > 1 else ''} {', '.join(map(str, lines))}"


def _beyond(found: _Found) -> Iterator[Fault]:
    told: set[int] = set()
    for case, best in found.items():
        for rule in best:
            if rule.reaction in ENTERING and case.generation >= rule.cap.generation and rule.line not in told:
                told.add(rule.line)
                text = f"at generation {case.generation} this would make re-entry {case.generation + 1}"
                yield Fault(rule.line, f"{text}, beyond its cap of {rule.cap.generation}; name the generation")


def _left_open(found: _Found) -> Iterator[Fault]:
    cases = [case for case, best in found.items() if not best]
    if cases:
        more = f" and {len(cases) - 1} more" if len(cases) > 1 else ""
        yield Fault(0, f"nothing decides `{cases[0]}`{more}; add a line such as `when {cases[0]} stop`")
