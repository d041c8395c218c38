"""Each overlay renders to one environment that is whole, and differs from the others in what it should."""

import os
import pathlib
import re
import tomllib
from decimal import Decimal
from fnmatch import fnmatch
from typing import Any

import pytest
import yaml
from rendered import KNATIVE, ROOT, Pod, named, objects, of_kind, pods, text

from functions.local.deployment import generated, kustomize
from functions.local.topology import load

OVERLAYS = kustomize.overlays()
NAMESPACES = {"dev": "tickloom-dev", "staging": "tickloom-staging", "prod": "tickloom", "k3s": "tickloom-k3s"}
FOLDERS = (
    "eventing",
    *(
        f"knative/{one}"
        for one in ("argocd", "catalogue", "feeds", "functions", "jobs", "security", "services", "tables")
    ),
)
UNITS = {"": 1, "m": Decimal("0.001"), "Mi": 2**20, "Gi": 2**30}
MIN_SCALE = "autoscaling.knative.dev/min-scale"
SIDECAR = "queue-proxy"
REMEMBERED = ("TICKLOOM_FIX_FOLDER", "TICKLOOM_JOURNAL", "TICKLOOM_MT4_STATE", "TICKLOOM_POLL_STATE")

pytestmark = pytest.mark.usefixtures("renderer")


@pytest.fixture(scope="session")
def renderer(tool: Any) -> None:  # noqa: ANN401 - the fixture's function
    """Have kustomize, or skip with the reason."""
    tool("kustomize")


def amount(text: str) -> Decimal:
    """Read a quantity of Kubernetes."""
    number, unit = re.fullmatch(r"([0-9.]+)(\w*)", text).groups()  # type: ignore[union-attr]  # ours are written so
    return Decimal(number) * UNITS[unit]


def kept(overlay: str) -> dict[str, int]:
    """Give how many pods of each function an overlay keeps when nothing happens."""
    found = {f"{one.kind} {one.name}": one.replicas for one in pods(overlay) if one.kind != "KService"}
    for one in objects(overlay):
        if one["apiVersion"].startswith("serving."):
            annotations = one["spec"]["template"]["metadata"]["annotations"]
            found[f"KService {one['metadata']['name']}"] = int(annotations.get(MIN_SCALE, 0))
    return found


def test_every_overlay_is_known() -> None:
    """The overlays are those that this file knows."""
    assert set(OVERLAYS) == set(NAMESPACES)


@pytest.mark.parametrize("folder", FOLDERS)
def test_no_manifest_is_forgotten(folder: str) -> None:
    """Each file of a folder is named in its kustomization."""
    named_there = yaml.safe_load((ROOT / folder / "kustomization.yaml").read_text())["resources"]
    there = {str(one.relative_to(ROOT / folder)) for one in (ROOT / folder).rglob("*.yaml")}
    assert set(named_there) == there - {"kustomization.yaml"}


@pytest.mark.parametrize("overlay", OVERLAYS)
def test_no_object_twice(overlay: str) -> None:
    """An overlay has each object once."""
    names = [(one["apiVersion"], one["kind"], one["metadata"]["name"]) for one in objects(overlay)]
    assert len(names) == len(set(names))


@pytest.mark.parametrize("overlay", OVERLAYS)
def test_one_namespace(overlay: str) -> None:
    """Everything is in the environment's namespace; only what Strimzi's operator must see is beside Kafka."""
    namespace = NAMESPACES[overlay]
    assert [one["metadata"]["name"] for one in of_kind(overlay, "Namespace")] == [namespace]
    for one in objects(overlay):
        if one["kind"] != "Namespace":
            beside = one["apiVersion"].startswith("kafka.strimzi.io/") or one["metadata"]["name"] == "kafka-metrics"
            assert one["metadata"]["namespace"] == ("kafka" if beside else namespace), one["metadata"]["name"]


