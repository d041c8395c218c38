"""Rules for any manifest and any pod, which no schema has: names, references, secrets, images, probes, resources."""

import re
from collections.abc import Iterator
from typing import Final

from functions.local.deployment.manifests import Manifests, Rule, environment, is_kservice
from functions.local.deployment.objects import Finding, Node, Object
from functions.local.deployment.pods import PROBES, Workload, restricted, tokens
from functions.local.deployment.policies import JOBS
from functions.ports.card import Kind

ENFORCE: Final = "pod-security.kubernetes.io/enforce"
_CLUSTER_WIDE: Final = frozenset(("Namespace", "PriorityClass", "ClusterRole", "ClusterRoleBinding", "StorageClass"))
_ACCESS: Final = frozenset(("Role", "RoleBinding", "ClusterRole", "ClusterRoleBinding"))
_SECRET_NAME: Final = re.compile(r"PASSWORD|SECRET|TOKEN|CREDENTIAL|PRIVATE_KEY|API_KEY|DATABASE_URL|REDIS_URL")
_CREDENTIALS: Final = re.compile(r"[a-z][a-z0-9+.-]*://[^/\s:@]*:[^/\s@]+@")
_DIGEST: Final = re.compile(r"@sha256:[0-9a-f]{64}$")
_TAG: Final = re.compile(r":([A-Za-z0-9_][A-Za-z0-9._-]{0,127})$")
_MOVING: Final = frozenset(("latest", "main", "master", "edge", "dev", "nightly", "stable"))
_QUANTITY: Final = re.compile(r"(\d+(?:\.\d+)?)(m|[kMGTPE]i?)?")
_FACTORS: Final = (
    {"": 1.0, "m": 1e-3, "k": 1e3}
    | {f"{letter}{i}": (1024.0 if i else 1000.0) ** power for power, letter in enumerate("MGTPE", 2) for i in ("", "i")}
    | {"Ki": 1024.0}
)
_PROBED: Final = frozenset(("Service", "Deployment", "StatefulSet"))


def names(manifests: Manifests) -> Iterator[Finding]:
    """No key twice in a mapping, no object twice, none without a name and a namespace; labels are texts."""
    for one in manifests.objects:
        for line, key in one.repeated:
            yield Finding(f"{one.source}:{line}", "repeated-key", f"{key!r} is written twice; the last would win")
        first = manifests.index[one.group, one.kind, one.namespace or manifests.namespace, one.name]
        if first is not one:
            message = f"{one.kind} {one.name} is already at {first.root.place}"
            yield one["metadata"]["name"].finding("repeated-object", message)
        if not one.name:
            yield one["metadata"].finding("name", f"this {one.kind} has no name")
        if not one.namespace and one.kind not in _CLUSTER_WIDE:
            yield one["metadata"].finding("namespace", f"{one.kind} {one.name} must say its namespace")
        yield from _texts(one["metadata"])
    for workload in manifests.workloads:
        yield from _texts(workload.template["metadata"])
        if workload.owner.namespace not in {"", manifests.namespace}:
            message = f"{workload.title} is not in namespace {manifests.namespace}, where its NetworkPolicies are"
            yield workload.owner["metadata"]["namespace"].finding("namespace", message)


def _texts(metadata: Node) -> Iterator[Finding]:
    for kind in ("labels", "annotations"):
        for key, node in metadata[kind].pairs():
            if not isinstance(node.value, str):
                yield node.finding("text", f"{kind} are texts: put {key}'s value in quotes")


