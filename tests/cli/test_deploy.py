"""`tickloom deploy` renders, compares, generates and migrates; what it cannot do it says."""

import json
import pathlib
import shutil
from typing import Any

import pytest
from rendered import text

from functions.cli import main
from functions.local.deployment import generated
from functions.local.deployment.objects import load_text


@pytest.fixture
def kustomize(tool: Any) -> None:  # noqa: ANN401 - the fixture's function
    """Have kustomize, or skip with the reason."""
    tool("kustomize")


@pytest.mark.usefixtures("kustomize")
def test_render(capsys: pytest.CaptureFixture[str]) -> None:
    """An overlay is printed as kustomize says it, or as JSON."""
    assert main.main(["deploy", "render", "dev"]) == 0
    assert capsys.readouterr().out == text("dev")
    assert main.main(["deploy", "render", "dev", "--json"]) == 0
    assert len(json.loads(capsys.readouterr().out)) == len(load_text(text("dev"), "dev"))


@pytest.mark.usefixtures("kustomize")
def test_diff_of_the_same(capsys: pytest.CaptureFixture[str]) -> None:
    """An overlay does not differ from itself."""
    assert main.main(["deploy", "diff", "dev", "--against", "dev"]) == 0
    assert capsys.readouterr().out == ""


@pytest.mark.usefixtures("kustomize")
def test_diff_against_a_file(tmp_path: pathlib.Path, capsys: pytest.CaptureFixture[str]) -> None:
    """A difference from a render that was kept names object, path and both values, and leaves with 1."""
    (tmp_path / "before.yaml").write_text(text("dev").replace("value: tickloom-dev-bars", "value: bars", 1))
    words = ["deploy", "diff", "dev", "--against", str(tmp_path / "before.yaml")]
    path = "spec.template.spec.containers[bars].env[TICKLOOM_TABLE_GROUP].value"
    assert main.main(words) == 1
    assert capsys.readouterr().out == f"StatefulSet bars-table: {path}: bars -> tickloom-dev-bars\n"
    assert main.main([*words, "--json"]) == 1
    told = {"object": "StatefulSet bars-table", "path": path, "before": "bars", "after": "tickloom-dev-bars"}
    assert json.loads(capsys.readouterr().out) == [told]


@pytest.mark.usefixtures("kustomize")
def test_diff_against_no_cluster(
    tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Without a cluster, `diff` says what else it can compare with."""
    monkeypatch.setenv("KUBECONFIG", str(tmp_path / "none"))
    assert main.main(["deploy", "diff", "dev"]) in {1, 2}
    assert "--against" in capsys.readouterr().err


def test_no_such_overlay(capsys: pytest.CaptureFixture[str]) -> None:
    """An overlay that is not there is answered with those that are."""
    assert main.main(["deploy", "render", "pord"]) == 1
    assert "there are dev, k3s, prod, staging" in capsys.readouterr().err


def test_generate(tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    """What is stale is named, written once, and then fresh."""
    monkeypatch.setattr(generated, "KNATIVE", shutil.copytree(generated.KNATIVE, tmp_path / "knative"))
    stale = tmp_path / "knative/catalogue/event-types.yaml"
    fresh = stale.read_text()
    stale.write_text("")
    assert main.main(["deploy", "generate", "--check"]) == 1
    assert stale.read_text() == ""
    assert main.main(["deploy", "generate"]) == 0
    assert stale.read_text() == fresh
    assert main.main(["deploy", "generate", "--check"]) == 0
    assert capsys.readouterr().out == "stale catalogue/event-types.yaml\nwrote catalogue/event-types.yaml\n"


def test_an_overlay_elsewhere_has_policies_of_its_own(tmp_path: pathlib.Path) -> None:
    """Where an overlay's places differ, just the NetworkPolicies that name them are written for it."""
    overlay = tmp_path / "overlays/there"
    overlay.mkdir(parents=True)
    (overlay / "places.yaml").write_text("redis: {cidrs: [10.1.2.3/32], ports: [6379]}\n")
    found = generated.texts(generated.read(), tmp_path)[pathlib.Path("overlays/there/network-policies.yaml")]
    policies = load_text(found, "there")
    assert [one.name for one in policies] == ["enrich-handler", "project-handler", "features-service"]
    assert all("10.1.2.3/32" in str(one.document) for one in policies)


def test_migrate(database_url: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    """Each step is applied once."""
    monkeypatch.setenv("DATABASE_URL", database_url)
    assert main.main(["deploy", "migrate"]) == 0
    assert capsys.readouterr().out.startswith("applied 0001_")
    assert main.main(["deploy", "migrate"]) == 0
    assert capsys.readouterr().out == "up to date\n"


def test_migrate_nowhere(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    """Without a database there is nothing to migrate."""
    monkeypatch.delenv("DATABASE_URL", raising=False)
    assert main.main(["deploy", "migrate"]) == 2
    assert "DATABASE_URL" in capsys.readouterr().err


@pytest.mark.parametrize("words", [("generate", "--check"), ("dashboards", "--check"), ("kn", "normalize")])
def test_parts_as_json(words: tuple[str, ...], capsys: pytest.CaptureFixture[str]) -> None:
    """Every part that ends well says JSON to who asks for it, also where there is nothing to say."""
    assert main.main(["deploy", *words, "--json"]) == 0
    told = json.loads(capsys.readouterr().out)
    assert told == {"stale": []} or told["line"].splitlines()[-1].strip().startswith("--")


@pytest.mark.usefixtures("kustomize")
def test_a_cluster_tells_no_json(capsys: pytest.CaptureFixture[str]) -> None:
    """What kubectl would tell is text, so JSON is refused with what can be compared instead."""
    assert main.main(["deploy", "diff", "dev", "--json"]) == 2
    assert "with --json, name an overlay or a file with --against" in capsys.readouterr().err
