"""Derive NetworkPolicies from the wiring and the cards: what each function must reach and be reached by, nothing else.

| who | from | to |
|---|---|---|
| every pod | | cluster DNS, and the collector where there is one |
| handler with a Trigger | gateway, activator, autoscaler: how the dispatcher's events come | |
| service | the same: how calls come | |
| feed or relay with a SinkBinding | | broker ingress |
| table | | Kafka |
| who has `Calls` | | gateway: every KService is behind it |
| who has `Stores` | | those stores |
| feed, or service | | its venue: the place that has its name, where there is one |

What a NetworkPolicy cannot say: behind the gateway all KServices look alike, so who may reach it could call any of
them, and who sent a request is not known to the pod that gets it. Telling callers apart takes a mesh (the `istio`
component) or the services' own tokens. Probes of kubelets come from a pod's own node, which policies never stop.
"""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Final

from functions.local.deployment.objects import NAMESPACE
from functions.local.deployment.places import PLACES, Place, Port, tcp
from functions.local.topology import Topology
from functions.ports.card import Card, Kind

SERVING: Final = "serving.knative.dev/service"
APP: Final = "app.kubernetes.io/name"
PART_OF: Final = {"app.kubernetes.io/part-of": NAMESPACE}

HTTP_PORT: Final = tcp(8012)
H2C_PORT: Final = tcp(8013)
LOAD_PORT: Final = tcp(9090)
"""Ports of queue-proxy, which stands before our process in each KService's pod: HTTP/1, HTTP/2, and its load."""

JOBS: Final[Mapping[str, tuple[str, ...]]] = {"migrate": ("postgres",), "train": ()}
"""Pods that are no functions, and the places they reach."""


@dataclass(frozen=True, slots=True)
class Way:
    """One permitted way: the other end, and the ports of who is reached."""

    other: Place
    ports: tuple[Port, ...]


@dataclass(frozen=True, slots=True)
class Policy:
    """What some pods may do.

    Attributes:
        name: Name of the NetworkPolicy.
        selector: Labels of the pods; empty selects all.
        ingress: Ways to them.
        egress: Ways from them.
    """

    name: str
    selector: Mapping[str, str]
    ingress: tuple[Way, ...] = ()
    egress: tuple[Way, ...] = ()


def expected(topology: Topology, cards: Mapping[str, Card], places: Mapping[str, Place] = PLACES) -> tuple[Policy, ...]:
    """Give every NetworkPolicy there must be: all is shut, then opened for each function.

    Args:
        topology: The wiring.
        cards: Every function's card.
        places: Where the world outside is.
    """
    everyone = tuple(_to(places[name]) for name in ("dns", "collector") if name in places)
    functions = sorted(cards.values(), key=lambda card: (card.kind.value, card.name))
    return (
        Policy("default-deny", {}),
        Policy("everyone", {}, egress=everyone),
        *(_policy(card, topology, places) for card in functions),
        *(
            Policy(f"{name}-job", _pods(name), egress=tuple(_to(places[one]) for one in reached))
            for name, reached in JOBS.items()
        ),
    )


def selector(card: Card) -> dict[str, str]:
    """Give the labels by which a function's pods are known; Knative itself puts one on those of a KService."""
    return {SERVING: card.name} if card.kind in {Kind.HANDLER, Kind.SERVICE} else _pods(card.name)


def _pods(name: str) -> dict[str, str]:
    return {APP: name, **PART_OF}


def _to(place: Place) -> Way:
    return Way(place, place.ports)


def _policy(card: Card, topology: Topology, places: Mapping[str, Place]) -> Policy:
    return Policy(
        f"{card.name}-{card.kind.value[:-1]}",
        selector(card),
        ingress=tuple(_ingress(card, topology, places)),
        egress=tuple(_to(places[name]) for name in _reached(card, topology, places)),
    )


def _ingress(card: Card, topology: Topology, places: Mapping[str, Place]) -> Iterator[Way]:
    heard = any(one.subscriber_kind == "Service" and one.subscriber == card.name for one in topology.subscriptions)
    if card.kind is Kind.SERVICE or (card.kind is Kind.HANDLER and heard):
        port = H2C_PORT if card.kind is Kind.SERVICE else HTTP_PORT
        yield Way(places["gateway"], port)
        yield Way(places["activator"], port)
        yield Way(places["autoscaler"], LOAD_PORT)


def _reached(card: Card, topology: Topology, places: Mapping[str, Place]) -> Iterator[str]:
    """Name the places a function reaches."""
    if card.kind is Kind.TABLE:
        yield "kafka"
    elif card.name in topology.sources and card.kind in {Kind.FEED, Kind.SERVICE}:
        yield "broker"
    if card.calls:
        yield "gateway"
    yield from card.stores
    if card.kind is not Kind.TABLE and card.name in places:
        yield card.name


def documents(policies: Iterable[Policy]) -> list[dict[str, Any]]:
    """Write policies as manifests."""
    return [_document(one) for one in policies]


def _document(policy: Policy) -> dict[str, Any]:
    spec: dict[str, Any] = {
        "podSelector": {"matchLabels": dict(policy.selector)} if policy.selector else {},
        "policyTypes": ["Ingress", "Egress"],
    }
    if policy.ingress:
        spec["ingress"] = [{"from": way.other.peers(), "ports": _ports(way)} for way in policy.ingress]
    if policy.egress:
        spec["egress"] = [{"to": way.other.peers(), "ports": _ports(way)} for way in policy.egress]
    return {
        "apiVersion": "networking.k8s.io/v1",
        "kind": "NetworkPolicy",
        "metadata": {"name": policy.name, "namespace": NAMESPACE},
        "spec": spec,
    }


def _ports(way: Way) -> list[dict[str, Any]]:
    return [{"protocol": protocol, "port": port} for protocol, port in way.ports]
