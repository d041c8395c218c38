"""Draw the event graph as SVG: a row for each step away from the feeds, a box a function, a curve an edge.

Every edge bends around the boxes between its ends, and its label has a place of its own. Where functions stand in a
circle one edge of it points up. Stores are named in the boxes of those who use them.
"""

from dataclasses import dataclass
from typing import Final
from xml.sax.saxutils import escape

from functions.local.catalogue import CALL, STORE, Edge, edges
from functions.local.topology import Topology
from functions.ports.card import Card, Kind

_COLORS: Final = {Kind.FEED: "#0b7285", Kind.HANDLER: "#364fc7", Kind.TABLE: "#2b8a3e", Kind.SERVICE: "#862e9c"}
_BOX, _HEIGHT, _BEND = 116, 46, 16  # least width of a box, its height, width of a place where an edge bends
_GAP_X, _GAP_Y, _PAD = 20, 62, 16
_LETTER: Final = 6  # width of a letter of a label, rounded up, so that labels keep apart in any sans-serif font


@dataclass(frozen=True, slots=True)
class _Line:
    """All edges from one function to another, drawn as one; its places are its upper end, its bends, its lower end."""

    label: str
    dashed: bool
    upward: bool
    places: tuple[str, ...]

    @property
    def label_width(self) -> int:
        return len(self.label) * _LETTER + 8


def as_svg(topology: Topology, known: dict[str, Card]) -> str:
    """Draw the graph; names of functions and types are as the cards have them."""
    drawn = edges(topology, known)
    upward = _upward(drawn)
    depths = _depths(drawn, known, upward)
    lines = _lines(drawn, depths, upward)
    widths = _widths(lines, known)
    centers = _centers(lines, depths, widths)
    width = max(centers[name] + widths[name] // 2 for name in centers) + _PAD
    height = _top(max(depths.values())) + _HEIGHT + _PAD
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height}" font-family="sans-serif">',
        '<defs><marker id="tip" viewBox="0 0 8 8" refX="8" refY="4" markerWidth="7" markerHeight="7"',
        ' orient="auto-start-reverse"><path d="M0 0L8 4L0 8z" fill="#868e96"/></marker></defs>',
        *(part for name in centers for part in _incoming(name, lines, depths, centers)),
        *(_box(card, centers[name], _top(depths[name]), widths[name]) for name, card in sorted(known.items())),
        "</svg>",
    ]
    return "\n".join(parts) + "\n"


def _top(depth: int) -> int:
    return _PAD + depth * (_HEIGHT + _GAP_Y)


def _upward(drawn: list[Edge]) -> frozenset[tuple[str, str]]:
    """Find the edges that close a circle, met on the way down from the first name."""
    targets: dict[str, set[str]] = {}
    for edge in drawn:
        if edge.label != STORE and edge.target != edge.source:
            targets.setdefault(edge.source, set()).add(edge.target)
    upward: set[tuple[str, str]] = set()
    done: set[str] = set()

    def walk(name: str, above: frozenset[str]) -> None:
        for target in sorted(targets.get(name, ())):
            if target in above:
                upward.add((name, target))
            elif target not in done:
                walk(target, above | {target})
        done.add(name)

    for name in sorted(targets):
        if name not in done:
            walk(name, frozenset((name,)))
    return frozenset(upward)


def _depths(drawn: list[Edge], known: dict[str, Card], upward: frozenset[tuple[str, str]]) -> dict[str, int]:
    """Give each function its row: one below the lowest of those it hears or is called by."""
    depths = dict.fromkeys(sorted(known), 0)
    for _ in depths:  # the longest way has fewer edges than there are functions
        for edge in drawn:
            if edge.label != STORE and edge.target != edge.source and (edge.source, edge.target) not in upward:
                depths[edge.target] = max(depths[edge.target], min(depths[edge.source] + 1, len(depths)))
    return depths


def _lines(drawn: list[Edge], depths: dict[str, int], upward: frozenset[tuple[str, str]]) -> list[_Line]:
    """Join the edges between each two functions; where one passes a row it gets a bend there, which joins `depths`."""
    labels: dict[tuple[str, str], list[str]] = {}
    for edge in drawn:
        if edge.label != STORE:
            labels.setdefault((edge.source, edge.target), []).append(edge.label)
    lines = []
    for ends, named in labels.items():
        top, bottom = ends[::-1] if ends in upward else ends
        bends = {f"{top} {bottom} {depth}": depth for depth in range(depths[top] + 1, depths[bottom])}
        depths.update(bends)
        places = (top, *bends, bottom)
        lines.append(_Line(", ".join(named), dashed=named == [CALL], upward=ends in upward, places=places))
    return lines


