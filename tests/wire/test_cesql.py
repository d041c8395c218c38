"""CESQL 1.0.0: the official suite's cases, and what the specification says beside them."""

import json
import pathlib
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import pytest

from functions.wire.attributes import parse_time
from functions.wire.cesql.expression import Result, attributes_of, compile_expression
from functions.wire.cesql.guards import unguarded
from functions.wire.cesql.tokens import TEXT_BYTES_MAX
from functions.wire.cesql.values import CesqlSyntaxError
from functions.wire.envelope import Event

CASES = pathlib.Path(__file__).with_name("cesql_cases.txt")


@dataclass(frozen=True, slots=True)
class Case:
    """One case of the suite: what it gives, and what the official suite says where we disagree."""

    name: str
    text: str
    gives: tuple[Any, str | None]
    official: tuple[Any, str | None]
    event: Event


def outcome(text: str) -> tuple[Any, str | None]:
    """Read `VALUE [!error]`."""
    value, _, error = text.partition("!")
    return None if value.strip() == "-" else json.loads(value), error or None


def event(**attributes: Any) -> Event:  # noqa: ANN401 - any kind of attribute
    """Make the suite's event, with further attributes."""
    core = {name: attributes.pop(name) for name in ("id", "source", "type", "subject") if name in attributes}
    time_ns = parse_time(attributes.pop("time")) if "time" in attributes else None
    fields = {"id": "own", "source": "http://c.example/s", "type": "kind", **core}
    return Event(**fields, time_ns=time_ns, extensions=attributes)


def cases() -> Iterator[Case]:
    """Read the suite."""
    group, number = "", 0
    for line in CASES.read_text().splitlines():
        if line.startswith("["):
            group, number = line.strip("[]"), 0
        elif line and not line.startswith("#"):
            number += 1
            text, _, rest = line.rpartition(" => ")
            expected, _, attributes = rest.partition(" | ")
            ours, _, official = expected.partition(" ~ ")
            given_ = event(**json.loads(attributes or "{}"))
            yield Case(f"{group}-{number}", text, outcome(ours), outcome(official or ours), given_)


SUITE = tuple(cases())


def evaluate(text: str) -> tuple[Any, str | None]:
    """Give the value of an expression and the kind of its error; a text that is none is a syntax error."""
    try:
        expression = compile_expression(text)
    except CesqlSyntaxError:
        return None, "parse"
    return told(expression.evaluate(attributes_of(event())))


def told(result: Result) -> tuple[Any, str | None]:
    """Give value and kind of error."""
    return result.value, result.error.kind.value if result.error else None


@pytest.mark.parametrize("case", SUITE, ids=lambda case: case.name)
def test_official(case: Case) -> None:
    """Every case of the official suite gives its value, of its type, and its kind of error."""
    try:
        expression = compile_expression(case.text)
    except CesqlSyntaxError:
        assert case.gives == (None, "parse")
        return
    got = told(expression.evaluate(attributes_of(case.event)))
    assert got == case.gives
    assert type(got[0]) is type(case.gives[0])


def test_official_is_whole() -> None:
    """The suite has 275 cases, 35 of them with errors; we disagree with one, against which its own text speaks."""
    assert len(SUITE) == 275
    assert sum(case.official[1] is not None for case in SUITE) == 35
    assert [case.text for case in SUITE if case.official != case.gives] == ["NOT 10"]
    assert len({case.name for case in SUITE}) == 275


