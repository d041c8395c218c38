"""Rules for what shares partitions: tables and their workers, consumers of Triggers, feeds, and the topics of all."""

from collections.abc import Iterator
from typing import Final

from functions.adapters.kafka_events import broker_topic
from functions.local.deployment.manifests import Manifests, Rule, environment
from functions.local.deployment.objects import Finding, Node
from functions.local.deployment.pods import Workload
from functions.local.deployment.wiring_rules import EVENTING, KEDA
from functions.ports.card import Kind
from functions.runtime.groups import changelog_of

STRIMZI: Final = "kafka.strimzi.io"
_SINGLE: Final = frozenset(("calendar", "fix", "mt4", "news", "replay", "rest", "stream"))
"""Feeds that number what they hear, or hold the one session there may be: a second one would say it again."""


def tables(manifests: Manifests) -> Iterator[Finding]:
    """A table reads what its ConfigMap says, from its broker's topic, and has no more workers than partitions."""
    for workload, card in manifests.functions(Kind.TABLE):
        config = manifests.table_config(card.name)
        if config is None:
            yield workload.owner.root.finding("table", f"no ConfigMap says what table {card.name} hears")
            continue
        if config.name not in _mounted(workload):
            yield workload.spec.finding("table", f"{workload.title} does not read ConfigMap {config.name}")
        broker = config["data"]["broker"]
        partitions = manifests.partitions(broker.text)
        if partitions is None:
            yield broker.finding("table", f"there is no Broker {broker.text} with partitions, which {card.name} reads")
            continue
        yield from _told(manifests, workload, broker.text, partitions)
        for node in _replicas(manifests, workload):
            if (node.number or 0) > partitions:
                message = f"{node.value} workers of {card.name} share {partitions} partitions: the others would idle"
                yield node.finding("partitions", message)


def history(manifests: Manifests) -> Iterator[Finding]:
    """Who looks up what topics hold is told the topic of each broker."""
    for workload, card in manifests.functions(Kind.SERVICE):
        if "kafka" not in card.stores:
            continue
        said = environment(workload)
        for one in manifests.of(EVENTING, "Broker"):
            name = f"TICKLOOM_{card.name.upper()}_{one.name.upper()}_TOPIC"
            topic = broker_topic(one.name, manifests.namespace)
            found = said[name]["value"] if name in said else workload.spec["containers"]
            if found.text != topic:
                yield found.finding("history", f"{workload.title} must be told {name}={topic}")


def _mounted(workload: Workload) -> set[str]:
    """Name the ConfigMaps that a workload's pods mount or read."""
    mounted = {one["configMap"]["name"].text for one in workload.spec["volumes"]}
    return mounted | {one["valueFrom"]["configMapKeyRef"]["name"].text for one in environment(workload).values()}


def _told(manifests: Manifests, workload: Workload, broker: str, partitions: int) -> Iterator[Finding]:
    """Check what a worker is told about its broker."""
    one = manifests.find(EVENTING, "Broker", broker)
    sink = one["spec"]["delivery"]["deadLetterSink"]["ref"] if one else None
    letters = manifests.referred(sink, one) if one and sink else None
    wanted = {
        "TICKLOOM_TABLE_TOPIC": broker_topic(broker, manifests.namespace),
        "TICKLOOM_TABLE_PARTITIONS": str(partitions),
        "TICKLOOM_DEAD_LETTER_TOPIC": letters["spec"]["topic"].text if letters else "",
    }
    said = environment(workload)
    for name, value in wanted.items():
        found = said[name]["value"] if name in said else workload.spec["containers"]
        if value and found.text != value:
            yield found.finding("table", f"{workload.title} must be told {name}={value}")


def _replicas(manifests: Manifests, workload: Workload) -> Iterator[Node]:
    """Give every number of pods that a workload may get."""
    yield workload.owner["spec"]["replicas"]
    for group, kind, key in (
        ("keda.sh", "ScaledObject", "maxReplicaCount"),
        ("autoscaling", "HorizontalPodAutoscaler", "maxReplicas"),
    ):
        for one in manifests.of(group, kind):
            if one["spec"]["scaleTargetRef"]["name"].text == workload.owner.name:
                yield one["spec"][key]


def consumers(manifests: Manifests) -> Iterator[Finding]:
    """A Trigger has no more consumers than its broker has partitions, and a feed that counts is alone."""
    for one in manifests.of(EVENTING, "Trigger"):
        most = one["metadata"]["annotations"][f"{KEDA}max-scale"]
        partitions = manifests.partitions(one["spec"]["broker"].text)
        if partitions is not None and (most.number or 0) > partitions:
            yield most.finding("partitions", f"{most.text} consumers of {one.name} share {partitions} partitions")
    for workload, card in manifests.functions(Kind.FEED):
        replicas = workload.owner["spec"]["replicas"]
        if card.name in _SINGLE and (replicas.number or 0) > 1:
            yield replicas.finding("single", f"{card.name} numbers what it hears: one pod, never two")
        strategy = workload.owner["spec"]["strategy"]["type"]
        if card.name in _SINGLE and workload.owner.kind == "Deployment" and strategy.text != "Recreate":
            yield strategy.finding("single", f"{card.name} must be replaced, never doubled: strategy Recreate")


def topics(manifests: Manifests) -> Iterator[Finding]:
    """Where topics are declared, each topic that is needed is, and has as many partitions as who shares it."""
    declared = {one["spec"]["topicName"].text or one.name: one for one in manifests.of(STRIMZI, "KafkaTopic")}
    if not declared:
        return
    for topic, partitions, asker in _needed(manifests):
        found = declared.get(topic)
        if found is None:
            yield asker.finding("topic", f"no KafkaTopic {topic}, and Kafka makes none by itself")
        elif found["spec"]["partitions"].number != partitions:
            yield found["spec"]["partitions"].finding("topic", f"{topic} must have {partitions} partitions")


def _needed(manifests: Manifests) -> Iterator[tuple[str, int | None, Node]]:
    """Give each topic that is needed, how many partitions it needs, and who needs it."""
    for one in manifests.of(EVENTING, "Broker"):
        yield broker_topic(one.name, manifests.namespace), manifests.partitions(one.name), one.root
    for one in manifests.of(EVENTING, "KafkaSink"):
        yield one["spec"]["topic"].text, one["spec"]["numPartitions"].number, one["spec"]["topic"]
    for workload, card in manifests.functions(Kind.TABLE):
        config, group = manifests.table_config(card.name), environment(workload).get("TICKLOOM_TABLE_GROUP")
        if config and group:
            partitions = manifests.partitions(config["data"]["broker"].text)
            yield changelog_of(group["value"].text), partitions, group["value"]


RULES: Final[tuple[Rule, ...]] = (tables, history, consumers, topics)