def pods(manifests: Manifests) -> Iterator[Finding]:
    """Every pod is restricted, has no token, and is one of ours; nothing grants access to the cluster."""
    accounts = {one.name: one for one in manifests.of("", "ServiceAccount")}
    for workload in manifests.workloads:
        yield from restricted(workload)
        yield from tokens(workload, accounts)
        name = workload.spec["serviceAccountName"]
        if name.text and name.text not in accounts:
            yield name.finding("reference", f"there is no ServiceAccount {name.text}")
        if manifests.card(workload) is None and not manifests.is_job(workload):
            message = f"{workload.title} is no function that has a card, nor one of the jobs {', '.join(JOBS)}"
            yield workload.owner["metadata"]["name"].finding("stranger", message)
    for one in manifests.of("", "Namespace"):
        enforced = one["metadata"]["labels"][ENFORCE]
        if enforced.text != "restricted":
            yield enforced.finding("restricted", f"Namespace {one.name} must say {ENFORCE}: restricted")
    for one in manifests.objects:
        if one.kind in _ACCESS:
            yield one.root.finding("no-access", f"{one.kind} {one.name}: no pod of ours may ask the cluster anything")


def deployed(manifests: Manifests) -> Iterator[Finding]:
    """Every function has a workload, which starts that function."""
    there = {(card.kind, card.name) for _, card in manifests.functions(*Kind)}
    for card in manifests.cards.values():
        if (card.kind, card.name) not in there and manifests.objects:
            where = manifests.objects[0].root
            yield where.finding("deployed", f"{card.kind.value[:-1]} {card.name} has no workload in these manifests")
    for workload, card in manifests.functions(*Kind):
        module = f"functions.{card.kind.value}.{card.name}.main"
        started = [one for container in workload.containers for one in container["args"]]
        if module not in [one.text for one in started]:
            where = started[-1] if started else workload.spec["containers"]
            yield where.finding("entry-point", f"{workload.title} must start {module}")


def images(manifests: Manifests) -> Iterator[Finding]:
    """Every image is pinned, and all functions are in one."""
    first = ""
    for workload in manifests.workloads:
        for container in workload.containers:
            image = container["image"]
            if not _pinned(image.text):
                yield image.finding("image", f"{image.text!r} is not pinned: name a release's tag, or a digest")
            if manifests.card(workload):
                first = first or image.text
                if image.text != first:
                    yield image.finding("image", f"{image.text!r} is not the image of the others, {first!r}")


def _pinned(image: str) -> bool:
    if _DIGEST.search(image):
        return True
    tag = _TAG.search(image)
    return tag is not None and tag[1] not in _MOVING


def secrets(manifests: Manifests) -> Iterator[Finding]:
    """Secrets are referred to and never written down."""
    for one in manifests.of("", "Secret"):
        for key in ("data", "stringData"):
            if one[key].value:
                yield one[key].finding("secret", f"Secret {one.name} is written down: refer to it, or seal it")
    for workload in manifests.workloads:
        for name, node in environment(workload).items():
            literal = node["value"]
            if literal and (_SECRET_NAME.search(name) or _CREDENTIALS.search(literal.text)):
                yield literal.finding("secret", f"{name} must come from a Secret (valueFrom.secretKeyRef)")
    for one in manifests.of("", "ConfigMap"):
        for key, node in one["data"].pairs():
            if _CREDENTIALS.search(node.text):
                yield node.finding("secret", f"{key} of ConfigMap {one.name} holds credentials")


def probes(manifests: Manifests) -> Iterator[Finding]:
    """What runs for long says when it is ready, and when it hangs."""
    for workload in manifests.workloads:
        if workload.owner.kind in _PROBED:
            for container in workload.spec["containers"]:
                for probe in PROBES:
                    if probe != "startupProbe" and not container[probe].value:
                        yield container.finding("probes", f"{workload.title} has no {probe}")
                    yield from _probed_port(container, container[probe])


def _probed_port(container: Node, probe: Node) -> Iterator[Finding]:
    ports = [port[key].value for port in container["ports"] for key in ("name", "containerPort")]
    for kind in ("httpGet", "tcpSocket", "grpc"):
        asked = probe[kind]["port"]
        if asked and asked.value not in ports:
            yield asked.finding("probes", f"the container has no port {asked.value!r}")


