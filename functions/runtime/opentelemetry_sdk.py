"""Keep metrics and traces with the OpenTelemetry SDK; imported only when an exporter is on (see `telemetry.py`)."""

import contextlib
from collections.abc import Iterator, Mapping
from typing import Final

from opentelemetry import trace
from opentelemetry.metrics import Counter, Histogram, Meter
from opentelemetry.sdk.metrics import MeterProvider
from opentelemetry.sdk.metrics.export import (
    ConsoleMetricExporter,
    MetricExporter,
    MetricReader,
    PeriodicExportingMetricReader,
)
from opentelemetry.sdk.metrics.view import ExplicitBucketHistogramAggregation, View
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import SpanProcessor, TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor, ConsoleSpanExporter, SpanExporter
from opentelemetry.trace.propagation.tracecontext import TraceContextTextMapPropagator

from functions.ports.telemetry import NO_CONTEXT
from functions.runtime.telemetry import DURATION_BUCKETS_S, METRICS, SERIES_MAX, Instrument, Metric

OTHER: Final = "other"

_PROPAGATOR: Final = TraceContextTextMapPropagator()


class SdkTelemetry:
    """Count, measure and trace with the SDK."""

    enabled: Final = True

    def __init__(
        self,
        name: str,
        *,
        traces: str,
        metrics: str,
        readers: tuple[MetricReader, ...] = (),
        processors: tuple[SpanProcessor, ...] = (),
    ) -> None:
        """Build the providers.

        Args:
            name: Service name.
            traces: Exporter of traces: `otlp`, `console` or `none`.
            metrics: Exporter of metrics: the same.
            readers: Further readers of metrics.
            processors: Further processors of spans.
        """
        resource = Resource.create({"service.name": name})  # OTEL_RESOURCE_ATTRIBUTES come in here too
        self._meters = MeterProvider(
            metric_readers=[*_readers(metrics), *readers],
            resource=resource,
            views=[View(instrument_type=Histogram, aggregation=ExplicitBucketHistogramAggregation(DURATION_BUCKETS_S))],
        )
        self._tracers = TracerProvider(resource=resource)
        for processor in (*_processors(traces), *processors):
            self._tracers.add_span_processor(processor)
        self._tracer = self._tracers.get_tracer("tickloom")
        meter = self._meters.get_meter("tickloom")
        self._counters = {m.name: _counter(meter, m) for m in METRICS if m.instrument is Instrument.COUNTER}
        self._histograms = {m.name: _histogram(meter, m) for m in METRICS if m.instrument is Instrument.HISTOGRAM}
        self._declared = {metric.name: metric for metric in METRICS}
        self._series: dict[str, set[tuple[str, ...]]] = {metric.name: set() for metric in METRICS}

    def count(self, metric: str, labels: Mapping[str, str], amount: int = 1) -> None:
        """Add to a declared counter; an undeclared one is a programmer's error."""
        self._counters[metric].add(amount, self._bounded(metric, labels))

    def observe(self, metric: str, labels: Mapping[str, str], value: float) -> None:
        """Put a value into a declared histogram; an undeclared one is a programmer's error."""
        self._histograms[metric].record(value, self._bounded(metric, labels))

    @contextlib.contextmanager
    def span(
        self,
        name: str,
        attributes: Mapping[str, str],
        *,
        context: Mapping[str, str] = NO_CONTEXT,
        origin: str = "",
    ) -> Iterator[None]:
        """Trace a piece of work; it continues the request's trace and links to the event's first transmission."""
        parent = _PROPAGATOR.extract(context)
        first = trace.get_current_span(_PROPAGATOR.extract({"traceparent": origin})).get_span_context()
        links = [trace.Link(first)] if first.is_valid else []
        # With no trace in the request, the event's own is continued: the chain stays one trace.
        if not trace.get_current_span(parent).get_span_context().is_valid and first.is_valid:
            parent = trace.set_span_in_context(trace.NonRecordingSpan(first))
        with self._tracer.start_as_current_span(
            name, context=parent, kind=trace.SpanKind.CONSUMER, attributes=dict(attributes), links=links
        ):
            yield

    def context(self) -> Mapping[str, str]:
        """Give the headers that carry the current span."""
        carrier: dict[str, str] = {}
        _PROPAGATOR.inject(carrier)
        return carrier

    def close(self) -> None:
        """Hand over what is still held, and stop the exporters' threads."""
        self._tracers.shutdown()
        self._meters.shutdown()

    def _bounded(self, metric: str, labels: Mapping[str, str]) -> dict[str, str]:
        """Keep the number of series named: a combination beyond the bound counts as `other`."""
        declared = self._declared[metric].labels
        if set(labels) != set(declared):
            msg = f"metric {metric} has labels {declared}, found {tuple(labels)}"
            raise ValueError(msg)
        seen, values = self._series[metric], tuple(labels[label] for label in declared)
        if values not in seen:
            if len(seen) >= SERIES_MAX:
                return dict.fromkeys(declared, OTHER)
            seen.add(values)
        return dict(labels)


def _counter(meter: Meter, metric: Metric) -> Counter:
    return meter.create_counter(metric.name, unit=metric.unit, description=metric.summary)


def _histogram(meter: Meter, metric: Metric) -> Histogram:
    return meter.create_histogram(metric.name, unit=metric.unit, description=metric.summary)


def _readers(exporter: str) -> list[MetricReader]:
    if exporter == "none":
        return []
    chosen: MetricExporter = ConsoleMetricExporter()
    if exporter == "otlp":
        from opentelemetry.exporter.otlp.proto.grpc.metric_exporter import OTLPMetricExporter  # noqa: PLC0415 - gRPC

        chosen = OTLPMetricExporter()
    return [PeriodicExportingMetricReader(chosen)]


def _processors(exporter: str) -> list[SpanProcessor]:
    if exporter == "none":
        return []
    chosen: SpanExporter = ConsoleSpanExporter()
    if exporter == "otlp":
        from opentelemetry.exporter.otlp.proto.grpc.trace_exporter import OTLPSpanExporter  # noqa: PLC0415 - gRPC

        chosen = OTLPSpanExporter()
    return [BatchSpanProcessor(chosen)]
