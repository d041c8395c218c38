"""Telemetry: off by default, declared once, bounded, and one trace from hop to hop."""

import subprocess
import sys
from collections.abc import Iterator
from typing import Any

import pytest
from opentelemetry.sdk.metrics.export import InMemoryMetricReader
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter

from functions.ports.telemetry import NO_CONTEXT, NULL, carried
from functions.runtime import telemetry
from functions.runtime.opentelemetry_sdk import OTHER, SdkTelemetry
from functions.runtime.settings import SettingsError
from functions.runtime.telemetry import DURATION_BUCKETS_S, METRICS, SERIES_MAX, Instrument

TRACE = "4bf92f3577b34da6a3ce929d0e0e4736"
PARENT = f"00-{TRACE}-00f067aa0ba902b7-01"
TAKEN_OVER = frozenset(
    (
        "market.data.processed.total",
        "order.processing.latency",
        "active.trading.sessions",
        "market_data_last_received_timestamp",
        "market_data_expected_since_timestamp",
        "market_data_expected_until_timestamp",
        "portfolio_risk_exposure_ratio",
        "http_requests_total",
        "http_request_duration_seconds",
    )
)
"""Names that dashboards knew before us."""
ORIGIN = "00-aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa-bbbbbbbbbbbbbbbb-01"

Kept = tuple[SdkTelemetry, InMemoryMetricReader, InMemorySpanExporter]


@pytest.fixture
def kept() -> Iterator[Kept]:
    reader, spans = InMemoryMetricReader(), InMemorySpanExporter()
    made = SdkTelemetry(
        "echo", traces="none", metrics="none", readers=(reader,), processors=(SimpleSpanProcessor(spans),)
    )
    yield made, reader, spans
    made.close()


def points(reader: InMemoryMetricReader, name: str) -> list[Any]:
    data = reader.get_metrics_data()
    assert data is not None
    found = [m for r in data.resource_metrics for s in r.scope_metrics for m in s.metrics if m.name == name]
    return list(found[0].data.data_points)


@pytest.mark.parametrize(
    ("environ", "expected"),
    [
        ({}, ("none", "none")),
        ({"OTEL_EXPORTER_OTLP_ENDPOINT": ""}, ("none", "none")),
        ({"OTEL_EXPORTER_OTLP_ENDPOINT": "http://c:4317"}, ("otlp", "otlp")),
        ({"OTEL_EXPORTER_OTLP_ENDPOINT": "http://c:4317", "OTEL_TRACES_EXPORTER": "none"}, ("none", "otlp")),
        ({"OTEL_METRICS_EXPORTER": "console"}, ("none", "console")),
        ({"OTEL_SDK_DISABLED": "true", "OTEL_TRACES_EXPORTER": "otlp"}, ("none", "none")),
    ],
)
def test_exporters(environ: dict[str, str], expected: tuple[str, str]) -> None:
    """Only the standard variables switch exporters on."""
    assert telemetry.exporters(environ) == expected


@pytest.mark.parametrize(
    "environ",
    [
        {"OTEL_TRACES_EXPORTER": "jaeger"},
        {"OTEL_TRACES_EXPORTER": "otlp", "OTEL_EXPORTER_OTLP_PROTOCOL": "http/protobuf"},
    ],
)
def test_unknown_exporter(environ: dict[str, str]) -> None:
    """An exporter there is not stops the start."""
    with pytest.raises(SettingsError, match="OTEL_"):
        telemetry.start("echo", environ)


def test_null_twin() -> None:
    """Without an exporter nothing is kept and nothing fails."""
    twin = telemetry.start("echo", {})
    assert twin is NULL
    twin.count("anything", {})
    twin.observe("anything", {}, 1.0)
    with twin.span("work", {}, context={"traceparent": PARENT}):
        assert carried() is NO_CONTEXT
    twin.close()


def test_sdk_not_imported() -> None:
    """A process without an exporter never imports the SDK."""
    lines = ("import sys", "from functions.runtime import telemetry as t", "t.start('x', {})")
    code = "\n".join((*lines, "print('opentelemetry' in sys.modules)"))
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)  # noqa: S603 - ours
    assert done.stdout.strip() == "False"


