"""Compose the Binance feed and run it; `python -m functions.feeds.binance.main` publishes to K_SINK."""

import pathlib
import time
from dataclasses import dataclass

from functions.adapters.http_sink import sink_from
from functions.adapters.patient_sink import PatientSink
from functions.adapters.tapes import Spool
from functions.adapters.venues.binance import BinanceVenue, Connection
from functions.domain.market import BYTES_PER_BATCH_MAX, ROWS_PER_BATCH_MAX
from functions.feeds.binance import CARD
from functions.feeds.binance.batcher import Batcher, Cut
from functions.feeds.binance.feed import Out, Rhythm, listen
from functions.feeds.binance.mailbox import Mailbox
from functions.ports.sink import Sink
from functions.runtime import feed_app, logs
from functions.runtime.hosting import HostedFeed
from functions.wire.tape import LINE_BYTES_MAX, SPOT


@dataclass(frozen=True, slots=True)
class Settings:
    """Say what is listened to, how it is cut, and where to go on.

    Args:
        websocket_url: Base of the streams.
        rest_url: Base of the REST answers.
        symbols: Venue symbols.
        channels: Channels of each symbol.
        shard: Shard of the rows.
        stream: Stream inside the shard; empty for `<shard>.binance`.
        spool: Folder that keeps rows too long to travel.
        rows_max: Most rows of a batch.
        bytes_max: Most payload bytes of a batch.
        line_bytes_max: Longest row that travels whole.
        flush_ms: Longest a row waits for others, milliseconds.
        heartbeat_ms: Time between two of the feed's clock, milliseconds.
        queue_rows_max: Messages held between socket and broker before quotes are conflated and the rest waits.
        depth_limit: Levels a side of a snapshot.
        idle_s: Silence after which a connection counts as dead, seconds.
        backoff_s: Longest wait after the first failed connection, seconds; it doubles.
        backoff_max_s: Longest wait of all, seconds.
        duration_s: When the tape ends, seconds; 0 is never.
        first_sequence: Number of the first batch; above 0 when a run goes on.
        first_row: Index of the first row; above 0 when a run goes on.
    """

    websocket_url: str = "wss://stream.binance.com:9443"
    rest_url: str = "https://api.binance.com"
    symbols: tuple[str, ...] = ("BTCUSDT", "ETHUSDT")
    channels: tuple[str, ...] = ("trade", "bookTicker", "depth@100ms")
    shard: str = "BINANCE-0"
    stream: str = ""
    spool: str = "var/spool"
    rows_max: int = ROWS_PER_BATCH_MAX
    bytes_max: int = BYTES_PER_BATCH_MAX
    line_bytes_max: int = LINE_BYTES_MAX
    flush_ms: int = 10
    heartbeat_ms: int = 1_000
    queue_rows_max: int = 10_000
    depth_limit: int = 1_000
    idle_s: float = 30.0
    backoff_s: float = 0.25
    backoff_max_s: float = 30.0
    duration_s: float = 0.0
    first_sequence: int = 0
    first_row: int = 0

    def __post_init__(self) -> None:
        """Refuse limits that would hold nothing."""
        for name in ("rows_max", "bytes_max", "line_bytes_max", "heartbeat_ms", "queue_rows_max"):
            if getattr(self, name) < 1:
                msg = f"{name} must be at least 1"
                raise ValueError(msg)


def compose(settings: Settings) -> HostedFeed:
    """Bind the feed to its venue; nothing is connected before it runs."""
    connection = Connection(
        settings.websocket_url,
        settings.rest_url,
        settings.symbols,
        settings.channels,
        depth_limit=settings.depth_limit,
        idle_s=settings.idle_s,
        backoff_s=settings.backoff_s,
        backoff_max_s=settings.backoff_max_s,
    )
    cut = Cut(
        settings.shard,
        settings.stream or f"{settings.shard}.{CARD.name}",
        SPOT,
        "trade" if "trade" in settings.channels else "aggTrade",
        rows_max=settings.rows_max,
        bytes_max=settings.bytes_max,
        line_bytes_max=settings.line_bytes_max,
    )
    spool = Spool(pathlib.Path(settings.spool))
    rhythm = Rhythm(settings.flush_ms / 1_000, settings.heartbeat_ms / 1_000, settings.duration_s)

    async def run(sink: Sink) -> None:
        venue = BinanceVenue(connection, report=logs.logger(CARD.name).warning)
        batcher = Batcher(cut, spool.keep, time.time_ns, first_row=settings.first_row)
        out = Out(PatientSink(sink), settings.first_sequence)
        await listen(venue, batcher, out, rhythm=rhythm, mailbox=Mailbox(settings.queue_rows_max))

    return HostedFeed(CARD, run)


if __name__ == "__main__":
    feed_app.serve(Settings, compose, sink_from)
