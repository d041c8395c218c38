"""Read CESQL text as a tree (CESQL 1.0.0, section 2 and the precedences of 3.6)."""

import re
from collections.abc import Collection, Sequence
from dataclasses import dataclass, field
from itertools import pairwise
from typing import Final, NoReturn

from functions.wire.cesql.functions import find
from functions.wire.cesql.operators import COMPARISON, LOGIC, PRODUCTS, SUMS
from functions.wire.cesql.syntax import (
    Attribute,
    Call,
    Chain,
    Exists,
    In,
    Like,
    Literal,
    Node,
    Syntax,
    Tested,
    Unary,
)
from functions.wire.cesql.tokens import RESERVED, Kind, Token, fail, place, tokens_of
from functions.wire.envelope import INTEGER_MAX, INTEGER_MIN

DEPTH_MAX: Final = 32
"""Parentheses, calls, sets and signs inside each other; one takes up to a dozen of Python's thousand frames."""

DOUBTS_MAX: Final = 8
"""Doubts that are told."""

_TIGHTEST_FIRST: Final = (frozenset(PRODUCTS), frozenset(SUMS), COMPARISON, LOGIC)
_OPERATORS: Final = frozenset().union(*_TIGHTEST_FIRST)
_TESTS: Final = frozenset(("NOT", "LIKE", "IN"))

_ATTRIBUTE: Final = re.compile(r"[A-Za-z0-9]+").fullmatch
_FUNCTION: Final = re.compile(r"[A-Za-z][A-Za-z_]*").fullmatch


def parse(text: str) -> Syntax:
    """Read an expression.

    Raises:
        CesqlSyntaxError: It is none, or it is longer or deeper than is read; the error says where.

    >>> parse("int(hop) < 5").names
    frozenset({'hop'})
    """
    reader = _Reader(text, tokens_of(text))
    root = reader.expression(0)
    if reader.now.kind is not Kind.END:
        reader.refuse("an operator or the end")
    return Syntax(root, frozenset(reader.names), tuple(reader.doubts))


