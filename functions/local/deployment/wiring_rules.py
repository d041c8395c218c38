"""Rules for who hears what: subscribers, dead letters, sinks, calls and stores."""

import json
from collections.abc import Iterator
from typing import Final

from functions.local.delivery import WiringError, compile_filters, parse_duration_s
from functions.local.deployment.manifests import Manifests, Rule, environment
from functions.local.deployment.objects import Finding, Node, Object
from functions.local.deployment.pods import KSERVICE, Workload
from functions.local.topology import ORDER
from functions.ports.card import Card, Kind

EVENTING: Final = "eventing.knative.dev"
SOURCES: Final = "sources.knative.dev"
CLASS: Final = "eventing.knative.dev/broker.class"
KEDA: Final = "autoscaling.eventing.knative.dev/"
_KEDA_KEYS: Final = frozenset(
    (
        "class",
        "min-scale",
        "max-scale",
        "polling-interval",
        "cooldown-period",
        "lag-threshold",
        "activation-lag-threshold",
    )
)
_STORES: Final = {"postgres": "DATABASE_URL", "redis": "REDIS_URL", "kafka": "KAFKA_BOOTSTRAP_SERVERS"}
_LEAST_S: Final = 0.1
"""Durations have one decimal in the Kafka data plane: less is nothing."""


def triggers(manifests: Manifests) -> Iterator[Finding]:
    """Every Trigger's broker and subscriber are there, its filters parse, and its order is one that there is."""
    for one in manifests.of(EVENTING, "Trigger"):
        broker = one["spec"]["broker"]
        if broker.text and not manifests.find(EVENTING, "Broker", broker.text, one.namespace):
            yield broker.finding("broker", f"there is no Broker {broker.text}")
        reference = one["spec"]["subscriber"]["ref"]
        if reference and manifests.referred(reference, one) is None:
            message = f"there is no {reference['kind'].text} {reference['name'].text}, to which {one.name} delivers"
            yield reference.finding("subscriber", message)
        yield from _annotations(one)
        yield from _expressions(one["spec"]["filters"])


def _annotations(one: Object) -> Iterator[Finding]:
    found = one["metadata"]["annotations"]
    if found[ORDER].text not in {"ordered", "unordered"}:
        yield found[ORDER].finding("order", f"{one.name} must say its order: {ORDER} is ordered or unordered")
    for key, node in found.pairs():
        if key.startswith(KEDA) and key.removeprefix(KEDA) not in _KEDA_KEYS:
            yield node.finding("annotation", f"the autoscaler of Kafka consumers knows no {key!r}")


def _expressions(node: Node) -> Iterator[Finding]:
    """Find CESQL anywhere in filters."""
    for below in node:
        yield from _expressions(below)
    for key, below in node.pairs():
        if key == "cesql":
            try:
                compile_filters([{"cesql": below.text}], below.place)
            except WiringError as error:
                yield below.finding("cesql", f"{below.text!r}: {error}")
        else:
            yield from _expressions(below)


def subscribed(manifests: Manifests) -> Iterator[Finding]:
    """Every handler is some Trigger's subscriber, or nothing ever wakes it."""
    heard = {
        reference["name"].text
        for one in manifests.of(EVENTING, "Trigger")
        for reference in (one["spec"]["subscriber"]["ref"],)
        if reference["kind"].text == "Service"
    }
    for workload, card in manifests.functions(Kind.HANDLER):
        if card.name not in heard:
            yield workload.owner.root.finding("subscribed", f"no Trigger delivers to {card.name}")


def delivery(manifests: Manifests) -> Iterator[Finding]:
    """No event is dropped: each path ends in dead letters, and is tried for less long than its subscriber may take."""
    for one in (*manifests.of(EVENTING, "Broker"), *manifests.of(EVENTING, "Trigger")):
        said = one["spec"]["delivery"]
        sink = said["deadLetterSink"]
        if not sink:
            yield said.finding("dead-letters", f"{one.kind} {one.name} has no deadLetterSink: events would be dropped")
        elif sink["ref"] and manifests.referred(sink["ref"], one) is None:
            name = f"{sink['ref']['kind'].text} {sink['ref']['name'].text}"
            yield sink["ref"].finding("dead-letters", f"there is no {name}")
        if not (said["retry"].number or 0) > 0:
            yield said["retry"].finding("delivery", f"{one.kind} {one.name} must say `retry`: without it there is none")
        for key in ("backoffDelay", "timeout"):
            if not _span_s(said[key]) >= _LEAST_S:
                yield said[key].finding("delivery", f"{one.kind} {one.name}: {key} must be PT0.1S or more")
        for key in ("format", "retryAfterMax"):
            if said[key]:
                yield said[key].finding("delivery", f"the Kafka data plane does not look at {key}")
        yield from _patience(manifests, one)


