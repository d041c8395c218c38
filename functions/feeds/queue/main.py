"""Compose the queue feed and run it; `python -m functions.feeds.queue.main` publishes to K_SINK."""

import pathlib
import time
from dataclasses import dataclass, field

from functions.adapters.http_sink import sink_from
from functions.adapters.kafka_records import KafkaRecords, Topic
from functions.adapters.patient_sink import PatientSink
from functions.adapters.tapes import Spool
from functions.domain.market import BYTES_PER_BATCH_MAX, ROWS_PER_BATCH_MAX
from functions.feeds.queue import CARD
from functions.feeds.queue.cutting import Limits
from functions.feeds.queue.feed import Reader, Rhythm, Writer, shard_of
from functions.ports.sink import Sink
from functions.runtime import feed_app, logs
from functions.runtime.hosting import HostedFeed
from functions.runtime.settings import at_least_one


@dataclass(frozen=True, slots=True)
class Settings:
    """Say which topic is read, as what, and how it is cut.

    Args:
        queue_servers: Addresses of Kafka brokers, `host:port` separated by commas.
        queue_topic: The topic.
        queue_group: The consumer group; replicas of the feed share it.
        queue_dialect: Dialect of records whose header names none.
        queue_shard: First part of every shard, the partition is the second; empty for the topic's name.
        queue_security: `PLAINTEXT`, `SSL`, `SASL_PLAINTEXT` or `SASL_SSL`.
        queue_mechanism: Of SASL: `PLAIN`, `SCRAM-SHA-256` or `SCRAM-SHA-512`.
        queue_user: Of SASL.
        queue_password: Of SASL.
        queue_records_max: Most records of one poll.
        queue_session_ms: Silence after which the group counts a reader as gone, milliseconds.
        queue_first_sequence: Number of the next batch where somebody moved the group on; 0 refuses that.
        queue_state: File that keeps the partitions' notes where the broker drops the metadata of commits; empty keeps
            them in the group, where replicas find each other's.
        queue_idle_end_s: Silence after which the tapes end, seconds; 0 is never.
        spool: Folder that keeps rows too long to travel.
        rows_max: Most rows of a batch.
        bytes_max: Most payload bytes of a batch.
        poll_ms: Longest wait for records, milliseconds.
        heartbeat_ms: Time between two of a quiet partition's clock, milliseconds.
    """

    queue_servers: str = "127.0.0.1:9092"
    queue_topic: str = "ticks"
    queue_group: str = "tickloom"
    queue_dialect: str = "binance.spot"
    queue_shard: str = ""
    queue_security: str = "PLAINTEXT"
    queue_mechanism: str = "PLAIN"
    queue_user: str = ""
    queue_password: str | None = field(default=None, repr=False)
    queue_records_max: int = 2_048
    queue_session_ms: int = 6_000
    queue_first_sequence: int = 0
    queue_state: str = ""
    queue_idle_end_s: float = 0.0
    spool: str = "var/spool"
    rows_max: int = ROWS_PER_BATCH_MAX
    bytes_max: int = BYTES_PER_BATCH_MAX
    poll_ms: int = 100
    heartbeat_ms: int = 1_000

    def __post_init__(self) -> None:
        """Refuse limits that would hold nothing."""
        at_least_one(self, "rows_max", "bytes_max", "poll_ms", "heartbeat_ms", "queue_records_max", "queue_session_ms")
        if self.queue_idle_end_s < 0:
            msg = "queue_idle_end_s must not be negative: such a tape ends before it begins"
            raise ValueError(msg)
        if not self.queue_dialect:
            msg = "queue_dialect must name a dialect"
            raise ValueError(msg)


def compose(settings: Settings) -> HostedFeed:
    """Bind the feed to its topic; nothing is connected before it runs."""
    topic = Topic(
        settings.queue_servers,
        settings.queue_topic,
        settings.queue_group,
        security=settings.queue_security,
        mechanism=settings.queue_mechanism,
        user=settings.queue_user,
        password=settings.queue_password or "",
        records_max=settings.queue_records_max,
        session_ms=settings.queue_session_ms,
        first_sequence=settings.queue_first_sequence,
        notes=pathlib.Path(settings.queue_state) if settings.queue_state else None,
    )
    writer = Writer(
        settings.queue_shard or shard_of(settings.queue_topic),
        Limits(settings.rows_max, settings.bytes_max, settings.queue_dialect),
        Spool(pathlib.Path(settings.spool)).keep,
        time.time_ns,
    )
    rhythm = Rhythm(settings.poll_ms / 1_000, settings.heartbeat_ms / 1_000, settings.queue_idle_end_s)

    async def run(sink: Sink) -> None:
        async with KafkaRecords(topic) as records:
            await Reader(records, PatientSink(sink), writer, logs.logger(CARD.name).info).run(rhythm)

    return HostedFeed(CARD, run)


if __name__ == "__main__":
    feed_app.serve(Settings, compose, sink_from)
