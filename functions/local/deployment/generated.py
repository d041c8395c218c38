"""Write the manifests that follow from the wiring and the cards; `tickloom deploy generate` does, nobody edits them.

| file | what |
|---|---|
| security/network-policies.yaml | what each function reaches and is reached by (`policies`) |
| security/service-accounts.yaml | an identity for each deployable, with no rights and no token |
| catalogue/event-types.yaml | each type that is on a broker, who says it and who hears it |
| components/strimzi/topics.yaml | topics of brokers, dead letters and tables' changelogs |
| components/keda/tables.yaml | workers of tables by their lag, at most one a partition |
| components/event-policies/policies.yaml | who may put which types on which broker |
| components/istio/authorisation.yaml | who may call whom inside a mesh |
| overlays/OVERLAY/network-policies.yaml | where that overlay's `places.yaml` differs |
"""

import pathlib
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final, TypeAlias

import yaml

from functions.adapters.kafka_events import broker_topic
from functions.local import catalogue
from functions.local.deployment import mesh, places, policies
from functions.local.deployment.objects import NAMESPACE, load_files
from functions.local.topology import DEFAULT_FOLDER, Topology, load
from functions.ports.card import Card
from functions.runtime.groups import CHANGELOG, changelog_of, group_of
from functions.wire.facts import PROTOBUF, source_of

Manifest: TypeAlias = dict[str, Any]  # what YAML holds

KNATIVE: Final = DEFAULT_FOLDER.parent / "knative"
HEAD: Final = "# Generated from eventing/ and the cards by `tickloom deploy generate`; not edited by hand.\n"
PLACES: Final = "places.yaml"

PART_OF: Final = {"app.kubernetes.io/part-of": NAMESPACE}
TOPIC: Final = "tickloom.dev/topic"
PING: Final = "dev.knative.sources.ping"
KAFKA: Final = "kafka"
"""Namespace of Kafka: Strimzi's operator knows topics beside their cluster only."""

LAG_EVENTS_MAX: Final = 512
"""Events a worker may be behind before another one is started: some two seconds of a busy shard's batches."""


@dataclass(frozen=True, slots=True)
class Source:
    """What manifests are written from."""

    topology: Topology
    cards: dict[str, Card]
    settings: Mapping[str, Mapping[str, str]]  # of each broker's topic, from its ConfigMap
    timers: Mapping[str, str]  # PingSource -> broker


def read(wiring: pathlib.Path = DEFAULT_FOLDER) -> Source:
    """Read the wiring and the cards."""
    objects = load_files(sorted(wiring.glob("*/*.yaml")))
    configs = {one.name: one["data"].texts for one in objects if one.kind == "ConfigMap"}
    timers = {one.name: one["spec"]["sink"]["ref"]["name"].text for one in objects if one.kind == "PingSource"}
    topology = load(wiring)
    settings = {name: configs[f"{name}-broker-config"] for name in topology.brokers}
    return Source(topology, catalogue.cards(), settings, timers)


def texts(source: Source, knative: pathlib.Path = KNATIVE) -> dict[pathlib.Path, str]:
    """Give every generated file by its path below `knative/`."""
    policed = policies.documents(policies.expected(source.topology, source.cards))
    found = {
        "security/network-policies.yaml": policed,
        "security/service-accounts.yaml": service_accounts(source),
        "catalogue/event-types.yaml": event_types(source),
        "components/strimzi/topics.yaml": topics(source),
        "components/keda/tables.yaml": scaled_tables(source),
        "components/event-policies/policies.yaml": event_policies(source),
        "components/istio/authorisation.yaml": mesh.authorisation(source.cards),
    }
    for file in sorted(knative.glob(f"overlays/*/{PLACES}")):
        there = policies.documents(policies.expected(source.topology, source.cards, places.load(file)))
        found[f"overlays/{file.parent.name}/network-policies.yaml"] = [one for one in there if one not in policed]
    return {pathlib.Path(name): HEAD + written(documents) for name, documents in found.items()}


