"""The wiring is valid for Knative's strict schemas, and the local platform reads all of it."""

import json
import pathlib
import shutil
from typing import Any

import jsonschema
import pytest
import yaml

from functions.local.delivery import WiringError
from functions.local.topology import DEFAULT_FOLDER, KUSTOMIZATION, load

ROOT = pathlib.Path(__file__).parents[2]
DOCUMENTS = [
    (file, document)
    for folder in ("eventing", "knative/catalogue", "knative/components/event-policies")
    for file in sorted((ROOT / folder).rglob("*.yaml"))
    if file.name != KUSTOMIZATION
    for document in yaml.safe_load_all(file.read_text())
]
CORE = {"v1"}  # Kubernetes' own kinds, which Knative's schemas do not cover


def validators(folder: pathlib.Path) -> dict[tuple[str, str], jsonschema.Draft202012Validator]:
    """Index schemas by (apiVersion, kind)."""
    found = {}
    for file in folder.glob("*.json"):
        schema = json.loads(file.read_text())
        for kind in schema.get("x-kubernetes-group-version-kind", []):
            found[f"{kind['group']}/{kind['version']}", kind["kind"]] = jsonschema.Draft202012Validator(schema)
    return found


@pytest.mark.parametrize(
    ("file", "document"),
    DOCUMENTS,
    ids=[f"{file.stem}-{one['kind']}-{one['metadata']['name']}" for file, one in DOCUMENTS],
)
def test_manifest_is_valid(file: pathlib.Path, document: dict[str, Any], schemas: pathlib.Path) -> None:
    """Every Knative manifest passes the strict schema where there is one, else the CRD's own."""
    key = (document["apiVersion"], document["kind"])
    if key[0] in CORE:
        assert document["metadata"]["namespace"] == "tickloom"
        return
    known = validators(schemas) | validators(schemas / "strict")
    assert [error.message for error in known[key].iter_errors(document)] == [], file


def test_schemas_bite(schemas: pathlib.Path) -> None:
    """A misspelt field is refused by the strict schema."""
    ((_, trigger),) = [one for one in DOCUMENTS if one[1]["metadata"]["name"] == "normalize-market"]
    wrong = {**trigger, "spec": {**trigger["spec"], "deliverry": {}}}
    strict = validators(schemas / "strict")["eventing.knative.dev/v1", "Trigger"]
    assert list(strict.iter_errors(wrong))


def test_every_trigger_says_how_hard_to_try() -> None:
    """Each Trigger has its own delivery with retries and a timeout, for it replaces its Broker's."""
    topology = load()
    assert topology.subscriptions
    assert all(one.delivery.retry > 0 and one.delivery.timeout_s > 0 for one in topology.subscriptions)


def test_a_trigger_name_names_its_broker() -> None:
    """A handler on two brokers has two Triggers in one file, named for their brokers."""
    for one in load().subscriptions:
        assert one.name.endswith(f"-{one.broker}")


def test_causes_come_first() -> None:
    """A broker stands before those its Triggers lead into: logs are committed and archived the other way round."""
    topology = load()
    places = {name: place for place, name in enumerate(topology.brokers)}
    crossing = [(one.broker, one.subscriber) for one in topology.subscriptions if one.subscriber_kind == "Broker"]
    assert crossing
    assert all(places[cause] < places[effect] for cause, effect in crossing)


def test_brokers_in_a_circle_are_refused(tmp_path: pathlib.Path) -> None:
    """Of two brokers that lead into each other none could be committed first."""
    shutil.copytree(DEFAULT_FOLDER, tmp_path, dirs_exist_ok=True)
    there = (tmp_path / "bridges/predictions.yaml").read_text()
    back = there.replace("kind: Broker, name: desk", "kind: Broker, name: market")
    back = back.replace("predictions-market", "back-desk").replace("broker: market", "broker: desk")
    (tmp_path / "bridges/back.yaml").write_text(back)
    with pytest.raises(WiringError, match="lead into each other"):
        load(tmp_path)


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("broker: market", "broker: markt", "markt"),
        ("name: market-dead-letters", "name: nowhere", "nowhere"),
        ("    retry: 5\n", "", "retry"),
        ("- exact: {type: tickloom.market.v1.RawBatch}", '- cesql: "type ="', "cesql 1:7"),
    ],
)
def test_broken_wiring_is_refused(old: str, new: str, message: str, tmp_path: pathlib.Path) -> None:
    """A wiring error is one sentence that names the place."""
    for file in DEFAULT_FOLDER.rglob("*.yaml"):
        target = tmp_path / file.relative_to(DEFAULT_FOLDER)
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_text(file.read_text())
    trigger = tmp_path / "triggers/normalize.yaml"
    text = trigger.read_text()
    assert old in text
    trigger.write_text(text.replace(old, new))
    with pytest.raises(WiringError, match=message):
        load(tmp_path)
