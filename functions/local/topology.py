"""Read the wiring: `eventing/` as data, the same files that Knative gets. Nothing about the graph stands elsewhere."""

import graphlib
import pathlib
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Final

import yaml

from functions.local.delivery import Delivery, Filter, WiringError, compile_filters, parse_duration_s

ORDER: Final = "kafka.eventing.knative.dev/delivery.order"
TABLE: Final = "tickloom.dev/table"
YAML_LOADER: Final[Any] = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
"""Five to eight times as fast where there is libyaml."""
KUSTOMIZATION: Final = "kustomization.yaml"
"""Says to kustomize which files there are; it is no manifest itself."""
DEFAULT_FOLDER: Final = pathlib.Path(__file__).parents[2] / "eventing"


@dataclass(frozen=True, slots=True)
class Broker:
    """A broker, the number of partitions of its topic, and where its failures go."""

    name: str
    partitions: int
    dead_letter_sink: str


@dataclass(frozen=True, slots=True)
class Sink:
    """A dead letter sink: its topic, and the number of the topic's partitions."""

    name: str
    topic: str
    partitions: int


@dataclass(frozen=True, slots=True)
class Subscription:
    """A Trigger: what it lets through, to whom, in which order, and how hard it tries."""

    name: str
    broker: str
    ordered: bool
    accepts: Filter
    filters: tuple[Mapping[str, Any], ...]
    subscriber_kind: str  # Service or Broker
    subscriber: str
    delivery: Delivery


@dataclass(frozen=True, slots=True)
class Table:
    """A table: the broker it reads and the event types it hears."""

    name: str
    broker: str
    types: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Topology:
    """Who hears what.

    Args:
        brokers: By name, each before those that its Triggers lead into: causes come first.
        subscriptions: The Triggers.
        tables: The tables.
        sources: Where feeds and relays send, by their names.
        sinks: Where dead letters lie, by name.
    """

    brokers: Mapping[str, Broker]
    subscriptions: tuple[Subscription, ...]
    tables: tuple[Table, ...]
    sources: Mapping[str, str]  # feed or relay -> broker
    sinks: Mapping[str, Sink]


def load(folder: pathlib.Path = DEFAULT_FOLDER) -> Topology:
    """Read every manifest under a folder.

    Raises:
        WiringError: A file cannot be read or names something that is not there.
    """
    documents = list(_documents(folder))
    configs = {doc["metadata"]["name"]: doc for _, doc in documents if doc["kind"] == "ConfigMap"}
    brokers = {one.name: one for _, doc in documents if doc["kind"] == "Broker" for one in (_broker(doc, configs),)}
    subscriptions = tuple(_subscription(doc, where) for where, doc in documents if doc["kind"] == "Trigger")
    topology = Topology(
        brokers=_in_order(brokers, subscriptions),
        subscriptions=subscriptions,
        tables=tuple(_table(doc) for doc in configs.values() if TABLE in doc["metadata"].get("labels", {})),
        sources={
            doc["metadata"]["name"]: doc["spec"]["sink"]["ref"]["name"]
            for _, doc in documents
            if doc["kind"] == "SinkBinding"
        },
        sinks={sink.name: sink for _, doc in documents if doc["kind"] == "KafkaSink" for sink in (_sink(doc),)},
    )
    _check(topology)
    return topology


def _documents(folder: pathlib.Path) -> Iterator[tuple[str, dict[str, Any]]]:
    files = sorted(file for file in folder.rglob("*.yaml") if file.name != KUSTOMIZATION)
    if not files:
        msg = f"no wiring under {folder}: expected brokers/, triggers/, tables/ with YAML manifests"
        raise WiringError(msg)
    for file in files:
        try:
            documents = list(yaml.load_all(file.read_text(), Loader=YAML_LOADER))
        except yaml.YAMLError as error:
            msg = f"{file}: not YAML: {error}"
            raise WiringError(msg) from error
        for document in documents:
            yield f"{file.relative_to(folder)}:{document['metadata']['name']}", document


