"""Compose the stream feed and run it; `python -m functions.feeds.stream.main` publishes to K_SINK."""

import pathlib
import time
from dataclasses import dataclass, field

from functions.adapters.file_outbox import FileOutbox, OutboxOptions
from functions.adapters.http_sink import sink_from
from functions.adapters.patient_sink import PatientSink
from functions.adapters.resilience import BreakerLimits
from functions.adapters.tapes import Spool
from functions.adapters.venues._connection import Connection
from functions.adapters.venues._patience import Hands, Patience
from functions.adapters.venues._profile import Profile, Subscription, profile_of
from functions.domain.market import BYTES_PER_BATCH_MAX, ROWS_PER_BATCH_MAX
from functions.feeds.stream import CARD
from functions.feeds.stream.feed import Out, Rhythm, listen
from functions.feeds.stream.mailbox import Mailbox
from functions.ports.outbox import Standing
from functions.ports.sink import Sink
from functions.runtime import feed_app, logs
from functions.runtime.hosting import HostedFeed
from functions.runtime.settings import at_least_one
from functions.wire.batcher import Batcher, Cut
from functions.wire.tape import LINE_BYTES_MAX, shard_of


@dataclass(frozen=True, slots=True)
class Settings:
    """Say what is listened to, how it is cut, and where to go on.

    Args:
        dialect: Venue and version, for example `binance.spot`, `coinbase.exchange` or `kraken.v2`.
        symbols: Symbols in the venue's own writing.
        channels: Channels of each symbol in the venue's own words; empty for the venue's trades, quotes and books.
        websocket_url: Base of the streams; empty for the venue's public one.
        rest_url: Base of the REST answers; empty for the venue's public one.
        api_key: Key for REST answers that the venue keeps for its customers; a secret.
        shard: Shard of the rows; empty for the dialect's venue and 0.
        stream: Stream inside the shard; empty for `<shard>.stream`.
        spool: Folder that keeps rows too long to travel.
        journal: File that keeps the batch on its way and the last trades, so that a killed feed goes on without a
            loss; empty for none.
        rows_max: Most rows of a batch.
        bytes_max: Most payload bytes of a batch.
        line_bytes_max: Longest row that travels whole.
        flush_ms: Longest a row waits for others, milliseconds.
        heartbeat_ms: Time between two of the feed's clock, milliseconds.
        queue_rows_max: Messages held between socket and broker before quotes are conflated and the rest waits.
        inbox_rows_max: Messages held while missed trades are fetched; more wait in the socket.
        depth_limit: Levels a side of a book; 0 for the venue's own.
        idle_s: Silence after which a connection counts as dead, seconds; 0 for the venue's own.
        open_s: Time to connect, or for a REST answer to come, seconds.
        backoff_s: Longest wait after the first failed connection, seconds; it doubles.
        backoff_max_s: Longest wait of all, seconds.
        resync_s: Least time between two attempts to get a symbol's book anew, seconds.
        backfill_pages_max: Most pages of trades asked for at once to fill one hole.
        breaker_failures_max: Failures in a minute after which a venue is left alone.
        breaker_open_s: For how long, seconds.
        duration_s: When the tape ends, seconds; 0 is never.
        first_sequence: Number of the first batch; above 0 when a run goes on.
        first_row: Index of the first row; above 0 when a run goes on.
    """

    dialect: str = "binance.spot"
    symbols: tuple[str, ...] = ("BTCUSDT", "ETHUSDT")
    channels: tuple[str, ...] = ()
    websocket_url: str = ""
    rest_url: str = ""
    api_key: str = field(default="", repr=False)
    shard: str = ""
    stream: str = ""
    spool: str = "var/spool"
    journal: str = ""
    rows_max: int = ROWS_PER_BATCH_MAX
    bytes_max: int = BYTES_PER_BATCH_MAX
    line_bytes_max: int = LINE_BYTES_MAX
    flush_ms: int = 10
    heartbeat_ms: int = 1_000
    queue_rows_max: int = 10_000
    inbox_rows_max: int = 100_000
    depth_limit: int = 0
    idle_s: float = 0.0
    open_s: float = 10.0
    backoff_s: float = 0.25
    backoff_max_s: float = 30.0
    resync_s: float = 1.0
    backfill_pages_max: int = 100
    breaker_failures_max: int = 10
    breaker_open_s: float = 15.0
    duration_s: float = 0.0
    first_sequence: int = 0
    first_row: int = 0

    def __post_init__(self) -> None:
        """Refuse limits that would hold nothing."""
        at_least_one(
            self, "rows_max", "bytes_max", "line_bytes_max", "heartbeat_ms", "queue_rows_max", "inbox_rows_max"
        )
        if min(self.flush_ms, self.duration_s) < 0:
            msg = "flush_ms and duration_s must not be negative: such a tape ends before it begins"
            raise ValueError(msg)


def compose(settings: Settings) -> HostedFeed:
    """Bind the feed to its venue; nothing is connected before it runs."""
    profile = profile_of(settings.dialect)
    wanted = Subscription(settings.symbols, settings.channels or profile.channels, settings.depth_limit)
    profile.check(wanted)
    spool = Spool(pathlib.Path(settings.spool))
    rhythm = Rhythm(settings.flush_ms / 1_000, settings.heartbeat_ms / 1_000, settings.duration_s)
    cut = _cut(settings, profile, wanted.channels)
    first = Standing(settings.first_sequence, settings.first_row)
    options = OutboxOptions(CARD.name, settings.journal, settings.spool, first)

    async def run(sink: Sink) -> None:
        async with FileOutbox(cut, PatientSink(sink), options) as outbox:
            out = Out.of(outbox)
            hands = Hands(logs.logger(CARD.name).warning)
            venue = Connection(profile, wanted, _patience(settings), hands=hands, known=dict(out.marks))
            batcher = Batcher(cut, spool.keep, time.time_ns, first_row=outbox.standing.row)
            await listen(venue, batcher, out, rhythm=rhythm, mailbox=Mailbox(settings.queue_rows_max))

    return HostedFeed(CARD, run, stream=cut.stream)


def _patience(settings: Settings) -> Patience:
    return Patience(
        websocket_url=settings.websocket_url,
        rest_url=settings.rest_url,
        api_key=settings.api_key,
        idle_s=settings.idle_s,
        open_s=settings.open_s,
        backoff_s=settings.backoff_s,
        backoff_max_s=settings.backoff_max_s,
        resync_s=settings.resync_s,
        backfill_pages_max=settings.backfill_pages_max,
        held_max=settings.inbox_rows_max,
        breaker=BreakerLimits(settings.breaker_failures_max, open_s=settings.breaker_open_s),
    )


def _cut(settings: Settings, profile: Profile, channels: tuple[str, ...]) -> Cut:
    shard = settings.shard or shard_of(profile.dialect)
    return Cut(
        shard,
        settings.stream or f"{shard}.{CARD.name}",
        profile.dialect,
        profile.bar_channel(channels),
        rows_max=settings.rows_max,
        bytes_max=settings.bytes_max,
        line_bytes_max=settings.line_bytes_max,
    )


if __name__ == "__main__":
    feed_app.serve(Settings, compose, sink_from)
