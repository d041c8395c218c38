"""Find every pod that manifests make, and hold it against the Pod Security Standard `restricted`, item by item.

Source: https://kubernetes.io/docs/concepts/security/pod-security-standards/ (policies of Kubernetes 1.34). Beyond it
we ask for a root file system that is read-only, and for no token of a service account.
"""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Final

from functions.local.deployment.objects import Finding, Node, Object
from functions.local.deployment.policies import SERVING

KSERVICE: Final = ("serving.knative.dev", "Service")
RULE: Final = "restricted"

_TEMPLATES: Final = {
    ("serving.knative.dev", "Service"): ("spec", "template"),
    ("apps", "Deployment"): ("spec", "template"),
    ("apps", "StatefulSet"): ("spec", "template"),
    ("apps", "DaemonSet"): ("spec", "template"),
    ("apps", "ReplicaSet"): ("spec", "template"),
    ("batch", "Job"): ("spec", "template"),
    ("batch", "CronJob"): ("spec", "jobTemplate", "spec", "template"),
    ("sources.knative.dev", "ContainerSource"): ("spec", "template"),
    ("sinks.knative.dev", "JobSink"): ("spec", "job", "spec", "template"),
    ("", "Pod"): (),
}
_CONTAINERS: Final = ("initContainers", "containers", "ephemeralContainers")
_VOLUMES: Final = frozenset(
    ("configMap", "csi", "downwardAPI", "emptyDir", "ephemeral", "persistentVolumeClaim", "projected", "secret")
)
_SYSCTLS: Final = frozenset(
    (
        "kernel.shm_rmid_forced",
        "net.ipv4.ip_local_port_range",
        "net.ipv4.ip_unprivileged_port_start",
        "net.ipv4.tcp_syncookies",
        "net.ipv4.ping_group_range",
        "net.ipv4.ip_local_reserved_ports",
        "net.ipv4.tcp_keepalive_time",
        "net.ipv4.tcp_fin_timeout",
        "net.ipv4.tcp_keepalive_intvl",
        "net.ipv4.tcp_keepalive_probes",
    )
)
_SELINUX_TYPES: Final = frozenset(("", "container_t", "container_init_t", "container_kvm_t", "container_engine_t"))
_APPARMOR_TYPES: Final = frozenset(("", "RuntimeDefault", "Localhost"))
_APPARMOR: Final = "container.apparmor.security.beta.kubernetes.io/"
_SECCOMP: Final = frozenset(("RuntimeDefault", "Localhost"))
PROBES: Final = ("livenessProbe", "readinessProbe", "startupProbe")


@dataclass(frozen=True, eq=False)
class Workload:
    """What makes pods.

    Attributes:
        owner: Its manifest.
        template: The pods' template, or the pod itself.
    """

    owner: Object
    template: Node

    @property
    def spec(self) -> Node:
        """Give the pods' specification."""
        return self.template["spec"]

    @property
    def is_kservice(self) -> bool:
        """Tell whether Knative Serving makes the pods."""
        return (self.owner.group, self.owner.kind) == KSERVICE

    @property
    def title(self) -> str:
        """Name it in messages."""
        return f"{self.owner.kind} {self.owner.name}"

    @cached_property
    def labels(self) -> dict[str, str]:
        """Give the pods' labels, with the one that Knative adds."""
        added = {SERVING: self.owner.name} if self.is_kservice else {}
        return self.template["metadata"]["labels"].texts | added

    @cached_property
    def containers(self) -> list[Node]:
        """Give all containers, those that only start or debug included."""
        return [one for kind in _CONTAINERS for one in self.spec[kind]]


def workloads(objects: Iterable[Object]) -> tuple[Workload, ...]:
    """Find everything that makes pods."""
    found = []
    for one in objects:
        path = _TEMPLATES.get((one.group, one.kind))
        if path is not None:
            node = one.root
            for key in path:
                node = node[key]
            found.append(Workload(one, node))
    return tuple(found)


def restricted(workload: Workload) -> Iterator[Finding]:
    """Give what the standard forbids of a workload's pods."""
    if not workload.containers:
        yield workload.template.finding(RULE, f"{workload.title} has no containers that could be checked")
    yield from _host(workload.spec)
    yield from _volumes(workload.spec)
    yield from _context(workload.spec["securityContext"])
    yield from _pod(workload.template)
    for container in workload.containers:
        yield from _container(container, workload.spec["securityContext"])


def _host(spec: Node) -> Iterator[Finding]:
    for name in ("hostNetwork", "hostPID", "hostIPC"):
        if spec[name].value:
            yield spec[name].finding(RULE, f"{name} must not be set")


def _volumes(spec: Node) -> Iterator[Finding]:
    for volume in spec["volumes"]:
        for kind, node in volume.pairs():
            if kind != "name" and kind not in _VOLUMES:
                yield node.finding(RULE, f"a volume of kind {kind} is not allowed")


