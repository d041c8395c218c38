"""Read what telemetry kept: the real SDK, with a reader in memory."""

from typing import Any

from opentelemetry.sdk.metrics.export import InMemoryMetricReader

from functions.runtime.opentelemetry_sdk import SdkTelemetry


def kept() -> tuple[SdkTelemetry, InMemoryMetricReader]:
    """Give telemetry, and who reads it."""
    reader = InMemoryMetricReader()
    return SdkTelemetry("test", traces="none", metrics="none", readers=(reader,)), reader


def points(reader: InMemoryMetricReader, name: str) -> dict[tuple[str, ...], Any]:
    """Give a metric's points by the values of their labels, in the order of the labels' names."""
    data = reader.get_metrics_data()
    found = [m for r in data.resource_metrics for s in r.scope_metrics for m in s.metrics] if data else []
    return {
        tuple(str(value) for _, value in sorted((point.attributes or {}).items())): point
        for metric in found
        if metric.name == name
        for point in metric.data.data_points
    }
