"""What is watched names only what is declared, alerts fire and stay silent where they should, the collector starts."""

import json
import pathlib
import re
import subprocess
from collections.abc import Callable
from typing import Any

import pytest
import yaml

from functions.cli.main import main
from functions.local.observability.checks import KNOWN, check
from functions.local.observability.dashboards import DASHBOARDS
from functions.local.observability.files import KNATIVE, RULES, rule_files, texts
from functions.local.observability.foreign import FOREIGN
from functions.local.observability.grafana import queries
from functions.local.observability.promql import QueryError, named

Tools = Callable[[str], pathlib.Path]

FOLDER = KNATIVE / "observability"
TESTS = sorted(RULES.glob("*.test.yaml"))
GROUPS = ("compliance", "critical-trading", "infrastructure-health", "slo-violation")
ASKED = {
    "production",
    "data-processing-overview",
    "normalization-service",
    "enrichment-service",
    "aggregation-service",
    "projection-service",
    "kafka-overview",
    "kafka-brokers",
    "kafka-topics",
    "kafka-clients",
}
"""Dashboards that requirements A15 names."""


def rules() -> list[dict[str, Any]]:
    groups = [group for file in rule_files() for group in yaml.safe_load(file.read_text())["groups"]]
    return [rule for group in groups for rule in group["rules"]]


ALERTS = [rule["alert"] for rule in rules()]


def promtool(tool: Tools, *words: object) -> "subprocess.CompletedProcess[str]":
    command = [str(tool("promtool")), *map(str, words)]
    return subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)  # noqa: S603 - ours


@pytest.mark.parametrize("path", texts(), ids=str)
def test_committed_is_generated(path: pathlib.PurePosixPath) -> None:
    """Every generated file is what the declarations give: `tickloom deploy dashboards` would change nothing."""
    assert (KNATIVE / path).read_text() == texts()[path]


def test_verb(capsys: pytest.CaptureFixture[str]) -> None:
    """The command finds nothing stale, and says nothing."""
    assert main(["deploy", "dashboards", "--check"]) == 0
    assert capsys.readouterr().out == ""


def test_dashboards_that_are_asked_for() -> None:
    """Every dashboard that was asked for is there, under an address of its own, and nothing lies beside them."""
    uids = [one.uid for one in DASHBOARDS]
    assert set(uids) >= ASKED
    assert sorted(f"{uid}.json" for uid in uids) == sorted(file.name for file in (FOLDER / "dashboards").iterdir())


@pytest.mark.parametrize("dashboard", DASHBOARDS, ids=lambda one: one.uid)
def test_panels(dashboard: Any) -> None:  # noqa: ANN401 - parametrized
    """Panels have ids of their own and do not lie over each other, and each asks the datasource that one chooses."""
    told = json.loads((FOLDER / "dashboards" / f"{dashboard.uid}.json").read_text())
    panels = told["panels"]
    assert len({panel["id"] for panel in panels}) == len(panels)
    cells = [
        (x, y)
        for place in (panel["gridPos"] for panel in panels)
        for x in range(place["x"], place["x"] + place["w"])
        for y in range(place["y"], place["y"] + place["h"])
    ]
    assert len(set(cells)) == len(cells)
    assert max(x for x, _ in cells) < 24
    assert {target["datasource"]["uid"] for panel in panels for target in panel["targets"]} == {"${datasource}"}
    assert all(panel["targets"] for panel in panels)


def test_queries_are_declared() -> None:
    """Every query of dashboards and rules names declared metrics, by labels that they have."""
    for query in (*queries(DASHBOARDS), *(rule["expr"] for rule in rules())):
        check(query)


def test_every_own_metric_is_shown() -> None:
    """No metric is recorded that neither a dashboard nor an alert looks at."""
    asked = {
        name for query in (*queries(DASHBOARDS), *(one["expr"] for one in rules())) for name in named(query).metrics
    }
    parts = {re.sub(r"_(bucket|sum|count)$", "", name) for name in asked}
    assert {name for name in KNOWN if re.sub(r"_(bucket|sum|count)$", "", name) not in parts} == set()


