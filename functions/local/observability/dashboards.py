"""Say what each dashboard shows; `tickloom deploy dashboards` writes them into `knative/observability/dashboards`."""

from typing import Final

from functions.local.observability.grafana import Dashboard, Line, Panel

_OVER: Final = "[$__rate_interval]"
_PODS: Final = 'namespace="kafka", pod=~"tickloom-.+"'
_CONTAINERS: Final = f'{_PODS}, container!=""'
"""Beside its containers cAdvisor tells of the pod as a whole, as the container without a name: a sum has each twice."""


def _rate(title: str, metric: str, by: str, *, where: str = "", unit: str = "ops") -> Panel:
    """Show how fast a counter moves, by some of its labels."""
    labels = ", ".join(f"{{{{{label}}}}}" for label in by.split(", "))
    return Panel(title, unit, (Line(f"sum by ({by}) (rate({metric}{where}{_OVER}))", labels),))


def _quantiles(
    title: str, histogram: str, *shares: str, by: str = "", where: str = "", limit: float | None = None
) -> Panel:
    """Show quantiles of a histogram of seconds."""
    grouped, legend = (f"le, {by}", f" {{{{{by}}}}}") if by else ("le", "")
    lines = [
        Line(
            f"histogram_quantile({share}, sum by ({grouped}) (rate({histogram}_bucket{where}{_OVER})))",
            f"p{share.removeprefix('0.').ljust(2, '0')}{legend}",
        )
        for share in shares
    ]
    return Panel(title, "s", tuple(lines), limit)


def _share(  # noqa: PLR0913 - what, of what, by what, and when it is too much
    title: str, metric: str, *, of: str, by: str, where: str = "", limit: float | None = None
) -> Panel:
    """Show what share of a counter has some label, by another."""
    rest = f"{{{where}}}" if where else ""
    chosen = f"{{{of}, {where}}}" if where else f"{{{of}}}"
    query = f"sum by ({by}) (rate({metric}{chosen}{_OVER})) / sum by ({by}) (rate({metric}{rest}{_OVER}))"
    return Panel(title, "percentunit", (Line(query, f"{{{{{by}}}}}"),), limit)


_UNUSED: Final = 'outcome!~"replied|consumed"'


def _service(uid: str, title: str, functions: str, *further: tuple[Panel, ...]) -> Dashboard:
    """Draw the dashboard of one service or a few that do one thing."""
    chosen = f'function=~"{functions}"'
    where = f"{{{chosen}}}"
    events, durations = "tickloom_events_handled_total", "tickloom_handler_duration_seconds"
    rows = (
        (
            _rate("Events by outcome", events, "function, outcome", where=where),
            _share("Events that could not be used", events, of=_UNUSED, by="function", where=chosen, limit=0.01),
        ),
        (
            _quantiles("Time to handle an event", durations, "0.5", "0.99", by="function", where=where),
            _rate("Share of a core spent on them", f"{durations}_sum", "function", where=where, unit="percentunit"),
        ),
    )
    return Dashboard(uid, title, (*rows, *further))


def _http(functions: str) -> tuple[Panel, ...]:
    chosen = f'function=~"{functions}"'
    return (
        _share(
            "Requests that failed", "http_requests_total", of='status=~"5.."', by="function", where=chosen, limit=0.05
        ),
        _quantiles(
            "Time to answer a request",
            "http_request_duration_seconds",
            "0.95",
            by="function",
            where=f"{{{chosen}}}",
            limit=1.0,
        ),
    )


_ORDER_LATENCY: Final = _quantiles(
    "Order latency, request to stored answer", "order_processing_latency_seconds", "0.95", "0.99", limit=0.05
)
_EXPOSURE: Final = Panel(
    "Gross exposure as a share of capital",
    "percentunit",
    (Line("max by (portfolio_id) (portfolio_risk_exposure_ratio)", "{{portfolio_id}}"),),
    0.95,
)
_AGE: Final = Panel(
    "Age of the newest row",
    "s",
    (Line("time() - max by (source) (market_data_last_received_timestamp_seconds)", "{{source}}"),),
    5.0,
)
_THROUGHPUT: Final = _rate("Rows by venue and symbol", "market_data_processed_total", "source, symbol")