@dataclass(slots=True)
class _Reader:
    """Go over the tokens once."""

    text: str
    tokens: Sequence[Token]
    at: int = 0
    names: set[str] = field(default_factory=set)
    doubts: list[str] = field(default_factory=list)

    @property
    def now(self) -> Token:
        """Give the token that is next."""
        return self.tokens[self.at]

    def take(self) -> Token:
        """Step over the next token; the end stays."""
        token = self.now
        self.at += token.kind is not Kind.END
        return token

    def takes(self, *wanted: str) -> str | None:
        """Step over the next token if it is one of these symbols or reserved words; say which."""
        token = self.now
        if token.text not in wanted:
            return None
        self.at += 1
        return token.text

    def refuse(self, wanted: str) -> NoReturn:
        """Fail at the next token."""
        fail(self.text, self.now.offset, f"expected {wanted}, found {self.now}")

    def doubt(self, offset: int, what: str) -> None:
        """Note what other engines read otherwise."""
        if len(self.doubts) < DOUBTS_MAX:
            line, column = place(self.text, offset)
            self.doubts.append(f"{line}:{column}: {what}")

    def need(self, symbol: str) -> None:
        """Step over a symbol that must be here."""
        if self.takes(symbol) is None:
            self.refuse(f"`{symbol}`")

    def expression(self, depth: int) -> Node:
        """Read operands and the operators between them, and group them by precedence."""
        if depth > DEPTH_MAX:
            fail(self.text, self.now.offset, f"the expression is deeper than {DEPTH_MAX}")
        start = self.now.offset
        operands, operators = [self.tested(depth)], list[str]()
        while (operator := self._operator()) is not None:
            operators.append(operator)
            operands.append(self.tested(depth))
        for level in _TIGHTEST_FIRST:
            operands, operators = _grouped(operands, operators, level)
        (root,) = operands
        if isinstance(root, Chain) and root.operators[0] in LOGIC and len(set(root.operators)) > 1:
            mixed = " and ".join(sorted(set(root.operators)))
            self.doubt(start, f"put parentheses: CESQL reads {mixed} from the left, the engines of Knative do not")
        return root

    def _operator(self) -> str | None:
        token = self.now
        if token.text not in _OPERATORS:
            return None
        operator = self.take().text
        if operator in SUMS and _adjacent(token, self.now) and self.now.text.isdigit():
            self.doubt(token.offset, f"put a space behind `{operator}`: the engines of Knative take it for a sign")
        return operator

    def tested(self, depth: int) -> Node:
        """Read an operand with the LIKE and IN tests behind it."""
        operand = self.operand(depth)
        tests: list[Like | In] = []
        while self.now.text in _TESTS:
            negated = self.takes("NOT") is not None
            if self.takes("LIKE"):
                tests.append(Like(self._pattern(), negated))
            elif self.takes("IN"):
                self.need("(")
                tests.append(In(self._listed(depth), negated))
            else:
                self.refuse("LIKE or IN behind NOT")
        return Tested(operand, tuple(tests)) if tests else operand

    def operand(self, depth: int) -> Node:
        """Read a value with the signs and NOTs before it, which bind it more tightly than anything else."""
        operators: list[str] = []
        while (signed := self._signed()) is None and (operator := self.takes("NOT", "-")):
            operators.append(operator)
            if depth + len(operators) > DEPTH_MAX:
                fail(self.text, self.now.offset, f"the expression is deeper than {DEPTH_MAX}")
        node = signed or self._value(depth + len(operators))
        for operator in reversed(operators):
            node = Unary(operator, node)
        return node

    def _signed(self) -> Node | None:
        """Read an integer with the sign that touches it."""
        sign = self.now
        if sign.kind is not Kind.SYMBOL or sign.text not in SUMS:
            return None
        digits = self.tokens[self.at + 1]
        if not (_adjacent(sign, digits) and digits.text.isdigit()):
            return None
        self.at += 2
        return self._integer(sign.text + digits.text, sign.offset)

    def _value(self, depth: int) -> Node:
        token = self.now
        if self.takes("("):
            node = self.expression(depth + 1)
            self.need(")")
            return node
        if self.takes("EXISTS"):
            return Exists(self._name())
        if (
            token.kind is Kind.WORD
            and self.tokens[self.at + 1].text == "("
            and _FUNCTION(token.text)
            and token.text not in RESERVED
        ):
            return self._call(depth)
        return self._literal() or Attribute(self._name())

    def _literal(self) -> Node | None:
        token = self.now
        if self.takes("TRUE", "FALSE"):
            return Literal(token.text == "TRUE")
        if token.kind is Kind.STRING:
            return Literal(_unquoted(self.take().text))
        if token.kind is Kind.WORD and token.text.isdigit():
            return self._integer(self.take().text, token.offset)
        return None

    def _name(self) -> str:
        token = self.now
        if token.kind is not Kind.WORD or token.text in RESERVED or not _ATTRIBUTE(token.text):
            self.refuse("a value or the name of an attribute")
        name = self.take().text.lower()
        self.names.add(name)
        return name

    def _call(self, depth: int) -> Node:
        token = self.take()
        self.take()
        arguments = () if self.takes(")") else self._listed(depth)
        name = token.text.upper()
        if find(name, len(arguments)) is None:
            self.doubt(token.offset, f"there is no function {name} of {len(arguments)} arguments")
        return Call(name, arguments)

    def _listed(self, depth: int) -> tuple[Node, ...]:
        """Read expressions up to the closing parenthesis."""
        nodes = [self.expression(depth + 1)]
        while self.takes(","):
            nodes.append(self.expression(depth + 1))
        self.need(")")
        return tuple(nodes)

    def _pattern(self) -> str:
        if self.now.kind is not Kind.STRING:
            self.refuse("a string behind LIKE")
        return _unquoted(self.take().text)

    def _integer(self, digits: str, offset: int) -> Node:
        # A number of a thousand digits is not converted at all: it takes long, and Python refuses four thousand.
        significant = digits.lstrip("+-").lstrip("0")
        number = int(digits) if len(significant) <= len(str(INTEGER_MAX)) else INTEGER_MAX + 1
        if not INTEGER_MIN <= number <= INTEGER_MAX:
            fail(self.text, offset, f"{digits:.40} does not fit 32 bits")
        return Literal(number)


def _adjacent(first: Token, second: Token) -> bool:
    return first.offset + len(first.text) == second.offset


def _unquoted(text: str) -> str:
    quote = text[0]
    return text[1:-1].replace("\\" + quote, quote)


def _grouped(
    operands: Sequence[Node], operators: Sequence[str], level: Collection[str]
) -> tuple[list[Node], list[str]]:
    """Join the operands between which operators of this level stand."""
    cuts = [at for at, operator in enumerate(operators) if operator not in level]
    bounds = [-1, *cuts, len(operators)]
    joined: list[Node] = []
    for before, after in pairwise(bounds):
        inside = operators[before + 1 : after]
        run = operands[before + 1 : after + 1]
        joined.append(Chain(tuple(run), tuple(inside)) if inside else run[0])
    return joined, [operators[at] for at in cuts]
