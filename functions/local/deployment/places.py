"""Say where functions reach out of their namespace: stores, Kafka, Knative's own pods, venues. Facts of clusters only.

The defaults are what Knative, Kourier, Strimzi and cluster DNS install; an overlay's `places.yaml` replaces some by
name. What Knative needs open was read from its sources, and is said beside each place.
"""

import pathlib
from collections.abc import Mapping
from dataclasses import dataclass, field
from ipaddress import IPv4Network, IPv6Network, ip_network
from types import MappingProxyType
from typing import Any, Final, TypeAlias

from functions.local.deployment.objects import ManifestError, Node, load_text

Port: TypeAlias = tuple[str, int]
"""Protocol and number."""

Network: TypeAlias = IPv4Network | IPv6Network

_HOST: Final = "kubernetes.io/metadata.name"
_PRIVATE: Final = ("10.0.0.0/8", "100.64.0.0/10", "169.254.0.0/16", "172.16.0.0/12", "192.168.0.0/16")
"""What the internet is not: private (RFC 1918), carriers' (RFC 6598), link-local with its metadata servers."""


@dataclass(frozen=True, slots=True)
class Place:
    """Pods or addresses outside our namespace.

    Args:
        ports: Ports they listen on; empty where they only come to us.
        namespace: Namespace of the pods.
        labels: Labels of the pods.
        cidrs: Address ranges instead of pods.
        excepts: Parts of those ranges that are left out.
    """

    ports: tuple[Port, ...] = ()
    namespace: str = ""
    labels: Mapping[str, str] = field(default_factory=dict)
    cidrs: tuple[str, ...] = ()
    excepts: tuple[str, ...] = ()

    def peers(self) -> list[dict[str, Any]]:
        """Write it as a NetworkPolicy does."""
        if self.cidrs:
            return [{"ipBlock": self._block(ip_network(one))} for one in self.cidrs]
        namespace = {"namespaceSelector": {"matchLabels": {_HOST: self.namespace}}}
        return [namespace | {"podSelector": {"matchLabels": dict(self.labels)}}]

    def _block(self, cidr: Network) -> dict[str, Any]:
        """Write one range without those parts of it that are left out."""
        inside = [one for one in self.excepts if _within(ip_network(one), cidr)]
        return {"cidr": str(cidr)} | ({"except": inside} if inside else {})


def _within(part: Network, whole: Network) -> bool:
    first, last = part.network_address, part.broadcast_address
    return part.version == whole.version and first in whole and last in whole


def tcp(*ports: int) -> tuple[Port, ...]:
    """Name TCP ports."""
    return tuple(("TCP", port) for port in ports)


def internet(*ports: int) -> Place:
    """Name every public IPv4 address; what is private stays closed."""
    return Place(tcp(*ports), cidrs=("0.0.0.0/0",), excepts=_PRIVATE)


PLACES: Final[Mapping[str, Place]] = MappingProxyType(
    {
        # A cluster with a cache on each node has it there: {cidrs: [169.254.20.10/32], ports: [UDP/53, TCP/53]}.
        "dns": Place((("UDP", 53), ("TCP", 53)), "kube-system", {"k8s-app": "kube-dns"}),
        # kafka-broker-ingress:80 leads to port 8080 of these pods; they take what is published, for every broker.
        "broker": Place(tcp(8080), "knative-eventing", {"app": "kafka-broker-receiver"}),
        # The name of a KService leads to Kourier's internal listener (kourier-internal:80, port 8081 of the pod): the
        # dispatcher's request, and each gRPC call, comes to our pods from the gateway, never from who sent it.
        "gateway": Place(tcp(8081), "kourier-system", {"app": "3scale-kourier-gateway"}),
        # Stands in the way while a revision has few pods or none, and asks each pod's data port whether it is ready,
        # every 200 ms until it says so: shut out, nothing that is scaled to zero ever wakes.
        "activator": Place((), "knative-serving", {"app": "activator"}),
        # Reads each pod's load on port 9090: shut out, nothing scales up or down.
        "autoscaler": Place((), "knative-serving", {"app": "autoscaler"}),
        "kafka": Place(tcp(9092), "kafka", {"strimzi.io/cluster": "tickloom", "strimzi.io/name": "tickloom-kafka"}),
        "postgres": Place(tcp(5432), "stores", {"app.kubernetes.io/name": "postgres"}),
        "redis": Place(tcp(6379), "stores", {"app.kubernetes.io/name": "valkey"}),
        # Feeds hold sockets to venues and publishers; no card says where those are.
        "calendar": internet(443),
        "fix": internet(9876),
        "mt4": Place(tcp(8222), "tickloom-bridges", {"app.kubernetes.io/name": "mt4-bridge"}),
        "news": internet(443),
        "queue": Place(tcp(9092), "kafka", {"strimzi.io/component-type": "kafka"}),
        "rest": internet(443),
        "stream": internet(443, 9443),
    }
)
"""Every place by name; a place of a function's name is where that one goes besides: `orders` may be given a FIX venue.
`collector`, where there is one, is where all functions send their telemetry."""


def load(file: pathlib.Path) -> dict[str, Place]:
    """Read an overlay's places: the defaults, with those replaced or added that the file names; no file, the defaults.

    Raises:
        ManifestError: The file is no YAML, or a place in it cannot be read.
    """
    if not file.is_file():
        return dict(PLACES)
    said = load_text(file.read_text(), str(file))
    return dict(PLACES) | {name: _place(node) for one in said for name, node in one.root.pairs()}


def _place(node: Node) -> Place:
    known = {"ports", "namespace", "labels", "cidrs", "except"}
    for key, below in node.pairs():
        if key not in known:
            message = f"a place has no {key!r}, only {', '.join(sorted(known))}"
            raise ManifestError(below.place, message)
    cidrs = tuple(one.text for one in node["cidrs"])
    if bool(cidrs) == bool(node["namespace"].text):
        message = "a place has either `cidrs`, or `namespace` and `labels`"
        raise ManifestError(node.place, message)
    excepts = tuple(one.text for one in node["except"])
    for one in (*node["cidrs"], *node["except"]):
        try:
            ip_network(one.text)
        except ValueError as error:
            raise ManifestError(one.place, str(error)) from error
    ports = tuple(_port(one) for one in node["ports"])
    return Place(ports, node["namespace"].text, node["labels"].texts, cidrs, excepts)


def _port(node: Node) -> Port:
    """Read a port: `5432` is TCP's, `UDP/53` says whose it is."""
    protocol, _, number = f"TCP/{node.value}".rpartition("/")
    name = protocol.rpartition("/")[2]
    if name not in {"TCP", "UDP", "SCTP"} or not number.isascii() or not number.isdigit():
        message = f"{node.value!r} is no port like 5432 or UDP/53"
        raise ManifestError(node.place, message)
    return name, int(number)