_PRODUCTION: Final = Dashboard(
    "production",
    "Production",
    (
        (_THROUGHPUT, _AGE),
        (_ORDER_LATENCY, _EXPOSURE),
        (
            _rate("Signals by what became of them", "tickloom_signals_routed_total", "outcome"),
            Panel("Accounts led", "short", (Line("sum(active_trading_sessions)", "accounts"),)),
        ),
    ),
)
_PROCESSING: Final = _service(
    "data-processing-overview",
    "Data processing",
    ".+",
    (
        _rate("Events published, by outcome", "tickloom_events_published_total", "function, outcome"),
        _quantiles("Garbage collector's pauses", "tickloom_gc_pause_seconds", "0.99", by="generation"),
    ),
    _http(".+"),
)
_NORMALIZATION: Final = _service(
    "normalization-service",
    "Normalization",
    "normalize|digest|transcribe",
    (
        _rate("Rows that feeds gave", "tickloom_feed_rows_total", "venue"),
        _rate("What was wrong with them", "tickloom_feed_faults_total", "venue, fault"),
    ),
    _http("normalize|digest|transcribe"),
)
_ENRICHMENT: Final = _service("enrichment-service", "Enrichment", "enrich", (_THROUGHPUT, _AGE), _http("enrich"))
_AGGREGATION: Final = _service(
    "aggregation-service", "Aggregation", "bars|activity|features|pairs|signals|portfolio|outcomes"
)
_PROJECTION: Final = _service("projection-service", "Projection", "project", (_EXPOSURE,), _http("project"))
_ORDERS: Final = Dashboard(
    "orders",
    "Orders",
    (
        (
            _ORDER_LATENCY,
            _quantiles("Where an order's time goes", "tickloom_order_stage_seconds", "0.5", "0.99", by="stage"),
        ),
        (
            _rate("Calls by method and status", "tickloom_rpc_duration_seconds_count", "method, code"),
            _quantiles("Time of a call", "tickloom_rpc_duration_seconds", "0.99", by="method"),
        ),
        (
            _rate("Signals by what became of them", "tickloom_signals_routed_total", "outcome"),
            _rate(
                "Events of orders published", "tickloom_events_published_total", "outcome", where='{function="orders"}'
            ),
        ),
    ),
)
_INFERENCE: Final = Dashboard(
    "inference",
    "Inference",
    (
        (
            _rate("Rows by model and outcome", "tickloom_predictions_total", "model, outcome"),
            _share("Rows degraded", "tickloom_predictions_total", of='outcome="degraded"', by="model", limit=0.1),
        ),
        (
            _quantiles("Time of a model's run", "tickloom_model_duration_seconds", "0.5", "0.99", by="model"),
            _rate("Changes noticed", "tickloom_model_changes_total", "model, outcome"),
        ),
    ),
)
_KAFKA: Final = Dashboard(
    "kafka-overview",
    "Kafka",
    (
        (
            Panel("Brokers", "short", (Line("max(kafka_brokers)", "brokers"),)),
            Panel(
                "Partitions without all replicas in step",
                "short",
                (Line("sum by (topic) (kafka_topic_partition_under_replicated_partition)", "{{topic}}"),),
                1.0,
            ),
        ),
        (
            _rate("Events in", "kafka_server_brokertopicmetrics_messagesin_total", "topic"),
            Panel(
                "Lag of groups",
                "short",
                (Line("sum by (consumergroup, topic) (kafka_consumergroup_lag)", "{{consumergroup}} {{topic}}"),),
                10_000.0,
            ),
        ),
    ),
)
_BROKERS: Final = Dashboard(
    "kafka-brokers",
    "Kafka brokers",
    (
        (
            _rate("Processors", "container_cpu_usage_seconds_total", "pod", where=f"{{{_CONTAINERS}}}", unit="short"),
            Panel(
                "Memory",
                "bytes",
                (Line(f"sum by (pod) (container_memory_working_set_bytes{{{_CONTAINERS}}})", "{{pod}}"),),
            ),
        ),
        (
            Panel(
                "Disk",
                "percentunit",
                (
                    Line(
                        'max by (persistentvolumeclaim) (kubelet_volume_stats_used_bytes{namespace="kafka"}'
                        ' / kubelet_volume_stats_capacity_bytes{namespace="kafka"})',
                        "{{persistentvolumeclaim}}",
                    ),
                ),
                0.85,
            ),
            _rate("Network in", "container_network_receive_bytes_total", "pod", where=f"{{{_PODS}}}", unit="Bps"),
            _rate("Network out", "container_network_transmit_bytes_total", "pod", where=f"{{{_PODS}}}", unit="Bps"),
        ),
    ),
)
_TOPICS: Final = Dashboard(
    "kafka-topics",
    "Kafka topics",
    (
        (
            _rate("Events in", "kafka_topic_partition_current_offset", "topic"),
            _rate("Bytes in", "kafka_server_brokertopicmetrics_bytesin_total", "topic", unit="Bps"),
            _rate("Bytes out", "kafka_server_brokertopicmetrics_bytesout_total", "topic", unit="Bps"),
        ),
        (
            Panel(
                "Bytes of an event",
                "bytes",
                (
                    Line(
                        f"sum by (topic) (rate(kafka_server_brokertopicmetrics_bytesin_total{_OVER}))"
                        f" / sum by (topic) (rate(kafka_server_brokertopicmetrics_messagesin_total{_OVER}))",
                        "{{topic}}",
                    ),
                ),
            ),
            Panel(
                "Lag by topic",
                "short",
                (Line("sum by (topic) (kafka_consumergroup_lag)", "{{topic}}"),),
                10_000.0,
            ),
        ),
    ),
)
_REQUESTS: Final = "kafka_network_requestmetrics_totaltimems"
_CLIENTS: Final = Dashboard(
    "kafka-clients",
    "Kafka producers and consumers",
    (
        (
            _rate("Requests of producers", "kafka_server_brokertopicmetrics_totalproducerequests_total", "topic"),
            _rate("Requests of consumers", "kafka_server_brokertopicmetrics_totalfetchrequests_total", "topic"),
        ),
        (
            _rate(
                "Requests of producers failed", "kafka_server_brokertopicmetrics_failedproducerequests_total", "topic"
            ),
            _rate("Requests of consumers failed", "kafka_server_brokertopicmetrics_failedfetchrequests_total", "topic"),
        ),
        (
            Panel(
                "Time of a request, p99",
                "ms",
                (Line(f'max by (request) ({_REQUESTS}{{quantile="0.99", request=~"Produce|Fetch"}})', "{{request}}"),),
            ),
        ),
    ),
)

DASHBOARDS: Final = (
    _PRODUCTION,
    _PROCESSING,
    _NORMALIZATION,
    _ENRICHMENT,
    _AGGREGATION,
    _PROJECTION,
    _ORDERS,
    _INFERENCE,
    _KAFKA,
    _BROKERS,
    _TOPICS,
    _CLIENTS,
)
