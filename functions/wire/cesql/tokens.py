"""Cut the text of an expression into words, strings and symbols, each with its place (CESQL 1.0.0, 2.2-2.4)."""

import re
from enum import Enum
from typing import Final, NamedTuple, NoReturn

from functions.wire.cesql.values import CesqlSyntaxError

TEXT_BYTES_MAX: Final = 4096
"""Longest expression."""

RESERVED: Final = frozenset(("AND", "OR", "XOR", "NOT", "LIKE", "EXISTS", "IN", "TRUE", "FALSE"))

_TOKEN: Final = re.compile(
    r"""[ \t\r\n]+
      | (?P<WORD>[A-Za-z0-9_]+)
      | (?P<STRING>'(?:[^'\\]|\\.)*'|"(?:[^"\\]|\\.)*")
      | (?P<SYMBOL><=|>=|<>|!=|[-=<>+*/%(),])""",
    re.DOTALL | re.VERBOSE,
).match


class Kind(Enum):
    """What a token is."""

    WORD = "WORD"
    STRING = "STRING"
    SYMBOL = "SYMBOL"
    END = "END"


class Token(NamedTuple):
    """Hold a piece of the text and where it begins; `text` of a reserved word is in upper case."""

    kind: Kind
    text: str
    offset: int

    def __str__(self) -> str:
        """Name it in a message."""
        return "the end" if self.kind is Kind.END else f"`{self.text:.40}`"


def tokens_of(text: str) -> list[Token]:
    """Cut an expression into its tokens, the last of which is the end.

    Raises:
        CesqlSyntaxError: It is longer than TEXT_BYTES_MAX, a string does not end, or a character means nothing.
    """
    size = len(text.encode("utf-8", "surrogatepass"))
    if size > TEXT_BYTES_MAX:
        fail(text, 0, f"the expression has {size} bytes; at most {TEXT_BYTES_MAX} are read")
    tokens, at = [], 0
    while at < len(text):
        found = _TOKEN(text, at)
        if found is None:
            fail(text, at, "the string does not end" if text[at] in "'\"" else f"{text[at]!r} means nothing here")
        if found.lastgroup is not None:
            tokens.append(_token(Kind[found.lastgroup], found[0], at))
        at = found.end()
    return [*tokens, Token(Kind.END, "", at)]


def _token(kind: Kind, text: str, at: int) -> Token:
    upper = text.upper()
    return Token(kind, upper if kind is Kind.WORD and upper in RESERVED else text, at)


def fail(text: str, offset: int, what: str) -> NoReturn:
    """Raise a syntax error for a place in the text.

    Raises:
        CesqlSyntaxError: Always.
    """
    line, column = place(text, offset)
    raise CesqlSyntaxError(what, line=line, column=column)


def place(text: str, offset: int) -> tuple[int, int]:
    r"""Give line and column of a place in the text, from 1.

    >>> place("a\nbc", 3)
    (2, 2)
    """
    return text.count("\n", 0, offset) + 1, offset - text.rfind("\n", 0, offset)
