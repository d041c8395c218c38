"""Hold the parts an expression is made of, once it is read; values only.

Chains of operators and of tests are flat, so that the tree is no deeper than its parentheses, calls and signs.
"""

from dataclasses import dataclass
from typing import TypeAlias

from functions.wire.cesql.values import Value


@dataclass(frozen=True, slots=True)
class Literal:
    """A value as written."""

    value: Value


@dataclass(frozen=True, slots=True)
class Attribute:
    """The value of an attribute."""

    name: str


@dataclass(frozen=True, slots=True)
class Exists:
    """Whether the event has an attribute."""

    name: str


@dataclass(frozen=True, slots=True)
class Call:
    """A function, its name in upper case, and its arguments."""

    name: str
    arguments: tuple["Node", ...]


@dataclass(frozen=True, slots=True)
class Unary:
    """`NOT` or `-` before an operand."""

    operator: str
    operand: "Node"


@dataclass(frozen=True, slots=True)
class Like:
    """The test `[NOT] LIKE pattern`."""

    pattern: str
    negated: bool


@dataclass(frozen=True, slots=True)
class In:
    """The test `[NOT] IN (elements)`."""

    elements: tuple["Node", ...]
    negated: bool


@dataclass(frozen=True, slots=True)
class Tested:
    """An operand and the tests behind it, each applied to what the one before gave."""

    operand: "Node"
    tests: tuple[Like | In, ...]


@dataclass(frozen=True, slots=True)
class Chain:
    """Operands with operators of one precedence between them, read from the left."""

    operands: tuple["Node", ...]
    operators: tuple[str, ...]


Node: TypeAlias = Literal | Attribute | Exists | Call | Unary | Tested | Chain


@dataclass(frozen=True, slots=True)
class Syntax:
    """An expression as read.

    Args:
        root: Its tree.
        names: Attributes it looks at, in lower case.
        doubts: What other engines read otherwise or not at all, each a sentence with its place.
    """

    root: Node
    names: frozenset[str]
    doubts: tuple[str, ...]
