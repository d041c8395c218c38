"""Networks are as open as the wiring and the cards say: no more, no less, whatever the policies are called."""

import copy
import pathlib
from collections.abc import Iterator
from typing import Any

import pytest
import yaml
from counts import FULL

from functions.local import catalogue, topology
from functions.local.deployment import network, objects, places, policies
from functions.local.deployment.manifests import together

ROOT = pathlib.Path(__file__).parents[2]
CARDS = catalogue.cards()
WIRING = topology.load()
EXPECTED = policies.expected(WIRING, CARDS)
DOCUMENTS = policies.documents(EXPECTED)
OTHERS = [
    one for one in objects.load_files(objects.files_of(ROOT / "knative" / "base"), ROOT) if one.kind != "NetworkPolicy"
]

GATEWAY, ACTIVATOR, AUTOSCALER = "3scale-kourier-gateway", "activator", "autoscaler"
HTTP = {(GATEWAY, 8012), (ACTIVATOR, 8012), (AUTOSCALER, 9090)}
GRPC = {(GATEWAY, 8013), (ACTIVATOR, 8013), (AUTOSCALER, 9090)}
BROKER, KAFKA, CALLED = ("kafka-broker-receiver", 8080), ("tickloom-kafka", 9092), (GATEWAY, 8081)
POSTGRES, REDIS = ("postgres", 5432), ("valkey", 6379)


def ways(name: str, direction: str) -> set[tuple[str, int]]:
    """Give the other ends of a policy, each by the last label of its pods or by its addresses, with their ports."""
    (policy,) = [one for one in EXPECTED if one.name == name]
    return {
        ([*way.other.labels.values(), *way.other.cidrs][-1], port)
        for way in getattr(policy, direction)
        for _, port in way.ports
    }


@pytest.mark.parametrize(
    ("name", "ingress", "egress"),
    [
        ("transcribe-handler", HTTP, set()),
        ("enrich-handler", HTTP, {POSTGRES, REDIS}),
        ("route-handler", HTTP, {CALLED}),
        ("inference-service", GRPC, set()),
        ("orders-service", GRPC, {BROKER, POSTGRES}),
        ("explain-service", GRPC, {KAFKA, POSTGRES}),
        ("features-service", GRPC, {POSTGRES, REDIS}),
        ("features-table", set(), {KAFKA}),
        ("stream-feed", set(), {BROKER, ("0.0.0.0/0", 443), ("0.0.0.0/0", 9443)}),
        ("replay-feed", set(), {BROKER}),
        ("migrate-job", set(), {POSTGRES}),
        ("train-job", set(), set()),
        ("default-deny", set(), set()),
        ("everyone", set(), {("kube-dns", 53)}),
    ],
)
def test_a_function_reaches_what_it_needs(name: str, ingress: set[Any], egress: set[Any]) -> None:
    """Handlers are reached over HTTP/1.1 and services over HTTP/2 by Knative alone; each reaches what its card says."""
    assert (ways(name, "ingress"), ways(name, "egress")) == (ingress, egress)


def test_each_edge_is_for_those_who_have_it() -> None:
    """Only tables and who has it for a store reach Kafka, only who publishes a broker, only who calls the gateway."""
    users = {
        place: {one.name for one in EXPECTED if any(way.other is places.PLACES[place] for way in one.egress)}
        for place in ("kafka", "broker", "gateway", "postgres", "redis")
    }
    kind = {f"{one.name}-{one.kind.value[:-1]}": one for one in CARDS.values()}
    looking = {name for name, card in kind.items() if "kafka" in card.stores}
    assert users["kafka"] - looking == {f"{one.name}-table" for one in WIRING.tables}
    assert {kind[one].name for one in users["broker"]} == set(WIRING.sources)
    assert users["gateway"] == {name for name, card in kind.items() if card.calls}
    for store in ("postgres", "redis"):
        assert users[store] - {"migrate-job"} == {name for name, card in kind.items() if store in card.stores}


def test_no_private_address_is_the_internet() -> None:
    """What is open to the internet is not open to private networks nor to the servers of metadata."""
    wide = [peer["ipBlock"] for place in places.PLACES.values() for peer in place.peers() if "ipBlock" in peer]
    assert wide
    assert all(
        {"10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16", "169.254.0.0/16"} <= set(one["except"]) for one in wide
    )


def compared(documents: list[dict[str, Any]]) -> list[objects.Finding]:
    """Compare some policies with what must be."""
    written = objects.load_text(yaml.dump_all(documents, Dumper=yaml.CSafeDumper, sort_keys=False), "policies.yaml")
    return list(network.differences(together([*OTHERS, *written], CARDS), EXPECTED))


def test_equal_networks_have_no_findings() -> None:
    """What is derived is equal to itself, also when it is said in other words: split, doubled, with expressions."""
    assert compared(DOCUMENTS) == []
    split = [one for document in DOCUMENTS for one in halves(document)]
    assert len(split) > len(DOCUMENTS)
    assert compared([*split, *DOCUMENTS]) == []