@pytest.mark.parametrize(
    ("text", "gives"),
    [
        # 3.6: precedences, and from the left where they are equal.
        ("TRUE OR FALSE AND FALSE", (False, None)),
        ("FALSE AND FALSE OR TRUE", (True, None)),
        ("TRUE XOR TRUE OR TRUE", (True, None)),
        ("NOT TRUE = FALSE", (True, None)),
        ("NOT FALSE LIKE 'true'", (True, None)),
        ("-5 LIKE '-_'", (True, None)),
        ("1 + 2 LIKE '3'", (1, None)),
        ("2 = 1 + 1 AND 3 > 2", (True, None)),
        ("10 - 2 - 3", (5, None)),
        ("8 / 4 / 2", (1, None)),
        ("2 = 2 = TRUE", (True, None)),
        ("1 IN (1) IN (TRUE)", (True, None)),
        ("NOT EXISTS subject AND EXISTS id", (True, None)),
        # 3.4.2: rounded towards zero, the remainder has the sign of what is divided.
        ("-7 / 2", (-3, None)),
        ("7 / -2", (-3, None)),
        ("-7 % 3", (-1, None)),
        ("7 % -3", (1, None)),
        ("-2147483648 % -1", (0, None)),
        # What does not fit 32 bits is left open, and a wrong value is worse than none.
        ("2147483647 + 1", (0, "math")),
        ("-(-2147483648)", (0, "math")),
        ("-2147483648 / -1", (0, "math")),
        ("65536 * 65536", (0, "math")),
        # 3.7: casts.
        ("INT('+7')", (7, None)),
        ("INT('007')", (7, None)),
        ("INT('2147483648')", (0, "cast")),
        ("INT('-2147483648')", (-2147483648, None)),
        ("INT(' 7')", (0, "cast")),
        ("INT('1_0')", (0, "cast")),
        ("INT('\u0667')", (0, "cast")),
        ("INT('')", (0, "cast")),
        ("BOOL('True')", (True, None)),
        ("BOOL(' true')", (False, "cast")),
        ("TRUE = 1", (True, None)),
        ("1 = TRUE", (True, None)),
        ("'a' = 1", (False, "cast")),
        ("1 IN ('a', 1)", (False, "cast")),
        ("1 IN (1, 'a')", (True, None)),
        # 3.5: functions.
        ("LENGTH('\U0001f600é')", (2, None)),
        ("TRIM('\u00a0\u2003a\u3000')", ("a", None)),
        ("LENGTH(TRIM('\x1cab'))", (3, None)),
        ("SUBSTRING('abc', 2, 0)", ("", None)),
        ("SUBSTRING('abc', 2, 99)", ("bc", None)),
        ("SUBSTRING('abc', 2, -1)", ("", "functionEvaluation")),
        ("LEFT('abc', -2) = 'abc'", (False, "functionEvaluation")),
        ("RIGHT('abc', 0)", ("", None)),
        ("ABS(-2147483648) = 2147483647", (False, "math")),
        ("NOSUCH(1)", (False, "missingFunction")),
        ("LENGTH('a', 'b')", (False, "missingFunction")),
        ("CONCAT(1, TRUE, missing)", ("", "missingAttribute")),
        # 3.2 and 3.4.2: what decides alone leaves the rest unseen.
        ("TRUE OR missing", (True, None)),
        ("FALSE AND missing OR TRUE", (True, None)),
        ("TRUE AND missing OR TRUE", (False, "missingAttribute")),
        ("missing NOT LIKE 'a'", (False, "missingAttribute")),
        ("missing NOT IN (1)", (False, "missingAttribute")),
        # 2: what is written how.
        ("'a\\\\b'", ("a\\\\b", None)),
        ("'%' LIKE '\\%' AND 'a' NOT LIKE '\\%'", (True, None)),
        ("\t\r\n 1\n+\n1 ", (2, None)),
        ("5-3", (2, None)),
        ("nOt(eXists SUBJECT)", (True, None)),
    ],
)
def test_beside_the_suite(text: str, gives: tuple[Any, str | None]) -> None:
    """What the specification says beyond the suite's cases holds too."""
    assert evaluate(text) == gives


