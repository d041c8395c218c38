"""Read from a workload's manifest what its container is started with, as Kubernetes and Knative do it.

Only the fields that are known here are taken; another one stops the reading, for what it does would not be done.
"""

import pathlib
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, Final

import yaml
from cells import Watch

POD: Final = {
    "automountServiceAccountToken",
    "containerConcurrency",
    "containers",
    "enableServiceLinks",
    "restartPolicy",
    "securityContext",
    "serviceAccountName",
    "terminationGracePeriodSeconds",
    "timeoutSeconds",
    "topologySpreadConstraints",
    "volumes",
}
CONTAINER: Final = {
    "args",
    "env",
    "image",
    "livenessProbe",
    "name",
    "ports",
    "readinessProbe",
    "resources",
    "securityContext",
    "startupProbe",
    "volumeMounts",
}
POD_SECURITY: Final = {"fsGroup", "fsGroupChangePolicy", "runAsNonRoot", "seccompProfile"}
SECURITY: Final = {
    "allowPrivilegeEscalation": False,
    "capabilities": {"drop": ["ALL"]},
    "readOnlyRootFilesystem": True,
    "runAsNonRoot": True,
    "seccompProfile": {"type": "RuntimeDefault"},
}
"""What every container must say, and is given here but for the profile of system calls."""
KINDS: Final = {
    ("serving.knative.dev/v1", "Service"): ("spec", "template"),
    ("apps/v1", "Deployment"): ("spec", "template"),
    ("apps/v1", "StatefulSet"): ("spec", "template"),
    ("batch/v1", "Job"): ("spec", "template"),
    ("batch/v1", "CronJob"): ("spec", "jobTemplate", "spec", "template"),
}
"""Workloads, with where their pod's template stands."""
KNATIVE: Final = "Service"
LABEL: Final = "app.kubernetes.io/name"
UNITS: Final = {"Ki": 1 << 10, "Mi": 1 << 20, "Gi": 1 << 30}
_QUANTITY: Final = re.compile(r"(\d+)(Ki|Mi|Gi)")


class Unknown(Exception):  # noqa: N818 - reads as what happened
    """A manifest says what is not known here; the message names it."""


@dataclass(frozen=True, slots=True)
class Volume:
    """What is mounted, and where: `memory`, `claim`, or the content of a ConfigMap as files."""

    at: str
    kind: str
    size: str = ""
    files: Mapping[str, bytes] = field(default_factory=dict)
    read_only: bool = False


@dataclass(frozen=True, slots=True)
class Pod:
    """One container, as it is started.

    Attributes:
        name: Of the workload.
        kind: Of the workload.
        args: Program and arguments.
        env: What the manifest and the platform give it.
        probe: How it is known that it is ready.
        memory_bytes: Its limit.
        group: Group that volumes are given to; 0 for none.
        volumes: What is mounted.
    """

    name: str
    kind: str
    args: tuple[str, ...]
    env: Mapping[str, str]
    probe: Watch
    memory_bytes: int
    group: int
    volumes: tuple[Volume, ...]


@dataclass(frozen=True, slots=True)
class Cluster:
    """What a cluster holds beside the workloads.

    Attributes:
        secrets: Values by (secret, key).
        maps: Data of ConfigMaps by name.
        sinks: Environment that SinkBindings give, by kind of their subject, and its name or the one in its labels.
    """

    secrets: Mapping[tuple[str, str], str]
    maps: Mapping[str, Mapping[str, str]]
    sinks: Mapping[tuple[str, str], Mapping[str, str]]


def workloads(folder: pathlib.Path) -> Iterator[dict[str, Any]]:
    """List the workloads in the manifests of a folder, in order."""
    for file in sorted(folder.glob("*.yaml")):
        for document in yaml.safe_load_all(file.read_text(encoding="utf-8")):
            if (document["apiVersion"], document["kind"]) in KINDS:
                yield document


def cluster(eventing: pathlib.Path, secrets: Mapping[tuple[str, str], str]) -> Cluster:
    """Read from `eventing/` what workloads are given by it: ConfigMaps, and what SinkBindings inject."""
    documents = [one for file in sorted(eventing.rglob("*.yaml")) for one in yaml.safe_load_all(file.read_text())]
    sinks = {}
    for one in documents:
        if one["kind"] == "SinkBinding":
            subject, broker = one["spec"]["subject"], one["spec"]["sink"]["ref"]["name"]
            url = f"http://kafka-broker-ingress.knative-eventing.svc.cluster.local/tickloom/{broker}"
            name = subject["name"] if "name" in subject else subject["selector"]["matchLabels"][LABEL]
            sinks[subject["kind"], name] = {"K_SINK": url, "K_CE_OVERRIDES": ""}
    maps = {one["metadata"]["name"]: one["data"] for one in documents if one["kind"] == "ConfigMap"}
    return Cluster(secrets, maps, sinks)