@pytest.mark.parametrize("overlay", OVERLAYS)
def test_the_namespace_is_followed(overlay: str) -> None:
    """Addresses, topics, groups and references that hold the namespace hold this environment's."""
    namespace = NAMESPACES[overlay]
    held = re.findall(
        r"\w\.(tickloom[-\w]*)\.svc|knative-broker-(tickloom[-\w]*)-(?:market|desk)|"
        r"(tickloom[-\w]*)(?:-\w+-states-changelog|\.\w+\.dead-letters)|namespace: (tickloom(?!-bridges)[-\w]*)",
        text(overlay),
    )
    assert {next(filter(None, one)) for one in held} == {namespace}
    groups = {one.env["TICKLOOM_TABLE_GROUP"] for one in pods(overlay) if "TICKLOOM_TABLE_GROUP" in one.env}
    assert groups == {f"{namespace}-{table.name}" for table in load().tables}


def test_environments_may_share_a_kafka() -> None:
    """No two environments have a topic in common."""
    names = [one["spec"]["topicName"] for overlay in OVERLAYS for one in of_kind(overlay, "KafkaTopic")]
    assert len(names) == len(set(names))


@pytest.mark.parametrize("overlay", OVERLAYS)
def test_images_have_one_tag(overlay: str) -> None:
    """Every container runs this release."""
    release = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["version"]
    assert {one.container["image"].rpartition(":")[2] for one in pods(overlay)} == {release}


@pytest.mark.parametrize("overlay", OVERLAYS)
def test_workers_are_at_most_partitions(overlay: str) -> None:
    """No table has, or may be scaled to, more workers than its broker has partitions."""
    topology = load()
    for table in topology.tables:
        partitions = topology.brokers[table.broker].partitions
        assert 1 <= named(overlay, "StatefulSet", f"{table.name}-table")["spec"]["replicas"] <= partitions
    for one in of_kind(overlay, "ScaledObject"):
        table = next(table for table in topology.tables if f"{table.name}-table" == one["metadata"]["name"])
        least, most = one["spec"]["minReplicaCount"], one["spec"]["maxReplicaCount"]
        worker = named(overlay, "StatefulSet", one["metadata"]["name"])
        assert least == worker["spec"]["replicas"] <= most <= topology.brokers[table.broker].partitions


def test_prod_keeps_more_than_dev() -> None:
    """Prod keeps at least as many pods of each function as dev, and more of each table that has shards."""
    prod, dev = kept("prod"), kept("dev")
    assert prod.keys() == dev.keys()
    assert all(prod[one] >= dev[one] for one in dev)
    sharded = [f"StatefulSet {one.name}-table" for one in load().tables if one.broker == "market"]
    assert all(prod[one] > dev[one] for one in sharded)
    assert sum(kept("dev").values()) < sum(kept("staging").values()) < sum(prod.values())


@pytest.mark.parametrize("overlay", OVERLAYS)
def test_one_writer(overlay: str) -> None:
    """Of the orders service there is one pod, whatever the overlay."""
    annotations = named(overlay, "Service", "orders")["spec"]["template"]["metadata"]["annotations"]
    assert {annotations[MIN_SCALE], annotations["autoscaling.knative.dev/max-scale"]} == {"1"}


@pytest.mark.parametrize("overlay", OVERLAYS)
def test_nothing_of_the_cluster_leaks_in(overlay: str) -> None:
    """No pod gets a token, nor variables of Services, of which one named tickloom-* would stop the start."""
    for one in pods(overlay):
        assert one.spec["automountServiceAccountToken"] is False, one.name
        assert one.spec["enableServiceLinks"] is False, one.name


@pytest.mark.parametrize("overlay", OVERLAYS)
def test_every_pod_has_its_own_identity(overlay: str) -> None:
    """Each deployable runs as a ServiceAccount of its own, which is there and has no token."""
    accounts = {one["metadata"]["name"]: one for one in of_kind(overlay, "ServiceAccount")}
    used = [one.spec["serviceAccountName"] for one in pods(overlay)]
    assert sorted(used) == sorted(accounts)
    assert not any(one["automountServiceAccountToken"] for one in accounts.values())


