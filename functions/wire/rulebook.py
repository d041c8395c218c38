"""Read a strategy from its rules file, and say of every mistake where it stands.

A file has one statement a line; `#` starts a comment, words are separated by spaces.

    strategy NAME                           once; the name on every signal
    SETTING VALUE ...                       each at most once: see `SETTINGS` in `rulebook_words`
    model NAME FIGURE ...                   a model of one's own, with its figures
    ensemble HORIZON MODEL ...              bars ahead, and who votes with its figure up_<HORIZON>; `ensemble none`
    buy WEIGHT NAME CONDITION               a rule that speaks for buying, with its weight in percent
    sell WEIGHT NAME CONDITION              the same for selling
    veto NAME CONDITION                     holds whatever the rules ask for when it speaks

A condition is `FEATURE < NUMBER`, `FEATURE > NUMBER`, `FEATURE turns up`, `FEATURE turns down`, where a figure of a
model (`regime.turbulent`, `anomaly.score`) may stand for a feature, or `MODEL flags`.
"""

import math
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Final

from functions.domain.sizing import Sizing
from functions.domain.strategy import (
    FIGURES,
    SCORE,
    STRENGTH_MAX,
    Above,
    Below,
    Ensemble,
    Flagged,
    Rule,
    Strategy,
    TurnsDown,
    TurnsUp,
)
from functions.wire.errors import Malformed
from functions.wire.rulebook_words import (
    SETTINGS,
    SIZING,
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

TEXTS: Final = "sentiment"
"""The model over texts, of which rules could hear nothing."""
RULES_MAX: Final = 256
"""Rules of a strategy: each is heard on every row that decides."""


@dataclass(slots=True)
class _Book:
    """Hold what was read so far, and the mistakes."""

    features: Collection[str]
    figures: dict[str, tuple[str, ...]]
    settings: dict[str, Any] = field(default_factory=dict)
    sides: dict[str, list[Rule]] = field(default_factory=lambda: {"buy": [], "sell": [], "veto": []})
    places: dict[tuple[str, str], int] = field(default_factory=dict)
    problems: list[Problem] = field(default_factory=list)


def read_strategy(data: bytes, *, file: str, features: Collection[str]) -> Strategy:
    """Read a rules file.

    Args:
        data: What it says, UTF-8.
        file: Its name, for the messages.
        features: Names of the features there are.

    Raises:
        Malformed: It has mistakes; each stands on a line of its own, as `file:line:column: what is wrong`.
    """
    strategy, problems = check_strategy(data, features=features)
    if strategy is None:
        detail = "\n".join(one.at(file) for one in problems)
        raise Malformed(detail)
    return strategy


def check_strategy(data: bytes, *, features: Collection[str]) -> tuple[Strategy | None, tuple[Problem, ...]]:
    """Read a rules file and collect its mistakes.

    Returns:
        The strategy, or None when there are mistakes; and these in the order of their places.
    """
    try:
        statements, end = statements_of(data)
    except Mistake as mistake:
        return None, (mistake.problem,)
    book = _Book(features, dict(FIGURES))
    # Models are known to every line, wherever theirs stands.
    for words in sorted(statements, key=lambda words: words[0].text != "model"):
        try:
            _read(book, words)
        except Mistake as mistake:
            book.problems.append(mistake.problem)
    _check_whole(book, end)
    if book.problems:
        return None, tuple(sorted(book.problems))
    return _strategy(book), ()


def _read(book: _Book, words: Sequence[Word]) -> None:
    head = words[0]
    if head.text in {"buy", "sell", "veto"}:
        _rule(book, words)
        return
    readers = {"strategy": _name, "model": _model, "ensemble": _ensemble}
    if head.text in readers:
        if head.text != "model":
            _once(book, head, head.text)
        readers[head.text](book, words)
    elif head.text in SETTINGS:
        _once(book, head, head.text)
        book.settings[head.text] = SETTINGS[head.text](head, words[1:])
    else:
        unknown(head, "statement", (*SETTINGS, *readers, "buy", "sell", "veto"))


def _once(book: _Book, word: Word, name: str, *, within: str = "") -> None:
    before = book.places.setdefault((within, name), word.line)
    if before != word.line:
        raise Mistake(word, f"`{name}` stands on line {before} already")


def _name(book: _Book, words: Sequence[Word]) -> None:
    (word,) = exactly(words, 1)
    if name_of(word) in book.figures:
        raise Mistake(word, f"`{word.text}` is the name of a model; a strategy needs one of its own")
    book.settings["name"] = word.text


def _model(book: _Book, words: Sequence[Word]) -> None:
    if len(words) == 1:
        raise Mistake(words[0].end, "say which model: model NAME FIGURE ...")
    name = name_of(words[1])
    if name in book.figures:
        raise Mistake(words[1], f"model `{name}` is known already")
    book.figures[name] = tuple(name_of(word) for word in words[2:])


def _ensemble(book: _Book, words: Sequence[Word]) -> None:
    if [word.text for word in words[1:]] == ["none"]:
        book.settings["ensemble"] = {"members": ()}
        return
    if len(words) < 3:  # noqa: PLR2004 - the statement, a horizon and one model
        raise Mistake(words[-1].end, "say how far ahead and who votes: ensemble HORIZON MODEL ..., or `ensemble none`")
    horizon = whole_of(words[1], least=1)
    for place, word in enumerate(words[2:]):
        _known_figure(book, word, f"{word.text}.up_{horizon}")
        if word.text in {other.text for other in words[2 : 2 + place]}:
            raise Mistake(word, f"`{word.text}` votes already")
    book.settings["ensemble"] = {"horizon_bars": horizon, "members": tuple(word.text for word in words[2:])}


def _rule(book: _Book, words: Sequence[Word]) -> None:
    side = words[0].text
    rest = list(words[1:])
    weight = _weight(book, side, words[0], rest) if side != "veto" else 0.0
    if not rest:
        raise Mistake(words[-1].end, "a rule needs a name and a condition")
    name = rest.pop(0)
    name_of(name)
    _once(book, name, name.text, within=side)
    if sum(map(len, book.sides.values())) >= RULES_MAX:
        raise Mistake(words[0], f"there are more than {RULES_MAX} rules")
    book.sides[side].append(_condition(book, name, rest, weight))


def _weight(book: _Book, side: str, head: Word, rest: list[Word]) -> float:
    if not rest:
        raise Mistake(head.end, "a rule needs its weight in percent")
    word = rest.pop(0)
    weight = number_of(word)
    if weight <= 0:
        raise Mistake(word, f"a weight is more than 0, not {word.text}")
    total = math.fsum([*(rule.weight for rule in book.sides[side]), weight])
    if total > STRENGTH_MAX:
        text = f"with {word.text} the weights for {side} sum to {total:g}, more than {STRENGTH_MAX:g}"
        raise Mistake(word, text)
    return weight


def _condition(book: _Book, name: Word, words: Sequence[Word], weight: float) -> Rule:
    match [word.text for word in words]:
        case [model, "flags"]:
            _known_model(book, words[0])
            return Flagged(name.text, model, weight)
        case [what, "<" | ">" as sign, _]:
            _known(book, words[0])
            return (Below if sign == "<" else Above)(name.text, what, number_of(words[2]), weight)
        case [what, "turns", "up" | "down" as way]:
            _known(book, words[0])
            return (TurnsUp if way == "up" else TurnsDown)(name.text, what, weight)
        case _:
            place = words[0] if words else name.end
            text = (
                "a condition is `NAME < NUMBER`, `NAME > NUMBER`, `NAME turns up`, `NAME turns down` or `MODEL flags`"
            )
            raise Mistake(place, text)


def _known(book: _Book, word: Word) -> None:
    if "." in word.text:
        _known_figure(book, word, word.text)
    elif word.text not in book.features:
        unknown(word, "feature", book.features)


def _known_model(book: _Book, word: Word) -> None:
    if word.text not in book.figures:
        if word.text == TEXTS:
            raise Mistake(word, f"`{TEXTS}` reads texts: no row has its answer; name a model of rows")
        unknown(word, "model", book.figures)


def _known_figure(book: _Book, word: Word, name: str) -> None:
    model, _, figure = name.partition(".")
    _known_model(book, replace(word, text=model))
    if figure != SCORE and figure not in book.figures[model]:
        place = replace(word, column=word.column + len(model) + 1) if "." in word.text else word
        unknown(replace(place, text=figure), f"figure of {model}", (SCORE, *book.figures[model]))


def _check_whole(book: _Book, end: Word) -> None:
    """Find what no single line has wrong: what is missing, and a volatility that no feature is."""
    if ("", "strategy") not in book.places:
        book.problems.append(Problem(1, 1, "the strategy has no name: strategy NAME"))
    if not (book.sides["buy"] or book.sides["sell"]) and not book.problems:
        book.problems.append(Problem(end.line, end.column, "there is no rule: buy WEIGHT NAME CONDITION"))
    volatility = book.settings.get("volatility")
    if isinstance(volatility, Word):
        try:
            if "." in volatility.text or volatility.text not in book.features:
                unknown(volatility, "feature", book.features)
            book.settings["volatility"] = volatility.text
        except Mistake as mistake:
            book.problems.append(mistake.problem)


def _strategy(book: _Book) -> Strategy:
    settings = dict(book.settings)
    ensemble: Mapping[str, Any] = settings.pop("ensemble", {})
    spread = {"spread_max": settings.pop("spread_max")} if "spread_max" in settings else {}
    sizing = {name: settings.pop(name) for name in SIZING if name in settings}
    return Strategy(
        buy=tuple(book.sides["buy"]),
        sell=tuple(book.sides["sell"]),
        vetoes=tuple(book.sides["veto"]),
        ensemble=Ensemble(**ensemble, **spread),
        sizing=Sizing(**sizing),
        **settings,
    )
