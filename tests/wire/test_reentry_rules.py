"""A file of re-entry rules is a matrix that decides every case, or has mistakes, and each of these has its place."""

import hashlib
from decimal import Decimal

import pytest
from counts import examples
from hypothesis import given, settings
from hypothesis import strategies as st
from reentered import HEAD, MINUTE, SHIPPED, matrix_of

from functions.domain.reentry import Cap, Case, Duration, Ending, Proximity, Reaction
from functions.wire.errors import Malformed
from functions.wire.reentry_rules import (
    DURATIONS_MAX,
    GENERATIONS_MAX,
    MINUTES_MAX,
    RULES_MAX,
    check_matrix,
    read_matrix,
)
from functions.wire.rulebook_words import BYTES_MAX

REST = "when any any any any stop\n"


def problems_of(text: str | bytes) -> list[str]:
    """Say what is wrong with a file, as `line:column: text`."""
    data = text if isinstance(text, bytes) else text.encode()
    matrix, problems = check_matrix(data)
    assert (matrix is None) == bool(problems)
    return [f"{one.line}:{one.column}: {one.text}" for one in problems]


def test_shipped() -> None:
    """The shipped file is right, every one of its cases is decided, and near figures nothing is entered."""
    matrix = read_matrix(SHIPPED, file="f")
    assert list(matrix.rules) == list(matrix.axes.cases())
    assert matrix.digest == hashlib.sha256(SHIPPED).hexdigest()
    near = {rule.reaction for case, rule in matrix.rules.items() if case.proximity is not Proximity.NONE}
    assert near == {Reaction.WAIT}
    assert max(rule.size_factor for rule in matrix.rules.values()) <= matrix.axes.cap.notional <= 1


def test_every_statement() -> None:
    """Each statement reaches the matrix, wherever it stands in the file."""
    matrix = matrix_of(
        "follows USDT USD  # a comment",
        "follows USDT EUR",
        "after 15\nduration quick 3\nduration slow 10\ncap 3 2\nduration rest\nscratch 2.5\nbefore 45",
        head="when win slow after 2 reverse 1.25 cap 3 1.5\n" + REST,
    )
    axes = matrix.axes
    assert (axes.scratch_bps, axes.before_ns, axes.after_ns) == (2.5, 45 * MINUTE, 15 * MINUTE)
    assert axes.durations == (Duration("quick", 3), Duration("slow", 10), Duration("rest", None))
    assert (axes.cap, axes.cap_text) == (Cap(3, Decimal(2)), "cap 3 2")
    assert matrix.follows == {"USDT": {"USD", "EUR"}}
    rule = matrix.rules[Case(Ending.WIN, "slow", Proximity.AFTER, 2)]
    assert (rule.line, rule.text) == (1, "when win slow after 2 reverse 1.25 cap 3 1.5")
    assert (rule.reaction, rule.size_factor, rule.cap) == (Reaction.REVERSE, Decimal("1.25"), Cap(3, Decimal("1.5")))


@pytest.mark.parametrize(
    ("line", "problem"),
    [
        ("scrach 5", "8:1: there is no statement `scrach`; did you mean `scratch`?"),
        ("scratch 3", "8:1: `scratch` stands on line 1 already"),
        ("cap 3 1", "8:1: `cap` stands on line 6 already"),
        ("duration slow", "8:1: duration `long` has no bound, so it is the last"),
        ("duration quick 9", "8:10: `duration quick` stands on line 2 already"),
        ("duration any", "8:10: `any` stands for every duration"),
        ("duration", "8:9: a word is missing"),
        ("duration a 1 2", "8:14: `2` is one word too many"),
        ("follows USDT", "8:13: `follows` needs 2 more"),
        ("follows usdt USD", "8:9: `usdt` is no currency: capitals and digits, as USD or USDT"),
        ("when win quick none 0", "8:22: a rule is `when ENDING DURATION PROXIMITY GENERATION REACTION`"),
        ("when won quick none 0 stop", "8:6: there is no ending `won`"),
        ("when win quik none 0 stop", "8:10: there is no duration `quik`; did you mean `quick`?"),
        ("when win quick befor 0 stop", "8:16: there is no proximity `befor`; did you mean `before`?"),
        ("when win quick none 2 stop", "8:21: no trade of generation 2 is entered again: line 6 caps them at 2"),
        ("when win quick none -1 stop", "8:21: `-1` is no whole number from 0"),
        ("when win quick none all stop", "8:21: `all` is no number; write it as 30 or -0.5"),
        ("when win quick none 0 reentre 1", "8:23: there is no reaction `reentre`; did you mean `reenter`?"),
        ("when win quick none 0 reenter", "8:30: `reenter` needs its size as a multiple of the first trade's"),
        ("when win quick none 0 reenter 0", "8:31: a multiple is more than 0, not 0"),
        ("when win quick none 0 reenter -1", "8:31: a multiple is more than 0, not -1"),
        ("when win quick none 0 reenter 1e1", "8:31: `1e1` is no number; write it as 30 or -0.5"),
        ("when win quick none 0 reenter 1.6", "8:31: a size factor of 1.6 is more than the cap of 1.5"),
        ("when win quick none 0 reenter 1 cap 2 0.5", "8:31: a size factor of 1 is more than the cap of 0.5"),
        ("when win quick none 0 reenter 1 cap 3 1", "8:33: line 6 caps all chains tighter: cap 2 1.5"),
        ("when win quick none 0 reenter 1 cap 0 1", "8:37: `0` is no whole number from 1"),
        ("when win quick none 0 reenter 1 cap 1", "8:38: `cap` needs 2 more"),
        ("when win quick none 0 reenter 1 max 1 1", "8:33: behind a factor only `cap GENERATION NOTIONAL` may stand"),
        ("when win quick none 0 stop 1", "8:28: `1` is one word too many"),
        (
            "when win quick none any reenter 1 cap 1 1",
            "8:1: at generation 1 this would make re-entry 2, beyond its cap",
        ),
        ("when any any any any wait", "8:1: line 7 names as many, and both decide `win quick none 0`"),
    ],
)
def test_every_mistake_has_its_place(line: str, problem: str) -> None:
    """Whatever is wrong is said with line, column, what was found and what may have been meant."""
    found = problems_of(f"{HEAD}{REST}{line}\n")
    assert len(found) == 1, found
    assert found[0].startswith(problem)


