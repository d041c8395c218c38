"""The collector starts with our configuration, and hands on what functions tell it."""

import gzip
import http.server
import pathlib
import subprocess
import threading
import time
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import pytest
from opentelemetry.proto.collector.metrics.v1 import metrics_service_pb2
from traced import Collected, collector

from functions.local.children import free_port
from functions.local.observability.files import KNATIVE
from functions.runtime import telemetry
from functions.wire.raw import trace_of

CONFIG = KNATIVE / "observability" / "collector.yaml"
READY_S = 30
POLL_S = 0.05
ID = "6f0c6f5e-6f9a-5b0e-9c41-3f1b8a3c7d52"


class Prometheus(http.server.BaseHTTPRequestHandler):
    """Take what Prometheus takes over OTLP."""

    taken: list[tuple[str, bytes]]

    def do_POST(self) -> None:
        """Keep a body."""
        body = self.rfile.read(int(self.headers["content-length"]))
        self.taken.append((self.path, body))
        self.send_response(200)
        self.end_headers()

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the server's name
        """Say nothing."""


@contextmanager
def prometheus() -> "Iterator[tuple[int, list[tuple[str, bytes]]]]":
    """Listen as Prometheus does."""
    taken: list[tuple[str, bytes]] = []
    handler = type("Own", (Prometheus,), {"taken": taken})
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield server.server_address[1], taken
        server.shutdown()


@contextmanager
def running(program: pathlib.Path, traces: Collected, prometheus_port: int) -> Iterator[int]:
    """Run the collector between them and give the port it listens at."""
    port, health = free_port(), free_port()
    environ = {
        "OTLP_GRPC": f"127.0.0.1:{port}",
        "OTLP_HTTP": f"127.0.0.1:{free_port()}",
        "HEALTH": f"127.0.0.1:{health}",
        "OWN_METRICS_HOST": "127.0.0.1",
        "OWN_METRICS_PORT": str(free_port()),
        "TRACES_OTLP": f"127.0.0.1:{traces.port}",
        "PROMETHEUS_OTLP": f"http://127.0.0.1:{prometheus_port}/api/v1/otlp",
    }
    process = subprocess.Popen([str(program), "--config", str(CONFIG)], env=environ, stderr=subprocess.PIPE)  # noqa: S603 - ours
    try:
        until(lambda: process.poll() is not None or answers(health))
        assert process.poll() is None, (process.stderr.read() if process.stderr else b"").decode()
        yield port
    finally:
        process.terminate()
        process.wait(READY_S)


def until(condition: Callable[[], bool]) -> None:
    """Wait for another process, which has no event we could wait for."""
    end = time.monotonic() + READY_S
    while not condition():
        assert time.monotonic() < end
        time.sleep(POLL_S)  # see above


def answers(port: int) -> bool:
    """Tell whether the collector says that it is well."""
    try:
        with urllib.request.urlopen(f"http://127.0.0.1:{port}/", timeout=1) as answer:
            return bool(answer.status == 200)
    except OSError:
        return False


def test_hands_on(tool: Callable[[str], pathlib.Path], monkeypatch: pytest.MonkeyPatch) -> None:
    """A function's span reaches who keeps traces, its metric Prometheus, under the address it takes OTLP at."""
    program = tool("otelcol")
    with collector() as traces, prometheus() as (port, taken), running(program, traces, port) as own:
        monkeypatch.setenv("OTEL_EXPORTER_OTLP_ENDPOINT", f"http://127.0.0.1:{own}")
        kept = telemetry.start("normalize", {"OTEL_EXPORTER_OTLP_ENDPOINT": f"http://127.0.0.1:{own}"})
        with kept.span("process normalize", {}, origin=trace_of(ID)):
            kept.count("tickloom_events_handled_total", {"function": "normalize", "outcome": "replied"})
        kept.close()
        until(lambda: bool(traces.spans and taken))
    (span,) = traces.spans
    assert (span.service, span.trace) == ("normalize", ID.replace("-", ""))
    path, body = taken[0]
    assert path == "/api/v1/otlp/v1/metrics"
    assert metrics_service_pb2.ExportMetricsServiceRequest.FromString(gzip.decompress(body)).resource_metrics
