"""Collect what processes export over OTLP, and read spans as chains: a collector on loopback, of the real protocol."""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

import grpc
from opentelemetry.proto.collector.metrics.v1 import metrics_service_pb2, metrics_service_pb2_grpc
from opentelemetry.proto.collector.trace.v1 import trace_service_pb2, trace_service_pb2_grpc

WORKERS_MAX = 4
"""Calls answered at once; each process exports a batch now and then."""


@dataclass(frozen=True, slots=True)
class Span:
    """One span as it was exported; ids are hexadecimal, and so are the (trace, span) pairs it links to."""

    service: str
    name: str
    trace: str
    id: str
    parent: str
    links: tuple[tuple[str, str], ...]
    attributes: dict[str, str]
    kind: int

    @property
    def hop(self) -> tuple[str, str]:
        """Say whose work it was, and which."""
        return self.service, self.name


@dataclass(slots=True)
class Collected:
    """What came: spans, and the names of metrics with the names of their labels."""

    port: int = 0
    spans: list[Span] = field(default_factory=list)
    metrics: dict[str, set[frozenset[str]]] = field(default_factory=dict)

    @property
    def endpoint(self) -> str:
        """Give what OTEL_EXPORTER_OTLP_ENDPOINT names."""
        return f"http://127.0.0.1:{self.port}"

    def chain(self, last: Span) -> list[Span]:
        """Follow a span back to its trace's beginning; the first is a span without parent, or one whose is unknown."""
        known = {(one.trace, one.id): one for one in self.spans}
        found = [last]
        while (before := known.get((found[0].trace, found[0].parent))) is not None:
            found.insert(0, before)
        return found


class _Traces(trace_service_pb2_grpc.TraceServiceServicer):
    def __init__(self, collected: Collected) -> None:
        self._collected = collected

    def Export(self, request: Any, context: Any) -> Any:  # noqa: ANN401, N802 - the protocol's
        del context
        for resource in request.resource_spans:
            service = _attributes(resource.resource.attributes)["service.name"]
            for scope in resource.scope_spans:
                self._collected.spans += [_span(service, one) for one in scope.spans]
        return trace_service_pb2.ExportTraceServiceResponse()


class _Metrics(metrics_service_pb2_grpc.MetricsServiceServicer):
    def __init__(self, collected: Collected) -> None:
        self._collected = collected

    def Export(self, request: Any, context: Any) -> Any:  # noqa: ANN401, N802 - the protocol's
        del context
        for metric in (one for r in request.resource_metrics for s in r.scope_metrics for one in s.metrics):
            points = getattr(metric, metric.WhichOneof("data")).data_points
            labels = {frozenset(_attributes(point.attributes)) for point in points}
            self._collected.metrics.setdefault(metric.name, set()).update(labels)
        return metrics_service_pb2.ExportMetricsServiceResponse()


@contextmanager
def collector() -> Iterator[Collected]:
    """Collect what is exported to a free port."""
    collected = Collected()
    server = grpc.server(ThreadPoolExecutor(WORKERS_MAX))
    trace_service_pb2_grpc.add_TraceServiceServicer_to_server(_Traces(collected), server)
    metrics_service_pb2_grpc.add_MetricsServiceServicer_to_server(_Metrics(collected), server)
    collected.port = server.add_insecure_port("127.0.0.1:0")
    server.start()
    try:
        yield collected
    finally:
        server.stop(grace=None).wait()


def _span(service: str, one: Any) -> Span:  # noqa: ANN401 - a protobuf message without types
    links = tuple((link.trace_id.hex(), link.span_id.hex()) for link in one.links)
    return Span(
        service,
        one.name,
        one.trace_id.hex(),
        one.span_id.hex(),
        one.parent_span_id.hex(),
        links,
        _attributes(one.attributes),
        one.kind,
    )


def _attributes(given: Any) -> dict[str, str]:  # noqa: ANN401 - as above
    return {one.key: one.value.string_value for one in given}
