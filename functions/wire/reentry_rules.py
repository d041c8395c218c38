"""Read a re-entry matrix from its rules file, and say of every mistake where it stands.

A file has one statement a line; `#` starts a comment, words are separated by spaces.

    scratch BPS                             once; gain or loss, in basis points, that is neither a win nor a loss
    duration NAME BARS                      a time held up to so many bars; shortest first
    duration NAME                           the last: however long
    before MINUTES                          once; how long before a high-impact event it is near
    after MINUTES                           once; how long after it
    cap GENERATION NOTIONAL                 once; most re-entries in a row, most notional beside the first trade's
    follows CURRENCY CURRENCY               events of the second concern instruments of the first
    when ENDING DURATION PROXIMITY GENERATION REACTION
                                            a rule; any of the four may be `any`, and whoever names most decides

An ending is `win`, `scratch` or `loss`, a proximity `none`, `before` or `after`, a generation counts from 0. A reaction
is `reenter FACTOR`, `reverse FACTOR`, `wait` or `stop`; behind a factor `cap GENERATION NOTIONAL` may bound the chain
tighter than the file does.
"""

import hashlib
import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from types import MappingProxyType
from typing import Final, TypeVar

from functions.domain.reentry import (
    ENTERING,
    NS_PER_MIN,
    Axes,
    Cap,
    Duration,
    Ending,
    Matrix,
    Proximity,
    Reaction,
    Rule,
)
from functions.domain.reentry_check import settle
from functions.wire.errors import Malformed
from functions.wire.rulebook_words import (
    Mistake,
    Problem,
    Word,
    exactly,
    name_of,
    number_of,
    statements_of,
    unknown,
    whole_of,
)

ANY: Final = "any"
DURATIONS_MAX: Final = 8
GENERATIONS_MAX: Final = 16
RULES_MAX: Final = 256
MINUTES_MAX: Final = 24 * 60
SCRATCH_BPS_MAX: Final = 10_000
_NAMED: Final = 4
"""Words of a rule that say which cases it covers."""
_RULE: Final = "when"

_CURRENCY: Final = re.compile(r"[A-Z][A-Z0-9]{1,15}").fullmatch
_ENDINGS: Final = MappingProxyType({one.value: one for one in Ending})
_PROXIMITIES: Final = MappingProxyType({one.value: one for one in Proximity})
_REACTIONS: Final = MappingProxyType({one.value: one for one in Reaction})

T = TypeVar("T")


@dataclass(slots=True)
class _Book:
    """Hold what was read so far, the mistakes, and where each statement and rule stands."""

    scratch_bps: float = 0.0
    minutes: dict[str, int] = field(default_factory=dict)
    durations: list[Duration] = field(default_factory=list)
    cap: Cap | None = None
    cap_text: str = ""
    follows: dict[str, frozenset[str]] = field(default_factory=dict)
    rules: list[Rule] = field(default_factory=list)
    places: dict[str, Word] = field(default_factory=dict)
    heads: dict[int, Word] = field(default_factory=dict)
    problems: list[Problem] = field(default_factory=list)


def read_matrix(data: bytes, *, file: str) -> Matrix:
    """Read a rules file.

    Args:
        data: What it says, UTF-8.
        file: Its name, for the messages.

    Raises:
        Malformed: It has mistakes; each stands on a line of its own, as `file:line:column: what is wrong`.
    """
    matrix, problems = check_matrix(data)
    if matrix is None:
        detail = "\n".join(one.at(file) for one in problems)
        raise Malformed(detail)
    return matrix


def check_matrix(data: bytes) -> tuple[Matrix | None, tuple[Problem, ...]]:
    """Read a rules file and collect its mistakes.

    Returns:
        The matrix, which decides every case, or None when there are mistakes; and these in the order of their places.
    """
    try:
        statements, end = statements_of(data)
    except Mistake as mistake:
        return None, (mistake.problem,)
    book = _Book()
    _each(book, (words for words in statements if words[0].text != _RULE), _setting)
    axes = _axes(book, end)
    if axes is not None:  # rules name what the settings know, wherever these stand
        _each(book, (words for words in statements if words[0].text == _RULE), _rule)
    if axes is None or book.problems:
        return None, tuple(sorted(book.problems))
    rules, faults = settle(axes, book.rules)
    if faults:
        places = (book.heads.get(fault.line, end) for fault in faults)
        found = (Problem(place.line, place.column, fault.text) for place, fault in zip(places, faults, strict=True))
        return None, tuple(sorted(found))
    return Matrix(axes, rules, MappingProxyType(book.follows), hashlib.sha256(data).hexdigest()), ()