def _context(context: Node) -> Iterator[Finding]:
    """Check what a pod and a container may both say."""
    if context["runAsUser"].value == 0:
        yield context["runAsUser"].finding(RULE, "runAsUser must not be 0")
    if context["windowsOptions"]["hostProcess"].value:
        yield context["windowsOptions"]["hostProcess"].finding(RULE, "hostProcess must not be set")
    selinux = context["seLinuxOptions"]
    if selinux["type"].text not in _SELINUX_TYPES or selinux["user"].text or selinux["role"].text:
        yield selinux.finding(RULE, "seLinuxOptions may only have a container's type, and neither user nor role")
    if context["appArmorProfile"]["type"].text not in _APPARMOR_TYPES:
        yield context["appArmorProfile"].finding(RULE, "appArmorProfile must be RuntimeDefault or Localhost")
    for one in context["sysctls"]:
        if one["name"].text not in _SYSCTLS:
            yield one.finding(RULE, f"sysctl {one['name'].text!r} is not a safe one")


def _pod(template: Node) -> Iterator[Finding]:
    """Check what only a pod says, or says for containers that do not say otherwise."""
    context = template["spec"]["securityContext"]
    if context["runAsNonRoot"] and context["runAsNonRoot"].value is not True:
        yield context["runAsNonRoot"].finding(RULE, "runAsNonRoot must be true")
    profile = context["seccompProfile"]["type"]
    if profile and profile.text not in _SECCOMP:
        yield profile.finding(RULE, "seccompProfile must be RuntimeDefault or Localhost")
    for key, node in template["metadata"]["annotations"].pairs():
        if key.startswith(_APPARMOR) and not node.text.startswith(("runtime/default", "localhost/")):
            yield node.finding(RULE, f"{key} must be runtime/default or localhost/...")


def _container(container: Node, pod: Node) -> Iterator[Finding]:
    context, name = container["securityContext"], container["name"].text or "the container"
    yield from _context(context)
    yield from _privileges(context, pod, name)
    yield from _capabilities(context["capabilities"], name)
    profile = context["seccompProfile"]["type"]
    if (profile or pod["seccompProfile"]["type"]).text not in _SECCOMP:
        yield profile.finding(RULE, f"{name}: seccompProfile must be RuntimeDefault or Localhost")
    if context["procMount"].text not in {"", "Default"}:
        yield context["procMount"].finding(RULE, "procMount must be Default")
    for port in container["ports"]:
        if port["hostPort"].value:
            yield port["hostPort"].finding(RULE, "hostPort must not be set")
    yield from _reaching(container)


def _privileges(context: Node, pod: Node, name: str) -> Iterator[Finding]:
    if context["privileged"].value:
        yield context["privileged"].finding(RULE, "privileged must not be set")
    if context["allowPrivilegeEscalation"].value is not False:
        yield context["allowPrivilegeEscalation"].finding(RULE, f"{name}: allowPrivilegeEscalation must be false")
    if (context["runAsNonRoot"] or pod["runAsNonRoot"]).value is not True:
        yield context["runAsNonRoot"].finding(RULE, f"{name}: runAsNonRoot must be true")
    if context["readOnlyRootFilesystem"].value is not True:
        yield context["readOnlyRootFilesystem"].finding(RULE, f"{name}: readOnlyRootFilesystem must be true")


def _capabilities(found: Node, name: str) -> Iterator[Finding]:
    if "ALL" not in [one.text for one in found["drop"]]:
        yield found["drop"].finding(RULE, f"{name}: capabilities must drop ALL")
    for one in found["add"]:
        if one.text != "NET_BIND_SERVICE":
            yield one.finding(RULE, f"capability {one.text} must not be added")


def _reaching(container: Node) -> Iterator[Finding]:
    """Find probes and hooks that name a host: the kubelet would ask it for the pod."""
    asked = [container[one] for one in PROBES]
    asked += [container["lifecycle"][one] for one in ("postStart", "preStop")]
    for probe in asked:
        for kind in ("httpGet", "tcpSocket"):
            if probe[kind]["host"]:
                yield probe[kind]["host"].finding(RULE, "probes and hooks must not name a host")


def tokens(workload: Workload, accounts: Mapping[str, Object]) -> Iterator[Finding]:
    """Find pods that get a token of a service account: nothing of ours asks the API server for anything."""
    said = workload.spec["automountServiceAccountToken"]
    account = accounts.get(workload.spec["serviceAccountName"].text or "default")
    if said.value is False or (not said and account and account["automountServiceAccountToken"].value is False):
        return
    yield said.finding("no-token", f"{workload.title}: automountServiceAccountToken must be false")
