"""Gather documents: ask round by round, cut what is new into batches, publish them; a round without any is the clock.

Every feed of documents is this, told what to ask for: its `main.py` has the settings that carry its name and its card.
"""

import asyncio
import pathlib
import time
from collections.abc import Awaitable, Callable, Collection
from dataclasses import dataclass, field

from functions.adapters.documents import TIMEOUT_S, Files, Pages, Together
from functions.adapters.file_outbox import FileOutbox, OutboxOptions
from functions.adapters.patient_sink import PatientSink
from functions.adapters.tapes import Spool
from functions.domain.market import BYTES_PER_BATCH_MAX, ROWS_PER_BATCH_MAX
from functions.ports.documents import Documents, Report
from functions.ports.outbox import Outbox, Standing
from functions.ports.sink import Sink
from functions.wire.batcher import Batcher, Cut
from functions.wire.news.cutting import document_batcher
from functions.wire.tape import LINE_BYTES_MAX


@dataclass(frozen=True, slots=True)
class Gathering:
    """Say how often documents are asked for, how they are cut, and where to go on.

    Args:
        user_agent: What the feed calls itself to servers.
        poll_s: Time between two rounds, seconds.
        rounds: Rounds until the tape ends; 0 goes on for ever.
        timeout_s: Time for one page, seconds.
        stream: Stream inside the shard; empty for `<shard>.<feed>`. It must end in `.<feed>`: by that `digest` is
            called.
        spool: Folder that keeps rows too long to travel.
        journal: File that keeps how far the feed's numbers have come; empty remembers nothing.
        rows_max: Most rows of a batch.
        bytes_max: Most payload bytes of a batch.
        line_bytes_max: Longest row that travels whole.
        first_sequence: Number of the first batch, where the journal does not say more; above 0 when a run goes on.
        first_row: Index of the first row; above 0 when a run goes on, which reads all documents again: their ids make
            that harmless.
    """

    user_agent: str = "tickloom"
    poll_s: float = 60.0
    rounds: int = 0
    timeout_s: float = TIMEOUT_S
    stream: str = ""
    spool: str = "var/spool"
    journal: str = ""
    rows_max: int = ROWS_PER_BATCH_MAX
    bytes_max: int = BYTES_PER_BATCH_MAX
    line_bytes_max: int = LINE_BYTES_MAX
    first_sequence: int = 0
    first_row: int = 0


@dataclass(frozen=True, slots=True)
class Asked:
    """Say what one feed asks for.

    Args:
        feed: Its name, with which its own settings begin.
        paths: Files and folders.
        urls: Pages.
        dialect: Dialect of all of them.
        authorization: Value of the header `Authorization`; None sends none.
        shard: Shard of the rows.
    """

    feed: str
    paths: tuple[str, ...]
    urls: tuple[str, ...]
    dialect: str
    authorization: str | None = field(repr=False)
    shard: str


def check(asked: Asked, how: Gathering, known: Collection[str]) -> None:
    """Refuse a feed that asks for nothing, in no known dialect, or whose rows nobody would hear.

    Raises:
        ValueError: It does; every fault is named.
    """
    name = asked.feed
    faults = {
        f"name at least one of {name}_paths and {name}_urls": not (asked.paths or asked.urls),
        f"{name}_dialect must be one of {', '.join(known)}": asked.dialect not in known,
        f"stream must end in .{name}, found {how.stream!r}": not how.stream.endswith(f".{name}") and bool(how.stream),
        "rows_max must be at least 1": how.rows_max < 1,
        "bytes_max and line_bytes_max must be at least 1": min(how.bytes_max, how.line_bytes_max) < 1,
        "poll_s and timeout_s must be above 0": min(how.poll_s, how.timeout_s) <= 0,
        "rounds must not be negative": how.rounds < 0,
    }
    if found := [fault for fault, present in faults.items() if present]:
        raise ValueError("; ".join(found))


@dataclass(frozen=True, slots=True)
class Rounds:
    """Say how often to ask.

    Args:
        count: Rounds until the tape ends; 0 goes on for ever.
        poll_s: Time between two rounds, seconds.
        pause: Waits for seconds.
    """

    count: int
    poll_s: float
    pause: Callable[[float], Awaitable[None]]


async def gather(documents: Documents, batcher: Batcher, outbox: Outbox, rounds: Rounds) -> None:
    """Run until the rounds are done, which ends the tape, or this is cancelled."""
    done = 0
    while True:
        found = await documents.poll()
        for batch in batcher.cut((one.row, one.ts_receive) for one in found):
            await outbox.send(batch)
        if documents.more:
            continue
        if not found:
            await outbox.heartbeat()
        done += 1
        if done == rounds.count:
            break
        await rounds.pause(rounds.poll_s)
    for batch in batcher.cut(()):  # a story whose end never came
        await outbox.send(batch)
    await outbox.end()


class DocumentFeed:
    """Bind a feed to its sources; nothing is opened before it runs.

    Args:
        asked: What it asks for.
        how: How often, how it is cut, and where to go on.
        report: Is told of what cannot be had.
    """

    def __init__(self, asked: Asked, how: Gathering, report: Report) -> None:
        """Open nothing yet."""
        headers = {"User-Agent": how.user_agent}
        if asked.authorization:
            headers["Authorization"] = asked.authorization
        self._documents = Together(
            Files(tuple(map(pathlib.Path, asked.paths)), report=report),
            Pages(asked.urls, report=report, headers=headers, timeout_s=how.timeout_s),
        )
        self._cut = Cut(
            asked.shard,
            how.stream or f"{asked.shard}.{asked.feed}",
            asked.dialect,
            rows_max=how.rows_max,
            bytes_max=how.bytes_max,
            line_bytes_max=how.line_bytes_max,
        )
        self._options = OutboxOptions(asked.feed, how.journal, how.spool, Standing(how.first_sequence, how.first_row))
        self._rounds = Rounds(how.rounds, how.poll_s, asyncio.sleep)

    async def run(self, sink: Sink) -> None:
        """Publish into a sink until the rounds are done, or this is cancelled."""
        async with FileOutbox(self._cut, PatientSink(sink), self._options) as outbox:
            keep = Spool(pathlib.Path(self._options.spool)).keep
            batcher = document_batcher(self._cut, keep, time.time_ns, first_row=outbox.standing.row)
            await gather(self._documents, batcher, outbox, self._rounds)

    async def close(self) -> None:
        """Let go of the sources."""
        await self._documents.close()
