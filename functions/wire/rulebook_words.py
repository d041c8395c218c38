"""Read the words of a rules file, and the values of its settings; each mistake stands at a word."""

import difflib
import math
import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType
from typing import Final, NoReturn, TypeAlias

from functions.domain.market import INTERVALS_S
from functions.domain.strategy import GATES
from functions.wire.errors import Malformed

BYTES_MAX: Final = 64 * 1024
"""Longest file of rules: the shipped ones have two thousand bytes."""

_WORD: Final = re.compile(r"\S+")
_NAME: Final = re.compile(r"[a-z][a-z0-9_]{0,63}").fullmatch
_NUMBER: Final = re.compile(r"[+-]?[0-9]{1,15}(\.[0-9]{1,15})?").fullmatch
_BOOLEANS: Final = MappingProxyType({"true": True, "false": False})


@dataclass(frozen=True, slots=True, order=True)
class Problem:
    """Hold one mistake: line and column from 1, and what is wrong."""

    line: int
    column: int
    text: str

    def at(self, file: object) -> str:
        """Write it with its place in a file."""
        return f"{file}:{self.line}:{self.column}: {self.text}"


@dataclass(frozen=True, slots=True)
class Word:
    """Hold one word and its place, from 1."""

    text: str
    line: int
    column: int

    @property
    def end(self) -> "Word":
        """Give the place behind the word, where another one is missing."""
        return Word("", self.line, self.column + len(self.text))


class Mistake(Malformed):
    """A statement cannot be read; what is wrong stands at a word.

    Args:
        word: Where.
        text: What, for people.
    """

    def __init__(self, word: Word, text: str) -> None:
        """Keep the place beside the text."""
        super().__init__(text)
        self.problem = Problem(word.line, word.column, text)


def statements_of(data: bytes) -> tuple[list[list[Word]], Word]:
    """Cut a file into its statements, one a line; and give the place behind its end, for what is missing.

    Raises:
        Mistake: The file is too long, or no UTF-8.
    """
    if len(data) > BYTES_MAX:
        raise Mistake(Word("", 1, 1), f"the file has more than {BYTES_MAX} bytes")
    try:
        lines = data.decode().split("\n")
    except UnicodeDecodeError as error:
        before = data[: error.start].decode()
        place = Word("", before.count("\n") + 1, error.start - data.rfind(b"\n", 0, error.start))
        raise Mistake(place, f"byte 0x{data[error.start]:02x} is no UTF-8") from error
    statements = [words for number, line in enumerate(lines, start=1) if (words := words_of(line, number))]
    return statements, Word("", len(lines), 1)


def words_of(line: str, number: int) -> list[Word]:
    """Cut a line into words; a comment is none."""
    return [Word(found.group(), number, found.start() + 1) for found in _WORD.finditer(line.partition("#")[0])]


def unknown(word: Word, kind: str, known: Iterable[str]) -> NoReturn:
    """Say that a word names nothing of its kind, and what is near.

    Raises:
        Mistake: Always.
    """
    near = difflib.get_close_matches(word.text, known, n=1)
    guess = f"; did you mean `{near[0]}`?" if near else ""
    raise Mistake(word, f"there is no {kind} `{word.text}`{guess}")


def exactly(words: Sequence[Word], count: int) -> Sequence[Word]:
    """Give the words behind the first, of which there must be so many.

    Raises:
        Mistake: There are more or fewer.
    """
    if len(words) - 1 < count:
        raise Mistake(words[-1].end, f"`{words[0].text}` needs {count} more" if count > 1 else "a word is missing")
    if len(words) - 1 > count:
        raise Mistake(words[count + 1], f"`{words[count + 1].text}` is one word too many")
    return words[1:]


def name_of(word: Word) -> str:
    """Read a name.

    Raises:
        Mistake: The word is none.
    """
    if not _NAME(word.text):
        raise Mistake(word, f"`{word.text}` is no name: small letters, digits and _, a letter first, at most 64")
    return word.text