def test_counter(kept: Kept) -> None:
    """Events are counted by function and outcome."""
    made, reader, _ = kept
    made.count("tickloom_events_handled_total", {"function": "echo", "outcome": "replied"})
    made.count("tickloom_events_handled_total", {"function": "echo", "outcome": "replied"}, 2)
    (point,) = points(reader, "tickloom_events_handled_total")
    assert (point.value, dict(point.attributes)) == (3, {"function": "echo", "outcome": "replied"})


def test_histogram_buckets(kept: Kept) -> None:
    """Durations are told apart from 50 microseconds on."""
    made, reader, _ = kept
    made.observe("tickloom_handler_duration_seconds", {"function": "echo"}, 0.00004)
    (point,) = points(reader, "tickloom_handler_duration_seconds")
    assert tuple(point.explicit_bounds) == DURATION_BUCKETS_S
    assert point.bucket_counts[0] == 1


def test_series_are_bounded(kept: Kept) -> None:
    """A label with too many values ends in one series `other`."""
    made, reader, _ = kept
    for number in range(SERIES_MAX + 50):
        made.observe("tickloom_rpc_duration_seconds", {"method": f"m{number}", "code": "OK"}, 0.001)
    found = points(reader, "tickloom_rpc_duration_seconds")
    assert len(found) == SERIES_MAX + 1
    assert {"method": OTHER, "code": OTHER} in [dict(point.attributes) for point in found]


def test_undeclared(kept: Kept) -> None:
    """A metric or label that is not declared is a programmer's error."""
    with pytest.raises(KeyError):
        kept[0].count("tickloom_made_up_total", {})
    with pytest.raises(ValueError, match="labels"):
        kept[0].count("tickloom_events_handled_total", {"function": "echo", "order": "7"})


def test_declarations() -> None:
    """Names follow Prometheus: one prefix, the unit last, counters end in _total; labels are few."""
    endings = {"counter": "_total", "histogram": "_seconds", "gauge": ""}
    for metric in METRICS:
        assert metric.exported.startswith("tickloom_") != (metric.name in TAKEN_OVER)
        assert metric.exported.endswith(endings[metric.instrument.value])
        assert len(metric.labels) <= 3
        assert bool(metric.buckets) == (metric.instrument is Instrument.HISTOGRAM)


def test_span_continues_and_links(kept: Kept) -> None:
    """A span continues the request's trace, links to the event's first transmission, and is carried on."""
    made, _, spans = kept
    with made.span("process echo", {"cloudevents.event_id": "1"}, context={"traceparent": PARENT}, origin=ORIGIN):
        here = carried()["traceparent"]
    (span,) = spans.get_finished_spans()
    assert here == f"00-{TRACE}-{span.context.span_id:016x}-01"
    assert span.parent is not None
    assert f"{span.parent.span_id:016x}" == PARENT.split("-")[2]
    assert [f"{link.context.trace_id:032x}" for link in span.links] == ["a" * 32]


def test_span_without_request(kept: Kept) -> None:
    """Without a trace in the request the event's own is continued."""
    made, _, spans = kept
    with made.span("process echo", {}, origin=ORIGIN):
        pass
    (span,) = spans.get_finished_spans()
    assert f"{span.context.trace_id:032x}" == "a" * 32


@pytest.mark.parametrize("broken", ["", "nonsense", "00-0-0-0", "00-" + "0" * 32 + "-" + "0" * 16 + "-01"])
def test_broken_context(kept: Kept, broken: str) -> None:
    """A context that cannot be read starts a new trace and breaks nothing."""
    made, _, spans = kept
    with made.span("process echo", {}, context={"traceparent": broken}, origin=broken):
        pass
    assert spans.get_finished_spans()[0].parent is None


def test_console_exporter() -> None:
    """The console exporters are real ones of the SDK."""
    made = telemetry.start("echo", {"OTEL_TRACES_EXPORTER": "console"})
    assert made.enabled
    made.close()