def resources(manifests: Manifests) -> Iterator[Finding]:
    """Every container asks for processor and memory, may use a bounded memory, and asks for no more than it may use."""
    for workload in manifests.workloads:
        for container in workload.containers:
            asked, most = container["resources"]["requests"], container["resources"]["limits"]
            for node, key, words in (
                (asked, "cpu", "requests"),
                (asked, "memory", "requests"),
                (most, "memory", "limits"),
            ):
                if not node[key]:
                    yield node.finding("resources", f"{workload.title} has no resources.{words}.{key}")
            for key, node in asked.pairs():
                if most[key] and _amount(node) > _amount(most[key]):
                    yield node.finding(
                        "resources", f"{key}: requests {node.value} are more than the limit {most[key].value}"
                    )


def _amount(node: Node) -> float:
    """Read a quantity; one that cannot be read is the schema's to refuse, and counts as nothing."""
    found = _QUANTITY.fullmatch(str(node.value))
    return float(found[1]) * _FACTORS[found[2] or ""] if found else 0.0


def references(manifests: Manifests) -> Iterator[Finding]:
    """What pods mount and read is there."""
    for workload in manifests.workloads:
        yield from _volumes(manifests, workload)
        for node in environment(workload).values():
            yield from _config(manifests, node["valueFrom"]["configMapKeyRef"])
        for container in workload.containers:
            for one in container["envFrom"]:
                yield from _config(manifests, one["configMapRef"])


def _volumes(manifests: Manifests, workload: Workload) -> Iterator[Finding]:
    claimed = {one["metadata"]["name"].text for one in workload.owner["spec"]["volumeClaimTemplates"]}
    declared = {one["name"].text for one in workload.spec["volumes"]} | claimed
    for container in workload.containers:
        for mount in container["volumeMounts"]:
            if mount["name"].text not in declared:
                yield mount["name"].finding("reference", f"{workload.title} has no volume {mount['name'].text!r}")
    for volume in workload.spec["volumes"]:
        yield from _config(manifests, volume["configMap"])
        claim = volume["persistentVolumeClaim"]["claimName"]
        if claim.text and not manifests.find("", "PersistentVolumeClaim", claim.text):
            yield claim.finding("reference", f"there is no PersistentVolumeClaim {claim.text}")


def _config(manifests: Manifests, reference: Node) -> Iterator[Finding]:
    name = reference["name"]
    if not name.text or reference["optional"].value is True:
        return
    found = manifests.find("", "ConfigMap", name.text)
    if found is None:
        yield name.finding("reference", f"there is no ConfigMap {name.text}")
    elif reference["key"].text and not found["data"][reference["key"].text]:
        yield reference["key"].finding("reference", f"ConfigMap {name.text} has no {reference['key'].text!r}")


def selectors(manifests: Manifests) -> Iterator[Finding]:
    """Selectors select: a workload its own pods, a Service some workload's, a StatefulSet's Service is there."""
    for workload in manifests.workloads:
        chosen = workload.owner["spec"]["selector"]["matchLabels"]
        for key, value in chosen.texts.items():
            if workload.labels.get(key) != value:
                yield chosen[key].finding("selector", f"{workload.title} does not select its own pods by {key}")
        service = workload.owner["spec"]["serviceName"]
        if service.text and not manifests.find("", "Service", service.text):
            yield service.finding("reference", f"there is no headless Service {service.text}")
    for one in manifests.of("", "Service"):
        yield from _service(manifests, one)


def _service(manifests: Manifests, one: Object) -> Iterator[Finding]:
    chosen = one["spec"]["selector"].texts.items()
    if chosen and not any(chosen <= workload.labels.items() for workload in manifests.workloads):
        yield one["spec"]["selector"].finding("selector", f"Service {one.name} selects no pods of these manifests")
    if any(is_kservice(other) and other.name == one.name for other in manifests.objects):
        message = f"Knative makes a Service {one.name} for the KService of that name; give this one another"
        yield one["metadata"]["name"].finding("selector", message)


RULES: Final[tuple[Rule, ...]] = (names, pods, deployed, images, secrets, probes, resources, references, selectors)
