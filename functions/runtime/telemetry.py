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


_UNITS: Final = {"s": "seconds"}


class Instrument(Enum):
    """Kind of a metric."""

    COUNTER = "counter"
    HISTOGRAM = "histogram"
    GAUGE = "gauge"


@dataclass(frozen=True, slots=True)
class Metric:
    """Declare one metric.

    Args:
        name: Name of the OpenTelemetry meter.
        instrument: Counter, histogram or gauge.
        unit: UCUM unit.
        labels: Label names, each with few values.
        summary: What it says, in one sentence.
        buckets: Upper bounds of a histogram's buckets, in its unit; empty for the others.
    """

    name: str
    instrument: Instrument
    unit: str
    labels: tuple[str, ...]
    summary: str
    buckets: tuple[float, ...] = ()

    @property
    def exported(self) -> str:
        """Give the name that Prometheus knows it by, without `_bucket`, `_sum` and `_count` of a histogram.

        Source: OpenTelemetry specification, "Prometheus and OpenMetrics Compatibility".

        >>> Metric("order.processing.latency", Instrument.HISTOGRAM, "s", (), "").exported
        'order_processing_latency_seconds'
        >>> Metric("active.trading.sessions", Instrument.GAUGE, "{session}", (), "").exported
        'active_trading_sessions'
        """
        unit = "ratio" if (self.unit, self.instrument) == ("1", Instrument.GAUGE) else _UNITS.get(self.unit, "")
        name = self.name.replace(".", "_")
        for suffix in (unit, "total" if self.instrument is Instrument.COUNTER else ""):
            if suffix and suffix not in name.split("_"):
                name += f"_{suffix}"
        return name


def _counter(name: str, labels: tuple[str, ...], summary: str) -> Metric:
    return Metric(name, Instrument.COUNTER, "1", labels, summary)


def _duration(name: str, labels: tuple[str, ...], summary: str) -> Metric:
    return Metric(name, Instrument.HISTOGRAM, "s", labels, summary, DURATION_BUCKETS_S)


def _gauge(name: str, unit: str, labels: tuple[str, ...], summary: str) -> Metric:
    return Metric(name, Instrument.GAUGE, unit, labels, summary)


METRICS: Final = (
    # The names without our prefix are those that dashboards and alerts have known before us (requirements A15).
    _counter("market.data.processed.total", ("source", "symbol"), "Rows of market data enriched, by venue and symbol."),
    _gauge("market_data_last_received_timestamp", "s", ("source",), "When the newest row of a venue was received."),
    _gauge(
        "market_data_expected_since_timestamp",
        "s",
        ("source",),
        "Since when a venue's data may be expected: the session's beginning, or the end of the last halt; 0 for ever.",
    ),
    _gauge(
        "market_data_expected_until_timestamp",
        "s",
        ("source",),
        "Until when they may: the session's end; 0 while all that is known of the venue is halted.",
    ),
    _duration("order.processing.latency", (), "Time from an order's request to its stored answer, inside the service."),
    _gauge("active.trading.sessions", "{session}", (), "Accounts that an orders process leads."),
    _gauge(
        "portfolio_risk_exposure_ratio",
        "1",
        ("portfolio_id",),
        "Gross exposure of an account as a share of its capital, as last told.",
    ),
    _counter("http_requests_total", ("function", "status"), "Events posted to a function, by HTTP status."),
    _duration("http_request_duration_seconds", ("function",), "Time to answer one of them, its reading included."),
    _counter("tickloom_events_handled_total", ("function", "outcome"), "Events handled or folded, by outcome."),
    _duration("tickloom_handler_duration_seconds", ("function",), "Time one event took to handle or fold."),
    _counter("tickloom_feed_rows_total", ("venue",), "Rows of instruments that feeds gave."),
    _counter("tickloom_feed_faults_total", ("venue", "fault"), "What was wrong with those rows."),
    _counter("tickloom_signals_routed_total", ("outcome",), "Signals by order, or why there is none."),
    _duration(
        "tickloom_rpc_duration_seconds",
        ("method", "code"),
        "Time one gRPC call took to answer, by status code; a stream's call lasts as long as the stream.",
    ),
    _duration(
        "tickloom_gc_pause_seconds",
        ("generation",),
        "Time the garbage collector held all else up, by the oldest generation it looked at.",
    ),
    _duration(
        "tickloom_order_stage_seconds",
        ("stage",),
        "Time of an order's way through its service: waited, of each request; decided, stored, answered, of a group.",
    ),
    _counter(
        "tickloom_events_published_total",
        ("function", "outcome"),
        "Events a feed or relay handed to its sink, by outcome.",
    ),
    _counter(
        "tickloom_predictions_total",
        ("model", "version", "outcome"),
        "Rows a model's version was asked for: scored, not_scored for want of a valid feature, or degraded.",
    ),
    _duration(
        "tickloom_model_duration_seconds",
        ("model", "version"),
        "Time one run of a model's version took, whatever number of rows.",
    ),
    _counter(
        "tickloom_model_changes_total",
        ("model", "outcome"),
        "Changes of a registered model that were noticed: taken, or refused because something in them is broken.",
    ),
)

_KINDS: Final = {metric.name: metric.instrument for metric in METRICS}


def record(kept: Telemetry, metric: str, labels: Mapping[str, str], value: float) -> None:
    """Add to a declared counter, or put into another declared metric.

    Raises:
        KeyError: It is not declared: a programmer's error.
    """
    match _KINDS[metric]:
        case Instrument.COUNTER:
            kept.count(metric, labels, value)
        case Instrument.HISTOGRAM:
            kept.observe(metric, labels, value)
        case Instrument.GAUGE:
            kept.put(metric, labels, value)


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
