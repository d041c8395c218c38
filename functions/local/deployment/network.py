"""Compare NetworkPolicies with what must be, pod by pod: what is open too far, what is shut that must be open.

Policies are added up as Kubernetes does, so it does not matter how many say it, nor in which words of the same meaning.
"""

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final, TypeAlias

from functions.local.deployment.manifests import Manifests, environment
from functions.local.deployment.objects import Finding, Node, Object
from functions.local.deployment.places import Place
from functions.local.deployment.pods import Workload
from functions.local.deployment.policies import Policy, Way

RULE: Final = "network-policy"
ANY: Final = "anybody"
ADDRESSES: Final = {
    "KAFKA_BOOTSTRAP_SERVERS": "kafka",
    "OTEL_EXPORTER_OTLP_ENDPOINT": "collector",
    "TICKLOOM_FIX_PORT": "fix",
    "TICKLOOM_QUEUE_SERVERS": "queue",
}
"""Variables that say where a place is; what they say must be where the place is."""

_ADDRESS: Final = re.compile(r"(?:\w+://)?(?:(?P<host>[^:/,]+):)?(?P<port>\d+)/?")
EVERY_PORT: Final = "every port"

Step: TypeAlias = tuple[str, str, str]
"""Direction, the other end in canonical JSON, and the port: one thing that is allowed."""


@dataclass(frozen=True, slots=True)
class _Rules:
    """What one NetworkPolicy of the manifests says.

    Attributes:
        of: The policy.
        types: Directions in which it shuts all that it does not open.
        steps: What it opens, and where the other end and the port are written.
    """

    of: Object
    types: frozenset[str]
    steps: Mapping[Step, tuple[Node, Node]] = field(default_factory=dict)

    def selects(self, labels: Mapping[str, str]) -> bool:
        return _matches(self.of["spec"]["podSelector"], labels)


def differences(manifests: Manifests, expected: Sequence[Policy]) -> Iterator[Finding]:
    """Give what the policies of manifests allow too much or too little.

    Args:
        manifests: The policies, and the pods they are for.
        expected: What must be allowed.
    """
    here = {"", manifests.namespace}
    found = manifests.of("networking.k8s.io", "NetworkPolicy")
    written = [_rules(one) for one in found if one.namespace in here]
    ours = [one for one in manifests.workloads if one.owner.namespace in here]
    steps = [(one.selector.items(), frozenset(_steps(one))) for one in expected]
    for workload in ours:
        labels = workload.labels
        wanted = frozenset[Step]().union(*(opened for chosen, opened in steps if chosen <= labels.items()))
        yield from _of_workload(workload, [one for one in written if one.selects(labels)], wanted)
    for rules in written:
        if rules.of["spec"]["podSelector"].value and not any(rules.selects(one.labels) for one in ours):
            message = f"policy {rules.of.name} selects no pods: delete it, or mend its podSelector"
            yield rules.of["spec"]["podSelector"].finding(RULE, message)


def addresses(manifests: Manifests, places: Mapping[str, Place]) -> Iterator[Finding]:
    """Give the addresses that pods are told and their policies do not lead to.

    Args:
        manifests: The pods.
        places: Where policies lead.
    """
    for workload in manifests.workloads:
        for variable, node in environment(workload).items():
            name, said = ADDRESSES.get(variable, ""), node["value"]
            if name and not all(_leads(places.get(name), one) for one in str(said.value).split(",")):
                message = f"policies do not lead {workload.title} to {said.value}: mend the place `{name}`"
                yield said.finding(RULE, message)


def _leads(place: Place | None, address: str) -> bool:
    """Tell whether a place has the port of an address and, if its pods are known, their namespace.

    >>> broker = Place((("TCP", 9092),), namespace="kafka")
    >>> _leads(broker, "first.kafka:9092"), _leads(broker, "first.kafka.svc:9093"), _leads(broker, "first.other:9092")
    (True, False, False)
    """
    found = _ADDRESS.fullmatch(address)
    if place is None or found is None:
        return False
    namespace = (found["host"] or "").partition(".")[2].partition(".")[0]
    elsewhere = bool(namespace) and place.namespace not in {"", namespace}
    return ("TCP", int(found["port"])) in place.ports and not elsewhere


