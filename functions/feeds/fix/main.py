"""Compose the FIX feed and run it; `python -m functions.feeds.fix.main` publishes to K_SINK."""

import asyncio
import contextlib
import pathlib
import time
from dataclasses import dataclass, field
from typing import Final

from functions.adapters.fix_connection import FixAcceptor, FixInitiator, Line
from functions.adapters.fix_store import SENT_MAX, DiskFixStores, shared
from functions.adapters.http_sink import sink_from
from functions.adapters.patient_sink import PatientSink
from functions.adapters.tapes import Spool
from functions.domain.market import BYTES_PER_BATCH_MAX, ROWS_PER_BATCH_MAX
from functions.feeds.fix import CARD
from functions.feeds.fix.feed import DIALECT, Asked, FixFeed
from functions.ports.sink import Sink
from functions.runtime import feed_app, logs
from functions.runtime.hosting import HostedFeed
from functions.wire.batcher import Cut
from functions.wire.fix.actions import Terms
from functions.wire.fix.codec import MESSAGE_BYTES_MAX
from functions.wire.fix.rules import Identity
from functions.wire.tape import LINE_BYTES_MAX

INITIATOR, ACCEPTOR = "initiator", "acceptor"
PORT_MAX: Final = 65_535


@dataclass(frozen=True, slots=True)
class Settings:
    """Say whose session it is, how it is kept, and how what it delivers is cut.

    Args:
        fix_role: `initiator` connects to the other side, `acceptor` listens for it.
        fix_host: Where the other side listens, or the address to listen on.
        fix_port: Its port; an acceptor takes a free one for 0.
        fix_tls: Whether an initiator encrypts with TLS and has the host prove itself.
        sender_comp_id: Our CompID.
        target_comp_id: The other side's CompID.
        fix_username: User name of the Logon: sent by an initiator, asked for by an acceptor; empty for none.
        fix_password: Password of the Logon.
        fix_heartbeat_s: Heartbeat interval an initiator asks for, seconds; 0 is none.
        reset_on_logon: Whether an initiator begins every connection at 1; what was missed is then never sent again.
        latency_s_max: How far SendingTime may be from our clock, seconds.
        logon_s: Longest wait for a Logon, seconds.
        symbols: Symbols whose prices an initiator asks for; none asks for nothing.
        depth_limit: Levels a side that are asked for; 0 is the whole book.
        shard: Shard of the rows.
        stream: Stream inside the shard; empty for `<shard>.fix`. It ends in `.fix`: by that its orders are heard.
        fix_folder: Folder of the session's store; it must outlive the process, on a volume of its own.
        fix_fsync: Whether every message reaches the disk before it leaves: safe against power loss, and slower.
        sent_max: Sent messages that are kept for a resend.
        spool: Folder that keeps rows too long to travel.
        rows_max: Most rows of a batch.
        bytes_max: Most payload bytes of a batch.
        line_bytes_max: Longest row that travels whole.
        message_bytes_max: Longest message that is taken.
        heartbeat_ms: Time between two of the feed's clock, milliseconds.
        backoff_s: Longest wait after the first failed connection, seconds; it doubles.
        backoff_max_s: Longest wait of all, seconds.
        duration_s: When the tape ends, seconds; 0 is never.
        first_sequence: Least number of the first batch, where a log knows better than the store.
        first_row: Least index of the first row, likewise.
    """

    fix_port: int = 0
    sender_comp_id: str = "TICKLOOM"
    target_comp_id: str = "VENUE"
    fix_role: str = ACCEPTOR
    fix_host: str = "127.0.0.1"
    fix_tls: bool = False
    fix_username: str = field(default="", repr=False)
    fix_password: str = field(default="", repr=False)
    fix_heartbeat_s: int = 30
    reset_on_logon: bool = False
    latency_s_max: float = 120.0
    logon_s: float = 10.0
    symbols: tuple[str, ...] = ()
    depth_limit: int = 0
    shard: str = "FIX-0"
    stream: str = ""
    fix_folder: str = "var/fix"
    fix_fsync: bool = False
    sent_max: int = SENT_MAX
    spool: str = "var/spool"
    rows_max: int = ROWS_PER_BATCH_MAX
    bytes_max: int = BYTES_PER_BATCH_MAX
    line_bytes_max: int = LINE_BYTES_MAX
    message_bytes_max: int = MESSAGE_BYTES_MAX
    heartbeat_ms: int = 1_000
    backoff_s: float = 0.25
    backoff_max_s: float = 30.0
    duration_s: float = 0.0
    first_sequence: int = 0
    first_row: int = 0

    def __post_init__(self) -> None:
        """Refuse a role nobody has and limits that would hold nothing."""
        if self.fix_role not in {INITIATOR, ACCEPTOR}:
            msg = f"fix_role is {self.fix_role!r}, expected {INITIATOR!r} or {ACCEPTOR!r}"
            raise ValueError(msg)
        if not 0 <= self.fix_port <= PORT_MAX or (self.fix_role == INITIATOR and not self.fix_port):
            msg = "fix_port must be a port; an initiator needs the other side's"
            raise ValueError(msg)
        if not self.sender_comp_id or not self.target_comp_id:
            msg = "sender_comp_id and target_comp_id must not be empty"
            raise ValueError(msg)
        if self.stream and not self.stream.endswith(f".{CARD.name}"):
            msg = f"stream must end in .{CARD.name}, found {self.stream!r}"
            raise ValueError(msg)
        for name in ("rows_max", "bytes_max", "line_bytes_max", "heartbeat_ms"):
            if getattr(self, name) < 1:
                msg = f"{name} must be at least 1"
                raise ValueError(msg)
        _terms(self)


