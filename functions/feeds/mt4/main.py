"""Compose the MetaTrader 4 feed and run it; `python -m functions.feeds.mt4.main` publishes to K_SINK."""

from dataclasses import dataclass

from functions.adapters.file_outbox import FileOutbox, OutboxOptions
from functions.adapters.http_sink import sink_from
from functions.adapters.mt4_client import BridgeClient
from functions.adapters.mt4_connection import LINE_BYTES_MAX, BridgeEnd
from functions.adapters.patient_sink import PatientSink
from functions.domain.market import BYTES_PER_BATCH_MAX, ROWS_PER_BATCH_MAX
from functions.feeds.mt4 import CARD
from functions.feeds.mt4.feed import Rhythm, listen
from functions.ports.outbox import Standing
from functions.ports.sink import Sink
from functions.runtime import feed_app, logs
from functions.runtime.hosting import HostedFeed
from functions.runtime.settings import at_least_one
from functions.wire.batching import Label

DIALECT = "mt4.bridge"


@dataclass(frozen=True, slots=True)
class Settings:
    """Say which bridge is listened to, how its lines are cut, and where to go on.

    Args:
        mt4_host: Address of the bridge.
        mt4_port: Its port.
        mt4_symbols: Symbols in the broker's own words.
        mt4_shard: Shard of the rows.
        stream: Stream inside the shard; empty for `<shard>.mt4`.
        spool: Folder that keeps rows too long to travel.
        mt4_state: File that keeps how far the feed has come; empty remembers nothing.
        rows_max: Most rows of a batch.
        bytes_max: Most payload bytes of a batch; a last line may go beyond.
        flush_ms: Longest a row waits for others, milliseconds.
        heartbeat_ms: Time between two of the feed's clock, milliseconds.
        queue_rows_max: Lines held between socket and broker before the bridge has to wait.
        mt4_idle_s: Silence after which a connection counts as dead, seconds.
        backoff_s: Longest wait after the first failed connection, seconds; it doubles.
        backoff_max_s: Longest wait of all, seconds.
        duration_s: When the tape ends, seconds; 0 is never.
        first_sequence: Number of the first batch, where the state file does not say more.
        first_row: Index of the first row, where the state file does not say more.
    """

    mt4_host: str = "127.0.0.1"
    mt4_port: int = 8222
    mt4_symbols: tuple[str, ...] = ("EURUSD", "USDJPY")
    mt4_shard: str = "MT4-0"
    stream: str = ""
    spool: str = "var/spool"
    mt4_state: str = "var/state/mt4.json"
    rows_max: int = ROWS_PER_BATCH_MAX
    bytes_max: int = BYTES_PER_BATCH_MAX - LINE_BYTES_MAX
    flush_ms: int = 10
    heartbeat_ms: int = 1_000
    queue_rows_max: int = 10_000
    mt4_idle_s: float = 3.0
    backoff_s: float = 0.25
    backoff_max_s: float = 30.0
    duration_s: float = 0.0
    first_sequence: int = 0
    first_row: int = 0

    def __post_init__(self) -> None:
        """Refuse limits that would hold nothing."""
        at_least_one(self, "rows_max", "bytes_max", "heartbeat_ms", "queue_rows_max", "mt4_port")
        if min(self.mt4_idle_s, self.backoff_s, self.backoff_max_s) <= 0:
            msg = "mt4_idle_s, backoff_s and backoff_max_s must be above 0"
            raise ValueError(msg)


def compose(settings: Settings) -> HostedFeed:
    """Bind the feed to its bridge; nothing is connected before it runs."""
    label = Label(settings.mt4_shard, settings.stream or f"{settings.mt4_shard}.{CARD.name}", DIALECT)
    end = BridgeEnd(
        settings.mt4_host,
        settings.mt4_port,
        idle_s=settings.mt4_idle_s,
        backoff_s=settings.backoff_s,
        backoff_max_s=settings.backoff_max_s,
    )
    rhythm = Rhythm(
        settings.rows_max,
        settings.bytes_max,
        settings.queue_rows_max,
        settings.flush_ms / 1_000,
        settings.heartbeat_ms / 1_000,
        settings.duration_s,
    )
    client = BridgeClient(end, settings.mt4_symbols, report=logs.logger(CARD.name).warning)
    first = Standing(settings.first_sequence, settings.first_row)
    options = OutboxOptions(CARD.name, settings.mt4_state, settings.spool, first)

    async def run(sink: Sink) -> None:
        async with FileOutbox(label, PatientSink(sink), options) as outbox:
            await listen(client, outbox, rhythm)

    return HostedFeed(CARD, run, stream=label.stream)


if __name__ == "__main__":
    feed_app.serve(Settings, compose, sink_from)
