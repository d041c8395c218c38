"""Say a KService of ours as a line of Knative's `kn`, and what of it `kn` has no flag for.

A manifest is taken apart into leaves. Each leaf that a flag can say is said; what is left over is named, so that
nothing is lost in silence.
"""

import pathlib
import shlex
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Final, TypeAlias

import yaml

from functions.local.deployment.generated import KNATIVE

Manifest: TypeAlias = Mapping[str, Any]  # what YAML holds
Path: TypeAlias = tuple[str | int, ...]
Leaves: TypeAlias = dict[Path, Any]
Words: TypeAlias = list[str]

FOLDERS: Final = ("functions", "services")
VISIBILITY: Final = "networking.knative.dev/visibility"
STRICT: Final[Mapping[Path, object]] = {
    ("allowPrivilegeEscalation",): False,
    ("runAsNonRoot",): True,
    ("capabilities", "drop", 0): "ALL",
    ("seccompProfile", "type"): "RuntimeDefault",
}
"""What `--security-context strict` sets (kn 1.21)."""

_METADATA: Final[Path] = ("spec", "template", "metadata")
_POD: Final[Path] = ("spec", "template", "spec")
_CONTAINER: Final[Path] = (*_POD, "containers", 0)
_FLAGS: Final[Mapping[Path, str]] = {
    ("metadata", "namespace"): "--namespace",
    (*_METADATA, "annotations", "autoscaling.knative.dev/min-scale"): "--scale-min",
    (*_METADATA, "annotations", "autoscaling.knative.dev/max-scale"): "--scale-max",
    (*_METADATA, "annotations", "autoscaling.knative.dev/target"): "--scale-target",
    (*_POD, "serviceAccountName"): "--service-account",
    (*_POD, "containerConcurrency"): "--concurrency-limit",
    (*_POD, "timeoutSeconds"): "--timeout",
    (*_CONTAINER, "image"): "--image",
    (*_CONTAINER, "securityContext", "runAsUser"): "--user",
}
_PAIRS: Final[Mapping[Path, str]] = {
    ("metadata", "annotations"): "--annotation-service",
    ("metadata", "labels"): "--label-service",
    (*_METADATA, "annotations"): "--annotation-revision",
    (*_METADATA, "labels"): "--label-revision",
    (*_CONTAINER, "resources", "requests"): "--request",
    (*_CONTAINER, "resources", "limits"): "--limit",
}
_LISTS: Final[Mapping[Path, str]] = {(*_CONTAINER, "command"): "--cmd", (*_CONTAINER, "args"): "--arg"}
_PROBES: Final[Mapping[str, str]] = {"readinessProbe": "--probe-readiness", "livenessProbe": "--probe-liveness"}
_SOURCES: Final[Mapping[str, str]] = {"secretKeyRef": "secret", "configMapKeyRef": "config-map"}


@dataclass(frozen=True, slots=True)
class Line:
    """A command of `kn`.

    Attributes:
        name: The service's.
        flags: Each flag with its value, as one word or two.
        unsaid: What `kn` cannot say, as paths in the manifest.
    """

    name: str
    flags: tuple[tuple[str, ...], ...]
    unsaid: tuple[str, ...]

    @property
    def words(self) -> tuple[str, ...]:
        """Give the command word by word."""
        return ("kn", "service", "create", self.name, *(word for flag in self.flags for word in flag))

    @property
    def text(self) -> str:
        """Write the command for a shell, a flag a line, and what it leaves out as comments before it."""
        lost = [f"# kn has no flag for {path}\n" for path in self.unsaid]
        head = f"kn service create {self.name}"
        return "".join(lost) + " \\\n  ".join([head, *map(shlex.join, self.flags)])


def manifest_of(name: str, knative: pathlib.Path = KNATIVE) -> Manifest:
    """Read the KService of a handler or service.

    Raises:
        LookupError: There is none of this name; the message lists those there are.
    """
    files = {file.stem: file for folder in FOLDERS for file in sorted((knative / folder).glob("*.yaml"))}
    files.pop("kustomization", None)
    if name not in files:
        message = f"there is no KService {name!r}; there are {', '.join(sorted(files))}"
        raise LookupError(message)
    manifest: Manifest = yaml.safe_load(files[name].read_text(encoding="utf-8"))
    return manifest