def written(documents: Iterable[Manifest]) -> str:
    """Write manifests as YAML; the same object is written out each time it stands there."""
    return yaml.dump_all(documents, Dumper=_Dumper, sort_keys=False, width=120)


class _Dumper(yaml.SafeDumper):
    """Write without aliases, which people read badly."""

    def ignore_aliases(self, _data: object) -> bool:
        """Write everything out."""
        return True


def name_of(card: Card) -> str:
    """Name a deployable so that a table and a service of one name stay apart, as its NetworkPolicy does."""
    return f"{card.name}-{card.kind.value[:-1]}"


def service_accounts(source: Source) -> list[Manifest]:
    """Give each deployable and each job an identity that may do nothing."""
    names = sorted([*map(name_of, source.cards.values()), *(f"{job}-job" for job in policies.JOBS)])
    return [
        {
            "apiVersion": "v1",
            "kind": "ServiceAccount",
            "metadata": _metadata(name, PART_OF),
            "automountServiceAccountToken": False,
        }
        for name in names
    ]


def event_types(source: Source) -> list[Manifest]:
    """Give the catalogue of types on each broker."""
    said = catalogue.emitted(source.topology, source.cards)
    return [
        _event_type(source, broker, one, sorted({name for name, emitted in said[broker] if emitted == one}))
        for broker in source.topology.brokers
        for one in sorted({one for _, one in said[broker]} | set(catalogue.DOORS.get(broker, ())))
    ]


def _event_type(source: Source, broker: str, message_type: str, emitters: Sequence[str]) -> Manifest:
    found = list(catalogue.hearers(source.topology, source.cards))
    found += [(at, f"the broker {end}", types) for at, end, types in catalogue.bridges(source.topology)]
    hearers = sorted({name for at, name, types in found if at == broker and message_type in types})
    where = [{"name": "source", "required": True} | _source(source.cards, emitters)]
    ours = [
        {"name": "time", "required": True},
        {"name": "datacontenttype", "required": True, "value": PROTOBUF},
        {"name": "partitionkey", "required": True},
    ]
    said = f"From {', '.join(emitters)}" if emitters else "From people and timers"
    return {
        "apiVersion": "eventing.knative.dev/v1beta3",
        "kind": "EventType",
        "metadata": _metadata(f"{broker}-{_kebab(catalogue.short(message_type))}", PART_OF),
        "spec": {
            "reference": {"apiVersion": "eventing.knative.dev/v1", "kind": "Broker", "name": broker},
            "description": f"{said}; heard by {', '.join(hearers)}.",
            "attributes": [
                {"name": "type", "required": True, "value": message_type},
                *where,
                {"name": "specversion", "required": True, "value": "1.0"},
                {"name": "id", "required": True},
                *(ours if emitters else ()),
            ],
        },
    }


def _source(cards: Mapping[str, Card], emitters: Sequence[str]) -> Manifest:
    """Say what the source looks like, where one function says the type."""
    if len(emitters) != 1:
        return {}
    card = cards[emitters[0]]
    return {"value": source_of(card.kind.value, card.name, "{stream}")}


def topics(source: Source) -> list[Manifest]:
    """Give every topic: of brokers, of what could not be delivered, and of tables' states."""
    return list(_topics(source))


def _topics(source: Source) -> Iterator[Manifest]:
    for broker in source.topology.brokers.values():
        settings = source.settings[broker.name]
        prefix = "default.topic.config."
        config = {key.removeprefix(prefix): value for key, value in settings.items() if key.startswith(prefix)}
        copies = int(settings["default.topic.replication.factor"])
        sink = source.topology.sinks[broker.dead_letter_sink]
        yield _topic("broker", broker_topic(broker.name), broker.partitions, copies, config)
        yield _topic("dead-letters", sink.topic, sink.partitions, copies, config)
        kept = CHANGELOG | {key: config[key] for key in ("min.insync.replicas",) if key in config}
        for table in source.topology.tables:
            if table.broker == broker.name:
                yield _topic("changelog", changelog_of(group_of(table.name)), broker.partitions, copies, kept)


