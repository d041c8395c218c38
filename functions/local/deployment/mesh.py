"""Say who may call whom inside an Istio mesh, by their service accounts: what NetworkPolicies cannot tell apart.

A handler is reached by Knative alone: its gateway brings what the dispatcher sends, and the activator wakes it. A
service is reached by the functions that have it in their `Calls`, straight from pod to pod, and by the activator and
the autoscaler. Nobody else is let in.
"""

from collections.abc import Mapping, Sequence
from typing import Any, Final

from functions.local.deployment.objects import NAMESPACE
from functions.local.deployment.policies import H2C_PORT, PART_OF, SERVING, selector
from functions.ports.card import Card, Kind

CALLERS: Final = "tickloom.dev/callers"
"""Label of policies that name callers: their principals hold the namespace, which overlays change."""

SERVING_NAMESPACE: Final = "knative-serving"
GATEWAY_NAMESPACE: Final = "istio-system"
TRUST_DOMAIN: Final = "cluster.local"


def authorisation(cards: Mapping[str, Card]) -> list[dict[str, Any]]:
    """Give the policies of the mesh, and the NetworkPolicies that let calls go from pod to pod.

    Args:
        cards: Every function's card.
    """
    handlers = [card for card in _sorted(cards) if card.kind is Kind.HANDLER]
    services = [card for card in _sorted(cards) if card.kind is Kind.SERVICE]
    called = {card.name: [one for one in handlers if card.name in one.calls] for card in services}
    return [
        _policy("nobody", PART_OF, {}),
        *(_authorised(card, ()) for card in handlers),
        *(_authorised(card, called[card.name]) for card in services),
        *(_straight(card, called[card.name]) for card in services if called[card.name]),
        *(_calling(card, services) for card in handlers if card.calls),
    ]


def _sorted(cards: Mapping[str, Card]) -> list[Card]:
    return sorted(cards.values(), key=lambda card: (card.kind.value, card.name))


def _authorised(card: Card, callers: Sequence[Card]) -> dict[str, Any]:
    """Let Knative reach a function, and its callers."""
    namespaces = [SERVING_NAMESPACE] if card.kind is Kind.SERVICE else [SERVING_NAMESPACE, GATEWAY_NAMESPACE]
    rules: list[dict[str, Any]] = [{"from": [{"source": {"namespaces": namespaces}}]}]
    if callers:
        rules.insert(0, {"from": [{"source": {"principals": [_principal(one) for one in callers]}}]})
    spec = {"selector": {"matchLabels": selector(card)}, "action": "ALLOW", "rules": rules}
    labels = {**PART_OF, **({CALLERS: "named"} if callers else {})}
    return _policy(f"{card.name}-{card.kind.value[:-1]}", labels, spec)


def _policy(name: str, labels: Mapping[str, str], spec: Mapping[str, Any]) -> dict[str, Any]:
    return {
        "apiVersion": "security.istio.io/v1",
        "kind": "AuthorizationPolicy",
        "metadata": {"name": name, "namespace": NAMESPACE, "labels": dict(labels)},
        "spec": dict(spec),
    }


def _principal(card: Card) -> str:
    return f"{TRUST_DOMAIN}/ns/{NAMESPACE}/sa/{card.name}-{card.kind.value[:-1]}"


def _straight(service: Card, callers: Sequence[Card]) -> dict[str, Any]:
    """Let callers' pods reach a service's without the gateway."""
    who = {"matchExpressions": [{"key": SERVING, "operator": "In", "values": [one.name for one in callers]}]}
    spec = {
        "podSelector": {"matchLabels": selector(service)},
        "policyTypes": ["Ingress"],
        "ingress": [{"from": [{"podSelector": who}], "ports": _ports()}],
    }
    return _network(f"{service.name}-mesh", spec)


def _calling(card: Card, services: Sequence[Card]) -> dict[str, Any]:
    reached = [one.name for one in services if one.name in card.calls]
    who = {"matchExpressions": [{"key": SERVING, "operator": "In", "values": reached}]}
    spec = {
        "podSelector": {"matchLabels": selector(card)},
        "policyTypes": ["Egress"],
        "egress": [{"to": [{"podSelector": who}], "ports": _ports()}],
    }
    return _network(f"{card.name}-mesh", spec)


def _network(name: str, spec: Mapping[str, Any]) -> dict[str, Any]:
    return {
        "apiVersion": "networking.k8s.io/v1",
        "kind": "NetworkPolicy",
        "metadata": {"name": name, "namespace": NAMESPACE},
        "spec": dict(spec),
    }


def _ports() -> list[dict[str, Any]]:
    return [{"protocol": protocol, "port": port} for protocol, port in H2C_PORT]
