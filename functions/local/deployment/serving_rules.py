"""Rules for Knative Services that only its webhooks and controllers know: ports, annotations, gates, bounds.

Source: knative/serving at knative-v1.23.0, pkg/apis/{serving,autoscaling} and config/core/configmaps.
"""

from collections.abc import Callable, Iterator, Mapping
from typing import Final, TypeAlias

from functions.local.deployment.manifests import Manifests, Rule, environment
from functions.local.deployment.objects import Finding, Node
from functions.local.deployment.pods import Workload
from functions.ports.card import Kind

GROUP: Final = "autoscaling.knative.dev/"
VISIBILITY: Final = "networking.knative.dev/visibility"
H2C: Final = "h2c"
PORT_NAMES: Final = frozenset(("", H2C, "http1"))
TAKEN_PORTS: Final = frozenset((8012, 8013, 8022, 8112, 9090, 9091))
"""Ports of queue-proxy, which shares the pod."""

TIMEOUT_S_MAX: Final = 600
CONCURRENCY_MAX: Final = 1000
_KPA: Final = "kpa.autoscaling.knative.dev"
_METRICS: Final = {_KPA: ("concurrency", "rps"), "hpa.autoscaling.knative.dev": ("cpu", "memory")}
_GATED: Final = (
    "affinity",
    "dnsConfig",
    "dnsPolicy",
    "hostAliases",
    "hostIPC",
    "hostNetwork",
    "hostPID",
    "initContainers",
    "nodeSelector",
    "priorityClassName",
    "runtimeClassName",
    "schedulerName",
    "securityContext",
    "shareProcessNamespace",
    "tolerations",
    "topologySpreadConstraints",
)
"""Fields of a pod that are refused unless an administrator opens their gate in `config-features`."""

_GATED_VOLUMES: Final = ("persistentVolumeClaim", "hostPath", "csi", "image")
_GATED_SOURCES: Final = ("fieldRef", "resourceFieldRef")

Range: TypeAlias = tuple[float, float]


def _whole(low: int, high: float = 2**31 - 1) -> Callable[[str], bool]:
    return lambda text: text.isascii() and text.isdigit() and low <= int(text) <= high


def _real(low: float, high: float = float("inf")) -> Callable[[str], bool]:
    def holds(text: str) -> bool:
        try:
            return low <= float(text) <= high
        except ValueError:
            return False

    return holds


def _span(low_s: int, high_s: int = 3600) -> Callable[[str], bool]:
    return lambda text: (text == "0" and not low_s) or low_s <= _seconds(text) <= high_s


def _seconds(text: str) -> float:
    """Read a Go duration of one unit; anything else is below every bound."""
    factor = {"s": 1, "m": 60, "h": 3600}.get(text[-1:], 0)
    return float(text[:-1]) * factor if factor and text[:-1].isascii() and text[:-1].isdigit() else -1.0


_VALUES: Final[Mapping[str, tuple[Callable[[str], bool], str]]] = {
    "class": (lambda text: text in _METRICS, "one of " + ", ".join(_METRICS)),
    "metric": (lambda text: any(text in known for known in _METRICS.values()), "concurrency, rps, cpu or memory"),
    "min-scale": (_whole(0), "a whole number"),
    "max-scale": (_whole(0), "a whole number, 0 for no bound"),
    "initial-scale": (_whole(1), "at least 1"),
    "activation-scale": (_whole(2), "at least 2"),
    "target": (_real(0.01), "at least 0.01"),
    "target-utilization-percentage": (_real(1, 100), "from 1 to 100"),
    "target-burst-capacity": (_real(-1), "at least -1"),
    "window": (_span(6), "from 6s to 1h"),
    "panic-window-percentage": (_real(1, 100), "from 1 to 100"),
    "panic-threshold-percentage": (_real(110, 1000), "from 110 to 1000"),
    "scale-down-delay": (_span(0), "from 0s to 1h"),
    "scale-to-zero-pod-retention-period": (_span(0), "from 0s to 1h"),
}
"""What each annotation of the autoscaler may say."""


def ports(manifests: Manifests) -> Iterator[Finding]:
    """A KService has one port in all, of a name Knative knows; gRPC comes over h2c, events do not."""
    for workload in _kservices(manifests):
        found = [port for container in workload.containers for port in container["ports"]]
        for port in found[1:]:
            yield port.finding("one-port", f"{workload.title}: only one port is allowed across all containers")
        for port in found:
            if port["name"].text not in PORT_NAMES:
                yield port["name"].finding("port-name", f"{port['name'].text!r} must be h2c, http1 or nothing")
            if port["containerPort"].number in TAKEN_PORTS:
                yield port["containerPort"].finding("port-name", "queue-proxy listens on this port")
        card = manifests.card(workload)
        wanted = card is not None and card.kind is Kind.SERVICE
        if card is not None and wanted != any(port["name"].text == H2C for port in found):
            where = found[0] if found else workload.spec["containers"]
            words = f"gRPC needs a port named {H2C}" if wanted else f"events come over HTTP/1.1, not {H2C}"
            yield where.finding("port-name", f"{workload.title}: {words}")


