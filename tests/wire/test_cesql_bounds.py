"""CESQL from strangers: nothing but a syntax error is ever raised, and what an expression may cost is bounded."""

import time
from collections.abc import Sequence
from typing import TypeVar

import numpy as np
import pytest
from counts import examples
from hypothesis import example, given, settings
from hypothesis import strategies as st

from functions.wire.cesql.expression import STRING_CHARS_MAX, WORK_MAX, attributes_of, compile_expression
from functions.wire.cesql.likeness import compile_like
from functions.wire.cesql.parser import DEPTH_MAX
from functions.wire.cesql.tokens import TEXT_BYTES_MAX
from functions.wire.cesql.values import CesqlSyntaxError, ErrorKind, Type, type_of
from functions.wire.envelope import Event

CPU_S_MAX = 0.010
"""What the worst expression may take."""


HEAVY = "1 IN (TRUE AND 1 = 0 + 1 * "
"""Opens one depth with a node of every kind in it."""


@pytest.mark.parametrize(
    ("opening", "closing"),
    [("(", ")"), ("NOT ", ""), ("- ", ""), ("ABS(", ")"), ("1 IN (", ")"), ("NOT (", ")"), (HEAVY, ")")],
)
def test_depth(opening: str, closing: str) -> None:
    """What is nested as deep as is read evaluates, and what is deeper is refused."""
    deep = DEPTH_MAX // (1 + (opening == "NOT ("))
    expression = compile_expression(opening * deep + "1" + closing * deep)
    assert expression.evaluate({}.get).error is None
    assert expression.doubts == ()
    with pytest.raises(CesqlSyntaxError, match="deeper"):
        compile_expression(opening * (deep + 1) + "1" + closing * (deep + 1))


def reference_like(text: str, pattern: list[str]) -> bool:
    """Match by the definition: the prefixes of the text that the pattern so far covers."""
    covered = {0}
    for part in pattern:
        if part == "%":
            covered = set(range(min(covered, default=len(text) + 1), len(text) + 1))
        else:
            covered = {at + 1 for at in covered if at < len(text) and part in {"_", f"\\{text[at]}", text[at]}}
    return len(text) in covered


@settings(max_examples=examples(2_000), deadline=None)
@given(st.text("ab\\_%", max_size=8), st.lists(st.sampled_from(["a", "b", "_", "%", "\\%", "\\_"]), max_size=5))
@example("ab", ["%", "_", "%", "b"])
def test_like(text: str, pattern: list[str]) -> None:
    """LIKE matches what its definition matches."""
    assert compile_like("".join(pattern))(text) is reference_like(text, pattern)


WORDS = (
    *("AND", "OR", "XOR", "NOT", "LIKE", "IN", "EXISTS", "TRUE", "false", "note", "level", "missing", "id", "(", ")"),
    *(
        "=",
        "!=",
        "<>",
        "<",
        ">=",
        "+",
        "-",
        "*",
        "/",
        "%",
        ",",
        "'a%'",
        "'_b'",
        '"7"',
        "'true'",
        "0",
        "7",
        "2147483647",
    ),
    *("LENGTH(", "CONCAT(", "CONCAT_WS(", "SUBSTRING(", "LEFT(", "ABS(", "INT(", "BOOL(", "STRING(", "TRIM(", "1 IN ("),
)
OPERATORS = ("=", "!=", "<", ">=", "+", "-", "*", "/", "%", "AND", "OR", "XOR")
LITERALS = ("TRUE", "0", "-1", "7", "2147483647", "''", "'a'", "'12'", "'true'", "note", "level", "flag", "missing")
FORMS = (
    *(f"{{}} {operator} {{}}" for operator in OPERATORS),
    *("NOT {}", "- {}", "({})", "({}) NOT LIKE '%a_%'", "({}) IN ({}, {})", "CONCAT({}, {})", "LEFT({}, {})"),
    *("SUBSTRING({}, {})", "NOSUCH({})", "ABS({})", "LENGTH({})", "INT({})", "BOOL({})", "STRING({})", "TRIM({})"),
)


def written(rng: np.random.Generator) -> str:
    """Write an expression by the grammar."""
    text = pick(rng, LITERALS)
    for _ in range(rng.integers(0, 9)):
        form = pick(rng, FORMS)
        parts = [text, pick(rng, LITERALS), pick(rng, LITERALS)][: form.count("{}")]
        text = form.format(*parts[:: 1 if rng.random() < 0.5 else -1])
    return text


