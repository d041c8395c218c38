"""Give overlays as kustomize renders them, each once for a process, and the pods inside them."""

import pathlib
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from typing import Any

import yaml

from functions.local.deployment import kustomize
from functions.local.topology import YAML_LOADER

ROOT = pathlib.Path(__file__).parents[1]
KNATIVE = ROOT / "knative"
WORKLOADS = ("Deployment", "StatefulSet", "Job", "CronJob")


@cache
def text(overlay: str) -> str:
    """Give what kustomize says."""
    return kustomize.render(overlay)


@cache
def objects(overlay: str) -> tuple[dict[str, Any], ...]:
    """Give what an overlay deploys."""
    return tuple(yaml.load_all(text(overlay), Loader=YAML_LOADER))


def named(overlay: str, kind: str, name: str) -> dict[str, Any]:
    """Give one object of an overlay; of Services, Knative's."""
    found = [one for one in objects(overlay) if one["kind"] == kind and one["metadata"]["name"] == name]
    return next(one for one in found if one["apiVersion"] != "v1" or kind != "Service")


def of_kind(overlay: str, kind: str) -> list[dict[str, Any]]:
    """Give an overlay's objects of a kind."""
    return [one for one in objects(overlay) if one["kind"] == kind]


@dataclass(frozen=True, slots=True)
class Pod:
    """A pod that an object makes."""

    kind: str
    name: str
    replicas: int
    spec: dict[str, Any]

    @property
    def container(self) -> dict[str, Any]:
        """Give its only container."""
        (only,) = self.spec["containers"]
        return only  # type: ignore[no-any-return]  # YAML

    @property
    def env(self) -> dict[str, str | None]:
        """Give its environment; a value from elsewhere is None."""
        return {one["name"]: one.get("value") for one in self.container.get("env", ())}


def pods(overlay: str) -> Iterator[Pod]:
    """Give the pods of an overlay; of a KService as many as it may have at once."""
    for one in objects(overlay):
        spec, name = one.get("spec", {}), one["metadata"]["name"]
        if one["apiVersion"].startswith("serving."):
            most = spec["template"]["metadata"]["annotations"]["autoscaling.knative.dev/max-scale"]
            yield Pod("KService", name, int(most), spec["template"]["spec"])
        elif one["kind"] in WORKLOADS:
            job = spec.get("jobTemplate", {}).get("spec", spec)
            yield Pod(one["kind"], name, 0 if spec.get("suspend") else spec.get("replicas", 1), job["template"]["spec"])
