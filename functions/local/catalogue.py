"""Know every deployable by its card, and draw the graph that cards and wiring make; text, SVG and the catalogue table."""

import importlib
import pkgutil
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final
from xml.sax.saxutils import escape

from functions.local.topology import Topology
from functions.ports.card import Card, Kind

ROOMS: Final = tuple(kind.value for kind in Kind)


def cards() -> dict[str, Card]:
    """Import every deployable's card, by name."""
    found: dict[str, Card] = {}
    for room in ROOMS:
        package = importlib.import_module(f"functions.{room}")
        for info in pkgutil.iter_modules(package.__path__):
            if info.ispkg:
                card: Card = importlib.import_module(f"functions.{room}.{info.name}").CARD
                found[card.name] = card
    return found


@dataclass(frozen=True, slots=True)
class Edge:
    """One way a fact goes: from an emitter over a broker to a hearer, or a call behind it."""

    source: str
    target: str
    label: str


def short(message_type: str) -> str:
    """Take the message's own name from its full one."""
    return message_type.rsplit(".", 1)[-1]


def hearers(topology: Topology, known: dict[str, Card]) -> Iterator[tuple[str, str, tuple[str, ...]]]:
    """Give (broker, function, types it hears there); a Trigger's types are those of its subscriber that pass its filter."""
    for one in topology.subscriptions:
        if one.subscriber_kind == "Service":
            yield one.broker, one.subscriber, _passing(one.filters, known[one.subscriber].consumes)
    for table in topology.tables:
        yield table.broker, table.name, table.types


def bridges(topology: Topology) -> Iterator[tuple[str, str, tuple[str, ...]]]:
    """Give (from broker, to broker, types) for every bridge Trigger."""
    for one in topology.subscriptions:
        if one.subscriber_kind == "Broker":
            yield one.broker, one.subscriber, _named_types(one.filters)


def emitted(topology: Topology, known: dict[str, Card]) -> dict[str, set[tuple[str, str]]]:
    """Give, for each broker, who puts which types on it: (function, type)."""
    on: dict[str, set[tuple[str, str]]] = {name: set() for name in topology.brokers}
    for name, broker in topology.sources.items():
        on[broker] |= {(name, one) for one in known[name].emits}
    for broker, name, _ in hearers(topology, known):
        on[broker] |= {(name, one) for one in known[name].emits}
    for start, end, types in bridges(topology):
        on[end] |= {(name, one) for name, one in on[start] if one in types}
    return on


def edges(topology: Topology, known: dict[str, Card]) -> list[Edge]:
    """Give every edge of the event graph, then calls."""
    out = emitted(topology, known)
    found = {
        Edge(emitter, hearer, short(one))
        for broker, hearer, types in hearers(topology, known)
        for emitter, one in out[broker]
        if one in types or (types == ("*",) and known[emitter].name in _quarantined(topology, hearer))
    }
    calls = {Edge(card.name, called, "gRPC") for card in known.values() for called in card.calls}
    stores = {Edge(card.name, store, "store") for card in known.values() for store in card.stores}
    return sorted(
        found | calls | stores, key=lambda edge: (edge.label in ("gRPC", "store"), edge.source, edge.target, edge.label)
    )


def _quarantined(topology: Topology, hearer: str) -> set[str]:
    """Give the functions whose events reach a subscriber that hears any type: those its `source` prefixes name."""
    return {
        element["prefix"]["source"].rstrip("/").rsplit("/", 1)[-1]
        for one in topology.subscriptions
        if one.subscriber == hearer
        for group in one.filters
        for element in group.get("any", ())
        if "source" in element.get("prefix", {})
    }


def _named_types(filters: object) -> tuple[str, ...]:
    found: list[str] = []

    def walk(node: object) -> None:
        if isinstance(node, dict):
            if isinstance(node.get("type"), str):
                found.append(node["type"])
            for value in node.values():
                walk(value)
        elif isinstance(node, list | tuple):
            for value in node:
                walk(value)

    walk(filters)
    return tuple(found)


def _passing(filters: object, consumes: tuple[str, ...]) -> tuple[str, ...]:
    named = _named_types(filters)
    return named or consumes


def catalogue(known: dict[str, Card]) -> str:
    """Write the catalogue table from the cards, in Markdown."""
    head = ("name", "kind", "consumes", "emits", "calls", "stores", "key", "state", "budget")
    lines = [_row(head), _row(tuple("---" for _ in head))]
    order = {kind: at for at, kind in enumerate(Kind)}
    for card in sorted(known.values(), key=lambda one: (order[one.kind], one.name)):
        lines.append(
            _row(
                (
                    f"`{card.name}`",
                    card.kind.value[:-1],
                    ", ".join(map(short, card.consumes)),
                    ", ".join(map(short, card.emits)),
                    ", ".join(card.calls),
                    ", ".join(card.stores),
                    card.key,
                    card.state,
                    f"{card.budget_ms} ms",
                )
            )
        )
    return "\n".join(lines) + "\n"