def number_of(word: Word) -> float:
    """Read a plain number: no exponent, no infinity.

    Raises:
        Mistake: The word is none.
    """
    if not _NUMBER(word.text):
        raise Mistake(word, f"`{word.text}` is no number; write it as 30 or -0.5")
    return float(word.text)


def whole_of(word: Word, *, least: int) -> int:
    """Read a whole number of at least `least`.

    Raises:
        Mistake: The word is none.
    """
    number = number_of(word)
    if number != math.floor(number) or number < least:
        raise Mistake(word, f"`{word.text}` is no whole number from {least}")
    return int(number)


Reader: TypeAlias = Callable[[Word, Sequence[Word]], object]


def _between(low: float, high: float, *, open_low: bool = False) -> Reader:
    def read(head: Word, words: Sequence[Word]) -> float:
        (word,) = exactly((head, *words), 1)
        number = number_of(word)
        if not low <= number <= high or (open_low and number == low):
            start = f"more than {low:g}" if open_low else f"from {low:g}"
            end = "" if high == math.inf else f"{' and at most' if open_low else ' to'} {high:g}"
            raise Mistake(word, f"{head.text} is {start}{end}, not {word.text}")
        return number

    return read


def _at_least(least: int) -> Reader:
    def read(head: Word, words: Sequence[Word]) -> int:
        (word,) = exactly((head, *words), 1)
        return whole_of(word, least=least)

    return read


def _one_of(choices: Mapping[str, object]) -> Reader:
    def read(head: Word, words: Sequence[Word]) -> object:
        (word,) = exactly((head, *words), 1)
        if word.text not in choices:
            raise Mistake(word, f"{head.text} is {' or '.join(choices)}, not `{word.text}`")
        return choices[word.text]

    return read


def _intervals(head: Word, words: Sequence[Word]) -> tuple[int, ...]:
    if not words:
        raise Mistake(head.end, "say which bars decide, by their seconds")
    for word in words:
        if word.text not in map(str, INTERVALS_S):
            raise Mistake(word, f"there are no bars of `{word.text}` s, only of {', '.join(map(str, INTERVALS_S))}")
    return tuple(dict.fromkeys(int(word.text) for word in words))


def _gates(head: Word, words: Sequence[Word]) -> tuple[str, ...]:
    if [word.text for word in words] == ["none"]:
        return ()
    if not words:
        raise Mistake(head.end, f"say which gates are kept: {', '.join(GATES)}, or `none`")
    for word in words:
        if word.text not in GATES:
            unknown(word, "gate", GATES)
    return tuple(dict.fromkeys(word.text for word in words))


def _volatility(head: Word, words: Sequence[Word]) -> Word:
    (word,) = exactly((head, *words), 1)
    return word


SIZING: Final[Mapping[str, Reader]] = MappingProxyType(
    {
        "kelly_share": _between(0, 1, open_low=True),
        "risk_pct_max": _between(0, 100),
        "position_pct_max": _between(0, 100),
        "flat_pct": _between(0, 100),
        "cost_bps": _between(0, 10_000),
        "bound_z": _between(0, 10),
        "samples_min": _at_least(1),
    }
)

SETTINGS: Final[Mapping[str, Reader]] = MappingProxyType(
    {
        "intervals_s": _intervals,
        "min_confidence": _between(0, 100),
        "cooldown_bars": _at_least(0),
        "volatility": _volatility,
        "stop_distance": _between(0, math.inf, open_low=True),
        "target_distance": _between(0, math.inf, open_low=True),
        "gates": _gates,
        "emit_stopped": _one_of(_BOOLEANS),
        "emit_hold": _one_of(_BOOLEANS),
        "tracks_max": _at_least(1),
        "spread_max": _between(0, 1),
        **SIZING,
    }
)
"""Settings of a rules file; `Strategy`, `Ensemble` and `Sizing` say what each means."""
