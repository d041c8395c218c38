"""What a container is started with is read from its manifest, and nothing of it is passed over."""

import copy
import pathlib
from typing import Any, Final

import pods
import pytest

ROOT: Final = pathlib.Path(__file__).parents[2]
FOLDERS: Final = ("functions", "services", "tables", "feeds", "jobs")
WORKLOADS: Final = {
    f"{folder}-{one['metadata']['name']}": one
    for folder in FOLDERS
    for one in pods.workloads(ROOT / "knative" / folder)
}
GIVEN: Final = pods.cluster(
    ROOT / "eventing", {("stores", "database-url"): "a database", ("stores", "redis-url"): "a cache"}
)


@pytest.mark.parametrize("name", sorted(WORKLOADS))
def test_every_workload_is_read(name: str) -> None:
    """Each workload says a program of ours, its memory, and a probe unless it ends; all else is understood."""
    pod = pods.pod(WORKLOADS[name], GIVEN)
    assert pod.args[:2] == ("python", "-m")
    assert pod.memory_bytes > 0
    assert (pod.probe.kind == "end") == (pod.kind in {"Job", "CronJob"})
    assert all(isinstance(value, str) for value in pod.env.values())


def test_platform_gives() -> None:
    """Knative gives a port and a name, a SinkBinding its sink, a ConfigMap and a Secret their values."""
    orders = pods.pod(WORKLOADS["services-orders"], GIVEN).env
    assert (orders["PORT"], orders["K_SERVICE"], orders["DATABASE_URL"]) == ("8080", "orders", "a database")
    assert orders["K_SINK"].endswith("/tickloom/desk")
    assert "EnrichedBatch" in pods.pod(WORKLOADS["tables-bars-table"], GIVEN).env["TICKLOOM_TABLE_TYPES"]


def broken(name: str, *path: str | int, value: Any) -> dict[str, Any]:  # noqa: ANN401 - any YAML
    """Change one place of a workload's pod."""
    workload = copy.deepcopy(WORKLOADS[name])
    place = workload["spec"]["template"]["spec"]
    for step in path[:-1]:
        place = place[step]
    place[path[-1]] = value
    return workload


@pytest.mark.parametrize(
    ("path", "value", "why"),
    [
        (("initContainers",), [], "initContainers is not known"),
        (("hostNetwork",), True, "hostNetwork is not known"),
        (("securityContext",), {"runAsUser": 0}, "runAsUser is not known"),
        (("containers", 0, "command"), ["sh"], "command is not known"),
        (("containers", 0, "envFrom"), [], "envFrom is not known"),
        (("containers", 0, "securityContext"), {"privileged": True}, "securityContext is"),
        (("containers", 0, "securityContext", "readOnlyRootFilesystem"), False, "securityContext is"),
        (("containers", 0, "env", 0), {"name": "X", "valueFrom": {"fieldRef": {"fieldPath": "x"}}}, "fieldRef is not"),
        (
            ("containers", 0, "env", 0),
            {"name": "X", "valueFrom": {"secretKeyRef": {"name": "a", "key": "b"}}},
            "nobody gives b of a",
        ),
        (("containers", 0, "resources", "limits", "memory"), "1T", "quantity"),
        (("containers", 0, "volumeMounts"), [{"name": "none", "mountPath": "/x"}], "volume none"),
    ],
)
def test_the_unknown_is_refused(path: tuple[str | int, ...], value: Any, why: str) -> None:  # noqa: ANN401 - any YAML
    """What would not be done here is refused."""
    with pytest.raises(pods.Unknown, match=why):
        pods.pod(broken("services-orders", *path, value=value), GIVEN)