def _broker(doc: dict[str, Any], configs: Mapping[str, dict[str, Any]]) -> Broker:
    name = doc["metadata"]["name"]
    config = configs[doc["spec"]["config"]["name"]]["data"]
    sink = doc["spec"]["delivery"]["deadLetterSink"]["ref"]["name"]
    return Broker(name, int(config["default.topic.partitions"]), sink)


def _in_order(brokers: Mapping[str, Broker], subscriptions: Iterable[Subscription]) -> dict[str, Broker]:
    """Put brokers before those that their Triggers lead into; a log is committed before those it is caused by."""
    causes: dict[str, set[str]] = {name: set() for name in brokers}
    for one in subscriptions:
        if one.subscriber_kind == "Broker" and {one.broker, one.subscriber} <= brokers.keys():  # else it is refused
            causes[one.subscriber].add(one.broker)
    try:
        return {name: brokers[name] for name in graphlib.TopologicalSorter(causes).static_order()}
    except graphlib.CycleError as error:
        msg = f"brokers lead into each other: {' <- '.join(error.args[1])}; one must be first"
        raise WiringError(msg) from error


def _sink(doc: dict[str, Any]) -> Sink:
    spec = doc["spec"]
    return Sink(doc["metadata"]["name"], spec["topic"], int(spec["numPartitions"]))


def _subscription(doc: dict[str, Any], where: str) -> Subscription:
    spec = doc["spec"]
    reference = spec["subscriber"]["ref"]
    old = (spec.get("filter") or {}).get("attributes")  # as `kn trigger create --filter` writes it
    filters = tuple(spec.get("filters") or ([{"exact": old}] if old else ()))
    return Subscription(
        name=doc["metadata"]["name"],
        broker=spec["broker"],
        ordered=doc["metadata"].get("annotations", {}).get(ORDER) == "ordered",
        accepts=compile_filters(filters, where),
        filters=filters,
        subscriber_kind=reference["kind"],
        subscriber=reference["name"],
        delivery=_delivery(spec.get("delivery", {}), where),
    )


def _delivery(spec: Mapping[str, Any], where: str) -> Delivery:
    """Read a Trigger's delivery; it replaces the Broker's whole, so a missing dead letter sink is an error here."""
    try:
        return Delivery(
            retry=int(spec["retry"]),
            backoff_s=parse_duration_s(spec.get("backoffDelay", "PT0.2S"), where),
            exponential=spec.get("backoffPolicy", "exponential") == "exponential",
            timeout_s=parse_duration_s(spec["timeout"], where),
            dead_letter_sink=spec["deadLetterSink"]["ref"]["name"],
        )
    except KeyError as missing:
        msg = f"{where}: delivery lacks {missing}; a Trigger's delivery replaces its Broker's, so say it here"
        raise WiringError(msg) from missing


def _table(doc: dict[str, Any]) -> Table:
    data = doc["data"]
    return Table(doc["metadata"]["labels"][TABLE], data["broker"], tuple(data["types"].split()))


def _check(topology: Topology) -> None:
    named = [
        *((f"Trigger {one.name}", one.broker) for one in topology.subscriptions),
        *((f"table {one.name}", one.broker) for one in topology.tables),
        *((f"source {name}", broker) for name, broker in topology.sources.items()),
        *((f"Trigger {one.name}", one.subscriber) for one in topology.subscriptions if one.subscriber_kind == "Broker"),
    ]
    for who, broker in named:
        if broker not in topology.brokers:
            msg = f"{who} names broker {broker!r}, which is not declared"
            raise WiringError(msg)
    for one in topology.subscriptions:
        if one.delivery.dead_letter_sink not in topology.sinks:
            msg = f"Trigger {one.name} names dead letter sink {one.delivery.dead_letter_sink!r}, which is not declared"
            raise WiringError(msg)