@pytest.mark.parametrize(
    ("old", "new", "problem"),
    [
        ("scratch 5", "scratch -1", "1:9: scratch is from 0 to 10000 basis points, not -1"),
        ("scratch 5", "", "8:1: `scratch` is missing: scratch BPS"),
        ("before 60", "before 1.5", "4:8: `1.5` is no whole number from 0"),
        ("before 60", "before 1441", f"4:8: before is at most {MINUTES_MAX} minutes, not 1441"),
        ("before 60", "", "8:1: `before` is missing: before MINUTES"),
        ("after 30", "", "8:1: `after` is missing: after MINUTES"),
        ("cap 2 1.5", "", "8:1: `cap` is missing: generations have no end: cap GENERATION NOTIONAL"),
        ("cap 2 1.5", "cap 0 1", "6:5: `0` is no whole number from 1"),
        ("cap 2 1.5", "cap 2 0", "6:7: a multiple is more than 0, not 0"),
        ("cap 2 1.5", "cap 17 1", f"6:5: a chain has at most {GENERATIONS_MAX} re-entries, not 17"),
        ("duration long", "duration long 9", "8:1: the last duration, without a bound, is missing"),
        ("duration long", "duration long 4\nduration rest", "3:15: duration `quick` is as long: shortest first"),
        ("duration quick 4", "duration quick 0", "2:16: `0` is no whole number from 1"),
    ],
)
def test_settings_have_their_place(old: str, new: str, problem: str) -> None:
    """A setting that is missing, or that holds nothing, is said before any rule is read."""
    assert problems_of((HEAD + REST).replace(old, new)) == [problem]


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        (HEAD, "7:1: nothing decides `win quick none 0` and 35 more; add a line such as"),
        (HEAD + "when win any any any stop\n", "8:1: nothing decides `scratch quick none 0` and 23 more"),
        (b"scratch \xff\n", "1:9: byte 0xff is no UTF-8"),
        (b"#" * (BYTES_MAX + 1), f"1:1: the file has more than {BYTES_MAX} bytes"),
    ],
)
def test_what_no_line_has_wrong(text: str | bytes, problem: str) -> None:
    """Open cases stand at the file's end; what is unreadable or too long is said too."""
    (found,) = problems_of(text)
    assert found.startswith(problem)


def test_all_mistakes_at_once() -> None:
    """Every mistake is said, in the order of the file, and by the reader with the file's name."""
    text = HEAD + REST + "when won any any any stop\n# a comment\nwhen win any any any go\n"
    with pytest.raises(Malformed) as caught:
        read_matrix(text.encode(), file="own.rules")
    assert [line.split(" ")[0] for line in str(caught.value).splitlines()] == ["own.rules:8:6:", "own.rules:10:22:"]


def test_bounds() -> None:
    """One duration or rule more than the bound is a mistake where it stands."""
    durations = "".join(f"duration d{n} {n}\n" for n in range(1, DURATIONS_MAX + 1))
    head = HEAD.replace("duration quick 4\n", durations)
    assert problems_of(head + REST) == [
        f"{DURATIONS_MAX + 2}:1: there are more than {DURATIONS_MAX} durations",
    ]
    found = problems_of(HEAD + REST * (RULES_MAX + 1))
    assert found == [f"{RULES_MAX + 7}:1: there are more than {RULES_MAX} rules"]


WORDS = st.sampled_from([*SHIPPED.decode().split(), "nan", "-1", "1e9", "any", "0", "1", "#", "é"])


@given(st.lists(st.lists(WORDS, max_size=9).map(" ".join), max_size=6).map("\n".join), st.booleans())
@settings(max_examples=examples(1000), deadline=None)
def test_any_words(text: str, headed: bool) -> None:  # noqa: FBT001 - a property's parameter
    """Whatever words a file holds, it is a matrix or has mistakes, and each of these has a place in it."""
    text = (HEAD + REST) * headed + text
    matrix, problems = check_matrix(text.encode())
    assert (matrix is None) == bool(problems)
    lines = text.split("\n")
    assert all(1 <= one.line <= len(lines) and 1 <= one.column <= len(lines[one.line - 1]) + 1 for one in problems)