def line_of(manifest: Manifest) -> Line:
    """Say a KService of one container as a line of `kn`."""
    left = dict(leaves(manifest))
    for known in (("apiVersion",), ("kind",), ("metadata", "name")):  # `service create NAME` says these
        del left[known]
    flags = [
        flag
        for say in (_visible, _flags, _pairs, _lists, _port, _environment, _probes, _security)
        for flag in say(left)
    ]
    return Line(manifest["metadata"]["name"], tuple(map(tuple, flags)), tuple(map(_dotted, left)))


def leaves(node: object, path: Path = ()) -> Iterator[tuple[Path, Any]]:
    """Take a manifest apart: every value that holds no others, by its path.

    >>> dict(leaves({"a": {"b": 1}, "c": ["x"]}))
    {('a', 'b'): 1, ('c', 0): 'x'}
    """
    if isinstance(node, dict) and node:
        for key, value in node.items():
            yield from leaves(value, (*path, key))
    elif isinstance(node, list) and node:
        for index, value in enumerate(node):
            yield from leaves(value, (*path, index))
    else:
        yield path, node


def _visible(left: Leaves) -> Iterator[Words]:
    if left.get(("metadata", "labels", VISIBILITY)) == "cluster-local":
        del left["metadata", "labels", VISIBILITY]
        yield ["--cluster-local"]


def _flags(left: Leaves) -> Iterator[Words]:
    for path, flag in _FLAGS.items():
        if path in left:
            yield [flag, str(left.pop(path))]


def _pairs(left: Leaves) -> Iterator[Words]:
    for path, flag in _PAIRS.items():
        for found in _below(left, path):
            yield [flag, f"{found[-1]}={left.pop(found)}"]


def _lists(left: Leaves) -> Iterator[Words]:
    for path, flag in _LISTS.items():
        for found in _below(left, path):
            yield [flag, str(left.pop(found))]


def _port(left: Leaves) -> Iterator[Words]:
    port = (*_CONTAINER, "ports", 0)
    if (*port, "containerPort") in left:
        name = left.pop((*port, "name"), "")
        yield ["--port", f"{name}:{left.pop((*port, 'containerPort'))}".lstrip(":")]


def _environment(left: Leaves) -> Iterator[Words]:
    """Say variables in their order: values as they are, and keys of Secrets and ConfigMaps by name."""
    for path in [one for one in left if one[:-2] == (*_CONTAINER, "env") and one[-1] == "name"]:
        entry = path[:-1]
        if (*entry, "value") in left:
            yield ["--env", f"{left.pop(path)}={left.pop((*entry, 'value'))}"]
        for key, kind in _SOURCES.items():
            source = (*entry, "valueFrom", key)
            if (*source, "key") in left:
                place = f"{kind}:{left.pop((*source, 'name'))}:{left.pop((*source, 'key'))}"
                yield ["--env-value-from", f"{left.pop(path)}={place}"]


def _probes(left: Leaves) -> Iterator[Words]:
    for probe, flag in _PROBES.items():
        path = (*_CONTAINER, probe, "httpGet", "path")
        if path in left:
            port = left.pop((*path[:-1], "port"), "")
            yield [flag, f"http::{port}:{left.pop(path)}"]
            options = [f"{found[-1]}={left.pop(found)}" for found in _below(left, path[:-2])]
            yield from [[f"{flag}-opts", ",".join(options)]] if options else []


def _security(left: Leaves) -> Iterator[Words]:
    context = (*_CONTAINER, "securityContext")
    if all(left.get((*context, *path)) == value for path, value in STRICT.items()):
        for path in STRICT:
            del left[(*context, *path)]
        yield ["--security-context", "strict"]


def _below(left: Leaves, path: Path) -> list[Path]:
    return [found for found in left if found[:-1] == path]


def _dotted(path: Path) -> str:
    """Write a path as people do: `spec.containers[0].image`."""
    return "".join(f"[{part}]" if isinstance(part, int) else f".{part}" for part in path).lstrip(".")