def pod(workload: Mapping[str, Any], given: Cluster) -> Pod:
    """Read how a workload's container is started.

    Args:
        workload: The manifest.
        given: What else is in the cluster.

    Raises:
        Unknown: It says what is not known here, or names what the cluster has not.
    """
    name, kind = workload["metadata"]["name"], workload["kind"]
    template: Any = workload
    for step in KINDS[workload["apiVersion"], kind]:
        template = template[step]
    spec = template["spec"]
    _known("pod", spec, POD)
    (container,) = spec["containers"]
    _known("container", container, CONTAINER)
    if container["securityContext"] != SECURITY:
        message = f"{name}: securityContext is {container['securityContext']}, expected {SECURITY}"
        raise Unknown(message)
    security = spec.get("securityContext", {})
    _known("pod's securityContext", security, POD_SECURITY)
    jobs = workload["spec"].get("jobTemplate", {}).get("metadata", {}).get("labels", {})
    bound = ("Job", jobs.get(LABEL, "")) if kind == "CronJob" else (kind, name)
    own = {one["name"]: value for one in container.get("env", ()) if (value := _value(one, given)) is not None}
    return Pod(
        name,
        kind,
        tuple(container["args"]),
        {"HOSTNAME": f"{name}-0", **_knative(name, container, kind), **own, **given.sinks.get(bound, {})},
        _probe(container, kind),
        _bytes(container["resources"]["limits"]["memory"]),
        security.get("fsGroup", 0),
        tuple(_volumes(spec, container, workload, given)),
    )


def _known(what: str, found: Mapping[str, object], known: set[str]) -> None:
    if odd := sorted(set(found) - known):
        message = f"{what}: {', '.join(odd)} is not known here"
        raise Unknown(message)


def _knative(name: str, container: Mapping[str, Any], kind: str) -> dict[str, str]:
    if kind != KNATIVE:
        return {}
    (port,) = container["ports"]
    names = {"K_SERVICE": name, "K_CONFIGURATION": name, "K_REVISION": f"{name}-00001"}
    return {"PORT": str(port["containerPort"]), **names}


def _value(one: Mapping[str, Any], given: Cluster) -> str | None:
    """Give a variable's value; None for one that is optional and not given."""
    if "value" in one:
        return str(one["value"])
    ((kind, source),) = one["valueFrom"].items()
    try:
        if kind == "secretKeyRef":
            return given.secrets[source["name"], source["key"]]
        if kind == "configMapKeyRef":
            return given.maps[source["name"]][source["key"]]
    except KeyError:
        if source.get("optional"):
            return None
        message = f"{one['name']}: nobody gives {source['key']} of {source['name']}"
        raise Unknown(message) from None
    message = f"{one['name']}: {kind} is not known here"
    raise Unknown(message)


def _probe(container: Mapping[str, Any], kind: str) -> Watch:
    if "readinessProbe" not in container:
        if kind not in {"Job", "CronJob"}:
            message = f"{container['name']} has no readiness probe"
            raise Unknown(message)
        return Watch("end")
    probe = container["readinessProbe"]
    ports = {one.get("name", ""): one["containerPort"] for one in container["ports"]}
    asked = probe.get("httpGet") or probe.get("grpc")
    port = asked.get("port", next(iter(ports.values())))
    number = ports.get(port, port)
    if "httpGet" in probe:
        return Watch("http", port=number, path=asked["path"])
    return Watch("grpc", port=number, service=asked.get("service", ""))


def _bytes(quantity: str) -> int:
    match = _QUANTITY.fullmatch(quantity)
    if match is None:
        message = f"quantity {quantity!r} is not known here"
        raise Unknown(message)
    return int(match[1]) * UNITS[match[2]]


def _volumes(
    spec: Mapping[str, Any], container: Mapping[str, Any], workload: Mapping[str, Any], given: Cluster
) -> Iterator[Volume]:
    claimed = {one["metadata"]["name"] for one in workload["spec"].get("volumeClaimTemplates", ())}
    named = {one["name"]: one for one in spec.get("volumes", ())}
    for mount in container.get("volumeMounts", ()):
        at, read_only = mount["mountPath"], mount.get("readOnly", False)
        volume = named.get(mount["name"], {"persistentVolumeClaim": {}} if mount["name"] in claimed else {})
        if "emptyDir" in volume:
            yield Volume(at, "memory", str(_bytes(volume["emptyDir"]["sizeLimit"])), read_only=read_only)
        elif "persistentVolumeClaim" in volume:
            yield Volume(at, "claim", read_only=read_only)
        elif "configMap" in volume:
            data = given.maps[volume["configMap"]["name"]]
            files = {name: text.encode() for name, text in data.items()}
            yield Volume(at, "files", files=files, read_only=True)
        else:
            message = f"volume {mount['name']} is of no kind that is known here"
            raise Unknown(message)