def _terms(settings: Settings) -> Terms:
    return Terms(
        heartbeat_s=settings.fix_heartbeat_s,
        reset_on_logon=settings.reset_on_logon,
        username=settings.fix_username,
        password=settings.fix_password,
        latency_s_max=settings.latency_s_max,
        logon_s=settings.logon_s,
        sent_max=settings.sent_max,
        message_bytes_max=settings.message_bytes_max,
    )


def _cut(settings: Settings) -> Cut:
    return Cut(
        settings.shard,
        settings.stream or f"{settings.shard}.{CARD.name}",
        DIALECT,
        "",
        rows_max=settings.rows_max,
        bytes_max=settings.bytes_max,
        line_bytes_max=settings.line_bytes_max,
    )


def _carrier(settings: Settings, line: Line) -> FixAcceptor | FixInitiator:
    if settings.fix_role == ACCEPTOR:
        return FixAcceptor(line, host=settings.fix_host, port=settings.fix_port)
    return FixInitiator(
        line,
        host=settings.fix_host,
        port=settings.fix_port,
        tls=settings.fix_tls,
        backoff_s=settings.backoff_s,
        backoff_max_s=settings.backoff_max_s,
    )


def compose(settings: Settings) -> HostedFeed:
    """Bind the feed to its session; nothing is opened before it runs."""
    identity = Identity(settings.sender_comp_id, settings.target_comp_id)
    folder = pathlib.Path(settings.fix_folder)
    stores = DiskFixStores(folder, sent_max=settings.sent_max, fsync=settings.fix_fsync)

    async def run(sink: Sink) -> None:
        with contextlib.closing(stores.open(identity)) as store:  # for the process's whole life: there is no second one
            feed = FixFeed(
                PatientSink(sink),
                store,
                _cut(settings),
                keep=Spool(pathlib.Path(settings.spool)).keep,
                clock=time.time_ns,
                asked=Asked(settings.symbols, settings.depth_limit),
                first=(settings.first_sequence, settings.first_row),
            )
            await feed.opened()
            report = logs.logger(CARD.name).warning
            await _until_the_end(
                settings, feed, _carrier(settings, Line(identity, _terms(settings), shared(store), feed, report))
            )

    return HostedFeed(CARD, run)


async def _until_the_end(settings: Settings, feed: FixFeed, carrier: FixAcceptor | FixInitiator) -> None:
    """Carry the session and beat beside it, until the tape ends or this is cancelled."""
    with contextlib.suppress(TimeoutError):
        async with asyncio.timeout(settings.duration_s or None), asyncio.TaskGroup() as tasks:
            tasks.create_task(carrier.run())
            tasks.create_task(feed.beat(settings.heartbeat_ms / 1_000))
    await feed.end()


if __name__ == "__main__":
    feed_app.serve(Settings, compose, sink_from)