def strewn(rng: np.random.Generator) -> str:
    """Strew words over a text."""
    return " ".join(pick(rng, WORDS) for _ in range(rng.integers(0, 25)))


def garbled(rng: np.random.Generator) -> str:
    """Break an expression somewhere with any characters."""
    text = written(rng)
    at = int(rng.integers(0, len(text) + 1))
    odd = "".join(map(chr, rng.integers(0, pick(rng, (0x80, 0x3000, 0x110000)), rng.integers(0, 4))))
    return text[:at] + odd + text[at + int(rng.integers(0, 2)) :]


Item = TypeVar("Item")


def pick(rng: np.random.Generator, of: Sequence[Item]) -> Item:
    """Pick one."""
    return of[int(rng.integers(0, len(of)))]


seeds = st.integers(0, 2**32)
TEXTS = 10
"""Texts a seed gives: making an example costs more than reading a text."""


SAMPLE = attributes_of(
    Event(id="own", source="/s", type="kind", extensions={"note": "ab\u2003", "level": -3, "flag": True})
)


@settings(max_examples=examples(20_000 // TEXTS), deadline=None)
@given(seeds)
def test_total(seed: int) -> None:
    """Whatever a stranger writes is refused as no expression, or evaluates to a value of its type; nothing else."""
    rng = np.random.default_rng(seed)
    for _ in range(TEXTS):
        text = pick(rng, (written, strewn, garbled))(rng)
        try:
            expression = compile_expression(text)
        except CesqlSyntaxError:
            continue
        result = expression.evaluate(SAMPLE)
        assert type_of(result.value) is (expression.returns or type_of(result.value)), text
        assert result.error is None or isinstance(result.error.kind, ErrorKind), text
        assert expression.matches(SAMPLE) is (result.value is True and result.error is None), text
        assert expression.evaluate(SAMPLE).value == result.value, text


@settings(max_examples=examples(2_000 // TEXTS), deadline=None)
@given(seeds)
def test_valid(seed: int) -> None:
    """What is written by the grammar is an expression."""
    rng = np.random.default_rng(seed)
    for _ in range(TEXTS):
        assert compile_expression(written(rng)).returns in {None, *Type}


def filled(opening: str, part: str, closing: str = "") -> str:
    """Repeat a part until the text is as long as is read."""
    return opening + part * ((TEXT_BYTES_MAX - len(opening) - len(closing)) // len(part)) + closing


@pytest.mark.parametrize(
    "text",
    [
        "note LIKE '" + "%a" * 2040 + "'",
        "note LIKE '" + "%_a" * 1360 + "b'",
        "note LIKE '%" + "a_" * 2040 + "b%'",
        "note LIKE '%" + "a" * 4070 + "b%'",
        "note LIKE '%" + "a_" * 700 + "b%'",
        "note LIKE '%" + "a" * 1400 + "b%'",
        "note LIKE '" + "%_b" * 500 + "%'",
        filled("FALSE", " OR note LIKE '%_b%'"),
        filled("FALSE", " OR note LIKE '%aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaab%'"),
        filled("FALSE", " OR UPPER(note)='x'"),
        filled("0", "+LENGTH(note)"),
        filled("CONCAT(note", ",note", ") = 'x'"),
        filled("1 IN (0", ",0", ")"),
        filled("level IN ('00'", ",note", ")"),
        filled("0", "+0"),
        "NOT " * DEPTH_MAX + "flag",
    ],
    ids=lambda text: text[:24],
)
def test_worst_cost(text: str) -> None:
    """The costliest expressions take at most 10 ms of processor time for an event."""
    expression = compile_expression(text)
    longest = min(WORK_MAX // len(text), STRING_CHARS_MAX)
    lookup = {"note": "a" * longest, "level": "00", "flag": "true"}.get
    spent = []
    for _ in range(5):
        began = time.process_time()
        expression.evaluate(lookup)
        spent.append(time.process_time() - began)
    assert min(spent) <= CPU_S_MAX


def test_long_strings() -> None:
    """A string too long for the length of the expression is an error, for what an evaluation compares is bounded."""
    expression = compile_expression("note = 'x' OR CONCAT(id, id) = 'x'")

    def error(note: int, id_: int) -> ErrorKind | None:
        found = expression.evaluate({"note": "a" * note, "id": "b" * id_}.get).error
        return found and found.kind

    assert error(STRING_CHARS_MAX, 1) is None
    assert error(STRING_CHARS_MAX + 1, 1) is ErrorKind.GENERIC
    assert error(1, STRING_CHARS_MAX) is ErrorKind.GENERIC