@pytest.mark.parametrize(
    ("query", "why"),
    [
        ("sum(rate(tickloom_made_up_total[5m]))", "nobody declares metric tickloom_made_up_total"),
        ('http_requests_total{symbol="X"}', "has no label symbol"),
        ("sum by (symbol) (rate(http_requests_total[5m]))", "no metric .* has label symbol"),
        ("http_request_duration_seconds", "nobody declares"),
        ('http_request_duration_seconds_sum{le="1"}', "has no label le"),
        ("kafka_brokers * on (topic) pg_up", "no metric .* has label topic"),
        ('{job="x"}', "without a metric"),
        ("sum by (function (http_requests_total)", "not closed"),
        ("time() - 5", "no metric"),
    ],
)
def test_undeclared_is_refused(query: str, why: str) -> None:
    """A query that names what nobody declares stops the generation, which says why."""
    with pytest.raises(QueryError, match=why):
        check(query)


@pytest.mark.parametrize(
    ("query", "metrics", "grouped"),
    [
        ("sum without (instance) (x) unless on (a) y", {"x": set(), "y": set()}, {"instance", "a"}),
        ('x{a="}",b!~"{y}"}[5m] offset 1h30m', {"x": {"a", "b"}}, set()),
        ("topk(3, x) / ignoring (b) group_left (c) y", {"x": set(), "y": set()}, {"b", "c"}),
        ("histogram_quantile(0.99, sum(rate(x_bucket[5m])) by (le))", {"x_bucket": set()}, {"le"}),
        ("max_over_time(x[1d:5m]) > bool 1e3", {"x": set()}, set()),
        ("absent(a:b:c)", {"a:b:c": set()}, set()),
    ],
)
def test_names_of_a_query(query: str, metrics: dict[str, set[str]], grouped: set[str]) -> None:
    """Metrics and labels are told from functions, words, durations and texts."""
    found = named(query)
    assert (found.metrics, found.grouped) == (metrics, grouped)


def test_queries_are_promql(tool: Tools, tmp_path: pathlib.Path) -> None:
    """Prometheus itself reads every query of every dashboard."""
    asked = [query.replace("$__rate_interval", "5m") for query in queries(DASHBOARDS)]
    recorded = [{"record": f"panel:number:{number}", "expr": query} for number, query in enumerate(asked)]
    file = tmp_path / "queries.yaml"
    file.write_text(yaml.safe_dump({"groups": [{"name": "queries", "rules": recorded}]}))
    done = promtool(tool, "check", "rules", file)
    assert (done.returncode, f"{len(asked)} rules found" in done.stdout) == (0, True), done.stdout + done.stderr
    recorded[0]["expr"] += ")"
    file.write_text(yaml.safe_dump({"groups": [{"name": "queries", "rules": recorded}]}))
    assert promtool(tool, "check", "rules", file).returncode != 0


@pytest.mark.parametrize("file", TESTS, ids=lambda file: file.name)
def test_alerts(tool: Tools, file: pathlib.Path) -> None:
    """Every alert fires and stays silent as its tests say."""
    done = promtool(tool, "test", "rules", file)
    assert done.returncode == 0, done.stdout + done.stderr


def test_every_alert_is_tested_both_ways() -> None:
    """Each alert has a case in which it fires, and one in which it has something to look at and is silent."""
    cases = [
        (asked["alertname"], bool(asked["exp_alerts"]))
        for file in TESTS
        for test in yaml.safe_load(file.read_text())["tests"]
        for asked in test["alert_rule_test"]
    ]
    assert {name for name, fires in cases if fires} == {name for name, fires in cases if not fires} == set(ALERTS)
    assert len(set(ALERTS)) == len(ALERTS)


@pytest.mark.parametrize("file", rule_files(), ids=lambda file: file.stem)
@pytest.mark.parametrize("always", [True, False])
def test_alert_tests_can_fail(tool: Tools, tmp_path: pathlib.Path, file: pathlib.Path, *, always: bool) -> None:
    """Alerts that always fire, or never, are found out by their tests, each by name."""
    told = yaml.safe_load(file.read_text())
    for rule in told["groups"][0]["rules"]:
        rule["expr"] = "vector(1)" if always else "vector(1) > 2"
    (tmp_path / file.name).write_text(yaml.safe_dump(told))
    tests = tmp_path / f"{file.stem}.test.yaml"
    tests.write_text((RULES / tests.name).read_text())
    done = promtool(tool, "test", "rules", tests)
    assert done.returncode != 0
    found = set(re.findall(r"alertname: ?(\w+)", done.stdout + done.stderr))
    assert found == {rule["alert"] for rule in told["groups"][0]["rules"]}


