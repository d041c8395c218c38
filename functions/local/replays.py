"""Run captures through the platform to their end, going on where an earlier run was cut off."""

import asyncio
import pathlib
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from functions.local.foundation import Options
from functions.local.platforms import AnyPlatform, running
from functions.local.rows import event_hash, export
from functions.local.summary import summarise
from functions.wire.codecs.market import decode_raw_batch
from functions.wire.envelope import Event

FEED: Final = "replay"
PROGRESS_S: Final = 0.25


@dataclass(frozen=True, slots=True)
class Progress:
    """How far a replay has come."""

    rows: int
    tape_offset: int
    seconds: float
    lag: int


@dataclass(frozen=True, slots=True)
class Result:
    """What a replay gave: its summary, the hash of each output stream, and the hash of its events when asked for."""

    summary: dict[str, Any]
    hashes: dict[str, str]
    events: str = ""


async def replay(  # noqa: PLR0913 - each says one thing about the run
    options: Options,
    files: Sequence[pathlib.Path],
    *,
    feed: Mapping[str, str],
    out: pathlib.Path,
    strict: bool = False,
    progress: Callable[[Progress], None] | None = None,
    observe: Callable[[Event], None] | None = None,
) -> Result:
    """Replay captures as one tape and write what came of it.

    Args:
        options: How the platform runs.
        files: Captures, read one after the other.
        feed: Further settings of the replay feed, by environment name.
        out: Folder for the rows of every output stream.
        strict: Also hash the events.
        progress: Told a few times a second.
        observe: Shown every event of this run when it is published; one that crosses to another broker is seen twice.
    """
    environ = {
        **feed,
        "TICKLOOM_PATHS": ",".join(map(str, files)),
        "TICKLOOM_SPOOL": str(options.folder / "spool"),
    }
    async with running(options) as platform:
        if observe:
            platform.observers.append(observe)
        began = time.monotonic()
        teller = asyncio.create_task(_tell(platform, began, progress)) if progress else None
        try:
            await _feed(platform, environ)
            await platform.drained()
        finally:
            if teller:
                teller.cancel()
        seconds = time.monotonic() - began
        platform.commit()
        logs = platform.logs
        brokers = {name: logs[name] for name in platform.topology.brokers}
        hashes = export(platform.logs, platform.topology.sinks, out)
        return Result(
            summary={**summarise(platform, seconds=seconds), "hashes": hashes},
            hashes=hashes,
            events=event_hash(brokers.values()) if strict else "",
        )


async def _feed(platform: AnyPlatform, environ: dict[str, str]) -> None:
    """Run the feed, unless the end of the tape is in the log already."""
    last = await platform.last_raw(FEED)
    if last is None or not last[1].end_of_tape:
        await platform.run_feed(FEED, environ)


async def _tell(platform: AnyPlatform, began: float, progress: Callable[[Progress], None]) -> None:
    while True:
        await asyncio.sleep(PROGRESS_S)
        last = platform.newest_raw
        if last is not None:
            batch = decode_raw_batch(last.data or b"")
            rows = batch.first_row + batch.row_count
            progress(Progress(rows, batch.tape_offset, time.monotonic() - began, platform.lag))