def autoscaling(manifests: Manifests) -> Iterator[Finding]:
    """Annotations of the autoscaler stand on the template, are known, and have values it takes."""
    for workload in _kservices(manifests):
        for key, node in workload.owner["metadata"]["annotations"].pairs():
            if key.startswith(GROUP):
                yield node.finding("annotation-place", f"{key} belongs to spec.template.metadata.annotations")
        for key, node in workload.template["metadata"]["annotations"].pairs():
            if key.startswith(GROUP):
                yield from _annotation(key.removeprefix(GROUP), node)
        yield from _agree(workload)


def _annotation(written: str, node: Node) -> Iterator[Finding]:
    key = _dashed(written)
    if key not in _VALUES:
        yield node.finding("annotation", f"the autoscaler knows no {written!r}")
        return
    holds, words = _VALUES[key]
    if isinstance(node.value, str) and not holds(node.text):
        yield node.finding("annotation", f"{written} is {node.text!r}, expected {words}")


def _dashed(key: str) -> str:
    """Give the one spelling of a key that has two.

    >>> _dashed("minScale")
    'min-scale'
    """
    return "".join(f"-{letter.lower()}" if letter.isupper() else letter for letter in key)


def _agree(workload: Workload) -> Iterator[Finding]:
    """Check annotations against one another and against the concurrency a container takes."""
    found = {
        _dashed(key.removeprefix(GROUP)): node
        for key, node in workload.template["metadata"]["annotations"].pairs()
        if key.startswith(GROUP)
    }
    lowest, highest = (found[key].number if key in found else None for key in ("min-scale", "max-scale"))
    if lowest and highest and lowest > highest:
        yield found["min-scale"].finding("annotation", f"min-scale {lowest} is above max-scale {highest}")
    kind = found["class"].text if "class" in found else _KPA
    metric = found.get("metric")
    if metric and metric.text not in _METRICS.get(kind, (metric.text,)):
        yield metric.finding("annotation", f"the class {kind} does not scale by {metric.text}")
    most = workload.spec["containerConcurrency"].number
    target = found.get("target")
    by_requests = metric is None or metric.text == "concurrency"
    if most and by_requests and target and _real(0.01)(target.text) and float(target.text) > most:
        yield target.finding("annotation", f"target {target.text} is above containerConcurrency {most}")


def warm(manifests: Manifests) -> Iterator[Finding]:
    """A gRPC service is always there, without the activator in the way; functions are not open to the world."""
    for workload, card in manifests.functions(Kind.SERVICE, Kind.HANDLER):
        annotations = workload.template["metadata"]["annotations"]
        if card.kind is Kind.SERVICE:
            lowest = annotations[f"{GROUP}min-scale"]
            if not (lowest.number or 0) >= 1:
                yield lowest.finding("warm", f"{workload.title} must have min-scale 1 or more: its callers do not wait")
            burst = annotations[f"{GROUP}target-burst-capacity"]
            if burst.text != "0":
                yield burst.finding("warm", f"{workload.title} must have target-burst-capacity 0: one hop less")
        visibility = workload.owner["metadata"]["labels"][VISIBILITY]
        if visibility.text != "cluster-local":
            yield visibility.finding("visibility", f"{workload.title} must be cluster-local ({VISIBILITY})")


def gates(manifests: Manifests) -> Iterator[Finding]:
    """Nothing asks for a field that is behind a gate of Serving that is shut unless someone opens it."""
    for workload in _kservices(manifests):
        for name in _GATED:
            if workload.spec[name]:
                yield workload.spec[name].finding("feature-gate", f"{name} is behind a gate in KServices")
        for volume in workload.spec["volumes"]:
            for kind in _GATED_VOLUMES:
                if volume[kind]:
                    yield volume[kind].finding("feature-gate", f"volumes of kind {kind} are behind a gate in KServices")
        read = [one["valueFrom"][source] for one in environment(workload).values() for source in _GATED_SOURCES]
        for one in filter(None, read):
            yield one.finding("feature-gate", f"{one.path[-1]} is behind a gate in KServices")


def bounds(manifests: Manifests) -> Iterator[Finding]:
    """Times and concurrency are within what Knative takes as it is installed."""
    for workload in _kservices(manifests):
        spec = workload.spec
        whole = spec["timeoutSeconds"]
        if whole and not 0 < (whole.number or 0) <= TIMEOUT_S_MAX:
            yield whole.finding("timeout", f"timeoutSeconds must be from 1 to {TIMEOUT_S_MAX}")
        for name in ("responseStartTimeoutSeconds", "idleTimeoutSeconds"):
            if spec[name] and whole and (spec[name].number or 0) > (whole.number or 0):
                yield spec[name].finding("timeout", f"{name} is longer than timeoutSeconds")
        most = spec["containerConcurrency"]
        if most and not (most.number is not None and 0 <= most.number <= CONCURRENCY_MAX):
            yield most.finding("concurrency", f"containerConcurrency must be from 0 to {CONCURRENCY_MAX}")


def _kservices(manifests: Manifests) -> Iterator[Workload]:
    return (one for one in manifests.workloads if one.is_kservice)


RULES: Final[tuple[Rule, ...]] = (ports, autoscaling, warm, gates, bounds)