def _each(book: _Book, statements: Iterable[Sequence[Word]], read: Callable[[_Book, Sequence[Word]], None]) -> None:
    for words in statements:
        try:
            read(book, words)
        except Mistake as mistake:
            book.problems.append(mistake.problem)


def _setting(book: _Book, words: Sequence[Word]) -> None:
    head = words[0]
    if head.text not in _SETTINGS:
        unknown(head, "statement", (*_SETTINGS, _RULE))
    if head.text not in {"duration", "follows"}:
        _once(book, head, head.text)
    _SETTINGS[head.text](book, words)


def _once(book: _Book, word: Word, name: str) -> None:
    before = book.places.setdefault(name, word)
    if before is not word:
        raise Mistake(word, f"`{name}` stands on line {before.line} already")


def _scratch(book: _Book, words: Sequence[Word]) -> None:
    (word,) = exactly(words, 1)
    book.scratch_bps = number_of(word)
    if not 0 <= book.scratch_bps <= SCRATCH_BPS_MAX:
        raise Mistake(word, f"scratch is from 0 to {SCRATCH_BPS_MAX} basis points, not {word.text}")


def _duration(book: _Book, words: Sequence[Word]) -> None:
    (word, *rest) = exactly(words, 2 if words[2:] else 1)
    name = name_of(word)
    if name == ANY:
        raise Mistake(word, f"`{ANY}` stands for every duration")
    _once(book, word, f"duration {name}")
    if book.durations and book.durations[-1].bars_max is None:
        raise Mistake(words[0], f"duration `{book.durations[-1].name}` has no bound, so it is the last")
    if len(book.durations) >= DURATIONS_MAX:
        raise Mistake(words[0], f"there are more than {DURATIONS_MAX} durations")
    least = book.durations[-1].bars_max if book.durations else 0
    bars_max = whole_of(rest[0], least=1) if rest else None
    if bars_max is not None and bars_max <= (least or 0):
        raise Mistake(rest[0], f"duration `{book.durations[-1].name}` is as long: shortest first")
    book.durations.append(Duration(name, bars_max))


def _minutes(book: _Book, words: Sequence[Word]) -> None:
    (word,) = exactly(words, 1)
    minutes = whole_of(word, least=0)
    if minutes > MINUTES_MAX:
        raise Mistake(word, f"{words[0].text} is at most {MINUTES_MAX} minutes, not {word.text}")
    book.minutes[words[0].text] = minutes


def _cap(book: _Book, words: Sequence[Word]) -> None:
    book.cap, book.cap_text = _cap_of(words), _text(words)
    if book.cap.generation > GENERATIONS_MAX:
        raise Mistake(words[1], f"a chain has at most {GENERATIONS_MAX} re-entries, not {words[1].text}")


def _follows(book: _Book, words: Sequence[Word]) -> None:
    one, other = exactly(words, 2)
    for word in (one, other):
        if not _CURRENCY(word.text):
            raise Mistake(word, f"`{word.text}` is no currency: capitals and digits, as USD or USDT")
    _once(book, one, f"follows {one.text} {other.text}")
    book.follows[one.text] = book.follows.get(one.text, frozenset()) | {other.text}


_SETTINGS: Final[Mapping[str, Callable[[_Book, Sequence[Word]], None]]] = MappingProxyType(
    {
        "scratch": _scratch,
        "duration": _duration,
        "before": _minutes,
        "after": _minutes,
        "cap": _cap,
        "follows": _follows,
    }
)


