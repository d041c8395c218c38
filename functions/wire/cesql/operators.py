"""Say what operators give, and apply those of a chain from the left (CESQL 1.0.0, 3.4)."""

import operator
from collections.abc import Callable, Mapping, Sequence
from types import MappingProxyType
from typing import Final

from functions.wire.cesql.values import (
    CASTS,
    ErrorKind,
    EvaluationError,
    Lookup,
    Run,
    Value,
    checked,
    to_boolean,
    to_integer,
    type_of,
)

LOGIC: Final = frozenset(("AND", "OR", "XOR"))
EQUALITY: Final = frozenset(("=", "!=", "<>"))


def _divide(left: int, right: int) -> int:
    """Divide, rounded towards zero."""
    quotient = abs(left) // _divisor(right)
    return quotient if (left < 0) == (right < 0) else -quotient


def _remainder(left: int, right: int) -> int:
    """Give what is left of a division, with the sign of what was divided."""
    rest = abs(left) % _divisor(right)
    return -rest if left < 0 else rest


def _divisor(number: int) -> int:
    if number == 0:
        raise EvaluationError(ErrorKind.MATH, "division by zero")
    return abs(number)


ORDER: Final[Mapping[str, Callable[[int, int], bool]]] = MappingProxyType(
    {"<": operator.lt, "<=": operator.le, ">": operator.gt, ">=": operator.ge}
)
SUMS: Final[Mapping[str, Callable[[int, int], int]]] = MappingProxyType({"+": operator.add, "-": operator.sub})
PRODUCTS: Final[Mapping[str, Callable[[int, int], int]]] = MappingProxyType(
    {"*": operator.mul, "/": _divide, "%": _remainder}
)
_ARITHMETIC: Final = MappingProxyType({**SUMS, **PRODUCTS})
COMPARISON: Final = EQUALITY | ORDER.keys()


def unary(sign: str, operand: Run) -> Run:
    """Make `NOT` or `-` of an operand."""
    if sign == "NOT":
        return lambda lookup: not to_boolean(operand(lookup))
    return lambda lookup: checked(-to_integer(operand(lookup)))


def chain(operands: Sequence[Run], operators: Sequence[str]) -> Run:
    """Make a chain of operators of one precedence."""
    first, steps = operands[0], tuple(zip(operators, operands[1:], strict=True))
    if operators[0] in LOGIC:
        return _logic(first, steps)
    if operators[0] in COMPARISON:
        return _comparison(first, steps)
    return _arithmetic(first, steps)


_Steps = tuple[tuple[str, Run], ...]


def _logic(first: Run, steps: _Steps) -> Run:
    def run(lookup: Lookup) -> Value:
        value = to_boolean(first(lookup))
        for word, operand in steps:
            if word == "XOR":
                value ^= to_boolean(operand(lookup))
            elif value is (word == "AND"):  # else the left side decides, and the right one is not looked at
                value = to_boolean(operand(lookup))
        return value

    return run


def _comparison(first: Run, steps: _Steps) -> Run:
    def run(lookup: Lookup) -> Value:
        value = first(lookup)
        for sign, operand in steps:
            right = operand(lookup)
            if sign in EQUALITY:  # the type of the right side decides (3.7)
                value = (CASTS[type_of(right)](value) == right) is (sign == "=")
            else:
                value = ORDER[sign](to_integer(value), to_integer(right))
        return value

    return run


def _arithmetic(first: Run, steps: _Steps) -> Run:
    def run(lookup: Lookup) -> Value:
        value = first(lookup)
        for sign, operand in steps:
            right = operand(lookup)
            value = checked(_ARITHMETIC[sign](to_integer(value), to_integer(right)))
        return value

    return run
