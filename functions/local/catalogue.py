"""Know every deployable by its card, and what graph the cards and the wiring make; as edges, as text, as a table."""

import importlib
import pkgutil
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

from functions.local.topology import Broker, Topology
from functions.ports.card import Card, Kind

ROOMS: Final = tuple(kind.value for kind in Kind)
CALL: Final = "gRPC"
STORE: Final = "store"
BEHIND: Final = (CALL, STORE)
"""Labels of edges that no broker carries."""


def cards() -> dict[str, Card]:
    """Import every deployable's card, by name; where a table and a service share one, the service's says what it is."""
    found: dict[str, Card] = {}
    for room in ROOMS:
        package = importlib.import_module(f"functions.{room}")
        for info in pkgutil.iter_modules(package.__path__):
            if info.ispkg:
                card: Card = importlib.import_module(f"functions.{room}.{info.name}").CARD
                found[card.name if card.name not in found else f"{card.name} {card.kind.value[:-1]}"] = card
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


DOORS: Final = {
    "desk": ("tickloom.signals.v1.Feedback", "tickloom.portfolio.v1.ReportDue", "dev.knative.sources.ping"),
}
"""Types that people and timers (PingSource) put on a broker through its ingress, and no function does."""


def hearers(topology: Topology, known: dict[str, Card]) -> Iterator[tuple[str, str, tuple[str, ...]]]:
    """Give (broker, function, types it hears there); a Trigger that names no type lets all its subscriber's through."""
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
    services = {card.name: name for name, card in known.items() if card.kind is Kind.SERVICE}
    calls = {Edge(name, services[called], CALL) for name, card in known.items() for called in card.calls}
    stores = {Edge(name, store, STORE) for name, card in known.items() for store in card.stores}
    return sorted(found | calls | stores, key=lambda edge: (edge.label in BEHIND, edge.source, edge.target, edge.label))


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
    return _named_types(filters) or consumes


def catalogue(known: dict[str, Card]) -> str:
    """Write the catalogue table from the cards, in Markdown."""
    head = ("name", "kind", "consumes", "emits", "calls", "stores", "key", "state", "budget")
    lines = [_row(head), _row(tuple("---" for _ in head))]
    order = {kind: at for at, kind in enumerate(Kind)}
    lines += map(_card_row, sorted(known.values(), key=lambda one: (order[one.kind], one.name)))
    return "\n".join(lines) + "\n"


def _card_row(card: Card) -> str:
    return _row(
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


def _row(cells: tuple[str, ...]) -> str:
    return "| " + " | ".join(cell or " " for cell in cells) + " |"


def as_text(topology: Topology, known: dict[str, Card]) -> str:
    """Draw the graph as text: one line an edge, and each broker's readers with their delivery."""
    readers = [line for broker in topology.brokers.values() for line in _readers(topology, broker)]
    drawn = [f"{edge.source} --{edge.label}--> {edge.target}" for edge in edges(topology, known)]
    return "\n".join((*readers, "", *drawn)) + "\n"


def _readers(topology: Topology, broker: Broker) -> Iterator[str]:
    yield f"{broker.name} ({broker.partitions} partition{'s' if broker.partitions > 1 else ''})"
    for one in topology.subscriptions:
        if one.broker == broker.name:
            order = "ordered" if one.ordered else "unordered"
            types = ", ".join(map(short, _passing(one.filters, ("rejected rows",))))
            yield f"  {types} -> {one.subscriber} [{order}, {one.delivery.retry} retries]"
    for table in topology.tables:
        if table.broker == broker.name:
            yield f"  {', '.join(map(short, table.types))} -> {table.name} [table]"
