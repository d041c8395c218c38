"""What schemas refuse is said with its line; what no schema here covers is said too."""

import pathlib

import pytest
from counts import FULL

from functions.local.deployment import objects
from functions.local.deployment.schemas import Schemas, core_folder

ROOT = pathlib.Path(__file__).parents[2]
TRIGGER, NORMALIZE = "eventing/triggers/normalize.yaml", "knative/functions/normalize.yaml"
BARS, NETWORK = "knative/tables/bars.yaml", "knative/security/network-policies.yaml"


@pytest.fixture(scope="session")
def core() -> pathlib.Path:
    """Give the folder of Kubernetes' schemas, or skip with the reason."""
    folder = core_folder()
    reason = "Kubernetes' schemas not here: install the package kubernetes-validate (extra `dev`)"
    if folder is None and FULL:
        pytest.fail(reason)
    if folder is None:
        pytest.skip(reason)
    return folder


def broken(file: str, old: str, new: str) -> tuple[tuple[objects.Object, ...], str]:
    """Make a mistake in a file; give its objects, and the place of the line where `new` ends."""
    text = (ROOT / file).read_text()
    assert old in text
    before, _, after = text.partition(old)
    line = (before + new).rstrip("\n").count("\n") + 1
    return objects.load_text(before + new + after, file), f"{file}:{line}"


def found(schemas: Schemas, manifests: tuple[objects.Object, ...]) -> list[tuple[str, str]]:
    """Give place and message of each finding."""
    return [(finding.place, finding.message) for one in manifests for finding in schemas.findings(one)]


@pytest.mark.parametrize(
    ("file", "old", "new", "message"),
    [
        (TRIGGER, "  delivery:", "  deliverry:", "deliverry"),
        (TRIGGER, "retry: 5", "retry: -1", "spec.delivery.retry"),
        (TRIGGER, "backoffPolicy: exponential", "backoffPolicy: constant", "backoffPolicy"),
        (TRIGGER, "timeout: PT5S", "timeout: 5s", "timeout"),
        (TRIGGER, "- exact: {type: tickloom.market.v1.RawBatch}", "- exact: {Type: a}", "filters"),
        (NORMALIZE, "timeoutSeconds: 30", "timeoutSecond: 30", "timeoutSecond"),
        (NORMALIZE, "containerConcurrency: 50", "containerConcurrency: many", "containerConcurrency"),
        ("eventing/sources/stream.yaml", "  sink:", "  sinks:", "sink"),
        ("eventing/sources/report.yaml", "  schedule:", "  schedul:", "schedul"),
    ],
)
def test_knative_refuses(file: str, old: str, new: str, message: str, schemas: pathlib.Path) -> None:
    """A mistake in a Knative manifest is refused, and its line is named."""
    manifests, place = broken(file, old, new)
    assert found(Schemas(schemas, None), objects.load_files([ROOT / file], ROOT)) == []
    told = found(Schemas(schemas, None), manifests)
    assert any(at == place and message in words for at, words in told), told


@pytest.mark.parametrize(
    ("file", "old", "new", "message"),
    [
        (BARS, "  replicas: 1", "  replica: 1", "replica"),
        (BARS, "  replicas: 1", "  replicas: one", "spec.replicas"),
        (BARS, "        - name: health\n          containerPort: 8080", "        - nam: health", "nam"),
        (NETWORK, "  policyTypes:", "  policyType:", "policyType"),
        ("eventing/brokers/market.yaml", 'partitions: "12"', "partitions: 12", "data"),
    ],
)
def test_kubernetes_refuses(file: str, old: str, new: str, message: str, core: pathlib.Path) -> None:
    """A mistake in a core manifest is refused, and its line is named."""
    manifests, place = broken(file, old, new)
    assert found(Schemas(None, core), objects.load_files([ROOT / file], ROOT)) == []
    told = found(Schemas(None, core), manifests)
    assert any(at == place and message in words for at, words in told), told


def test_nulls_are_absent(schemas: pathlib.Path) -> None:
    """A field without a value is no field, as for the API server."""
    text = (ROOT / TRIGGER).read_text() + "  subscriberr:\n"
    assert found(Schemas(schemas, None), objects.load_text(text, TRIGGER)) == []


def test_what_is_not_checked_is_said() -> None:
    """Without schemas nothing is refused, and each kind is told with what is missing."""
    manifests = objects.load_files([ROOT / TRIGGER, ROOT / BARS], ROOT)
    manifests += objects.load_text("apiVersion: keda.sh/v1alpha1\nkind: ScaledObject\n", "keda.yaml")
    schemas = Schemas(None, None)
    assert found(schemas, manifests) == []
    assert schemas.unchecked(manifests) == (
        "StatefulSet, Service by schema: the package kubernetes-validate is not installed",
        "Trigger by schema: name Knative's with --schemas or TICKLOOM_SCHEMAS",
        "keda.sh/v1alpha1 ScaledObject by schema: those who made them publish none that is here",
    )


def test_all_that_is_covered_is_checked(schemas: pathlib.Path, core: pathlib.Path) -> None:
    """With both sets of schemas no kind of the base is left unchecked."""
    manifests = objects.load_files(objects.files_of(ROOT / "knative" / "base"), ROOT)
    assert Schemas(schemas, core).unchecked(manifests) == ()
