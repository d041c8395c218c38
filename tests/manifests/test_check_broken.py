"""Manifests that are wrong by one small edit are refused, each by its rule and with the line that is wrong."""

import pathlib
import re
from collections.abc import Sequence
from dataclasses import dataclass

import pytest

from functions.local import catalogue, topology
from functions.local.deployment import check, objects

ROOT = pathlib.Path(__file__).parents[2]
BASE = ROOT / "knative" / "base"
CARDS = catalogue.cards()
WIRING = topology.load()


@dataclass(frozen=True)
class Edit:
    """One small mistake.

    Attributes:
        rule: The rule that must find it.
        file: The file it is made in.
        old: What is there.
        new: What is written instead.
        at: What the line looks like that must be named, a regular expression.
        elsewhere: The file that line is in, where it is another one.
    """

    rule: str
    file: str
    old: str
    new: str
    at: str
    elsewhere: str = ""

    def made(self) -> str:
        """Give the file's text with the mistake in it."""
        text = (ROOT / self.file).read_text()
        assert self.old in text, f"{self.file} no longer has {self.old!r}"
        return text.replace(self.old, self.new, 1)

    def place(self, text: str) -> str:
        """Say where the mistake shows: the nearest line like `at` from the edit on, else the nearest above it."""
        begins = (ROOT / self.file).read_text().partition(self.old)[0].count("\n") + 1
        shown = (ROOT / self.elsewhere).read_text() if self.elsewhere else text
        lines = [number for number, line in enumerate(shown.splitlines(), 1) if re.search(self.at, line)]
        below = [number for number in lines if number >= begins and not self.elsewhere]
        return f"{self.elsewhere or self.file}:{below[0] if below else lines[-1]}"


NORMALIZE, ORDERS, ROUTE = (
    "knative/functions/normalize.yaml",
    "knative/services/orders.yaml",
    "knative/functions/route.yaml",
)
EXPLAIN = "knative/services/explain.yaml"
BARS, STREAM, MIGRATE = "knative/tables/bars.yaml", "knative/feeds/stream.yaml", "knative/jobs/migrate.yaml"
TRIGGER, BROKER = "eventing/triggers/normalize.yaml", "eventing/brokers/market.yaml"
REPLAY = "eventing/sources/replay.yaml"
NETWORK = "knative/security/network-policies.yaml"
DEAD_LETTERS = """\
    deadLetterSink:
      ref: {apiVersion: eventing.knative.dev/v1alpha1, kind: KafkaSink, name: market-dead-letters}
"""
ACTIVATOR = """\
    - namespaceSelector:
        matchLabels:
          kubernetes.io/metadata.name: knative-serving
      podSelector:
        matchLabels:
          app: activator
"""
INTERNET = """\
    - ipBlock:
        cidr: 0.0.0.0/0
        except:
        - 10.0.0.0/8
        - 100.64.0.0/10
        - 169.254.0.0/16
"""

