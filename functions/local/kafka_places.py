"""Name what the wiring is over Kafka: topics of brokers, sinks and tables' changelogs, and who reads which broker."""

from collections.abc import Iterator

from functions.adapters.kafka_events import broker_topic
from functions.local.topology import Topology
from functions.runtime.groups import changelog_of, group_of


def places(topology: Topology) -> dict[str, tuple[str, int]]:
    """Name topic and number of partitions of each broker and sink."""
    brokers = {one.name: (broker_topic(one.name), one.partitions) for one in topology.brokers.values()}
    return {**brokers, **{one.name: (one.topic, one.partitions) for one in topology.sinks.values()}}


def changelogs(topology: Topology) -> dict[str, int]:
    """Name the changelog of each table, and the number of its partitions.

    They are made with the brokers' topics: a worker that had to make its own would not find it in its first assignment.
    """
    return {changelog_of(group_of(one.name)): topology.brokers[one.broker].partitions for one in topology.tables}


def readers(topology: Topology) -> Iterator[tuple[str, str]]:
    """Name every Trigger and table, and the broker it reads."""
    yield from ((one.name, one.broker) for one in topology.subscriptions)
    yield from ((one.name, one.broker) for one in topology.tables)