def test_what_feeds_remember_outlives_their_pods() -> None:
    """A feed's numbers lie in a claim: one that began at 0 again would be a duplicate to every table."""
    kept: dict[str, bool] = {}
    for one in pods("prod"):
        forgotten = {volume["name"] for volume in one.spec.get("volumes", ()) if "emptyDir" in volume}
        mounts = one.container.get("volumeMounts", ())
        for path in (one.env[name] for name in REMEMBERED if name in one.env):
            (volume,) = (mount["name"] for mount in mounts if f"{path}/".startswith(f"{mount['mountPath']}/"))
            kept[one.name] = volume not in forgotten
    assert kept == dict.fromkeys(("calendar", "fix", "mt4", "news", "rest", "stream"), True)


def test_k3s_fits_its_quota() -> None:
    """With every handler awake and a release beside the one before it, k3s stays inside its quota, sidecars counted."""
    (quota,), (limits,) = of_kind("k3s", "ResourceQuota"), of_kind("k3s", "LimitRange")
    hard, (defaults,) = quota["spec"]["hard"], limits["spec"]["limits"]

    def total(part: str, default: str, name: str) -> Decimal:
        return sum((many(one) * wanted(one, part, default, name) for one in pods("k3s")), Decimal())

    def many(one: Pod) -> int:  # a KService's new revision starts before its old one ends
        return one.replicas * (2 if one.kind == "KService" else 1)

    def wanted(one: Pod, part: str, default: str, name: str) -> Decimal:
        beside = amount(defaults[default][name]) if one.kind == "KService" else 0  # Knative's queue-proxy
        return amount(one.container["resources"][part][name]) + beside

    assert total("requests", "defaultRequest", "cpu") <= amount(hard["requests.cpu"])
    assert total("requests", "defaultRequest", "memory") <= amount(hard["requests.memory"])
    assert total("limits", "default", "memory") <= amount(hard["limits.memory"])
    assert sum(map(many, pods("k3s"))) <= int(hard["pods"])


def test_k3s_limits_let_everybody_start() -> None:
    """What a container gets that says nothing is not below what it asks for: the server would refuse its pod."""
    (limits,) = of_kind("k3s", "LimitRange")
    (defaults,) = limits["spec"]["limits"]
    for one in pods("k3s"):
        asked, most = (one.container["resources"].get(part, {}) for part in ("requests", "limits"))
        bounds = defaults["default"] | most
        assert [name for name in asked.keys() & bounds.keys() if amount(asked[name]) > amount(bounds[name])] == [], one


def test_one_kafka_node_has_one_copy() -> None:
    """Where Kafka has one node, every topic has one copy, and one copy is enough."""
    for overlay in ("dev", "k3s"):
        copies = {one["spec"]["replicas"] for one in of_kind(overlay, "KafkaTopic")}
        copies |= {one["spec"]["replicationFactor"] for one in of_kind(overlay, "KafkaSink")}
        copies |= {
            int(one.env["TICKLOOM_TABLE_REPLICATION"] or 0) for one in pods(overlay) if one.name.endswith("-table")
        }
        enough = {one["spec"]["config"]["min.insync.replicas"] for one in of_kind(overlay, "KafkaTopic")}
        assert (copies, enough) == ({1}, {"1"})


def test_overlays_are_deployed_by_argocd() -> None:
    """ArgoCD deploys every overlay, and may touch the namespace of each object, and the one applications name."""
    found = kustomize.identified(kustomize.render(str(KNATIVE / "argocd")), "argocd")
    project, applications = (
        found["argoproj.io", kind, "tickloom"].document["spec"] for kind in ("AppProject", "ApplicationSet")
    )
    (clusters,) = applications["generators"]
    (expression,) = clusters["clusters"]["selector"]["matchExpressions"]
    assert set(expression["values"]) == set(OVERLAYS)
    touched = {applications["template"]["spec"]["destination"].get("namespace", "")}
    placed = [one["metadata"] for name in OVERLAYS for one in objects(name) if one["kind"] != "Namespace"]
    touched |= {one["namespace"] for one in placed}
    permitted = [one["namespace"] for one in project["destinations"]]
    assert [one for one in sorted(touched) if not any(fnmatch(one, pattern) for pattern in permitted)] == []


