"""Compose the news feed and run it; `python -m functions.feeds.news.main` publishes to K_SINK."""

import asyncio
import pathlib
import time
from dataclasses import dataclass, field

from functions.adapters.documents import TIMEOUT_S, Files, Pages, Together
from functions.adapters.http_sink import sink_from
from functions.adapters.patient_sink import PatientSink
from functions.adapters.tapes import Spool
from functions.domain.market import BYTES_PER_BATCH_MAX, ROWS_PER_BATCH_MAX
from functions.feeds.news import CARD
from functions.feeds.news.feed import Out, Rounds, gather
from functions.ports.sink import Sink
from functions.runtime import feed_app, logs
from functions.runtime.hosting import HostedFeed
from functions.wire.news.cutting import Cut, Cutter
from functions.wire.news.digesting import NEWS_READERS
from functions.wire.tape import LINE_BYTES_MAX


@dataclass(frozen=True, slots=True)
class Settings:
    """Say what is asked for, how often, and where to go on.

    Args:
        news_paths: Files and folders; JSON lines (`.jsonl`, `.ndjson`) give a row a line, other files one row.
        news_urls: Pages, http or https.
        news_dialect: Dialect of all of them: `news.rss`, `news.polygon`, `news.lseg`, `news.json` or `social.json`.
        news_authorization: Value of the header `Authorization`; None sends none.
        user_agent: What the feed calls itself to servers.
        poll_s: Time between two rounds, seconds.
        rounds: Rounds until the tape ends; 0 goes on for ever.
        timeout_s: Time for one page, seconds.
        news_shard: Shard of the rows.
        stream: Stream inside the shard; empty for `<shard>.news`. It must end in `.news`: by
            that `digest` is called.
        spool: Folder that keeps rows too long to travel.
        rows_max: Most rows of a batch.
        bytes_max: Most payload bytes of a batch.
        line_bytes_max: Longest row that travels whole.
        first_sequence: Number of the first batch; above 0 when a run goes on.
        first_row: Index of the first row; above 0 when a run goes on, which reads all documents again: their ids make
            that harmless.
    """

    news_paths: tuple[str, ...] = ()
    news_urls: tuple[str, ...] = ()
    news_dialect: str = "news.rss"
    news_authorization: str | None = field(default=None, repr=False)
    user_agent: str = "tickloom"
    poll_s: float = 60.0
    rounds: int = 0
    timeout_s: float = TIMEOUT_S
    news_shard: str = "NEWS-0"
    stream: str = ""
    spool: str = "var/spool"
    rows_max: int = ROWS_PER_BATCH_MAX
    bytes_max: int = BYTES_PER_BATCH_MAX
    line_bytes_max: int = LINE_BYTES_MAX
    first_sequence: int = 0
    first_row: int = 0

    def __post_init__(self) -> None:
        """Refuse a feed that asks for nothing, in no known dialect, or whose rows nobody would hear."""
        known = NEWS_READERS
        streams = self.stream.endswith(f".{CARD.name}") or not self.stream
        faults = {
            "name at least one of news_paths and news_urls": not (self.news_paths or self.news_urls),
            f"news_dialect must be one of {', '.join(known)}": self.news_dialect not in known,
            f"stream must end in .{CARD.name}, found {self.stream!r}": not streams,
            "rows_max must be at least 1": self.rows_max < 1,
            "bytes_max and line_bytes_max must be at least 1": min(self.bytes_max, self.line_bytes_max) < 1,
            "poll_s and timeout_s must be above 0": min(self.poll_s, self.timeout_s) <= 0,
            "rounds must not be negative": self.rounds < 0,
        }
        if found := [fault for fault, present in faults.items() if present]:
            raise ValueError("; ".join(found))


def compose(settings: Settings) -> HostedFeed:
    """Bind the feed to its sources; nothing is opened before it runs."""
    report = logs.logger(CARD.name).warning
    headers = {"User-Agent": settings.user_agent}
    if settings.news_authorization:
        headers["Authorization"] = settings.news_authorization
    documents = Together(
        Files(tuple(map(pathlib.Path, settings.news_paths)), report=report),
        Pages(settings.news_urls, report=report, headers=headers, timeout_s=settings.timeout_s),
    )
    cut = Cut(
        settings.news_shard,
        settings.stream or f"{settings.news_shard}.{CARD.name}",
        settings.news_dialect,
        rows_max=settings.rows_max,
        bytes_max=settings.bytes_max,
        line_bytes_max=settings.line_bytes_max,
    )
    spool = Spool(pathlib.Path(settings.spool))

    async def run(sink: Sink) -> None:
        cutter = Cutter(cut, spool.keep, time.time_ns, first_row=settings.first_row)
        out = Out(PatientSink(sink), settings.first_sequence)
        await gather(documents, cutter, out, Rounds(settings.rounds, settings.poll_s, asyncio.sleep))

    return HostedFeed(CARD, run, documents.close)


if __name__ == "__main__":
    feed_app.serve(Settings, compose, sink_from)