@pytest.mark.parametrize(
    ("text", "line", "column"),
    [
        ("", 1, 1),
        ("a =", 1, 4),
        ("a = = b", 1, 5),
        ("a b", 1, 3),
        ("a =\n  ~b", 2, 3),
        ("'abc", 1, 1),
        ("'abc\\'", 1, 1),
        ("'a''b'", 1, 4),
        ("(1", 1, 3),
        ("1)", 1, 2),
        ("1 IN ()", 1, 7),
        ("1 IN 2", 1, 6),
        ("a LIKE b", 1, 8),
        ("a NOT b", 1, 7),
        ("EXISTS 'a'", 1, 8),
        ("EXISTS and", 1, 8),
        ("a_b = 1", 1, 1),
        ("abs2(1)", 1, 5),
        ("LENGTH('a',)", 1, 12),
        ("2147483648", 1, 1),
        ("-2147483649", 1, 1),
        ("- 2147483648", 1, 3),
        ("+ 1", 1, 1),
        ("1 +", 1, 4),
        ("é = 1", 1, 1),
        ("a = 1;", 1, 6),
        ("x" * (TEXT_BYTES_MAX + 1), 1, 1),
        ("9" * 4000, 1, 1),
    ],
)
def test_syntax_errors(text: str, line: int, column: int) -> None:
    """A text that is no expression is refused where it stops being one."""
    with pytest.raises(CesqlSyntaxError) as caught:
        compile_expression(text)
    assert (caught.value.line, caught.value.column) == (line, column)
    assert str(caught.value).startswith(f"{line}:{column}: ")


@pytest.mark.parametrize(
    ("text", "doubt"),
    [
        ("a OR b AND c", "1:1: put parentheses"),
        ("TRUE AND (a OR b XOR c)", "1:11: put parentheses"),
        ("hop +1 > 2", "1:5: put a space"),
        ("hop-1 > 2", "1:4: put a space"),
        ("EXISTS a AND LENGHT(a) > 2", "1:14: there is no function LENGHT"),
        ("a OR b OR (c AND d AND -1 < 1 - 2)", None),
        ("(a AND b) OR c", None),
        ("INT(hop) + -1 - 1 > 0", None),
    ],
)
def test_doubts(text: str, doubt: str | None) -> None:
    """What other engines read otherwise, or nobody knows, is named with its place."""
    doubts = compile_expression(text).syntax.doubts
    assert [one.startswith(doubt or "") for one in doubts] == ([True] if doubt else [])


@pytest.mark.parametrize(
    ("text", "names"),
    [
        ("id = 'a' AND type = source AND specversion = '1.0'", []),
        ("a", ["a"]),
        ("EXISTS a AND a = b", ["b"]),
        ("a = 'x' AND EXISTS a", ["a"]),
        ("(EXISTS a AND EXISTS b) AND LENGTH(CONCAT(a, b)) > 3", []),
        ("NOT EXISTS a OR a = 'x'", []),
        ("(NOT EXISTS a OR NOT EXISTS b) OR a IN (b, c)", ["c"]),
        ("EXISTS a OR a = 'x'", ["a"]),
        ("EXISTS a XOR a = 'x'", ["a"]),
        ("NOT (EXISTS a AND -a = 1)", []),
        ("EXISTS a AND (b = 'x' OR a LIKE 'x')", ["b"]),
    ],
)
def test_guards(text: str, names: list[str]) -> None:
    """Attributes an event may lack are named, unless EXISTS has asked for them before they are looked at."""
    expression = compile_expression(text)
    assert sorted(unguarded(expression.syntax.root)) == names
    assert [f"EXISTS {name}" in doubt for name, doubt in zip(names, expression.doubts, strict=True)] == [True] * len(
        names
    )


@pytest.mark.parametrize(
    ("text", "attributes", "passes"),
    [
        ("note = 'a'", {"note": "a"}, True),
        ("note = 'a'", {}, False),
        ("NOT (note = 'a')", {}, False),
        ("note", {"note": True}, True),
        ("note", {"note": "true"}, False),
        ("1", {}, False),
        ("'true'", {}, False),
        ("level = 5 AND flag", {"level": 5, "flag": True}, True),
        ("blob = 'AAE='", {"blob": b"\x00\x01"}, True),
        ("time LIKE '2018-04-26T12:%Z'", {"time": "2018-04-26T14:48:09+02:00"}, True),
    ],
)
def test_filters(text: str, attributes: dict[str, Any], *, passes: bool) -> None:
    """An event passes where the value is the Boolean true and nothing went wrong (1.2)."""
    assert compile_expression(text).matches(attributes_of(event(**attributes))) is passes
