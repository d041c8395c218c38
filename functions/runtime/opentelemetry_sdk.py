"""Keep metrics and traces with the OpenTelemetry SDK; imported only when an exporter is on (see `telemetry.py`)."""

import contextlib
import copy
from collections.abc import Iterable, Iterator, Mapping
from contextvars import ContextVar
from typing import ClassVar, Final

from opentelemetry import trace
from opentelemetry.context import Context
from opentelemetry.metrics import Counter, Histogram, Meter
from opentelemetry.metrics import _Gauge as Gauge
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
from opentelemetry.sdk.trace.id_generator import RandomIdGenerator
from opentelemetry.trace.propagation.tracecontext import TraceContextTextMapPropagator

from functions.ports.telemetry import NO_CONTEXT, TRACEPARENT, Work, carrying
from functions.runtime.telemetry import METRICS, SERIES_MAX, Instrument, Metric

DECLARED: Final = {metric.name: metric for metric in METRICS}
OTHER: Final = "other"
SCOPE: Final = "tickloom"

_PROPAGATOR: Final = TraceContextTextMapPropagator()
_KINDS: Final = {
    Work.CONSUMER: trace.SpanKind.CONSUMER,
    Work.PRODUCER: trace.SpanKind.PRODUCER,
    Work.SERVER: trace.SpanKind.SERVER,
    Work.INTERNAL: trace.SpanKind.INTERNAL,
}


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
        self._meters = MeterProvider(
            metric_readers=[*_readers(metrics), *readers],
            resource=_resource(name),
            views=[_view(metric) for metric in METRICS if metric.buckets],
        )
        meter = self._meters.get_meter(SCOPE)
        self._counters = {m.name: _counter(meter, m) for m in METRICS if m.instrument is Instrument.COUNTER}
        self._histograms = {m.name: _histogram(meter, m) for m in METRICS if m.instrument is Instrument.HISTOGRAM}
        self._gauges = {m.name: _gauge(meter, m) for m in METRICS if m.instrument is Instrument.GAUGE}
        self._series: dict[str, set[tuple[str, ...]]] = {metric.name: set() for metric in METRICS}
        self._processors = (*_processors(traces), *processors)
        self._tracer = self._tracer_of(name)

    def named(self, name: str) -> "SdkTelemetry":
        """Give the telemetry of a further function in this process; who closes one closes all."""
        other = copy.copy(self)
        other._tracer = self._tracer_of(name)  # noqa: SLF001 - our own
        return other

    def count(self, metric: str, labels: Mapping[str, str], amount: float = 1) -> None:
        """Add to a declared counter; an undeclared one is a programmer's error."""
        self._counters[metric].add(amount, self._bounded(metric, labels))

    def observe(self, metric: str, labels: Mapping[str, str], value: float) -> None:
        """Put a value into a declared histogram; an undeclared one is a programmer's error."""
        self._histograms[metric].record(value, self._bounded(metric, labels))

    def put(self, metric: str, labels: Mapping[str, str], value: float) -> None:
        """Set a declared gauge; an undeclared one is a programmer's error."""
        self._gauges[metric].set(value, self._bounded(metric, labels))

    @contextlib.contextmanager
    def span(  # noqa: PLR0913 - the port's signature
        self,
        name: str,
        attributes: Mapping[str, str],
        *,
        work: Work = Work.CONSUMER,
        context: Mapping[str, str] = NO_CONTEXT,
        origin: str = "",
        identity: str = "",
    ) -> Iterator[None]:
        """Trace a piece of work, and carry it to whom is called inside."""
        parent, links = _begun(context, origin)
        begins = _named(identity)
        with _Ids.given(begins):
            span = self._tracer.start_span(
                name,
                context=Context() if begins.is_valid else parent,
                kind=_KINDS[work],
                attributes=dict(attributes),
                links=links,
            )
        with trace.use_span(span, end_on_exit=True, record_exception=False, set_status_on_exception=False):
            headers: dict[str, str] = {}
            _PROPAGATOR.inject(headers)
            with carrying(headers):
                try:
                    yield
                except BaseException as error:
                    self.fail(type(error).__name__)  # its text may hold anything
                    raise

    def link(self, origins: Iterable[str]) -> None:
        """Link the current span to further ones."""
        span = trace.get_current_span()
        for origin in origins:
            if (made := _named(origin)).is_valid:
                span.add_link(made)

    def fail(self, kind: str) -> None:
        """Say that the current span's work failed."""
        span = trace.get_current_span()
        span.set_attribute("error.type", kind)
        span.set_status(trace.StatusCode.ERROR)

    def close(self) -> None:
        """Hand over what is still held, and stop the exporters' threads."""
        for processor in self._processors:
            processor.shutdown()
        self._meters.shutdown()

    def _tracer_of(self, name: str) -> trace.Tracer:
        provider = TracerProvider(resource=_resource(name), id_generator=_Ids(), shutdown_on_exit=False)
        for processor in self._processors:
            provider.add_span_processor(processor)
        return provider.get_tracer(SCOPE)

    def _bounded(self, metric: str, labels: Mapping[str, str]) -> dict[str, str]:
        """Keep the number of series named: a combination beyond the bound counts as `other`."""
        declared = DECLARED[metric].labels
        if set(labels) != set(declared):
            msg = f"metric {metric} has labels {declared}, found {tuple(labels)}"
            raise ValueError(msg)
        seen, values = self._series[metric], tuple(labels[label] for label in declared)
        if values not in seen:
            if len(seen) >= SERIES_MAX:
                return dict.fromkeys(declared, OTHER)
            seen.add(values)
        return dict(labels)


