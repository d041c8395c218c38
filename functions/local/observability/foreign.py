"""Declare the metrics that others register and our queries name: Kafka's, the nodes', the stores'.

Names as their exporters give them; those of Kafka's brokers follow from the rules in
`knative/components/monitoring/kafka-metrics.yaml`.
"""

from dataclasses import dataclass
from typing import Final


@dataclass(frozen=True, slots=True)
class Foreign:
    """Declare a metric of another program: who exports it, under which labels, and what it says."""

    name: str
    exporter: str
    labels: tuple[str, ...]
    summary: str


_TOPIC: Final = ("topic", "partition")
_BROKER: Final = "Kafka broker"
_LAG: Final = "Kafka Exporter"
_NODE: Final = "kubelet"

FOREIGN: Final = (
    Foreign("kafka_brokers", _LAG, (), "Brokers that are there."),
    Foreign(
        "kafka_consumergroup_lag", _LAG, ("consumergroup", *_TOPIC), "Events a consumer group has not committed yet."
    ),
    Foreign("kafka_topic_partition_current_offset", _LAG, _TOPIC, "Offset behind a partition's newest event."),
    Foreign(
        "kafka_topic_partition_under_replicated_partition", _LAG, _TOPIC, "1 while a partition lacks replicas in step."
    ),
    Foreign("kafka_server_brokertopicmetrics_messagesin_total", _BROKER, ("topic",), "Events that came in."),
    Foreign("kafka_server_brokertopicmetrics_bytesin_total", _BROKER, ("topic",), "Bytes that came in."),
    Foreign("kafka_server_brokertopicmetrics_bytesout_total", _BROKER, ("topic",), "Bytes that went out."),
    Foreign(
        "kafka_server_brokertopicmetrics_totalproducerequests_total", _BROKER, ("topic",), "Requests of producers."
    ),
    Foreign("kafka_server_brokertopicmetrics_totalfetchrequests_total", _BROKER, ("topic",), "Requests of consumers."),
    Foreign(
        "kafka_server_brokertopicmetrics_failedproducerequests_total", _BROKER, ("topic",), "Those of producers failed."
    ),
    Foreign(
        "kafka_server_brokertopicmetrics_failedfetchrequests_total", _BROKER, ("topic",), "Those of consumers failed."
    ),
    Foreign(
        "kafka_network_requestmetrics_totaltimems",
        _BROKER,
        ("request", "quantile"),
        "Time a request took, milliseconds, of the last minutes.",
    ),
    Foreign("container_cpu_usage_seconds_total", _NODE, ("namespace", "pod", "container"), "Processor time spent."),
    Foreign("container_memory_working_set_bytes", _NODE, ("namespace", "pod", "container"), "Memory in use."),
    Foreign("container_network_receive_bytes_total", _NODE, ("namespace", "pod"), "Bytes a pod received."),
    Foreign("container_network_transmit_bytes_total", _NODE, ("namespace", "pod"), "Bytes a pod sent."),
    Foreign(
        "kubelet_volume_stats_used_bytes", _NODE, ("namespace", "persistentvolumeclaim"), "Bytes of a volume in use."
    ),
    Foreign(
        "kubelet_volume_stats_capacity_bytes", _NODE, ("namespace", "persistentvolumeclaim"), "Bytes a volume holds."
    ),
    Foreign("pg_up", "postgres_exporter", (), "1 while PostgreSQL answers."),
    Foreign("redis_up", "redis_exporter", (), "1 while Valkey or Redis answers."),
)