EDITS = [
    # Knative Services: what only its webhooks and controllers know.
    Edit(
        "one-port", NORMALIZE, "- containerPort: 8080", "- containerPort: 8080\n        - containerPort: 8081", "8081"
    ),
    Edit("port-name", NORMALIZE, "- containerPort: 8080", "- name: http\n          containerPort: 8080", "name: http"),
    Edit("port-name", NORMALIZE, "- containerPort: 8080", "- containerPort: 9090", "9090"),
    Edit("port-name", ORDERS, "- name: h2c\n          containerPort", "- containerPort", "- containerPort"),
    Edit("port-name", NORMALIZE, "- containerPort: 8080", "- name: h2c\n          containerPort: 8080", "- name: h2c"),
    Edit(
        "annotation-place",
        NORMALIZE,
        "  labels:",
        "  annotations:\n    autoscaling.knative.dev/min-scale: '1'\n  labels:",
        "min-scale",
    ),
    Edit("annotation", NORMALIZE, "dev/target: '50'", "dev/targett: '50'", "targett"),
    Edit("annotation", NORMALIZE, "dev/target: '50'", "dev/target: '0'", "dev/target: '0'"),
    Edit("annotation", NORMALIZE, "dev/target: '50'", "dev/target: '80'", "dev/target: '80'"),
    Edit("annotation", NORMALIZE, "dev/target: '50'", "dev/metric: cpu", "dev/metric"),
    Edit("annotation", NORMALIZE, "dev/target: '50'", "dev/window: 2h", "window"),
    Edit("annotation", ORDERS, "dev/min-scale: '1'", "dev/min-scale: '7'", "min-scale"),
    Edit("text", NORMALIZE, "dev/target: '50'", "dev/target: 50", "dev/target"),
    Edit("warm", ORDERS, "dev/min-scale: '1'", "dev/min-scale: '0'", "min-scale"),
    Edit("warm", ORDERS, "burst-capacity: '0'", "burst-capacity: '-1'", "burst-capacity"),
    Edit("visibility", ORDERS, "visibility: cluster-local", "visibility: public", "visibility: public"),
    Edit(
        "feature-gate",
        NORMALIZE,
        "      containerConcurrency",
        "      nodeSelector: {disk: fast}\n      containerConcurrency",
        "nodeSelector",
    ),
    Edit(
        "feature-gate",
        NORMALIZE,
        "      containerConcurrency",
        "      securityContext: {fsGroup: 1}\n      containerConcurrency",
        "securityContext: .fsGroup",
    ),
    Edit(
        "feature-gate",
        NORMALIZE,
        "          value: info",
        "          valueFrom: {fieldRef: {fieldPath: metadata.name}}",
        "fieldRef",
    ),
    Edit("timeout", NORMALIZE, "timeoutSeconds: 30", "timeoutSeconds: 900", "timeoutSeconds"),
    Edit(
        "timeout",
        NORMALIZE,
        "timeoutSeconds: 30",
        "timeoutSeconds: 30\n      idleTimeoutSeconds: 60",
        "idleTimeoutSeconds",
    ),
    Edit("concurrency", NORMALIZE, "containerConcurrency: 50", "containerConcurrency: 1001", "containerConcurrency"),
    # The Pod Security Standard `restricted`, item by item.
    Edit(
        "restricted",
        NORMALIZE,
        "allowPrivilegeEscalation: false",
        "allowPrivilegeEscalation: true",
        "allowPrivilegeEscalation",
    ),
    Edit("restricted", BARS, "          runAsNonRoot: true\n", "", "        securityContext:"),
    Edit("restricted", BARS, "runAsNonRoot: true", "runAsNonRoot: true\n          runAsUser: 0", "runAsUser: 0"),
    Edit("restricted", BARS, "readOnlyRootFilesystem: true", "readOnlyRootFilesystem: false", "readOnlyRootFilesystem"),
    Edit("restricted", BARS, "            - ALL", "            - NET_RAW", "drop:"),
    Edit("restricted", BARS, "            drop:", "            add: [SYS_PTRACE]\n            drop:", "SYS_PTRACE"),
    Edit("restricted", BARS, "type: RuntimeDefault", "type: Unconfined", "Unconfined"),
    Edit(
        "restricted", BARS, "          runAsNonRoot", "          privileged: true\n          runAsNonRoot", "privileged"
    ),
    Edit(
        "restricted",
        BARS,
        "          runAsNonRoot",
        "          procMount: Unmasked\n          runAsNonRoot",
        "procMount",
    ),
    Edit(
        "restricted",
        BARS,
        "          runAsNonRoot",
        "          seLinuxOptions: {type: spc_t}\n          runAsNonRoot",
        "seLinuxOptions",
    ),
    Edit(
        "restricted",
        BARS,
        "          runAsNonRoot",
        "          appArmorProfile: {type: Unconfined}\n          runAsNonRoot",
        "appArmor",
    ),
    Edit(
        "restricted",
        BARS,
        "          containerPort: 8080",
        "          containerPort: 8080\n          hostPort: 80",
        "hostPort",
    ),
    Edit(
        "restricted",
        BARS,
        "      enableServiceLinks",
        "      hostNetwork: true\n      enableServiceLinks",
        "hostNetwork",
    ),
    Edit(
        "restricted",
        BARS,
        "      enableServiceLinks",
        "      securityContext: {sysctls: [{name: kernel.msgmax, value: '1'}]}\n      enableServiceLinks",
        "sysctls",
    ),
    Edit(
        "restricted", BARS, "        emptyDir:\n          sizeLimit: 1Gi", "        hostPath: {path: /var}", "hostPath"
    ),
    Edit(
        "restricted",
        BARS,
        "            port: health\n",
        "            port: health\n            host: 10.0.0.1\n",
        "host: 10.0.0.1",
    ),
    Edit(
        "no-token",
        BARS,
        "automountServiceAccountToken: false",
        "automountServiceAccountToken: true",
        "automountServiceAccountToken",
    ),
    Edit(
        "restricted",
        BARS,
        "      enableServiceLinks",
        "      securityContext: {runAsNonRoot: false}\n      enableServiceLinks",
        "runAsNonRoot: false",
    ),
    Edit(
        "restricted", "knative/security/namespace.yaml", "enforce: restricted", "enforce: baseline", "enforce: baseline"
    ),
    # Any manifest.
    Edit(
        "repeated-key",
        NORMALIZE,
        "timeoutSeconds: 30",
        "timeoutSeconds: 30\n      timeoutSeconds: 60",
        "timeoutSeconds: 60",
    ),
    Edit("repeated-object", ROUTE, "name: route\n", "name: execute\n", "  name: execute"),
    Edit("namespace", ROUTE, "  namespace: tickloom\n", "", "^metadata:"),
    Edit(
        "stranger",
        MIGRATE,
        "        app.kubernetes.io/name: migrate",
        "        app.kubernetes.io/name: other",
        "  name: migrate",
    ),
    Edit(
        "entry-point",
        ROUTE,
        "functions.handlers.route.main",
        "functions.handlers.execute.main",
        "functions.handlers.execute",
    ),
    Edit("image", ROUTE, "tickloom:0.1.0", "tickloom:latest", "tickloom:latest"),
    Edit("image", ROUTE, "tickloom:0.1.0", "tickloom", "image:"),
    Edit("image", ROUTE, "tickloom:0.1.0", "tickloom:0.2.0", "tickloom:0.2.0"),
    Edit(
        "secret",
        NORMALIZE,
        "          valueFrom:\n            secretKeyRef:\n              name: stores\n              key: database-url",
        "          value: postgresql://here/db",
        "postgresql://here",
    ),
    Edit("secret", ROUTE, "          value: info", "          value: https://me:hidden@example.com", "me:hidden"),
    Edit("secret", BROKER, "kind: ConfigMap", "kind: Secret\nstringData: {a: b}", "stringData"),
    Edit(
        "probes",
        ROUTE,
        "        readinessProbe:\n          httpGet:\n            path: /health/readiness\n",
        "",
        "      - image",
    ),
    Edit("probes", BARS, "            port: health", "            port: helth", "helth"),
    Edit("resources", ROUTE, "            cpu: 100m\n", "", "          requests:"),
    Edit("resources", ROUTE, "          limits:\n            memory: 512Mi\n", "", "        resources:"),
    Edit("resources", ROUTE, "            memory: 128Mi", "            memory: 1Gi", "memory: 1Gi"),
    Edit(
        "reference",
        BARS,
        "        - name: state\n          mountPath",
        "        - name: stat\n          mountPath",
        "- name: stat$",
    ),
    Edit(
        "reference",
        BARS,
        "name: bars-table\n              key: types",
        "name: bars-table\n              key: typs",
        "key: typs",
    ),
    Edit("reference", BARS, "  serviceName: bars-table", "  serviceName: bars-tables", "serviceName"),
    Edit("reference", BARS, "serviceAccountName: bars-table", "serviceAccountName: bar-table", "serviceAccountName"),
    Edit(
        "selector",
        BARS,
        "    matchLabels:\n      app.kubernetes.io/name: bars",
        "    matchLabels:\n      app.kubernetes.io/name: bar",
        "name: bar$",
    ),
    Edit("selector", BARS, "  name: bars-table", "  name: orders", "  name: orders"),
    Edit("no-access", BROKER, "kind: ConfigMap", "kind: RoleBinding", "^apiVersion: v1$"),
    # Who hears what.
    Edit("subscriber", TRIGGER, "kind: Service, name: normalize", "kind: Service, name: normalise", "name: normalise"),
    Edit(
        "subscribed", TRIGGER, "kind: Service, name: normalize", "kind: Service, name: enrich", "^apiVersion", NORMALIZE
    ),
    Edit("broker", TRIGGER, "broker: market", "broker: markt", "broker: markt"),
    Edit("broker", BROKER, "broker.class: Kafka", "broker.class: MTChannelBasedBroker", "broker.class"),
    Edit("broker", BROKER, "    name: market-broker-config", "    name: market-config", "  config:"),
    Edit("order", TRIGGER, "delivery.order: unordered", "delivery.order: strict", "delivery.order"),
    Edit(
        "annotation",
        TRIGGER,
        "    kafka.eventing",
        "    autoscaling.eventing.knative.dev/max-replicas: '9'\n    kafka.eventing",
        "max-replicas",
    ),
    Edit(
        "partitions",
        TRIGGER,
        "    kafka.eventing",
        "    autoscaling.eventing.knative.dev/max-scale: '13'\n    kafka.eventing",
        "max-scale",
    ),
    Edit("cesql", TRIGGER, "- exact: {type: tickloom.market.v1.RawBatch}", '- any: [{cesql: "type = "}]', "cesql"),
    Edit("dead-letters", TRIGGER, DEAD_LETTERS, "", "  delivery:"),
    Edit("dead-letters", TRIGGER, "name: market-dead-letters", "name: nowhere", "name: nowhere"),
    Edit("dead-letters", BROKER, "        name: market-dead-letters", "        name: nowhere", "      ref:"),
    Edit("delivery", TRIGGER, "    retry: 5\n", "", "  delivery:"),
    Edit("delivery", TRIGGER, "timeout: PT5S", "timeout: PT0.05S", "timeout:"),
    Edit("delivery", TRIGGER, "    retry: 5", "    format: json\n    retry: 5", "format"),
    Edit("timeout", TRIGGER, "timeout: PT5S", "timeout: PT30S", "timeout:"),
    Edit("subject", "eventing/sources/stream.yaml", "    name: stream\n", "    name: streams\n", "  subject:"),
    Edit("subject", REPLAY, "    selector:", "    name: replay\n    selector:", "    name: replay"),
    Edit("subject", REPLAY, "name: replay\n        app", "name: tape\n        app", "  subject:", REPLAY),
    Edit(
        "sink", "eventing/sources/stream.yaml", "kind: Broker, name: market", "kind: Broker, name: markt", "name: markt"
    ),
    Edit("sink", "eventing/sources/report.yaml", '{"account": "paper"}', '{"account": paper}', "data:"),
    Edit("table", "eventing/tables/bars.yaml", "broker: market", "broker: markt", "broker: markt"),
    Edit(
        "table", "eventing/tables/bars.yaml", "broker: market", "broker: desk", "knative-broker-tickloom-market", BARS
    ),
    Edit(
        "table",
        BARS,
        "name: bars-table\n              key: types",
        "name: features-table\n              key: types",
        "    spec:",
    ),
    Edit("table", BARS, "value: '12'", "value: '6'", "value: '6'"),
    Edit("partitions", BARS, "replicas: 1", "replicas: 13", "replicas: 13"),
    Edit("single", STREAM, "replicas: 1", "replicas: 2", "replicas: 2"),
    Edit("single", STREAM, "type: Recreate", "type: RollingUpdate", "RollingUpdate"),
    Edit("calls", ROUTE, "value: orders.tickloom", "value: order.tickloom", "order.tickloom"),
    Edit("calls", ROUTE, "TICKLOOM_ORDERS_TARGET", "TICKLOOM_RISK_TARGET", "TICKLOOM_RISK_TARGET"),
    Edit("stores", NORMALIZE, "- name: DATABASE_URL", "- name: REDIS_URL", "- name: REDIS_URL"),
    Edit("stores", EXPLAIN, "- name: KAFKA_BOOTSTRAP_SERVERS", "- name: TICKLOOM_EXPLAIN_FOLDER", "      containers:"),
    Edit("history", EXPLAIN, "tickloom-desk", "ticklom-desk", "ticklom-desk"),
    Edit("history", EXPLAIN, "EXPLAIN_MARKET_TOPIC", "EXPLAIN_MARKT_TOPIC", "      containers:"),
    # Networks: as little as what is open may be shut, and as little more may be open.
    Edit("network-policy", NETWORK, ACTIVATOR, ACTIVATOR.replace("activator", "activatr"), "- namespaceSelector"),
    Edit("network-policy", NETWORK, "      port: 9092", "      port: 9093", "port: 9093"),
    Edit("network-policy", NETWORK, INTERNET, INTERNET.replace("        - 169.254.0.0/16\n", ""), "- ipBlock"),
    Edit(
        "network-policy",
        NETWORK,
        "  podSelector: {}\n  policyTypes:\n  - Ingress\n  - Egress\n  egress",
        "  podSelector: {}\n  policyTypes: [Ingress, Egress]\n  ingress: [{}]\n  egress",
        "ingress: ",
    ),
    Edit(
        "network-policy",
        NETWORK,
        "  podSelector:\n    matchLabels:\n      app.kubernetes.io/name: calendar",
        "  podSelector:\n    matchLabels:\n      app.kubernetes.io/name: calender",
        "^  podSelector:",
    ),
    Edit("network-policy", BARS, "bootstrap.kafka:9092", "bootstrap.kafka:9094", ":9094"),
    Edit("network-policy", BARS, "bootstrap.kafka:9092", "bootstrap.streams:9092", "bootstrap.streams"),
    Edit("network-policy", "knative/feeds/fix.yaml", "value: '9876'", "value: '9877'", "9877"),
    Edit("network-policy", ROUTE, "TICKLOOM_LOG_LEVEL", "OTEL_EXPORTER_OTLP_ENDPOINT", "value: info"),
]
"""Each is refused."""


@pytest.fixture(scope="module")
def committed() -> Sequence[objects.Object]:
    """Read the manifests of the base, once."""
    return objects.load_files(objects.files_of(BASE), ROOT)


def edited(edit: Edit, text: str, committed: Sequence[objects.Object]) -> list[objects.Object]:
    """Put the edited file in the place of the committed one."""
    assert any(one.source == edit.file for one in committed), f"{edit.file} is no part of the base"
    others = [one for one in committed if one.source != edit.file]
    return [*others, *objects.load_text(text, edit.file)]


@pytest.mark.parametrize("edit", EDITS, ids=lambda edit: f"{edit.rule}-{pathlib.Path(edit.file).stem}")
def test_an_edit_is_refused_at_its_line(edit: Edit, committed: Sequence[objects.Object]) -> None:
    """A manifest wrong by one small edit is refused by its rule, and the finding names the line."""
    text = edit.made()
    found = check.wrong(edited(edit, text, committed), WIRING, CARDS)
    assert (edit.place(text), edit.rule) in {(one.place, one.rule) for one in found}, found
