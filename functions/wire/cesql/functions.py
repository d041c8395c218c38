"""Say what each built-in function gives (CESQL 1.0.0, 3.5); characters are Unicode code points."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any, Final

from functions.wire.cesql.values import (
    ErrorKind,
    EvaluationError,
    Type,
    to_boolean,
    to_integer,
    to_string,
)
from functions.wire.envelope import INTEGER_MAX, INTEGER_MIN

# Unicode's White_Space; `str.strip()` alone also takes the control characters U+001C to U+001F.
WHITESPACE: Final = (
    "\t\n\v\f\r \u0085\u00a0\u1680" + "".join(map(chr, range(0x2000, 0x200B))) + "\u2028\u2029\u202f\u205f\u3000"
)


@dataclass(frozen=True, slots=True)
class Function:
    """A function.

    Args:
        returns: Type of what it gives.
        parameters: Types of its arguments, None for any; the last one stands for all further ones of a variadic one.
        body: Computes it from arguments that were cast.
    """

    returns: Type
    parameters: tuple[Type | None, ...]
    body: Callable[..., Any]  # arguments of the types that `parameters` says

    def parameter(self, at: int) -> Type | None:
        """Give the type of an argument."""
        return self.parameters[min(at, len(self.parameters) - 1)]


def _left(text: str, length: int) -> str:
    return text[: _length("LEFT", text, length)]


def _right(text: str, length: int) -> str:
    return text[max(len(text) - _length("RIGHT", text, length), 0) :]


def _length(name: str, text: str, length: int) -> int:
    if length < 0:
        raise EvaluationError(ErrorKind.FUNCTION_EVALUATION, f"{name} of {length} characters", text)
    return length


def _substring(text: str, position: int, length: int = INTEGER_MAX) -> str:
    """Cut from a position, 1 for the first character and -1 for the last one; 0 gives nothing."""
    if abs(position) > len(text) or length < 0:
        message = f"SUBSTRING of {len(text)} characters from {position}, {length} long"
        raise EvaluationError(ErrorKind.FUNCTION_EVALUATION, message)
    if position == 0:
        return ""
    start = position - 1 if position > 0 else len(text) + position
    return text[start : start + length]


def _absolute(number: int) -> int:
    if number == INTEGER_MIN:
        raise EvaluationError(ErrorKind.MATH, f"ABS({number}) does not fit 32 bits", INTEGER_MAX)
    return abs(number)


_B, _I, _S = Type.BOOLEAN, Type.INTEGER, Type.STRING

FUNCTIONS: Final[Mapping[tuple[str, int], Function]] = MappingProxyType(
    {
        ("INT", 1): Function(_I, (None,), to_integer),
        ("BOOL", 1): Function(_B, (None,), to_boolean),
        ("STRING", 1): Function(_S, (None,), to_string),
        ("ABS", 1): Function(_I, (_I,), _absolute),
        ("LENGTH", 1): Function(_I, (_S,), len),
        ("LOWER", 1): Function(_S, (_S,), str.lower),
        ("UPPER", 1): Function(_S, (_S,), str.upper),
        ("TRIM", 1): Function(_S, (_S,), lambda text: text.strip(WHITESPACE)),
        ("LEFT", 2): Function(_S, (_S, _I), _left),
        ("RIGHT", 2): Function(_S, (_S, _I), _right),
        ("SUBSTRING", 2): Function(_S, (_S, _I), _substring),
        ("SUBSTRING", 3): Function(_S, (_S, _I, _I), _substring),
    }
)
"""Functions of a fixed number of arguments, by name and number."""

VARIADIC: Final[Mapping[str, tuple[int, Function]]] = MappingProxyType(
    {
        "CONCAT": (0, Function(_S, (_S,), lambda *texts: "".join(texts))),
        "CONCAT_WS": (1, Function(_S, (_S,), lambda delimiter, *texts: delimiter.join(texts))),
    }
)
"""The others, by name, with the fewest arguments they take."""


def find(name: str, arity: int) -> Function | None:
    """Find a function by its name in upper case and the number of its arguments; None where there is none."""
    fewest, variadic = VARIADIC.get(name, (arity + 1, None))
    return FUNCTIONS.get((name, arity)) or (variadic if arity >= fewest else None)