def _topic(kind: str, name: str, partitions: int, copies: int, config: Mapping[str, str]) -> Manifest:
    return {
        "apiVersion": "kafka.strimzi.io/v1",
        "kind": "KafkaTopic",
        "metadata": {
            "name": name,
            "namespace": KAFKA,
            "labels": {"strimzi.io/cluster": NAMESPACE, TOPIC: kind, **PART_OF},
        },
        "spec": {"topicName": name, "partitions": partitions, "replicas": copies, "config": dict(config)},
    }


def scaled_tables(source: Source) -> list[Manifest]:
    """Let KEDA start workers of each table that has more than one partition, by the events it is behind."""
    brokers = source.topology.brokers
    return [
        _scaled(table.name, table.broker, brokers[table.broker].partitions, source.settings[table.broker])
        for table in source.topology.tables
        if brokers[table.broker].partitions > 1
    ]


def _scaled(name: str, broker: str, partitions: int, settings: Mapping[str, str]) -> Manifest:
    lag = {
        "bootstrapServers": settings["bootstrap.servers"],
        "consumerGroup": group_of(name),
        "topic": broker_topic(broker),
        "lagThreshold": str(LAG_EVENTS_MAX),
        "offsetResetPolicy": "earliest",
    }
    return {
        "apiVersion": "keda.sh/v1alpha1",
        "kind": "ScaledObject",
        "metadata": _metadata(f"{name}-table", PART_OF),
        "spec": {
            "scaleTargetRef": {"apiVersion": "apps/v1", "kind": "StatefulSet", "name": f"{name}-table"},
            "minReplicaCount": 1,
            "maxReplicaCount": partitions,
            "pollingInterval": 15,
            "cooldownPeriod": 300,
            "triggers": [{"type": "kafka", "metadata": lag}],
        },
    }


def event_policies(source: Source) -> list[Manifest]:
    """Say who may put which types on which broker; what is not said is refused."""
    topology = source.topology
    bindings = [
        _event_policy(name, broker, ("sources.knative.dev/v1", "SinkBinding", name), source.cards[name].emits)
        for name, broker in topology.sources.items()
    ]
    timers = [
        _event_policy(name, broker, ("sources.knative.dev/v1", "PingSource", name), (PING,))
        for name, broker in source.timers.items()
    ]
    crossing = [one for one in topology.subscriptions if one.subscriber_kind == "Broker"]
    bridges = [
        _event_policy(one.name, end, ("eventing.knative.dev/v1", "Trigger", one.name), types)
        for one, (_, end, types) in zip(crossing, catalogue.bridges(topology), strict=True)
    ]
    return [*bindings, *timers, *bridges]


def _event_policy(name: str, broker: str, sender: tuple[str, str, str], types: Iterable[str]) -> Manifest:
    api_version, kind, sender_name = sender
    return {
        "apiVersion": "eventing.knative.dev/v1alpha1",
        "kind": "EventPolicy",
        "metadata": _metadata(name, PART_OF),
        "spec": {
            "to": [{"ref": {"apiVersion": "eventing.knative.dev/v1", "kind": "Broker", "name": broker}}],
            "from": [{"ref": {"apiVersion": api_version, "kind": kind, "name": sender_name, "namespace": NAMESPACE}}],
            "filters": [{"any": [{"exact": {"type": one}} for one in types]}],
        },
    }


def _metadata(name: str, labels: Mapping[str, str]) -> Manifest:
    return {"name": name, "namespace": NAMESPACE, "labels": dict(labels)}


def _kebab(name: str) -> str:
    return re.sub(r"(?<=[a-z])(?=[A-Z])", "-", name).replace(".", "-").lower()
