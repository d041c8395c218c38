"""After a trade has ended the most specific rule decides, and no chain of re-entries is without end."""

from collections.abc import Sequence
from decimal import Decimal

import pytest
from counts import examples
from hypothesis import given, settings
from hypothesis import strategies as st
from reentered import HEAD, MINUTE, NOW, matrix_of

from functions.domain.reentry import (
    ENTERING,
    Cap,
    Case,
    Ending,
    Entry,
    Near,
    Proximity,
    Reaction,
    Scheduled,
    concerned,
    decide,
    ending_of,
    near,
    react,
)
from functions.wire.reentry_rules import check_matrix

REST = "when any any any any stop"
MATRIX = matrix_of(
    REST,
    "when win any any any reenter 1",
    "when win quick any any reenter 1.5",
    "when win quick before any wait",
    "when loss quick none 0 reverse 0.25 cap 1 0.5",
)
AXES = MATRIX.axes
FAR = Near(Proximity.NONE)


def event(minutes: float, name: str = "e") -> Scheduled:
    """Make an event so many minutes from now."""
    return Scheduled(name, "CPI", "USD", NOW + round(minutes * MINUTE))


@pytest.mark.parametrize(
    ("case", "line", "reaction"),
    [
        (Case(Ending.LOSS, "long", Proximity.NONE, 0), 7, Reaction.STOP),
        (Case(Ending.WIN, "long", Proximity.BEFORE, 1), 8, Reaction.REENTER),
        (Case(Ending.WIN, "quick", Proximity.AFTER, 1), 9, Reaction.REENTER),
        (Case(Ending.WIN, "quick", Proximity.BEFORE, 0), 10, Reaction.WAIT),
        (Case(Ending.LOSS, "quick", Proximity.NONE, 0), 11, Reaction.REVERSE),
        (Case(Ending.LOSS, "quick", Proximity.NONE, 1), 7, Reaction.STOP),
    ],
)
def test_who_names_most_decides(case: Case, line: int, reaction: Reaction) -> None:
    """Of the rules that cover a case the one that names most decides, and says where it stands."""
    ruling = react(MATRIX, case)
    assert (ruling.line, ruling.reaction, ruling.case) == (line, reaction, case)
    assert ruling.text.startswith("when ")


def test_sizes_and_caps() -> None:
    """Who enters has a size and the rule's own bounds of the chain; who does not has none, and those of the file."""
    reverse = react(MATRIX, Case(Ending.LOSS, "quick", Proximity.NONE, 0))
    assert (reverse.size_factor, reverse.cap) == (Decimal("0.25"), Cap(1, Decimal("0.5")))
    stop = react(MATRIX, Case(Ending.LOSS, "long", Proximity.NONE, 0))
    assert (stop.size_factor, stop.cap) == (Decimal(0), Cap(2, Decimal("1.5")))


@pytest.mark.parametrize("generation", [2, 3, 10**6])
def test_no_chain_without_end(generation: int) -> None:
    """From the last generation of the cap on nothing is entered, and the cap's own line says why."""
    ruling = react(MATRIX, Case(Ending.WIN, "quick", Proximity.NONE, generation))
    assert (ruling.reaction, ruling.size_factor) == (Reaction.STOP, Decimal(0))
    assert (ruling.line, ruling.text) == (6, "cap 2 1.5")


def test_bounds_bind_the_chain() -> None:
    """What a re-entry was made under bounds what comes after it, whatever the rules would allow."""
    case = Case(Ending.WIN, "quick", Proximity.NONE, 1)
    assert react(MATRIX, case).size_factor == Decimal("1.5")
    bounded = react(MATRIX, case, Cap(2, Decimal("0.5")))
    assert (bounded.size_factor, bounded.cap) == (Decimal("0.5"), Cap(2, Decimal("0.5")))
    ended = react(MATRIX, case, Cap(1, Decimal("0.5")))
    assert (ended.reaction, ended.line, ended.text) == (Reaction.STOP, 0, "cap 1 0.5 of an earlier re-entry")


@pytest.mark.parametrize(
    ("gain", "bars", "where"),
    [
        (0.0006, 4, "win quick"),
        (0.0005, 5, "scratch long"),
        (-0.0005, 24, "scratch long"),
        (0.0, 0, "scratch quick"),
        (-0.0006, 1, "loss quick"),
    ],
)
def test_cases_of_trades(gain: float, bars: int, where: str) -> None:
    """A trade's gain and bars name its ending and duration; bounds belong to the lesser one."""
    ruling = decide(MATRIX, gain=gain, bars=bars, near_by=FAR)
    assert str(ruling.case) == f"{where} none 0"


