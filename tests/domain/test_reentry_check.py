"""A re-entry matrix is refused where a case is open, rules contradict each other, or one decides nothing."""

from collections.abc import Sequence
from dataclasses import replace
from decimal import Decimal

import pytest
from counts import examples
from hypothesis import given, settings
from hypothesis import strategies as st
from reentered import matrix_of

from functions.domain.reentry import ENTERING, Axes, Cap, Ending, Proximity, Reaction, Rule
from functions.domain.reentry_check import settle

AXES = matrix_of("when any any any any stop").axes
CAP = Cap(2, Decimal(1))
ALL = Rule(1, "all", (None, None, None, None), Reaction.STOP, Decimal(0), CAP)


def rule(line: int, *names: Ending | str | Proximity | int | None, reaction: Reaction = Reaction.STOP) -> Rule:
    """Make a rule; names that are not given cover any."""
    ending, duration, proximity, generation = (*names, *[None] * (4 - len(names)))
    found = (ending, duration, proximity, generation)
    return Rule(line, f"rule {line}", found, reaction, Decimal(1), CAP)  # type: ignore[arg-type]


def faults_of(*rules: Rule, axes: Axes = AXES) -> list[tuple[int, str]]:
    """Say what is wrong with rules."""
    return [(one.line, one.text) for one in settle(axes, rules)[1]]


def test_nothing_wrong() -> None:
    """Rules of which each decides something, and which leave nothing open, have no fault."""
    table, faults = settle(AXES, (ALL, rule(2, Ending.WIN), rule(3, Ending.WIN, "quick")))
    assert (faults, len(table)) == ((), 36)
    assert {one.line for one in table.values()} == {1, 2, 3}


def test_left_open() -> None:
    """Cases that nobody decides are counted, and the first is named with a line that would decide it."""
    (fault,) = faults_of(rule(1, Ending.WIN), rule(2, Ending.SCRATCH))
    text = "nothing decides `loss quick none 0` and 11 more; add a line such as `when loss quick none 0 stop`"
    assert fault == (0, text)


def test_contradiction() -> None:
    """Two rules that name as many and decide one case are told once, at the later one, even if they agree."""
    first, second = rule(2, Ending.WIN), rule(3, None, "quick")
    (fault,) = faults_of(ALL, first, second)
    assert fault == (3, "line 2 names as many, and both decide `win quick none 0`; let one of them name more")
    assert faults_of(ALL, first, replace(second, reaction=Reaction.WAIT)) == [fault]


def test_contradiction_is_settled_by_a_third() -> None:
    """Rules that would contradict each other do not where one that names more decides."""
    assert faults_of(ALL, rule(2, Ending.WIN), rule(3, None, "quick"), rule(4, Ending.WIN, "quick")) == []


def test_never_decides() -> None:
    """A rule all of whose cases others decide is told with their lines."""
    others = [rule(2, Ending.WIN, "quick"), rule(3, Ending.WIN, "long")]
    assert faults_of(ALL, *others, rule(4, Ending.WIN)) == [
        (4, "this rule never decides: lines 2, 3 decide all that it covers")
    ]


def test_beyond_its_cap() -> None:
    """A rule that would make a re-entry beyond its own cap is told with the generation."""
    tight = replace(rule(2, Ending.WIN, reaction=Reaction.REENTER), cap=Cap(1, Decimal(1)))
    (fault,) = faults_of(ALL, tight)
    assert fault == (2, "at generation 1 this would make re-entry 2, beyond its cap of 1; name the generation")
    assert faults_of(ALL, replace(tight, names=(Ending.WIN, None, None, 0))) == []


@pytest.mark.parametrize("reaction", Reaction)
def test_only_entering_passes_a_cap(reaction: Reaction) -> None:
    """Waiting and stopping are right at any generation."""
    tight = replace(rule(2, Ending.WIN, reaction=reaction), cap=Cap(1, Decimal(1)))
    assert bool(faults_of(ALL, tight)) == (reaction in ENTERING)


NAMES = st.tuples(
    st.sampled_from([None, *Ending]),
    st.sampled_from([None, "quick", "long"]),
    st.sampled_from([None, *Proximity]),
    st.sampled_from([None, 0, 1]),
)


@given(st.lists(NAMES, max_size=8))
@settings(max_examples=examples(1000), deadline=None)
def test_right_is_what_is_right_case_by_case(
    names: Sequence[tuple[Ending | str | Proximity | int | None, ...]],
) -> None:
    """Rules have no fault exactly where every case has one most specific rule, and every rule a case."""
    rules = [rule(line, *each) for line, each in enumerate(names, start=1)]
    table, faults = settle(AXES, rules)
    deciding = []
    for case in AXES.cases():
        ranked = sorted((one.named for one in rules if one.covers(case)), reverse=True)
        deciding.append(bool(ranked) and ranked[:2].count(ranked[0]) == 1)
    heard = {one.line for one in table.values()}
    assert (not faults) == (all(deciding) and heard == {one.line for one in rules})
