"""Hold all manifests of one deployment together: rules ask for one by name, and for whose pods these are."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Final, TypeAlias

from functions.local.deployment.objects import NAMESPACE, Finding, Node, Object
from functions.local.deployment.pods import KSERVICE, Workload, workloads
from functions.local.deployment.policies import APP, JOBS
from functions.local.topology import TABLE
from functions.ports.card import Card, Kind

PARTITIONS: Final = "default.topic.partitions"


@dataclass(frozen=True, slots=True)
class Manifests:
    """Everything that is deployed together.

    Attributes:
        objects: The manifests.
        cards: Every function's card.
        workloads: What makes pods.
        index: Objects by group, kind, namespace and name; the first of each.
        namespace: Where they go: what their Namespace is called.
    """

    objects: Sequence[Object]
    cards: Mapping[str, Card]
    workloads: Sequence[Workload]
    index: Mapping[tuple[str, str, str, str], Object]
    namespace: str = NAMESPACE

    def of(self, group: str, kind: str) -> Iterator[Object]:
        """Give all objects of a kind."""
        return (one for one in self.objects if (one.group, one.kind) == (group, kind))

    def find(self, group: str, kind: str, name: str, namespace: str = "") -> Object | None:
        """Find an object by name; without a namespace, in ours."""
        return self.index.get((group, kind, namespace or self.namespace, name))

    def referred(self, reference: Node, near: Object) -> Object | None:
        """Find what a reference (apiVersion, kind, name) names; without a namespace, in that of who refers."""
        group = reference["apiVersion"].text.rpartition("/")[0]
        namespace = reference["namespace"].text or near.namespace
        return self.find(group, reference["kind"].text, reference["name"].text, namespace)

    def card(self, workload: Workload) -> Card | None:
        """Say which function a workload's pods are; None for jobs and strangers."""
        if workload.is_kservice:
            return next(
                (one for one in self._cards(Kind.HANDLER, Kind.SERVICE) if one.name == workload.owner.name), None
            )
        name = workload.labels.get(APP)
        return next((one for one in self._cards(Kind.FEED, Kind.TABLE) if one.name == name), None)

    def is_job(self, workload: Workload) -> bool:
        """Tell whether the pods are of a known job."""
        return workload.labels.get(APP) in JOBS

    def functions(self, *kinds: Kind) -> Iterator[tuple[Workload, Card]]:
        """Give the workloads of functions of some kinds."""
        for workload in self.workloads:
            card = self.card(workload)
            if card is not None and card.kind in kinds:
                yield workload, card

    def table_config(self, table: str) -> Object | None:
        """Find the ConfigMap that says what a table hears."""
        labelled = (one for one in self.of("", "ConfigMap") if one["metadata"]["labels"][TABLE].text == table)
        return next(labelled, None)

    def partitions(self, broker: str) -> int | None:
        """Give the number of partitions of a broker's topic; None where nothing says it."""
        one = self.find("eventing.knative.dev", "Broker", broker)
        config = one["spec"]["config"] if one else None
        found = self.find("", "ConfigMap", config["name"].text, config["namespace"].text) if config else None
        return found["data"][PARTITIONS].number if found else None

    def _cards(self, *kinds: Kind) -> Iterator[Card]:
        return (one for one in self.cards.values() if one.kind in kinds)


Rule: TypeAlias = Callable[[Manifests], Iterator[Finding]]
"""Look at a deployment and say what is wrong with it."""


def together(objects: Sequence[Object], cards: Mapping[str, Card]) -> Manifests:
    """Index the manifests of a deployment; it is in its one Namespace, or without one in `tickloom`."""
    namespace = next((one.name for one in objects if (one.group, one.kind) == ("", "Namespace")), NAMESPACE)
    index: dict[tuple[str, str, str, str], Object] = {}
    for one in objects:
        index.setdefault((one.group, one.kind, one.namespace or namespace, one.name), one)
    return Manifests(objects, cards, workloads(objects), index, namespace)


def environment(workload: Workload) -> dict[str, Node]:
    """Give the environment of a workload's containers, by name."""
    return {one["name"].text: one for container in workload.containers for one in container["env"]}


def is_kservice(one: Object) -> bool:
    """Tell whether an object is a Knative Service."""
    return (one.group, one.kind) == KSERVICE