def _axes(book: _Book, end: Word) -> Axes | None:
    """Give the axes; None, and the mistakes, where a statement that they need is missing or could not be read."""
    for name, form in (
        ("scratch", "scratch BPS"),
        ("before", "before MINUTES"),
        ("after", "after MINUTES"),
        ("cap", "generations have no end: cap GENERATION NOTIONAL"),
    ):
        if name not in book.places:
            book.problems.append(Problem(end.line, end.column, f"`{name}` is missing: {form}"))
    if not book.problems and (not book.durations or book.durations[-1].bars_max is not None):
        book.problems.append(Problem(end.line, end.column, "the last duration, without a bound, is missing"))
    if book.problems or book.cap is None:
        return None
    before_ns, after_ns = (book.minutes[name] * NS_PER_MIN for name in ("before", "after"))
    line = book.places["cap"].line
    return Axes(book.scratch_bps, tuple(book.durations), before_ns, after_ns, book.cap, line, book.cap_text)


def _rule(book: _Book, words: Sequence[Word]) -> None:
    if len(book.rules) >= RULES_MAX:
        raise Mistake(words[0], f"there are more than {RULES_MAX} rules")
    if len(words) < _NAMED + 2:
        text = f"a rule is `{_RULE} ENDING DURATION PROXIMITY GENERATION REACTION`"
        raise Mistake(words[-1].end, text)
    ending, duration, proximity, generation, reaction, *rest = words[1:]
    names = (
        _named(ending, "ending", _ENDINGS),
        _named(duration, "duration", {one.name: one.name for one in book.durations}),
        _named(proximity, "proximity", _PROXIMITIES),
        _generation(book, generation),
    )
    if reaction.text not in _REACTIONS:
        unknown(reaction, "reaction", _REACTIONS)
    told = _REACTIONS[reaction.text]
    cap = _rule_cap(book, rest[1:])
    factor = _factor(reaction, rest, told, cap)
    book.heads[words[0].line] = words[0]
    book.rules.append(Rule(words[0].line, _text(words), names, told, factor, cap))


def _named(word: Word, kind: str, known: Mapping[str, T]) -> T | None:
    if word.text == ANY:
        return None
    if word.text not in known:
        unknown(word, kind, (*known, ANY))
    return known[word.text]


def _generation(book: _Book, word: Word) -> int | None:
    if word.text == ANY:
        return None
    generation, cap = whole_of(word, least=0), _cap_known(book)
    if generation >= cap.generation:
        text = f"no trade of generation {generation} is entered again: line {book.places['cap'].line} caps them"
        raise Mistake(word, f"{text} at {cap.generation}")
    return generation


def _rule_cap(book: _Book, words: Sequence[Word]) -> Cap:
    cap = _cap_known(book)
    if not words:
        return cap
    if words[0].text != "cap":
        raise Mistake(words[0], f"behind a factor only `cap GENERATION NOTIONAL` may stand, not `{words[0].text}`")
    own = _cap_of(words)
    if own.within(cap) != own:
        raise Mistake(words[0], f"line {book.places['cap'].line} caps all chains tighter: {book.cap_text}")
    return own


def _factor(reaction: Word, words: Sequence[Word], told: Reaction, cap: Cap) -> Decimal:
    if told not in ENTERING:
        exactly((reaction, *words), 0)
        return Decimal(0)
    if not words:
        raise Mistake(reaction.end, f"`{reaction.text}` needs its size as a multiple of the first trade's")
    factor = _positive(words[0])
    if factor > cap.notional:
        raise Mistake(words[0], f"a size factor of {words[0].text} is more than the cap of {cap.notional}")
    return factor


def _cap_of(words: Sequence[Word]) -> Cap:
    generation, notional = exactly(words, 2)
    return Cap(whole_of(generation, least=1), _positive(notional))


def _cap_known(book: _Book) -> Cap:
    assert book.cap is not None, "rules are read behind the cap"  # noqa: S101 - a programmer's error
    return book.cap


def _positive(word: Word) -> Decimal:
    if number_of(word) <= 0:
        raise Mistake(word, f"a multiple is more than 0, not {word.text}")
    return Decimal(word.text)


def _text(words: Sequence[Word]) -> str:
    return " ".join(word.text for word in words)
