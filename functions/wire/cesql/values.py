"""Hold what CESQL expressions compute with: three types, their casts and what can go wrong (CESQL 1.0.0, 3.1-3.7).

WireError
├── Malformed
│   └── CesqlSyntaxError   a text that is no expression; says the line and the column
└── EvaluationError        what went wrong while an expression met an event; part of its result, never raised to callers
"""

import re
from collections.abc import Callable, Mapping
from enum import Enum
from types import MappingProxyType
from typing import Final, TypeAlias

from functions.wire.envelope import INTEGER_MAX, INTEGER_MIN
from functions.wire.errors import Malformed, WireError

Value: TypeAlias = bool | int | str
Lookup: TypeAlias = Callable[[str], Value | None]
"""Gives the value of an attribute, None where the event has it not."""
Run: TypeAlias = Callable[[Lookup], Value]
"""Computes an expression's value for an event; raises EvaluationError at the first thing that goes wrong."""

_INTEGER: Final = re.compile(r"([+-]?)0*([0-9]{1,10})").fullmatch
_BOOLEANS: Final = MappingProxyType({"true": True, "false": False})


class Type(Enum):
    """The types of values."""

    BOOLEAN = "Boolean"
    INTEGER = "Integer"
    STRING = "String"


ZERO: Final[Mapping[Type, Value]] = MappingProxyType({Type.BOOLEAN: False, Type.INTEGER: 0, Type.STRING: ""})


class ErrorKind(Enum):
    """The kinds of errors of an evaluation (3.3); a syntax error is an exception of its own."""

    MATH = "math"
    CAST = "cast"
    MISSING_ATTRIBUTE = "missingAttribute"
    MISSING_FUNCTION = "missingFunction"
    FUNCTION_EVALUATION = "functionEvaluation"
    GENERIC = "generic"


class CesqlSyntaxError(Malformed):
    """A text is no CESQL expression.

    Args:
        text: What is wrong, for people.
        line: Where, from 1.
        column: Where in the line, from 1, in characters.
    """

    def __init__(self, text: str, *, line: int, column: int) -> None:
        """Keep the place beside the text."""
        super().__init__(f"{line}:{column}: {text}")
        self.line = line
        self.column = column


class EvaluationError(WireError):
    """An evaluation went wrong.

    Args:
        kind: How.
        text: What, for people.
        value: What the failing function gives all the same; None for the zero of the expression's type.
    """

    def __init__(self, kind: ErrorKind, text: str, value: Value | None = None) -> None:
        """Keep the kind beside the text."""
        super().__init__(text)
        self.kind = kind
        self.value = value
        self.origin: object = None  # the invocation whose `value` this is


def type_of(value: Value) -> Type:
    """Name the type of a value.

    >>> type_of(True), type_of(1)
    (<Type.BOOLEAN: 'Boolean'>, <Type.INTEGER: 'Integer'>)
    """
    if isinstance(value, bool):
        return Type.BOOLEAN
    return Type.INTEGER if isinstance(value, int) else Type.STRING


def checked(number: int) -> int:
    """Give back an integer that fits 32 bits.

    Raises:
        EvaluationError: It does not fit; the specification leaves that open, and a wrong value is worse than none.
    """
    if not INTEGER_MIN <= number <= INTEGER_MAX:
        raise EvaluationError(ErrorKind.MATH, f"{number} does not fit 32 bits")
    return number


def to_boolean(value: Value) -> bool:
    """Cast to Boolean (3.7).

    Raises:
        EvaluationError: It is text and neither `true` nor `false`, in whatever case.
    """
    if not isinstance(value, str):
        return bool(value)
    found = _BOOLEANS.get(value.lower())
    if found is None:
        raise EvaluationError(ErrorKind.CAST, f"{value!r:.80} is neither true nor false")
    return found


def to_integer(value: Value) -> int:
    """Cast to Integer (3.7).

    Raises:
        EvaluationError: It is text and no 32 bit integer in base 10.

    >>> to_integer("-007"), to_integer(True)
    (-7, 1)
    """
    if not isinstance(value, str):
        return int(value)
    found = _INTEGER(value)
    number = int(found[1] + found[2]) if found else INTEGER_MAX + 1
    if not INTEGER_MIN <= number <= INTEGER_MAX:
        raise EvaluationError(ErrorKind.CAST, f"{value!r:.80} is no 32 bit integer")
    return number


def to_string(value: Value) -> str:
    """Cast to String (3.7)."""
    if isinstance(value, bool):
        return "true" if value else "false"
    return str(value)


CASTS: Final[Mapping[Type, Callable[[Value], Value]]] = MappingProxyType(
    {Type.BOOLEAN: to_boolean, Type.INTEGER: to_integer, Type.STRING: to_string}
)