def _row(cells: tuple[str, ...]) -> str:
    return "| " + " | ".join(cell or " " for cell in cells) + " |"


def as_text(topology: Topology, known: dict[str, Card]) -> str:
    """Draw the graph as text: one line an edge, and each broker's readers with their delivery."""
    lines = []
    for broker in topology.brokers.values():
        lines.append(f"{broker.name} ({broker.partitions} partitions)")
        for one in topology.subscriptions:
            if one.broker == broker.name:
                order = "ordered" if one.ordered else "unordered"
                types = ", ".join(map(short, _passing(one.filters, ("rejected rows",))))
                lines.append(f"  {types} -> {one.subscriber} [{order}, {one.delivery.retry} retries]")
        for table in topology.tables:
            if table.broker == broker.name:
                lines.append(f"  {', '.join(map(short, table.types))} -> {table.name} [table]")
    lines += ["", *(f"{edge.source} --{edge.label}--> {edge.target}" for edge in edges(topology, known))]
    return "\n".join(lines) + "\n"


_COLORS: Final = {Kind.FEED: "#0b7285", Kind.HANDLER: "#364fc7", Kind.TABLE: "#2b8a3e", Kind.SERVICE: "#862e9c"}
_WIDTH, _HEIGHT, _GAP_X, _GAP_Y, _PAD = 132, 40, 96, 26, 24


def as_svg(topology: Topology, known: dict[str, Card]) -> str:
    """Draw the graph as SVG: columns by distance from the feeds, one box a function, one curve an edge."""
    drawn = edges(topology, known)
    places = _places(drawn, known)
    width = max(x for x, _ in places.values()) + _WIDTH + _PAD
    height = max(y for _, y in places.values()) + _HEIGHT + _PAD
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height}" font-family="sans-serif" font-size="12">',
        '<defs><marker id="tip" viewBox="0 0 8 8" refX="8" refY="4" markerWidth="7" markerHeight="7" orient="auto">'
        '<path d="M0 0L8 4L0 8z" fill="#868e96"/></marker></defs>',
        *(_curve(edge, places) for edge in drawn),
        *(_box(name, places[name], known.get(name)) for name in places),
        "</svg>",
    ]
    return "\n".join(parts) + "\n"


def _places(drawn: list[Edge], known: dict[str, Card]) -> dict[str, tuple[int, int]]:
    names = sorted({edge.source for edge in drawn} | {edge.target for edge in drawn})
    depth = dict.fromkeys(names, 0)
    for _ in names:
        for edge in drawn:
            if edge.target != edge.source and depth[edge.target] < depth[edge.source] + 1 <= len(names):
                depth[edge.target] = depth[edge.source] + 1
    columns: dict[int, list[str]] = {}
    for name in sorted(names, key=lambda one: (depth[one], one not in known, one)):
        columns.setdefault(depth[name], []).append(name)
    return {
        name: (_PAD + at * (_WIDTH + _GAP_X), _PAD + row * (_HEIGHT + _GAP_Y))
        for at, column in enumerate(columns[key] for key in sorted(columns))
        for row, name in enumerate(column)
    }


def _curve(edge: Edge, places: dict[str, tuple[int, int]]) -> str:
    (x1, y1), (x2, y2) = places[edge.source], places[edge.target]
    x1, y1, y2 = x1 + _WIDTH, y1 + _HEIGHT // 2, y2 + _HEIGHT // 2
    bend = max((x2 - x1) // 2, 30)
    dash = ' stroke-dasharray="4 3"' if edge.label in ("gRPC", "store") else ""
    path = f"M{x1} {y1}C{x1 + bend} {y1} {x2 - bend} {y2} {x2} {y2}"
    label = f'<text x="{(x1 + x2) // 2}" y="{(y1 + y2) // 2 - 4}" text-anchor="middle" fill="#868e96" font-size="9">{escape(edge.label)}</text>'
    return f'<path d="{path}" fill="none" stroke="#adb5bd"{dash} marker-end="url(#tip)"/>{label}'


def _box(name: str, place: tuple[int, int], card: Card | None) -> str:
    x, y = place
    color = _COLORS[card.kind] if card else "#495057"
    what = card.kind.value[:-1] if card else "store"
    return (
        f'<g><rect x="{x}" y="{y}" width="{_WIDTH}" height="{_HEIGHT}" rx="6" fill="{color}"/>'
        f'<text x="{x + _WIDTH // 2}" y="{y + 18}" text-anchor="middle" fill="#fff" font-weight="bold">{escape(name)}</text>'
        f'<text x="{x + _WIDTH // 2}" y="{y + 32}" text-anchor="middle" fill="#fff" font-size="10">{what}</text></g>'
    )
