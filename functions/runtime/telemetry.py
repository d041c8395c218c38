"""Declare every metric once, and build the telemetry of a process from the standard OpenTelemetry environment.

Exporters are off unless the environment asks: OTEL_EXPORTER_OTLP_ENDPOINT, or OTEL_TRACES_EXPORTER and
OTEL_METRICS_EXPORTER (`otlp`, `console`, `none`); OTEL_SDK_DISABLED=true turns all off. The SDK is imported only then.
Messaging and RPC names follow the semantic conventions of OpenTelemetry 1.44, which are not yet stable: they stand
here and in `opentelemetry_sdk.py` alone.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import Enum
from typing import Final

from functions.ports.telemetry import NULL, Telemetry
from functions.runtime.settings import SettingsError

# From 50 us, because a handler's own work is tens of microseconds; the defaults begin at 5 ms.
DURATION_BUCKETS_S: Final = (
    0.00005, 0.0001, 0.00025, 0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0,
)  # fmt: skip
SERIES_MAX: Final = 200  # combinations of labels one metric may have; further ones count as "other"


class Instrument(Enum):
    """Kind of a metric."""

    COUNTER = "counter"
    HISTOGRAM = "histogram"


@dataclass(frozen=True, slots=True)
class Metric:
    """Declare one metric.

    Args:
        name: Prometheus style name with its unit.
        instrument: Counter or histogram.
        unit: UCUM unit.
        labels: Label names, each with few values.
        summary: What it says, in one sentence.
    """

    name: str
    instrument: Instrument
    unit: str
    labels: tuple[str, ...]
    summary: str


METRICS: Final = (
    Metric(
        "tickloom_events_handled_total", Instrument.COUNTER, "1", ("function", "outcome"), "Events handled, by outcome."
    ),
    Metric(
        "tickloom_handler_duration_seconds", Instrument.HISTOGRAM, "s", ("function",), "Time one event took to handle."
    ),
    Metric("tickloom_feed_rows_total", Instrument.COUNTER, "1", ("venue",), "Rows of instruments that feeds gave."),
    Metric(
        "tickloom_feed_faults_total", Instrument.COUNTER, "1", ("venue", "fault"), "What was wrong with those rows."
    ),
    Metric(
        "tickloom_signals_routed_total",
        Instrument.COUNTER,
        "1",
        ("outcome",),
        "Signals by order, or why there is none.",
    ),
    Metric(
        "tickloom_rpc_duration_seconds",
        Instrument.HISTOGRAM,
        "s",
        ("method", "code"),
        "Time one gRPC call took to answer, by status code; a stream's call lasts as long as the stream.",
    ),
    Metric(
        "tickloom_gc_pause_seconds",
        Instrument.HISTOGRAM,
        "s",
        ("generation",),
        "Time the garbage collector held all else up, by the oldest generation it looked at.",
    ),
    Metric(
        "tickloom_order_stage_seconds",
        Instrument.HISTOGRAM,
        "s",
        ("stage",),
        "Time of an order's way through its service: waited, of each request; decided, stored, answered, of a group.",
    ),
    Metric(
        "tickloom_events_published_total",
        Instrument.COUNTER,
        "1",
        ("function", "outcome"),
        "Events a feed or relay handed to its sink, by outcome.",
    ),
    Metric(
        "tickloom_predictions_total",
        Instrument.COUNTER,
        "1",
        ("model", "version", "outcome"),
        "Rows a model's version was asked for: scored, not_scored for want of a valid feature, or degraded.",
    ),
    Metric(
        "tickloom_model_duration_seconds",
        Instrument.HISTOGRAM,
        "s",
        ("model", "version"),
        "Time one run of a model's version took, whatever number of rows.",
    ),
    Metric(
        "tickloom_model_changes_total",
        Instrument.COUNTER,
        "1",
        ("model", "outcome"),
        "Changes of a registered model that were noticed: taken, or refused because something in them is broken.",
    ),
)

EXPORTERS: Final = ("otlp", "console", "none")


def start(name: str, environ: Mapping[str, str]) -> Telemetry:
    """Build the telemetry of a process; the null twin unless the environment asks for an exporter.

    Args:
        name: Deployable's name, `service.name` unless OTEL_SERVICE_NAME says otherwise.
        environ: The environment.

    Raises:
        SettingsError: The environment names an exporter there is not.
    """
    traces, metrics = exporters(environ)
    if (traces, metrics) == ("none", "none"):
        return NULL
    from functions.runtime.opentelemetry_sdk import SdkTelemetry  # noqa: PLC0415 - 0.3 s that most processes never need

    return SdkTelemetry(environ.get("OTEL_SERVICE_NAME") or name, traces=traces, metrics=metrics)


def exporters(environ: Mapping[str, str]) -> tuple[str, str]:
    """Say which exporters the environment asks for: of traces, of metrics.

    Raises:
        SettingsError: It names one there is not.

    >>> exporters({}), exporters({"OTEL_EXPORTER_OTLP_ENDPOINT": "http://localhost:4317"})
    (('none', 'none'), ('otlp', 'otlp'))
    """
    if environ.get("OTEL_SDK_DISABLED", "").lower() == "true":
        return "none", "none"
    by_endpoint = "otlp" if environ.get("OTEL_EXPORTER_OTLP_ENDPOINT") else "none"
    traces = environ.get("OTEL_TRACES_EXPORTER") or by_endpoint
    metrics = environ.get("OTEL_METRICS_EXPORTER") or by_endpoint
    for variable, value in (("OTEL_TRACES_EXPORTER", traces), ("OTEL_METRICS_EXPORTER", metrics)):
        if value not in EXPORTERS:
            msg = f"cannot start: {variable} must be one of {', '.join(EXPORTERS)}, found {value!r:.80}"
            raise SettingsError(msg)
    protocol = environ.get("OTEL_EXPORTER_OTLP_PROTOCOL") or "grpc"
    if "otlp" in (traces, metrics) and protocol != "grpc":
        msg = f"cannot start: OTEL_EXPORTER_OTLP_PROTOCOL must be grpc, found {protocol!r:.80}"
        raise SettingsError(msg)
    return traces, metrics