def test_alerts_reach_somebody() -> None:
    """Every alert has a severity, a word what to do, and the group of its file, which has a route to a receiver."""
    routing = yaml.safe_load((FOLDER / "alertmanager.yaml").read_text())
    receivers = {one["name"] for one in routing["receivers"]}
    routes = {route["matchers"][0]: route["receiver"] for route in routing["route"]["routes"]}
    assert set(routes) == {f'group="{group}"' for group in GROUPS}
    assert {routing["route"]["receiver"], *routes.values()} == receivers
    assert tuple(file.stem for file in rule_files()) == GROUPS
    for file in rule_files():
        for rule in yaml.safe_load(file.read_text())["groups"][0]["rules"]:
            assert rule["labels"].keys() == {"severity", "group"}
            assert rule["labels"]["group"] == file.stem
            assert rule["labels"]["severity"] in {"critical", "warning"}
            assert rule["annotations"].keys() == {"summary", "runbook"}
    for rule in routing["inhibit_rules"]:
        named_there = re.findall(r"[A-Z]\w+", " ".join((*rule["source_matchers"], *rule["target_matchers"])))
        assert set(named_there) <= set(ALERTS)


def test_prometheus(tool: Tools, tmp_path: pathlib.Path) -> None:
    """Prometheus reads its configuration, with our rules; Debian's promtool does not know how to look for pods."""
    config = yaml.safe_load((FOLDER / "prometheus.yaml").read_text())
    config["rule_files"] = [str(tmp_path / pathlib.PurePosixPath(name).name) for name in config["rule_files"]]
    for job in config["scrape_configs"]:
        job.pop("kubernetes_sd_configs", None)
        job.pop("authorization", None)  # promtool looks for the file, which is in a pod
    for file in rule_files():
        (tmp_path / file.name).write_text(file.read_text())
    (tmp_path / "config").write_text(yaml.safe_dump(config))
    done = promtool(tool, "check", "config", tmp_path / "config")
    assert done.returncode == 0, done.stdout + done.stderr
    assert f"SUCCESS: {len(GROUPS)} rule files found" in done.stdout


def test_containers_are_counted_once() -> None:
    """Sums over a pod's containers leave out the pod as a whole, which cAdvisor tells as one of them."""
    asked = [query for query in queries(DASHBOARDS) if re.search("container_(cpu|memory)", query)]
    assert len(asked) == 2
    assert all('container!=""' in query for query in asked)


def test_nodes_are_asked() -> None:
    """What the kubelet says of volumes and containers is scraped, all of it that our queries name."""
    jobs = yaml.safe_load((FOLDER / "prometheus.yaml").read_text())["scrape_configs"]
    kept = [
        re.compile(job["metric_relabel_configs"][0]["regex"])
        for job in jobs
        if job.get("kubernetes_sd_configs") == [{"role": "node"}]
    ]
    for one in FOREIGN:
        assert any(regex.fullmatch(one.name) for regex in kept) == (one.exporter == "kubelet"), one.name


def test_all_is_mounted(tool: Tools) -> None:
    """The ConfigMaps hold every rule, dashboard and configuration that lies here, and the collector mounts its own."""
    command = [str(tool("kustomize")), "build", str(FOLDER)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=True)  # noqa: S603 - ours
    objects = list(yaml.safe_load_all(done.stdout))
    held = {name for one in objects if one["kind"] == "ConfigMap" for name in one["data"]}
    written = {file.name for file in FOLDER.rglob("*") if file.suffix in {".yaml", ".json"}}
    assert held == written - {file.name for file in TESTS} - {"deployment.yaml", "kustomization.yaml"}
    (deployment,) = [one for one in objects if one["kind"] == "Deployment"]
    (volume,) = deployment["spec"]["template"]["spec"]["volumes"]
    named_maps = [one["metadata"]["name"] for one in objects if "collector.yaml" in one.get("data", ())]
    assert named_maps == [volume["configMap"]["name"]]
