"""Draw a re-entry matrix as SVG: a heat map of the size factor, a row for each ending and duration.

Columns are generations, in a block for each proximity. Colour says what is done and how large; a cell tells its line of
the rules when it is pointed at.
"""

import itertools
from collections.abc import Iterator
from typing import Final
from xml.sax.saxutils import escape

from functions.domain.money import plain
from functions.domain.reentry import ENTERING, Case, Ending, Matrix, Proximity, Reaction, Rule

TITLES: Final = {
    Proximity.NONE: "no event near",
    Proximity.BEFORE: "before an event",
    Proximity.AFTER: "after an event",
}
_HUES: Final = {
    Reaction.REENTER: (28, 94, 176),
    Reaction.REVERSE: (176, 90, 0),
    Reaction.WAIT: (222, 226, 230),
    Reaction.STOP: (248, 249, 250),
}
_FAINTEST: Final = 0.25  # share of its hue that the smallest factor still has
_DARK: Final = 0.75  # share from which white letters are read better than black ones
_CELL, _ROW, _GAP, _PAD = 92, 40, 14, 20  # width of a cell, its height, space between blocks, and around all
_TOP, _FOOT = 96, 64  # room for the names of columns, and for what stands below
_LETTER: Final = 8  # width of a letter, rounded up, so that names fit in any sans-serif font


def as_svg(matrix: Matrix) -> str:
    """Draw the matrix; it stands by itself, without script or outside file."""
    generations = range(matrix.axes.cap.generation)
    rows = list(itertools.product(Ending, (one.name for one in matrix.axes.durations)))
    words = _words(matrix)
    width = max(_left(matrix, Proximity.AFTER, len(generations)), _PAD + max(map(len, words)) * _LETTER) + _PAD
    height = _TOP + len(rows) * _ROW + len(Ending) * _GAP + _FOOT
    cases = len(matrix.rules)
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height}" font-family="sans-serif">',
        "<title>What is done after a trade has ended</title>",
        f"<desc>{cases} cases by ending, bars held, calendar and generation, with size factors</desc>",
        f'<rect width="{width}" height="{height}" fill="#fff"/>',
        f'<text x="{_PAD}" y="34" font-size="17" font-weight="bold" fill="#212529">After a trade has ended</text>',
        *_columns(matrix),
        *(part for ending, duration in rows for part in _row(matrix, ending, duration)),
        *(
            f'<text x="{_PAD}" y="{height - _FOOT + 30 + 18 * at}" font-size="12" fill="#495057">{escape(line)}</text>'
            for at, line in enumerate(words)
        ),
        "</svg>",
    ]
    return "\n".join(parts) + "\n"


def _left(matrix: Matrix, proximity: Proximity, generation: int) -> int:
    names = _PAD + (len(f"{Ending.SCRATCH.value} ") + max(len(one.name) for one in matrix.axes.durations)) * _LETTER
    block = matrix.axes.cap.generation * _CELL + _GAP
    return _PAD + names + list(Proximity).index(proximity) * block + generation * _CELL


def _columns(matrix: Matrix) -> Iterator[str]:
    for proximity in Proximity:
        x = _left(matrix, proximity, 0)
        yield f'<text x="{x}" y="{_TOP - 32}" font-size="13" fill="#212529">{TITLES[proximity]}</text>'
        for generation in range(matrix.axes.cap.generation):
            middle = _left(matrix, proximity, generation) + _CELL // 2
            name = f"generation {generation}"
            yield _text(name, middle, _TOP - 10, fill="#495057", size=11)


def _row(matrix: Matrix, ending: Ending, duration: str) -> Iterator[str]:
    names = [one.name for one in matrix.axes.durations]
    block = list(Ending).index(ending)
    y = _TOP + (block * len(names) + names.index(duration)) * _ROW + block * _GAP
    label = f"{ending.value} {duration}"
    yield f'<text x="{_PAD}" y="{y + _ROW // 2 + 4}" font-size="13" fill="#212529">{escape(label)}</text>'
    for proximity, generation in itertools.product(Proximity, range(matrix.axes.cap.generation)):
        rule = matrix.rules[Case(ending, duration, proximity, generation)]
        yield _cell(matrix, rule, _left(matrix, proximity, generation), y)


def _cell(matrix: Matrix, rule: Rule, x: int, y: int) -> str:
    share = 1.0
    if rule.reaction in ENTERING:
        share = _FAINTEST + (1 - _FAINTEST) * float(rule.size_factor / matrix.axes.cap.notional)
    ink = "#fff" if rule.reaction in ENTERING and share >= _DARK else "#212529"
    word = rule.reaction.value + (f" {plain(rule.size_factor)}" if rule.reaction in ENTERING else "")
    hint = f"line {rule.line}: {rule.text}"
    return (
        f'<g><title>{escape(hint)}</title><rect x="{x}" y="{y}" width="{_CELL - 2}" height="{_ROW - 2}" rx="3"'
        f' fill="{_color(rule.reaction, share)}" stroke="#dee2e6"/>'
        f"{_text(word, x + _CELL // 2 - 1, y + _ROW // 2 + 3, fill=ink, size=12)}</g>"
    )


def _color(reaction: Reaction, share: float) -> str:
    """Mix a hue with white."""
    return "#" + "".join(f"{round(255 - (255 - part) * share):02x}" for part in _HUES[reaction])


def _text(text: str, x: int, y: int, *, fill: str, size: int) -> str:
    return f'<text x="{x}" y="{y}" text-anchor="middle" font-size="{size}" fill="{fill}">{escape(text)}</text>'


def _words(matrix: Matrix) -> tuple[str, str]:
    """Say below the matrix what its cells do not."""
    axes = matrix.axes
    held = ", ".join(f"{one.name} {_bars(one.bars_max)}" for one in axes.durations)
    return (
        f"From generation {axes.cap.generation} on: stop (line {axes.cap_line}: {axes.cap_text}). Held: {held}.",
        "The darker, the larger beside the first trade: blue enters again, brown reverses.",
    )


def _bars(bars_max: int | None) -> str:
    return "without bound" if bars_max is None else f"to {bars_max} bars"