class _Ids(RandomIdGenerator):
    """Draw ids by chance, but for a span whose name is a fact."""

    _given: ClassVar[ContextVar[trace.SpanContext]] = ContextVar("given", default=trace.INVALID_SPAN_CONTEXT)

    @classmethod
    @contextlib.contextmanager
    def given(cls, name: trace.SpanContext) -> Iterator[None]:
        """Give the span that is begun inside this name, if it is one."""
        token = cls._given.set(name)
        try:
            yield
        finally:
            cls._given.reset(token)

    def is_trace_id_random(self) -> bool:
        """Claim nothing: names that are facts are no chance."""
        return False

    def generate_trace_id(self) -> int:
        """Name a trace."""
        return self._given.get().trace_id or super().generate_trace_id()

    def generate_span_id(self) -> int:
        """Name a span."""
        return self._given.get().span_id or super().generate_span_id()


def _named(traceparent: str) -> trace.SpanContext:
    """Read a `traceparent`; what cannot be read is no valid context."""
    return trace.get_current_span(_PROPAGATOR.extract({TRACEPARENT: traceparent}, Context())).get_span_context()


def _begun(context: Mapping[str, str], origin: str) -> tuple[Context | None, list[trace.Link]]:
    """Find the parent of a span and what it links to; None leaves it to the span that is current."""
    if not (context or origin):
        return None, []
    carrier = _PROPAGATOR.extract(context, Context())
    hop, made = trace.get_current_span(carrier).get_span_context(), _named(origin)
    if not made.is_valid:
        return carrier, []
    if hop.is_valid and hop.trace_id != made.trace_id:
        return carrier, [trace.Link(made)]
    same = not hop.is_valid or hop.span_id == made.span_id
    return trace.set_span_in_context(trace.NonRecordingSpan(made), Context()), [] if same else [trace.Link(hop)]


def _resource(name: str) -> Resource:
    return Resource.create({"service.name": name})  # OTEL_RESOURCE_ATTRIBUTES come in here too


def _view(metric: Metric) -> View:
    return View(instrument_name=metric.name, aggregation=ExplicitBucketHistogramAggregation(metric.buckets))


def _counter(meter: Meter, metric: Metric) -> Counter:
    return meter.create_counter(metric.name, unit=metric.unit, description=metric.summary)


def _histogram(meter: Meter, metric: Metric) -> Histogram:
    return meter.create_histogram(metric.name, unit=metric.unit, description=metric.summary)


def _gauge(meter: Meter, metric: Metric) -> Gauge:
    return meter.create_gauge(metric.name, unit=metric.unit, description=metric.summary)


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