def test_components_render_together(tmp_path: pathlib.Path) -> None:
    """What no overlay has yet renders too, in the namespace it is told: the mesh, sealed secrets, event policies."""
    knative = os.path.relpath(KNATIVE.resolve(), tmp_path.resolve())  # kustomize takes no absolute path
    overlay = {
        "namespace": "elsewhere",
        "resources": [f"{knative}/base"],
        "components": [f"{knative}/components/{one}" for one in ("istio", "sealed-secrets", "event-policies")],
        "transformers": [f"{knative}/placing"],
    }
    (tmp_path / "kustomization.yaml").write_text(yaml.safe_dump(overlay))
    found = kustomize.identified(kustomize.render(str(tmp_path)), "all")
    policy = found["security.istio.io", "AuthorizationPolicy", "orders-service"].document
    principals = policy["spec"]["rules"][0]["from"][0]["source"]["principals"]
    assert principals == [f"cluster.local/ns/elsewhere/sa/{one}-handler" for one in ("execute", "route")]
    sender = found["eventing.knative.dev", "EventPolicy", "stream"].document["spec"]["from"][0]["ref"]
    assert sender["namespace"] == "elsewhere"
    assert found["bitnami.com", "SealedSecret", "stores"].document["spec"]["encryptedData"] == {}


def test_a_difference_is_named() -> None:
    """A change is told with its object and path; an overlay does not differ from itself."""
    before = kustomize.identified(text("dev"), "dev")
    assert kustomize.changes(before, kustomize.identified(text("dev"), "dev")) == []
    more = text("dev").replace("value: tickloom-dev-bars", "value: tickloom-dev-bar", 1)
    (change,) = kustomize.changes(before, kustomize.identified(more, "more"))
    path = "spec.template.spec.containers[bars].env[TICKLOOM_TABLE_GROUP].value"
    assert str(change) == f"StatefulSet bars-table: {path}: tickloom-dev-bars -> tickloom-dev-bar"


def test_an_object_on_one_side_is_named() -> None:
    """What only one overlay has is told as a whole."""
    found = kustomize.changes(kustomize.identified(text("dev"), "dev"), kustomize.identified(text("prod"), "prod"))
    told = {str(one) for one in found}
    assert "ScaledObject bars-table: the object: nothing -> there" in told
    assert "StatefulSet bars-table: spec.replicas: 1 -> 3" in told


def test_what_holds_the_namespace_corresponds() -> None:
    """Between two environments the namespace is told once, and no name, topic or group because of it."""
    first, *others = kustomize.changes(
        kustomize.identified(text("staging"), "staging"), kustomize.identified(text("prod"), "prod")
    )
    assert str(first) == "Namespace tickloom: metadata.name: tickloom-staging -> tickloom"
    assert {one.where.split()[0] for one in others} == {"PodDisruptionBudget", "ScaledObject", "Service", "StatefulSet"}


def test_an_object_twice_is_refused() -> None:
    """A render that has an object twice is refused with the line."""
    one = "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: a}\n"
    with pytest.raises(kustomize.ManifestError, match=r"twice:5: ConfigMap a stands here a second time"):
        kustomize.identified(f"{one}---\n{one}", "twice")


@pytest.mark.parametrize("overlay", ["nowhere", "knative"])
def test_what_is_no_overlay_is_refused(overlay: str) -> None:
    """A folder without a kustomization is no overlay; those there are get named."""
    with pytest.raises(kustomize.RenderError, match="dev, k3s, prod, staging"):
        kustomize.render(overlay)


def test_what_kustomize_refuses_is_told(tmp_path: pathlib.Path) -> None:
    """What kustomize says about a broken overlay is passed on."""
    (tmp_path / "kustomization.yaml").write_text("resources:\n- missing.yaml\n")
    with pytest.raises(kustomize.RenderError, match=r"missing\.yaml"):
        kustomize.render(str(tmp_path))


def test_generated_files_are_fresh() -> None:
    """What the wiring and the cards give is what lies in knative/."""
    for path, fresh in generated.texts(generated.read()).items():
        assert (KNATIVE / path).read_text() == fresh, f"{path} is stale: run `tickloom deploy generate`"