def test_generation_of_a_trade() -> None:
    """A re-entry is decided on by its own generation, and by the bounds it was made under."""
    entry = Entry(1, Cap(2, Decimal("0.75")))
    ruling = decide(MATRIX, gain=0.1, bars=1, near_by=FAR, entry=entry)
    assert (ruling.case.generation, ruling.size_factor) == (1, Decimal("0.75"))


@pytest.mark.parametrize(
    ("minutes", "proximity", "nearest"),
    [
        ([], Proximity.NONE, None),
        ([60], Proximity.BEFORE, 60),
        ([60.001], Proximity.NONE, None),
        ([0.001], Proximity.BEFORE, 0.001),
        ([0], Proximity.AFTER, 0),
        ([-29.999], Proximity.AFTER, -29.999),
        ([-30], Proximity.NONE, None),
        ([-5, 45, 20], Proximity.BEFORE, 20),
        ([-5, -20, 90], Proximity.AFTER, -5),
    ],
)
def test_near(minutes: Sequence[float], proximity: Proximity, nearest: float | None) -> None:
    """An event ahead goes before one behind, the nearest of each counts, and it is near until it has settled."""
    found = near([event(one) for one in minutes], NOW, AXES)
    assert found.proximity is proximity
    assert found.event == (None if nearest is None else event(nearest))
    assert found.until_ns == (0 if nearest is None else event(nearest + 30).ts_scheduled)


@given(st.lists(st.integers(-100, 100)), st.randoms(use_true_random=False))
@settings(max_examples=examples(500), deadline=None)
def test_order_of_events_does_not_matter(minutes: Sequence[int], chance: st.DataObject) -> None:
    """What is near is the same in whatever order events are read, also when several come at one time."""
    events = [event(one, f"e{n % 3}") for n, one in enumerate(minutes)]
    mixed = list(events)
    chance.shuffle(mixed)  # type: ignore[attr-defined]
    assert near(mixed, NOW, AXES) == near(events, NOW, AXES)


def test_currencies() -> None:
    """Events of an instrument's currencies, of those they follow, and of all the world concern it."""
    follows = {"USDT": frozenset({"USD", "EUR"})}
    assert concerned(("ETH", "USDT"), follows) == {"ETH", "USDT", "USD", "EUR", "ALL"}
    assert concerned(("", "USD"), follows) == {"USD", "ALL"}
    assert concerned(("", ""), follows) == frozenset()


def test_ending_is_symmetric() -> None:
    """A gain wins exactly where the same loss loses."""
    for bps in (0, 4, 5, 6, 500):
        ends = (ending_of(bps * 1e-4, 5), ending_of(-bps * 1e-4, 5))
        assert ends in {(Ending.WIN, Ending.LOSS), (Ending.SCRATCH, Ending.SCRATCH)}


NAMES = (["win", "scratch", "loss"], ["quick", "long"], ["none", "before", "after"], ["0", "1"])
LINES = st.tuples(*(st.sampled_from([*words, "any"]) for words in NAMES))


@given(st.dictionaries(LINES, st.sampled_from(["reenter 1", "reverse 0.5", "wait", "stop"]), max_size=12))
@settings(max_examples=examples(1000), deadline=None)
def test_every_case_is_decided(rules: dict[tuple[str, ...], str]) -> None:
    """Rules that are no mistake decide every case as one who reads all of them for each does, and end every chain."""
    lines = [f"when {' '.join(names)} {reaction}" for names, reaction in rules.items()]
    kept = _without_ties(lines)
    matrix = matrix_of(*kept)
    for case in matrix.axes.cases():
        speaking = [line for line in kept if _covers(line, case)]
        assert react(matrix, case).text == min(speaking, key=lambda line: line.count("any"))
        ended = react(matrix, case._replace(generation=2 + case.generation))
        assert ended.reaction not in ENTERING


def _covers(line: str, case: Case) -> bool:
    return all(word in {"any", value} for word, value in zip(line.split()[1:5], str(case).split(), strict=True))


def _without_ties(lines: Sequence[str]) -> list[str]:
    """Keep rules that are each right beside those before: nested ones, that none of the others contradicts."""
    kept = [REST]
    for line in sorted(lines, key=lambda one: -one.count("any")):
        tried = [*kept, line]
        if check_matrix((HEAD + "\n".join(tried)).encode())[0] is not None:
            kept = tried
    return kept
