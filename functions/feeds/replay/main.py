"""Compose the replay feed and run it; `python -m functions.feeds.replay.main` publishes to K_SINK."""

import asyncio
import pathlib
from dataclasses import dataclass

from functions.adapters.http_sink import sink_from
from functions.adapters.patient_sink import PatientSink
from functions.adapters.tapes import Reel, Spool
from functions.domain.market import BYTES_PER_BATCH_MAX, ROWS_PER_BATCH_MAX
from functions.feeds.replay import CARD
from functions.feeds.replay.feed import UNPACED, Pace, replay
from functions.ports.sink import Sink
from functions.runtime import feed_app
from functions.runtime.hosting import HostedFeed
from functions.runtime.settings import at_least_one
from functions.wire.tape import LINE_BYTES_MAX, PLAIN, Loops, TapeOptions


@dataclass(frozen=True, slots=True)
class Settings:
    """Say what is replayed, how it is cut, and where to go on.

    Args:
        paths: Captures, read one after the other as one tape.
        spool: Folder that keeps rows too long to travel.
        dialect: Dialect of the captures; empty to tell it from their heads.
        shard: Shard of the rows; empty for the dialect's venue and 0. A capture is one shard.
        stream: Stream inside the shard; empty for `<shard>.replay`.
        rows_max: Most rows of a batch.
        bytes_max: Most payload bytes of a batch.
        cut_ms: Receive time a batch may span, milliseconds.
        line_bytes_max: Longest row that travels whole.
        speed: How many times faster than received; 0 is as fast as the sink takes it.
        tell_end: Whether the last event ends the tape; False where another feed goes on with the shard.
        first_sequence: Number of the first batch; above 0 when a run goes on.
        first_row: Index of the first row; above 0 when a run goes on.
        tape_offset: Where to go on: the `tape_offset` of the last batch that was stored.
        replay_kernels: `none` starts fast; `compiled` reads lines in less time, once numba has loaded.
    """

    paths: tuple[str, ...]
    spool: str = "var/spool"
    dialect: str = ""
    shard: str = ""
    stream: str = ""
    rows_max: int = ROWS_PER_BATCH_MAX
    bytes_max: int = BYTES_PER_BATCH_MAX
    cut_ms: int = 1000
    line_bytes_max: int = LINE_BYTES_MAX
    speed: float = UNPACED
    tell_end: bool = True
    first_sequence: int = 0
    first_row: int = 0
    tape_offset: int = 0
    replay_kernels: str = "none"

    def __post_init__(self) -> None:
        """Refuse a tape without captures, a kernel nobody has, and limits that would cut nothing."""
        if not self.paths:
            msg = "paths must name at least one capture"
            raise ValueError(msg)
        if self.replay_kernels not in {"none", "compiled"}:
            msg = f"replay_kernels is {self.replay_kernels!r}, expected 'none' or 'compiled'"
            raise ValueError(msg)
        at_least_one(self, "rows_max", "bytes_max", "cut_ms", "line_bytes_max")


def compose(settings: Settings) -> HostedFeed:
    """Bind the feed to its captures; nothing is opened before it runs."""
    options = TapeOptions(
        shard=settings.shard,
        stream=settings.stream,
        dialect=settings.dialect,
        rows_max=settings.rows_max,
        bytes_max=settings.bytes_max,
        cut_ms=settings.cut_ms,
        line_bytes_max=settings.line_bytes_max,
    )
    spool = Spool(pathlib.Path(settings.spool))
    reel = Reel(tuple(map(pathlib.Path, settings.paths)), options, spool, loops=_loops(settings.replay_kernels))

    async def run(sink: Sink) -> None:
        tape = reel.batches(start_offset=settings.tape_offset, start_row=settings.first_row)
        batches = (batch for batch in tape if settings.tell_end or not batch.end_of_tape)
        pace = Pace(settings.speed, asyncio.get_running_loop().time, asyncio.sleep)
        await replay(batches, PatientSink(sink), pace=pace, first_sequence=settings.first_sequence)

    return HostedFeed(CARD, run)


def _loops(kernels: str) -> Loops:
    if kernels == "none":
        return PLAIN
    from functions.adapters.kernels import tape_loops  # noqa: PLC0415 - numba: 0.6 s a cold start need not pay

    return tape_loops()


if __name__ == "__main__":
    feed_app.serve(Settings, compose, sink_from)