def _into(name: str, lines: list[_Line]) -> list[tuple[_Line, int]]:
    """List the lines that enter a place from above, with the position of the place among theirs."""
    return [(line, line.places.index(name)) for line in lines if name in line.places[1:]]


def _port_width(line: _Line, at: int) -> int:
    """Give the room a line needs where it enters its place number `at`; its label stands at the first."""
    return line.label_width if at == 1 else _BEND


def _widths(lines: list[_Line], known: dict[str, Card]) -> dict[str, int]:
    names = {place: 0 for line in lines for place in line.places} | dict.fromkeys(known, _BOX)
    return {
        name: max(least, _BEND, sum(_port_width(line, at) for line, at in _into(name, lines)))
        for name, least in names.items()
    }


def _centers(lines: list[_Line], depths: dict[str, int], widths: dict[str, int]) -> dict[str, int]:
    """Put each place below those its lines come from, row by row, and keep the places of a row apart."""
    centers: dict[str, int] = {}
    for depth in range(max(depths.values()) + 1):
        wanted = {name: _wanted(name, lines, centers) for name, its in depths.items() if its == depth}
        row = sorted(wanted, key=lambda name: (wanted[name], name))
        right = None
        for name in row:
            left = wanted[name] - widths[name] // 2
            left = left if right is None else max(left, right + _GAP_X)
            centers[name] = left + widths[name] // 2
            right = left + widths[name]
        excess = sum(centers[name] - wanted[name] for name in row) // max(len(row), 1)
        centers.update({name: centers[name] - excess for name in row})
    leftmost = min(center - widths[name] // 2 for name, center in centers.items())
    return {name: center - leftmost + _PAD for name, center in centers.items()}


def _wanted(name: str, lines: list[_Line], centers: dict[str, int]) -> int:
    above = [centers[line.places[at - 1]] for line, at in _into(name, lines)]
    return sum(above) // len(above) if above else 0


def _incoming(name: str, lines: list[_Line], depths: dict[str, int], centers: dict[str, int]) -> list[str]:
    """Draw the lines that enter a place, side by side in the order in which they come."""
    entering = sorted(_into(name, lines), key=lambda one: (centers[one[0].places[one[1] - 1]], one[0].places))
    room = sum(_port_width(line, at) for line, at in entering)
    x, y = centers[name] - room // 2, _top(depths[name])
    parts = []
    for line, at in entering:
        x += _port_width(line, at) // 2
        parts.append(_curve(line, at, start=(centers[line.places[at - 1]], y - _GAP_Y), end=(x, y)))
        x += _port_width(line, at) - _port_width(line, at) // 2
    return parts


def _curve(line: _Line, at: int, *, start: tuple[int, int], end: tuple[int, int]) -> str:
    (x1, y1), (x2, y2) = start, end
    half = _GAP_Y // 2
    last = at == len(line.places) - 1
    down = "" if last else f"V{y2 + _HEIGHT}"
    tip = ("start" if at == 1 else "") if line.upward else ("end" if last else "")
    style = (' stroke-dasharray="4 3"' if line.dashed else "") + (f' marker-{tip}="url(#tip)"' if tip else "")
    path = (
        f'<path d="M{x1} {y1}C{x1} {y1 + half} {x2} {y2 - half} {x2} {y2}{down}" fill="none" stroke="#adb5bd"{style}/>'
    )
    if at > 1:
        return path
    halo = 'fill="#495057" stroke="#fff" stroke-width="3" paint-order="stroke"'
    return f'{path}<text x="{x2}" y="{y2 - 11}" text-anchor="middle" font-size="10" {halo}>{escape(line.label)}</text>'


def _box(card: Card, center: int, top: int, width: int) -> str:
    what = card.kind.value[:-1] + "".join(f" · {store}" for store in card.stores)
    middle = f'x="{center}" text-anchor="middle" fill="#fff"'
    return (
        f'<g><rect x="{center - width // 2}" y="{top}" width="{width}" height="{_HEIGHT}" rx="6"'
        f' fill="{_COLORS[card.kind]}"/>'
        f'<text y="{top + 20}" {middle} font-size="13" font-weight="bold">{escape(card.name)}</text>'
        f'<text y="{top + 36}" {middle} font-size="10">{escape(what)}</text></g>'
    )
