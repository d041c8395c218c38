"""Compose the polling feed and run it; `python -m functions.feeds.rest.main` publishes to K_SINK."""

import asyncio
import time
from dataclasses import dataclass, field

from functions.adapters.file_outbox import FileOutbox, OutboxOptions
from functions.adapters.http_sink import sink_from
from functions.adapters.patient_sink import PatientSink
from functions.adapters.polling._poller import HttpPoller, Polls
from functions.adapters.polling._profile import profile_of
from functions.adapters.resilience import Rate
from functions.domain.market import NS_PER_S
from functions.feeds.rest import CARD
from functions.feeds.rest.feed import Rhythm, poll
from functions.ports.outbox import Standing
from functions.ports.sink import Sink
from functions.runtime import feed_app, logs
from functions.runtime.hosting import HostedFeed
from functions.runtime.settings import at_least_one
from functions.wire.batching import Label
from functions.wire.tape import shard_of


@dataclass(frozen=True, slots=True)
class Settings:
    """Say what is polled, how often, and where to go on.

    Args:
        poll_dialect: Dialect of the replies; the venue is its part before the dot.
        poll_symbols: Venue symbols.
        poll_channels: Channels of each symbol, for example `klines_1m`, `trades`, `depth_100`; see the venue's file.
        poll_url: Address of the venue; empty for its own.
        poll_api_key: Key, where the venue wants one; None sends none.
        poll_shard: Shard of the rows; empty for the dialect's venue and 0.
        stream: Stream inside the shard; empty for `<shard>.rest`.
        spool: Folder that keeps rows too long to travel.
        poll_state: File that keeps how far the feed has come; empty remembers nothing.
        poll_every_s: Time between two requests of a series that has no more pages, seconds; 0 is the venue's usual.
        poll_rate: What may be spent a minute, in the venue's weights; 0 is what the venue documents.
        lookback_s: How far back series without a cursor begin, seconds.
        settle_s: How long after a window's end its rows may still come, seconds.
        timeout_s: Time for one reply, seconds.
        backoff_s: Longest wait after the first failure, seconds; it doubles.
        backoff_max_s: Longest wait of all, seconds.
        heartbeat_ms: Time between two of the feed's clock, milliseconds.
        rounds: How often each series is polled until it has no more pages before the tape ends; 0 is for ever.
        first_sequence: Number of the first batch, where the state file does not say more.
        first_row: Index of the first row, where the state file does not say more.
    """

    poll_dialect: str = "binance.spot"
    poll_symbols: tuple[str, ...] = ("BTCUSDT", "ETHUSDT")
    poll_channels: tuple[str, ...] = ("klines_1m",)
    poll_url: str = ""
    poll_api_key: str | None = field(default=None, repr=False)
    poll_shard: str = ""
    stream: str = ""
    spool: str = "var/spool"
    poll_state: str = "var/state/rest.json"
    poll_every_s: float = 0.0
    poll_rate: float = 0.0
    lookback_s: float = 3_600.0
    settle_s: float = 2.0
    timeout_s: float = 10.0
    backoff_s: float = 0.5
    backoff_max_s: float = 60.0
    heartbeat_ms: int = 1_000
    rounds: int = 0
    first_sequence: int = 0
    first_row: int = 0

    def __post_init__(self) -> None:
        """Refuse what would ask for nothing or without end."""
        at_least_one(self, "heartbeat_ms")
        for name in ("poll_every_s", "poll_rate", "lookback_s", "settle_s", "rounds"):
            if getattr(self, name) < 0:
                msg = f"{name} must not be negative"
                raise ValueError(msg)
        if min(self.timeout_s, self.backoff_s, self.backoff_max_s) <= 0:
            msg = "timeout_s, backoff_s and backoff_max_s must be above 0"
            raise ValueError(msg)


def compose(settings: Settings) -> HostedFeed:
    """Bind the feed to its venue; nothing is asked before it runs."""
    shard = settings.poll_shard or shard_of(settings.poll_dialect)
    label = Label(shard, settings.stream or f"{shard}.{CARD.name}", settings.poll_dialect)
    polls = Polls(
        profile_of(settings.poll_dialect),
        settings.poll_symbols,
        settings.poll_channels,
        url=settings.poll_url,
        api_key=settings.poll_api_key or "",
        rate=Rate(settings.poll_rate, 60.0) if settings.poll_rate else None,
        start_ns=time.time_ns() - int(settings.lookback_s * NS_PER_S),
        settle_s=settings.settle_s,
        timeout_s=settings.timeout_s,
        backoff_s=settings.backoff_s,
        backoff_max_s=settings.backoff_max_s,
    )
    poller = HttpPoller(polls, report=logs.logger(CARD.name).warning)
    rhythm = Rhythm(settings.poll_every_s, settings.heartbeat_ms / 1_000, asyncio.sleep, settings.rounds)
    first = Standing(settings.first_sequence, settings.first_row)
    options = OutboxOptions(CARD.name, settings.poll_state, settings.spool, first)

    async def run(sink: Sink) -> None:
        async with FileOutbox(label, PatientSink(sink), options) as outbox:
            await poll(poller, outbox, rhythm)

    return HostedFeed(CARD, run, poller.close, label.stream)


if __name__ == "__main__":
    feed_app.serve(Settings, compose, sink_from)