def _of_workload(workload: Workload, written: Sequence[_Rules], wanted: frozenset[Step]) -> Iterator[Finding]:
    for direction in ("Ingress", "Egress"):
        if not any(direction in rules.types for rules in written):
            message = f"no policy shuts {direction.lower()} for {workload.title}: all of it is open"
            yield workload.template.finding(RULE, message)
    opened: dict[Step, tuple[Node, Node]] = {}
    for rules in written:
        opened = {**rules.steps, **opened}
    known = {step[:2] for step in wanted}
    for step in sorted(opened.keys() - wanted):
        yield opened[step][step[:2] in known].finding(
            RULE, f"opens {_words(step, workload)}, which neither wiring nor cards ask for"
        )
    own = [one for one in written if one.of["spec"]["podSelector"].value]
    where = own[0].of["spec"] if own else workload.template
    for step in sorted(wanted - opened.keys()):
        yield where.finding(RULE, f"does not open {_words(step, workload)}, which wiring and cards ask for")


def _words(step: Step, workload: Workload) -> str:
    direction, other, port = step
    named = other if other == ANY else _peer(Node(workload.owner, (), json.loads(other)))
    return f"{port} {'from' if direction == 'Ingress' else 'of'} {named} to {workload.title}"


def _peer(peer: Node) -> str:
    """Name the other end in a message."""
    block = peer["ipBlock"]
    if block:
        left_out = " ".join(str(one.value) for one in block["except"])
        return f"{block['cidr'].value}{left_out and f' except {left_out}'}"
    pods, spaces = _labels(peer["podSelector"]), _labels(peer["namespaceSelector"])
    within = f"namespaces {spaces}" if spaces else "all namespaces" if peer["namespaceSelector"] else "our namespace"
    return f"{f'pods {pods}' if pods else 'all pods'} in {within}"


def _labels(selector: Node) -> str:
    plain = (f"{key}={node.value}" for key, node in selector["matchLabels"].pairs())
    return " ".join((*plain, *(str(one.value) for one in selector["matchExpressions"])))


def _steps(policy: Policy) -> Iterator[Step]:
    for direction, ways in (("Ingress", policy.ingress), ("Egress", policy.egress)):
        for way in ways:
            for peer in way.other.peers():
                for port in _named(way):
                    yield direction, _canonical(peer), port


def _named(way: Way) -> list[str]:
    return [f"{protocol} {port}" for protocol, port in way.ports]


def _canonical(peer: Any) -> str:  # noqa: ANN401 - any YAML
    return json.dumps(_plain(peer), sort_keys=True)


def _plain(value: Any) -> Any:  # noqa: ANN401 - any YAML
    """Make of any YAML what JSON can say: keys are texts, and what it has no word for."""
    if isinstance(value, dict):
        return {str(key): _plain(below) for key, below in value.items()}
    if isinstance(value, list):
        return [_plain(below) for below in value]
    return value if value is None or isinstance(value, str | int | float) else str(value)


def _rules(policy: Object) -> _Rules:
    spec = policy["spec"]
    said = frozenset(one.text for one in spec["policyTypes"])
    types = said or frozenset(("Ingress", *(("Egress",) if spec["egress"] else ())))
    steps: dict[Step, tuple[Node, Node]] = {}
    for direction, key, side in (("Ingress", "ingress", "from"), ("Egress", "egress", "to")):
        for rule in spec[key] if direction in types else ():
            for other, peer in _peers(rule, side):
                for port, node in _ports(rule):
                    steps[direction, other, port] = peer, node
    return _Rules(policy, types, steps)


def _peers(rule: Node, side: str) -> Iterator[tuple[str, Node]]:
    found = list(rule[side])
    for one in found:
        yield _canonical(one.value), one
    if not found:
        yield ANY, rule


def _ports(rule: Node) -> Iterator[tuple[str, Node]]:
    found = list(rule["ports"])
    for one in found:
        last = f"-{one['endPort'].value}" if one["endPort"] else ""
        yield f"{one['protocol'].text or 'TCP'} {one['port'].value}{last}", one["port"]
    if not found:
        yield EVERY_PORT, rule


def _matches(selector: Node, labels: Mapping[str, str]) -> bool:
    return selector["matchLabels"].texts.items() <= labels.items() and all(
        _holds(one, labels) for one in selector["matchExpressions"]
    )


def _holds(expression: Node, labels: Mapping[str, str]) -> bool:
    key, values = expression["key"].text, {one.text for one in expression["values"]}
    match expression["operator"].text:
        case "In":
            return labels.get(key) in values
        case "NotIn":
            return labels.get(key) not in values
        case "Exists":
            return key in labels
        case "DoesNotExist":
            return key not in labels
        case _:  # the API server refuses it; the schema says so
            return False