def _patience(manifests: Manifests, trigger: Object) -> Iterator[Finding]:
    subscriber = manifests.referred(trigger["spec"]["subscriber"]["ref"], trigger)
    if subscriber is None or (subscriber.group, subscriber.kind) != KSERVICE:
        return
    cut = subscriber["spec"]["template"]["spec"]["timeoutSeconds"].number or 300
    waits = trigger["spec"]["delivery"]["timeout"]
    if _span_s(waits) >= cut:
        message = f"{trigger.name} waits {waits.text} for {subscriber.name}, which is cut after {cut} s"
        yield waits.finding("timeout", message)


def _span_s(node: Node) -> float:
    try:
        return parse_duration_s(node.text, "")
    except WiringError:
        return 0.0


def brokers(manifests: Manifests) -> Iterator[Finding]:
    """A Broker is Kafka's, and its ConfigMap says how many partitions it has."""
    for one in manifests.of(EVENTING, "Broker"):
        kind = one["metadata"]["annotations"][CLASS]
        if kind.text not in {"Kafka", "KafkaNamespaced"}:
            yield kind.finding("broker", f"Broker {one.name} must be of class Kafka ({CLASS})")
        if manifests.partitions(one.name) is None:
            message = f"no ConfigMap says the partitions of Broker {one.name}"
            yield one["spec"]["config"].finding("broker", message)


def sources(manifests: Manifests) -> Iterator[Finding]:
    """What publishes is there and has a sink that is there; each feed and relay is bound to one."""
    bound = set()
    for one in (*manifests.of(SOURCES, "SinkBinding"), *manifests.of(SOURCES, "PingSource")):
        sink = one["spec"]["sink"]["ref"]
        if sink and manifests.referred(sink, one) is None:
            yield sink.finding("sink", f"there is no {sink['kind'].text} {sink['name'].text}")
        subject = one["spec"]["subject"]
        if subject["name"].text:
            bound.add(subject["name"].text)
            yield from _named(manifests, one)
        elif subject:
            selected = _selected(manifests, subject)
            bound |= selected
            if not selected:
                yield subject.finding("subject", "no CronJob of these manifests makes Jobs of these labels")
        yield from _data(one)
    for workload, card in manifests.functions(Kind.FEED):
        if workload.owner.name not in bound:
            yield workload.owner.root.finding("subject", f"no SinkBinding tells {card.name} where its events go")


def _named(manifests: Manifests, binding: Object) -> Iterator[Finding]:
    subject = binding["spec"]["subject"]
    name = f"{subject['kind'].text} {subject['name'].text}"
    if subject["kind"].text == "Job":
        message = f"{name} may be there first, and its template never changes: select Jobs of a CronJob by their labels"
        yield subject["name"].finding("subject", message)
    elif manifests.referred(subject, binding) is None:
        yield subject.finding("subject", f"there is no {name}")


def _selected(manifests: Manifests, subject: Node) -> set[str]:
    """Name the CronJobs whose Jobs a SinkBinding selects by their labels: in our wiring, nothing else is selected."""
    chosen = subject["selector"]["matchLabels"].texts.items()
    made = {one.name: one["spec"]["jobTemplate"]["metadata"]["labels"] for one in manifests.of("batch", "CronJob")}
    return {
        name
        for name, labels in made.items()
        if subject["kind"].text == "Job" and chosen and chosen <= labels.texts.items()
    }


def _data(one: Object) -> Iterator[Finding]:
    data = one["spec"]["data"]
    if data and one["spec"]["contentType"].text == "application/json":
        try:
            json.loads(data.text)
        except ValueError as error:
            yield data.finding("sink", f"data of {one.name} is no JSON: {error}")


def edges(manifests: Manifests) -> Iterator[Finding]:
    """Each function is told of the services and stores on its card, and of no other."""
    for workload, card in manifests.functions(*Kind):
        said = environment(workload)
        yield from _calls(manifests, workload, card)
        for store, name in _STORES.items():
            if store in card.stores and name not in said:
                yield workload.spec["containers"].finding(
                    "stores", f"{workload.title} needs {name}: its card has {store}"
                )
            hosted = store == "kafka" and card.kind is Kind.TABLE  # its worker reads a topic, whatever its card stores
            if store not in card.stores and name in said and not hosted:
                yield said[name].finding("stores", f"{workload.title} is told {name}, but its card has no {store}")


def _calls(manifests: Manifests, workload: Workload, card: Card) -> Iterator[Finding]:
    said = environment(workload)
    services = sorted({one.name for one in manifests.cards.values() if one.kind is Kind.SERVICE})
    for service in services:
        name = f"TICKLOOM_{service.upper()}_TARGET"
        wanted = f"{service}.{manifests.namespace}.svc.cluster.local:80"
        if service in card.calls and name not in said:
            message = f"{workload.title} needs {name}={wanted}: its card calls {service}"
            yield workload.spec["containers"].finding("calls", message)
        elif service in card.calls and said[name]["value"].text != wanted:
            yield said[name]["value"].finding("calls", f"{name} must be {wanted}")
        elif service not in card.calls and name in said:
            yield said[name].finding("calls", f"{workload.title} is told {name}, but its card does not call {service}")


RULES: Final[tuple[Rule, ...]] = (
    triggers,
    subscribed,
    delivery,
    brokers,
    sources,
    edges,
)