def halves(document: dict[str, Any]) -> Iterator[dict[str, Any]]:
    """Say a policy in two, and its selector by expressions."""
    for side, other in (("ingress", "egress"), ("egress", "ingress")):
        one = copy.deepcopy(document)
        one["spec"].pop(other, None)
        one["metadata"]["name"] += f"-{side}"
        labels = one["spec"]["podSelector"].pop("matchLabels", {})
        if labels:
            one["spec"]["podSelector"]["matchExpressions"] = [
                {"key": key, "operator": "In", "values": [value]} for key, value in labels.items()
            ]
        yield one


def spoilt() -> Iterator[Any]:
    """Give every way to take one rule away from a policy, and to open one more."""
    for number, document in enumerate(DOCUMENTS):
        name = document["metadata"]["name"]
        for side in ("ingress", "egress"):
            for at in range(len(document["spec"].get(side, ()))):
                yield pytest.param(number, side, at, id=f"{name}-lacks-{side}-{at}")
            if document["spec"]["podSelector"] or FULL:
                yield pytest.param(number, side, None, id=f"{name}-opens-{side}")


EVERY = list(spoilt())


@pytest.mark.parametrize(("number", "side", "at"), EVERY if FULL else EVERY[::4])
def test_any_change_is_found(number: int, side: str, at: int | None) -> None:
    """A policy that lacks one rule, or has one more, is refused: equality holds both ways."""
    documents = [copy.deepcopy(one) if at == number else one for at, one in enumerate(DOCUMENTS)]
    rules = documents[number]["spec"].setdefault(side, [])
    if at is None:
        rules.append({"ports": [{"protocol": "TCP", "port": 22}]})
    else:
        del rules[at]
    found = compared(documents)
    word = "does not open" if at is not None else "opens TCP 22"
    assert found
    assert all(one.rule == "network-policy" and one.message.startswith(word) for one in found)


def test_open_pods_are_found() -> None:
    """Without the policy that shuts everything, and their own, pods are told to be open."""
    named = [
        one for one in DOCUMENTS if one["spec"]["podSelector"].get("matchLabels", {}).get(policies.SERVING) != "route"
    ]
    kept = [one for one in named if one["spec"]["podSelector"]]
    found = [one.message for one in compared(kept)]
    assert "no policy shuts ingress for Service route: all of it is open" in found
    assert "no policy shuts egress for Service route: all of it is open" in found


def test_an_overlay_moves_places(tmp_path: pathlib.Path) -> None:
    """A file of places moves stores to addresses and adds a collector; the rest stays."""
    file = tmp_path / "places.yaml"
    file.write_text(
        "postgres: {cidrs: [10.20.0.0/24], ports: [5433]}\n"
        "redis: {cidrs: [10.0.0.0/8, 192.168.9.0/24], except: [10.1.0.0/16], ports: [6379]}\n"
        "orders: {cidrs: [203.0.113.7/32], ports: [9877]}\n"
        "collector: {namespace: observability, labels: {app: otel}, ports: [4317, UDP/4318]}\n"
    )
    found = {one.name: one for one in policies.expected(WIRING, CARDS, places.load(file))}
    store, venue = (way.other.peers() for way in found["orders-service"].egress[-2:])
    assert (store, venue) == ([{"ipBlock": {"cidr": "10.20.0.0/24"}}], [{"ipBlock": {"cidr": "203.0.113.7/32"}}])
    assert [one["ipBlock"] for one in found["features-service"].egress[-1].other.peers()] == [
        {"cidr": "10.0.0.0/8", "except": ["10.1.0.0/16"]},
        {"cidr": "192.168.9.0/24"},
    ]
    assert found["everyone"].egress[-1].ports == (("TCP", 4317), ("UDP", 4318))
    assert found["bars-table"] == next(one for one in EXPECTED if one.name == "bars-table")
    assert places.load(tmp_path / "none.yaml") == dict(places.PLACES)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("postgres: {port: 5432}", "no 'port'"),
        ("postgres: {ports: [5432]}", "either `cidrs`"),
        ("postgres: {cidrs: [10.0.0.0/8], namespace: stores}", "either `cidrs`"),
        ("postgres: {cidrs: [10.0.0.1/8]}", "host bits"),
        ("postgres: {cidrs: [10.0.0.0/8], ports: [http]}", "no port"),
    ],
)
def test_a_wrong_place_is_refused(text: str, message: str, tmp_path: pathlib.Path) -> None:
    """A place that cannot be read is refused with its line."""
    file = tmp_path / "places.yaml"
    file.write_text(text)
    with pytest.raises(objects.ManifestError, match=message) as caught:
        places.load(file)
    assert caught.value.place == f"{file}:1"
